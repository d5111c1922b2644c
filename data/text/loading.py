"""Choose, fit and load tokenizers."""

import json
from collections.abc import Iterable
from pathlib import Path

from data.text.byte_pairs import BytePairTokenizer
from data.text.language import choose_unit
from data.text.tokenizer import SPECIAL_TOKENS, TOKEN_NAMES, Tokenizer
from data.text.word_tokenizer import WordTokenizer
from utils.errors import UsageError, UserError, unknown_name_error


def choose_kind(language: str, asked: str | None) -> str:
    """The kind of tokenizer for captions in a language: the one asked for, where it suits, or what does."""
    if asked is None:
        return choose_unit(language)
    if asked not in TOKEN_NAMES and (Path(asked).is_dir() or "/" in asked):
        return "gpt2"  # by the files in that folder
    if asked not in TOKEN_NAMES:
        raise unknown_name_error("tokenizer", asked, list(TOKEN_NAMES))
    if asked == "characters" and choose_unit(language) != "characters":
        raise UsageError(
            "--tokenizer characters is for languages without spaces between words (Chinese, Japanese); for "
            f"these captions ({language}) take words or bpe, or say another --language"
        )
    return asked


def fit_tokenizer(
    kind: str, captions: Iterable[str], *, language: str, vocabulary: int, minimum_count: int
) -> Tokenizer:
    """A tokenizer of this kind, fitted on captions in a language; refused where they leave it nothing to say."""
    if kind == "bpe":
        fitted = BytePairTokenizer.fit(
            captions, vocabulary=vocabulary, minimum_count=minimum_count, cut=choose_unit(language)
        )
    else:
        fitted = WordTokenizer.fit(
            captions, vocabulary=vocabulary, minimum_count=minimum_count, kind=kind
        )
    if len(fitted) == len(SPECIAL_TOKENS):
        raise UserError(
            f"no word comes {minimum_count} times in the captions to learn from, which leaves nothing to say; use "
            "more photos, or a lower --minimum-count"
        )
    return fitted


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer that was saved there."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["kind"] == "gpt2":
            from data.text.gpt2 import GPT2Tokenizer  # which is made upon this file

            return GPT2Tokenizer(saved["vocabulary"], saved["merges"], saved["cut"])
        if saved["kind"] == "bpe":
            return BytePairTokenizer(json.dumps(saved["tokenizer"]), saved["cut"])
        return WordTokenizer(saved["words"], saved["kind"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a vocabulary of this program ({error})") from None
