"""The vision towers of Hugging Face's SigLIP models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.pretrained.clip import PLACE_NUMBERS
from models.pretrained.family import EncoderFamily
from models.pretrained.folder import (
    check_supported,
    read_description,
    read_half,
    read_pixel_scaling,
    read_size,
    read_vision_sizes,
)
from models.pretrained.names import find_by_name
from models.pretrained.source import Source

# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED = {
    "hidden_act": ("gelu_pytorch_tanh",),
    "layer_norm_eps": (1e-6,),  # KerasHub's
    "num_channels": (3,),
}

# Names of layers in KerasHub's network → names in Hugging Face's vision_model.
NAMES = {
    "embedding/patch_embedding": "embeddings.patch_embedding",
    "embedding/position_embedding": "embeddings.position_embedding",
    "encoder_block_{0}/layer_norm1": "encoder.layers.{0}.layer_norm1",
    "encoder_block_{0}/self_attn/query": "encoder.layers.{0}.self_attn.q_proj",
    "encoder_block_{0}/self_attn/key": "encoder.layers.{0}.self_attn.k_proj",
    "encoder_block_{0}/self_attn/value": "encoder.layers.{0}.self_attn.v_proj",
    "encoder_block_{0}/self_attn/attention_output": "encoder.layers.{0}.self_attn.out_proj",
    "encoder_block_{0}/layer_norm2": "encoder.layers.{0}.layer_norm2",
    "encoder_block_{0}/mlp/fc1": "encoder.layers.{0}.mlp.fc1",
    "encoder_block_{0}/mlp/fc2": "encoder.layers.{0}.mlp.fc2",
    "post_layer_norm": "post_layernorm",
}


class SigLIP(EncoderFamily):
    """A SigLIP model, or its vision tower alone."""

    description = "SigLIP"
    encoder = "siglip_base"

    def check(self, folder: Path) -> None:
        check_supported(folder, "vision_config", _read_settings(folder), SUPPORTED)

    def read_encoder_sizes(self, folder: Path) -> dict[str, Any]:
        settings = _read_settings(folder)
        return {
            **read_vision_sizes(folder, settings),
            **read_pixel_scaling(folder, [0.5] * 3, [0.5] * 3),
            "intermediate_dim": read_size(folder, settings, "intermediate_size", 3072),
        }

    def find_encoder_source(self, path: str) -> Source | None:
        if path == PLACE_NUMBERS:
            return None
        return find_by_name(path, NAMES)

    def rename(self, name: str) -> str:
        return name.removeprefix("vision_model.")


def _read_settings(folder: Path) -> Mapping[str, Any]:
    """Return the settings of the vision tower."""
    description = read_description(folder)
    if description.get("model_type") == "siglip_vision_model":
        return description
    return read_half(folder, "vision_config")
