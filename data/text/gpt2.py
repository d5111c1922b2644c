"""GPT-2's byte pairs: pieces of bytes, so that no text is unknown, by a vocabulary that others have learned.

Its numbers follow the special tokens of this program: piece i of GPT-2 is i + 4 here. Its one mark, <|endoftext|>, stands
for the start and the end.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.text.language import JOINERS, SPLITTERS
from data.text.tokenizer import SPECIAL_TOKENS, Tokenizer, Word
from utils.errors import UserError

END_OF_TEXT = "<|endoftext|>"
FILES = (
    ("vocab.json", "merges.txt"),
    ("encoder.json", "vocab.bpe"),
)  # as Hugging Face, and as OpenAI call them
_SPACE = "Ġ"  # how a space is written in a piece


class GPT2Tokenizer(Tokenizer):
    """Byte pairs with GPT-2's rules (Radford et al. 2019); captions are cut as for the other kinds, and joined, before."""

    kind = "gpt2"

    def __init__(
        self, vocabulary: Mapping[str, int], merges: Sequence[str], cut: str = "words"
    ) -> None:
        """`vocabulary` has the pieces' numbers in GPT-2, `merges` are two pieces each, the first to be joined first; `cut`
        is what captions would else be cut into."""
        import tokenizers
        from tokenizers import decoders, models, pre_tokenizers

        if END_OF_TEXT not in vocabulary or sorted(vocabulary.values()) != list(
            range(len(vocabulary))
        ):
            raise ValueError(
                f"GPT-2's vocabulary numbers its pieces without a gap, and one of them is {END_OF_TEXT}"
            )
        self._vocabulary, self._merges, self._cut = dict(vocabulary), list(merges), cut
        pairs = [tuple(merge.split(" ")) for merge in self._merges]
        try:
            self._inner = tokenizers.Tokenizer(models.BPE(self._vocabulary, pairs))
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"no byte pairs: {error}") from None
        self._inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._bytes = decoders.ByteLevel()
        pieces = sorted(self._vocabulary, key=self._vocabulary.__getitem__)
        self.end_of_text_id = self._vocabulary[END_OF_TEXT]
        there = [number for number in range(len(pieces)) if number != self.end_of_text_id]
        self.tokens = [*SPECIAL_TOKENS, *(pieces[number] for number in there)]
        self.gpt2_ids = [
            *[self.end_of_text_id] * len(SPECIAL_TOKENS),
            *there,
        ]  # of each token its number in GPT-2
        self._joined = JOINERS[cut]

    def _numbers(self, caption: str) -> list[int]:
        return [
            self.from_gpt2_id(number)
            for number in self.encode_gpt2_ids(self._joined(SPLITTERS[self._cut](caption)))
        ]

    def encode_gpt2_ids(self, text: str) -> list[int]:
        """GPT-2's own numbers of a text as it stands."""
        return self._inner.encode(text).ids

    def from_gpt2_id(self, number: int) -> int:
        """The number here of a piece that GPT-2 has under another."""
        return number + len(SPECIAL_TOKENS) - (number > self.end_of_text_id)

    def decode(self, numbers: Sequence[int]) -> list[Word]:
        """The words, put together from their pieces, up to the end token."""
        words: list[list[str]] = []
        for piece, _ in super().decode(numbers):
            if not words or piece.startswith(_SPACE):
                words.append([])
            words[-1].append(piece)
        return [Word(self._bytes.decode(pieces).strip(), len(pieces)) for pieces in words]

    def spell_tokens(self) -> list[str]:
        """The pieces with the mark of other byte pairs where a word begins."""
        return [
            *SPECIAL_TOKENS,
            *(piece.replace(_SPACE, "▁") for piece in self.tokens[len(SPECIAL_TOKENS) :]),
        ]

    def join_words(self, words: Sequence[str]) -> str:
        """The words as a sentence."""
        return self._joined(words)

    def _saved(self) -> dict[str, Any]:
        return {"cut": self._cut, "vocabulary": self._vocabulary, "merges": self._merges}


def read_vocabulary(folder: Path) -> tuple[dict[str, int], list[str]]:
    """The vocabulary and merges in a folder with GPT-2's files, under either pair of names, or with a tokenizer.json."""
    for names in FILES:
        files = [folder / name for name in names]
        if all(file.is_file() for file in files):
            return _read(*files)
    if (folder / "tokenizer.json").is_file():
        return _read_whole(folder / "tokenizer.json")
    wanted = " or ".join(" and ".join(names) for names in FILES)
    raise UserError(f"no GPT-2 vocabulary in {folder}: it wants {wanted}, or tokenizer.json")


def _read(vocabulary: Path, merges: Path) -> tuple[dict[str, int], list[str]]:
    """What stands in the two files; the first line of merges may tell a version."""
    try:
        lines = merges.read_text(encoding="utf-8").splitlines()
        return _checked(
            json.loads(vocabulary.read_text(encoding="utf-8")),
            [line for line in lines if line and not line.startswith("#version")],
        )
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{vocabulary} and {merges.name} are no GPT-2 vocabulary ({error}); restore them"
        ) from None


def _read_whole(file: Path) -> tuple[dict[str, int], list[str]]:
    """What stands in a file of the library `tokenizers`."""
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        vocabulary, merges = saved["model"]["vocab"], saved["model"]["merges"]
        added = {each["content"]: each["id"] for each in saved.get("added_tokens", ())}
        return _checked(
            vocabulary | added,
            [merge if isinstance(merge, str) else " ".join(merge) for merge in merges],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is no GPT-2 vocabulary ({error}); restore it") from None


def _checked(vocabulary: Any, merges: list[str]) -> tuple[dict[str, int], list[str]]:
    """Both, where a tokenizer can be made of them."""
    GPT2Tokenizer(vocabulary, merges)
    return vocabulary, merges
