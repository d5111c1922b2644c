"""Train a captioner: read captions, extract features once, train on them, score the result.

    python train.py                                  the built-in scenes, or what lies in datasets/
    python train.py --dataset FOLDER --batch 64      your own photos and captions
    python train.py --run NAME --resume              go on where a run stopped
    python train.py --dataset FOLDER --from NAME     begin from what another run has learned
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import config
import starting
from config import Settings
from data.scenes import FOLDER
from utils import runs
from utils.device import use_device
from utils.errors import Refusal, WrongArgument, run_script
from utils.files import refuse_unwritable, write_json
from utils.interrupt import Interruptible
from utils.progress import EpochBar, say
from utils.quiet import import_tensorflow


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = config.parser(__doc__)
    run = parser.add_argument_group("run")
    run.add_argument("--preset", metavar="NAME", default=argparse.SUPPRESS,
                     help=f"the system to train: {', '.join(config.PRESETS)} (default inception-gru)")
    run.add_argument("--run", metavar="NAME|DIR", help="name of the run, or its folder (default: preset, date and time)")
    run.add_argument("--resume", action="store_true", help="go on with the run exactly where its last checkpoint stands")
    run.add_argument("--from", dest="start", metavar="NAME|DIR", help="begin from the best weights of another run: with "
                     "its encoder and decoder, and what it learned of the words that both runs know")
    for group in config.GROUPS:
        config.add_options(parser, group)
    return parser


def main() -> int:
    """Train; 0 when done, 130 when stopped by Ctrl-C with everything saved."""
    given = vars(options().parse_args())
    name, resume, start = (given.pop(each) for each in ("run", "resume", "start"))
    if resume:
        run, settings = _resumed(name, given, start)
        if (run / "scores.json").is_file() and not _longer(run, settings):
            print(f"{run} is finished; nothing to do (train longer with --epochs or --patience)")
            return 0
    else:
        run = runs.place(name, default=given.get("preset", "inception-gru"))
        if run.exists():
            raise Refusal(f"the run {run} exists; go on with it by --resume, or choose another --run")
        settings = None
        if start is not None:
            start = runs.find(start)
            given = starting.inherited(start, given)
        config.resolve(given, scenes=False)  # wrong values are told before TensorFlow takes its seconds to load
    import_tensorflow()
    try:
        return _train(run, settings, given, resume=resume, start=start)
    except KeyboardInterrupt:
        if (run / "config.json").is_file():
            raise
        print("stopped before training began; the same command goes on, and extracts nothing twice", file=sys.stderr)
        return 130


def _resumed(name: str | None, given: dict[str, Any], start: str | None) -> tuple[Path, Settings]:
    """The run to go on with and its settings, with what may change changed."""
    run = runs.find(name)
    config_ = runs.read_config(run)
    if start is not None and str(runs.find(start)) != config_.get("from"):
        raise WrongArgument(f"--from cannot change when a run is resumed: it was {config_.get('from')!r}; start a new run")
    saved = Settings.of_run(config_).flat()
    if "dataset" in given:
        typed = FOLDER if given["dataset"] == "scenes" else Path(given["dataset"])
        if typed.resolve() == Path(saved["dataset"]).resolve():  # ./photos is photos
            del given["dataset"]
    other = [key for key, value in given.items() if key not in config.RESUMABLE and value != saved[key]]
    if other:
        flags = ", ".join("--" + key.replace("_", "-") for key in other)
        raise WrongArgument(f"{flags} cannot change when a run is resumed: it was {saved[other[0]]!r}; start a new run")
    return run, Settings.from_flat(saved | given)


def _longer(run: Path, settings: Settings) -> bool:
    """Whether a run that has its final scores is now asked for more epochs, or for more patience than it ended by."""
    before = Settings.of_run(runs.read_config(run)).training
    done = len(runs.read_history(run))
    return settings.training.epochs > done and (
        settings.training.epochs > before.epochs or settings.training.patience > before.patience)


def _train(run: Path, settings: Settings | None, given: dict[str, Any], *, resume: bool, start: Path | None) -> int:
    """The whole job, as an outline."""
    import encoding
    import evaluate
    import stages
    import summary
    from data.batches import Batches
    from data.photo_hashes import PhotoHashes
    from data.preprocess import Views
    from data.tokenizer import load
    from models.captioner import decoder_of
    from models.checkpoint import stored
    from models.training import Recipe, Trainer

    began = time.perf_counter()
    path = stages.dataset_path(settings.data.dataset if settings else given.get("dataset"), given.get("language"))
    settings = settings or config.resolve(given | {"dataset": str(path)}, scenes=stages.is_scenes(path))
    use_device(settings.machine.device)
    encoding.refuse_unknown_names(settings)
    for folder in (run, Path(settings.vision.cache)):
        refuse_unwritable(folder)

    dataset = stages.read_dataset(path, settings.data)
    asked, settings = settings, stages.suited(settings, dataset)
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    views = Views(settings.vision.augment, settings.training.seed)

    def told(prepared: Any, pairs: list) -> Any:
        """The tokenizer; all that is known so far on the screen, and what is wrong with it refused."""
        tokenizer = load(run / "vocabulary.json") if resume else stages.fitted(settings, prepared)
        say(summary.short(asked, settings, dataset, prepared, tokenizer))
        stages.report_left_out(prepared.left_out, strict=settings.data.strict)
        stages.report_near_duplicates(prepared, pairs)
        if resume:
            _refuse_other_photos(run, prepared)
        elif start:
            stages.report_seen(prepared, start)
        return tokenizer

    looked_through = stages.look_through(dataset, settings, hashes)
    tokenizer, digest = told(*looked_through), looked_through[0].digest()
    ready = encoding.have_all(dataset, settings, hashes, views, looked_through=looked_through)
    prepared, cache = ready.prepared, ready.features
    if prepared.digest() != digest:  # photos turned out unreadable
        tokenizer = told(prepared, ready.pairs)

    resolved = settings.flat() | {"fingerprint": cache.fingerprint, "encoder_weights": ready.weights,
                                  "scenes": stages.is_scenes(path), "captions": prepared.digest(),
                                  "from": str(start) if start else None}
    decoder = decoder_of(resolved, len(tokenizer))
    if resume:
        resolved["from"] = _unchanged(run, resolved)
    if resolved["from"] and not stored(run / "last"):
        starting.take_over(decoder, tokenizer, Path(resolved["from"]), cache.fingerprint)
    if not resume:
        _begin_folder(run, tokenizer, prepared, ready.pairs, start)
    runs.write_config(run, resolved)
    if settings.vision.save_augmented:
        stages.save_augmented(prepared, views, ready.encoder.image_size, run / "augmented")

    training = settings.training
    batches = Batches(stages.training_photos(prepared, "train", tokenizer, settings.words.max_length, views), cache,
                      batch=training.batch, seed=training.seed)
    recipe = Recipe(training.epochs, training.learning_rate, training.warmup, training.schedule, training.clip,
                    training.patience, training.save_every, training.penalty)
    trainer = Trainer(decoder, batches, recipe, run)
    if resume and not trainer.resume():
        print("the run has no checkpoint yet: it starts over")
    say(f"parameters: {decoder.count_params():,}; ready after {time.perf_counter() - began:.0f} s")
    if not _epochs(trainer, evaluate.Validation(prepared, tokenizer, cache, settings, decoder, ready.encoder), run):
        print(f"stopped and saved; go on with: python train.py --run {run} --resume", file=sys.stderr)
        return 130
    return _final(run, settings, began)


def _begin_folder(run: Path, tokenizer: Any, prepared: Any, pairs: list[tuple[Any, Any]], start: Path | None) -> None:
    """Write a new run's words and splits, which photos it learns from, and what was left out."""
    tokenizer.save(run / "vocabulary.json")
    write_json(run / "splits.json", _splits(prepared))
    runs.write_seen(run, (photo.hash for split in ("train", "val") for photo in prepared.splits[split]), start)
    if prepared.left_out:
        write_json(run / "left_out.json", [each._asdict() for each in prepared.left_out])
    if pairs:
        write_json(run / "near_duplicates.json", [{"photo": one.name, "looks_like": other.name} for one, other in pairs])


def _splits(prepared: Any) -> dict[str, list[str]]:
    return {split: [photo.name for photo in photos] for split, photos in prepared.splits.items()}


def _refuse_other_photos(run: Path, prepared: Any) -> None:
    """Refuse to go on with a run whose photos or captions are not what they were."""
    before = runs.read_config(run)
    if _splits(prepared) != runs.read_splits(run) or before.get("captions") != prepared.digest():
        raise Refusal(f"the photos or captions of {before['dataset']} have changed since {run} began; start a new run")


def _unchanged(run: Path, values: dict[str, Any]) -> str | None:
    """See that a resumed run finds its encoder as it was; the run that it began from."""
    before = runs.read_config(run)
    if before["fingerprint"] != values["fingerprint"]:
        raise Refusal(f"the encoder is not what it was when {run} began: other weights, or another version of Keras; "
                      "start a new run")
    (run / "scores.json").unlink(missing_ok=True)  # of fewer epochs
    return before.get("from")


def _epochs(trainer: Any, validation: Any, run: Path) -> bool:
    """Train until finished; False when Ctrl-C stopped it, everything saved."""
    import tensorflow as tf

    from utils.plots import history_curves

    rows = runs.read_history(run)[: trainer.epoch]
    runs.write_history(run, rows)  # an epoch that was told but not saved is trained again
    board = tf.summary.create_file_writer(str(run / "tensorboard"))
    with EpochBar() as bar, Interruptible() as interrupted:

        def progress(step: int, steps: int, loss: float) -> None:
            bar.update(trainer.epoch + 1, step, steps, loss)
            if interrupted():
                raise _AskedToStop

        while not trainer.finished:
            try:
                row = trainer.train_epoch(progress)
            except _AskedToStop:
                trainer.save()
                return False
            row |= validation.scores()
            rows.append(row)
            runs.write_history(run, rows)
            best = trainer.finish_epoch(row["CIDEr"] or -row["val_loss"])  # the loss where CIDEr tells nothing
            with board.as_default(row["epoch"]):
                for key, value in row.items():
                    if isinstance(value, float):
                        tf.summary.scalar(key, value)
            board.flush()
            history_curves(rows, run / "history.png")
            say(f"epoch {row['epoch']}: loss {row['loss']:.3f}, val loss {row['val_loss']:.3f}, "
                f"CIDEr {row['CIDEr']:.3f}, BLEU-4 {row['Bleu_4']:.3f} (greedy), {row['seconds']:.0f} s"
                + (", best so far" if best else ""))
    return True


class _AskedToStop(Exception):
    """Raised between two steps, where everything can be saved."""


def _final(run: Path, settings: Settings, began: float) -> int:
    """Score the best epoch on the test split, show three captions, say where everything is."""
    import evaluate

    say("scoring the best epoch")
    result = evaluate.evaluate(run, split="test", beam=settings.search.beam)
    write_json(run / "scores.json", result.scores | {"split": result.split})
    say(evaluate.table(result))
    for photo, caption in result.samples(3):
        say(f"\n{photo.name}\n  says:  {caption.text}\n" + "\n".join(f"  true:  {each}" for each in photo.captions))
    say(f"\ndone in {(time.perf_counter() - began) / 60:.1f} minutes; run folder: {run}\n"
        f"captions for photos: python predict.py --run {run} PHOTO …")
    return 0


if __name__ == "__main__":
    run_script(main)
