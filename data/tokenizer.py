"""Words to numbers and back. A tokenizer is fitted on training captions and saved as JSON, never pickled."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from utils.errors import Refusal
from utils.files import write_json

PAD, UNKNOWN, START, END = range(4)
SPECIAL = ("<pad>", "<unk>", "<start>", "<end>")
# A word is letters and digits of any script, with apostrophes, hyphens and decimal points inside it.
_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")


def normalise(caption: str) -> list[str]:
    """The words of a caption: NFC, lower case, without punctuation."""
    return _WORD.findall(unicodedata.normalize("NFC", caption).lower().replace("’", "'"))


class WordTokenizer:
    """A vocabulary of whole words; what it does not know becomes `<unk>`."""

    def __init__(self, words: list[str]) -> None:
        if tuple(words[: len(SPECIAL)]) != SPECIAL or len(set(words)) != len(words):
            raise ValueError(f"a vocabulary begins with {', '.join(SPECIAL)} and names each word once")
        if not all(isinstance(word, str) for word in words):
            raise ValueError("a word is not text")
        self.words = words
        self._ids = {word: number for number, word in enumerate(words)}

    @classmethod
    def fit(cls, captions: Iterable[str], *, vocabulary: int, minimum_count: int = 1) -> "WordTokenizer":
        """The tokenizer of the `vocabulary` commonest words, of those seen at least `minimum_count` times."""
        counts = Counter(word for caption in captions for word in normalise(caption))
        common = [word for word, count in counts.items() if count >= minimum_count]
        common.sort(key=lambda word: (-counts[word], word))
        return cls([*SPECIAL, *common[:vocabulary]])

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, caption: str, max_length: int | None = None) -> list[int]:
        """Start, the words' numbers, end; of a caption longer than `max_length` the beginning, and no end."""
        numbers = [self._ids.get(word, UNKNOWN) for word in normalise(caption)]
        if max_length is not None and len(numbers) > max_length:
            return [START, *numbers[:max_length]]
        return [START, *numbers, END]

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The words up to the end token; padding and start are passed over."""
        words = []
        for number in numbers:
            if number == END:
                break
            if number not in (PAD, START):
                words.append(self.words[number])
        return words

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON."""
        write_json(path, {"kind": "words", "words": self.words})

    @classmethod
    def load(cls, path: Path) -> "WordTokenizer":
        """The tokenizer that `save` wrote."""
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            return cls(saved["words"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refusal(f"{path} is not a vocabulary of this program ({error})") from None
