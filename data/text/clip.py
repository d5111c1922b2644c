"""Texts as CLIP's byte pairs, which others have learned; with start and end, as its text half
takes them.
"""

import json
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers

from utils.errors import UserError

START_TOKEN, END_TOKEN = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"  # ends the last piece of a word
# English endings after an apostrophe, words, single digits, and runs of other signs
# (Radford et al. 2021).
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


class ClipTokenizer:
    """Byte pairs of words in lower case."""

    def __init__(self, tokenizer: tokenizers.Tokenizer, start_token: str, end_token: str) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        numbers = [tokenizer.token_to_id(token) for token in (start_token, end_token)]
        if None in numbers:
            raise ValueError(f"it must have the pieces {start_token} and {end_token}")
        self.start, self.end = numbers
        self.size = max(tokenizer.get_vocab().values()) + 1  # the highest number, and one

    def encode(self, text: str, limit: int) -> tuple[list[int], bool]:
        """Return the tokens of a text, at most `limit`, and whether it was cut.

        The first one is the start token. The last one is the end token, of a text that was cut too.
        """
        pieces = self._tokenizer.encode(text, add_special_tokens=False).ids
        kept = pieces[: limit - 2]
        return [self.start, *kept, self.end], len(kept) < len(pieces)


def load_clip_tokenizer(folder: Path, *, rows: int, end: int | None) -> ClipTokenizer:
    """Load the byte pairs of a folder with tokenizer.json, or vocab.json and merges.txt.

    `rows` is the network's number of token vectors, and `end` its number of the end token; None if
    the network takes the highest number for it.
    """
    file = folder / "tokenizer.json"
    read = _read_tokenizer_file
    if not file.is_file():
        file = folder / "vocab.json"
        read = _read_two_files
    if not file.is_file():
        raise UserError(
            f"no byte pairs in {folder}: it must have tokenizer.json, or vocab.json and "
            "merges.txt; restore them, or download it again"
        )
    try:
        settings = _read_settings(folder / "tokenizer_config.json")
        tokenizer = ClipTokenizer(
            read(file),
            _find_token(settings, "bos_token", START_TOKEN),
            _find_token(settings, "eos_token", END_TOKEN),
        )
        if tokenizer.size > rows:
            raise ValueError(f"{tokenizer.size} pieces do not fit {rows} token vectors")
        if end not in (None, tokenizer.end):
            raise ValueError(f"its end token is {tokenizer.end}, and the network's {end}")
    except Exception as error:  # the library raises nothing narrower
        raise UserError(
            f"{file} does not hold the byte pairs of this CLIP model ({error}); restore it, or "
            "download it again"
        ) from None
    return tokenizer


def _read_settings(file: Path) -> dict[str, Any]:
    """Return Hugging Face's settings of a tokenizer, or {} if there is no file."""
    if not file.is_file():
        return {}
    return dict(json.loads(file.read_text(encoding="utf-8")))


def _find_token(settings: dict[str, Any], name: str, default: str) -> str:
    """Return a special token, which settings write as text or as an object."""
    token = settings.get(name) or default
    return token["content"] if isinstance(token, dict) else token


def _read_tokenizer_file(file: Path) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_str(file.read_text(encoding="utf-8"))


def _read_two_files(file: Path) -> tokenizers.Tokenizer:
    """Return a tokenizer with CLIP's rules, and the pieces and merges of two files."""
    vocabulary, merges = models.BPE.read_file(str(file), str(file.with_name("merges.txt")))
    model = models.BPE(
        vocabulary,
        merges,
        unk_token=END_TOKEN,
        continuing_subword_prefix="",
        end_of_word_suffix=_WORD_END,
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.add_special_tokens([START_TOKEN, END_TOKEN])
    return tokenizer
