"""A run folder that is being written: its files, its history, and the time it takes."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config import Settings
from data.preprocess import Dataset
from data.text.tokenizer import Tokenizer
from models.encoders.encoder import Encoder
from models.pretrained.generation import translate_forbidden
from models.training.checkpoints import save_encoder_weights
from pipeline.dataset import save_augmented
from pipeline.replay import write_kept_photos
from pipeline.resume import FromRun, Resumed, Start
from utils import runs
from utils.errors import UserError
from utils.files import check_writable, write_json
from utils.hugging_face import is_hugging_face
from utils.stopwatch import Stopwatch


class Run:
    """The run folder of a training job."""

    def __init__(self, folder: Path, start: Start, *, is_kept: bool = True) -> None:
        """A run that is not kept cannot be resumed."""
        self.folder = folder
        self.is_kept = is_kept
        self.start = start
        self.stopwatch = Stopwatch(folder)
        self._started = time.perf_counter()

    @classmethod
    def open(cls, start: Start, cache: Path) -> "Run":
        """Open the folder of a new or resumed run; reject a folder that cannot be written."""
        for folder in (start.run, cache):
            check_writable(folder)
        return cls(start.run, start)

    @property
    def is_resumed(self) -> bool:
        return isinstance(self.start, Resumed)

    @property
    def seconds(self) -> float:
        """Seconds since the job started."""
        return time.perf_counter() - self._started

    @property
    def epochs_done(self) -> int:
        return len(runs.read_history(self.folder))

    def check_photos(self, dataset: Dataset) -> None:
        """Reject a resumed run whose photos or captions have changed."""
        if not self.is_resumed:
            return
        before = self.start.saved
        names = runs.read_splits(self.folder)
        if dataset.names() != names or before.get("captions") != dataset.digest():
            raise UserError(
                f"the photos or captions of {before['dataset']} have changed since {self.folder} "
                "started; start a new run"
            )

    def check_encoder(self, fingerprint: Mapping[str, Any], *, is_tuned: bool) -> None:
        """Reject a resumed run whose encoder has changed. One that is trained too may have another
        precision.
        """
        if not self.is_resumed:
            return
        before = self.start.saved["fingerprint"]
        if before == fingerprint:
            return
        if without_precision(before) != without_precision(fingerprint):
            raise UserError(
                f"the encoder has changed since {self.folder} started: other weights, or another "
                "version of Keras; start a new run"
            )
        if not is_tuned:
            raise UserError(
                f"{self.folder} was trained on {before.get('precision', 'float32')} features, and "
                f"here they would be {fingerprint.get('precision', 'float32')}; use the same "
                "--engine on a processor with bfloat16, or start a new run"
            )

    def save(
        self,
        settings: Settings,
        dataset: Dataset,
        tokenizer: Tokenizer,
        encoder: Encoder,
        replayed: Dataset | None = None,
    ) -> None:
        """Write everything but config.json: splits, vocabulary, encoder, and augmented views."""
        self.save_dataset(dataset)
        if not self.is_resumed:
            write_kept_photos(self.folder, dataset, replayed)
        self.save_model_files(tokenizer, encoder)
        if settings.vision.save_augmented:
            save_augmented(dataset, settings, encoder.image_size, self.folder / "augmented")

    def save_dataset(self, dataset: Dataset) -> None:
        """Write the splits, the photos that the run learns from, what was skipped, and what looks
        alike.

        A resumed run has them already, and loses the scores of fewer epochs.
        """
        if self.is_resumed:
            self._remove_scores()
            return
        folder = self.folder
        write_json(folder / "splits.json", dataset.names())
        learned = [photo.hash for split in ("train", "val") for photo in dataset.splits[split]]
        source = self.start.source if isinstance(self.start, FromRun) else None
        runs.write_seen(folder, learned, source)
        if dataset.left_out:
            write_json(folder / "left_out.json", [each._asdict() for each in dataset.left_out])
        if dataset.look_alikes:
            pairs = [
                {"photo": one.name, "looks_like": other.name} for one, other in dataset.look_alikes
            ]
            write_json(folder / "near_duplicates.json", pairs)

    def _remove_scores(self) -> None:
        for file in ("scores.json", "calibration.json", "results/report.json"):
            (self.folder / file).unlink(missing_ok=True)

    def save_model_files(self, tokenizer: Tokenizer, encoder: Encoder) -> None:
        """Write the vocabulary, and an encoder that is not found by its name."""
        if not self.is_resumed:
            tokenizer.save(self.folder / "vocabulary.json")
            self._save_forbidden(tokenizer)
            self.copy_encoder(encoder)
        if encoder.network.trainable and encoder.construction:
            runs.write_encoder_construction(self.folder, encoder.construction)

    def _save_forbidden(self, tokenizer: Tokenizer) -> None:
        """Write the words that captions must not have, if a captioner of others says so."""
        if not isinstance(self.start, FromRun):
            return
        source = self.start.source
        if is_hugging_face(source):
            theirs = self.start.saved["forbidden"]
            forbidden = translate_forbidden(theirs, tokenizer.pretrained_ids)
        else:
            forbidden = runs.read_forbidden(source)
        runs.write_forbidden(self.folder, forbidden)

    def copy_encoder(self, encoder: Encoder) -> None:
        """Copy an encoder that another run has trained, or that was downloaded, so that this run
        does not depend on it. An encoder that is trained here is saved with the decoder.
        """
        copy = self.folder / "encoder"
        best = Path(encoder.weights) / "best"
        if best.is_dir():
            shutil.copytree(best, copy / "best")
            facts = runs.read_encoder_construction(Path(encoder.weights))
        elif is_hugging_face(encoder.weights) and not encoder.network.trainable:
            save_encoder_weights(encoder.network, copy / "best")
            facts = encoder.construction
        else:
            return
        if facts:
            runs.write_encoder_construction(copy, facts)

    def save_config(self, settings: Settings, facts: Mapping[str, Any]) -> None:
        """Write config.json: settings, where they came from, and facts. From here on the run can be
        resumed.
        """
        if settings.preset == "classifier":
            values = settings.for_classifier()
        else:
            values = settings.flat()
        runs.write_config(self.folder, {**values, **facts, "origins": dict(settings.origins)})

    def save_scores(self, result: Any) -> None:
        """Write the final scores, after which the run is finished."""
        write_json(self.folder / "scores.json", result.scores | {"split": result.split})
        self.lap("scoring")

    def lap(self, name: str) -> None:
        """Add the time since the last lap to this stage, and write it."""
        self.stopwatch.lap(name)
        if self.folder.is_dir():
            self.stopwatch.save()


def copy_to_resume(run: Path, folder: Path) -> None:
    """Copy what a run needs to be resumed, without its pictures and pages."""
    ignored = shutil.ignore_patterns("results", "augmented", "tensorboard", "*.html", "*.png")
    shutil.copytree(run, folder, ignore=ignored)


def without_precision(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """Return an encoder's fingerprint without the precision it computes in."""
    return {name: value for name, value in fingerprint.items() if name != "precision"}
