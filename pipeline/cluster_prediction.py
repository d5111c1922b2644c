"""Captions or classes of photos, predicted on the machines of a Ray cluster."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from data.photos.images import UnreachablePhoto, UnreadablePhoto
from pipeline.cluster import Job, Lost, Work, spread
from pipeline.prediction import Predictor, Results, predict_here
from utils.addresses import RemotePhoto, check_readable
from utils.errors import UserError
from utils.fetching import fetch_run
from utils.files import printable_path
from utils.hugging_face import is_hugging_face


@dataclass(frozen=True)
class ClusterRun:
    """A run as this machine has it, and its address, from which each other machine fetches it."""

    folder: Path
    address: str | None = None

    def find(self) -> Path:
        """Return the folder of the run on the machine that asks."""
        if self.address is None:
            return self.folder
        return fetch_run(self.address, expected=self.folder.name)


def predict_on_cluster(
    address: str,
    make_predictor: Callable[[Path], Predictor],
    run: ClusterRun,
    photos: Sequence[Path | RemotePhoto],
    device: str,
) -> Results:
    """Return the results of all photos, in the order in which they are ready.

    This waits for the first: if there can be none, the error comes before any file is written.
    """
    needed = []
    if run.address is None and not is_hugging_face(run.folder):
        run = ClusterRun(run.folder.absolute())
        needed = [run.folder]
    make_work = partial(_make_work, make_predictor, run, _choose_addresses(photos))
    results = _predict(address, Job(make_work, needed, device), photos)
    return itertools.chain([next(results)], results)


def _choose_addresses(photos: Sequence[Path | RemotePhoto]) -> list[str]:
    """Return a typed address of each bucket."""
    chosen = {}
    for photo in photos:
        if isinstance(photo, RemotePhoto):
            protocol, _, path = photo.file.typed.partition("://")
            bucket = path.split("/")[0]
            chosen.setdefault((protocol, bucket), photo.file.typed)
    return list(chosen.values())


def _make_work(
    make_predictor: Callable[[Path], Predictor], run: ClusterRun, addresses: Sequence[str]
) -> Work:
    """Load the network of a run; return the function that an actor calls with some photos.

    `addresses` are some of the photos', which this machine must be able to read.
    """
    for address in addresses:
        check_readable(address)
    predictor = make_predictor(run.find())
    predictor.load_encoder()

    def predict(photos: list[Path | RemotePhoto]) -> list[Any]:
        results = []
        for photo, prediction in predict_here(predictor, photos):
            mark = photo.mark if isinstance(photo, RemotePhoto) else None
            results.append((prediction, mark))
        return results

    return predict


def _predict(address: str, job: Job, photos: Sequence[Path | RemotePhoto]) -> Results:
    """Yield each photo with its prediction, or with the error of reading it."""
    items = [photo.absolute() if isinstance(photo, Path) else photo for photo in photos]
    for number, result, host in spread(address, job, items):
        photo = photos[number]
        if isinstance(result, Lost):
            yield photo, UnreadablePhoto("it ends the process that reads it")
            continue
        prediction, mark = result
        if isinstance(photo, RemotePhoto):
            photo.mark = mark
        elif isinstance(prediction, UnreachablePhoto) and _is_readable(photo):
            raise UserError(
                f"{printable_path(photo.absolute())} cannot be read on {host} ({prediction}); "
                "all machines must see the photos under this path"
            )
        yield photo, prediction


def _is_readable(photo: Path) -> bool:
    """Return whether this machine can read the photo, which another machine could not."""
    try:
        with photo.open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True
