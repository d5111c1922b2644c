"""The outline of a training job: a captioner's, and a classifier's.

Whatever a job prints or draws about its results goes through a Reporter, which the command brings
along.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from config import TRANSFORMERS, Settings
from data.class_batches import ClassBatches
from data.preprocess import Dataset
from data.text.loading import load_tokenizer
from data.text.tokenizer import Tokenizer
from models.captioner import Captioner
from models.classifier import Classifier
from models.decoders.base import Decoder, check_max_length
from models.decoders.blocks import POSITIONS
from models.decoders.with_encoder import DecoderWithEncoder
from models.encoders.encoder import Encoder
from models.pretrained.loading import find_decoder_sizes
from models.training.strategy import Strategy, join
from models.training.trainer import Trainer
from pipeline.calibration import NoCalibration, describe_calibration, fit_calibration
from pipeline.classifier.dataset import ClassPictures, describe_classes, prepare_classes
from pipeline.classifier.evaluation import evaluate_classes
from pipeline.classifier.training import (
    ClassValidation,
    RunningLoss,
    make_batches,
    make_class_trainer,
    make_network,
)
from pipeline.cluster_features import fill_cache_on_cluster
from pipeline.dataset import (
    fit_tokenizer,
    keeps_vocabulary,
    prepare_dataset,
    report_left_out,
    report_look_alikes,
    report_seen,
    warn_of_little,
)
from pipeline.evaluation import make_evaluation, score
from pipeline.features import build_encoder, extract, make_views, report_engine
from pipeline.replay import find_replayed, report_replayed
from pipeline.resume import TRANSFORMER_FACTS, FromRun, Resumed, Start
from pipeline.run import Run, copy_to_resume
from pipeline.settings import TYPED, complete
from pipeline.training import (
    Phase,
    Validation,
    build_decoder,
    list_phases,
    make_trainer,
    start_phase,
    train_epochs,
)
from pipeline.validation import CaptionValidation
from utils import hugging_face, runs
from utils.calibration import remove_calibration, write_calibration
from utils.command_line import option_name
from utils.commands import format_command
from utils.device import has_bfloat16, use_device
from utils.errors import UsageError
from utils.terminal import say
from utils.workers import ALONE, Worker

INTERRUPTED = 130  # the exit status that shells expect after Ctrl-C


class Reporter(Protocol):
    """Draws and writes what people see of a job."""

    def write_page(self) -> None:
        """Write the run's page as far as the job has come."""

    def after_epoch(self, rows: list[dict[str, Any]], best_epoch: int) -> None:
        """Draw the curves, and write the page."""

    def finish(self, evaluated: Any, result: Any, run: Run) -> None:
        """Print the scores, draw pictures, and write the page with them."""


class CaptionReporter(Reporter, Protocol):
    """The reporter of a captioner's job."""

    def describe_dataset(
        self,
        chosen: Settings,
        settings: Settings,
        dataset: Dataset,
        tokenizer: Tokenizer,
        source: Path | None,
    ) -> str:
        """Return the dataset in a few lines; `chosen` are the settings as they were typed."""


class ClassReporter(Reporter, Protocol):
    """The reporter of a classifier's job."""

    def draw_samples(
        self, batches: ClassBatches, pictures: ClassPictures, settings: Settings
    ) -> None:
        """Draw some of the training pictures as the network gets them."""


def train_captioner(
    settings: Settings,
    start: Start,
    reporter: CaptionReporter,
    *,
    ray: str | None = None,
    folds: dict[str, Any] | None = None,
    worker: Worker = ALONE,
) -> int:
    """Train a captioner and score it; return the exit status.

    `ray` is the address of a Ray cluster whose machines encode the photos. `folds` are k-fold
    scores, which are saved in the run. Of several workers, worker 0 scores and writes the run.
    """
    use_device(settings.machine.device)
    strategy = join(worker, timeout=settings.machine.worker_timeout)
    start = choose_folder(start, strategy)
    run = Run.open(start, Path(settings.vision.cache))
    chosen, sizes = add_decoder_sizes(settings, start)
    with strategy.first_goes_first():  # it may draw the scenes, and remembers photos
        dataset = prepare_dataset(chosen)
    strategy.check_equal("the photos or captions", [dataset.names(), dataset.digest()])
    settings = complete_settings(chosen, dataset, sizes, strategy, start)
    tokenizer = make_tokenizer(chosen, settings, dataset, start)
    announce(chosen, settings, dataset, tokenizer, start, reporter)
    run.check_photos(dataset)
    run.lap("reading")

    with strategy.first_goes_first():  # it may train the encoder
        encoder = build_encoder(settings, dataset)
    strategy.check_equal("the encoders", encoder.fingerprint())
    run.check_encoder(encoder.fingerprint(), is_tuned=settings.vision.finetune_encoder)
    views = make_views(settings)
    if ray is not None and strategy.is_first:
        fill_cache_on_cluster(ray, settings, dataset, encoder, views)
    strategy.wait_for_all()
    features = extract(settings, dataset, encoder, views, strategy)
    replayed = find_replayed(settings, dataset, start, features)
    if not strategy.is_equal(None if replayed is None else replayed.digest()):
        replayed = None  # each worker has a cache of its own, and they hold different features
    if isinstance(start, FromRun) and settings.training.replay:
        report_replayed(settings, start.source, dataset, replayed)
    run.lap("features")

    facts = list_facts(settings, dataset, encoder, start) | sizes
    model = build_model(settings, tokenizer, encoder, facts, start, dataset)
    if strategy.is_first:
        run.save(settings, dataset, tokenizer, encoder, replayed)
        if folds is not None:
            runs.write_folds(run.folder, folds)
    for phase in list_phases(settings, start):
        run.save_config(phase.settings, facts | {"first_epoch": phase.first_epoch})
        strategy.advice = strategy.ask_first(partial(advise_resuming, run))
        trainer = make_trainer(
            phase, model, dataset, tokenizer, features, views, run, strategy, replayed
        )
        validation = CaptionValidation(
            dataset, tokenizer, features, phase.settings, model, encoder, replayed
        )
        start_phase(trainer, phase, validation, run)
        if not train_phase(trainer, validation, run, reporter):
            return INTERRUPTED

    if not strategy.is_first:
        return 0
    report_best_epoch(trainer, phase)
    captioner = Captioner.load(run.folder, engine=settings.machine.engine)
    calibrate(captioner, dataset, phase.settings, run)
    evaluation = make_evaluation(captioner, dataset, phase.settings, run=run.folder, split="test")
    result = score(evaluation)
    run.save_scores(result)
    reporter.finish(evaluation, result, run)
    return 0


def train_classifier(settings: Settings, start: Start, reporter: ClassReporter) -> int:
    """Train a classifier and score it; return the exit status."""
    use_device(settings.machine.device)
    run = Run.open(start, Path(settings.vision.cache))
    pictures = prepare_classes(settings)
    dataset = pictures.dataset
    say(describe_classes(pictures))
    report_left_out(dataset)
    run.check_photos(dataset)
    run.lap("reading")

    network = make_network(settings, pictures)
    run.save_dataset(dataset)
    save_class_config(run, settings, pictures)
    batches = make_batches(settings, pictures)
    if not run.is_resumed:
        reporter.draw_samples(batches, pictures, settings)

    trainer = make_class_trainer(settings, network, batches, run.folder)
    validation = ClassValidation(settings, network, pictures)
    say(f"parameters: {network.count_params():,}; ready after {run.seconds:.0f} s")
    if run.is_resumed and not trainer.resume():
        say("the run has no checkpoint yet: it starts over")
    if not train_phase(trainer, validation, run, reporter, report_step=RunningLoss(say)):
        return INTERRUPTED

    say(f"scoring the best epoch, {trainer.best_epoch}")
    classifier = Classifier.load(run.folder)
    result = evaluate_classes(classifier, pictures, "test", top=settings.training.top)
    run.save_scores(result)
    reporter.finish(pictures, result, run)
    return 0


# The steps that are too small for a module of their own.


def choose_folder(start: Start, strategy: Strategy) -> Start:
    """Return the start in the folder where this worker writes: worker 0 in the run, each other in a
    temporary copy of it.
    """
    if not strategy.is_first:
        folder = strategy.make_folder(start.run.name)
        if isinstance(start, Resumed):
            copy_to_resume(start.run, folder)
        start = replace(start, run=folder)
    strategy.wait_for_all()  # worker 0 changes nothing in the run before it is copied
    return start


def advise_resuming(run: Run) -> str:
    """Return what to do after a worker was lost."""
    command = format_command("train.py", "--run", run.folder, "--resume")
    return f"start all workers again with: {command}"


def train_phase(
    trainer: Trainer,
    validation: Validation,
    run: Run,
    reporter: Reporter,
    report_step: Callable[[int, int, float], None] | None = None,
) -> bool:
    """Train the epochs of a phase, with the run's page always up to date; False after Ctrl-C."""
    reporter.write_page()
    run.lap("preparing")
    is_done = train_epochs(
        trainer, run, validation, after_epoch=reporter.after_epoch, report_step=report_step
    )
    if not is_done:
        reporter.write_page()
    return is_done


def add_decoder_sizes(settings: Settings, start: Start) -> tuple[Settings, dict[str, Any]]:
    """Return the settings with the sizes of the decoder's pretrained weights, and the facts beyond
    the settings.

    Typed sizes that differ from the weights' are rejected.
    """
    source = start.source
    saved = None
    if isinstance(start, Resumed):
        saved = start.saved
    elif source is not None and not hugging_face.is_hugging_face(source):
        saved = runs.read_config(source)
    if saved is not None:
        return settings, {name: saved[name] for name in TRANSFORMER_FACTS if name in saved}
    if not settings.decoding.is_pretrained:
        return settings, {}
    weights = settings.decoding.decoder_weights
    sizes = find_decoder_sizes(weights)
    facts = {name: sizes.pop(name) for name in TRANSFORMER_FACTS if name in sizes}
    flat = settings.flat()
    for name, size in sizes.items():
        if settings.origins.get(name) == TYPED and flat[name] != size:
            raise UsageError(
                f"{option_name(name)} must be {size} for --decoder-weights {weights} "
                f"(got {flat[name]}); omit it, or use --decoder-weights none"
            )
    return settings.replace(f"--decoder-weights {weights}", **sizes), facts


def complete_settings(
    chosen: Settings,
    dataset: Dataset,
    sizes: dict[str, Any],
    strategy: Strategy,
    start: Start,
) -> Settings:
    """Return the settings with every value; check that a transformer has the positions.

    All workers train in the precision that suits the machine of worker 0.
    """
    settings = complete(
        chosen,
        dataset,
        has_bfloat16=strategy.ask_first(has_bfloat16),
        source=start.source_settings,
    )
    if settings.decoding.decoder in TRANSFORMERS:
        check_max_length(settings.words.max_length, sizes.get("positions", POSITIONS))
    return settings


def make_tokenizer(
    chosen: Settings, settings: Settings, dataset: Dataset, start: Start
) -> Tokenizer:
    """Load a resumed run's tokenizer, or fit one; `chosen` are the settings as they were typed."""
    if isinstance(start, Resumed):
        return load_tokenizer(start.run / "vocabulary.json")
    source = chosen.words.tokenizer
    return fit_tokenizer(settings, dataset, source=source, start=start.source)


def announce(
    chosen: Settings,
    settings: Settings,
    dataset: Dataset,
    tokenizer: Tokenizer,
    start: Start,
    reporter: CaptionReporter,
) -> None:
    """Print engine and dataset, what was skipped, what looks alike, and what was seen before."""
    report_engine(settings)
    source = start.source if keeps_vocabulary(settings, start.source) else None
    say(reporter.describe_dataset(chosen, settings, dataset, tokenizer, source))
    report_left_out(dataset)
    report_look_alikes(dataset)
    if not isinstance(start, Resumed):
        warn_of_little(dataset, tokenizer, has_start=start.source is not None)
    if isinstance(start, FromRun):
        report_seen(dataset, start.source)


def list_facts(
    settings: Settings, dataset: Dataset, encoder: Encoder, start: Start
) -> dict[str, Any]:
    """Return what config.json says beyond the settings."""
    source = start.source
    return {
        "fingerprint": encoder.fingerprint(),
        "encoder_weights": encoder.weights,
        "scenes": dataset.facts is not None,
        "captions": dataset.digest(),
        "from": None if source is None else str(source),
    }


def build_model(
    settings: Settings,
    tokenizer: Tokenizer,
    encoder: Encoder,
    facts: dict[str, Any],
    start: Start,
    dataset: Dataset,
) -> Decoder:
    """Build what is trained: the decoder, or encoder and decoder together."""
    decoder = build_decoder(settings.flat() | facts, tokenizer, settings, start, dataset)
    if settings.vision.finetune_encoder:
        decoder = DecoderWithEncoder(encoder, decoder)
    return decoder


def save_class_config(run: Run, settings: Settings, pictures: ClassPictures) -> None:
    """Write how the classifier is built, and its settings."""
    if not run.is_resumed:
        facts = {
            "encoder": "convnet",
            "trunk": settings.classes.trunk,
            "image_size": pictures.image_size,
        }
        runs.write_encoder_construction(run.folder, facts)
    facts = {
        "encoder": "convnet",
        "image_size": pictures.image_size,
        "classes": pictures.classes,
        "captions": pictures.dataset.digest(),
    }
    run.save_config(settings, facts)


def calibrate(captioner: Captioner, dataset: Dataset, settings: Settings, run: Run) -> None:
    """Fit the calibration of the scores on val, and print what came of it."""
    remove_calibration(run.folder)
    evaluation = make_evaluation(captioner, dataset, settings, run=run.folder, split="val")
    epoch = runs.find_best_epoch(run.folder) or 0
    try:
        calibration = fit_calibration(evaluation, epoch)
    except NoCalibration as reason:
        say(f"scores of captions are not calibrated: {reason}")
        return
    write_calibration(run.folder, calibration)
    say(describe_calibration(calibration))


def report_best_epoch(trainer: Trainer, phase: Phase) -> None:
    """Print which epoch is scored."""
    if trainer.best_epoch > phase.first_epoch:
        say(f"scoring the best epoch, {trainer.best_epoch}")
    else:
        say("no epoch was better than the weights before it, which are kept and scored")
