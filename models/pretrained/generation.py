"""How a Hugging Face model's folder says that captions are searched."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.pretrained.folder import RESTORE, read_description, read_json
from models.training.teacher_forced_scores import END
from utils.errors import UserError

# Our names of search settings: Hugging Face's.
SEARCH_NAMES = {
    "beam": "num_beams",
    "length_penalty": "length_penalty",
    "no_repeat": "no_repeat_ngram_size",
}
EARLY_STOPPING = {True: "always", False: "usually", "never": "never"}


def read_generation(folder: Path) -> dict[str, Any]:
    """Return the settings of generation, of generation_config.json before those of config.json."""
    settings = dict(read_description(folder))
    generation = read_json(folder / "generation_config.json") or {}
    for name, value in generation.items():
        if value is not None:
            settings[name] = value
    return settings


def convert_generation(
    folder: Path,
    generation: Mapping[str, Any],
    defaults: Mapping[str, Any],
    *,
    max_length: int,
    positions: int,
) -> dict[str, Any]:
    """Return the settings of a caption's search by our names, for a decoder of so many positions.

    `defaults` are the family's, and its `max_length` in tokens with the start.
    """
    # Hugging Face's lengths count the start, too.
    longest = generation.get("max_new_tokens") or generation.get("max_length", max_length) - 1
    longest = min(longest, positions - 1)
    shortest = (generation.get("min_length") or 0) - 1
    search = dict(defaults)
    for our_name, their_name in SEARCH_NAMES.items():
        if their_name in generation:
            search[our_name] = generation[their_name]
    return {
        "max_length": longest,
        "min_length": min(max(1, shortest), longest),  # a caption has at least one word
        "allow_cut": True,
        **search,
        **_convert_early_stopping(folder, generation),
        **_convert_sampling(generation),
        "forbidden": _read_forbidden(folder, generation),
    }


def _convert_early_stopping(folder: Path, generation: Mapping[str, Any]) -> dict[str, str]:
    value = generation.get("early_stopping")
    if value is None:
        return {}
    if value not in EARLY_STOPPING:
        raise UserError(
            f"{folder}: early_stopping must be true, false or never (got {value!r}); {RESTORE}"
        )
    return {"early_stopping": EARLY_STOPPING[value]}


def _convert_sampling(generation: Mapping[str, Any]) -> dict[str, Any]:
    if not generation.get("do_sample"):
        return {"sample": False, "temperature": 1.0, "top_k": None, "top_p": None}
    return {
        "sample": True,
        "temperature": generation.get("temperature", 1.0),
        "top_k": generation.get("top_k", 50) or None,
        "top_p": generation.get("top_p"),
    }


def _read_forbidden(folder: Path, generation: Mapping[str, Any]) -> list[list[int]]:
    """Return the token sequences that no caption may have, by the numbers of the folder."""
    sequences = generation.get("bad_words_ids") or []
    if not _is_list_of_sequences(sequences):
        raise UserError(
            f"{folder}: bad_words_ids must be a list of lists of token numbers; {RESTORE}"
        )
    return sequences


def _is_list_of_sequences(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    for sequence in value:
        if not isinstance(sequence, list) or not sequence:
            return False
        if any(type(number) is not int for number in sequence):
            return False
    return True


def translate_forbidden(
    sequences: Sequence[Sequence[int]], pretrained_ids: Sequence[int]
) -> tuple[tuple[int, ...], ...]:
    """Return forbidden sequences by our tokens; `pretrained_ids` has the folder's number of each.

    A sequence with a special token, or with a number that is none of a token, is in no caption.
    """
    tokens = {}
    for token, number in enumerate(pretrained_ids):
        if token > END:
            tokens[number] = token
    known = [each for each in sequences if all(number in tokens for number in each)]
    return tuple(tuple(tokens[number] for number in each) for each in known)
