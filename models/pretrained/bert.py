"""The settings of decoders with BERT's layers and word pieces, which BLIP and GIT share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.pretrained.folder import check_multiple, read_size


def read_bert_sizes(
    folder: Path, settings: Mapping[str, Any], *, layers: int, heads: int, positions: int
) -> dict[str, Any]:
    """Return the sizes of a decoder by our names; the numbers are the family's defaults."""
    units = read_size(folder, settings, "hidden_size", 768)
    heads = read_size(folder, settings, "num_attention_heads", heads)
    check_multiple(folder, ("hidden_size", units), ("num_attention_heads", heads))
    return {
        "units": units,
        "layers": read_size(folder, settings, "num_hidden_layers", layers),
        "heads": heads,
        "inner": read_size(folder, settings, "intermediate_size", 3072),
        "positions": read_size(folder, settings, "max_position_embeddings", positions),
        "epsilon": settings.get("layer_norm_eps", 1e-12),
    }


def read_token_numbers(
    folder: Path,
    settings: Mapping[str, Any],
    special_tokens: Mapping[str, tuple[str, int]],
    *,
    rows: int,
) -> dict[str, int]:
    """Return what loads the word pieces: the number of word vectors, and those of special tokens.

    `special_tokens` has the setting and the usual number of each; `rows` is the usual number of
    word vectors.
    """
    numbers = {"rows": read_size(folder, settings, "vocab_size", rows)}
    for name, (setting, usual_number) in special_tokens.items():
        number = settings.get(setting)
        if number is None:
            number = usual_number
        numbers[name] = number
    return numbers
