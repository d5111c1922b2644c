"""CHAIR of captions: what photos show, by the dataset and by their true captions."""

from collections.abc import Sequence
from pathlib import Path

from data.objects import files
from data.objects.coco import COCO_WORDS
from data.objects.files import REFERENCES, KnownObjects
from data.objects.vocabulary import ObjectVocabulary
from data.photos.photo import Photo
from data.sources.base import Source
from utils.errors import UserError
from utils.metrics.chair import ObjectCount, count_objects, score_chair

SHOWN_NAMES = 4


class ObjectScorer:
    """Scores captions of the same photos repeatedly by the objects that they name."""

    def __init__(
        self, photos: Sequence[Photo], known: KnownObjects | None, source: str | None
    ) -> None:
        """`known` is what the `source` says; without it only true captions say what is there."""
        names = set(COCO_WORDS) if known is None else known.names
        self._vocabulary = ObjectVocabulary(names)
        self._source = source
        self._indices: list[int] = []  # of the photos whose objects are known
        self._present: list[set[str]] = []
        for index, photo in enumerate(photos):
            shown = set() if known is None else known.find(photo.name)
            if shown is None:
                continue
            said = set()
            for caption in photo.captions:
                said.update(self._vocabulary.find_objects(caption))
            self._indices.append(index)
            self._present.append(shown | said)
        self._unknown = len(photos) - len(self._indices)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is known of any photo."""
        return not self._indices

    def score(self, captions: Sequence[str]) -> dict[str, float | None]:
        """Return the scores of one caption a photo."""
        return score_chair(self._find_mentions(captions), self._present)

    def count(self, captions: Sequence[str]) -> list[ObjectCount]:
        """Return how often captions name each object, those most often wrong first."""
        return count_objects(self._find_mentions(captions), self._present)

    def describe(self) -> list[str]:
        """Return what a reader of the scores must know."""
        names = sorted(self._vocabulary.names)
        shown = ", ".join(names[:SHOWN_NAMES])
        if names == sorted(COCO_WORDS):
            shown = "COCO's"
        says = "the true captions say"
        if self._source is not None:
            says = f"{self._source} and the true captions say"
        notes = [f"CHAIR looks for {len(names)} objects ({shown}); {says} which are there"]
        if self._unknown:
            notes.append(
                f"CHAIR omits {self._unknown} photos, of which {self._source} says nothing"
            )
        return notes

    def _find_mentions(self, captions: Sequence[str]) -> list[list[str]]:
        return [self._vocabulary.find_objects(captions[index]) for index in self._indices]


def make_object_scorer(
    photos: Sequence[Photo], source: Source, *, language: str, typed: str | None
) -> ObjectScorer | None:
    """Return the scorer of photos; None if nothing says what they show.

    Args:
        source: the dataset, where files of objects are looked for.
        typed: the value of --objects.
    """
    if language != "en":
        if typed is not None:
            raise UserError(
                f"--objects needs captions in English (these are {language!r}); omit it"
            )
        return None
    if typed == REFERENCES:
        return ObjectScorer(photos, None, None)
    found = files.find_files(source.path) if typed is None else [Path(typed).expanduser()]
    known = files.read_objects(found, [photo.name for photo in photos], source.folder)
    names = " and ".join(file.name for file in found)
    if known.names:
        scorer = ObjectScorer(photos, known, names)
        if not scorer.is_empty:
            return scorer
    if typed is None:
        return None
    raise UserError(
        f"--objects {typed} names no object of the {len(photos)} photos; photos are found by "
        "their file names, and objects by `objects` or as COCO's instances"
    )
