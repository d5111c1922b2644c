"""The field's scores of captions against references: BLEU, ROUGE-L, CIDEr, METEOR and SPICE by pycocoevalcap, NIST by nltk.

Captions are tokenised as coco-caption does (see `ptb`), so the numbers equal those of its own pipeline. BLEU is the
corpus score with brevity penalty; METEOR is METEOR 1.5 (good captioners reach about 0.25), not nltk's, which gives
about twice that; CIDEr is CIDEr-D, its word weights taken from the references given, so it depends on how many photos
there are and is 0 for a single one. All but CIDEr and NIST lie between 0 and 1.
"""

import functools
import json
import math
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from importlib import util
from pathlib import Path
from typing import Any

from utils import ptb

Tokenize = Callable[[str], list[str]]

# What people call the scores, and what they are called in files: as coco-caption does.
KEYS = {
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
NAMES = tuple(KEYS.values())
WITH_JAVA = ("METEOR", "SPICE")
WITHOUT_JAVA = tuple(name for name in NAMES if name not in WITH_JAVA)
_SPICE_LIBRARIES = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")


class Unavailable(RuntimeError):
    """A score that cannot be had on this machine; the message says why."""


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

    def scores(
        self, captions: Sequence[str], names: Sequence[str] = WITHOUT_JAVA
    ) -> dict[str, float]:
        """The named scores of one caption a photo, in the order of the references; raises Unavailable."""
        unknown = [name for name in names if name not in NAMES]
        if unknown:
            raise ValueError(f"unknown score {unknown[0]!r}; known are {', '.join(NAMES)}")
        tokenised = self._tokenised(captions)
        found = self._bleu(tokenised) if any(name.startswith("Bleu") for name in names) else {}
        nist = {f"NIST_{n}": functools.partial(self._nist, order=n) for n in (2, 4)}
        for name, score in {"ROUGE_L": self._rouge, "CIDEr": self._cider, **nist}.items():
            if name in names:
                found[name] = score(tokenised)
        for name, score in (("METEOR", _meteor), ("SPICE", _spice)):
            if name in names:
                found[name] = score(*self._by_number(tokenised))
        return {name: float(found[name]) for name in names}

    def per_photo_cider(self, captions: Sequence[str]) -> list[float]:
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


def merit(row: dict[str, Any], best_by: str) -> float:
    """How good an epoch is by its row of the history, the higher the better: the score on val that people call `best_by`.

    By `loss`, and where the score is missing or as good as 0 and so tells nothing (CIDEr of a single photo; coco-caption's
    BLEU is 1e-4 or less, and not 0, where no n-gram is right), its loss on val, negated.
    """
    score = None if best_by == "loss" else row.get(KEYS[best_by])
    return score if score is not None and score >= 0.001 else -row.get("val_loss", math.inf)


def caption_scores(
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    tokenize: Tokenize = ptb.tokenize,
    java: bool = True,
) -> tuple[dict[str, float | None], list[str]]:
    """All scores under coco-caption's names, None for what could not be computed, and a sentence for each of these."""
    scorer = Scorer(references, tokenize=tokenize)
    scores: dict[str, float | None] = dict.fromkeys(NAMES)
    scores |= scorer.scores(captions)
    reasons = []
    for name in WITH_JAVA:
        try:
            if not java:
                raise Unavailable("needs Java, which was not to be used")
            scores |= scorer.scores(captions, [name])
        except Unavailable as error:
            reasons.append(f"{name}: {error}")
    return scores, reasons


def _java() -> str:
    """The path of the java program."""
    program = shutil.which("java")
    if program is None:
        raise Unavailable("needs Java; not on the PATH")
    return program


def _seconds_allowed(captions: dict[int, list[str]]) -> float:
    """How long a Java scorer may take before it counts as hung: starting takes seconds, a caption milliseconds."""
    return 180 + 0.2 * len(captions)


def _first_line(text: str | bytes) -> str:
    """The first line that says something, for a one-line reason."""
    lines = (text.decode(errors="replace") if isinstance(text, bytes) else text).splitlines()
    return next(
        (line.strip() for line in lines if line.strip() and not line.startswith("Picked up")),
        "no message",
    )


def _meteor(references: dict[int, list[str]], captions: dict[int, list[str]]) -> float:
    """METEOR 1.5, by the jar that comes with pycocoevalcap."""
    _java()
    from pycocoevalcap.meteor.meteor import Meteor

    try:
        scorer = Meteor()
    except OSError as error:
        raise Unavailable(f"Java does not start ({error})") from error
    process = scorer.meteor_p
    hung = threading.Event()
    timer = threading.Timer(_seconds_allowed(captions), lambda: (hung.set(), process.kill()))
    timer.start()
    try:
        return scorer.compute_score(references, captions)[0]
    except (OSError, ValueError) as error:  # a pipe that broke, or no number in the answer
        if hung.is_set():
            raise Unavailable("Java did not answer in time") from error
        process.kill()
        raise Unavailable(f"Java failed ({_first_line(process.stderr.read())})") from error
    finally:
        timer.cancel()
        _end(scorer)


def _end(scorer: Any) -> None:
    """Ends METEOR's process. Its own clean-up waits for ever on the lock that a failed score leaves locked."""
    process = scorer.meteor_p
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        try:
            pipe.close()
        except OSError:  # what was still to be written to a dead process
            continue
    if scorer.lock.locked():
        scorer.lock.release()


def _spice_folder() -> Path:
    """Where pycocoevalcap keeps SPICE."""
    return Path(next(iter(util.find_spec("pycocoevalcap").submodule_search_locations))) / "spice"


def _spice(references: dict[int, list[str]], captions: dict[int, list[str]]) -> float:
    """SPICE, by pycocoevalcap's jar and without its Python half, which would download what is missing."""
    java, folder = _java(), _spice_folder()
    missing = [name for name in _SPICE_LIBRARIES if not (folder / "lib" / name).is_file()]
    if missing:
        raise Unavailable(
            f"needs {' and '.join(missing)} of Stanford CoreNLP in {folder / 'lib'}; nothing is downloaded"
        )
    rows = [{"image_id": n, "test": captions[n][0], "refs": references[n]} for n in captions]
    with tempfile.TemporaryDirectory() as work:
        asked, answered, cache = (
            Path(work, "asked.json"),
            Path(work, "answered.json"),
            Path(work, "cache"),
        )
        cache.mkdir()
        asked.write_text(json.dumps(rows), encoding="utf-8")
        command = [
            java,
            "-Xmx8G",
            "-jar",
            "spice-1.0.jar",
            asked,
            "-cache",
            cache,
            "-out",
            answered,
            "-subset",
            "-silent",
        ]
        try:
            run = subprocess.run(
                command, cwd=folder, capture_output=True, timeout=_seconds_allowed(captions) * 5
            )
            if run.returncode:
                raise Unavailable(f"Java failed ({_first_line(run.stderr or run.stdout)})")
            found = json.loads(answered.read_text(encoding="utf-8"))
            return sum(float(row["scores"]["All"]["f"]) for row in found) / len(found)
        except subprocess.TimeoutExpired as error:
            raise Unavailable("Java did not answer in time") from error
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise Unavailable(f"Java gave no readable answer ({error})") from error
