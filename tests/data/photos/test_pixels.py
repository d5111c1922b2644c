"""Many photos in one array; one that can no longer be read is an error."""

import numpy as np
import pytest
from PIL import Image

from data.photos.photo import Photo
from data.photos.pixels import load_pictures
from utils.errors import UserError


def make_photos(folder, number):
    photos = []
    for shade in range(number):
        file = folder / f"{shade}.png"
        Image.new("RGB", (8, 8), (10 * shade, 0, 0)).save(file)
        photos.append(Photo(file, file.name, ("a dog",), f"{shade:064x}", None))
    return photos


def test_pictures_are_loaded_in_order(tmp_path):
    pictures = load_pictures(make_photos(tmp_path, 3), 4)
    assert pictures.shape == (3, 4, 4, 3)
    np.testing.assert_array_equal(pictures[:, 0, 0, 0], [0, 10, 20])


def test_pictures_go_where_they_are_told(tmp_path):
    room = np.zeros((3, 4, 4, 3), np.uint8)
    assert load_pictures(make_photos(tmp_path, 3), 4, lambda shape: room) is room
    assert room[2, 0, 0, 0] == 20


def test_a_photo_that_can_no_longer_be_read_is_an_error(tmp_path):
    photos = make_photos(tmp_path, 3)
    photos[1].path.write_bytes(b"")
    with pytest.raises(
        UserError, match=r"1.png could be read before and cannot be .* \(empty file\)"
    ):
        load_pictures(photos, 4)
