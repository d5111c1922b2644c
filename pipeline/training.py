"""What training learns by, as the settings say: from true captions, by drawn locations, or from rewards; and its epochs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from config import Settings
from data.caption_batches import CaptionBatches, TrainingPhoto
from data.photos.views import Views
from data.preprocess import Dataset
from data.text.tokenizer import END, PAD, START, UNKNOWN, Tokenizer
from models.decoders.base import Decoder
from models.search.rules import Rules
from models.training.losses import CrossEntropy, HardAttention, Objective
from models.training.self_critical import SAMPLES, SelfCritical, make_cider_reward
from models.training.trainer import Trainer
from pipeline.dataset import training_photos
from pipeline.evaluation import tokenizer_for
from utils import runs
from utils.interrupt import Interruptible
from utils.metrics.cider_reward import CiderD
from utils.stopwatch import Stopwatch
from utils.terminal import TrainingBar, say

ENDS = "<end>"  # the mark that a caption has ended, as a word of its own in the reward


def wanted(
    settings: Settings,
    decoder: Decoder,
    prepared: Dataset,
    tokenizer: Tokenizer,
    cache: Any,
    views: Views,
) -> tuple[Objective, CaptionBatches]:
    """The objective, and the batches of training photos that it learns from."""
    training = settings.training
    photos = training_photos(prepared, "train", tokenizer, settings.words.max_length, views)
    if not training.scst:
        objective = (HardAttention if settings.decoding.attention == "hard" else CrossEntropy)(
            training.penalty
        )
        return objective, CaptionBatches(photos, cache, batch=training.batch, seed=training.seed)
    rules = Rules(START, END, (PAD, UNKNOWN, START), settings.words.max_length)
    objective = SelfCritical(
        decoder,
        _reward(settings, prepared, tokenizer),
        rules,
        seed=training.seed,
        baseline=training.baseline,
    )
    once = [
        TrainingPhoto(photo.keys, ((START, END),)) for photo in photos
    ]  # their captions are drawn, not read
    return objective, CaptionBatches(
        once, cache, batch=max(1, training.batch // SAMPLES), seed=training.seed
    )


def _reward(settings: Settings, prepared: Dataset, tokenizer: Tokenizer) -> Any:
    """CIDEr-D against the photo's true captions, words weighted by how many training photos they are said of.

    The end counts as a word: without it, captions that break off before their last noun score no worse.
    """
    cut = tokenizer_for(str(settings.data.language))

    def words(caption: str, ended: bool = True) -> str:
        return " ".join([*cut(caption), *[ENDS] * ended])

    def text(row: Sequence[int]) -> str:
        told = tokenizer.join_words([word.text for word in tokenizer.decode(row) if word.text])
        return words(
            told, END in row[: settings.words.max_length]
        )  # an end after that was not of its choice

    score = CiderD(
        [[words(caption) for caption in photo.captions] for photo in prepared.splits["train"]]
    )
    return make_cider_reward(score, text)


def epochs(
    trainer: Trainer,
    run: Path,
    spent: Stopwatch,
    *,
    scores: Callable[[], dict[str, Any]],
    merit: Callable[[dict[str, Any]], float],
    curves: Callable[[list[dict[str, Any]]], None],
    told: Callable[[dict[str, Any], bool], str],
    each_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> bool:
    """Train until finished; False when Ctrl-C stopped it, everything saved. The time goes into `spent`.

    Args:
        scores: of the weights as they are, on val.
        merit: how good an epoch is, by its row of the history.
        curves: draws the history, and writes the page.
        told: what is said of an epoch, and whether it is the best so far.
        each_step: told of each step how many are done, of how many, and the epoch's loss so far.
    """
    import tensorflow as tf

    rows = runs.read_history(run)[: trainer.epoch]
    runs.write_history(run, rows)  # an epoch that was told but not saved is trained again
    board = tf.summary.create_file_writer(str(run / "tensorboard"))
    steps = trainer.batches.steps
    with (
        TrainingBar(trainer.recipe.epochs, steps, done=trainer.epoch * steps + trainer.step) as bar,
        Interruptible() as interrupted,
    ):

        def progress(step: int, steps: int, loss: float) -> None:
            bar.update(trainer.epoch + 1, step, steps, loss)
            each_step(step, steps, loss)
            if interrupted():
                raise _AskedToStop

        while not trainer.is_finished:
            try:
                row = trainer.train_epoch(progress)
            except _AskedToStop:
                trainer.save()
                spent.lap("training")
                spent.save()
                return False
            spent.lap("training")
            bar.scoring(row["epoch"])
            row |= scores()
            spent.lap("validation")
            rows.append(row)
            runs.write_history(run, rows)
            best = trainer.finish_epoch(merit(row))
            with board.as_default(row["epoch"]):
                for key, value in row.items():
                    if isinstance(value, float):
                        tf.summary.scalar(key, value)
            board.flush()
            spent.save()
            curves(rows)
            spent.lap("saving")
            say(told(row, best))
    return True


class _AskedToStop(Exception):
    """Raised between two steps, where everything can be saved."""
