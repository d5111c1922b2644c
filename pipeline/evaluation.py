"""What is scored: the captioner of a run, or of a training that goes on, and photos with their true captions."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from config import Settings
from data.text.language import SPLITTERS, choose_unit, normalize_language
from utils import runs
from utils.errors import UserError
from utils.metrics import ptb
from utils.metrics.captions import Scorer, score_captions
from utils.terminal import progress

BATCH = 320  # true captions foretold together
TOGETHER = 64  # photos captioned between two movements of the bar: as many as the captioner takes at a time
FORCED = (
    "Bleu_2",
    "Bleu_4",
    "NIST_2",
    "NIST_4",
    "CIDEr",
)  # scores of the words that are likeliest after the true ones


@dataclass(frozen=True)
class Subject:
    """A captioner, and the photos of a split with all that it and the scores need of them."""

    split: str
    captioner: Any
    photos: list[Any]
    features: Any
    batches: Any  # the photos with their true captions
    settings: Settings  # the run's, with what was changed
    search: dict[str, Any] = field(default_factory=dict)  # what was changed of the search
    facts: dict[str, Any] | None = None  # of scenes
    trained_on: list[Any] | None = (
        None  # the run's training photos, where they are of the same dataset
    )
    notes: list[str] = field(default_factory=list)

    @property
    def language(self) -> str:
        """Of the captions."""
        return normalize_language(str(self.settings.data.language))

    @property
    def references(self) -> list[Sequence[str]]:
        """The true captions of each photo."""
        return [photo.captions for photo in self.photos]

    @cached_property
    def scorer(self) -> Scorer:
        """What scores a caption of each photo."""
        return Scorer(self.references, tokenize=tokenizer_for(self.language))

    @cached_property
    def _measure(self) -> Callable[..., Any]:
        from models.training.teacher_forcing import TeacherForcedEvaluator

        return TeacherForcedEvaluator(self.captioner.decoder, top=self.settings.training.top)

    def captions(self, **search: Any) -> tuple[list[Any], float]:
        """Captions of all photos, and the seconds they took; the search is compiled outside the clock."""
        for few in (1, 2):  # for one photo, then for any number
            self.captioner.from_features(self.features[:few], **search)
        began = time.perf_counter()
        captions: list[Any] = []

        def parts() -> Iterator[int]:
            for start in range(0, len(self.features), TOGETHER):
                captions.extend(
                    self.captioner.from_features(self.features[start : start + TOGETHER], **search)
                )
                yield len(captions) - start

        for _ in progress(parts(), len(self.features), "captions"):
            pass
        return captions, time.perf_counter() - began

    def teacher_forced(self) -> dict[str, float]:
        """Loss and top-k accuracy over all true words, each foretold from the true words before it; and, as `forced_…`,
        scores of the likeliest words at the places of each photo's first caption."""
        found = self._measure(self.batches.epoch(0, shuffle=False))
        parts = [
            -(-len(captions) // self.batches.captions_per_photo) for captions in self.references
        ]  # of a photo with many captions
        said = [self._text(found.likeliest[place]) for place in accumulate(parts[:-1], initial=0)]
        scores = self.scorer.score(said, FORCED)
        return {"loss": found.loss, f"Top{self.settings.training.top}": found.accuracy} | {
            f"forced_{name}": score for name, score in scores.items()
        }

    def _text(self, tokens: Sequence[int]) -> str:
        """The sentence of these tokens."""
        tokenizer = self.captioner.tokenizer
        return tokenizer.join_words([word.text for word in tokenizer.decode(tokens) if word.text])

    def scene_scores(self, captions: Sequence[Any]) -> dict[str, float | None]:
        """Facts and pointing, of scenes; nothing of photographs."""
        from data.scenes.dataset import LANGUAGES, PICTURE_SIZE
        from data.scenes.scores import score_facts, score_pointing

        if self.facts is None or self.language not in LANGUAGES:
            return {}
        scenes = [self.facts[photo.name] for photo in self.photos]
        return score_facts(captions, self.references, scenes, self.language) | score_pointing(
            captions, scenes, self.language, PICTURE_SIZE
        )


def subject_of(run: Path, *, split: str, weights: str | None = None, **changes: Any) -> Subject:
    """A run's best epoch and a split to score it on; `changes` are settings other than the run's."""
    from data.caption_batches import CaptionBatches
    from data.photos.crops import Crops
    from data.photos.hashes import PhotoHashes
    from models.captioner import Captioner
    from pipeline import dataset as stages
    from pipeline import features as encoding

    saved = runs.read_config(run)
    own = "dataset" not in changes or (
        saved["dataset"] is not None
        and same_dataset(changes["dataset"], saved["dataset"], stages.dataset_path)
    )
    changes = (
        ({} if own else {"format": None, "outside_photos": False}) | changes | {"strict": False}
    )
    settings = Settings.of_run(saved, **changes)
    captioner = Captioner.load(run, weights=weights, engine=changes.get("engine", "auto"))
    path = stages.dataset_path(settings.data.dataset)
    dataset = stages.read_dataset(path, settings.data)
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    prepared = stages.prepare(dataset, settings, hashes, needed=())
    notes = []
    listed = {name: len(photos) for name, photos in prepared.splits.items()}
    if own:
        prepared.splits = stages.saved_splits(prepared, run)
        listed = {name: len(photos) for name, photos in runs.read_splits(run).items()}
    if not listed[split] and split == "test":
        split = "val"
        notes.append("the dataset has no test split: val is scored in its place")
    named = listed[split]
    crops = Crops(settings.search.crops)
    cache = encoding.have_features(
        prepared,
        lambda: captioner.encoder,
        captioner.fingerprint,
        captioner.image_size,
        cache=Path(settings.vision.cache),
        hashes=hashes,
        views=crops,
        splits=(split,),
    )
    photos = prepared.splits[split]
    if not photos:
        raise UserError(f"{path} has no photos in {split} that can be read")
    if len(photos) < named:
        notes.append(
            f"{named - len(photos)} photos of {split} are gone or cannot be read, and are not scored"
        )
    marks = runs.read_seen(run)
    scored = (
        photos if marks and (not own or split == "test") else ()
    )  # the run's own train and val it has seen, of course
    known = sum(runs.seen(photo.hash, marks or set()) for photo in scored)
    if known:
        notes.append(
            f"{known} of the {len(photos)} photos were in the training of {run}: the scores are too good"
        )
    training = stages.training_photos(
        prepared, split, captioner.tokenizer, settings.words.max_length, stages.AS_IS
    )
    keys = [key for photo in photos for key in crops.keys(photo)]
    return Subject(
        split,
        captioner,
        photos,
        cache.select(keys, keys_per_photo=crops.number),
        CaptionBatches(training, cache, batch=BATCH, seed=0),
        settings,
        search={name: value for name, value in changes.items() if name in captioner.settings},
        facts=stages.facts_of(dataset),
        trained_on=prepared.splits["train"] if own else None,
        notes=notes,
    )


def same_dataset(name: str, saved: str, place: Callable[[str], Path]) -> bool:
    """Whether a dataset is the run's own, however its path is written; `place` tells where a name lies."""
    paths = [place(name), Path(saved)]
    return len({(path if path.is_dir() else path.parent).resolve() for path in paths}) == 1


def tokenizer_for(language: str) -> Callable[[str], list[str]]:
    """What cuts captions for the scores: coco-caption's tokenizer is made for English alone; characters of Chinese."""
    return (
        ptb.tokenize if normalize_language(language) == "en" else SPLITTERS[choose_unit(language)]
    )


@dataclass(frozen=True)
class Result:
    """What an evaluation found."""

    split: str
    scores: dict[str, float | int | None]
    notes: list[str]  # what a reader of the scores must know
    photos: list[Any]
    captions: list[Any]  # of these photos, in order

    def samples(self, number: int) -> list[tuple[Any, Any]]:
        """Photos with their captions, from all over the split."""
        step = max(1, len(self.photos) // number)
        return list(zip(self.photos, self.captions, strict=True))[::step][:number]


def scored(subject: Subject) -> Result:
    """The scores of a subject's captions."""
    captions, seconds = subject.captions(**subject.search)
    english = subject.language == "en"
    scores, reasons = score_captions(
        [caption.text for caption in captions],
        subject.references,
        tokenize=tokenizer_for(subject.language),
        java=english,
    )
    if english:
        reasons.insert(0, "scores count words as coco-caption cuts them in English")
    else:
        reasons = [
            f"scores count {choose_unit(subject.language)}; METEOR and SPICE are for English alone"
        ]
    scores |= subject.teacher_forced()
    scores |= {
        "images": len(captions),
        "seconds": seconds,
        "captions_per_second": len(captions) / seconds,
    }
    scores |= subject.scene_scores(captions)
    return Result(subject.split, scores, subject.notes + reasons, subject.photos, captions)


class Validation:
    """Scores of a decoder in training on the val split: greedy captions, and loss from the true words."""

    def __init__(
        self,
        prepared: Any,
        tokenizer: Any,
        cache: Any,
        settings: Settings,
        decoder: Any,
        encoder: Any,
    ) -> None:
        """Everything that stays the same from epoch to epoch is made here."""
        from data.caption_batches import CaptionBatches
        from models.captioner import Captioner
        from pipeline import dataset as stages

        photos = prepared.splits["val"]
        training = stages.training_photos(
            prepared, "val", tokenizer, settings.words.max_length, stages.AS_IS
        )
        greedy = settings.flat() | {"beam": 1, "sample": False}
        captioner = Captioner(
            encoder=lambda: encoder,
            decoder=decoder,
            tokenizer=tokenizer,
            grid=encoder.grid,
            image_size=encoder.image_size,
            settings=greedy,
        )
        self._subject = Subject(
            "val",
            captioner,
            photos,
            cache.select([photo.hash for photo in photos]),
            CaptionBatches(training, cache, batch=BATCH, seed=0),
            settings,
        )

    def scores(self) -> dict[str, float]:
        """`val_loss`, `Top5` and `forced_…` (teacher-forced), and the scores of greedy captions that need no Java."""
        captions = self._subject.captioner.from_features(self._subject.features)
        forced = self._subject.teacher_forced()
        forced["val_loss"] = forced.pop("loss")
        return forced | self._subject.scorer.score([caption.text for caption in captions])
