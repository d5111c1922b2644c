"""A network that turns photos into features: uint8 (B, H, W, 3) to float (B, L, D)."""

import hashlib
import math
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.encoders import ENCODERS
from models.encoders.engines import OpenVINO, choose_engine, choose_precision, describe_precision
from models.encoders.loading import find_spec, is_trained_run, load_network
from models.training.checkpoints import load_encoder_weights
from utils.errors import UsageError, UserError, unknown_name_error


class Encoder:
    """uint8 pictures (B, H, W, 3) → features (B, L, D) float32; frozen, until `unfreeze`.

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
            raise unknown_name_error("encoder", name, list(ENCODERS))
        spec = self._spec = find_spec(name, weights)
        self.name = name
        self.weights = weights
        network = load_network(name, spec, image_size, weights)
        self.image_size = network.input.shape[1]
        output = _layer_output(network, layer, name)
        self.network = keras.Model(network.input, output)
        self.network.trainable = False
        if is_trained_run(spec, weights):
            load_encoder_weights(self.network, Path(weights) / "best")
        self._preprocess = spec.preprocess
        sizes = getattr(network, "sizes", None)
        self.construction = (
            None if sizes is None else {"encoder": name, "sizes": sizes}
        )  # what its name does not tell
        if len(output.shape) == 4:
            _, rows, columns, self.depth = output.shape
            self.whole_vectors = 0
        else:
            _, places, self.depth = output.shape
            rows = columns = math.isqrt(places)
            self.whole_vectors = places - rows * columns
        self._layer_grid = (rows, columns)
        self._bins = None if grid is None else (_bins(rows, grid), _bins(columns, grid))
        self.grid = self._layer_grid if grid is None else (grid, grid)
        self.layer = layer
        self.engine = choose_engine(engine)
        self.precision = choose_precision(self.engine, precision)
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
        whole = grid[:, : self.whole_vectors] if self.whole_vectors else None
        if self._bins is not None:
            grid = tf.reshape(
                grid if whole is None else grid[:, self.whole_vectors :],
                [-1, *self._layer_grid, self.depth],
            )
            down, across = self._bins
            grid = tf.einsum("yr,brcd,xc->byxd", down, grid, across)
            grid = tf.reshape(grid, [-1, self.grid[0] * self.grid[1], self.depth])
            return grid if whole is None else tf.concat([whole, grid], axis=1)
        return tf.reshape(grid, [-1, self.whole_vectors + self.grid[0] * self.grid[1], self.depth])

    def unfreeze(self, block: str | None = None) -> None:
        """Let the network learn, from a block on; its batch normalisation keeps the statistics that it has."""
        spec, names = self._spec, [layer.name for layer in self.network.layers]
        ends = {
            number: found[1]
            for number, name in enumerate(names)
            if (found := re.fullmatch(spec.block_end, name))
        }
        wanted = block or spec.tuned_from or list(ends.values())[-max(1, len(ends) // 3)]
        first = next(
            (
                number
                for number, name in ends.items()
                if name == wanted or name.startswith(wanted + "_")
            ),
            None,
        )
        if first is None:
            raise unknown_name_error(
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
        made = (
            {}
            if self.construction is None
            else {"whole": self.whole_vectors, "sizes": self.construction["sizes"]}
        )
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
            **describe_precision(self.precision),
        }

    def _refuse_broken(self, weights: str) -> None:
        """Engines may take what is no number for 0, so it is looked for in the weights themselves."""
        if not all(np.isfinite(variable.numpy()).all() for variable in self.network.weights):
            raise UserError(
                f"the weights {weights} give no finite values at layer {self.layer or 'last'!r} of {self.name}: "
                "they are damaged or incomplete; use others, or an earlier --layer (such as "
                f"{self._spec.earlier})"
            )


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
        raise unknown_name_error(f"layer of {name}", layer, known)
    output = network.output if layer is None else network.get_layer(layer).output
    if len(output.shape) not in (3, 4):
        raise UsageError(
            f"--layer {layer} of {name} gives no grid of locations; choose an earlier layer"
        )
    return output
