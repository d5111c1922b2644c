"""CLIPScore and RefCLIPScore (Hessel et al. 2021), from vectors of a CLIP model.

CLIPScore needs no references: it is 2.5 · max(cos(photo, caption), 0). RefCLIPScore is the harmonic
mean of CLIPScore and the largest max(cos(caption, reference), 0). All vectors have the length 1.
"""

from collections.abc import Sequence

import numpy as np

PROMPT = "A photo depicts "  # before each caption and each reference
_WEIGHT = 2.5  # brings the usual scores into 0 to 1


def score_against_photos(photos: np.ndarray, captions: np.ndarray) -> np.ndarray:
    """Return the CLIPScore (N,) of captions (N, E), each of the photo (N, E) at its place."""
    cosines = np.sum(photos * captions, axis=-1)
    return _WEIGHT * np.maximum(cosines, 0.0)


def score_with_references(
    clip_scores: np.ndarray, captions: np.ndarray, references: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the RefCLIPScore (N,) of captions (N, E) with the references (R, E) of each."""
    nearest = [np.max(each @ caption) for each, caption in zip(references, captions, strict=True)]
    to_references = np.maximum(nearest, 0.0)
    total = clip_scores + to_references
    product = 2 * clip_scores * to_references
    return np.divide(product, total, out=np.zeros_like(total), where=total > 0)
