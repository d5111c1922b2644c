"""Captions as words or characters."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from data.text.byte_pairs import _NEW_WORD
from data.text.language import JOINERS, SPLITTERS, has_unspaced_start
from data.text.tokenizer import SPECIAL_TOKENS, UNKNOWN, Tokenizer


class WordTokenizer(Tokenizer):
    """Whole words, or, of scripts without spaces, characters."""

    def __init__(self, words: list[str], kind: str = "words") -> None:
        if tuple(words[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS or len(set(words)) != len(words):
            raise ValueError(
                f"a vocabulary begins with {', '.join(SPECIAL_TOKENS)} and names each word once"
            )
        if not all(isinstance(word, str) for word in words):
            raise ValueError("a word is not text")
        self.kind, self.tokens = kind, words
        self._cut = SPLITTERS[kind]
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
        counts = Counter(word for caption in captions for word in SPLITTERS[kind](caption))
        common = [word for word, count in counts.items() if count >= minimum_count]
        common.sort(key=lambda word: (-counts[word], word))
        return cls([*SPECIAL_TOKENS, *common[:vocabulary]], kind)

    def _numbers(self, caption: str) -> list[int]:
        return [self._ids.get(word, UNKNOWN) for word in self._cut(caption)]

    def spell_tokens(self) -> list[str]:
        """Words with the mark at their beginning; letters of scripts without spaces as they are."""
        return [
            token if token in SPECIAL_TOKENS or has_unspaced_start(token) else _NEW_WORD + token
            for token in self.tokens
        ]

    def join_words(self, words: Sequence[str]) -> str:
        """The words as a sentence."""
        return JOINERS[self.kind](words)

    def _saved(self) -> dict[str, Any]:
        return {"words": self.tokens}
