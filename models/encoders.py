"""The networks that look at photos: uint8 pictures in, features of L locations out, their preprocessing inside."""

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.checkpoint import load_encoder
from models.convnet import build_convnet, build_trunk
from models.engines import OpenVINO, engine_for, marked, precision_of
from utils import runs
from utils.errors import Refusal, WrongArgument, nearest


@dataclass(frozen=True)
class Kind:
    """What is particular to an encoder."""

    image_size: int  # pixels a side
    # (image size, "imagenet" or None) → float pixels to a feature grid (B, rows, columns, D), or, where `presets`, to a
    # sequence (B, n + L, D) whose first n tell of the whole picture; then weights may also be other names, or sizes.
    network: Callable[[int, Any], keras.Model]
    preprocess: Callable[
        [tf.Tensor], tf.Tensor
    ]  # float pixels 0..255 → what the network's weights expect
    earlier: str  # a layer before the last, for an example
    block_end: str  # what the last layer of each block, and maybe others of it, is called; the first group is its name
    tuned_from: (
        str | None
    )  # block from which on it is trained with a decoder; None: the last third of however many
    presets: bool = False  # whether weights may be named as KerasHub's and Hugging Face's


def _inception_v3(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.InceptionV3(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _resnet101(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.ResNet101(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _inception_resnet_v2(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.InceptionResNetV2(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _efficientnet_v2_s(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.EfficientNetV2S(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _mobilenet_v3_large(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.MobileNetV3Large(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _convnet(image_size: int, _weights: str | None) -> keras.Model:
    return build_convnet(image_size)


def _vit(image_size: int, weights: Any) -> keras.Model:
    from models.vit import build_vit  # which imports KerasHub

    return build_vit(image_size, weights)


def _signed(pixels: tf.Tensor) -> tf.Tensor:
    """0..255 → −1..1."""
    return pixels / 127.5 - 1.0


def _as_they_are(pixels: tf.Tensor) -> tf.Tensor:
    """0..255, of networks that begin with a rescaling of their own."""
    return pixels


def _centred_bgr(pixels: tf.Tensor) -> tf.Tensor:
    """RGB 0..255 → BGR less ImageNet's means: what Keras calls caffe."""
    return pixels[..., ::-1] - [103.939, 116.779, 123.68]


ENCODERS: dict[str, Kind] = {
    "inception_v3": Kind(299, _inception_v3, _signed, "mixed8", r"(mixed\d+)", "mixed7"),
    # 8 x 8 locations; at 224, which is usual, they are 7 x 7.
    "resnet101": Kind(
        256, _resnet101, _centred_bgr, "conv4_block23_out", r"(conv\d_block\d+)_out", "conv4_block1"
    ),
    "inception_resnet_v2": Kind(
        299,
        _inception_resnet_v2,
        _signed,
        "mixed_7a",
        r"(mixed_\d[ab]|block\d+_\d+|conv_7b)(?:_.+)?",
        "mixed_7a",
    ),
    # The size that its weights are scored at: 12 x 12 locations; at 256 they are 8 x 8.
    "efficientnet_v2_s": Kind(
        384, _efficientnet_v2_s, _as_they_are, "block6o_add", r"(block\d[a-z]|top)_.+", "block6a"
    ),
    # 7 x 7 locations.
    "mobilenet_v3_large": Kind(
        224,
        _mobilenet_v3_large,
        _as_they_are,
        "expanded_conv_14_add",
        r"(expanded_conv(?:_\d+)?|conv_1)(?:_[a-z].+)?",
        "expanded_conv_12",
    ),
    # 14 x 14 locations, after one vector for the whole picture.
    "vit_b16": Kind(
        224,
        _vit,
        _as_they_are,
        "transformer_block_11",
        r"(transformer_block_\d+)",
        None,
        presets=True,
    ),
    "convnet": Kind(128, _convnet, _signed, "stage3_1", r"(stage\d_\d)", "stage3_1"),
}


class Encoder:
    """uint8 pictures (B, H, W, 3) → features (B, L, D) float32; frozen, until `tune`.

    The first `whole` of the L features tell of the whole picture, all others of the locations of `grid`, row by row.
    """

    def __init__(
        self,
        name: str,
        *,
        weights: str = "imagenet",
        layer: str | None = None,
        image_size: int | None = None,
        grid: int | None = None,
        engine: str = "auto",
        precision: str = "float32",
    ) -> None:
        """`weights` is imagenet, none, a .weights.h5 file of the encoder, or a run in which it was trained (a convnet: also
        as a classifier), of a ViT also a KerasHub preset's name or folder, or hf:FOLDER; the features are pooled to `grid` x
        `grid`. `engine` is auto, tensorflow or openvino; `precision` float32 or bfloat16, which OpenVINO takes where the
        processor has it."""
        if name not in ENCODERS:
            raise nearest("encoder", name, list(ENCODERS))
        kind = self._kind = _kind(name, weights)
        self.name = name
        network = _load(name, kind, image_size, weights)
        self.image_size = network.input.shape[1]
        output = _layer_output(network, layer, name)
        self.network = keras.Model(network.input, output)
        self.network.trainable = False
        if _of_a_run(kind, weights):
            load_encoder(self.network, Path(weights) / "best")
        self._preprocess = kind.preprocess
        sizes = getattr(network, "sizes", None)
        self.making = (
            None if sizes is None else {"encoder": name, "sizes": sizes}
        )  # what its name does not tell
        if len(output.shape) == 4:
            _, rows, columns, self.depth = output.shape
            self.whole = 0
        else:
            _, places, self.depth = output.shape
            rows = columns = math.isqrt(places)
            self.whole = places - rows * columns
        self._layer_grid = (rows, columns)
        self._bins = None if grid is None else (_bins(rows, grid), _bins(columns, grid))
        self.grid = self._layer_grid if grid is None else (grid, grid)
        self.layer = layer
        self.engine = engine_for(engine)
        self.precision = precision_of(self.engine, precision)
        self._refuse_broken(weights)

    @cached_property
    def _encode(self) -> Callable[[np.ndarray], np.ndarray]:
        """The network as its engine runs it, made when the first pictures come: a large one takes seconds."""
        if self.engine == "openvino":
            return OpenVINO(
                self.features, self.network.variables, self.network.input.shape[1:], self.precision
            )
        encode = tf.function(
            self.features, input_signature=[tf.TensorSpec(self.network.input.shape, tf.uint8)]
        )
        return lambda images: encode(tf.convert_to_tensor(images, tf.uint8)).numpy()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Features (B, L, D) float32 of uint8 images (B, H, W, 3)."""
        return self._encode(np.asarray(images))

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """The same in a graph that others compile, and learn in."""
        grid = self.network(self._preprocess(tf.cast(images, tf.float32)), training=False)
        grid = tf.cast(grid, tf.float32)
        whole = grid[:, : self.whole] if self.whole else None
        if self._bins is not None:
            grid = tf.reshape(
                grid if whole is None else grid[:, self.whole :],
                [-1, *self._layer_grid, self.depth],
            )
            down, across = self._bins
            grid = tf.einsum("yr,brcd,xc->byxd", down, grid, across)
            grid = tf.reshape(grid, [-1, self.grid[0] * self.grid[1], self.depth])
            return grid if whole is None else tf.concat([whole, grid], axis=1)
        return tf.reshape(grid, [-1, self.whole + self.grid[0] * self.grid[1], self.depth])

    def tune(self, block: str | None = None) -> None:
        """Let the network learn, from a block on; its batch normalisation keeps the statistics that it has."""
        kind, names = self._kind, [layer.name for layer in self.network.layers]
        ends = {
            number: found[1]
            for number, name in enumerate(names)
            if (found := re.fullmatch(kind.block_end, name))
        }
        wanted = block or kind.tuned_from or list(ends.values())[-max(1, len(ends) // 3)]
        first = next(
            (
                number
                for number, name in ends.items()
                if name == wanted or name.startswith(wanted + "_")
            ),
            None,
        )
        if first is None:
            raise nearest(
                f"block of {self.name} up to its layer {self.layer or names[-1]}",
                wanted,
                sorted(set(ends.values())),
            )
        start = max((number + 1 for number in ends if number < first), default=0)
        self.engine, self.precision = (
            "tensorflow",
            "float32",
        )  # what learns is not compiled with its weights in it
        self.__dict__.pop("_encode", None)
        self.network.trainable = True
        for number, layer in enumerate(self.network.layers):
            layer.trainable = number >= start

    def fingerprint(self) -> dict[str, Any]:
        """What makes these features these and no others."""
        digest = hashlib.sha256()
        for variable in (
            self.network.weights
        ):  # not its variables: random generators' states differ at every start
            digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
        pooled = (
            {} if self._bins is None else {"pooled_from": list(self._layer_grid)}
        )  # only then: older caches stay valid
        made = {} if self.making is None else {"whole": self.whole, "sizes": self.making["sizes"]}
        return {
            "name": self.name,
            "weights": digest.hexdigest(),
            "layer": self.layer,
            "image_size": self.image_size,
            "grid": list(self.grid),
            "depth": self.depth,
            "keras": keras.__version__,
            **pooled,
            **made,
            **marked(self.precision),
        }

    def _refuse_broken(self, weights: str) -> None:
        """Engines may take what is no number for 0, so it is looked for in the weights themselves."""
        if not all(np.isfinite(variable.numpy()).all() for variable in self.network.weights):
            raise Refusal(
                f"the weights {weights} give no finite values at layer {self.layer or 'last'!r} of {self.name}: "
                "they are damaged or incomplete; use others, or an earlier --layer (such as "
                f"{self._kind.earlier})"
            )


def _kind(name: str, weights: str) -> Kind:
    """What is particular to an encoder with these weights: of a run, built as it was there."""
    made = runs.read_making(Path(weights)) if Path(weights).is_dir() else None
    if made is None:
        return ENCODERS[name]
    if made["encoder"] != name:
        raise WrongArgument(
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


def _load(name: str, kind: Kind, image_size: int | None, weights: str) -> keras.Model:
    """The network with its weights; every way in which they cannot be had is answered with the ways on."""
    chosen, image_size = image_size, image_size or kind.image_size
    if weights == "none":
        keras.utils.set_random_seed(
            0
        )  # random, but the same at every start: cached features stay valid
        return kind.network(image_size, None)
    if _of_a_run(
        kind, weights
    ):  # its weights come when the network is cut at its layer, as they were saved
        return kind.network(image_size, None)
    if kind.presets and not Path(weights).is_file():  # these know their pictures' size
        return kind.network(chosen, weights)
    if weights == "imagenet":
        if name == "convnet":
            raise WrongArgument(
                "the convnet has no imagenet weights; leave --weights out to train it here"
            )
        try:
            return kind.network(image_size, "imagenet")
        except Exception as error:  # Keras raises a bare Exception where the download fails
            raise Refusal(
                f"the imagenet weights of {name} could not be downloaded ({str(error).splitlines()[0][:120]}); use "
                "--weights FILE with a .weights.h5 file you have, --encoder convnet, which trains its own, or "
                "--dataset scenes, which needs neither"
            ) from None
    if not Path(weights).is_file():
        raise Refusal(
            f"no weights file {weights}; --weights is imagenet, none, a .weights.h5 file of {name}, or a run in "
            "which it was trained"
        )
    network = kind.network(image_size, None)
    try:
        network.load_weights(weights)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise Refusal(
            f"{weights} holds no weights for {name} ({str(error).splitlines()[0][:160]})"
        ) from None
    return network


def _of_a_run(kind: Kind, weights: str) -> bool:
    """Whether the weights are those of a run in which the encoder was trained, and no preset's folder."""
    return Path(weights).is_dir() and (not kind.presets or (Path(weights) / "best").is_dir())


def _bins(cells: int, bins: int) -> np.ndarray:
    """A matrix (bins, cells) that takes the mean of each bin, floor(i·cells/bins) to ceil((i + 1)·cells/bins).

    The bins are those of PyTorch's AdaptiveAvgPool2d: they overlap where `bins` does not divide `cells`, and repeat cells
    where there are fewer.
    """
    means = np.zeros((bins, cells), np.float32)
    for each in range(bins):
        start, end = each * cells // bins, -(-(each + 1) * cells // bins)
        means[each, start:end] = 1 / (end - start)
    return means


def _layer_output(network: keras.Model, layer: str | None, name: str) -> Any:
    """The output of the named layer, or the network's own, if it is a grid."""
    known = [each.name for each in network.layers]
    if layer is not None and layer not in known:
        raise nearest(f"layer of {name}", layer, known)
    output = network.output if layer is None else network.get_layer(layer).output
    if len(output.shape) not in (3, 4):
        raise WrongArgument(
            f"--layer {layer} of {name} gives no grid of locations; choose an earlier layer"
        )
    return output
