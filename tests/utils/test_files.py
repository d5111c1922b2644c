"""Files: sizes for people, and locks that other programs see."""

import pytest

from utils.files import format_bytes, is_locked, open_locked, write_text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (9_960, "10 kB"),
        (58_400_000, "58 MB"),
        (999_600_000, "1.0 GB"),
        (12_345_000_000, "12 GB"),
    ],
)
def test_sizes_have_two_digits_and_a_unit(number, text):
    assert format_bytes(number) == text


def test_a_file_is_locked_until_all_have_closed_it(tmp_path):
    file = tmp_path / "photos.json"
    write_text(file, "{}")
    assert not is_locked(file)
    one, other = open_locked(file), open_locked(file)
    one.close()
    assert is_locked(file)
    other.close()
    assert not is_locked(file)
