"""The benchmark of reading counts what it reads."""

import json
import subprocess
import sys

from tests.helpers.scripts import ROOT


def test_all_captions_and_photos_are_counted(tmp_path):
    json_file = tmp_path / "figures.json"
    command = ["-m", "benchmarks.reading", "--photos", "12", "--json", json_file]
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(json_file.read_text())
    assert {name: each["count"] for name, each in figures.items()} == {
        "captions read, COCO's JSON": 60,
        "captions read, a table": 60,
        "photos opened and hashed, the first time": 12,
        "photos opened and hashed, again": 12,
    }
    for each in figures.values():
        assert each["seconds"] >= 0
        assert 10 < each["megabytes"] < 1000
    seconds = figures["captions read, a table"]["seconds"]
    assert f"| captions read, a table | 60 | {seconds:.1f} |" in done.stdout
