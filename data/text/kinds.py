"""Choose the kind of tokenizer by its name and the captions' language; none is loaded here."""

from pathlib import Path

from data.text.language import choose_unit
from data.text.tokenizer import TOKEN_NAMES
from utils.errors import UsageError, unknown_name_error


def check_kind(requested: str) -> None:
    """Raise a UsageError unless this is a kind of tokenizer, or a folder."""
    if requested in TOKEN_NAMES or _is_folder(requested):
        return
    raise unknown_name_error("tokenizer", requested, list(TOKEN_NAMES))


def choose_kind(language: str, requested: str | None) -> str:
    """Return the tokenizer kind that was requested, or by default the language's unit.

    A folder, which is to hold GPT-2's vocabulary, means `gpt2`.
    """
    if requested is None:
        return choose_unit(language)
    check_kind(requested)
    if requested not in TOKEN_NAMES:
        return "gpt2"
    if requested == "characters" and choose_unit(language) != "characters":
        raise UsageError(
            "--tokenizer characters is for languages without spaces between words (Chinese, "
            f"Japanese); for these captions ({language}) use words or bpe, or set --language"
        )
    return requested


def _is_folder(requested: str) -> bool:
    return "/" in requested or Path(requested).is_dir()
