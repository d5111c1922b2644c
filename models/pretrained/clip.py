"""The vision towers of Hugging Face's CLIP models, and of GIT, which has the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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

MEAN = [0.48145466, 0.4578275, 0.40821073]
DEVIATION = [0.26862954, 0.26130258, 0.27577711]

# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED = {
    "hidden_act": ("quick_gelu", "gelu"),
    "layer_norm_eps": (1e-5,),  # KerasHub's
    "num_channels": (3,),
}

# Names of layers in KerasHub's network → names in Hugging Face's vision_model.
NAMES = {
    "embedding/class_embedding": "embeddings.class_embedding",
    "embedding/patch_embedding": "embeddings.patch_embedding",
    "embedding/position_embedding": "embeddings.position_embedding",
    "pre_layer_norm": "pre_layrnorm",  # sic
    "encoder_block_{0}/layer_norm_1": "encoder.layers.{0}.layer_norm1",
    "encoder_block_{0}/attention/query": "encoder.layers.{0}.self_attn.q_proj",
    "encoder_block_{0}/attention/key": "encoder.layers.{0}.self_attn.k_proj",
    "encoder_block_{0}/attention/value": "encoder.layers.{0}.self_attn.v_proj",
    "encoder_block_{0}/attention/attention_output": "encoder.layers.{0}.self_attn.out_proj",
    "encoder_block_{0}/layer_norm_2": "encoder.layers.{0}.layer_norm2",
    "encoder_block_{0}/dense_1": "encoder.layers.{0}.mlp.fc1",
    "encoder_block_{0}/dense_2": "encoder.layers.{0}.mlp.fc2",
    "layer_norm": "post_layernorm",
}
PLACE_NUMBERS = "embedding/position_ids"  # which KerasHub counts among the weights


class CLIP(EncoderFamily):
    """A CLIP model, or its vision tower alone."""

    description = "CLIP"
    encoder = "clip_vit_b16"
    patch_size = 32  # of a config.json that says none

    def check(self, folder: Path) -> None:
        check_supported(folder, "vision_config", self.read_settings(folder), SUPPORTED)

    def read_settings(self, folder: Path) -> Mapping[str, Any]:
        """Return the settings of the vision tower."""
        description = read_description(folder)
        if description.get("model_type") == "clip_vision_model":
            return description
        return read_half(folder, "vision_config")

    def read_encoder_sizes(self, folder: Path) -> dict[str, Any]:
        settings = self.read_settings(folder)
        return {
            **read_vision_sizes(folder, settings, patch_size=self.patch_size),
            **read_pixel_scaling(folder, MEAN, DEVIATION),
            "intermediate_dim": read_size(folder, settings, "intermediate_size", 3072),
            "intermediate_activation": settings.get("hidden_act", "quick_gelu"),
        }

    def find_encoder_source(self, path: str) -> Source | None:
        if path == PLACE_NUMBERS:
            return None
        return find_by_name(path, NAMES)

    def rename(self, name: str) -> str:
        return name.removeprefix("vision_model.")
