"""How photos become the squares of pixels that networks of others were trained on."""

import numpy as np
import pytest
from PIL import Image

from data.photos.crops import project_window
from data.photos.images import read_photo, read_size, resize
from data.photos.reading import WHOLE, Reading

CROP = Reading("bicubic", fit="crop", is_exact=True)


@pytest.fixture
def photo(tmp_path):
    """A PNG of 60 x 40 pixels, red at the left, green in the middle, blue at the right."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :20, 0] = pixels[:, 20:40, 1] = pixels[:, 40:, 2] = 255
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def test_exact_squeezing_is_pillows_own(photo):
    wanted = Image.open(photo).resize((16, 16), Image.Resampling.BICUBIC)
    found = read_photo(photo, (16, 16), Reading("bicubic", is_exact=True))
    np.testing.assert_array_equal(found, wanted)


def test_the_middle_is_cropped_after_resizing(photo):
    enlarged = Image.open(photo).resize((24, 16), Image.Resampling.BICUBIC)
    found = read_photo(photo, (16, 16), CROP)
    np.testing.assert_array_equal(found, np.asarray(enlarged)[:, 4:20])


def test_a_longer_edge_is_cropped_on_all_sides(photo):
    found = read_photo(photo, (16, 16), Reading("bicubic", "crop", 20, is_exact=True))
    enlarged = Image.open(photo).resize((30, 20), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found, np.asarray(enlarged)[2:18, 7:23])


def test_a_squeezed_photo_is_cropped_on_all_sides(photo):
    reading = Reading("bicubic", "squeeze_and_crop", 20, is_exact=True)
    squeezed = Image.open(photo).resize((20, 20), Image.Resampling.BICUBIC)
    found = read_photo(photo, (16, 16), reading)
    np.testing.assert_array_equal(found, np.asarray(squeezed)[2:18, 2:18])
    assert reading.find_window((40, 60), (16, 16)) == pytest.approx((0.1, 0.1, 0.9, 0.9))


def test_pixels_are_read_as_their_file_is(photo):
    pixels = np.asarray(Image.open(photo))
    np.testing.assert_array_equal(resize(pixels, (16, 16), CROP), read_photo(photo, (16, 16), CROP))


def test_a_rotated_photo_is_turned_before_it_is_cropped(tmp_path, photo):
    turned = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(photo).save(turned, exif=exif)
    upright = Image.open(photo).transpose(Image.Transpose.ROTATE_270)
    enlarged = np.asarray(upright.resize((16, 24), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(read_photo(turned, (16, 16), CROP), enlarged[4:20])
    assert read_size(turned) == (60, 40)
    assert read_size(photo) == (40, 60)


def test_the_window_is_what_the_network_sees():
    assert Reading().find_window((40, 60), (16, 16)) == WHOLE
    assert CROP.find_window((40, 60), (16, 16)) == pytest.approx((0, 4 / 24, 1, 20 / 24))
    assert CROP.find_window((16, 16), (16, 16)) == WHOLE


def test_attention_to_the_middle_lies_in_the_middle_of_the_photo():
    attention = np.array([[1.0, 0.0, 0.0, 0.0]])  # top left of 2 x 2 locations
    projected = project_window(attention, (2, 2), (0, 0.25, 1, 0.75))
    np.testing.assert_allclose(projected, [[1, 0, 0, 0]])
    projected = project_window(np.array([[0.5, 0.5, 0, 0]]), (2, 2), (0, 0.4, 1, 1))
    # The left half of the window reaches from 0.4 to 0.7: a third of it is in the left column.
    np.testing.assert_allclose(projected, [[0.5 / 3, 1 - 0.5 / 3, 0, 0]], rtol=1e-6)
