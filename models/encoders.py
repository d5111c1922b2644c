"""The networks that look at photos: uint8 pictures in, features of L locations out, their preprocessing inside."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.classifier import build_convnet
from utils.errors import Refusal, WrongArgument, nearest


@dataclass(frozen=True)
class Kind:
    """What is particular to an encoder."""

    image_size: int  # pixels a side
    network: Callable[[int, str | None], keras.Model]  # (image size, "imagenet" or None) → float pixels to a feature grid
    preprocess: Callable[[tf.Tensor], tf.Tensor]  # float pixels 0..255 → what the network's weights expect


def _inception_v3(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.InceptionV3(include_top=False, weights=weights, input_shape=(image_size, image_size, 3))


def _convnet(image_size: int, _weights: str | None) -> keras.Model:
    return build_convnet(image_size)


def _signed(pixels: tf.Tensor) -> tf.Tensor:
    """0..255 → −1..1."""
    return pixels / 127.5 - 1.0


ENCODERS: dict[str, Kind] = {
    "inception_v3": Kind(299, _inception_v3, _signed),
    "convnet": Kind(128, _convnet, _signed),
}


class Encoder:
    """uint8 pictures (B, H, W, 3) → features (B, L, D) float32; frozen."""

    def __init__(self, name: str, *, weights: str = "imagenet", layer: str | None = None,
                 image_size: int | None = None) -> None:
        """`weights` is imagenet, none or a .weights.h5 file of the encoder."""
        if name not in ENCODERS:
            raise nearest("encoder", name, list(ENCODERS))
        kind = ENCODERS[name]
        self.name = name
        self.image_size = image_size or kind.image_size
        network = _load(name, kind, self.image_size, weights)
        output = _layer_output(network, layer, name)
        self._network = keras.Model(network.input, output)
        self._network.trainable = False
        self._preprocess = kind.preprocess
        _, rows, columns, depth = output.shape
        self.grid = (rows, columns)
        self.depth = depth
        self.layer = layer
        self._encode = tf.function(self._forward, reduce_retracing=True)
        self._refuse_broken(weights)

    def __call__(self, images: np.ndarray | tf.Tensor) -> tf.Tensor:
        """Features (B, L, D) float32 of uint8 images (B, H, W, 3)."""
        return self._encode(tf.convert_to_tensor(images, tf.uint8))

    def _forward(self, images: tf.Tensor) -> tf.Tensor:
        grid = self._network(self._preprocess(tf.cast(images, tf.float32)), training=False)
        return tf.reshape(tf.cast(grid, tf.float32), [-1, self.grid[0] * self.grid[1], self.depth])

    def fingerprint(self) -> dict[str, Any]:
        """What makes these features these and no others."""
        digest = hashlib.sha256()
        for variable in self._network.variables:
            digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
        return {"name": self.name, "weights": digest.hexdigest(), "layer": self.layer, "image_size": self.image_size,
                "grid": list(self.grid), "depth": self.depth, "keras": keras.__version__}

    def _refuse_broken(self, weights: str) -> None:
        """One grey picture tells whether the weights give numbers at all."""
        grey = np.full((1, self.image_size, self.image_size, 3), 128, np.uint8)
        if not np.isfinite(self(grey).numpy()).all():
            raise Refusal(f"the weights {weights} give no finite values at layer {self.layer or 'last'!r} of {self.name}: "
                          "they are damaged or incomplete; use others, or an earlier --layer (such as mixed8)")


def _load(name: str, kind: Kind, image_size: int, weights: str) -> keras.Model:
    """The network with its weights; every way in which they cannot be had is answered with the ways on."""
    if weights == "none":
        keras.utils.set_random_seed(0)  # random, but the same at every start: cached features stay valid
        return kind.network(image_size, None)
    if weights == "imagenet":
        if name == "convnet":
            raise WrongArgument("the convnet has no imagenet weights; leave --weights out to train it here")
        try:
            return kind.network(image_size, "imagenet")
        except Exception as error:  # Keras raises a bare Exception where the download fails
            raise Refusal(
                f"the imagenet weights of {name} could not be downloaded ({str(error).splitlines()[0][:120]}); use "
                "--weights FILE with a .weights.h5 file you have, --encoder convnet, which trains its own, or "
                "--dataset scenes, which needs neither") from None
    if not Path(weights).is_file():
        raise Refusal(f"no weights file {weights}; --weights is imagenet, none, or a .weights.h5 file of {name}")
    network = kind.network(image_size, None)
    try:
        network.load_weights(weights)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise Refusal(f"{weights} holds no weights for {name} ({str(error).splitlines()[0][:160]})") from None
    return network


def _layer_output(network: keras.Model, layer: str | None, name: str) -> Any:
    """The output of the named layer, or the network's own, if it is a grid."""
    known = [each.name for each in network.layers]
    if layer is not None and layer not in known:
        raise nearest(f"layer of {name}", layer, known)
    output = network.output if layer is None else network.get_layer(layer).output
    if len(output.shape) != 4:
        raise WrongArgument(f"--layer {layer} of {name} gives no grid of locations; choose an earlier layer")
    return output
