"""Captions to numbers and back. A tokenizer is fitted on training captions and saved as JSON, never pickled."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from utils.files import write_json

PAD, UNKNOWN, START, END = range(4)
SPECIAL_TOKENS = ("<pad>", "<unk>", "<start>", "<end>")
TOKEN_NAMES = {
    "words": "words",
    "characters": "characters",
    "bpe": "pieces",
    "gpt2": "pieces",
}  # what people call the tokens


class Word(NamedTuple):
    """A word of a generated caption."""

    text: str
    tokens: int  # of how many it is made


class Tokenizer(ABC):
    """A vocabulary of tokens, the special ones first; what it does not know becomes `<unk>`."""

    kind: str
    tokens: list[str]

    @abstractmethod
    def _numbers(self, caption: str) -> list[int]:
        """The caption's tokens."""

    @abstractmethod
    def _saved(self) -> dict[str, Any]:
        """What `load` makes it from."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def token_name(self) -> str:
        """What people call its tokens."""
        return TOKEN_NAMES[self.kind]

    def encode(self, caption: str, max_length: int | None = None) -> list[int]:
        """Start, the caption's tokens, end; of a caption longer than `max_length` the beginning, and no end."""
        numbers = self._numbers(caption)
        if max_length is not None and len(numbers) > max_length:
            return [START, *numbers[:max_length]]
        return [START, *numbers, END]

    def decode(self, numbers: Iterable[int]) -> list[Word]:
        """The words up to the end token; padding and start are passed over."""
        words = []
        for number in numbers:
            if number == END:
                break
            if number not in (PAD, START):
                words.append(Word(self.tokens[number], 1))
        return words

    @abstractmethod
    def spell_tokens(self) -> list[str]:
        """Every token in the spelling of byte pairs, in which tokens of two kinds can be compared."""

    @abstractmethod
    def join_words(self, words: Sequence[str]) -> str:
        """The words as a sentence."""

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(path, {"kind": self.kind, **self._saved()})
