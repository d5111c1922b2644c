"""Captions or classes of photos, predicted on the machines of a Ray cluster."""

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from data.photos.images import UnreachablePhoto, UnreadablePhoto
from pipeline.cluster import Job, Lost, Work, spread
from pipeline.prediction import Predictor, Results, predict_here
from utils.errors import UserError
from utils.files import printable_path
from utils.hugging_face import is_hugging_face


def predict_on_cluster(
    address: str,
    make_predictor: Callable[[Path], Predictor],
    run: Path,
    photos: Sequence[Path],
    device: str,
) -> Results:
    """Return the results of all photos, in the order in which they are ready.

    This waits for the first: if there can be none, the error comes before any file is written.
    """
    needed = []
    if not is_hugging_face(run):
        run = run.absolute()
        needed = [run]
    job = Job(partial(_make_work, make_predictor, run), needed, device)
    results = _predict(address, job, photos)
    return itertools.chain([next(results)], results)


def _make_work(make_predictor: Callable[[Path], Predictor], run: Path) -> Work:
    """Load the network of a run; return the function that an actor calls with some photos."""
    predictor = make_predictor(run)
    predictor.load_encoder()

    def predict(photos: list[Path]) -> list[Any]:
        return [prediction for _, prediction in predict_here(predictor, photos)]

    return predict


def _predict(address: str, job: Job, photos: Sequence[Path]) -> Results:
    """Yield each photo with its prediction, or with the error of reading it."""
    paths = [photo.absolute() for photo in photos]
    for number, result, host in spread(address, job, paths):
        photo = photos[number]
        if isinstance(result, UnreachablePhoto) and _is_readable(photo):
            raise UserError(
                f"{printable_path(photo.absolute())} cannot be read on {host} ({result}); "
                "all machines must see the photos under this path"
            )
        if isinstance(result, Lost):
            result = UnreadablePhoto("it ends the process that reads it")
        yield photo, result


def _is_readable(photo: Path) -> bool:
    """Return whether this machine can read the photo, which another machine could not."""
    try:
        with photo.open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True
