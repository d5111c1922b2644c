"""Captions as byte pairs that are learned from them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from data.text.language import JOINERS, SPLITTERS, has_unspaced_start
from data.text.tokenizer import SPECIAL_TOKENS, UNKNOWN, Tokenizer, Word

_NEW_WORD = "▁"  # with it begins a piece that begins a word


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
        if tuple(self.tokens[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS or sorted(
            ids.values()
        ) != list(range(len(ids))):
            raise ValueError(
                f"a vocabulary begins with {', '.join(SPECIAL_TOKENS)} and leaves no number out"
            )
        self._cut = cut
        self._joined = JOINERS[cut]

    @classmethod
    def fit(
        cls, captions: Iterable[str], *, vocabulary: int, minimum_count: int = 1, cut: str = "words"
    ) -> "BytePairTokenizer":
        """The tokenizer of at most `vocabulary` pieces: letters seen at least `minimum_count` times, and what is joined of
        neighbours that meet as often."""
        import tokenizers
        from tokenizers import models, pre_tokenizers, trainers

        texts = [JOINERS[cut](SPLITTERS[cut](caption)) for caption in captions]
        letters = Counter(
            letter for text in texts for letter in _NEW_WORD + text.replace(" ", _NEW_WORD)
        )
        common = [letter for letter, count in letters.items() if count >= minimum_count]
        common = sorted(common, key=lambda letter: (-letters[letter], letter))[:vocabulary]
        inner = tokenizers.Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS[UNKNOWN]))
        inner.pre_tokenizer = pre_tokenizers.Metaspace(_NEW_WORD)
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary + len(SPECIAL_TOKENS),
            min_frequency=minimum_count,
            initial_alphabet=common,
            limit_alphabet=len(common),
            special_tokens=list(SPECIAL_TOKENS),
            show_progress=False,
        )
        inner.train_from_iterator(texts, trainer)
        return cls(inner.to_str(), cut)

    def _numbers(self, caption: str) -> list[int]:
        return self._inner.encode(self._joined(SPLITTERS[self._cut](caption))).ids

    def decode(self, numbers: Iterable[int]) -> list[Word]:
        """The words, put together from their pieces, up to the end token."""
        words: list[Word] = []
        begun = False  # whether a word has been opened by its mark alone, and waits for its letters
        for piece, _ in super().decode(numbers):
            letters = piece.removeprefix(_NEW_WORD)
            alone = self._cut == "characters" and has_unspaced_start(letters) and not begun
            if not words or piece.startswith(_NEW_WORD) or alone:
                words.append(Word(letters, 1))
            else:
                words[-1] = Word(words[-1].text + letters, words[-1].tokens + 1)
            begun = not words[-1].text
        return words

    def spell_tokens(self) -> list[str]:
        """The pieces as they are."""
        return self.tokens

    def join_words(self, words: Sequence[str]) -> str:
        """The words as a sentence."""
        return self._joined(words)

    def _saved(self) -> dict[str, Any]:
        return {"cut": self._cut, "tokenizer": json.loads(self._inner.to_str())}
