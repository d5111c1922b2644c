"""Caption a split and score it: after training, for evaluate.py, or between two epochs."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from config import Settings
from data.caption_batches import CaptionBatches
from data.feature_cache import FeatureCache
from data.photos.crops import Crops
from data.photos.photo import Photo
from data.preprocess import Dataset
from data.scenes.dataset import LANGUAGES
from data.scenes.drawing import PICTURE_SIZE
from data.scenes.scores import score_facts, score_pointing
from data.text.language import SPLITTERS, choose_unit, normalize_language
from models.captioner import Captioner
from models.trained_captioner import TrainedCaptioner
from models.training.teacher_forced_scores import TeacherForcedEvaluator
from pipeline.clip_scoring import ClipScorer, load_clip
from pipeline.dataset import (
    NO_VIEWS,
    read_facts,
    read_source,
    restore_splits,
    split_source,
    tokenize_photos,
)
from pipeline.dataset_places import find_dataset
from pipeline.features import fill_cache
from pipeline.object_scoring import ObjectScorer, make_object_scorer
from pipeline.saved import read_saved_config
from utils import runs
from utils.calibration import Calibration, read_calibration
from utils.errors import UserError
from utils.metrics import ptb
from utils.metrics.captions import Scorer, score_captions
from utils.metrics.cider_reward import CiderD
from utils.metrics.reliability import Reliability, correlate_ranks, measure_reliability
from utils.progress import progress

BATCH = 320  # true captions predicted together
TOGETHER = (
    64  # photos captioned between two updates of the bar: as many as the captioner takes at a time
)
TEACHER_FORCED_SCORES = ("Bleu_2", "Bleu_4", "NIST_2", "NIST_4", "CIDEr")
NO_TEST_SPLIT = "the dataset has no test split: val is scored in its place"


@dataclass(frozen=True)
class Evaluation:
    """A captioner and the photos of a split, with all that the scores need."""

    split: str
    captioner: TrainedCaptioner
    photos: list[Photo]
    features: Any
    batches: CaptionBatches  # the photos with their true captions
    settings: Settings
    search: dict[str, Any] = field(default_factory=dict)  # changes of the run's search
    facts: dict[str, Any] | None = None  # of scenes
    clip: ClipScorer | None = None
    objects: ObjectScorer | None = None
    trained_on: list[Photo] | None = None  # the run's training photos, if they are of this dataset
    calibration: Calibration | None = None  # of the run's scores
    notes: list[str] = field(default_factory=list)  # what a reader of the scores must know

    @property
    def language(self) -> str:
        return normalize_language(str(self.settings.data.language))

    @property
    def references(self) -> list[Sequence[str]]:
        """The true captions of each photo."""
        return [photo.captions for photo in self.photos]

    @cached_property
    def scorer(self) -> Scorer:
        """The scorer of a caption for each photo."""
        return Scorer(self.references, tokenize=choose_scoring_tokenizer(self.language))

    def score_true_captions(self, indices: Iterable[int]) -> dict[int, list[float | None]]:
        """Return by photo the CIDEr of each true caption against the photo's others.

        It is None if there are no others. Words have the weights that they have for predicted
        captions.
        """
        tokenize = choose_scoring_tokenizer(self.language)
        documents = []
        for captions in self.references:
            documents.append([" ".join(tokenize(caption)) for caption in captions])

        ciders: dict[int, list[float | None]] = {}
        pairs = []  # of a photo and one of its captions
        others = []
        for index in indices:
            captions = documents[index]
            ciders[index] = [None] * len(captions)
            if len(captions) > 1:
                for place in range(len(captions)):
                    pairs.append((index, place))
                    others.append(captions[:place] + captions[place + 1 :])
        if not pairs:
            return ciders
        score = CiderD(others, documents=documents)
        for number, (index, place) in enumerate(pairs):
            ciders[index][place] = score(number, documents[index][place])
        return ciders

    @cached_property
    def _teacher_forced(self) -> TeacherForcedEvaluator:
        return TeacherForcedEvaluator(self.captioner.decoder, top=self.settings.training.top)

    def caption(self, **search: Any) -> tuple[list[Any], float]:
        """Caption all photos; return the captions and the seconds they took, without compiling."""
        for number in (1, 2):  # one photo is compiled by itself, then any number
            self.captioner.from_features(self.features[:number], **search)
        captions: list[Any] = []

        def caption_parts() -> Iterator[int]:
            for first in range(0, len(self.features), TOGETHER):
                part = self.features[first : first + TOGETHER]
                paths = [photo.path for photo in self.photos[first : first + TOGETHER]]
                captions.extend(self.captioner.from_features(part, paths, **search))
                yield len(captions) - first

        started = time.perf_counter()
        for _ in progress(caption_parts(), len(self.features), "captions"):
            pass
        return captions, time.perf_counter() - started

    def score_teacher_forced(self) -> dict[str, float]:
        """Score the prediction of each true word from the true words before it.

        Loss and top-k accuracy count all captions. The `forced_…` scores are of the likeliest words
        at the places of each photo's first caption.
        """
        result = self._teacher_forced(self.batches.epoch(0, shuffle=False))
        # A photo with many captions comes in several rows; the first row has its first caption.
        parts = [
            -(-len(captions) // self.batches.captions_per_photo) for captions in self.references
        ]
        first_rows = accumulate(parts[:-1], initial=0)
        texts = [self._join(result.likeliest[row]) for row in first_rows]
        forced = self.scorer.score(texts, TEACHER_FORCED_SCORES)
        scores = {"loss": result.loss, f"Top{self.settings.training.top}": result.accuracy}
        for name, value in forced.items():
            scores[f"forced_{name}"] = value
        return scores

    def _join(self, tokens: Sequence[int]) -> str:
        tokenizer = self.captioner.tokenizer
        words = [word.text for word in tokenizer.decode(tokens) if word.text]
        return tokenizer.join_words(words)

    def score_content(self, captions: Sequence[Any]) -> dict[str, float | None]:
        """Score whether captions agree with what the photos show, as far as it can be known."""
        texts = [caption.text for caption in captions]
        scores = self._score_scenes(captions)
        if self.clip is not None:
            scores |= self.clip.score(texts)
        if self.objects is not None:
            scores |= self.objects.score(texts)
        return scores

    def find_accepted(self, captions: Sequence[Any], bound: float) -> np.ndarray:
        """Return whether the CIDEr of each caption (P,) reaches the bound."""
        ciders = self.scorer.score_photos_by_cider([caption.text for caption in captions])
        return np.asarray(ciders) >= bound

    def measure_reliability(self, captions: Sequence[Any]) -> Reliability | None:
        """Measure the calibrated scores of captions; None if the run has no calibration."""
        if self.calibration is None:
            return None
        accepted = self.find_accepted(captions, self.calibration.bound)
        return measure_reliability([self.calibration(caption) for caption in captions], accepted)

    def score_scores(
        self, captions: Sequence[Any], reliability: Reliability | None
    ) -> dict[str, float | None]:
        """Return how far the scores of captions can be trusted.

        Calibration does not change the order of scores, and so not their correlation with CIDEr.
        """
        ciders = self.scorer.score_photos_by_cider([caption.text for caption in captions])
        correlation = correlate_ranks([caption.score for caption in captions], ciders)
        scores: dict[str, float | None] = {"score_CIDEr_correlation": correlation}
        if self.calibration is not None and reliability is not None:
            scores["score_bound"] = self.calibration.bound
            scores["score_accepted"] = reliability.accepted
            scores["score_Brier"] = reliability.brier
            scores["score_ECE"] = reliability.error
        return scores

    def _score_scenes(self, captions: Sequence[Any]) -> dict[str, float | None]:
        """Score facts and pointing of drawn scenes; return nothing for photographs."""
        if self.facts is None or self.language not in LANGUAGES:
            return {}
        scenes = [self.facts[photo.name] for photo in self.photos]
        facts = score_facts(captions, self.references, scenes, self.language)
        return facts | score_pointing(captions, scenes, self.language, PICTURE_SIZE)


@dataclass(frozen=True)
class Result:
    """The captions of a split and their scores."""

    split: str
    scores: dict[str, float | int | str | None]
    notes: list[str]  # what a reader of the scores must know
    photos: list[Photo]
    captions: list[Any]  # of these photos, in order
    reliability: Reliability | None = None  # of calibrated scores

    def sample(self, number: int) -> list[tuple[Photo, Any]]:
        """Return photos with their captions, from all over the split."""
        step = max(1, len(self.photos) // number)
        pairs = list(zip(self.photos, self.captions, strict=True))
        return pairs[::step][:number]


def score(evaluation: Evaluation) -> Result:
    """Caption the split and score the captions."""
    captions, seconds = evaluation.caption(**evaluation.search)
    language = evaluation.language
    is_english = language == "en"
    scores, notes = score_captions(
        [caption.text for caption in captions],
        evaluation.references,
        tokenize=choose_scoring_tokenizer(language),
        java=is_english,
    )
    if is_english:
        notes.insert(0, "scores count words as coco-caption splits English")
    else:
        unit = choose_unit(language)
        notes = [f"scores count {unit}; METEOR and SPICE are for English alone"]
    scores |= evaluation.score_teacher_forced()
    scores["images"] = len(captions)
    scores["seconds"] = seconds
    scores["captions_per_second"] = len(captions) / seconds
    scores |= evaluation.score_content(captions)
    reliability = evaluation.measure_reliability(captions)
    scores |= evaluation.score_scores(captions, reliability)
    if evaluation.clip is not None:
        scores["CLIP_model"] = evaluation.clip.name
        notes += evaluation.clip.describe([caption.text for caption in captions], language)
    if evaluation.objects is not None:
        notes += evaluation.objects.describe()
    notes = evaluation.notes + notes
    return Result(evaluation.split, scores, notes, evaluation.photos, captions, reliability)


def load_evaluation(
    run: Path,
    *,
    split: str,
    weights: str | None = None,
    clip: Path | None = None,
    objects: str | None = None,
    **changes: Any,
) -> Evaluation:
    """Load a run's best epoch and a split; `changes` are settings other than the run's.

    Args:
        clip: the folder of a CLIP model for CLIPScore.
        objects: the file that says which objects photos show, or `references`.
    """
    saved = read_saved_config(run)
    is_own = is_own_dataset(changes.get("dataset"), saved["dataset"], find_dataset)
    if not is_own:
        changes = {"format": None, "outside_photos": False} | changes
    settings = Settings.from_config(saved, **changes | {"strict": False})
    path = find_dataset(settings.data.dataset)
    settings = settings.replace("command line", dataset=str(path))
    # Before the photos are read: a damaged model is reported at once.
    loaded_clip = None if clip is None else load_clip(clip, settings.machine.engine)
    captioner = Captioner.load(run, weights=weights, engine=settings.machine.engine)
    # Photos that look alike are no matter here; finding them among many takes long.
    source = read_source(path, settings.data)
    dataset = split_source(source, settings, needed=())
    dataset.facts = read_facts(source)
    if is_own:
        missing = restore_run_splits(dataset, run)
    else:
        missing = dict.fromkeys(dataset.splits, 0)
    search = {name: value for name, value in changes.items() if name in captioner.settings}
    evaluation = make_evaluation(
        captioner,
        dataset,
        settings,
        run=run,
        split=split,
        is_own=is_own,
        missing=missing,
        search=search,
    )
    photos = evaluation.photos
    scorer = make_object_scorer(photos, source, language=evaluation.language, typed=objects)
    evaluation = replace(evaluation, objects=scorer)
    if loaded_clip is None:
        return evaluation
    cache = Path(settings.vision.cache)
    return replace(evaluation, clip=ClipScorer(loaded_clip, photos, cache))


def make_evaluation(
    captioner: TrainedCaptioner,
    dataset: Dataset,
    settings: Settings,
    *,
    run: Path,
    split: str,
    is_own: bool = True,
    missing: Mapping[str, int] | None = None,
    search: dict[str, Any] | None = None,
) -> Evaluation:
    """Put a captioner and a split together, with the features that the search needs.

    Args:
        is_own: whether the dataset is the one that the run was trained on.
        missing: how many photos of each split are gone.
        search: changes of the run's search.
    """
    missing = missing or {}
    notes = []
    if split == "test" and not dataset.splits["test"] and not missing.get("test"):
        split = "val"
        notes.append(NO_TEST_SPLIT)
    crops = Crops(settings.search.crops, captioner.reading)
    cache = FeatureCache(Path(settings.vision.cache), captioner.fingerprint)

    def encode(images: Any) -> Any:
        return captioner.encoder(images)  # loaded only if a feature is missing

    fill_cache(cache, dataset, encode, captioner.image_size, crops, splits=(split,))
    photos = dataset.splits[split]
    if not photos:
        raise UserError(f"{dataset.path} has no photos in {split} that can be read")
    if missing.get(split):
        notes.append(
            f"{missing[split]} photos of {split} are gone or cannot be read, and are not scored"
        )
    if not is_own or split == "test":  # a run has seen its own train and val, of course
        known = count_seen(run, photos)
        if known:
            notes.append(
                f"{known} of the {len(photos)} photos were in the training of {run}: the scores "
                "are too good"
            )
    tokenizer, max_length = captioner.tokenizer, settings.words.max_length
    training = tokenize_photos(dataset, split, tokenizer, max_length, NO_VIEWS)
    keys = [key for photo in photos for key in crops.keys(photo)]
    return Evaluation(
        split,
        captioner,
        photos,
        cache.select(keys, crops.number),
        CaptionBatches(training, cache, batch=BATCH, seed=0),
        settings,
        search=search or {},
        facts=dataset.facts,
        trained_on=dataset.splits["train"] if is_own else None,
        calibration=read_calibration(run),
        notes=notes,
    )


def restore_run_splits(dataset: Dataset, run: Path) -> dict[str, int]:
    """Put the photos into the run's splits; return how many of each split are gone."""
    restore_splits(dataset, run)
    listed = runs.read_splits(run)
    return {split: len(names) - len(dataset.splits[split]) for split, names in listed.items()}


def count_seen(run: Path, photos: Sequence[Photo]) -> int:
    """Return how many of the photos the run, or a run that it started from, was trained on."""
    marks = runs.read_seen(run) or set()
    return sum(runs.is_seen(photo.hash, marks) for photo in photos)


def is_own_dataset(name: str | None, saved: str | None, find: Callable[[str], Path]) -> bool:
    """Return whether a dataset is the run's own, however its path is written."""
    if name is None:
        return True
    if saved is None:
        return False
    folders = set()
    for path in (find(name), Path(saved)):
        folder = path if path.is_dir() else path.parent
        folders.add(folder.resolve())
    return len(folders) == 1


def choose_scoring_tokenizer(language: str) -> Callable[[str], list[str]]:
    """Return the function that splits captions for the scores, coco-caption's for English."""
    if normalize_language(language) == "en":
        return ptb.tokenize
    return SPLITTERS[choose_unit(language)]
