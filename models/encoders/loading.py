"""Load an encoder's network and weights."""

from dataclasses import replace
from pathlib import Path

import keras

from models.encoders import ENCODERS, EncoderSpec, _vit
from models.encoders.convnet import build_trunk
from utils import runs
from utils.errors import UsageError, UserError


def find_spec(name: str, weights: str) -> EncoderSpec:
    """What is particular to an encoder with these weights: of a run, built as it was there."""
    made = runs.read_making(Path(weights)) if Path(weights).is_dir() else None
    if made is None:
        return ENCODERS[name]
    if made["encoder"] != name:
        raise UsageError(
            f"--weights {weights}: what has learned there is --encoder {made['encoder']}, not {name}"
        )
    if "sizes" in made:
        return replace(ENCODERS[name], network=lambda _size, _weights: _vit(None, made["sizes"]))
    learned_at, last = made["image_size"], "stage3_1" if made["trunk"] == "modern" else "stage2_1"
    return replace(
        ENCODERS[name],
        image_size=learned_at,
        earlier=last,
        tuned_from=last,
        network=lambda image_size, _weights: build_trunk(made["trunk"], learned_at, image_size),
    )


def load_network(name: str, spec: EncoderSpec, image_size: int | None, weights: str) -> keras.Model:
    """The network with its weights; every way in which they cannot be had is answered with the ways on."""
    chosen, image_size = image_size, image_size or spec.image_size
    if weights == "none":
        keras.utils.set_random_seed(
            0
        )  # random, but the same at every start: cached features stay valid
        return spec.network(image_size, None)
    if is_trained_run(
        spec, weights
    ):  # its weights come when the network is cut at its layer, as they were saved
        return spec.network(image_size, None)
    if spec.accepts_presets and not Path(weights).is_file():  # these know their pictures' size
        return spec.network(chosen, weights)
    if weights == "imagenet":
        if name == "convnet":
            raise UsageError(
                "the convnet has no imagenet weights; leave --weights out to train it here"
            )
        try:
            return spec.network(image_size, "imagenet")
        except Exception as error:  # Keras raises a bare Exception where the download fails
            raise UserError(
                f"the imagenet weights of {name} could not be downloaded ({str(error).splitlines()[0][:120]}); use "
                "--weights FILE with a .weights.h5 file you have, --encoder convnet, which trains its own, or "
                "--dataset scenes, which needs neither"
            ) from None
    if not Path(weights).is_file():
        raise UserError(
            f"no weights file {weights}; --weights is imagenet, none, a .weights.h5 file of {name}, or a run in "
            "which it was trained"
        )
    network = spec.network(image_size, None)
    try:
        network.load_weights(weights)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise UserError(
            f"{weights} holds no weights for {name} ({str(error).splitlines()[0][:160]})"
        ) from None
    return network


def is_trained_run(spec: EncoderSpec, weights: str) -> bool:
    """Whether the weights are those of a run in which the encoder was trained, and no preset's folder."""
    return Path(weights).is_dir() and (
        not spec.accepts_presets or (Path(weights) / "best").is_dir()
    )
