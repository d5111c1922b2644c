"""The Vision Transformer as an encoder: KerasHub's ViT with its blocks as separate layers.

So --layer can name any block, and fine-tuning can start at any block.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from models.encoders.spec import EncoderSpec, keep_pixels
from models.pretrained.families import find_encoder
from utils import hugging_face
from utils.errors import UsageError

if TYPE_CHECKING:
    from keras_hub.models import ViTBackbone

Sizes = dict[str, Any]
IMAGENET_PRESET = "vit_base_patch16_224_imagenet"  # the meaning of --weights imagenet
NORMALISE = "normalise"  # name of the layer that scales pixels as the weights expect
SCALE, OFFSET = 1 / 127.5, -1.0  # pixels 0..255 → −1..1
# ViT-B/16 (Dosovitskiy et al. 2021).
BASE: Sizes = {
    "patch_size": 16,
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "mlp_dim": 3072,
    "scale": [SCALE] * 3,
    "offset": [OFFSET] * 3,
}
# The settings of a KerasHub backbone that build it again.
_BACKBONE_SIZES = (
    "image_shape",
    "patch_size",
    "num_layers",
    "num_heads",
    "hidden_dim",
    "mlp_dim",
    "layer_norm_epsilon",
    "use_mha_bias",
    "use_class_token",
)


def build_vit(image_size: int | None, weights: str | Mapping[str, Any] | None) -> keras.Model:
    """Build a network from pixels 0..255 (B, S, S, 3) to vectors (B, 1 + L, D).

    The first vector, of the class token, describes the whole picture; the others describe patches.
    `weights` is a preset (imagenet, a KerasHub preset or its folder, hf:FOLDER), which fixes the
    image size. Or it is a mapping of sizes, or None for ViT-B/16, and the weights are random.
    """
    if weights is None:
        return _build_random(image_size, BASE)
    if isinstance(weights, Mapping):
        return _build_from_sizes(dict(weights))
    if hugging_face.is_hugging_face(weights):
        return _build_from_hugging_face(image_size, weights)
    return _build_from_preset(image_size, weights)


def _build_random(image_size: int, sizes: Sizes) -> keras.Model:
    """Build a network with random weights for pictures of a size."""
    patch_size = sizes["patch_size"]
    if image_size % patch_size:
        raise UsageError(
            f"--image-size must be a multiple of {patch_size}, the patch size of vit_b16 "
            f"(got {image_size})"
        )
    return _build_from_sizes({"image_shape": [image_size, image_size, 3]} | sizes)


def _build_from_sizes(sizes: Sizes) -> keras.Model:
    return _split_into_blocks(_make_backbone(sizes), sizes)


def _build_from_hugging_face(image_size: int | None, weights: str) -> keras.Model:
    from models.pretrained.loading import load_encoder_weights  # imports KerasHub: one second

    folder = hugging_face.find_folder(weights)
    family = find_encoder(folder, "vit_b16")
    sizes = family.read_encoder_sizes(folder)
    _check_image_size(image_size, sizes, weights)
    backbone = _make_backbone(sizes)
    load_encoder_weights(backbone, folder, family)
    return _split_into_blocks(backbone, sizes)


def _build_from_preset(image_size: int | None, weights: str) -> keras.Model:
    from models.pretrained.keras_hub_presets import load_preset  # imports KerasHub: one second

    if weights == "imagenet":
        weights = IMAGENET_PRESET
    backbone, converter = load_preset("ViT", weights)
    config = backbone.get_config()
    sizes = {name: config[name] for name in _BACKBONE_SIZES}
    _check_image_size(image_size, sizes, weights)
    if converter is None:
        sizes["scale"] = _repeat_per_channel(SCALE, default=1.0)
        sizes["offset"] = _repeat_per_channel(OFFSET, default=0.0)
    else:
        sizes["scale"] = _repeat_per_channel(converter.scale, default=1.0)
        sizes["offset"] = _repeat_per_channel(converter.offset, default=0.0)
    return _split_into_blocks(backbone, sizes)


def _make_backbone(sizes: Sizes) -> "ViTBackbone":
    """Make KerasHub's network of these sizes, with random weights."""
    from keras_hub.models import ViTBackbone  # one second

    others = ("scale", "offset", "reading")
    settings = {name: value for name, value in sizes.items() if name not in others}
    settings["image_shape"] = tuple(settings["image_shape"])
    return ViTBackbone(**settings)


def _split_into_blocks(backbone: "ViTBackbone", sizes: Sizes) -> keras.Model:
    """Chain the backbone's layers into a network, with its `sizes` as an attribute."""
    embed_patches, encoder = backbone.layers[1:]
    pixels = keras.Input(backbone.image_shape)
    normalise = keras.layers.Rescaling(sizes["scale"], sizes["offset"], name=NORMALISE)
    vectors = embed_patches(normalise(pixels))
    for block in encoder.encoder_layers:
        vectors = block(vectors)
    network = keras.Model(pixels, encoder.layer_norm(vectors), name="vit")
    network.sizes = dict(sizes)
    return network


def _repeat_per_channel(value: Any, *, default: float) -> list[float]:
    """Return a number for each channel, of one number, of three or of None."""
    if value is None:
        value = default
    return np.broadcast_to(np.asarray(value, float).reshape(-1), 3).tolist()


def _check_image_size(image_size: int | None, sizes: Sizes, weights: str) -> None:
    """Reject another image size than that of the weights' position embeddings."""
    needed = sizes["image_shape"][0]
    if image_size not in (None, needed):
        raise UsageError(
            f"--image-size must be {needed} for the weights {weights} (got {image_size})"
        )


VIT_B16 = EncoderSpec(
    image_size=224,  # 14 x 14 locations, after one vector for the whole picture
    build=build_vit,
    preprocess=keep_pixels,
    earlier_layer="transformer_block_11",
    block_pattern=r"(transformer_block_\d+)",
    first_tuned_block=None,
    accepts_presets=True,
)
