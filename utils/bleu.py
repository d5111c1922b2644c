"""BLEU-4 of one caption at a time, as a part of what training is rewarded by.

    BLEU-4(c) = min(1, exp(1 − |r| / |c|)) · (common₁ / |c| · Π over n = 2..4 of (commonₙ + s) / (ngramsₙ + s)) ^ ¼

r is the reference nearest in length. s smooths: BLEU is made for many captions together, of most single ones no four words
in a row are a reference's, and without it all of these would be worth nothing.
"""

import functools
import math
from collections.abc import Sequence

from pycocoevalcap.bleu.bleu_scorer import cook_refs, cook_test

SMOOTHED = 0.3


class Bleu:
    """Smoothed BLEU-4, 0 to 1, of captions against the references of their photos; all are words with spaces between."""

    def __init__(self, references: Sequence[Sequence[str]], *, kept: int = 20_000) -> None:
        """`references` of each photo; what was counted is kept for so many photos."""
        self._counted = functools.lru_cache(maxsize=kept)(lambda photo: cook_refs(references[photo]))

    def __call__(self, photo: int, caption: str) -> float:
        """The BLEU-4 of a caption of the photo with this number."""
        counts = cook_test(caption, self._counted(photo), eff="closest")
        common, ngrams = counts["correct"], counts["guess"]
        if not common[0]:
            return 0.0
        precise = math.log(common[0] / ngrams[0]) + sum(
            math.log((right + SMOOTHED) / (said + SMOOTHED)) for right, said in zip(common[1:], ngrams[1:], strict=True))
        return min(1.0, math.exp(1 - counts["reflen"] / counts["testlen"])) * math.exp(precise / 4)
