"""The keys and pictures of a photo's augmented views."""

from pathlib import Path

import numpy as np
from PIL import Image

from data.photos.photo import Photo
from data.photos.views import Views


def photo(number, *captions, folder=Path("photos")):
    name = f"{number}.png"
    return Photo(folder / name, name, captions or ("a dog",), f"{number:064x}", None)


def test_views_have_keys_of_their_own_and_are_mirrored_only_where_captions_allow():
    plain, sided = photo(1, "a dog"), photo(2, "a dog left of a car", "a dog")
    assert Views(0, 7).keys(plain) == (plain.hash,)
    first, *rest = Views(2, 7).keys(plain)
    assert first == plain.hash
    assert len({first, *rest}) == 3
    assert all("-flip/7/" in key and key.startswith(plain.hash) for key in rest)
    assert not any("-flip" in key for key in Views(2, 7).keys(sided))
    assert Views(2, 8).keys(plain)[1:] != tuple(rest)
    assert Views(1, 7).keys(plain) == (
        first,
        rest[0],
    )  # a further view leaves the ones before as they are


def test_pictures_of_views(tmp_path):
    """A striking gradient: mirrored it would rise to the other side."""
    image = (
        np.zeros((32, 32, 3), np.uint8) + np.linspace(0, 255, 32).astype(np.uint8)[None, :, None]
    )
    Image.fromarray(image).save(tmp_path / "1.png")
    sided, plain = (
        photo(1, "a dog on the left", folder=tmp_path),
        photo(1, "a dog", folder=tmp_path),
    )
    views = Views(8, 0)
    np.testing.assert_array_equal(views.load_picture(sided, 0, 32), image)
    altered = [views.load_picture(sided, view, 32) for view in range(1, 9)]
    assert all(
        (each != image).any() and each[:, -4:].mean() > each[:, :4].mean() for each in altered
    )
    assert any(views.load_picture(plain, view, 32)[:, -4:].mean() < 100 for view in range(1, 9))
