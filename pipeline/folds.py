"""K-fold scores of few photos: train.py --folds.

Each fold holds out a part of the photos. A decoder that has not seen them captions them, and at the
end the captions of all photos are scored together: CIDEr of the two photos of a small test split
says nothing. Features are cached, so only decoders are trained again. Nothing else is kept.
"""

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from config import Settings
from data.photos.photo import Photo
from data.preprocess import Dataset, divide_photos
from models.encoders.encoder import Encoder
from models.training.checkpoints import load_weights
from models.training.strategy import ALONE
from pipeline.dataset import prepare_dataset
from pipeline.evaluation import choose_scoring_tokenizer, make_evaluation
from pipeline.features import build_encoder, extract, make_views
from pipeline.job import (
    add_decoder_sizes,
    build_model,
    complete_settings,
    list_facts,
    make_tokenizer,
    train_phase,
)
from pipeline.replay import find_replayed
from pipeline.resume import Start
from pipeline.run import Run
from pipeline.training import list_phases, make_trainer, start_phase
from pipeline.validation import CaptionValidation, make_captioner
from utils.device import use_device
from utils.errors import UsageError
from utils.metrics.captions import Scorer
from utils.terminal import say

SCORES = ("Bleu_1", "Bleu_4", "ROUGE_L", "CIDEr")


@dataclass(frozen=True)
class Fold:
    """The photos of a fold that were held out, and their captions."""

    photos: list[Photo]
    captions: list[str]


class _Silent:
    """The reporter of folds, which have no page."""

    def write_page(self) -> None:
        return

    def after_epoch(self, _rows: list[dict[str, Any]], _best_epoch: int) -> None:
        return


def score_folds(settings: Settings, start: Start, number: int) -> dict[str, Any]:
    """Train and score this number of decoders; return their scores."""
    use_device(settings.machine.device)
    chosen, sizes = add_decoder_sizes(settings, start)
    dataset = prepare_dataset(chosen)
    settings = complete_settings(chosen, dataset, sizes, ALONE, start)
    encoder = build_encoder(settings, dataset)
    folds = []
    for place, splits in enumerate(divide(dataset, settings, number), start=1):
        counts = ", ".join(f"{split} {len(photos)}" for split, photos in splits.items())
        say(f"\nfold {place} of {number}: {counts}")
        part = replace(dataset, splits=splits)
        with tempfile.TemporaryDirectory(prefix="fold-") as folder:
            fold = _train_fold(
                chosen, settings, part, encoder, replace(start, run=Path(folder)), sizes
            )
        folds.append(fold)
    return compute_scores(folds, str(settings.data.language))


def divide(dataset: Dataset, settings: Settings, number: int) -> list[dict[str, list[Photo]]]:
    """Return the splits of each fold: every photo is in test once. Val is taken from the rest."""
    photos = [photo for split in dataset.splits.values() for photo in split]
    seed = settings.training.seed
    parts = divide_photos(photos, number, seed)
    if len(parts) < number:
        raise UsageError(
            f"--folds must be at most the number of different photos, {len(parts)} (got {number})"
        )
    folds = []
    for test in parts:
        held_out = set(test)
        rest = [photo for photo in photos if photo not in held_out]
        shares = divide_photos(rest, max(2, round(1 / settings.data.test_size)), seed)
        if len(shares) < 2:
            raise UsageError("--folds needs three different photos or more")
        val = set(shares[0])
        train = [photo for photo in rest if photo not in val]
        folds.append({"train": train, "val": shares[0], "test": test})
    return folds


def _train_fold(
    chosen: Settings,
    settings: Settings,
    dataset: Dataset,
    encoder: Encoder,
    start: Start,
    sizes: dict[str, Any],
) -> Fold:
    """Train a decoder without the photos in test, and caption them."""
    run = Run(start.run, start, is_kept=False)
    tokenizer = make_tokenizer(chosen, settings, dataset, start)
    views = make_views(settings)
    features = extract(settings, dataset, encoder, views)
    replayed = find_replayed(settings, dataset, start, features)
    facts = list_facts(settings, dataset, encoder, start) | sizes
    decoder = build_model(settings, tokenizer, encoder, facts, start, dataset)
    for phase in list_phases(settings, start):
        trainer = make_trainer(
            phase, decoder, dataset, tokenizer, features, views, run, ALONE, replayed
        )
        validation = CaptionValidation(
            dataset, tokenizer, features, phase.settings, decoder, encoder, replayed
        )
        start_phase(trainer, phase, validation, run)
        if not train_phase(trainer, validation, run, _Silent()):
            raise KeyboardInterrupt
    load_weights(decoder, run.folder / "best")
    captioner = make_captioner(encoder, decoder, tokenizer, settings.flat())
    evaluation = make_evaluation(captioner, dataset, settings, run=run.folder, split="test")
    captions, _ = evaluation.caption()
    return Fold(evaluation.photos, [caption.text for caption in captions])


def compute_scores(folds: Sequence[Fold], language: str) -> dict[str, Any]:
    """Return the scores of all photos together, and mean and spread of those of each fold.

    A fold's CIDEr is the mean over its photos, with the weights of words that all photos give.
    """
    tokenize = choose_scoring_tokenizer(language)
    photos = [photo for fold in folds for photo in fold.photos]
    captions = [caption for fold in folds for caption in fold.captions]
    scorer = Scorer([photo.captions for photo in photos], tokenize=tokenize)
    ciders = iter(scorer.score_photos_by_cider(captions))
    by_fold: dict[str, list[float]] = {name: [] for name in SCORES}
    for fold in folds:
        own = Scorer([photo.captions for photo in fold.photos], tokenize=tokenize)
        scores = own.score(fold.captions, [name for name in SCORES if name != "CIDEr"])
        scores["CIDEr"] = statistics.mean(next(ciders) for _ in fold.photos)
        for name, score in scores.items():
            by_fold[name].append(score)
    return {
        "photos": len(photos),
        "together": scorer.score(captions, SCORES),
        "folds": by_fold,
        "mean": {name: statistics.mean(scores) for name, scores in by_fold.items()},
        "spread": {name: statistics.stdev(scores) for name, scores in by_fold.items()},
    }
