"""Captions as GPT-2's byte pairs, which others have learned. Pieces are bytes: no text is unknown.

The numbers follow this program's special tokens, so piece i of GPT-2 is i + 4 here. GPT-2's one
mark, <|endoftext|>, stands for both start and end.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from data.text.language import JOINERS, SPLITTERS
from data.text.tokenizer import SPECIAL_TOKENS, WORD_START, Tokenizer, Word
from utils.errors import UserError

END_OF_TEXT = "<|endoftext|>"
VOCABULARY_FILES = (
    ("vocab.json", "merges.txt"),  # Hugging Face's names
    ("encoder.json", "vocab.bpe"),  # OpenAI's names
)
_SPACE = "Ġ"  # a space as it is written in a piece


class GPT2Tokenizer(Tokenizer):
    """Byte pairs with GPT-2's rules (Radford et al. 2019).

    Captions are first cleaned as for the other kinds: split into units, and these joined again.
    """

    kind = "gpt2"

    def __init__(
        self, vocabulary: Mapping[str, int], merges: Sequence[str], unit: str = "words"
    ) -> None:
        """`vocabulary` maps pieces to GPT-2's numbers.

        Each of the `merges` is two pieces with a space between; the first is joined first. `unit`
        (`words` or `characters`) is the unit into which captions are split first.
        """
        has_all_numbers = sorted(vocabulary.values()) == list(range(len(vocabulary)))
        if END_OF_TEXT not in vocabulary or not has_all_numbers:
            raise ValueError(
                f"GPT-2's vocabulary must number its pieces without a gap and contain {END_OF_TEXT}"
            )
        self.vocabulary = dict(vocabulary)
        self.merges = list(merges)
        pairs = [tuple(merge.split(" ")) for merge in self.merges]
        try:
            self._tokenizer = tokenizers.Tokenizer(models.BPE(self.vocabulary, pairs))
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"not byte pairs: {error}") from None
        self._tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._byte_decoder = decoders.ByteLevel()
        self.unit = unit
        self._split = SPLITTERS[unit]
        self._join = JOINERS[unit]

        self.end_of_text_id = self.vocabulary[END_OF_TEXT]
        pieces = sorted(self.vocabulary, key=self.vocabulary.__getitem__)
        piece_ids = [number for number in range(len(pieces)) if number != self.end_of_text_id]
        self.tokens = [*SPECIAL_TOKENS, *(pieces[number] for number in piece_ids)]
        # GPT-2's number of each token: every special token has the row of its mark.
        self.pretrained_ids = [self.end_of_text_id] * len(SPECIAL_TOKENS) + piece_ids

    def _encode_caption(self, caption: str) -> list[int]:
        return self.encode_prompt(self._join(self._split(caption)))

    def encode_prompt(self, text: str) -> list[int]:
        """Return the numbers of a text, which is not cleaned."""
        return [self.from_gpt2_id(number) for number in self.encode_gpt2_ids(text)]

    def encode_gpt2_ids(self, text: str) -> list[int]:
        """Return GPT-2's own numbers of a text, which is not cleaned."""
        return self._tokenizer.encode(text).ids

    def from_gpt2_id(self, number: int) -> int:
        """Return the number here of a piece with this number in GPT-2."""
        if number > self.end_of_text_id:
            number -= 1  # the mark has no token here
        return number + len(SPECIAL_TOKENS)

    def decode(self, numbers: Iterable[int]) -> list[Word]:
        """Return the words before the end token, joined from their pieces."""
        words: list[list[str]] = []
        for piece in self._decode_pieces(numbers):
            if not words or piece.startswith(_SPACE):
                words.append([])
            words[-1].append(piece)
        return [Word(self._byte_decoder.decode(pieces).strip(), len(pieces)) for pieces in words]

    def spell_tokens(self) -> list[str]:
        pieces = self.tokens[len(SPECIAL_TOKENS) :]
        return [*SPECIAL_TOKENS, *(piece.replace(_SPACE, WORD_START) for piece in pieces)]

    def join_words(self, words: Sequence[str]) -> str:
        return self._join(words)

    def _to_json(self) -> dict[str, Any]:
        return {"cut": self.unit, "vocabulary": self.vocabulary, "merges": self.merges}


def read_vocabulary(folder: Path) -> tuple[dict[str, int], list[str]]:
    """Read vocabulary and merges from a folder with GPT-2's two files or a tokenizer.json."""
    for vocabulary_name, merges_name in VOCABULARY_FILES:
        vocabulary_file = folder / vocabulary_name
        merges_file = folder / merges_name
        if vocabulary_file.is_file() and merges_file.is_file():
            return _read_two_files(vocabulary_file, merges_file)
    tokenizer_file = folder / "tokenizer.json"
    if tokenizer_file.is_file():
        return _read_tokenizer_file(tokenizer_file)
    expected = " or ".join(" and ".join(names) for names in VOCABULARY_FILES)
    raise UserError(
        f"no GPT-2 vocabulary in {folder}: it must have {expected}, or tokenizer.json; "
        "use another folder"
    )


def _read_two_files(vocabulary_file: Path, merges_file: Path) -> tuple[dict[str, int], list[str]]:
    try:
        vocabulary = json.loads(vocabulary_file.read_text(encoding="utf-8"))
        lines = merges_file.read_text(encoding="utf-8").splitlines()
        merges = [line for line in lines if line and not line.startswith("#version")]
        GPT2Tokenizer(vocabulary, merges)  # raises where the two do not fit
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{vocabulary_file} and {merges_file.name} are not a GPT-2 vocabulary ({error}); "
            "restore them"
        ) from None
    return vocabulary, merges


def _read_tokenizer_file(file: Path) -> tuple[dict[str, int], list[str]]:
    """Read the format of the library `tokenizers`, whose merges are text or pairs."""
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        vocabulary = dict(saved["model"]["vocab"])
        for token in saved.get("added_tokens", ()):
            vocabulary[token["content"]] = token["id"]
        merges = []
        for merge in saved["model"]["merges"]:
            merges.append(merge if isinstance(merge, str) else " ".join(merge))
        GPT2Tokenizer(vocabulary, merges)  # raises where the two do not fit
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} is not a GPT-2 vocabulary ({error}); restore it") from None
    return vocabulary, merges
