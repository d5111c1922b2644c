"""The Vision Transformer as an encoder: KerasHub's ViT, its blocks laid open so that any of them may give the features."""

from collections.abc import Mapping
from typing import Any

import keras
import keras_hub
import numpy as np

from models.pretrained import load_preset, load_vit_weights
from utils import hugging_face
from utils.errors import UsageError

PRESET = "vit_base_patch16_224_imagenet"  # what `imagenet` means
NORMALISE = "normalise"  # the layer that makes of pixels what the weights expect
# ViT-B/16; pixels from −1 to 1.
BASE: dict[str, Any] = {
    "patch_size": 16,
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "mlp_dim": 3072,
    "scale": [1 / 127.5] * 3,
    "offset": [-1.0] * 3,
}
_SIZES = (
    "num_layers",
    "num_heads",
    "hidden_dim",
    "mlp_dim",
    "layer_norm_epsilon",
    "use_mha_bias",
    "use_class_token",
)


def build_vit(image_size: int | None, weights: str | Mapping[str, Any] | None) -> keras.Model:
    """Pixels 0..255 (B, S, S, 3) → what is seen (B, 1 + L, D): in the whole picture (the class token), then in each patch.

    `weights` is None, imagenet, a KerasHub preset or its folder, hf:FOLDER, which know their pictures' size; or the sizes of
    a network to make.
    """
    if weights is None or isinstance(weights, Mapping):
        sizes = {"image_shape": [image_size, image_size, 3]} | dict(weights or BASE)
        if weights is None and image_size % BASE["patch_size"]:
            raise UsageError(
                f"--image-size {image_size}: vit_b16 cuts pictures into patches of {BASE['patch_size']} "
                "pixels; use a multiple of that"
            )
        return _laid_open(keras_hub.models.ViTBackbone(**_of_backbone(sizes)), sizes)
    if hugging_face.is_hugging_face(weights):
        sizes = hugging_face.read_encoder_sizes(weights)
        backbone = keras_hub.models.ViTBackbone(**_of_backbone(sizes))
        _refuse_other_size(image_size, backbone, weights)
        load_vit_weights(backbone, weights)
        return _laid_open(backbone, sizes)
    backbone, converter = load_preset("ViT", PRESET if weights == "imagenet" else weights)
    _refuse_other_size(image_size, backbone, weights)
    sizes = backbone.get_config()
    scale, offset = (1 / 127.5, -1.0) if converter is None else (converter.scale, converter.offset)
    sizes = {name: sizes[name] for name in ("image_shape", "patch_size", *_SIZES)} | {
        "scale": _each_channel(scale, 1.0),
        "offset": _each_channel(offset, 0.0),
    }
    return _laid_open(backbone, sizes)


def _of_backbone(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes without those of pixels."""
    return {
        name: tuple(value) if name == "image_shape" else value
        for name, value in sizes.items()
        if name not in ("scale", "offset")
    }


def _each_channel(value: Any, usual: float) -> list[float]:
    """A number for each channel."""
    return np.broadcast_to(
        np.asarray(usual if value is None else value, float).reshape(-1), 3
    ).tolist()


def _laid_open(backbone: keras_hub.models.ViTBackbone, sizes: Mapping[str, Any]) -> keras.Model:
    """The backbone's layers, one after the other; `sizes` is what such a network can be made with again."""
    patches, encoder = backbone.layers[1:]
    inputs = keras.Input(backbone.image_shape)
    seen = patches(keras.layers.Rescaling(sizes["scale"], sizes["offset"], name=NORMALISE)(inputs))
    for block in encoder.encoder_layers:
        seen = block(seen)
    network = keras.Model(inputs, encoder.layer_norm(seen), name="vit")
    network.sizes = dict(sizes)
    return network


def _refuse_other_size(
    image_size: int | None, backbone: keras_hub.models.ViTBackbone, weights: str
) -> None:
    """Refuse pictures of another size than these weights know the places of."""
    if image_size not in (None, backbone.image_shape[0]):
        raise UsageError(
            f"--image-size {image_size}: the weights {weights} are for {backbone.image_shape[0]} pixels"
        )
