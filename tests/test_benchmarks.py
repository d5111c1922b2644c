"""Each measurement at toy size: what it counts is right."""

import json
import subprocess
import sys

import numpy as np
from PIL import Image

from benchmarks import near_duplicates
from data.images import save
from tests.scripts import ROOT, typed


def test_reading_counts_all_captions_and_photos(tmp_path):
    done = subprocess.run([sys.executable, "-m", "benchmarks.reading", "--photos", "12", "--json", tmp_path / "found.json"],
                          capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert {what: each["count"] for what, each in found.items()} == {
        "captions read, COCO's JSON": 60, "captions read, a table": 60, "photos hashed, the first time": 12,
        "photos hashed, again": 12, "photos looked at, the first time": 12, "photos looked at, again": 12}
    assert all(each["seconds"] >= 0 and 10 < each["megabytes"] < 1000 for each in found.values())
    assert f"| captions read, a table | 60 | {found['captions read, a table']['seconds']:.1f} |" in done.stdout


def test_altered_photos_are_found_and_others_are_not(tmp_path):
    random = np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(0, 256, (9, 12, 3), np.uint8)
        save(np.asarray(Image.fromarray(pixels).resize((120, 90))), tmp_path / f"{number}.jpg")
    with Image.open(tmp_path / "0.jpg") as photo:
        photo.resize((80, 60)).save(tmp_path / "again.png")
    done = typed(near_duplicates, tmp_path, "--altered", "2")
    lines = done.out.splitlines()
    assert lines[0] == "| copies of 2 photos | found |"
    assert lines[2 : 2 + len(near_duplicates.ALTERED) - 1] == [
        f"| {name} | 100.0% |" for name in list(near_duplicates.ALTERED)[:-1]]
    assert lines[-2:] == ["1 of 6 pairs of 4 photos are taken for the same", "  0.jpg  again.png"]
