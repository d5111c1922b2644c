"""The text halves of Hugging Face's CLIP models, and the projections of both halves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.pretrained.clip import CLIP, NAMES
from models.pretrained.folder import (
    check_multiple,
    check_supported,
    read_description,
    read_half,
    read_size,
)
from models.pretrained.names import find_by_name
from models.pretrained.source import Source
from utils.errors import UserError

HALF = "text_config"
# The values that are supported; the first one is the default of a setting that is not there.
SUPPORTED = {"hidden_act": ("quick_gelu", "gelu")}

END = 49407  # the usual number of the end token
# Models that were published before transformers knew the number have this one. There the end token
# is the token with the highest number.
_OLD_END = 2

_BLOCK = "encoder_block_{0}"
# Names of layers in our text tower → names in Hugging Face's model.
TEXT_NAMES = {
    "token_embedding": "text_model.embeddings.token_embedding",
    "position_embedding": "text_model.embeddings.position_embedding",
    **{ours: f"text_model.{theirs}" for ours, theirs in NAMES.items() if ours.startswith(_BLOCK)},
    "layer_norm": "text_model.final_layer_norm",
    "projection": "text_projection",
    "photo_projection": "visual_projection",
}


def check_clip(folder: Path) -> None:
    """Reject a model that is no CLIP with both halves, or whose settings are not supported."""
    kind = read_description(folder).get("model_type")
    if kind != "clip":
        raise UserError(
            "--clip must be a CLIP model with a vision tower and a text tower, of the kind 'clip' "
            f"(got {folder}, of the kind {kind!r})"
        )
    CLIP().check(folder)
    read_text_sizes(folder)


def read_text_sizes(folder: Path) -> dict[str, Any]:
    """Return what builds the text tower, by the names of models.clip.text_tower."""
    settings = _read_settings(folder)
    check_supported(folder, HALF, settings, SUPPORTED)
    units = read_size(folder, settings, "hidden_size", 512)
    heads = read_size(folder, settings, "num_attention_heads", 8)
    check_multiple(folder, ("hidden_size", units), ("num_attention_heads", heads))
    return {
        "vocabulary": read_size(folder, settings, "vocab_size", 49408),
        "positions": read_size(folder, settings, "max_position_embeddings", 77),
        "units": units,
        "layers": read_size(folder, settings, "num_hidden_layers", 12),
        "heads": heads,
        "inner": read_size(folder, settings, "intermediate_size", 2048),
        "activation": settings.get("hidden_act", "quick_gelu"),
        "epsilon": settings.get("layer_norm_eps", 1e-5),
        "projection": read_size(folder, read_description(folder), "projection_dim", 512),
    }


def read_end(folder: Path) -> int | None:
    """Return the number of the end token; None if it is the token with the highest number."""
    end = _read_settings(folder).get("eos_token_id", END)
    return None if end == _OLD_END else end


def find_source(path: str) -> Source:
    """Return the source of a variable of the text tower or of a projection."""
    return find_by_name(path.removeprefix("text_tower/"), TEXT_NAMES)


def _read_settings(folder: Path) -> Mapping[str, Any]:
    return read_half(folder, HALF)
