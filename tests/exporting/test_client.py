"""The program in an exported folder: short, readable, and equal to the photo reader."""

import ast
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from data.photos.images import read_photo
from data.photos.reading import Reading
from exporting.client import MOST_LINES, write_client
from exporting.formats import FORMATS
from tests.helpers.odd_pictures import ODD_PICTURES

READINGS = [
    Reading(),
    Reading("bicubic", is_exact=True),
    Reading("bicubic", "squeeze_and_crop", 40, is_exact=True),
    Reading("lanczos", "crop", is_exact=True),
]
# What the card says that it cannot do: a damaged EXIF block is an error, 16 bits are cut to 8.
EXCEPTIONS = {"JPEG with damaged EXIF", "PNG grey of 16 bits"}


def write_all():
    """Yield every client that can be: by format, reading, answers and tokenizer."""
    for format in [name for name in FORMATS if name != "huggingface"]:
        for reading in READINGS:
            yield write_client(format, reading, "captions", {"is_bytes": False})
            if reading.fit == "squeeze":  # as all captioners with pieces of bytes read photos
                yield write_client(format, reading, "captions", {"is_bytes": True})
        yield write_client(format, Reading(), "classes", None)


def make_reader(reading, size):
    """Return the function of a client that reads photos."""
    tree = ast.parse(write_client("litert", reading, "captions", {"is_bytes": False}))
    tree.body = [node for node in tree.body if getattr(node, "name", "") == "read"]
    names = {"np": np, "Image": Image, "ImageOps": ImageOps, "SIZE": size}
    exec(compile(tree, "client.py", "exec"), names)
    return names["read"]


def test_every_client_is_short_and_of_one_style(tmp_path):
    for number, text in enumerate(write_all()):
        decodes_bytes = 'encode("latin-1")' in text  # a line more, for GPT-2's pieces
        assert len(text.splitlines()) <= MOST_LINES + decodes_bytes
        (tmp_path / f"client_{number}.py").write_text(text, encoding="utf-8")
    for command in (["format", "--check"], ["check", "--select", "E,F,I", "--ignore", "E501"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "100"]
        done = subprocess.run([*ruff, str(tmp_path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("name", [name for name in ODD_PICTURES if name not in EXCEPTIONS])
def test_a_client_reads_photos_as_training_did(name, tmp_path):
    photo = tmp_path / "photo"
    photo.write_bytes(ODD_PICTURES[name]())
    for reading in READINGS:
        pixels = make_reader(reading, 32)(photo)
        np.testing.assert_array_equal(pixels, read_photo(photo, (32, 32), reading))
