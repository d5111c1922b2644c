"""predict.py --sort doubt: the rows of a captions file, the most doubtful first."""

import json
from pathlib import Path

import pytest

from tests.helpers.predict_command import install_captioner, make_command, make_photo, write_run
from utils.captions_file import CaptionsFile

CAPTIONER_SCORES = {"a": 0.9, "b": 0.2, "c": 0.6, "d": 0.4}


@pytest.fixture
def run_predict(tmp_path, monkeypatch, capsys):
    """Run predict.py in a folder with photos whose captions have `CAPTIONER_SCORES`."""
    monkeypatch.chdir(tmp_path)
    captioner = install_captioner(monkeypatch)
    captioner.scores = {
        10 * number: score for number, score in enumerate(CAPTIONER_SCORES.values())
    }
    write_run(scenes=False)
    for number, name in enumerate(CAPTIONER_SCORES):
        make_photo(f"in/{name}.png", 10 * number)
    return make_command(monkeypatch, capsys)


def read_names(file):
    """Return the names of the photos in the order of their rows."""
    if file.endswith(".jsonl"):
        paths = [json.loads(line)["path"] for line in Path(file).read_text().splitlines()]
    else:
        paths = [line.split(",")[0] for line in Path(file).read_text().splitlines()[1:]]
    return "".join(Path(path).stem for path in paths)


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_the_most_doubtful_rows_come_first(run_predict, ending):
    out = f"out{ending}"
    run_predict("in", "--out", out)
    assert read_names(out) == "abcd"
    before = sorted(Path(out).read_text().splitlines())
    assert run_predict("in", "--out", out, "--sort", "doubt")[0] == 0  # nothing to caption
    assert read_names(out) == "bdca"
    assert sorted(Path(out).read_text().splitlines()) == before


def test_rows_of_a_resumed_file_are_sorted_too(run_predict):
    run_predict("in/a.png", "in/d.png", "--out", "out.csv", "--sort", "doubt")
    run_predict("in/b.png", "in/c.png", "--out", "out.csv", "--sort", "doubt")
    assert read_names("out.csv") == "bdca"


def test_rows_that_a_person_vouched_for_come_last(run_predict):
    """a was mended, b has a caption beside the doubtful one; c and d are doubtful."""
    run_predict("in", "--out", "out.csv", "--minimum-score", "0.7")
    lines = Path("out.csv").read_text().splitlines()
    mended = [
        lines[0],
        lines[1].replace(",brightness 0,", ",black,"),
        lines[2].replace(",,", ",grey,", 1),
        *lines[3:],
    ]
    Path("out.csv").write_text("\n".join(mended) + "\n")
    run_predict("in", "--out", "out.csv", "--sort", "doubt")
    assert read_names("out.csv") == "dcba"


def test_semicolons_and_a_byte_order_mark_stay(run_predict):
    run_predict("in", "--out", "out.csv")
    text = Path("out.csv").read_text().replace(",", ";").replace("0.", "0,")
    Path("out.csv").write_text("\ufeff" + text)
    run_predict("in", "--out", "out.csv", "--sort", "doubt")
    first, second, *_ = Path("out.csv").read_text().splitlines()
    assert first == "\ufeffpath;caption;mark;score"
    assert second.startswith("in/b.png;brightness 10;")
    assert len(CaptionsFile(Path("out.csv"), ("path", "caption", "mark", "score")).rows) == 4
