"""Scores of captions against references, as the field computes them.

BLEU, ROUGE-L, CIDEr, METEOR and SPICE come from pycocoevalcap, NIST from nltk. Captions are
tokenised as coco-caption does (see `ptb`), so the numbers equal those of its own pipeline.

- BLEU is the corpus score with brevity penalty.
- METEOR is METEOR 1.5, about 0.25 for good captioners. nltk's METEOR gives about twice that.
- CIDEr is CIDEr-D. Its word weights come from the references, so it depends on the number of
  photos. It is 0 for a single photo.

All but CIDEr and NIST lie between 0 and 1.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from utils.metrics import ptb
from utils.metrics.java import (
    SCORES_WITH_JAVA,
    ScorerMissing,
    ScoreUnavailable,
    score_meteor,
    score_spice,
)

# pycocoevalcap and nltk are imported inside functions: they load NumPy and more, and commands
# import this module before they know whether there is anything to score.

Tokenize = Callable[[str], list[str]]

# From the names that people use to coco-caption's, which files use.
SCORE_KEYS = {
    "BLEU-1": "Bleu_1",
    "BLEU-2": "Bleu_2",
    "BLEU-3": "Bleu_3",
    "BLEU-4": "Bleu_4",
    "METEOR": "METEOR",
    "ROUGE-L": "ROUGE_L",
    "CIDEr": "CIDEr",
    "SPICE": "SPICE",
    "NIST-2": "NIST_2",
    "NIST-4": "NIST_4",
}
ALL_SCORES = tuple(SCORE_KEYS.values())
SCORES_WITHOUT_JAVA = tuple(name for name in ALL_SCORES if name not in SCORES_WITH_JAVA)
# coco-caption's BLEU is 1e-4 or less, and not 0, where no n-gram matches.
_LEAST_SCORE = 0.001


class Scorer:
    """Scores captions of the same photos repeatedly; references are tokenised and counted once."""

    def __init__(
        self, references: Sequence[Sequence[str]], *, tokenize: Tokenize = ptb.tokenize
    ) -> None:
        if not references:
            raise ValueError("no photos to score")
        check_references(references)
        self._tokenize = tokenize
        self._references = [
            [" ".join(tokenize(caption)) for caption in captions] for captions in references
        ]

    def score(
        self, captions: Sequence[str], names: Sequence[str] = SCORES_WITHOUT_JAVA
    ) -> dict[str, float]:
        """Return the named scores of one caption a photo, in the order of the references.

        Raises ScoreUnavailable where Java is needed and fails.
        """
        for name in names:
            if name not in ALL_SCORES:
                raise ValueError(f"unknown score {name!r}; known are {', '.join(ALL_SCORES)}")
        captions = self._tokenize_all(captions)
        found: dict[str, float] = {}
        if any(name.startswith("Bleu") for name in names):
            found |= self._score_bleu(captions)
        if "ROUGE_L" in names:
            found["ROUGE_L"] = self._score_rouge(captions)
        if "CIDEr" in names:
            scores = self._score_cider(captions)
            found["CIDEr"] = sum(scores) / len(scores)
        if "NIST_2" in names:
            found["NIST_2"] = self._score_nist(captions, order=2)
        if "NIST_4" in names:
            found["NIST_4"] = self._score_nist(captions, order=4)
        if "METEOR" in names:
            found["METEOR"] = score_meteor(*self._number_photos(captions))
        if "SPICE" in names:
            found["SPICE"] = score_spice(*self._number_photos(captions))
        return {name: float(found[name]) for name in names}

    def score_photos_by_cider(self, captions: Sequence[str]) -> list[float]:
        """Return the CIDEr of each photo's caption; their mean is the CIDEr of all."""
        return [float(score) for score in self._score_cider(self._tokenize_all(captions))]

    def _tokenize_all(self, captions: Sequence[str]) -> list[str]:
        if len(captions) != len(self._references):
            raise ValueError(
                f"one caption a photo is needed (got {len(captions)} captions for "
                f"{len(self._references)} photos)"
            )
        return [" ".join(self._tokenize(caption)) for caption in captions]

    @functools.cached_property
    def _bleu_scorer(self) -> Any:
        from pycocoevalcap.bleu.bleu_scorer import BleuScorer

        scorer = BleuScorer(n=4)
        for captions in self._references:
            scorer.cook_append(None, captions)
        return scorer

    @functools.cached_property
    def _cider_scorer(self) -> Any:
        from pycocoevalcap.cider.cider_scorer import CiderScorer

        scorer = CiderScorer(n=4, sigma=6.0)
        for captions in self._references:
            scorer.cook_append(None, captions)
        scorer.compute_doc_freq()
        return scorer

    def _score_bleu(self, captions: list[str]) -> dict[str, float]:
        scores, _ = self._bleu_scorer.retest(captions).compute_score("closest")
        return {f"Bleu_{n}": score for n, score in enumerate(scores, start=1)}

    def _score_rouge(self, captions: list[str]) -> float:
        from pycocoevalcap.rouge.rouge import Rouge

        score, _ = Rouge().compute_score(*self._number_photos(captions))
        return score

    def _score_cider(self, captions: list[str]) -> list[float]:
        from pycocoevalcap.cider.cider_scorer import cook_test

        # compute_score would count the references' words again, and fails where none has a word.
        self._cider_scorer.ctest = [cook_test(caption) for caption in captions]
        return self._cider_scorer.compute_cider()

    def _score_nist(self, captions: list[str], *, order: int) -> float:
        from nltk.translate.nist_score import corpus_nist

        words = [caption.split() for caption in captions]
        references = [[caption.split() for caption in captions] for captions in self._references]
        # nltk divides by the number of n-grams, so no order may exceed the longest caption.
        longest = max(map(len, words))
        try:
            return corpus_nist(references, words, n=min(order, longest))
        except ZeroDivisionError:  # no caption, or no reference, has a word
            return 0.0

    def _number_photos(
        self, captions: list[str]
    ) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
        """Return references and captions in the form that pycocoevalcap expects."""
        references = dict(enumerate(self._references))
        return references, {number: [caption] for number, caption in enumerate(captions)}


def check_references(references: Sequence[Sequence[str]]) -> None:
    """Reject photos without reference captions, and captions in place of lists of them."""
    for number, captions in enumerate(references):
        if not captions or isinstance(captions, str):
            raise ValueError(
                f"photo {number} needs a list of reference captions (got {captions!r})"
            )


def score_epoch(row: dict[str, Any], best_by: str) -> float:
    """Return how good an epoch is, the higher the better, by its row of the history.

    That is the score on val called `best_by`. It is the negated loss on val for `loss`, and where
    the score is missing or as good as 0, as is the CIDEr of a single photo.
    """
    if has_score(row, best_by):
        return row[SCORE_KEYS[best_by]]
    return -row.get("val_loss", math.inf)


def has_score(row: dict[str, Any], best_by: str) -> bool:
    """Return whether a row of the history has this score, and it is not as good as 0."""
    if best_by == "loss":
        return False
    score = row.get(SCORE_KEYS[best_by])
    return score is not None and score >= _LEAST_SCORE


def score_captions(
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    tokenize: Tokenize = ptb.tokenize,
    java: bool = True,
) -> tuple[dict[str, float | None], list[str]]:
    """Return all scores by coco-caption's names, and a reason for each that failed.

    A score whose program is not installed is None without a reason: `evaluate.py -h` says what it
    needs.
    """
    scorer = Scorer(references, tokenize=tokenize)
    scores: dict[str, float | None] = dict.fromkeys(ALL_SCORES)
    scores |= scorer.score(captions)
    reasons = []
    for name in SCORES_WITH_JAVA:
        if not java:
            reasons.append(f"{name}: needs Java, which is switched off")
            continue
        try:
            scores |= scorer.score(captions, [name])
        except ScorerMissing:
            continue
        except ScoreUnavailable as error:
            reasons.append(f"{name}: {error}")
    return scores, reasons
