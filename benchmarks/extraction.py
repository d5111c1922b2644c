"""Photos a second that become cached features: the tutorial, this project, the network alone.

    python -m benchmarks.extraction
    python -m benchmarks.extraction --photos DIR --weights FILE --layer mixed8

The network is InceptionV3 at 299 pixels. The tutorial reads with `tf.data`, 16 photos a batch, and
writes a float32 `.npy` for each. This project goes from files (hashing them too) to a feature
cache, which is empty at every turn. The network alone gets pictures in memory. The last measure is
the cosine between bfloat16 and float32 features at each location.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from benchmarks import synthetic_data
from benchmarks.measuring import Figures, Measures, Options, Row, Turn, measure, run_benchmark
from data.feature_cache import FeatureCache
from data.feature_extraction import BATCH_SIZE, PendingPicture, encode_pictures
from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo
from data.photos.photo import Photo

if TYPE_CHECKING:
    from models.encoders.encoder import Encoder

CLOSE = 0.999  # the cosine that bfloat16 features should have to float32 ones


@dataclass(frozen=True)
class Sizes:
    """The numbers of photos and the network."""

    photos: int = 320
    compared: int = 64  # photos whose features are compared in both precisions
    encoder: str = "inception_v3"
    image_size: int = 299


TOY = Sizes(photos=6, compared=2, encoder="convnet", image_size=75)


class NetworkSizes(Protocol):
    """The sizes of a benchmark that has an encoder."""

    encoder: str
    image_size: int


def choose_network(sizes: NetworkSizes, options: Options) -> dict[str, Any]:
    """Return the settings of the encoder."""
    return {
        "name": sizes.encoder,
        "image_size": sizes.image_size,
        "weights": options.weights,
        "layer": options.layer,
    }


def build_encoder(network: dict[str, Any], precision: str = "bfloat16") -> "Encoder":
    """Build the encoder; it uses bfloat16 if the processor has it."""
    from models.encoders.encoder import Encoder  # loads TensorFlow

    settings = dict(network)
    name = settings.pop("name")
    return Encoder(name, **settings, precision=precision)


def extract_photos(
    photos: Sequence[Path], encoder: "Encoder", fingerprint: dict[str, Any], folder: Path
) -> int:
    """Extract the features of photos into an empty cache; return the number of photos."""
    hashes = PhotoHashes(folder / "photos.json")
    size = (encoder.image_size, encoder.image_size)
    pictures = []
    for number, known in enumerate(hashes.open_all(photos)):
        key = f"{known.hash}/{number}"  # with the number, so that equal photos count twice
        photo = Photo(known.path, known.path.name, (), known.hash, None)
        pictures.append(PendingPicture(key, photo, partial(read_photo, photo.path, size)))
    cache = FeatureCache(folder, fingerprint)
    return sum(encode_pictures(pictures, cache, encoder))


def _prepare_tutorial(
    photos: list[str], folder: str, compared: int, network: dict[str, Any]
) -> Turn:
    from benchmarks import tutorial  # loads TensorFlow

    size = network["image_size"]
    inception = tutorial.build_inception(size, network["weights"], network["layer"])
    features = Path(folder) / "tutorial"
    features.mkdir()
    files = [Path(photo) for photo in photos]
    tutorial.extract(files[: tutorial.EXTRACTION_BATCH], inception, size, features)
    return lambda: {"photos": tutorial.extract(files, inception, size, features)}


def _prepare_ours(photos: list[str], folder: str, compared: int, network: dict[str, Any]) -> Turn:
    encoder = build_encoder(network)
    fingerprint = encoder.fingerprint()
    files = [Path(photo) for photo in photos]
    numbers = count()

    def turn(number: int | None = None) -> dict[str, Any]:
        empty_folder = Path(folder) / f"ours-{next(numbers)}"
        photos = extract_photos(files[:number], encoder, fingerprint, empty_folder)
        return {"photos": photos} | _describe_encoder(encoder)

    turn(BATCH_SIZE)
    return turn


def _prepare_network(
    photos: list[str], folder: str, compared: int, network: dict[str, Any]
) -> Turn:
    encoder = build_encoder(network)
    pictures = _read_pictures(photos, encoder)

    def turn() -> dict[str, Any]:
        for batch in _split_batches(pictures):
            encoder(batch)
        return {"photos": len(pictures)} | _describe_encoder(encoder)

    encoder(pictures[:BATCH_SIZE])
    return turn


def _prepare_agreement(
    photos: list[str], folder: str, compared: int, network: dict[str, Any]
) -> Turn:
    exact = build_encoder(network, precision="float32")
    fast = build_encoder(network, precision="bfloat16")

    def turn() -> dict[str, Any]:
        pictures = _read_pictures(photos[:compared], exact)
        cosines = []
        for batch in _split_batches(pictures):
            cosines.append(compute_cosines(exact(batch), fast(batch)))
        all_cosines = np.concatenate(cosines)
        return {
            "photos": len(pictures),
            "least": float(all_cosines.min()),
            "mean": float(all_cosines.mean()),
            "below": float((all_cosines < CLOSE).mean()),
            "weights": network["weights"],
            "layer": network["layer"],
            **_describe_encoder(fast),
        }

    return turn


def compute_cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the cosine at each location (B, L) of features (B, L, D); 1 where both are 0."""
    left = left.astype(np.float64)
    right = right.astype(np.float64)
    norms = np.linalg.norm(left, axis=-1) * np.linalg.norm(right, axis=-1)
    cosines = (left * right).sum(axis=-1) / np.maximum(norms, 1e-30)
    both_zero = ~left.any(axis=-1) & ~right.any(axis=-1)
    return np.where(both_zero, 1.0, cosines)


def _read_pictures(photos: Sequence[str], encoder: "Encoder") -> np.ndarray:
    size = (encoder.image_size, encoder.image_size)
    return np.stack([read_photo(photo, size) for photo in photos])


def _split_batches(pictures: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(pictures), BATCH_SIZE):
        yield pictures[start : start + BATCH_SIZE]


def _describe_encoder(encoder: "Encoder") -> dict[str, str]:
    return {"engine": encoder.engine, "precision": encoder.precision}


MEASURES: Measures = {
    "tutorial": _prepare_tutorial,
    "ours": _prepare_ours,
    "alone": _prepare_network,
    "agreement": _prepare_agreement,
}


def run(folder: Path, options: Options) -> Figures:
    """Return `extraction_ratio`, `extraction_share`, `extraction_cosine`, and their parts.

    The share is that of the network alone.
    """
    sizes = TOY if options.toy else Sizes()
    photos = synthetic_data.make_photos(sizes.photos, folder / "photos", options.photos)
    arguments = {
        "photos": [str(photo) for photo in photos],
        "folder": str(folder),
        "compared": sizes.compared,
        "network": choose_network(sizes, options),
    }
    module = "benchmarks.extraction"
    # This project's encoder is built first: its errors about weights and layers are clear.
    parts = measure(module, ["ours", "tutorial", "alone"], options.rounds, **arguments)
    parts |= measure(module, ["agreement"], 1, **arguments)
    our_seconds = parts["ours"]["seconds"]
    return {
        "extraction_ratio": parts["tutorial"]["seconds"] / our_seconds,
        "extraction_share": parts["alone"]["seconds"] / our_seconds,
        "extraction_cosine": parts["agreement"]["least"],
        "extraction": parts,
    }


def _compute_speed(part: Figures) -> float:
    """Return photos a second."""
    return part["photos"] / part["seconds"]


def make_rows(figures: Figures) -> list[Row]:
    """Return the rows of the table."""
    parts = figures["extraction"]
    tutorial, ours, alone = parts["tutorial"], parts["ours"], parts["alone"]
    agreement = parts["agreement"]
    ratio = figures["extraction_ratio"]
    share = figures["extraction_share"]
    lowest = figures["extraction_cosine"]
    network = "all of InceptionV3"
    if agreement["layer"]:
        network = f"InceptionV3 to {agreement['layer']}"
    weights = Path(agreement["weights"]).name
    return [
        Row(
            f"extraction, JPEG files to features ({network}): the tutorial",
            f"{_compute_speed(tutorial):.1f} photos a second",
            megabytes=tutorial["megabytes"],
        ),
        Row(
            f"the same: ours ({ours['engine']}, {ours['precision']})",
            f"{_compute_speed(ours):.1f} photos a second: {ratio:.2f} times the tutorial",
            "at least 5 times",
            ratio >= 5,
            ours["megabytes"],
        ),
        Row(
            "the same: ours, as a share of the network alone",
            f"{share:.0%} of {_compute_speed(alone):.1f} photos a second",
            "at least 75 %",
            share >= 0.75,
            alone["megabytes"],
        ),
        Row(
            f"cosine of {agreement['precision']} features to float32 at a location "
            f"(weights: {weights})",
            f"lowest {lowest:.5f}, mean {agreement['mean']:.5f}; "
            f"{agreement['below']:.1%} of locations below {CLOSE}",
            f"at least {CLOSE}",
            lowest >= CLOSE,
            agreement["megabytes"],
        ),
    ]


if __name__ == "__main__":
    run_benchmark(__doc__, run, make_rows, MEASURES)
