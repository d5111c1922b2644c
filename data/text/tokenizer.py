"""The tokenizer's contract: captions to numbers and back.

A tokenizer is fitted on training captions and saved as JSON, never pickled.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from utils.files import write_json

PAD, UNKNOWN, START, END = range(4)
SPECIAL_TOKENS = ("<pad>", "<unk>", "<start>", "<end>")
TOKEN_NAMES = {  # tokenizer kind → word for its tokens in messages
    "words": "words",
    "characters": "characters",
    "bpe": "pieces",
    "gpt2": "pieces",
    "wordpiece": "pieces",
}
WORD_START = "▁"  # begins every token that begins a word, in the spelling of byte pairs


class Word(NamedTuple):
    """A word of a generated caption."""

    text: str
    tokens: int  # number of tokens in the word


class Tokenizer(ABC):
    """A vocabulary of tokens, the special ones first. Anything unknown becomes `<unk>`."""

    kind: str
    tokens: list[str]

    @abstractmethod
    def _encode_caption(self, caption: str) -> list[int]:
        """Return the caption's token numbers, without start and end."""

    @abstractmethod
    def _to_json(self) -> dict[str, Any]:
        """Return everything that `load_tokenizer` needs besides the kind."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def token_name(self) -> str:
        """The word for its tokens in messages, in the plural."""
        return TOKEN_NAMES[self.kind]

    def encode(self, caption: str, max_length: int | None = None) -> list[int]:
        """Return start, the caption's tokens, and end.

        A caption of more than `max_length` tokens is cut there and has no end.
        """
        numbers = self._encode_caption(caption)
        if max_length is not None and len(numbers) > max_length:
            return [START, *numbers[:max_length]]
        return [START, *numbers, END]

    def encode_prompt(self, text: str) -> list[int]:
        """Return the numbers of the text that a caption is to begin with."""
        return self._encode_caption(text)

    def decode(self, numbers: Iterable[int]) -> list[Word]:
        """Return the words before the end token."""
        return [Word(piece, 1) for piece in self._decode_pieces(numbers)]

    def _decode_pieces(self, numbers: Iterable[int]) -> list[str]:
        """Return the tokens before the end token as text, without padding and start."""
        return [self.tokens[number] for number in self._select_numbers(numbers)]

    def _select_numbers(self, numbers: Iterable[int]) -> Iterator[int]:
        """Yield the numbers before the end token, without padding and start."""
        for number in numbers:
            if number == END:
                break
            if number not in (PAD, START):
                yield number

    @abstractmethod
    def spell_tokens(self) -> list[str]:
        """Return every token in the spelling of byte pairs, which all kinds share."""

    @abstractmethod
    def join_words(self, words: Sequence[str]) -> str:
        """Join words into a sentence."""

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(path, {"kind": self.kind, **self._to_json()})
