"""Labels for the convnet encoder from the words of captions."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from data.photos.photo import Photo
from data.text.language import SPLITTERS, choose_unit

Label = tuple[str, ...]  # what a picture holds, in parts: (dog), (dog, red)


def choose_word_labels(
    photos: Sequence[Photo], *, words: int, common: frozenset[str], language: str = "en"
) -> list[set[Label]]:
    """For each photo those of the `words` commonest content words that its captions use; `common` words say nothing."""
    cut = SPLITTERS[choose_unit(language)]
    used = [
        {word for caption in photo.captions for word in cut(caption)} - common for photo in photos
    ]
    counts = Counter(word for each in used for word in each)
    # A word of nearly every photo tells none from another.
    telling = sorted(
        (word for word, count in counts.items() if count < 0.6 * len(photos)),
        key=lambda word: (-counts[word], word),
    )[:words]  # never in a set's order: every process has another
    return [{(word,) for word in each & set(telling)} for each in used]


def build_label_matrix(
    labels: Sequence[set[Label]], *, least: int
) -> tuple[list[Label], np.ndarray]:
    """The K labels that at least `least` of the photos have, and which photo has which: 0/1 (N, K) uint8."""
    counts = Counter(label for each in labels for label in each)
    kept = sorted(label for label, count in counts.items() if count >= least)
    return kept, np.array([[label in each for label in kept] for each in labels], np.uint8).reshape(
        len(labels), len(kept)
    )
