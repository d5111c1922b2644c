"""Writers of predictions: to the screen, a captions file, copies of the photos, plots.

Each writer gets every new prediction; `PredictionWriters` holds them and reports at the end.
"""

import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from data.alt_text.copies import CaptionedCopies
from data.photos.images import UnreadablePhoto
from pipeline.photo_selection import SelectedPhotos
from pipeline.prediction import Predictor
from utils.addresses import AddressError, RemotePhoto
from utils.captions_file import (
    CaptionsFile,
    Row,
    compute_mark,
    has_calibrated_score,
    make_mark,
    read_picture_mark,
)
from utils.errors import UserError
from utils.files import printable_path, unique_picture_names
from utils.plots.figure import save_figure, show_figure
from utils.terminal import fail, note, output, say

_READERS = 16  # photos compared at once with their marks: a server takes its time to answer


class Writer(Protocol):
    """One place where predictions go."""

    def write(self, photo: Path | RemotePhoto, prediction: Any) -> None: ...


class ScreenWriter:
    """Predictions as lines on standard output."""

    def __init__(self, predictor: Predictor, selected: SelectedPhotos) -> None:
        self._predictor = predictor
        self._references = selected.references

    def write(self, photo: Path | RemotePhoto, prediction: Any) -> None:
        line = self._predictor.format_line(prediction, self._references.get(photo, ()))
        output(f"{printable_path(photo)}: {line}")


class PlotWriter:
    """Figures of the predictions: PNG files in a folder, or without one windows."""

    def __init__(self, predictor: Predictor, selected: SelectedPhotos, folder: Path | None) -> None:
        self._predictor = predictor
        self._references = selected.references
        self._folder = folder
        self._names = unique_picture_names(selected.all_paths)

    def write(self, photo: Path | RemotePhoto, prediction: Any) -> None:
        try:
            figure = self._predictor.draw(photo, prediction, self._references.get(photo, ()))
        except UnreadablePhoto as error:  # it was removed since it was captioned
            note(f"not drawn: {printable_path(photo)}: {error}")
            return
        if self._folder is None:
            show_figure(figure)
        else:
            save_figure(figure, self._folder / f"{self._names[photo]}.png")


class CopyWriter:
    """Copies of the photos with their captions in them; existing copies stay."""

    def __init__(
        self, predictor: Predictor, photos: Sequence[Path | RemotePhoto], copies: CaptionedCopies
    ) -> None:
        self.folder = copies.folder
        self.failures = 0
        self._predictor = predictor
        self._photos = photos
        self._copies = copies
        self._uncopied = [photo for photo in photos if not copies.has_copy(photo)]
        self._obstacles = {photo: copies.find_obstacle(photo) for photo in self._uncopied}
        self.missing = {photo for photo in self._uncopied if not self._obstacles[photo]}

    def report_existing(self) -> None:
        """Print how many copies exist, and which photos cannot have one."""
        existing = len(self._photos) - len(self._uncopied)
        if existing:
            say(f"{existing} of {len(self._photos)} photos already copied to {self.folder}")
        for photo in self._uncopied:
            if self._obstacles[photo]:
                note(f"not copied: {printable_path(photo)}: {self._obstacles[photo]}")

    def write(self, photo: Path | RemotePhoto, prediction: Any) -> None:
        if not self._predictor.is_doubtful(prediction):
            self.copy(photo, prediction.text)

    def copy_row(self, photo: Path | RemotePhoto, row: Row) -> None:
        """Copy a photo with the caption of the captions file, which a person may have edited."""
        self.copy(photo, self._predictor.caption_to_copy(row))

    def copy(self, photo: Path | RemotePhoto, caption: str) -> None:
        """Copy a photo with its caption, if it has one and no copy yet."""
        if not caption or photo not in self.missing:
            return
        failure = self._copies.write(photo, caption)
        if failure:
            note(f"not copied: {printable_path(photo)}: {failure}")
            self.failures += 1

    def report(self) -> None:
        """Print how many photos have a copy now."""
        copied = sum(self._copies.has_copy(photo) for photo in self._photos)
        say(f"{copied} of {len(self._photos)} photos copied with their captions to {self.folder}")


class CaptionsFileWriter:
    """Rows of a captions file; photos that are already in it are not captioned again."""

    def __init__(
        self,
        predictor: Predictor,
        photos: Sequence[Path | RemotePhoto],
        captions_file: CaptionsFile,
    ) -> None:
        self.file = captions_file
        self.finished: dict[Path | RemotePhoto, Row] = {}
        self._predictor = predictor
        self._photos = photos
        for photo in photos:
            row = captions_file.find(photo)
            if row:
                self.finished[photo] = row
        self._other_kind = [
            row
            for row in captions_file.rows.values()
            if has_calibrated_score(row) is not None
            and has_calibrated_score(row) != predictor.is_calibrated
        ]
        with ThreadPoolExecutor(_READERS) as pool:
            changes = pool.map(_has_changed, self.finished, self.finished.values())
            self.changed = list(itertools.compress(self.finished, changes))

    def check_kind_of_scores(self) -> None:
        """Raise an error if the file has scores of another kind than those to come."""
        if not self._other_kind:
            return
        kinds = ["calibrated scores", "scores that are mean probabilities of words"]
        if not self._predictor.is_calibrated:
            kinds.reverse()
        raise UserError(
            f"{self.file.file} has {kinds[1]}, and this run writes {kinds[0]}, which do not "
            "compare; choose another --out"
        )

    def report_existing(self) -> None:
        """Print how many photos are in the file, and what is to know about their rows."""
        if not self.finished:
            return
        number = f"{len(self.finished)} of {len(self._photos)} photos"
        say(f"{number} skipped: already in {self.file.file}")
        moved = sum(_is_moved(photo, row) for photo, row in self.finished.items())
        if moved:
            note(f"{moved} of them listed under a path that no longer exists")
        for line in self._predictor.describe_mismatches(self.finished.values()):
            note(f"among them {line}")
        for photo in self.changed:
            note(f"changed since it was captioned: {printable_path(photo)}")

    def write(self, photo: Path | RemotePhoto, prediction: Any) -> None:
        record = self._predictor.make_record(prediction)
        mark = ""
        if "caption" in record:
            is_calibrated = self._predictor.is_calibrated
            mark = make_mark(photo, record["caption"], is_calibrated=is_calibrated)
        self.file.write(photo, record | {"mark": mark})


class PredictionWriters:
    """All writers of one command."""

    def __init__(
        self,
        predictor: Predictor,
        selected: SelectedPhotos,
        captions_file: CaptionsFile | None = None,
        copies: CaptionedCopies | None = None,
        plots: PlotWriter | None = None,
    ) -> None:
        photos = selected.paths
        self._predictor = predictor
        self._photos = photos
        self._started = time.perf_counter()
        self._captioned = self._doubtful = self._unreadable = 0
        self._file = self._copies = None
        self._writers: list[Writer] = [ScreenWriter(predictor, selected)]
        if plots:
            self._writers.append(plots)
        if copies:
            self._copies = CopyWriter(predictor, photos, copies)
            self._writers.append(self._copies)
        if captions_file:  # the last: a photo in the file has its plot and its copy
            self._file = CaptionsFileWriter(predictor, photos, captions_file)
            self._writers.append(self._file)

    def find_remaining(self) -> list[Path | RemotePhoto]:
        """Return the photos to caption: without a row, or where there is no file without a copy.

        Raise an error if their scores would be of another kind than those in the file.
        """
        if self._file:
            remaining = [photo for photo in self._photos if photo not in self._file.finished]
            if remaining:
                self._file.check_kind_of_scores()
            return remaining
        if self._copies:
            return [photo for photo in self._photos if photo in self._copies.missing]
        return list(self._photos)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Open the captions file, and print how to resume if Ctrl-C stops the block."""
        with self._file.file if self._file else nullcontext():
            try:
                self._handle_finished()
                yield
            except KeyboardInterrupt:
                if self._place:
                    note(f"{self._place} keeps what is finished; run the same command to resume")
                raise

    def _handle_finished(self) -> None:
        """Print what was done before; copy photos that were captioned before."""
        if self._file:
            self._file.report_existing()
        if self._copies:
            self._copies.report_existing()
        if self._file and self._copies:
            for photo, row in self._file.finished.items():
                if photo not in self._file.changed:
                    self._copies.copy_row(photo, row)

    @property
    def _place(self) -> Path | None:
        if self._file:
            return self._file.file.file
        return self._copies.folder if self._copies else None

    def write(self, photo: Path | RemotePhoto, prediction: Any) -> None:
        """Write a prediction everywhere."""
        for writer in self._writers:
            writer.write(photo, prediction)
        self._captioned += 1
        self._doubtful += self._predictor.is_doubtful(prediction)

    def skip(self, photo: Path | RemotePhoto, error: UnreadablePhoto) -> None:
        """Print that a photo cannot be read."""
        note(f"skipped: {printable_path(photo)}: {error}")
        self._unreadable += 1

    def report(self) -> int:
        """Print a summary; return the exit status: 1 if there is a photo that needs attention."""
        if self._copies:
            self._copies.report()
        if self._place:
            say(self._summarise())
        return 1 if self._report_failures() else 0

    def _summarise(self) -> str:
        finished = len(self._file.finished) if self._file else 0
        parts = []
        if self._captioned or not finished:
            added = f"{self._captioned} captioned"
            if self._file:
                added = f"{self._captioned} added to {self._file.file.file}"
            parts.append(added)
        if self._doubtful:
            parts.append(f"{self._doubtful} of these doubtful")
        if finished:
            parts.append(f"{finished} already there")
        if self._unreadable:
            parts.append(f"{self._unreadable} unreadable")
        photos = "1 photo" if len(self._photos) == 1 else f"{len(self._photos)} photos"
        seconds = time.perf_counter() - self._started
        return f"{photos}, {seconds:.0f} s: {', '.join(parts)}"

    def _report_failures(self) -> bool:
        """Print how many photos were not captioned or copied; return whether there are any."""
        number = len(self._photos)
        uncopied = self._copies.failures if self._copies else 0
        changed = len(self._file.changed) if self._file else 0
        if self._unreadable:
            fail(f"{self._unreadable} of {number} photos could not be read")
        if uncopied:
            fail(f"{uncopied} of {number} photos could not be copied")
        if changed:
            fail(
                f"{changed} of {number} photos have changed since they were captioned; "
                f"remove their lines in {self._file.file.file} to caption them again, "
                "or clear their `mark` value to keep the caption"
            )
        return bool(self._unreadable or uncopied or changed)


def _has_changed(photo: Path | RemotePhoto, row: Row) -> bool:
    """Return whether the photo is another picture than the one that was captioned."""
    mark = read_picture_mark(row)
    try:
        return bool(mark) and mark != compute_mark(photo)
    except AddressError as error:
        note(f"not compared with what was captioned: {error}")
        return False


def _is_moved(photo: Path | RemotePhoto, row: Row) -> bool:
    if isinstance(photo, RemotePhoto):
        return False
    listed = Path(row["path"])
    return listed.absolute() != photo.absolute() and not listed.exists()
