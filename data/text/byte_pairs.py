"""Captions as byte pairs, which are learned from the captions."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from data.text.language import JOINERS, SPLITTERS, has_unspaced_start
from data.text.tokenizer import SPECIAL_TOKENS, UNKNOWN, WORD_START, Tokenizer, Word


class BytePairTokenizer(Tokenizer):
    """Pieces of words: the most common neighbours are joined (Sennrich et al. 2016).

    Single letters come first, so a word of known letters is never unknown. A stretch of a script
    without spaces is one long word, and its pieces count as words.
    """

    kind = "bpe"

    def __init__(self, description: str, unit: str = "words") -> None:
        """`description` is the JSON of the library `tokenizers`.

        `unit` (`words` or `characters`) is the unit into which captions are split first.
        """
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(description)
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"not a byte-pair vocabulary: {error}") from None
        numbers = self._tokenizer.get_vocab()
        self.tokens = sorted(numbers, key=numbers.__getitem__)
        has_special_tokens = tuple(self.tokens[: len(SPECIAL_TOKENS)]) == SPECIAL_TOKENS
        has_all_numbers = sorted(numbers.values()) == list(range(len(numbers)))
        if not has_special_tokens or not has_all_numbers:
            raise ValueError(
                f"a vocabulary must begin with {', '.join(SPECIAL_TOKENS)} and skip no number"
            )
        self.unit = unit
        self._split = SPLITTERS[unit]
        self._join = JOINERS[unit]

    @classmethod
    def fit(
        cls,
        captions: Iterable[str],
        *,
        vocabulary: int,
        minimum_count: int = 1,
        unit: str = "words",
    ) -> "BytePairTokenizer":
        """Return a tokenizer of at most `vocabulary` pieces.

        Letters must occur at least `minimum_count` times, and so must neighbours to be joined.
        """
        split, join = SPLITTERS[unit], JOINERS[unit]
        texts = [join(split(caption)) for caption in captions]
        alphabet = _find_alphabet(texts, vocabulary, minimum_count)
        tokenizer = tokenizers.Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS[UNKNOWN]))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(WORD_START)
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary + len(SPECIAL_TOKENS),
            min_frequency=minimum_count,
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            special_tokens=list(SPECIAL_TOKENS),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer.to_str(), unit)

    def add_letters(self, letters: Iterable[str]) -> "BytePairTokenizer":
        """Return a tokenizer that also knows these letters, each as a piece of its own."""
        description = json.loads(self._tokenizer.to_str())
        numbers = description["model"]["vocab"]
        for letter in letters:
            numbers.setdefault(letter, len(numbers))
        return BytePairTokenizer(json.dumps(description), self.unit)

    def _encode_caption(self, caption: str) -> list[int]:
        return self._tokenizer.encode(self._join(self._split(caption))).ids

    def decode(self, numbers: Iterable[int]) -> list[Word]:
        """Return the words before the end token, joined from their pieces."""
        words: list[Word] = []
        for piece in self._decode_pieces(numbers):
            letters = piece.removeprefix(WORD_START)
            last = words[-1] if words else None
            # A mark alone opens a word that still waits for its letters.
            is_waiting = last is not None and not last.text
            is_own_word = self.unit == "characters" and has_unspaced_start(letters)
            if last is None or piece.startswith(WORD_START) or (is_own_word and not is_waiting):
                words.append(Word(letters, 1))
            else:
                words[-1] = Word(last.text + letters, last.tokens + 1)
        return words

    def spell_tokens(self) -> list[str]:
        return self.tokens

    def join_words(self, words: Sequence[str]) -> str:
        return self._join(words)

    def _to_json(self) -> dict[str, Any]:
        return {"cut": self.unit, "tokenizer": json.loads(self._tokenizer.to_str())}


def _find_alphabet(texts: Sequence[str], limit: int, minimum_count: int) -> list[str]:
    """Return at most `limit` letters, the most common first, and the mark among them."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(WORD_START + text.replace(" ", WORD_START))
    common = [letter for letter, count in counts.items() if count >= minimum_count]
    common.sort(key=lambda letter: (-counts[letter], letter))
    return common[:limit]
