"""Train: the phases of a job, each with its loss and batches, and the epochs of a phase.

A job has one phase on true captions, and perhaps a self-critical one after it. Both have the same
photos, features and decoder.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import tensorflow as tf

import presets
from config import Settings
from data.caption_batches import CaptionBatches, TrainingPhoto
from data.feature_cache import FeatureStore
from data.photos.photo import Photo
from data.photos.views import Views
from data.preprocess import Dataset
from data.text.combining import find_similar_tokens
from data.text.loading import load_tokenizer
from data.text.tokenizer import END, PAD, SPECIAL_TOKENS, START, UNKNOWN, Tokenizer
from models.decoders.base import Decoder
from models.pretrained.loading import load_decoder_weights
from models.saved_networks import build_decoder_for
from models.search.rules import Rules
from models.training import warm_start
from models.training.checkpoints import list_checkpoints, load_weights
from models.training.losses import CrossEntropy, HardAttention, Objective
from models.training.optimizers import build_adam
from models.training.self_critical import SAMPLES, SelfCritical, make_cider_reward
from models.training.strategy import ALONE, Strategy
from models.training.trainer import Recipe, Trainer
from pipeline.dataset import NO_VIEWS, tokenize_photos
from pipeline.evaluation import choose_scoring_tokenizer
from pipeline.resume import Start
from pipeline.run import Run, without_precision
from utils import hugging_face, runs
from utils.commands import format_command
from utils.interrupt import Interruptible
from utils.metrics.cider_reward import CiderD
from utils.progress import TrainingBar
from utils.terminal import note, say, warn

END_WORD = "<end>"  # the end of a caption, as a word in the reward


# The decoder.


def build_decoder(
    config: Mapping[str, Any],
    tokenizer: Tokenizer,
    settings: Settings,
    start: Start,
    dataset: Dataset,
) -> Decoder:
    """Build the decoder that config.json describes, with the weights that the job starts from."""
    decoder = build_decoder_for(config, len(tokenizer))
    if list_checkpoints(start.run / "last"):
        return decoder  # its weights come with the checkpoint
    source = start.source
    weights = settings.decoding.decoder_weights
    if source is not None and not hugging_face.is_hugging_face(source):
        captions = [caption for photo in dataset.splits["train"] for caption in photo.captions]
        copy_decoder(decoder, tokenizer, source, config["fingerprint"], captions)
    elif settings.decoding.is_pretrained:
        load_decoder_weights(decoder, weights, tokenizer.pretrained_ids)
        say(f"the decoder starts with the weights of {hugging_face.describe(weights)}")
    return decoder


def copy_decoder(
    decoder: Decoder,
    tokenizer: Tokenizer,
    source: Path,
    fingerprint: Mapping[str, Any],
    captions: Sequence[str],
) -> None:
    """Copy the best weights of another run, word by word, and print what became of its words.

    New words start from words that they resemble in spelling or by their place in the captions.
    """
    saved = runs.read_config(source)
    known = load_tokenizer(source / "vocabulary.json")
    other = build_decoder_for(saved, len(known))
    load_weights(other, source / "best")
    tokens, known_tokens = tokenizer.spell_tokens(), known.spell_tokens()
    overlap = warm_start.copy_weights(decoder, tokens, other, known_tokens)
    _initialise_new_tokens(decoder, tokenizer, known_tokens, captions)
    is_same_encoder = without_precision(saved["fingerprint"]) == without_precision(fingerprint)
    if not is_same_encoder and not saved.get("finetune_encoder"):
        warn(
            f"the encoder differs from that of {source} (weights, layer or version): its features "
            "may mean something else to the decoder"
        )
    kept = overlap.shared - len(SPECIAL_TOKENS)
    say(
        f"from {source}: {kept} {tokenizer.token_name} keep their weights, "
        f"{overlap.new} are new, {overlap.dropped} of {source} are gone"
    )


def _initialise_new_tokens(
    decoder: Decoder, tokenizer: Tokenizer, known: Sequence[str], captions: Sequence[str]
) -> None:
    """Give the tokens that are not `known` weights of known ones that they resemble."""
    tokens = tokenizer.spell_tokens()
    learned = [token for token in known if token in set(tokens) - set(SPECIAL_TOKENS)]
    new = [token for token in tokens if token not in set(known)]
    spelled = []
    for caption in captions:
        spelled.append([tokens[number] for number in tokenizer.encode(caption)])
    counts = Counter(token for caption in spelled for token in caption)
    similar = find_similar_tokens(new, learned, spelled)
    warm_start.initialise_new_tokens(
        decoder, tokens, new=new, learned=learned, similar=similar, counts=counts
    )


# Phases.


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one loss: on true captions, or self-critical."""

    settings: Settings  # those of this phase
    first_epoch: int  # epochs that were done before it


def list_phases(settings: Settings, start: Start) -> Iterator[Phase]:
    """Yield the phases that are to come. The self-critical one starts after the epochs that there
    are by then.
    """
    yield Phase(settings, start.first_epoch)
    training = settings.training
    if training.scst or not training.reward_epochs:
        return
    done = len(runs.read_history(start.run))
    epochs = done + training.reward_epochs
    values = {**presets.SELF_CRITICAL, "scst": True, "epochs": epochs}
    say(f"\nself-critical training: epochs {done + 1} to {epochs}")
    yield Phase(settings.replace("--reward-epochs", **values), done)


def make_trainer(
    phase: Phase,
    decoder: Decoder,
    dataset: Dataset,
    tokenizer: Tokenizer,
    features: FeatureStore,
    views: Views,
    run: Run,
    strategy: Strategy = ALONE,
    replayed: Dataset | None = None,
) -> Trainer:
    """Make the trainer of a phase, with its loss and batches.

    `replayed` are photos of an earlier run, some of which are in each epoch.
    """
    settings = phase.settings
    training = settings.training
    max_length = settings.words.max_length
    photos = tokenize_photos(dataset, "train", tokenizer, max_length, views)
    old_photos = []
    if replayed is not None:
        old_photos = tokenize_photos(replayed, "train", tokenizer, max_length, NO_VIEWS)
    batch = training.batch
    if training.scst:
        learned = list(dataset.splits["train"])
        if replayed is not None:
            learned += replayed.splits["train"]
        objective = _make_self_critical(settings, decoder, learned, tokenizer, strategy)
        photos, old_photos = _without_captions(photos), _without_captions(old_photos)
        batch = max(1, batch // SAMPLES)
    elif settings.decoding.attention == "hard":
        objective = HardAttention(training.penalty, strategy=strategy)
    else:
        objective = CrossEntropy(training.penalty)
    batches = CaptionBatches(
        photos,
        features,
        batch=batch,
        seed=training.seed,
        passes=training.passes or 1,
        replayed=old_photos,
        replay=training.replay or 0.0,
        worker=strategy.worker.index,
        workers=strategy.worker.number,
    )
    recipe = Recipe(
        epochs=training.epochs,
        learning_rate=training.learning_rate,
        warmup=training.warmup,
        schedule=training.schedule,
        clip=training.clip,
        patience=training.patience,
        save_every=training.save_every,
        encoder_rate=settings.vision.encoder_rate,
        first_epoch=phase.first_epoch,
        precision=settings.machine.precision,
        keep=training.keep or 0.0,
    )
    optimizer = partial(build_adam, weight_decay=training.weight_decay)
    return Trainer(
        decoder, objective, batches, recipe, run.folder, optimizer=optimizer, strategy=strategy
    )


def _without_captions(photos: Sequence[TrainingPhoto]) -> list[TrainingPhoto]:
    """Return photos whose captions are sampled, not read, so that each comes once."""
    return [TrainingPhoto(photo.keys, ((START, END),)) for photo in photos]


def _make_self_critical(
    settings: Settings,
    decoder: Decoder,
    photos: Sequence[Photo],
    tokenizer: Tokenizer,
    strategy: Strategy,
) -> Objective:
    training = settings.training
    rules = Rules(START, END, (PAD, UNKNOWN, START), settings.words.max_length)
    reward = make_reward(settings, photos, tokenizer)
    return SelfCritical(
        decoder,
        reward,
        rules,
        seed=training.seed,
        baseline=training.baseline,
        strategy=strategy,
    )


def make_reward(settings: Settings, photos: Sequence[Photo], tokenizer: Tokenizer) -> Any:
    """Return the reward of sampled captions: CIDEr-D against the photo's true captions.

    Words are weighted by the number of training photos that they describe. The end counts as a
    word: without it, captions that stop before their last noun score no worse.
    """
    split_words = choose_scoring_tokenizer(str(settings.data.language))
    max_length = settings.words.max_length

    def spell(caption: str, has_end: bool = True) -> str:
        words = split_words(caption)
        if has_end:
            words = [*words, END_WORD]
        return " ".join(words)

    def decode(row: Sequence[int]) -> str:
        words = [word.text for word in tokenizer.decode(row) if word.text]
        has_end = END in row[:max_length]  # an end after that was not the decoder's choice
        return spell(tokenizer.join_words(words), has_end)

    references = []
    for photo in photos:
        references.append([spell(caption) for caption in photo.captions])
    return make_cider_reward(CiderD(references), decode)


# Epochs.


class Validation(Protocol):
    """Scores on val after each epoch, of captions or of classes."""

    def score(self) -> dict[str, Any]:
        """Return the scores of the weights as they are."""

    def merit(self, row: Mapping[str, Any]) -> float:
        """Return how good an epoch is, by its row of the history."""

    def describe(self, row: Mapping[str, Any], *, is_best: bool) -> str:
        """Return the lines for the terminal about an epoch."""


def start_phase(trainer: Trainer, phase: Phase, validation: Validation, run: Run) -> None:
    """Restore the phase's checkpoint, or start it from the weights as they are.

    A phase after other epochs starts from the best weights so far. They stay the best until an
    epoch beats them.
    """
    say(f"parameters: {trainer.decoder.count_params():,}; ready after {run.seconds:.0f} s")
    is_later = phase.first_epoch > 0
    if (run.is_resumed or is_later) and trainer.resume():
        return
    if is_later:
        load_weights_into_decoder(trainer, run.folder / "best")
    elif not _can_caption_already(phase.settings, run.start.source):
        if run.is_resumed:
            say("the run has no checkpoint yet: it starts over")
        return
    row = trainer.strategy.ask_first(validation.score)
    say(
        f"before the first epoch: val loss {row['val_loss']:.3f}, CIDEr {row['CIDEr']:.3f}, "
        f"BLEU-4 {row['Bleu_4']:.3f} (greedy)"
    )
    trainer.start_from_current_weights(validation.merit(row))


def _can_caption_already(settings: Settings, source: Path | None) -> bool:
    """Return whether the weights that training starts from can write captions already."""
    if source is None:
        return False
    if hugging_face.is_hugging_face(source) or settings.words.vocabulary_from != "new":
        return True
    return settings.training.scst or settings.vision.finetune_encoder


def load_weights_into_decoder(trainer: Trainer, folder: Path) -> None:
    """Load the decoder's weights alone: an encoder that is trained too starts as it is."""
    load_weights(trainer.decoder.parts()["decoder"], folder)


class _InterruptedByUser(Exception):
    """Raised between two steps, where everything can be saved."""


def train_epochs(
    trainer: Trainer,
    run: Run,
    validation: Validation,
    *,
    after_epoch: Callable[[list[dict[str, Any]], int], None],
    report_step: Callable[[int, int, float], None] | None = None,
) -> bool:
    """Train until the phase is finished; return False if Ctrl-C stopped it, with everything saved.

    Args:
        after_epoch: called with the history and the best epoch.
        report_step: called with the step, the number of steps, and the epoch's loss so far.
    """
    trainer.copy_weights_from_first()
    rows = runs.read_history(run.folder)[: trainer.epoch]
    runs.write_history(run.folder, rows)  # an epoch that was not saved is trained again
    board = tf.summary.create_file_writer(str(run.folder / "tensorboard"))
    steps = trainer.batches.steps
    done = trainer.epoch * steps + trainer.step
    with TrainingBar(trainer.recipe.epochs, steps, done=done) as bar, Interruptible() as stop_asked:

        def progress(step: int, steps: int, loss: float) -> None:
            bar.update(trainer.epoch + 1, step, steps, loss)
            if report_step is not None:
                report_step(step, steps, loss)
            if trainer.strategy.agree_to_stop(stop_asked(), is_last=step == steps):
                raise _InterruptedByUser

        while not trainer.is_finished:
            try:
                row = trainer.train_epoch(progress)
            except _InterruptedByUser:
                trainer.save()
                run.lap("training")
                if trainer.strategy.is_first and run.is_kept:
                    report_resume_command(run)
                return False
            run.lap("training")
            bar.scoring(row["epoch"])
            with trainer.use_kept_weights():
                row |= trainer.strategy.ask_first(validation.score)
            run.lap("validation")
            rows.append(row)
            runs.write_history(run.folder, rows)
            is_best = trainer.finish_epoch(validation.merit(row))
            _write_scalars(board, row)
            after_epoch(rows, trainer.best_epoch)
            run.lap("saving")
            say(validation.describe(row, is_best=is_best))
    return True


def _write_scalars(board: Any, row: Mapping[str, Any]) -> None:
    """Write an epoch's numbers for TensorBoard."""
    with board.as_default(row["epoch"]):
        for key, value in row.items():
            if isinstance(value, float):
                tf.summary.scalar(key, value)
    board.flush()


def report_resume_command(run: Run) -> None:
    """Print the command that resumes a stopped run."""
    command = format_command("train.py", "--run", run.folder, "--resume")
    note(f"stopped and saved; resume with: {command}")
