"""Captions as words or characters."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from data.text.language import JOINERS, SPLITTERS, has_unspaced_start
from data.text.tokenizer import SPECIAL_TOKENS, UNKNOWN, WORD_START, Tokenizer


class WordTokenizer(Tokenizer):
    """Whole words; in scripts without spaces, characters."""

    def __init__(self, words: list[str], kind: str = "words") -> None:
        first_words = tuple(words[: len(SPECIAL_TOKENS)])
        if first_words != SPECIAL_TOKENS or len(set(words)) != len(words):
            raise ValueError(
                f"a vocabulary must begin with {', '.join(SPECIAL_TOKENS)} and have each word once"
            )
        if not all(isinstance(word, str) for word in words):
            raise ValueError("every word of a vocabulary must be text")
        self.kind = kind
        self.tokens = words
        self._split = SPLITTERS[kind]
        self._join = JOINERS[kind]
        self._numbers = {word: number for number, word in enumerate(words)}

    @classmethod
    def fit(
        cls,
        captions: Iterable[str],
        *,
        vocabulary: int,
        minimum_count: int = 1,
        kind: str = "words",
    ) -> "WordTokenizer":
        """Return a tokenizer of the `vocabulary` most common words.

        Words that occur fewer than `minimum_count` times are unknown.
        """
        counts: Counter[str] = Counter()
        for caption in captions:
            counts.update(SPLITTERS[kind](caption))
        common = [word for word, count in counts.items() if count >= minimum_count]
        common.sort(key=lambda word: (-counts[word], word))
        return cls([*SPECIAL_TOKENS, *common[:vocabulary]], kind)

    def _encode_caption(self, caption: str) -> list[int]:
        return [self._numbers.get(word, UNKNOWN) for word in self._split(caption)]

    def spell_tokens(self) -> list[str]:
        """Return words with the mark before them, letters of scripts without spaces unchanged."""
        spelled = []
        for token in self.tokens:
            if token in SPECIAL_TOKENS or has_unspaced_start(token):
                spelled.append(token)
            else:
                spelled.append(WORD_START + token)
        return spelled

    def join_words(self, words: Sequence[str]) -> str:
        return self._join(words)

    def _to_json(self) -> dict[str, Any]:
        return {"words": self.tokens}
