"""Train a captioner: read captions, extract features once, train on them, score the result. Or a classifier.

python train.py                                  the built-in scenes, or what lies in datasets/
python train.py --dataset FOLDER --batch 64      your own photos and captions
python train.py --run NAME --resume              go on where a run stopped
python train.py --dataset FOLDER --from NAME     begin from what another run has learned
python train.py --run NAME --resume --scst       go on by rewarding captions that score well
python train.py --preset vit-gpt2 --dataset FOLDER     another system than the default; --from hf:FOLDER trains one on
python train.py --preset classifier --dataset FOLDER   a folder for each class, or cifar10: what is in a picture
"""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

import config
import presets
from config import Settings
from pipeline import resume as starting
from utils import command_line, hugging_face, runs
from utils.device import use_device
from utils.errors import UsageError, UserError, run_script
from utils.files import check_writable, write_json
from utils.quiet import import_tensorflow
from utils.terminal import highlight, note, say


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__)
    run = parser.add_argument_group("run")
    run.add_argument(
        "--preset",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help=f"the system to train: {', '.join(presets.PRESETS)} (default inception-gru); what it "
        "wants of other settings goes before the defaults below",
    )
    run.add_argument(
        "--run",
        metavar="NAME|DIR",
        help="name of the run, or its folder (default: preset, date and time)",
    )
    run.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run exactly where its last checkpoint stands",
    )
    run.add_argument(
        "--from",
        dest="start",
        metavar="NAME|DIR",
        help="begin from the best weights of another run: with "
        "its encoder and decoder, and what it learned of the words that both runs know; or from hf:FOLDER, a "
        "VisionEncoderDecoderModel of Hugging Face with ViT and GPT-2",
    )
    for group in config.GROUPS:
        command_line.add_options(parser, group)
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """Train; 0 when done, 130 when stopped by Ctrl-C with everything saved."""
    given = command_line.typed(options())
    name, resume, start = (given.pop(each) for each in ("run", "resume", "start"))
    for option in ("weights", "decoder_weights"):  # wherever one stands later
        if hugging_face.is_hugging_face(given.get(option)):
            given[option] = str(runs.find(given[option]))
    typed = frozenset(given)
    if resume:
        run, settings, begun = starting.resumed(name, given, start)
        if starting.finished(run, settings, begun):
            say(f"{run} is finished; nothing to do (train longer with --epochs or --patience)")
            return 0
    else:
        run = runs.place(name, default=given.get("preset", "inception-gru"))
        if run.exists():
            raise UserError(
                f"the run {run} exists; go on with it by --resume, or choose another --run"
            )
        settings, begun = None, 0
        if start is not None:
            start = runs.find(start)
            given = starting.inherited(start, given)
        # Wrong values are told before TensorFlow takes its seconds to load.
        tried = presets.resolve(given, scenes=False, continued=start is not None)
        if tried.search.look == "drawn" and tried.decoding.attention != "hard":
            raise UsageError("--look drawn is for --attention hard, which draws where it looks")
    import_tensorflow()
    try:
        if (settings or tried).preset == "classifier":
            from pipeline.classifier import training as classifying

            return classifying.train(run, settings or tried, resume=resume)
        status = _train(run, settings, given, typed=typed, resume=resume, start=start, begun=begun)
        rewarded = starting.rewarded_next(run) if status == 0 else None
        if rewarded is not None:
            say(
                f"\nself-critical training: epochs {rewarded[1] + 1} to {rewarded[0].training.epochs}"
            )
            status = _train(
                run, rewarded[0], {}, typed=frozenset(), resume=True, start=None, begun=rewarded[1]
            )
        return status
    except KeyboardInterrupt:
        if (run / "config.json").is_file():
            note(f"stopped; go on with: python train.py --run {run} --resume")
            return 130
        note("stopped before training began; the same command goes on, and extracts nothing twice")
        return 130


def _train(
    run: Path,
    settings: Settings | None,
    given: dict[str, Any],
    *,
    typed: frozenset[str],
    resume: bool,
    start: Path | None,
    begun: int,
) -> int:
    """The whole job, as an outline."""
    from data.photos.hashes import PhotoHashes
    from data.photos.views import Views
    from data.text.loading import load_tokenizer
    from models.captioner import build_decoder_for
    from models.decoders.base import check_max_length
    from models.decoders.transformer import POSITIONS
    from models.decoders.with_encoder import DecoderWithEncoder
    from models.training.checkpoints import list_checkpoints, load_weights
    from models.training.optimizers import build_adam
    from models.training.trainer import Recipe, Trainer
    from pipeline import dataset as stages
    from pipeline import evaluation
    from pipeline import features as encoding
    from pipeline import training as learning
    from reports.captioner_page import write_captioner_page
    from tools.dataset import summarise_dataset
    from utils.metrics.captions import score_epoch
    from utils.plots.curves import draw_history
    from utils.stopwatch import Stopwatch

    began, spent = time.perf_counter(), Stopwatch(run)
    path = stages.dataset_path(
        settings.data.dataset if settings else given.get("dataset"), given.get("language")
    )
    settings = settings or presets.resolve(
        given | {"dataset": str(path)}, scenes=stages.is_scenes(path), continued=start is not None
    )
    use_device(settings.machine.device)
    encoding.refuse_unknown_names(settings)
    presets.refuse_idle(settings, typed)
    settings, sizes = starting.sized(
        encoding.for_this_machine(settings), given, run if resume else start
    )
    for folder in (run, Path(settings.vision.cache)):
        check_writable(folder)

    dataset = stages.read_dataset(path, settings.data)
    asked, settings = settings, stages.suited(settings, dataset)
    if settings.decoding.decoder == "transformer":
        check_max_length(settings.words.max_length, sizes.get("positions", POSITIONS))
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    tuned = settings.vision.finetune_encoder
    views = Views(
        settings.vision.augment * (settings.training.epochs if tuned else 1), settings.training.seed
    )

    def told(prepared: Any, pairs: list) -> Any:
        """The tokenizer; all that is known so far on the screen, and what is wrong with it refused."""
        tokenizer = (
            load_tokenizer(run / "vocabulary.json")
            if resume
            else stages.fitted(settings, prepared, source=asked.words.tokenizer, start=start)
        )
        say(summarise_dataset(asked, settings, dataset, prepared, tokenizer))
        stages.report_left_out(prepared.left_out, strict=settings.data.strict)
        stages.report_near_duplicates(prepared, pairs)
        if resume:
            starting.refuse_other_photos(run, prepared)
        elif start:
            stages.report_seen(prepared, start)
        return tokenizer

    looked_through = stages.look_through(dataset, settings, hashes)
    tokenizer, digest = told(*looked_through), looked_through[0].digest()
    spent.lap("reading")
    have = encoding.have_pictures if tuned else encoding.have_all
    ready = have(
        dataset,
        settings,
        hashes,
        views,
        looked_through=looked_through,
        agreed=partial(starting.refuse_other_encoder, run, tuned=tuned) if resume else None,
    )
    prepared, cache = ready.prepared, ready.features
    if prepared.digest() != digest:  # photos turned out unreadable
        tokenizer = told(prepared, ready.pairs)
    spent.lap("features")

    resolved = settings.flat() | {
        "fingerprint": cache.fingerprint,
        "encoder_weights": ready.weights,
        "scenes": stages.is_scenes(path),
        "captions": prepared.digest(),
        "from": str(start) if start else None,
        "begun": begun,
    }
    if resume:
        resolved["from"] = runs.read_config(run).get("from")
        starting.forget_scores(run)
    begins = None if resolved["from"] is None else Path(resolved["from"])
    resolved |= sizes
    decoder = build_decoder_for(resolved, len(tokenizer))
    if not list_checkpoints(run / "last"):
        starting.begin_decoder(
            decoder, tokenizer, settings.decoding.decoder_weights, begins, cache.fingerprint
        )
    if not resume:
        tokenizer.save(run / "vocabulary.json")
        starting.begin_folder(run, prepared, ready.pairs, start)
        starting.keep_encoder(run, ready.weights)
    if tuned and ready.encoder.construction:
        runs.write_making(run, ready.encoder.construction)
    runs.write_config(run, resolved)
    if settings.vision.save_augmented:
        some = Views(
            settings.vision.augment, views.seed
        )  # where the encoder is trained, there are others in every epoch
        stages.save_augmented(prepared, some, ready.encoder.image_size, run / "augmented")

    training = settings.training
    decoder = DecoderWithEncoder(ready.encoder, decoder) if tuned else decoder
    recipe = Recipe(
        training.epochs,
        training.learning_rate,
        training.warmup,
        training.schedule,
        training.clip,
        training.patience,
        training.save_every,
        settings.vision.encoder_rate,
        begun,
        settings.machine.precision,
    )
    trainer = Trainer(
        decoder,
        *learning.wanted(settings, decoder, prepared, tokenizer, cache, views),
        recipe,
        run,
        optimizer=partial(build_adam, weight_decay=training.weight_decay),
    )
    validation = evaluation.Validation(prepared, tokenizer, cache, settings, decoder, ready.encoder)
    goes_on = resume and trainer.resume()
    say(f"parameters: {decoder.count_params():,}; ready after {time.perf_counter() - began:.0f} s")
    if not goes_on and (begun or (resolved["from"] and (training.scst or tuned))):
        if begun:
            load_weights(decoder.parts()["decoder"], run / "best")
        trainer.start_from_current_weights(_told_start(validation.scores(), training.best_by))
    elif resume and not goes_on:
        say("the run has no checkpoint yet: it starts over")

    def curves(rows: list[dict[str, Any]]) -> None:
        draw_history(rows, run / "history.png", best=trainer.best_epoch, best_by=training.best_by)
        write_captioner_page(run)

    spent.lap("preparing")
    spent.save()
    write_captioner_page(run)
    if not learning.epochs(
        trainer,
        run,
        spent,
        scores=validation.scores,
        merit=lambda row: score_epoch(row, training.best_by),
        curves=curves,
        told=_told,
    ):
        write_captioner_page(run)
        note(f"stopped and saved; go on with: python train.py --run {run} --resume")
        return 130
    if starting.rewarded_next(run) is not None:
        return 0
    say(
        f"scoring the best epoch, {trainer.best_epoch}"
        if trainer.best_epoch > begun
        else "no epoch was better than what training went on from, which is kept and scored"
    )
    return _final(run, settings, began, spent)


def _told_start(row: dict[str, Any], best_by: str) -> float:
    """Say where training that goes on starts from; its merit."""
    from utils.metrics.captions import score_epoch

    say(
        f"before the first epoch: val loss {row['val_loss']:.3f}, CIDEr {row['CIDEr']:.3f}, "
        f"BLEU-4 {row['Bleu_4']:.3f} (greedy)"
    )
    return score_epoch(row, best_by)


def _told(row: dict[str, Any], best: bool) -> str:
    """An epoch: what was learned, then its scores on val, of captions written freely (greedily) and teacher-forced."""
    from utils.metrics.captions import SCORE_KEYS

    learned = f"loss {row['loss']:.3f}"
    if "reward" in row:
        learned = f"reward {row['reward']:.3f}"
    if "greedy_reward" in row:
        learned += f" (greedy captions' {row['greedy_reward']:.3f})"
    top = next(key for key in row if key.startswith("Top"))
    told = ("BLEU-2", "BLEU-4", "NIST-2", "NIST-4", "CIDEr")

    def scores(start: str) -> str:
        return ", ".join(f"{name} {row[start + SCORE_KEYS[name]]:.3f}" for name in told)

    return (
        f"epoch {row['epoch']}: {learned}, {row['seconds']:.0f} s{highlight(', best so far') if best else ''}\n"
        f"    val, written freely: {scores('')}\n"
        f"    val, teacher-forced: {scores('forced_')}, loss {row['val_loss']:.3f}, "
        f"top-{top.removeprefix('Top')} accuracy {row[top]:.3f}"
    )


def _final(run: Path, settings: Settings, began: float, spent: Any) -> int:
    """Score the best epoch on the test split, show three captions, say where everything is."""
    from pipeline import evaluation
    from pipeline.evaluation import subject_of
    from reports.captioner_page import write_captioner_page
    from reports.pictures import draw_captions
    from reports.scores import format_scores

    subject = subject_of(
        run, split="test", beam=settings.search.beam, engine=settings.machine.engine
    )
    result = evaluation.scored(subject)
    write_json(run / "scores.json", result.scores | {"split": result.split})
    say(format_scores(result))
    drawn = draw_captions(run, result, seed=settings.training.seed)
    for photo, caption in result.samples(3):
        say(
            f"\n{photo.name}\n  says:  {caption.text}\n"
            + "\n".join(f"  true:  {each}" for each in photo.captions)
        )
    spent.lap("scoring")
    spent.save()
    page = write_captioner_page(run, subject, result)
    say(
        f"\n{len(drawn)} pictures of captions with attention: {run / 'results'}; all in one page: {page}\n"
        f"done in {(time.perf_counter() - began) / 60:.1f} minutes; run folder: {run}\n"
        f"captions for photos: python predict.py --run {run} PHOTO …"
    )
    return 0


if __name__ == "__main__":
    run_script(main)
