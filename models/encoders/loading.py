"""Find an encoder's spec, build its network and load its weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from models.encoders import ENCODERS
from models.encoders.convnet import build_trunk
from models.encoders.spec import EncoderSpec
from utils import runs
from utils.errors import UsageError, UserError
from utils.keras_files import find_address, find_keras_file

LAST_EARLIER_LAYERS = {"modern": "stage3_1", "tutorial": "stage2_1"}  # by the trunk's name


def find_spec(name: str, weights: str) -> EncoderSpec:
    """Return an encoder's spec; for the weights of a run, with the network that the run built."""
    construction = None
    if Path(weights).is_dir():
        construction = runs.read_encoder_construction(Path(weights))
    if construction is None:
        return ENCODERS[name]
    if construction["encoder"] != name:
        raise UsageError(
            f"--weights {weights} is a run that trained --encoder {construction['encoder']} "
            f"(got --encoder {name})"
        )
    if "sizes" in construction:
        return _use_sizes(ENCODERS[name], construction["sizes"])
    return _use_trunk(ENCODERS[name], construction["trunk"], construction["image_size"])


def _use_sizes(spec: EncoderSpec, sizes: dict[str, Any]) -> EncoderSpec:
    """Return the spec of a Vision Transformer of other sizes."""

    def build(_image_size: int, _weights: None) -> keras.Model:
        return spec.build(None, sizes)

    return replace(spec, build=build)


def _use_trunk(spec: EncoderSpec, trunk: str, trained_at: int) -> EncoderSpec:
    """Return the spec of a classifier's trunk."""

    def build(image_size: int, _weights: None) -> keras.Model:
        return build_trunk(trunk, trained_at, image_size)

    last = LAST_EARLIER_LAYERS[trunk]
    return replace(
        spec, image_size=trained_at, build=build, earlier_layer=last, first_tuned_block=last
    )


def load_network(name: str, spec: EncoderSpec, image_size: int | None, weights: str) -> keras.Model:
    """Build the network and load its weights, but for those of a run.

    A run holds the weights of the layers up to its --layer, so `Encoder` loads them later.
    """
    size = spec.image_size if image_size is None else image_size
    if weights == "none":
        keras.utils.set_random_seed(0)  # equal weights at every start keep cached features valid
        return spec.build(size, None)
    if is_trained_run(spec, weights):
        return spec.build(size, None)
    if spec.accepts_presets and not Path(weights).is_file():
        return spec.build(image_size, weights)  # a preset knows its image size
    if weights == "imagenet":
        return _download_imagenet(name, spec, size)
    return _load_file(name, spec, size, weights)


def is_trained_run(spec: EncoderSpec, weights: str) -> bool:
    """Return whether `weights` is a run in which an encoder was trained, not a preset's folder."""
    folder = Path(weights)
    if not folder.is_dir():
        return False
    return not spec.accepts_presets or (folder / "best").is_dir()


def _download_imagenet(name: str, spec: EncoderSpec, image_size: int) -> keras.Model:
    if name == "convnet":
        raise UsageError(
            "--weights imagenet does not exist for the convnet; omit --weights to train it here"
        )
    try:
        return spec.build(image_size, "imagenet")
    except Exception as error:  # Keras raises a bare Exception where the download fails
        raise _download_error(name, str(error).splitlines()[0]) from None


def _download_error(name: str, reason: str) -> UserError:
    """Return the error of a failed download: the file's address, and where Keras looks for it."""
    advice = "use"
    address = find_address(reason)
    if address is not None:
        place = find_keras_file("models", address.rpartition("/")[2])
        advice = f"put that file at {place}, or use"
    return UserError(
        f"the imagenet weights of {name} could not be downloaded ({reason}); {advice} "
        "--weights FILE with a .weights.h5 file you have, "
        "--encoder convnet, which trains its own, or --dataset scenes, which needs neither"
    )


def _load_file(name: str, spec: EncoderSpec, image_size: int, weights: str) -> keras.Model:
    if not Path(weights).is_file():
        raise UserError(
            f"no weights file {weights}; --weights is imagenet, none, a .weights.h5 file "
            f"of {name}, or a run in which it was trained"
        )
    network = spec.build(image_size, None)
    try:
        network.load_weights(weights)
    except (ValueError, OSError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0][:160]
        raise UserError(f"{weights} holds no weights for {name} ({reason})") from None
    return network
