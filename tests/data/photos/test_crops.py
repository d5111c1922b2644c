"""Crops show the right parts, and attention to them is projected onto the photo."""

import numpy as np
import pytest
from PIL import Image

from data.photos.crops import Crops, crop_picture, project_to_photo
from data.photos.photo import Photo

SIDE = 64


@pytest.fixture(scope="module")
def slope():
    """Dark on the left and above, red to the right, green below."""
    along = np.linspace(0, 255, SIDE)
    return (
        np.stack([*np.meshgrid(along, along), np.zeros((SIDE, SIDE))], axis=-1)
        .round()
        .astype(np.uint8)
    )


@pytest.mark.parametrize("number", [1, 2, 4])
def test_every_number_of_crops_gives_that_many(number, slope):
    assert len({crop.tobytes() for crop in Crops(number).cut(slope)}) == number


def test_the_middle_is_seven_eighths_of_the_photo(slope):
    middle = crop_picture(slope, 1).astype(float)
    assert middle.shape == slope.shape
    left, right = 255 * (1 / 16), 255 * (15 / 16)
    for channel, axis in ((0, 1), (1, 0)):
        edges = middle[..., channel].mean(axis=1 - axis)[[0, -1]]
        np.testing.assert_allclose(edges, [left, right], atol=3)
    np.testing.assert_allclose(middle[SIDE // 2, SIDE // 2], slope[SIDE // 2, SIDE // 2], atol=3)


def test_crops_and_mirrored_crops_come_in_order(slope):
    photo, middle, mirrored, other = Crops(4).cut(slope)
    np.testing.assert_array_equal(photo, slope)
    np.testing.assert_array_equal(mirrored, slope[:, ::-1])
    np.testing.assert_array_equal(other, middle[:, ::-1])
    assert len(Crops(2).cut(slope)) == 2 and len(Crops(1).cut(slope)) == 1


def test_keys_and_pictures_of_a_photo(slope, tmp_path):
    Image.fromarray(slope).save(tmp_path / "a.png")
    photo = Photo(tmp_path / "a.png", "a.png", ("a dog",), "f" * 64, None)
    keys = Crops(4).keys(photo, "test")
    assert (
        len(set(keys)) == 4 and keys[0] == photo.hash
    )  # whose features are those of the photo as it is
    assert Crops(2).keys(photo, "train") == keys[:2]
    for crop in range(4):
        np.testing.assert_array_equal(
            Crops(4).load_picture(photo, crop, SIDE), crop_picture(slope, crop)
        )


def test_attention_to_mirrored_crops_is_mirrored_back():
    rows, columns = 2, 4
    at = np.zeros((4, 1, rows * columns), np.float32)
    at[0, 0, 1] = 0.4  # of the photo: first row, second column
    at[2, 0, 0] = 0.6  # of its mirror: first row, first column, which is the photo's last
    np.testing.assert_allclose(
        project_to_photo(list(at), (rows, columns)), [[0, 0.4, 0, 0.6, 0, 0, 0, 0]], atol=1e-6
    )


def test_attention_to_the_middle_is_shared_by_overlap():
    """The first of 8 columns goes from 1/16 to 11/64; 4/7 of it lie in the photo's first."""
    at = np.zeros((2, 3, 64), np.float32)
    at[1, 0, 0] = at[1, 1, 63] = 1
    at[1, 2] = 1 / 64
    found = project_to_photo(list(at), (8, 8)).reshape(3, 8, 8)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(
        found[0, :2, :2], np.outer([4 / 7, 3 / 7], [4 / 7, 3 / 7]), rtol=1e-5
    )
    np.testing.assert_allclose(found[1], found[0][::-1, ::-1], atol=1e-6)
    np.testing.assert_allclose(
        found[2, 3, 3], (8 / 7 / 8) ** 2, rtol=1e-5
    )  # even attention to less is more of each
    np.testing.assert_allclose(found[2, 0, 0], (4 / 7 / 8) ** 2, rtol=1e-5)
