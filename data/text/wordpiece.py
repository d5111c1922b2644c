"""Captions as BERT's word pieces, which others have learned.

The numbers follow this program's special tokens. Pieces that are no text, such as [CLS], are
silent: a network may predict them, but no caption shows them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from data.text.language import SPLITTERS
from data.text.tokenizer import SPECIAL_TOKENS, WORD_START, Tokenizer, Word
from utils.errors import UserError

_CONTINUATION = "##"  # begins a piece that continues a word
# Where no space belongs, as in the library's decoder of word pieces; and after a full clean-up, as
# in Hugging Face's `clean_up_tokenization`.
_SPACED_SIGNS = {" .": ".", " ?": "?", " !": "!", " ,": ","}
_SPACED_ENDINGS = {
    " ' ": "'",
    " n't": "n't",
    " 'm": "'m",
    " 's": "'s",
    " 've": "'ve",
    " 're": "'re",
}


class WordPieceTokenizer(Tokenizer):
    """Words and pieces of words in lower case, by BERT's rules (Devlin et al. 2019).

    Captions are first cleaned as for the other kinds: split into words, and these joined again.
    """

    kind = "wordpiece"

    def __init__(
        self, description: str, *, special: Mapping[str, int], rows: int, cleans_up: bool = True
    ) -> None:
        """`description` is the JSON of the library `tokenizers`.

        `special` gives the numbers that the network knows as `pad`, `unknown`, `start` and `end`.
        `rows` is the number of its word vectors. Those without a piece are silent. `cleans_up`
        says whether the signs inside words lose their spaces, too.
        """
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(description)
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"no word pieces: {error}") from None
        self._special = {name: special[name] for name in ("pad", "unknown", "start", "end")}
        self._rows = rows
        self._cleans_up = cleans_up
        self._split = SPLITTERS["words"]

        pieces = {number: piece for piece, number in self._tokenizer.get_vocab().items()}
        needed = max(pieces, default=-1) + 1
        if not 0 < needed <= rows:
            raise ValueError(f"{needed} word pieces do not fit {rows} word vectors")
        boundaries = list(self._special.values())
        marks = self._find_marks()
        for name, number in self._special.items():
            if not 0 <= number < rows:
                raise ValueError(f"the token {name}, {number}, is not among {rows} word vectors")
            if number in pieces and number not in marks:
                raise ValueError(f"the token {name}, {number}, is the piece {pieces[number]!r}")

        piece_ids = [number for number in range(rows) if number not in boundaries]
        names = [pieces.get(number, f"[{number}]") for number in piece_ids]
        self.tokens = [*SPECIAL_TOKENS, *names]
        # The network's number of each token.
        self.pretrained_ids = [*boundaries, *piece_ids]
        self._numbers = {each: number for number, each in enumerate(self.pretrained_ids)}
        silent = marks | (set(range(rows)) - pieces.keys())
        self._silent = {self._numbers[number] for number in silent.difference(boundaries)}
        self.spaced_signs = dict(_SPACED_SIGNS)  # and how each is written in a sentence
        if cleans_up:
            self.spaced_signs |= _SPACED_ENDINGS

    def _find_marks(self) -> set[int]:
        """Return the network's numbers of pieces that are no text, such as [CLS]."""
        saved = json.loads(self._tokenizer.to_str())
        return {token["id"] for token in saved.get("added_tokens", ()) if token["special"]}

    def _encode_caption(self, caption: str) -> list[int]:
        return self.encode_prompt(" ".join(self._split(caption)))

    def encode_prompt(self, text: str) -> list[int]:
        """Return the numbers of a text with its punctuation, which is not cleaned."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return [self._numbers[number] for number in encoded.ids]

    def decode(self, numbers: Iterable[int]) -> list[Word]:
        """Return the words before the end token, joined from their pieces."""
        words: list[Word] = []
        for number in self._select_numbers(numbers):
            text = self.tokens[number]
            is_continued = text.startswith(_CONTINUATION) and any(word.text for word in words)
            if number in self._silent:
                text = ""
                is_continued = bool(words)
            if is_continued:
                last = words[-1]
                letters = text.removeprefix(_CONTINUATION)
                words[-1] = Word(last.text + letters, last.tokens + 1)
            else:
                words.append(Word(text, 1))
        return words

    def spell_tokens(self) -> list[str]:
        spelled = list(SPECIAL_TOKENS)
        for piece in self.tokens[len(SPECIAL_TOKENS) :]:
            if piece.startswith(_CONTINUATION):
                spelled.append(piece.removeprefix(_CONTINUATION))
            else:
                spelled.append(WORD_START + piece)
        return spelled

    def join_words(self, words: Sequence[str]) -> str:
        """Join words into a sentence, without spaces before its signs."""
        text = " ".join(words)
        for spaced, closed in self.spaced_signs.items():
            text = text.replace(spaced, closed)
        return text

    def _to_json(self) -> dict[str, Any]:
        return {
            "special": self._special,
            "rows": self._rows,
            "cleans_up": self._cleans_up,
            "tokenizer": json.loads(self._tokenizer.to_str()),
        }


def load_word_pieces(
    folder: Path, *, pad: int, start: int, end: int, rows: int
) -> WordPieceTokenizer:
    """Load the word pieces of a folder with a tokenizer.json or a vocab.txt.

    The numbers are those that the network's settings give; `rows` is its number of word vectors.
    """
    settings = _read_settings(folder / "tokenizer_config.json")
    file = folder / "tokenizer.json"
    if file.is_file():
        make = _read_tokenizer_file
    else:
        file = folder / "vocab.txt"
        make = _read_vocabulary_file
    if not file.is_file():
        raise UserError(
            f"no word pieces in {folder}: it must have tokenizer.json or vocab.txt; "
            "use another folder"
        )
    try:
        description, unknown = make(file, settings)
        special = {"pad": pad, "unknown": unknown, "start": start, "end": end}
        # Hugging Face's tokenizers cleaned up by default when these models were published.
        cleans_up = settings.get("clean_up_tokenization_spaces", True)
        return WordPieceTokenizer(description, special=special, rows=rows, cleans_up=cleans_up)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} does not hold the word pieces of this network ({error}); restore it"
        ) from None


def _read_settings(file: Path) -> dict[str, Any]:
    """Return Hugging Face's settings of a tokenizer, or {} if there is no file."""
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{file} cannot be read ({error}); restore it") from None


def _read_tokenizer_file(file: Path, _settings: Mapping[str, Any]) -> tuple[str, int]:
    """Return the library's description in a file, and the number of the unknown piece."""
    description = file.read_text(encoding="utf-8")
    model = json.loads(description)["model"]
    if model["type"] != "WordPiece":
        raise ValueError(f"its pieces must be WordPiece, not {model['type']}")
    return description, model["vocab"][model["unk_token"]]


def _read_vocabulary_file(file: Path, settings: Mapping[str, Any]) -> tuple[str, int]:
    """Return a description of BERT's tokenizer with a file's pieces, one a line."""
    lines = file.read_text(encoding="utf-8").split("\n")
    if lines[-1] == "":
        lines.pop()
    vocabulary = {piece: number for number, piece in enumerate(lines)}
    unknown = settings.get("unk_token", "[UNK]")
    tokenizer = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer(
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", True),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ("pad", "unk", "cls", "sep", "mask")
    special = [settings.get(f"{name}_token", f"[{name.upper()}]") for name in names]
    tokenizer.add_special_tokens([piece for piece in special if piece in vocabulary])
    return tokenizer.to_str(), vocabulary[unknown]
