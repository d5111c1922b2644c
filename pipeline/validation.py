"""Scores on val of a decoder in training, after each epoch."""

from collections.abc import Mapping
from typing import Any

from config import Settings
from data.caption_batches import CaptionBatches
from data.feature_cache import FeatureStore
from data.photos.reading import Reading
from data.preprocess import Dataset
from data.text.tokenizer import Tokenizer
from models.decoders.base import Decoder
from models.encoders.encoder import Encoder
from models.trained_captioner import TrainedCaptioner
from pipeline.dataset import NO_VIEWS, tokenize_photos
from pipeline.evaluation import BATCH, Evaluation
from utils.metrics.captions import SCORE_KEYS, has_score, score_epoch
from utils.terminal import highlight

EARLIER = "earlier_"  # the scores of the val of an earlier run, whose photos are replayed


def make_captioner(
    encoder: Encoder, decoder: Decoder, tokenizer: Tokenizer, settings: dict[str, Any]
) -> TrainedCaptioner:
    """Make a captioner of the networks of a training job, with these settings by name."""
    return TrainedCaptioner(
        encoder=lambda: encoder,
        decoder=decoder,
        tokenizer=tokenizer,
        grid=encoder.grid,
        image_size=encoder.image_size,
        reading=Reading(**encoder.reading),
        settings=settings,
    )


class CaptionValidation:
    """Scores on val of a decoder in training: of greedy captions, and teacher-forced.

    Where photos of an earlier run are replayed, those of its val count as much as the new ones.
    """

    def __init__(
        self,
        dataset: Dataset,
        tokenizer: Tokenizer,
        features: FeatureStore,
        settings: Settings,
        decoder: Decoder,
        encoder: Encoder,
        replayed: Dataset | None = None,
    ) -> None:
        """Make everything that stays the same from epoch to epoch."""
        self._best_by = settings.training.best_by
        self._captioner = make_captioner(
            encoder, decoder, tokenizer, settings.flat() | {"beam": 1, "sample": False}
        )
        self._settings = settings
        self._features = features
        self._evaluation = self._make_evaluation(dataset)
        self._earlier = None
        if replayed is not None and replayed.splits["val"]:
            self._earlier = self._make_evaluation(replayed)

    def _make_evaluation(self, dataset: Dataset) -> Evaluation:
        photos = dataset.splits["val"]
        max_length = self._settings.words.max_length
        tokenizer = self._captioner.tokenizer
        training = tokenize_photos(dataset, "val", tokenizer, max_length, NO_VIEWS)
        return Evaluation(
            "val",
            self._captioner,
            photos,
            self._features.select([photo.hash for photo in photos]),
            CaptionBatches(training, self._features, batch=BATCH, seed=0),
            self._settings,
        )

    def score(self) -> dict[str, float]:
        """Return `val_loss`, `Top5`, the `forced_…` scores, and the scores of greedy captions that
        need no Java. Those of an earlier run's val are called `earlier_…`.
        """
        scores = _score(self._evaluation)
        if self._earlier is None:
            return scores
        earlier = _score(self._earlier)
        return scores | {f"{EARLIER}{name}": score for name, score in earlier.items()}

    def merit(self, row: Mapping[str, Any]) -> float:
        """Return the score that picks the best epoch."""
        if self._earlier is None:
            return score_epoch(row, self._best_by)
        earlier = {
            name.removeprefix(EARLIER): score
            for name, score in row.items()
            if name.startswith(EARLIER)
        }
        rows = (row, earlier)
        can_judge = all(has_score(each, self._best_by) for each in rows)
        best_by = self._best_by if can_judge else "loss"
        return sum(score_epoch(each, best_by) for each in rows) / 2

    def describe(self, row: Mapping[str, Any], *, is_best: bool) -> str:
        """Return an epoch's loss, and its scores on val."""
        learned = f"loss {row['loss']:.3f}"
        if "reward" in row:
            learned = f"reward {row['reward']:.3f}"
        if "greedy_reward" in row:
            learned += f" (greedy captions {row['greedy_reward']:.3f})"
        best = highlight(", best so far") if is_best else ""
        top = next(key for key in row if key.startswith("Top"))
        accuracy = f"top-{top.removeprefix('Top')} accuracy {row[top]:.3f}"
        lines = (
            f"epoch {row['epoch']}: {learned}, {row['seconds']:.0f} s{best}\n"
            f"    val, greedy captions: {_list_scores(row, '')}\n"
            f"    val, teacher-forced: {_list_scores(row, 'forced_')}, "
            f"loss {row['val_loss']:.3f}, {accuracy}"
        )
        if self._earlier is not None:
            lines += (
                f"\n    val of the earlier run, greedy captions: {_list_scores(row, EARLIER)}, "
                f"loss {row['earlier_val_loss']:.3f}"
            )
        return lines


def _score(evaluation: Evaluation) -> dict[str, float]:
    """Return the scores of greedy captions, and the teacher-forced ones."""
    captions = evaluation.captioner.from_features(evaluation.features)
    scores = evaluation.score_teacher_forced()
    scores["val_loss"] = scores.pop("loss")
    return scores | evaluation.scorer.score([caption.text for caption in captions])


def _list_scores(row: Mapping[str, Any], prefix: str) -> str:
    names = ("BLEU-2", "BLEU-4", "NIST-2", "NIST-4", "CIDEr")
    return ", ".join(f"{name} {row[prefix + SCORE_KEYS[name]]:.3f}" for name in names)
