"""The field's scores of captions against references: BLEU, ROUGE-L, CIDEr, METEOR and SPICE by pycocoevalcap, NIST by nltk.

Captions are tokenised as coco-caption does (see `ptb`), so the numbers equal those of its own pipeline. BLEU is the
corpus score with brevity penalty; METEOR is METEOR 1.5 (good captioners reach about 0.25), not nltk's, which gives
about twice that; CIDEr is CIDEr-D, its word weights taken from the references given, so it depends on how many photos
there are and is 0 for a single one. All but CIDEr and NIST lie between 0 and 1.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from utils.metrics import ptb
from utils.metrics.java import SCORES_WITH_JAVA, ScoreUnavailable, score_meteor, score_spice

Tokenize = Callable[[str], list[str]]

# What people call the scores, and what they are called in files: as coco-caption does.
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
NAMES = tuple(SCORE_KEYS.values())
SCORES_WITHOUT_JAVA = tuple(name for name in NAMES if name not in SCORES_WITH_JAVA)


class Scorer:
    """Scores captions of the same photos again and again; the references are tokenised and counted once."""

    def __init__(
        self, references: Sequence[Sequence[str]], *, tokenize: Tokenize = ptb.tokenize
    ) -> None:
        if not references:
            raise ValueError("no photos to score")
        for index, captions in enumerate(references):
            if not captions or isinstance(captions, str):
                raise ValueError(
                    f"photo {index} has no list of reference captions, but {captions!r}"
                )
        self._tokenize = tokenize
        self._references = [
            [" ".join(tokenize(caption)) for caption in captions] for captions in references
        ]

    def score(
        self, captions: Sequence[str], names: Sequence[str] = SCORES_WITHOUT_JAVA
    ) -> dict[str, float]:
        """The named scores of one caption a photo, in the order of the references; raises ScoreUnavailable."""
        unknown = [name for name in names if name not in NAMES]
        if unknown:
            raise ValueError(f"unknown score {unknown[0]!r}; known are {', '.join(NAMES)}")
        tokenised = self._tokenised(captions)
        found = self._bleu(tokenised) if any(name.startswith("Bleu") for name in names) else {}
        nist = {f"NIST_{n}": functools.partial(self._nist, order=n) for n in (2, 4)}
        for name, score in {"ROUGE_L": self._rouge, "CIDEr": self._cider, **nist}.items():
            if name in names:
                found[name] = score(tokenised)
        for name, score in (("METEOR", score_meteor), ("SPICE", score_spice)):
            if name in names:
                found[name] = score(*self._by_number(tokenised))
        return {name: float(found[name]) for name in names}

    def score_photos_by_cider(self, captions: Sequence[str]) -> list[float]:
        """CIDEr of each photo's caption; their mean is the CIDEr of all."""
        return [float(score) for score in self._ciders(self._tokenised(captions))]

    def _tokenised(self, captions: Sequence[str]) -> list[str]:
        if len(captions) != len(self._references):
            raise ValueError(
                f"{len(captions)} captions for {len(self._references)} photos; one a photo is wanted"
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

    def _bleu(self, captions: list[str]) -> dict[str, float]:
        scores, _ = self._bleu_scorer.retest(captions).compute_score("closest")
        return {f"Bleu_{n}": score for n, score in enumerate(scores, start=1)}

    def _rouge(self, captions: list[str]) -> float:
        from pycocoevalcap.rouge.rouge import Rouge

        score, _ = Rouge().compute_score(*self._by_number(captions))
        return score

    def _ciders(self, captions: list[str]) -> list[float]:
        from pycocoevalcap.cider.cider_scorer import cook_test

        # compute_score would count the references' words a second time, and fails where no reference has a word.
        self._cider_scorer.ctest = [cook_test(caption) for caption in captions]
        return self._cider_scorer.compute_cider()

    def _cider(self, captions: list[str]) -> float:
        scores = self._ciders(captions)
        return sum(scores) / len(scores)

    def _nist(self, captions: list[str], *, order: int) -> float:
        from nltk.translate.nist_score import corpus_nist

        words = [caption.split() for caption in captions]
        references = [[caption.split() for caption in captions] for captions in self._references]
        longest = max(map(len, words))
        try:  # orders longer than every caption have no n-grams, and nltk divides by their number
            return corpus_nist(references, words, n=min(order, longest))
        except ZeroDivisionError:  # no caption, or no reference, has a word
            return 0.0

    def _by_number(self, captions: list[str]) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
        """References and captions as pycocoevalcap takes them."""
        return dict(enumerate(self._references)), {
            number: [caption] for number, caption in enumerate(captions)
        }


def score_epoch(row: dict[str, Any], best_by: str) -> float:
    """How good an epoch is by its row of the history, the higher the better: the score on val that people call `best_by`.

    By `loss`, and where the score is missing or as good as 0 and so tells nothing (CIDEr of a single photo; coco-caption's
    BLEU is 1e-4 or less, and not 0, where no n-gram is right), its loss on val, negated.
    """
    score = None if best_by == "loss" else row.get(SCORE_KEYS[best_by])
    return score if score is not None and score >= 0.001 else -row.get("val_loss", math.inf)


def score_captions(
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    tokenize: Tokenize = ptb.tokenize,
    java: bool = True,
) -> tuple[dict[str, float | None], list[str]]:
    """All scores under coco-caption's names, None for what could not be computed, and a sentence for each of these."""
    scorer = Scorer(references, tokenize=tokenize)
    scores: dict[str, float | None] = dict.fromkeys(NAMES)
    scores |= scorer.score(captions)
    reasons = []
    for name in SCORES_WITH_JAVA:
        try:
            if not java:
                raise ScoreUnavailable("needs Java, which was not to be used")
            scores |= scorer.score(captions, [name])
        except ScoreUnavailable as error:
            reasons.append(f"{name}: {error}")
    return scores, reasons
