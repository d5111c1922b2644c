"""Pictures take the place of cached features, by the same keys."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.photos.photo import Photo
from data.photos.views import Views
from data.picture_batches import PictureLoader
from utils.errors import UserError

SIZE = 80
VIEWS = Views(2, seed=3)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three photos of different shapes."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number, shape in enumerate([(60, 90), (90, 60), (100, 100)]):
        small = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        small.resize(shape, Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return [
        Photo(folder / f"{number}.png", f"{number}.png", ("A dog .",), f"{number:064}", "train")
        for number in range(3)
    ]


def test_photos_and_their_views_are_loaded_by_key(photos):
    pictures = PictureLoader(photos, VIEWS, SIZE, {"name": "some"})
    assert pictures.fingerprint == {"name": "some"}
    wanted = [(photos[2], 0), (photos[0], 2), (photos[0], 1), (photos[1], 0), (photos[0], 2)]
    rows = pictures.get([VIEWS.keys(photo)[view] for photo, view in wanted])
    assert (rows.shape, rows.dtype) == ((5, SIZE, SIZE, 3), np.uint8)
    for row, (photo, view) in zip(rows, wanted, strict=True):
        np.testing.assert_array_equal(row, VIEWS.load_picture(photo, view, SIZE))
    np.testing.assert_array_equal(rows[1], rows[4])
    assert (rows[1] != rows[2]).mean() > 0.2  # one view is not another


def test_a_sequence_is_loaded_by_slices(photos):
    pictures = PictureLoader(photos, VIEWS, SIZE, {})
    sequence = pictures.select([photo.hash for photo in photos])
    assert len(sequence) == 3
    np.testing.assert_array_equal(sequence[1:], pictures.get([photos[1].hash, photos[2].hash]))
    np.testing.assert_array_equal(sequence[:1][0], VIEWS.load_picture(photos[0], 0, SIZE))


def test_an_unreadable_photo_is_named(photos, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(Path(photos[0].path).read_bytes()[:200])
    pictures = PictureLoader(
        [*photos, Photo(broken, "broken.png", (), "f" * 64, "val")], VIEWS, SIZE, {}
    )
    pictures.get([photos[0].hash])
    with pytest.raises(
        UserError,
        match=rf"^{broken} cannot be read \(.+\); remove it from the dataset and start a new run$",
    ):
        pictures.get([photos[0].hash, "f" * 64])
