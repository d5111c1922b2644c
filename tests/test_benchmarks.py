"""Each measurement at toy size: what it counts is right."""

import json
import subprocess
import sys

from tests.scripts import ROOT


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
