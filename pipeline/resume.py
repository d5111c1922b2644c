"""How training begins: from another run, or where a run stopped; and what is refused before anything is read."""

import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import config
import presets
from config import Settings
from data.scenes.dataset import SCENES_FOLDER
from data.sources import cifar10
from utils import hugging_face, runs
from utils.errors import UsageError, UserError
from utils.files import write_json
from utils.terminal import say, warn

MAKING = (
    "positions",
    "inner",
    "epsilon",
)  # what pretrained weights say of a transformer beyond its settings


def inherited(start: Path, given: dict[str, Any]) -> dict[str, Any]:
    """What was typed, and of the rest what the weights of another run ask for: its encoder and decoder; in another way
    of training also its words, and its photos where no others are typed."""
    saved = runs.read_config(start)
    runs.refuse_classifier(start, saved)
    if given.get("encoder", saved["encoder"]) != saved["encoder"]:
        raise UsageError(
            f"--encoder {given['encoder']}: {start} was trained on what {saved['encoder']} sees; leave "
            "--encoder out"
        )
    if given.get("preset", saved.get("preset")) != saved.get("preset"):
        raise UsageError(
            f"--preset {given['preset']}: {start} was trained as {saved.get('preset')}, and its weights are "
            "of that; leave --preset out"
        )
    saved = config.OF_OLDER | saved
    own = [
        each.name for each in fields(config.Decoding) if each.name in saved
    ]  # an older run knows fewer
    for name in own:
        before, now = saved[name], given.get(name, saved[name])
        may_change = name == "dropout" or (
            name == "attention" and {before, now} == {"soft", "hard"}
        )
        if now != before and not may_change:
            raise UsageError(
                f"--{name.replace('_', '-')} {now}: the weights of {start} are of {before}; "
                "leave it out"
            )
    if hugging_face.is_hugging_face(start):
        search = {name: saved[name] for name in (*hugging_face.SEARCH, "max_length")}
        return (
            {name: saved[name] for name in ("preset", "encoder", "weights", *own)} | search | given
        )
    _refuse_without_best(start)
    inherited = {name: saved[name] for name in ("preset", "encoder", "layer", "image_size", *own)}
    inherited |= {
        "weights": str(start) if saved.get("finetune_encoder") else saved["encoder_weights"],
        "grid": saved.get("grid"),
    }
    if any(given.get(way) for way in presets.WAYS):  # goes on with what that run learned from
        inherited["precision"] = saved["precision"]
        kept = ["augment", *(each.name for each in fields(config.Words))]
        if "dataset" not in given:
            if Path(saved["dataset"]) != SCENES_FOLDER and not Path(saved["dataset"]).exists():
                raise UserError(
                    f"{start} was trained on {saved['dataset']}, which is not there (seen from {Path.cwd()}); say "
                    "where it is with --dataset"
                )
            kept += ["cache", "seed", *(each.name for each in fields(config.Data))]
        inherited |= {name: saved[name] for name in kept if saved.get(name) is not None}
    elif (
        saved.get("tokenizer") in ("bpe", "gpt2") or saved["decoder"] == "transformer"
    ):  # whose preset has others
        inherited["tokenizer"] = saved["tokenizer"]
    return inherited | given


def _refuse_without_best(run: Path) -> None:
    """Refuse to go on from a run that has no best weights yet."""
    missing = [name for name in ("vocabulary.json", "best") if not (run / name).exists()]
    if missing and runs.read_history(run):
        raise UserError(
            f"{run} has no {missing[0]}, which it had after its first epoch; restore it from a copy, or train "
            "again"
        )
    if missing:
        raise UserError(
            f"{run} has no {missing[0]}: its training was stopped before its first epoch ended; go on with it "
            "by --resume first"
        )


def begin_folder(
    run: Path, prepared: Any, pairs: Sequence[tuple[Any, Any]] = (), start: Path | None = None
) -> None:
    """Write a new run's splits, which photos it learns from, what was left out, and the pairs that look alike."""
    write_json(run / "splits.json", prepared.names())
    runs.write_seen(
        run, (photo.hash for split in ("train", "val") for photo in prepared.splits[split]), start
    )
    if prepared.left_out:
        write_json(run / "left_out.json", [each._asdict() for each in prepared.left_out])
    if pairs:
        write_json(
            run / "near_duplicates.json",
            [{"photo": one.name, "looks_like": other.name} for one, other in pairs],
        )


def keep_encoder(run: Path, weights: str) -> None:
    """Copy an encoder that another run has trained into this one, which then does not depend on what becomes of that."""
    if (Path(weights) / "best").is_dir():
        shutil.copytree(Path(weights) / "best", run / "encoder" / "best")
        making = runs.read_making(Path(weights))
        if making:
            runs.write_making(run / "encoder", making)


def sized(
    settings: Settings, given: dict[str, Any], start: Path | None
) -> tuple[Settings, dict[str, Any]]:
    """The settings with the sizes of what the decoder begins from, a run or pretrained weights; and what these say of its
    making beyond the settings. Other sizes than theirs are refused where they were typed."""
    if start is not None and not hugging_face.is_hugging_face(start):
        saved = runs.read_config(start)
        return settings, {name: saved[name] for name in MAKING if name in saved}
    if not settings.decoding.pretrained:
        return settings, {}
    from models.pretrained import find_decoder_sizes

    weights = settings.decoding.decoder_weights
    sizes = find_decoder_sizes(weights)
    making = {name: sizes.pop(name) for name in MAKING}
    for name, size in sizes.items():
        if given.get(name, size) != size:
            raise UsageError(
                f"--decoder-{name} {given[name]}: {weights} has {size}; leave it out, or begin from random "
                "weights with --decoder-weights none"
            )
    return Settings.from_flat(settings.flat() | sizes), making


def begin_decoder(
    decoder: Any,
    tokenizer: Any,
    weights: str | None,
    start: Path | None,
    fingerprint: dict[str, Any],
) -> None:
    """Give a new decoder the weights of the run that it starts from, or pretrained ones, where any are named."""
    if start is not None and not hugging_face.is_hugging_face(start):
        take_over(decoder, tokenizer, start, fingerprint)
    elif weights not in (None, "none"):
        from models.pretrained import load_decoder_weights

        load_decoder_weights(decoder, weights, tokenizer.gpt2_ids)
        say(f"the decoder begins with the weights of {weights}")


def take_over(decoder: Any, tokenizer: Any, start: Path, fingerprint: dict[str, Any]) -> None:
    """Begin from the best weights of another run, and say what became of its words."""
    from data.text.loading import load_tokenizer
    from data.text.tokenizer import SPECIAL_TOKENS
    from models.captioner import build_decoder_for
    from models.training import warm_start
    from models.training.checkpoints import load_weights

    saved = runs.read_config(start)
    learned = load_tokenizer(start / "vocabulary.json")
    other = build_decoder_for(saved, len(learned))
    load_weights(other, start / "best")
    found = warm_start.copy_weights(
        decoder, tokenizer.spell_tokens(), other, learned.spell_tokens()
    )
    same = _but_for_precision(saved["fingerprint"]) == _but_for_precision(fingerprint)
    if not same and not saved.get("finetune_encoder"):
        warn(
            f"the encoder is not that of {start} in every respect (weights, layer or version): its features may "
            "mean something else to the decoder"
        )
    say(
        f"from {start}: {found.shared - len(SPECIAL_TOKENS)} {tokenizer.token_name} are known there and keep their weights, {found.new} "
        f"start fresh, {found.dropped} of {start} are gone"
    )


def resumed(
    name: str | None, given: dict[str, Any], start: str | None
) -> tuple[Path, Settings, int]:
    """The run to go on with, its settings, with what may change changed, and after how many epochs its present way of
    training began: true captions from the first, --scst and --finetune-encoder where they are asked for."""
    run = runs.find(name)
    before = runs.read_config(run)
    if start is not None and str(runs.find(start)) != before.get("from"):
        raise UsageError(
            f"--from cannot change when a run is resumed: it was {before.get('from')!r}; start a new run"
        )
    presets.refuse_foreign(before.get("preset", ""), given)
    saved = Settings.of_run(before).flat()
    if "dataset" in given:
        typed = {"scenes": SCENES_FOLDER, "cifar10": cifar10.FOLDER}.get(
            given["dataset"], Path(given["dataset"])
        )
        if typed.resolve() == Path(saved["dataset"]).resolve():  # ./photos is photos
            del given["dataset"]
    ways = {way: True for way in presets.WAYS if given.get(way) and not saved[way]}
    may_change = config.RESUMABLE | (presets.OF_A_WAY if ways else frozenset())
    given = {
        key: value for key, value in given.items() if (key, value) != ("precision", "auto")
    }  # what it began with
    other = [key for key, value in given.items() if key not in may_change and value != saved[key]]
    if other:
        flags = ", ".join("--" + key.replace("_", "-") for key in other)
        raise UsageError(
            f"{flags} cannot change when a run is resumed: it was {saved[other[0]]!r}; start a new run"
        )
    if not ways:
        return run, Settings.from_flat(saved | given), before.get("begun", 0)
    if saved["finetune_encoder"]:
        raise UsageError(
            f"the encoder of {run} was trained with it; go on in a new run: --from {run} --scst"
        )
    _refuse_without_best(run)
    done = len(runs.read_history(run))
    kept = runs.kept_epoch(run) or 0
    if kept > done:
        flag = next(iter(ways)).replace("_", "-")
        raise UserError(
            f"{run / 'history.jsonl'} is missing or damaged: it tells of {done} epochs, and epoch {kept} was the "
            f"best; restore it from a copy, or go on in a new run: --from {run} --{flag}"
        )
    if given.get("epochs", done + 1) <= done:
        raise UsageError(
            f"--epochs {given['epochs']} counts all epochs of the run, and {run} has {done} already; use "
            "more, or leave it out"
        )
    wanted = presets.wanted_by_way(ways)
    wanted["epochs"] += done
    ended = {
        name: Settings().flat()[name] for name in (*presets.WAYS, "baseline")
    }  # what was of the way before
    return run, Settings.from_flat(saved | ended | wanted | given), done


def rewarded_next(run: Path) -> tuple[Settings, int] | None:
    """The settings of the self-critical training that follows a run's epochs on true captions, and after how many epochs it
    begins; None where none is wanted, or it has begun."""
    settings = Settings.of_run(runs.read_config(run)).training
    if settings.scst or not settings.reward_epochs:
        return None
    done = len(runs.read_history(run))
    _, rewarded, begun = resumed(
        str(run),
        {"scst": True, "epochs": done + settings.reward_epochs, "baseline": settings.baseline},
        None,
    )
    return rewarded, begun


def finished(run: Path, settings: Settings, begun: int) -> bool:
    """Whether a run has its final scores, and is asked for no more: no other way of training, no more epochs, no more
    patience than it ended by."""
    if not (run / "scores.json").is_file():
        return False
    config_ = runs.read_config(run)
    before, now = Settings.of_run(config_).training, settings.training
    longer = now.epochs > len(runs.read_history(run)) and (
        now.epochs > before.epochs or now.patience > before.patience
    )
    return not longer and begun == config_.get("begun", 0)


def refuse_other_photos(run: Path, prepared: Any) -> None:
    """Refuse to go on with a run whose photos or captions are not what they were."""
    before = runs.read_config(run)
    if prepared.names() != runs.read_splits(run) or before.get("captions") != prepared.digest():
        raise UserError(
            f"the photos or captions of {before['dataset']} have changed since {run} began; start a new run"
        )


def _but_for_precision(fingerprint: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fingerprint.items() if name != "precision"}


def refuse_other_encoder(run: Path, fingerprint: dict[str, Any], *, tuned: bool = False) -> None:
    """Refuse to go on with a run whose encoder is not what it was; one that is `tuned` computes as training does."""
    before = runs.read_config(run)
    if tuned and _but_for_precision(before["fingerprint"]) == _but_for_precision(fingerprint):
        return
    if before["fingerprint"] != fingerprint:
        was = before["fingerprint"].get("precision", "float32")
        if _but_for_precision(before["fingerprint"]) == _but_for_precision(fingerprint):
            raise UserError(
                f"the features that {run} learned from are {was}, and here they would be "
                f"{fingerprint.get('precision', 'float32')}; go on with the --engine that it had, on a processor "
                "that has bfloat16, or start a new run"
            )
        raise UserError(
            f"the encoder is not what it was when {run} began: other weights, or another version of Keras; "
            "start a new run"
        )


def forget_scores(run: Path) -> None:
    """Remove what was found out about a run that goes on: it is of fewer epochs."""
    for file in (run / "scores.json", run / "results" / "report.json"):
        file.unlink(missing_ok=True)
