"""Captions to numbers and back. A tokenizer is fitted on training captions and saved as JSON, never pickled."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data.language import CUT, JOIN, begins_unspaced, pieces_of
from utils.errors import Refusal, WrongArgument, nearest
from utils.files import write_json

PAD, UNKNOWN, START, END = range(4)
SPECIAL = ("<pad>", "<unk>", "<start>", "<end>")
UNITS = {
    "words": "words",
    "characters": "characters",
    "bpe": "pieces",
    "gpt2": "pieces",
}  # what people call the tokens
_NEW_WORD = "▁"  # with it begins a piece that begins a word


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
    def units(self) -> str:
        """What people call its tokens."""
        return UNITS[self.kind]

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
    def spelled(self) -> list[str]:
        """Every token in the spelling of byte pairs, in which tokens of two kinds can be compared."""

    @abstractmethod
    def text(self, words: Sequence[str]) -> str:
        """The words as a sentence."""

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(path, {"kind": self.kind, **self._saved()})


class WordTokenizer(Tokenizer):
    """Whole words, or, of scripts without spaces, characters."""

    def __init__(self, words: list[str], kind: str = "words") -> None:
        if tuple(words[: len(SPECIAL)]) != SPECIAL or len(set(words)) != len(words):
            raise ValueError(
                f"a vocabulary begins with {', '.join(SPECIAL)} and names each word once"
            )
        if not all(isinstance(word, str) for word in words):
            raise ValueError("a word is not text")
        self.kind, self.tokens = kind, words
        self._cut = CUT[kind]
        self._ids = {word: number for number, word in enumerate(words)}

    @classmethod
    def fit(
        cls,
        captions: Iterable[str],
        *,
        vocabulary: int,
        minimum_count: int = 1,
        kind: str = "words",
    ) -> "WordTokenizer":
        """The tokenizer of the `vocabulary` commonest words, of those seen at least `minimum_count` times."""
        counts = Counter(word for caption in captions for word in CUT[kind](caption))
        common = [word for word, count in counts.items() if count >= minimum_count]
        common.sort(key=lambda word: (-counts[word], word))
        return cls([*SPECIAL, *common[:vocabulary]], kind)

    def _numbers(self, caption: str) -> list[int]:
        return [self._ids.get(word, UNKNOWN) for word in self._cut(caption)]

    def spelled(self) -> list[str]:
        """Words with the mark at their beginning; letters of scripts without spaces as they are."""
        return [
            token if token in SPECIAL or begins_unspaced(token) else _NEW_WORD + token
            for token in self.tokens
        ]

    def text(self, words: Sequence[str]) -> str:
        """The words as a sentence."""
        return JOIN[self.kind](words)

    def _saved(self) -> dict[str, Any]:
        return {"words": self.tokens}


class BytePairTokenizer(Tokenizer):
    """Pieces of words, the commonest neighbours joined (Sennrich et al. 2016): letters first, so that no word is unknown
    whose letters are known. A stretch of a script without spaces is one long word, and its pieces count as words."""

    kind = "bpe"

    def __init__(self, description: str, cut: str = "words") -> None:
        """`description` is the JSON of the library `tokenizers`; `cut` what captions would else be cut into."""
        import tokenizers

        try:
            self._inner = tokenizers.Tokenizer.from_str(description)
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"no byte-pair vocabulary: {error}") from None
        ids = self._inner.get_vocab()
        self.tokens = sorted(ids, key=ids.__getitem__)
        if tuple(self.tokens[: len(SPECIAL)]) != SPECIAL or sorted(ids.values()) != list(
            range(len(ids))
        ):
            raise ValueError(
                f"a vocabulary begins with {', '.join(SPECIAL)} and leaves no number out"
            )
        self._cut = cut
        self._joined = JOIN[cut]

    @classmethod
    def fit(
        cls, captions: Iterable[str], *, vocabulary: int, minimum_count: int = 1, cut: str = "words"
    ) -> "BytePairTokenizer":
        """The tokenizer of at most `vocabulary` pieces: letters seen at least `minimum_count` times, and what is joined of
        neighbours that meet as often."""
        import tokenizers
        from tokenizers import models, pre_tokenizers, trainers

        texts = [JOIN[cut](CUT[cut](caption)) for caption in captions]
        letters = Counter(
            letter for text in texts for letter in _NEW_WORD + text.replace(" ", _NEW_WORD)
        )
        common = [letter for letter, count in letters.items() if count >= minimum_count]
        common = sorted(common, key=lambda letter: (-letters[letter], letter))[:vocabulary]
        inner = tokenizers.Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
        inner.pre_tokenizer = pre_tokenizers.Metaspace(_NEW_WORD)
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary + len(SPECIAL),
            min_frequency=minimum_count,
            initial_alphabet=common,
            limit_alphabet=len(common),
            special_tokens=list(SPECIAL),
            show_progress=False,
        )
        inner.train_from_iterator(texts, trainer)
        return cls(inner.to_str(), cut)

    def _numbers(self, caption: str) -> list[int]:
        return self._inner.encode(self._joined(CUT[self._cut](caption))).ids

    def decode(self, numbers: Iterable[int]) -> list[Word]:
        """The words, put together from their pieces, up to the end token."""
        words: list[Word] = []
        begun = False  # whether a word has been opened by its mark alone, and waits for its letters
        for piece, _ in super().decode(numbers):
            letters = piece.removeprefix(_NEW_WORD)
            alone = self._cut == "characters" and begins_unspaced(letters) and not begun
            if not words or piece.startswith(_NEW_WORD) or alone:
                words.append(Word(letters, 1))
            else:
                words[-1] = Word(words[-1].text + letters, words[-1].tokens + 1)
            begun = not words[-1].text
        return words

    def spelled(self) -> list[str]:
        """The pieces as they are."""
        return self.tokens

    def text(self, words: Sequence[str]) -> str:
        """The words as a sentence."""
        return self._joined(words)

    def _saved(self) -> dict[str, Any]:
        return {"cut": self._cut, "tokenizer": json.loads(self._inner.to_str())}


def kind_for(language: str, asked: str | None) -> str:
    """The kind of tokenizer for captions in a language: the one asked for, where it suits, or what does."""
    if asked is None:
        return pieces_of(language)
    if asked not in UNITS and (Path(asked).is_dir() or "/" in asked):
        return "gpt2"  # by the files in that folder
    if asked not in UNITS:
        raise nearest("tokenizer", asked, list(UNITS))
    if asked == "characters" and pieces_of(language) != "characters":
        raise WrongArgument(
            "--tokenizer characters is for languages without spaces between words (Chinese, Japanese); for "
            f"these captions ({language}) take words or bpe, or say another --language"
        )
    return asked


def fit(
    kind: str, captions: Iterable[str], *, language: str, vocabulary: int, minimum_count: int
) -> Tokenizer:
    """A tokenizer of this kind, fitted on captions in a language; refused where they leave it nothing to say."""
    if kind == "bpe":
        fitted = BytePairTokenizer.fit(
            captions, vocabulary=vocabulary, minimum_count=minimum_count, cut=pieces_of(language)
        )
    else:
        fitted = WordTokenizer.fit(
            captions, vocabulary=vocabulary, minimum_count=minimum_count, kind=kind
        )
    if len(fitted) == len(SPECIAL):
        raise Refusal(
            f"no word comes {minimum_count} times in the captions to learn from, which leaves nothing to say; use "
            "more photos, or a lower --minimum-count"
        )
    return fitted


def load(path: Path) -> Tokenizer:
    """The tokenizer that was saved there."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["kind"] == "gpt2":
            from data.gpt2_tokenizer import GPT2Tokenizer  # which is made upon this file

            return GPT2Tokenizer(saved["vocabulary"], saved["merges"], saved["cut"])
        if saved["kind"] == "bpe":
            return BytePairTokenizer(json.dumps(saved["tokenizer"]), saved["cut"])
        return WordTokenizer(saved["words"], saved["kind"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(f"{path} is not a vocabulary of this program ({error})") from None
