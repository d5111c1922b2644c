"""Fit and load tokenizers."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from data.text.byte_pairs import BytePairTokenizer
from data.text.gpt2 import GPT2Tokenizer, read_vocabulary
from data.text.language import choose_unit
from data.text.tokenizer import SPECIAL_TOKENS, Tokenizer
from data.text.word_tokenizer import WordTokenizer
from data.text.wordpiece import WordPieceTokenizer, load_word_pieces
from utils.errors import UserError


def _load_gpt2(folder: Path, *, unit: str) -> Tokenizer:
    return GPT2Tokenizer(*read_vocabulary(folder), unit)


def _load_word_pieces(folder: Path, *, unit: str, **numbers: int) -> Tokenizer:
    """Load word pieces; their own rules split captions, so `unit` is not used."""
    return load_word_pieces(folder, **numbers)


# How the vocabulary of each kind is read from a folder of others.
PRETRAINED: dict[str, Callable[..., Tokenizer]] = {
    "gpt2": _load_gpt2,
    "wordpiece": _load_word_pieces,
}


def fit_tokenizer(
    kind: str,
    captions: Iterable[str],
    *,
    language: str,
    vocabulary: int,
    minimum_count: int,
    may_be_empty: bool = False,
) -> Tokenizer:
    """Fit a tokenizer of this kind on captions in this language.

    It may be empty only where other tokens are to come.
    """
    tokenizer: Tokenizer
    if kind == "bpe":
        tokenizer = BytePairTokenizer.fit(
            captions,
            vocabulary=vocabulary,
            minimum_count=minimum_count,
            unit=choose_unit(language),
        )
    else:
        tokenizer = WordTokenizer.fit(
            captions, vocabulary=vocabulary, minimum_count=minimum_count, kind=kind
        )
    if len(tokenizer) == len(SPECIAL_TOKENS) and not may_be_empty:
        raise UserError(
            f"no word occurs {minimum_count} times in the training captions, so there is nothing "
            "to learn; use more photos or a lower --minimum-count"
        )
    return tokenizer


def load_pretrained_tokenizer(
    kind: str, folder: Path, *, unit: str = "words", **facts: Any
) -> Tokenizer:
    """Load the vocabulary of a pretrained decoder from its folder.

    `unit` is the unit into which captions are split first. `facts` are what the files alone do
    not say.
    """
    return PRETRAINED[kind](folder, unit=unit, **facts)


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer that was saved as JSON."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        kind = saved["kind"]
        if kind == "gpt2":
            return GPT2Tokenizer(saved["vocabulary"], saved["merges"], saved["cut"])
        if kind == "wordpiece":
            return WordPieceTokenizer(
                json.dumps(saved["tokenizer"]),
                special=saved["special"],
                rows=saved["rows"],
                cleans_up=saved["cleans_up"],
            )
        if kind == "bpe":
            return BytePairTokenizer(json.dumps(saved["tokenizer"]), saved["cut"])
        return WordTokenizer(saved["words"], kind)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a vocabulary of this program ({error})") from None
