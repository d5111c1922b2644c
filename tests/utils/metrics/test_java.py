"""METEOR and SPICE: equal to recorded numbers, and every failure of Java is one line."""

import json
import shutil
from pathlib import Path

import pytest

from utils.metrics import java
from utils.metrics.captions import Scorer

REFERENCE = json.loads(
    Path(__file__).parents[2].joinpath("fixtures/metric_reference.json").read_text(encoding="utf-8")
)
NEEDS_JAVA = pytest.mark.skipif(
    shutil.which("java") is None, reason="METEOR needs Java; not on the PATH"
)


def fake_java(folder, monkeypatch, script):
    """Put a shell script in Java's place."""
    program = folder / "java"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@NEEDS_JAVA
def test_meteor_equals_that_of_coco_caption():
    captions = [row["caption"] for row in REFERENCE["photos"]]
    scorer = Scorer([row["references"] for row in REFERENCE["photos"]])
    wanted = pytest.approx(REFERENCE["scores"]["METEOR"], abs=1e-9)
    assert scorer.score(captions, ["METEOR"]) == {"METEOR": wanted}


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'No Java runtime present.' >&2; exit 1", "Java failed (No Java runtime present.)"),
        ("read line; echo 'Out of memory' >&2; exit 3", "Java failed (Out of memory)"),
        ("while read line; do echo nonsense; done", "Java failed (no message)"),
        ("exec sleep 60", "Java did not answer in time"),
    ],
)
def test_failures_of_meteor_are_one_line(tmp_path, monkeypatch, script, reason):
    fake_java(tmp_path, monkeypatch, script)
    monkeypatch.setattr(java, "_allow_seconds", lambda captions: 1.0)
    with pytest.raises(java.ScoreUnavailable) as error:
        Scorer([["a dog"]] * 5).score(["a dog"] * 5, ["METEOR"])
    assert str(error.value) == reason


def test_missing_libraries_of_spice_are_named(tmp_path, monkeypatch):
    fake_java(tmp_path, monkeypatch, "exit 0")
    monkeypatch.setattr(java, "_find_spice_folder", lambda: tmp_path)
    with pytest.raises(java.ScoreUnavailable, match=r"needs stanford-corenlp-3.6.0.jar"):
        Scorer([["a dog"]]).score(["a dog"], ["SPICE"])


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            'while [ "$1" != -out ]; do shift; done; '
            """echo '[{"scores": {"All": {"f": 0.25}}}]' > "$2" """,
            0.25,
        ),
        ("echo 'class not found' >&2; exit 1", "Java failed (class not found)"),
        ("exit 0", "Java gave no readable answer"),
        ("exec sleep 60", "Java did not answer in time"),
    ],
)
def test_answers_and_failures_of_spice(tmp_path, monkeypatch, script, expected):
    fake_java(tmp_path, monkeypatch, script)
    monkeypatch.setattr(java, "_find_spice_folder", lambda: tmp_path)
    monkeypatch.setattr(java, "_allow_seconds", lambda captions: 0.2)
    (tmp_path / "lib").mkdir()
    for name in ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar"):
        (tmp_path / "lib" / name).touch()
    scorer = Scorer([["a dog"]])
    if isinstance(expected, float):
        assert scorer.score(["a dog"], ["SPICE"]) == {"SPICE": expected}
    else:
        with pytest.raises(java.ScoreUnavailable) as error:
            scorer.score(["a dog"], ["SPICE"])
        assert expected in str(error.value)
