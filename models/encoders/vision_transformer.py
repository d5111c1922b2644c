"""Vision Transformers as encoders: KerasHub's networks with their blocks as separate layers.

So --layer can name any block, and fine-tuning can start at any block.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from models.encoders.positions import interpolate_positions
from models.pretrained.families import find_encoder
from utils.errors import UsageError
from utils.hugging_face import find_folder, is_hugging_face

Sizes = dict[str, Any]
NORMALISE = "normalise"  # name of the layer that scales pixels as the weights expect
SCALE, OFFSET = 1 / 127.5, -1.0  # pixels 0..255 → −1..1
_NOT_OF_BACKBONES = ("scale", "offset", "reading")


def make_scaling(mean: Sequence[float], deviation: Sequence[float]) -> dict[str, list[float]]:
    """Return scale and offset of pixels 0..255 for a mean and a deviation of pixels 0..1."""
    return {
        "scale": [1 / 255 / each for each in deviation],
        "offset": [-each / other for each, other in zip(mean, deviation, strict=True)],
    }


class VisionTransformer(ABC):
    """A kind of network from pixels 0..255 (B, S, S, 3) to vectors (B, N + L, D).

    The first N vectors describe the whole picture; the others describe patches. `encoder` is the
    kind's name in ENCODERS, and `family` its name in KerasHub. `base` has the sizes of a network
    with random weights, and `size_names` the settings of KerasHub's network that build it again.
    If it `can_interpolate`, its position embeddings can be changed to those of `usual_size` or of
    any other image size.
    """

    encoder: ClassVar[str]
    family: ClassVar[str]
    imagenet_preset: ClassVar[str]  # the meaning of --weights imagenet
    base: ClassVar[Sizes]
    size_names: ClassVar[tuple[str, ...]]
    can_interpolate: ClassVar[bool] = False
    usual_size: ClassVar[int] = 224

    @abstractmethod
    def make_backbone(self, settings: Sizes) -> keras.Model:
        """Make KerasHub's network with random weights."""

    @abstractmethod
    def list_layers(self, backbone: keras.Model) -> list[keras.layers.Layer]:
        """Return the layers from pixels to vectors, each block one of them."""

    def select_vision(self, backbone: keras.Model) -> keras.Model:
        """Return the part of a preset's network that sees pictures."""
        return backbone

    def read_sizes(self, backbone: keras.Model) -> Sizes:
        """Return the settings that build a preset's network again."""
        config = backbone.get_config()
        sizes = {name: config[name] for name in self.size_names}
        return sizes | {"image_shape": list(sizes["image_shape"])}

    def list_weights(self, backbone: keras.Model) -> list[keras.Variable]:
        """Return the weights of a preset's layers, in the order of the network of its sizes."""
        return [weight for layer in self.list_layers(backbone) for weight in layer.weights]

    def build(self, image_size: int | None, weights: str | Mapping[str, Any] | None) -> keras.Model:
        """Build the network, with its `sizes` as an attribute.

        `weights` is a preset (imagenet, a KerasHub preset or its folder, or a Hugging Face model),
        which may fix the image size. Or it is a mapping of sizes, or None for those of `base`, and
        the weights are random.
        """
        if weights is None:
            return self._build_random(image_size or self.usual_size)
        if isinstance(weights, Mapping):
            return self._make_network(dict(weights))
        if is_hugging_face(weights):
            network = self._load_hugging_face(weights)
        else:
            network = self._load_preset(weights)
        return self._change_image_size(network, image_size, weights)

    def _build_random(self, image_size: int) -> keras.Model:
        self._check_multiple(image_size, self.base)
        return self._make_network({"image_shape": [image_size, image_size, 3]} | self.base)

    def _load_hugging_face(self, weights: str) -> keras.Model:
        from models.pretrained.loading import load_encoder_weights  # imports KerasHub: one second

        folder = find_folder(weights)
        family = find_encoder(folder, self.encoder)
        network = self._make_network(family.read_encoder_sizes(folder))
        load_encoder_weights(network, folder, family)
        return network

    def _load_preset(self, weights: str) -> keras.Model:
        from models.pretrained.keras_hub_presets import load_preset  # imports KerasHub: one second

        if weights == "imagenet":
            weights = self.imagenet_preset
        backbone, converter = load_preset(self.family, weights)
        backbone = self.select_vision(backbone)
        sizes = self.read_sizes(backbone)
        # Not the preset's own layers: their names begin with that of the preset.
        network = self._make_network(sizes | _read_scaling(converter))
        for variable, trained in zip(network.weights, self.list_weights(backbone), strict=True):
            variable.assign(trained)
        return network

    def _make_network(self, sizes: Sizes) -> keras.Model:
        settings = {name: sizes[name] for name in sizes if name not in _NOT_OF_BACKBONES}
        settings["image_shape"] = tuple(settings["image_shape"])
        return _chain(self.list_layers(self.make_backbone(settings)), sizes)

    def _change_image_size(
        self, network: keras.Model, image_size: int | None, weights: str
    ) -> keras.Model:
        """Return a network for this image size; reject it if position embeddings are fixed."""
        sizes = network.sizes
        trained_at = sizes["image_shape"][0]
        if not self.can_interpolate:
            if image_size not in (None, trained_at):
                raise UsageError(
                    f"--image-size must be {trained_at} for the weights {weights} "
                    f"(got {image_size})"
                )
            return network
        image_size = image_size or self.usual_size
        if image_size == trained_at:
            return network
        self._check_multiple(image_size, sizes)
        resized = self._make_network(sizes | {"image_shape": [image_size, image_size, 3]})
        side = image_size // sizes["patch_size"]
        for variable, trained in zip(resized.weights, network.weights, strict=True):
            value = trained.numpy()
            if value.shape != tuple(variable.shape):
                value = interpolate_positions(value, side)
            variable.assign(value)
        return resized

    def _check_multiple(self, image_size: int, sizes: Sizes) -> None:
        patch_size = sizes["patch_size"]
        if image_size % patch_size:
            raise UsageError(
                f"--image-size must be a multiple of {patch_size}, the patch size of "
                f"{self.encoder} (got {image_size})"
            )


def _chain(layers: Sequence[keras.layers.Layer], sizes: Sizes) -> keras.Model:
    """Chain layers into a network that scales pixels first."""
    pixels = keras.Input(tuple(sizes["image_shape"]))
    vectors = keras.layers.Rescaling(sizes["scale"], sizes["offset"], name=NORMALISE)(pixels)
    for layer in layers:
        # It may have been called in KerasHub's network, and `layer.output` is that of the first
        # call. Keras has no public way to forget a call.
        layer._inbound_nodes.clear()
        vectors = layer(vectors)
    network = keras.Model(pixels, vectors, name="vit")
    network.sizes = dict(sizes)
    return network


def _read_scaling(converter: Any) -> dict[str, list[float]]:
    """Return scale and offset of a preset's image converter; without one, those to −1..1."""
    if converter is None:
        scale, offset = SCALE, OFFSET
    else:
        scale, offset = converter.scale, converter.offset
    return {
        "scale": _repeat_per_channel(scale, default=1.0),
        "offset": _repeat_per_channel(offset, default=0.0),
    }


def _repeat_per_channel(value: Any, *, default: float) -> list[float]:
    """Return a number for each channel, of one number, of three or of None."""
    if value is None:
        value = default
    return np.broadcast_to(np.asarray(value, float).reshape(-1), 3).tolist()
