"""Start a job: as a new run, where a run stopped, or from the best weights of another run.

Each start says what it asks of settings, and rejects what contradicts it, before anything is read.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import config
import presets
from config import Settings
from pipeline.saved import read_saved_config
from utils import hugging_face, runs
from utils.addresses import reject_address
from utils.command_line import option_name, require
from utils.errors import UsageError, UserError
from utils.exports import reject_export
from utils.places import find_places

# What the weights of a pretrained transformer say of it, beyond its settings.
TRANSFORMER_FACTS = ("positions", "inner", "epsilon")

# Where values come from, of all of them or by name; and the values.
Layer = tuple[str | Mapping[str, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Request:
    """A typed command, and only what was typed."""

    options: Mapping[str, Any] = field(default_factory=dict)  # settings by name
    run: str | None = None  # --run
    resume: bool = False
    start: str | None = None  # --from
    runs: str | None = None  # --runs
    ray: str | None = None  # --ray
    folds: int | None = None  # --folds

    @property
    def preset(self) -> str:
        return self.options.get("preset", presets.DEFAULT_PRESET)

    @property
    def root(self) -> Path:
        """The folder of runs."""
        return find_places(self.runs).runs


@dataclass(frozen=True)
class New:
    """A new run with new weights."""

    run: Path

    first_epoch = 0
    source = None

    @property
    def source_settings(self) -> Mapping[str, Any]:
        return {}

    def accept(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the typed options; reject those that need another start."""
        require(not options.get("scst"), "--scst needs --from RUN, or --run RUN with --resume")
        for name in ("vocabulary_from", *presets.FROM_RUN):
            require(name not in options, f"{option_name(name)} needs --from RUN")
        return dict(options)

    def layers(self, options: Mapping[str, Any]) -> list[Layer]:
        """Return the values that this start asks for, the strongest first."""
        return []

    def is_finished(self, settings: Settings) -> bool:
        return False


@dataclass(frozen=True)
class FromRun:
    """A new run that starts from the best weights of another run."""

    run: Path
    source: Path
    saved: Mapping[str, Any]  # the source's config.json

    first_epoch = 0

    @property
    def source_settings(self) -> Mapping[str, Any]:
        """The settings of the run that the weights come from; none of a captioner of others."""
        return {} if hugging_face.is_hugging_face(self.source) else self.saved

    def accept(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the typed options; reject those that the source's weights cannot have."""
        for name in ("encoder", "preset"):
            saved = self.saved[name]
            if options.get(name, saved) != saved:
                raise UsageError(
                    f"{option_name(name)} cannot change with --from: {self.source} has {saved} "
                    f"(got {options[name]})"
                )
        for each in fields(config.Decoding):
            self._check_decoder_option(each.name, options)
        if hugging_face.is_hugging_face(self.source):
            for name in presets.FROM_RUN:
                require(name not in options, f"{option_name(name)} needs --from RUN")
        else:
            check_has_best(self.source)
        for way in presets.WAYS:
            for name in presets.FROM_RUN:
                is_odd = options.get(way) and options.get(name)
                require(
                    not is_odd,
                    f"{option_name(name)} does not go with {option_name(way)}; omit it",
                )
        return dict(options)

    def _check_decoder_option(self, name: str, options: Mapping[str, Any]) -> None:
        saved = self.saved.get(name)
        typed = options.get(name, saved)
        if typed == saved or name == "dropout":
            return
        if name == "attention" and {saved, typed} == {"soft", "hard"}:
            return
        raise UsageError(
            f"{option_name(name)} cannot change with --from: the weights of {self.source} "
            f"have {saved} (got {typed})"
        )

    def layers(self, options: Mapping[str, Any]) -> list[Layer]:
        """Return the values that this start asks for, the strongest first."""
        ways = [name for name in presets.WAYS if options.get(name)]
        layers: list[Layer] = [(option_name(way), presets.WAYS[way]) for way in ways]
        if not ways and not hugging_face.is_hugging_face(self.source):
            layers.append((f"--from {self.source}", presets.FROM_RUN))
        layers.append((f"--from {self.source}", self._inherited(options, bool(ways))))
        return layers

    def _inherited(self, options: Mapping[str, Any], trains_further: bool) -> dict[str, Any]:
        """Return the source's encoder and decoder; for another way of training also its words and
        search, and its photos if no others are typed. The search of a transformer is kept always.
        """
        saved = self.saved
        names = ["preset", "encoder", *(each.name for each in fields(config.Decoding))]
        search = [each.name for each in fields(config.Search)]
        if hugging_face.is_hugging_face(self.source):
            return _known(saved, [*names, *search, "weights", "max_length"])
        names += ["layer", "image_size", "grid"]
        if trains_further or saved["decoder"] in config.TRANSFORMERS:
            names += search
        if trains_further:
            names += ["precision", "augment", *(each.name for each in fields(config.Words))]
            if "dataset" not in options:
                self._check_dataset_is_there()
                names += ["cache", "seed", *(each.name for each in fields(config.Data))]
        elif (
            saved["tokenizer"] not in ("words", "characters")
            or saved["decoder"] in config.TRANSFORMERS
        ):
            names.append("tokenizer")  # the preset may have another
        values = _known(saved, names)
        values["weights"] = saved["encoder_weights"]
        if saved["finetune_encoder"]:
            values["weights"] = str(self.source)
        return values

    def _check_dataset_is_there(self) -> None:
        dataset = Path(self.saved["dataset"])
        if dataset != find_places().scenes and not dataset.exists():
            raise UserError(
                f"{self.source} was trained on {dataset}, which does not exist (seen from "
                f"{Path.cwd()}); name its place with --dataset"
            )

    def is_finished(self, settings: Settings) -> bool:
        return False


@dataclass(frozen=True)
class Resumed:
    """A run that is resumed where it stopped, or in another way of training."""

    run: Path
    saved: Mapping[str, Any]  # its config.json
    epochs_done: int
    new_ways: tuple[str, ...] = ()  # ways of training that it has not had

    @property
    def source_settings(self) -> Mapping[str, Any]:
        """None: what follows from them is saved."""
        return {}

    @property
    def source(self) -> Path | None:
        """The run that this run started from."""
        source = self.saved.get("from")
        return None if source is None else Path(source)

    @property
    def first_epoch(self) -> int:
        """Epochs that were done when the present way of training began."""
        return self.epochs_done if self.new_ways else self.saved.get("first_epoch", 0)

    def accept(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the typed options that change something; reject those that may not change."""
        saved = Settings.from_config(self.saved).flat()
        accepted = dict(options)
        dataset = options.get("dataset")
        if dataset is not None and _is_same_folder(dataset, saved["dataset"]):
            del accepted["dataset"]  # ./photos is photos
        if options.get("precision") == "auto":
            del accepted["precision"]  # as it was before
        may_change = config.RESUMABLE
        if self.new_ways:
            may_change |= presets.WAY_SETTINGS
        for name, value in accepted.items():
            if name not in may_change and value != saved[name]:
                raise UsageError(
                    f"{option_name(name)} cannot change when a run is resumed: it was "
                    f"{saved[name]} (got {value}); start a new run"
                )
        if self.new_ways:
            self._check_new_way(accepted)
        return accepted

    def _check_new_way(self, options: Mapping[str, Any]) -> None:
        flag = option_name(self.new_ways[0])
        if self.saved["finetune_encoder"]:
            options = shlex.join(["--from", str(self.run), "--scst"])
            raise UsageError(
                f"the encoder of {self.run} was trained too; start a new run: {options}"
            )
        check_has_best(self.run)
        best = runs.find_best_epoch(self.run) or 0
        if best > self.epochs_done:
            raise UserError(
                f"{self.run / 'history.jsonl'} is missing or damaged: it has {self.epochs_done} "
                f"epochs, and epoch {best} was the best; restore it from a copy, or start a new "
                f"run: {shlex.join(['--from', str(self.run), flag])}"
            )
        epochs = options.get("epochs", self.epochs_done + 1)
        require(
            epochs > self.epochs_done,
            f"--epochs counts all epochs of the run and must be above {self.epochs_done} "
            f"(got {epochs})",
        )

    def layers(self, options: Mapping[str, Any]) -> list[Layer]:
        """Return the values that this start asks for, the strongest first."""
        saved = Settings.from_config(self.saved).flat()
        origins = self.saved.get("origins", {})
        layers: list[Layer] = []
        if not self.new_ways:
            return [(origins, saved)]
        for way in self.new_ways:
            values = dict(presets.WAYS[way])
            values["epochs"] += self.epochs_done
            layers.append((option_name(way), values))
        defaults = Settings().flat()
        before = {name: defaults[name] for name in (*presets.WAYS, "baseline")}
        layers.append(("default", before))
        layers.append((origins, saved))
        return layers

    def is_finished(self, settings: Settings) -> bool:
        """Return whether the run has its final scores and is not asked for more."""
        if self.new_ways or not (self.run / "scores.json").is_file():
            return False
        before = Settings.from_config(self.saved).training
        now = settings.training
        asks_for_more = now.epochs > before.epochs or now.patience > before.patience
        return not (asks_for_more and now.epochs > self.epochs_done)


Start = New | FromRun | Resumed


def find_start(request: Request) -> Start:
    """Return how the job starts; reject a run that exists when a new one is asked for, or the other
    way round.
    """
    if request.resume:
        return _find_resumed(request)
    if request.start is None:
        return New(_choose_new_run(request, request.preset))
    source = runs.find_run(request.start, request.root)
    reject_export(source, "--from")
    saved = read_saved_config(source)
    runs.check_writes_captions(source, saved)
    return FromRun(_choose_new_run(request, saved["preset"]), source, saved)


def _choose_new_run(request: Request, preset: str) -> Path:
    """Return the folder of a new run, by default named by its preset; reject one that exists."""
    run = runs.choose_folder(request.run, default=preset, root=request.root)
    if run.exists():
        raise UserError(f"the run {run} exists; add --resume to go on, or choose another --run")
    return run


def _find_resumed(request: Request) -> Resumed:
    reject_address("--run", request.run, "a run is resumed where it was trained")
    run = runs.find_run(request.run, request.root)
    saved = runs.read_config(run)
    if request.start is not None:
        _check_same_source(runs.find_run(request.start, request.root), saved.get("from"))
    options = request.options
    ways = tuple(way for way in presets.WAYS if options.get(way) and not saved.get(way))
    if saved["preset"] == "classifier":
        ways = ()
    return Resumed(run, saved, len(runs.read_history(run)), ways)


def _check_same_source(source: Path, before: str | None) -> None:
    """Reject a --from that is not the run from which a resumed run started."""
    if before is None or source.resolve() != Path(before).resolve():
        raise UsageError(
            f"--from cannot change when a run is resumed: it was {before}; start a new run"
        )


def _known(saved: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the saved values of these names, without those that are None."""
    return {name: saved[name] for name in names if saved.get(name) is not None}


def check_has_best(run: Path) -> None:
    """Reject a run that has no best weights yet."""
    missing = [name for name in ("vocabulary.json", "best") if not (run / name).exists()]
    if not missing:
        return
    if runs.read_history(run):
        raise UserError(
            f"{run} has no {missing[0]}, which its first epoch wrote; restore it from a copy, "
            "or train again"
        )
    raise UserError(
        f"{run} has no {missing[0]}: its training stopped before its first epoch ended; "
        "add --resume to that run first"
    )


def _is_same_folder(typed: str, saved: str) -> bool:
    places = find_places()
    built_in = {"scenes": places.scenes, "cifar10": places.cifar10}
    folder = built_in.get(typed, Path(typed))
    return folder.resolve() == Path(saved).resolve()
