"""Hugging Face's DINOv2 models."""

import re
from pathlib import Path
from typing import Any

from models.pretrained.family import EncoderFamily
from models.pretrained.folder import (
    check_supported,
    read_description,
    read_pixel_scaling,
    read_size,
    read_vision_sizes,
)
from models.pretrained.names import find_by_name
from models.pretrained.source import Source

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED = {
    "hidden_act": ("gelu",),
    "layer_norm_eps": (1e-6,),  # KerasHub's
    "num_channels": (3,),
    "qkv_bias": (True,),
    "use_swiglu_ffn": (False,),
}

# Names of layers in KerasHub's network → Hugging Face's.
POSITIONS = "embeddings.position_embeddings"
NAMES = {
    "embeddings/cls_token": "embeddings.cls_token",
    "embeddings/position_embeddings": POSITIONS,
    "embeddings/interpolated_position_embeddings": POSITIONS,  # interpolated later
    "embeddings/patch_embeddings/projection": "embeddings.patch_embeddings.projection",
    "encoder/layers_{0}/norm1": "encoder.layer.{0}.norm1",
    "encoder/layers_{0}/attention/attention/query": "encoder.layer.{0}.attention.attention.query",
    "encoder/layers_{0}/attention/attention/key": "encoder.layer.{0}.attention.attention.key",
    "encoder/layers_{0}/attention/attention/value": "encoder.layer.{0}.attention.attention.value",
    "encoder/layers_{0}/attention/attention/attention_output": (
        "encoder.layer.{0}.attention.output.dense"
    ),
    "encoder/layers_{0}/layer_scale1/lambda1": "encoder.layer.{0}.layer_scale1.lambda1",
    "encoder/layers_{0}/norm2": "encoder.layer.{0}.norm2",
    "encoder/layers_{0}/mlp/fc1": "encoder.layer.{0}.mlp.fc1",
    "encoder/layers_{0}/mlp/fc2": "encoder.layer.{0}.mlp.fc2",
    "encoder/layers_{0}/layer_scale2/lambda1": "encoder.layer.{0}.layer_scale2.lambda1",
    "layernorm": "layernorm",
}
# Names of layers in a block in transformers 5 → the older names.
OLDER_NAMES = {
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
}


class DINOv2(EncoderFamily):
    """A DINOv2 without registers."""

    description = "DINOv2"
    encoder = "dinov2_base"

    def check(self, folder: Path) -> None:
        check_supported(folder, "model", read_description(folder), SUPPORTED)

    def read_encoder_sizes(self, folder: Path) -> dict[str, Any]:
        settings = read_description(folder)
        sizes = read_vision_sizes(folder, settings, patch_size=14)
        ratio = read_size(folder, settings, "mlp_ratio", 4)
        return {
            **sizes,
            **read_pixel_scaling(folder, MEAN, DEVIATION),
            "intermediate_dim": ratio * sizes["hidden_dim"],
        }

    def find_encoder_source(self, path: str) -> Source | None:
        return find_by_name(path, NAMES)

    def rename(self, name: str) -> str:
        """Return a weight's name before transformers 5, without a classifier's prefix."""
        name = name.removeprefix("dinov2.")
        match = re.fullmatch(r"encoder\.layers?\.(\d+)\.(.+)\.(\w+)", name)
        if match is None:
            return name
        block, layer, parameter = match.groups()
        return f"encoder.layer.{block}.{OLDER_NAMES.get(layer, layer)}.{parameter}"
