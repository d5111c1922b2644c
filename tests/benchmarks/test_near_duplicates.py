"""The benchmark of similar photos finds altered copies."""

import numpy as np
from PIL import Image

from benchmarks import near_duplicates
from data.photos.images import save_picture
from tests.helpers.scripts import run_command


def test_altered_photos_are_found_and_others_are_not(tmp_path):
    random = np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(0, 256, (9, 12, 3), np.uint8)
        photo = Image.fromarray(pixels).resize((120, 90))
        save_picture(np.asarray(photo), tmp_path / f"{number}.jpg")
    with Image.open(tmp_path / "0.jpg") as photo:
        photo.resize((80, 60)).save(tmp_path / "again.png")
    done = run_command(near_duplicates, tmp_path, "--altered", "2")
    lines = done.out.splitlines()
    assert lines[0] == "| copies of 2 photos | found |"
    found = list(near_duplicates.ALTERATIONS)[:-1]
    assert lines[2 : 2 + len(found)] == [f"| {name} | 100.0% |" for name in found]
    assert lines[-2:] == ["1 of 6 pairs of 4 photos count as the same", "  0.jpg  again.png"]
