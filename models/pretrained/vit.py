"""Hugging Face's ViT and DeiT models, and the encoders of captioners that are such models."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.pretrained.family import EncoderFamily
from models.pretrained.folder import (
    check_supported,
    read_description,
    read_pixel_scaling,
    read_reading,
    read_size,
    read_vision_sizes,
)
from models.pretrained.names import find_by_name, simplify_vit_path
from models.pretrained.source import Source

DISTILLED = "deit"  # the model_type of a ViT with a distillation token
BILINEAR, BICUBIC = 2, 3  # Pillow's numbers

# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED = {
    "model_type": ("vit", DISTILLED),
    "hidden_act": ("gelu",),
    "num_channels": (3,),
}

# Names of layers in our network → names in Hugging Face's.
NAMES = {
    "class_token": "embeddings.cls_token",
    "distillation_token": "embeddings.distillation_token",
    "patch_embedding": "embeddings.patch_embeddings.projection",
    "position_embedding/embeddings": "embeddings.position_embeddings",
    "position_embedding": "embeddings.position_embeddings",  # of a DeiT
    "ln": "layernorm",
    "transformer_block_{0}/ln_1": "encoder.layer.{0}.layernorm_before",
    "transformer_block_{0}/mha/query": "encoder.layer.{0}.attention.attention.query",
    "transformer_block_{0}/mha/key": "encoder.layer.{0}.attention.attention.key",
    "transformer_block_{0}/mha/value": "encoder.layer.{0}.attention.attention.value",
    "transformer_block_{0}/mha/attention_output": "encoder.layer.{0}.attention.output.dense",
    "transformer_block_{0}/ln_2": "encoder.layer.{0}.layernorm_after",
    "transformer_block_{0}/mlp/dense_1": "encoder.layer.{0}.intermediate.dense",
    "transformer_block_{0}/mlp/dense_2": "encoder.layer.{0}.output.dense",
}
# Names of layers in a block in transformers 5 → the older names.
OLDER_NAMES = {
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}


class ViT(EncoderFamily):
    """A ViT (Dosovitskiy et al. 2021) or a DeiT (Touvron et al. 2021)."""

    description = "ViT"
    encoder = "vit_b16"

    def check(self, folder: Path) -> None:
        check_supported(folder, "encoder", self.read_settings(folder), SUPPORTED)

    def read_settings(self, folder: Path) -> Mapping[str, Any]:
        """Return the settings of the encoder."""
        return read_description(folder)

    def read_encoder_sizes(self, folder: Path) -> dict[str, Any]:
        settings = self.read_settings(folder)
        sizes = read_vision_sizes(folder, settings)
        is_distilled = settings.get("model_type") == DISTILLED
        resample = BICUBIC if is_distilled else BILINEAR
        image_size = sizes["image_shape"][0]
        return {
            **sizes,
            **read_pixel_scaling(folder, mean=[0.5] * 3, deviation=[0.5] * 3),
            "mlp_dim": read_size(folder, settings, "intermediate_size", 4 * sizes["hidden_dim"]),
            "layer_norm_epsilon": settings.get("layer_norm_eps", 1e-12),
            "use_mha_bias": settings.get("qkv_bias", True),
            "use_distillation_token": is_distilled,
            "reading": read_reading(folder, image_size, resample=resample, fit="squeeze"),
        }

    def rename(self, name: str) -> str:
        """Return a weight's name before transformers 5, without a classifier's prefix."""
        name = name.removeprefix("vit.").removeprefix("deit.")
        match = re.fullmatch(r"(?:encoder\.)?layers?\.(\d+)\.(.+)\.(weight|bias)", name)
        if match is None:
            return name
        block, layer, parameter = match.groups()
        return f"encoder.layer.{block}.{OLDER_NAMES.get(layer, layer)}.{parameter}"

    def find_encoder_source(self, path: str) -> Source:
        return find_by_name(simplify_vit_path(path), NAMES)
