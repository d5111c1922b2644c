"""A graph reads every photo as the photo reader does, to the last pixel."""

import struct

import numpy as np
import pytest
import tensorflow as tf

from data.photos.images import read_photo
from data.photos.reading import DEFAULT, Reading
from exporting.graph_reader import INEXACT, UNREADABLE, make_reader
from tests.helpers.odd_pictures import (
    ODD_PICTURES,
    draw,
    make_bmp,
    make_cmyk,
    make_jpeg,
    make_png,
    save,
)
from utils.errors import UserError

SIZES = (128, 224, 299)
READINGS = [
    Reading("bilinear", is_exact=True),
    Reading("bicubic", is_exact=True),
    Reading("lanczos", is_exact=True),
    Reading("bicubic", "crop", is_exact=True),
    Reading("bicubic", "crop", 80, is_exact=True),
    Reading("bilinear", "squeeze_and_crop", 73, is_exact=True),
]
BMP = make_bmp(24)
REFUSED = {
    "text": (b"a dog on the beach", "not a picture"),
    "nothing": (b"", "not a picture"),
    "TIFF": (save(draw(), "TIFF"), "not a picture"),
    "AVIF": (save(draw(), "AVIF"), "not a picture"),
    "JPEG cut short": (make_jpeg()[:900], "JPEG"),
    "BMP cut short": (BMP[:900], "cut short"),
    "BMP of 16 bits": (make_bmp(16), "a kind of BMP"),
    "BMP with run lengths": (BMP[:30] + struct.pack("<I", 1) + BMP[34:], "a kind of BMP"),
    "BMP of OS/2": (BMP[:14] + struct.pack("<I", 12) + BMP[18:], "a kind of BMP"),
    "PNG without pixels": (make_png([np.zeros(0, np.uint8)], 8, 2), "120,000,000 pixels"),
    "PNG that is too large": (make_png([np.zeros(16_000_000, np.uint8)], 1, 0), "120,000,000"),
}


def read_in_graph(content, size, reading=DEFAULT):
    return make_reader(size, reading)(tf.constant(content)).numpy()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("name", ODD_PICTURES)
def test_an_odd_picture_is_read_to_the_last_pixel(name):
    content = ODD_PICTURES[name]()
    for size in SIZES:
        found = read_in_graph(content, size)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, read_photo(content, (size, size)))


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_readings_of_others_are_equal_too(reading, uncompiled):
    # One of these is turned, and one is so narrow that its crop is a small part of it.
    for name in ("JPEG lying 6", "JPEG 1 x 300"):
        content = ODD_PICTURES[name]()
        wanted = read_photo(content, (64, 64), reading)
        np.testing.assert_array_equal(read_in_graph(content, 64, reading), wanted)


def test_inks_with_black_differ_by_one_level():
    assert any("inks" in kind and "one level" in kind for kind in INEXACT)
    content = make_cmyk(black=True)
    wanted = read_photo(content, (128, 128)).astype(int)
    assert np.abs(read_in_graph(content, 128) - wanted).max() == 1


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_graph_cannot_read_is_an_error(kind):
    content, reason = REFUSED[kind]
    with pytest.raises(tf.errors.InvalidArgumentError, match=reason):
        read_in_graph(content, 128)


def test_formats_that_are_refused_are_listed():
    for kind in ("TIFF", "AVIF", "BMP"):
        assert any(each.startswith(kind) for each in UNREADABLE)


def test_a_graph_reads_a_batch_of_several_formats(uncompiled):
    names = ["JPEG lying 6", "PNG alpha", "GIF", "BMP", "WebP"]
    contents = [ODD_PICTURES[name]() for name in names]
    pixels = tf.TensorSpec([128, 128, 3], tf.uint8)
    found = tf.map_fn(make_reader(128), tf.constant(contents), fn_output_signature=pixels)
    wanted = [read_photo(content, (128, 128)) for content in contents]
    np.testing.assert_array_equal(found, wanted)


def test_the_size_is_known_before_a_photo_is_read():
    graph = tf.function(make_reader(96), input_signature=[tf.TensorSpec([], tf.string)])
    assert graph.get_concrete_function().output_shapes == (96, 96, 3)


@pytest.mark.parametrize(
    ("reading", "value"),
    [
        (Reading("hamming", is_exact=True), "hamming"),
        (Reading("bicubic", "letterbox", is_exact=True), "letterbox"),
        (Reading("bicubic", "crop", 96, is_exact=True), "96"),
    ],
)
def test_a_reading_that_no_graph_does_is_rejected(reading, value):
    with pytest.raises(UserError, match=value):
        make_reader(128, reading)
