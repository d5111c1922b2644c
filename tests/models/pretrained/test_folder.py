"""The files of a Hugging Face model's folder that cannot be read."""

import pytest

from models.pretrained.folder import Weights
from utils.errors import UserError

GIGABYTE = 2**30


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(2 * GIGABYTE + 16, id="sparse"),
        pytest.param(64, id="short"),
    ],
)
def test_a_header_of_two_gigabytes_is_rejected_unread(tmp_path, size):
    """All families read their weights by this class; a sparse file takes no room on the disk."""
    file = tmp_path / "model.safetensors"
    write_huge_header(file, size)
    with pytest.raises(UserError, match=r"model\.safetensors cannot be read \(.*header") as caught:
        Weights(tmp_path, str)
    assert "\n" not in str(caught.value)


def write_huge_header(file, size):
    """Write a file of this size whose header says that it has two gigabytes."""
    with file.open("wb") as opened:
        opened.write((2 * GIGABYTE).to_bytes(8, "little") + b"{")
        opened.truncate(size)
