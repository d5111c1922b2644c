"""Captions as words or characters."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from data.text.byte_pairs import _NEW_WORD
from data.text.language import CUT, JOIN, begins_unspaced
from data.text.tokenizer import SPECIAL, UNKNOWN, Tokenizer


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
