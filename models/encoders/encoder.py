"""The encoder: pictures to features, with preprocessing inside and a fingerprint."""

import hashlib
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.encoders import ENCODERS
from models.encoders.engines import (
    OpenVINO,
    choose_engine,
    choose_precision,
    describe_precision,
)
from models.encoders.loading import find_spec, is_trained_run, load_network
from models.training.checkpoints import load_encoder_weights
from utils.errors import UsageError, UserError, unknown_name_error


class Encoder:
    """A network from uint8 pictures (B, H, W, 3) to features (B, L, D) float32.

    It is frozen until `unfreeze`. The first `whole_vectors` of the L features describe the whole
    picture; the others describe the locations of `grid`, row by row.
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
        """Build the network of an encoder and load its weights.

        `weights`: imagenet, none, a .weights.h5 file, or a run in which the encoder was trained.
        A ViT also takes a KerasHub preset's name or folder, or hf:FOLDER.
        `grid`: pool the features to `grid` x `grid` locations.
        `engine`: auto, tensorflow or openvino.
        `precision`: float32 or bfloat16, which only OpenVINO uses, on processors that have it.
        """
        if name not in ENCODERS:
            raise unknown_name_error("encoder", name, list(ENCODERS))
        self.name = name
        self.weights = weights
        self.layer = layer
        self._spec = find_spec(name, weights)

        full_network = load_network(name, self._spec, image_size, weights)
        output = _find_output(full_network, layer, name)
        self.image_size = full_network.input.shape[1]
        self.network = keras.Model(full_network.input, output)
        self.network.trainable = False
        if is_trained_run(self._spec, weights):
            load_encoder_weights(self.network, Path(weights) / "best")
        self._check_finite()

        # Whatever a run must save beside the name, to build the network again.
        sizes = getattr(full_network, "sizes", None)
        self.construction = None if sizes is None else {"encoder": name, "sizes": sizes}
        # How photos are read for it, by the names of data.photos.reading; {} is the usual way.
        self.reading: dict[str, Any] = (sizes or {}).get("reading", {})

        self.whole_vectors, rows, columns, self.depth = _read_output_shape(output.shape)
        self._layer_grid = (rows, columns)
        self.grid = self._layer_grid
        self._bins = None
        if grid is not None:
            self.grid = (grid, grid)
            self._bins = (_make_bins(rows, grid), _make_bins(columns, grid))

        self.engine = choose_engine(engine)
        self.precision = choose_precision(self.engine, precision)
        self._run: Callable[[np.ndarray], np.ndarray] | None = None

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the features (B, L, D) float32 of uint8 images (B, H, W, 3)."""
        if self._run is None:  # compiled when the first pictures come: it takes seconds
            self._run = self._compile()
        return self._run(np.asarray(images))

    def _compile(self) -> Callable[[np.ndarray], np.ndarray]:
        """Compile the network for its engine."""
        shape = self.network.input.shape
        if self.engine == "openvino":
            return OpenVINO(self.encode, self.network.variables, shape[1:], self.precision)
        signature = [tf.TensorSpec(shape, tf.uint8)]
        encode = tf.function(self.encode, input_signature=signature, autograph=False)

        def run(images: np.ndarray) -> np.ndarray:
            return encode(tf.convert_to_tensor(images, tf.uint8)).numpy()

        return run

    def encode(self, images: tf.Tensor) -> tf.Tensor:
        """Return the features (B, L, D) as a tensor, for graphs that others compile and train."""
        pixels = self._preprocess(images)
        output = self.network(pixels, training=False)
        output = tf.cast(output, tf.float32)  # (B, rows, columns, D) or (B, N + L, D)
        if self._bins is None:
            locations = self.whole_vectors + self.grid[0] * self.grid[1]
            return tf.reshape(output, [-1, locations, self.depth])  # (B, L, D)
        if self.whole_vectors == 0:
            return self._pool(output)
        whole = output[:, : self.whole_vectors]
        pooled = self._pool(output[:, self.whole_vectors :])
        return tf.concat([whole, pooled], axis=1)

    def _preprocess(self, images: tf.Tensor) -> tf.Tensor:
        return self._spec.preprocess(tf.cast(images, tf.float32))

    def _pool(self, output: tf.Tensor) -> tf.Tensor:
        """Return the means of the bins of the grid, (B, L, D)."""
        rows, columns = self._layer_grid
        row_bins, column_bins = self._bins
        grid = tf.reshape(output, [-1, rows, columns, self.depth])  # (B, R, C, D)
        grid = tf.einsum("yr,brcd,xc->byxd", row_bins, grid, column_bins)  # (B, Y, X, D)
        return tf.reshape(grid, [-1, self.grid[0] * self.grid[1], self.depth])  # (B, Y·X, D)

    def unfreeze(self, block: str | None = None) -> None:
        """Make the network trainable from a block on.

        Batch normalisation keeps the means and variances that it has.
        """
        start = self._find_block_start(block)
        self.network.trainable = True
        for number, layer in enumerate(self.network.layers):
            layer.trainable = number >= start
        # OpenVINO compiles the weights into its program, so it cannot follow their training.
        self.engine = "tensorflow"
        self.precision = "float32"
        self._run = None

    def _find_block_start(self, block: str | None) -> int:
        """Return the number of the first layer after the block before `block`."""
        layer_names = [layer.name for layer in self.network.layers]
        blocks = {}  # by the number of a layer that may be the block's last one
        for number, name in enumerate(layer_names):
            match = re.fullmatch(self._spec.block_pattern, name)
            if match is not None:
                blocks[number] = match[1]

        block = block or self._spec.first_tuned_block
        if block is None:
            names = list(blocks.values())
            last_third = max(1, len(names) // 3)
            block = names[-last_third]
        start = 0
        for number, name in blocks.items():
            if name == block or name.startswith(f"{block}_"):
                return start
            start = number + 1
        last_layer = self.layer or layer_names[-1]
        raise unknown_name_error(
            f"block of {self.name} up to its layer {last_layer}",
            block,
            sorted(set(blocks.values())),
        )

    def fingerprint(self) -> dict[str, Any]:
        """Return everything that the values of the features depend on, for cache keys."""
        digest = hashlib.sha256()
        # Not `variables`: they hold states of random generators, which differ at every start.
        for variable in self.network.weights:
            digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
        fingerprint = {
            "name": self.name,
            "weights": digest.hexdigest(),
            "layer": self.layer,
            "image_size": self.image_size,
            "grid": list(self.grid),
            "depth": self.depth,
            "keras": keras.__version__,
        }
        if self._bins is not None:
            fingerprint["pooled_from"] = list(self._layer_grid)
        if self.construction is not None:
            fingerprint["whole"] = self.whole_vectors
            fingerprint["sizes"] = self.construction["sizes"]
        if self.reading:
            fingerprint["reading"] = self.reading
        return fingerprint | describe_precision(self.precision)

    def _check_finite(self) -> None:
        """Reject weights that are not finite, which engines may silently treat as 0."""
        for variable in self.network.weights:
            if not np.isfinite(variable.numpy()).all():
                raise UserError(
                    f"the weights {self.weights} have no finite values up to "
                    f"layer {self.layer or 'last'!r} of {self.name}: "
                    "they are damaged or incomplete; use others, or an earlier --layer "
                    f"(such as {self._spec.earlier_layer})"
                )


def _make_bins(cells: int, bins: int) -> np.ndarray:
    """Return a matrix (bins, cells) that takes the mean of each bin.

    Bin i has the cells floor(i·cells/bins) to ceil((i + 1)·cells/bins), as in PyTorch's
    AdaptiveAvgPool2d: bins overlap where `bins` does not divide `cells`, and repeat cells where
    there are fewer cells than bins.
    """
    means = np.zeros((bins, cells), np.float32)
    for number in range(bins):
        start = number * cells // bins
        end = math.ceil((number + 1) * cells / bins)
        means[number, start:end] = 1 / (end - start)
    return means


def _find_output(network: keras.Model, layer: str | None, name: str) -> Any:
    """Return the output of the layer, or of the network, if it is a grid."""
    if layer is None:
        output = network.output
    else:
        layer_names = [each.name for each in network.layers]
        if layer not in layer_names:
            raise unknown_name_error(f"layer of {name}", layer, layer_names)
        output = network.get_layer(layer).output
    if len(output.shape) not in (3, 4):
        raise UsageError(
            f"--layer {layer} of {name} gives no grid of locations; choose an earlier layer"
        )
    return output


def _read_output_shape(shape: tuple[int | None, ...]) -> tuple[int, int, int, int]:
    """Return the vectors of the whole picture, rows, columns and depth of an output."""
    if len(shape) == 4:
        _, rows, columns, depth = shape
        return 0, rows, columns, depth
    _, vectors, depth = shape
    side = math.isqrt(vectors)
    return vectors - side**2, side, side, depth
