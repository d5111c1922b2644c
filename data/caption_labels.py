"""Labels for training the convnet encoder, from the words of captions."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from data.photos.photo import Photo
from data.text.language import SPLITTERS, choose_unit

# A word in more photos than this tells none from another.
_MAX_SHARE = 0.6

Label = tuple[str, ...]  # a picture's content in parts: (dog), (dog, red)


def choose_word_labels(
    photos: Sequence[Photo], *, words: int, common: frozenset[str], language: str = "en"
) -> list[set[Label]]:
    """Return for each photo its captions' words, of the `words` commonest that are not `common`."""
    split = SPLITTERS[choose_unit(language)]
    used = []
    for photo in photos:
        own_words = set()
        for caption in photo.captions:
            own_words.update(split(caption))
        used.append(own_words - common)
    counts = Counter(word for own_words in used for word in own_words)
    telling = [word for word, count in counts.items() if count < _MAX_SHARE * len(photos)]
    # Sorted by the word too: every process has another order of sets.
    telling.sort(key=lambda word: (-counts[word], word))
    chosen = set(telling[:words])
    return [{(word,) for word in own_words & chosen} for own_words in used]


def build_label_matrix(
    labels: Sequence[set[Label]], *, least: int
) -> tuple[list[Label], np.ndarray]:
    """Return the K labels that at least `least` photos have, and which photo has which.

    The matrix is (N, K) uint8, of 0 and 1.
    """
    counts = Counter(label for own_labels in labels for label in own_labels)
    kept = sorted(label for label, count in counts.items() if count >= least)
    columns = {label: column for column, label in enumerate(kept)}
    matrix = np.zeros((len(labels), len(kept)), np.uint8)
    for row, own_labels in enumerate(labels):
        for label in own_labels:
            if label in columns:
                matrix[row, columns[label]] = 1
    return kept, matrix
