"""Views of a photo have keys of their own, and are mirrored only where captions allow."""

import numpy as np
from PIL import Image

from data.photos.photo import Photo
from data.photos.views import Views

PLAIN, SIDED = ("a dog",), ("a dog left of a car", "a dog")


def make_photo(path, captions):
    return Photo(path, path.name, captions, "f" * 64, None)


def test_views_have_their_own_keys_and_flip_only_if_allowed(tmp_path):
    plain = make_photo(tmp_path / "1.png", PLAIN)
    sided = make_photo(tmp_path / "1.png", SIDED)
    assert Views(0, 7).keys(plain) == (plain.hash,)
    first, *rest = Views(2, 7).keys(plain)
    assert first == plain.hash
    assert len({first, *rest}) == 3
    assert all("-flip/7/" in key and key.startswith(plain.hash) for key in rest)
    assert not any("-flip" in key for key in Views(2, 7).keys(sided))
    assert Views(2, 8).keys(plain)[1:] != tuple(rest)


def test_a_further_view_leaves_the_keys_before_it_unchanged(tmp_path):
    photo = make_photo(tmp_path / "1.png", PLAIN)
    assert Views(1, 7).keys(photo) == Views(2, 7).keys(photo)[:2]


def test_only_training_photos_have_views(tmp_path):
    photo = make_photo(tmp_path / "1.png", PLAIN)
    assert Views(2, 7).keys(photo, "val") == (photo.hash,)


def test_pictures_are_altered_and_mirrored_only_if_allowed(tmp_path):
    """The picture is a strong gradient: a mirrored one would rise to the other side."""
    image = np.zeros((32, 32, 3), np.uint8)
    image += np.linspace(0, 255, 32).astype(np.uint8)[None, :, None]
    Image.fromarray(image).save(tmp_path / "1.png")
    sided = make_photo(tmp_path / "1.png", ("a dog on the left",))
    plain = make_photo(tmp_path / "1.png", PLAIN)
    views = Views(8, 0)
    np.testing.assert_array_equal(views.load_picture(sided, 0, 32), image)
    for view in range(1, 9):
        altered = views.load_picture(sided, view, 32)
        assert (altered != image).any()
        assert altered[:, -4:].mean() > altered[:, :4].mean()
    assert any(views.load_picture(plain, view, 32)[:, -4:].mean() < 100 for view in range(1, 9))
