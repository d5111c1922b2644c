"""How many photos a second become cached features: the tutorial's way, ours, the network alone; what bfloat16 changes.

    python -m benchmarks.extraction
    python -m benchmarks.extraction --photos DIR --weights FILE --layer mixed8

InceptionV3 at 299 pixels. The tutorial reads with `tf.data`, 16 photos a batch, and writes a float32 `.npy` each. Ours goes
from files to the feature cache, hashing the files included, into an empty folder at every turn; the network alone is given
pictures that lie in memory. The last measure is the cosine, location by location, of bfloat16 features to float32 ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import made_up
from benchmarks.measuring import Given, Measures, Row, Turn, measured, script
from data.feature_cache import FeatureCache
from data.feature_extraction import BATCH_SIZE, PendingPicture, encode_pictures
from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo

if TYPE_CHECKING:
    from models.encoders.encoder import Encoder


CLOSE = 0.999  # cosine that bfloat16 features should have to float32 ones


@dataclass(frozen=True)
class Sizes:
    """What is extracted."""

    photos: int = 320
    compared: int = 64  # photos whose features are compared in both precisions
    encoder: str = "inception_v3"
    image_size: int = 299


TOY = Sizes(photos=6, compared=2, encoder="convnet", image_size=75)


def build_encoder(network: dict[str, Any], precision: str = "bfloat16") -> "Encoder":
    """The encoder with these settings; bfloat16 where the processor has it."""
    from models.encoders.encoder import Encoder

    settings = dict(network)
    return Encoder(settings.pop("name"), **settings, precision=precision)


def extracted(
    photos: Sequence[Path], encoder: "Encoder", fingerprint: dict[str, Any], folder: Path
) -> int:
    """Extract the features of these files into an empty cache; how many photos."""
    hashes = PhotoHashes(folder / "photos.json")
    size = (encoder.image_size, encoder.image_size)
    # With their number, since equal photos would count once.
    items = [
        PendingPicture(f"{photo_hash}/{number}", lambda photo=photo: read_photo(photo, size))
        for number, (photo, photo_hash, _) in enumerate(hashes.hashed(photos))
    ]
    cache = FeatureCache(folder, fingerprint)
    return sum(encode_pictures(items, cache, encoder, on_unreadable=_refuse))


def _refuse(_key: str, error: Exception) -> None:
    raise error


def _tutorial(photos: list[str], folder: str, compared: int, network: dict[str, Any]) -> Turn:
    from benchmarks import tutorial

    size = network["image_size"]
    inception = tutorial.inception(size, network["weights"], network["layer"])
    place = Path(folder) / "tutorial"
    place.mkdir()
    tutorial.extract(
        [Path(photo) for photo in photos[: tutorial.EXTRACTED]], inception, size, place
    )
    return lambda: {
        "photos": tutorial.extract([Path(photo) for photo in photos], inception, size, place)
    }


def _ours(photos: list[str], folder: str, compared: int, network: dict[str, Any]) -> Turn:
    encoder = build_encoder(network)
    fingerprint = encoder.fingerprint()
    files, turns = [Path(photo) for photo in photos], iter(range(10**9))

    def turn(number: int | None = None) -> dict[str, Any]:
        place = Path(folder) / f"ours-{next(turns)}"
        return {"photos": extracted(files[:number], encoder, fingerprint, place)} | _how(encoder)

    turn(BATCH_SIZE)
    return turn


def _alone(photos: list[str], folder: str, compared: int, network: dict[str, Any]) -> Turn:
    encoder = build_encoder(network)
    pictures = _pictures(photos, encoder)

    def turn() -> dict[str, Any]:
        for batch in _batches(pictures):
            encoder(batch)
        return {"photos": len(pictures)} | _how(encoder)

    encoder(next(_batches(pictures)))
    return turn


def _agreement(photos: list[str], folder: str, compared: int, network: dict[str, Any]) -> Turn:
    exact, quick = (
        build_encoder(network, precision=precision) for precision in ("float32", "bfloat16")
    )

    def turn() -> dict[str, Any]:
        pictures = _pictures(photos[:compared], exact)
        cosines = np.concatenate(
            [cosine(exact(batch), quick(batch)) for batch in _batches(pictures)]
        )
        return {
            "photos": len(pictures),
            "least": float(cosines.min()),
            "mean": float(cosines.mean()),
            "below": float((cosines < CLOSE).mean()),
            **{name: network[name] for name in ("weights", "layer")},
            **_how(quick),
        }

    return turn


def cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """By location (B, L) of features (B, L, D); 1 where both are 0."""
    left, right = left.astype(np.float64), right.astype(np.float64)
    product = np.linalg.norm(left, axis=-1) * np.linalg.norm(right, axis=-1)
    neither = ~left.any(axis=-1) & ~right.any(axis=-1)
    return np.where(neither, 1.0, (left * right).sum(axis=-1) / np.maximum(product, 1e-30))


def _pictures(photos: Sequence[str], encoder: "Encoder") -> np.ndarray:
    size = (encoder.image_size, encoder.image_size)
    return np.stack([read_photo(photo, size) for photo in photos])


def _batches(pictures: np.ndarray) -> Any:
    return (pictures[start : start + BATCH_SIZE] for start in range(0, len(pictures), BATCH_SIZE))


def _how(encoder: "Encoder") -> dict[str, str]:
    """What the encoder computes by."""
    return {"engine": encoder.engine, "precision": encoder.precision}


MEASURES: Measures = {
    "tutorial": _tutorial,
    "ours": _ours,
    "alone": _alone,
    "agreement": _agreement,
}


def run(folder: Path, given: Given) -> dict[str, Any]:
    """`extraction_ratio`, `extraction_share` of what the network alone reaches, the cosine, and what these come from."""
    sizes = TOY if given.toy else Sizes()
    photos = [str(photo) for photo in made_up.photos(sizes.photos, folder / "photos", given.photos)]
    network = {
        "name": sizes.encoder,
        "image_size": sizes.image_size,
        "weights": given.weights,
        "layer": given.layer,
    }
    what = {"photos": photos, "folder": str(folder), "compared": sizes.compared, "network": network}
    # Ours is prepared first: it refuses weights and layers in a sentence.
    found = measured("benchmarks.extraction", ["ours", "tutorial", "alone"], given.rounds, **what)
    found |= measured("benchmarks.extraction", ["agreement"], 1, **what)
    seconds = {name: each["seconds"] for name, each in found.items()}
    return {
        "extraction_ratio": seconds["tutorial"] / seconds["ours"],
        "extraction_share": seconds["alone"] / seconds["ours"],
        "extraction_cosine": found["agreement"]["least"],
        "extraction": found,
    }


def rows(found: dict[str, Any]) -> list[Row]:
    """The table's."""
    each = found["extraction"]
    a_second = {
        name: each[name]["photos"] / each[name]["seconds"] for name in ("tutorial", "ours", "alone")
    }
    ours, agreement = each["ours"], each["agreement"]
    ratio, share, least = (
        found["extraction_ratio"],
        found["extraction_share"],
        found["extraction_cosine"],
    )
    network = "InceptionV3" + (f" to {agreement['layer']}" if agreement["layer"] else ", all of it")
    return [
        Row(
            f"extraction, JPEG files to features ({network}): the tutorial",
            f"{a_second['tutorial']:.1f} photos a second",
            megabytes=each["tutorial"]["megabytes"],
        ),
        Row(
            f"the same: ours ({ours['engine']}, {ours['precision']})",
            f"{a_second['ours']:.1f} photos a second: {ratio:.2f} times the tutorial",
            "at least 5 times",
            ratio >= 5,
            ours["megabytes"],
        ),
        Row(
            "the same: ours, of what the network alone reaches",
            f"{share:.0%} of {a_second['alone']:.1f} photos a second",
            "at least 75 %",
            share >= 0.75,
            each["alone"]["megabytes"],
        ),
        Row(
            f"features in {agreement['precision']} against float32, cosine of a location (weights: "
            f"{Path(agreement['weights']).name})",
            f"{least:.5f} at the least, {agreement['mean']:.5f} in the mean; "
            f"{agreement['below']:.1%} of locations below {CLOSE}",
            f"at least {CLOSE}",
            least >= CLOSE,
            agreement["megabytes"],
        ),
    ]


if __name__ == "__main__":
    script(__doc__, run, rows, MEASURES)
