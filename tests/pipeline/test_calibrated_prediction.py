"""predict.py with a run whose scores are calibrated: what is written, compared and refused.

The calibration turns the captioner's 0.5 into 0.2 and its 0.25 into 0.0588.
"""

from pathlib import Path

import pytest

from tests.helpers.calibrations import make_calibration
from tests.helpers.predict_command import install_captioner, make_command, make_photo, write_run
from utils.calibration import remove_calibration, write_calibration
from utils.captions_file import make_mark

RUN = Path("checkpoints/r")


@pytest.fixture
def run_predict(tmp_path, monkeypatch, capsys):
    """Run predict.py in a folder with two photos and a calibrated run."""
    monkeypatch.chdir(tmp_path)
    install_captioner(monkeypatch)
    write_run(scenes=False)
    write_calibration(RUN, make_calibration())
    (RUN / "best").mkdir()
    (RUN / "best" / "ckpt-3.index").touch()
    make_photo("in/a.png", 7)
    make_photo("in/b.png", 201)
    return make_command(monkeypatch, capsys)


def test_the_calibrated_score_is_written_and_shown(run_predict):
    status, out, error = run_predict("in", "--out", "out.csv")
    assert (status, error) == (0, "")
    assert out.startswith("in/a.png: brightness 7  (0.20)\nin/b.png: brightness 201  (0.06)\n")
    marks = [
        make_mark(Path("in/a.png"), "brightness 7", is_calibrated=True),
        make_mark(Path("in/b.png"), "brightness 201", is_calibrated=True),
    ]
    assert Path("out.csv").read_text() == (
        "path,caption,mark,score\n"
        f"in/a.png,brightness 7,{marks[0]},0.2000\nin/b.png,brightness 201,{marks[1]},0.0588\n"
    )


def test_the_minimum_score_is_a_share(run_predict):
    status, out, error = run_predict("in", "--out", "out.csv", "--minimum-score", "0.1")
    assert (status, error) == (0, "")
    assert "in/b.png: brightness 201  (0.06, doubtful)" in out
    assert ",,brightness 201," in Path("out.csv").read_text()


@pytest.mark.parametrize("is_calibrated_first", [True, False])
def test_a_file_never_mixes_both_kinds_of_scores(run_predict, is_calibrated_first):
    if not is_calibrated_first:
        remove_calibration(RUN)
    run_predict("in/a.png", "--out", "out.csv")
    before = Path("out.csv").read_bytes()
    if is_calibrated_first:
        remove_calibration(RUN)
    else:
        write_calibration(RUN, make_calibration())
    status, out, error = run_predict("in", "--out", "out.csv")
    assert (status, out) == (1, "")
    kinds = ["calibrated scores", "scores that are mean probabilities of words"]
    if not is_calibrated_first:
        kinds.reverse()
    assert error == (
        f"error: out.csv has {kinds[0]}, and this run writes {kinds[1]}, which do not compare; "
        "choose another --out\n"
    )
    assert Path("out.csv").read_bytes() == before
    status, _, error = run_predict("in/a.png", "--out", "out.csv")  # nothing to add
    assert (status, error) == (0, "")


def test_rows_whose_mark_was_cleared_are_of_no_kind(run_predict):
    run_predict("in/a.png", "--out", "out.csv")
    mark = make_mark(Path("in/a.png"), "brightness 7", is_calibrated=True)
    Path("out.csv").write_text(Path("out.csv").read_text().replace(mark, ""))
    remove_calibration(RUN)
    assert run_predict("in", "--out", "out.csv")[0] == 0


def test_another_search_is_noted(run_predict):
    status, out, error = run_predict("in", "--beam", "10", "--max-length", "24")
    assert (status, error.count("\n")) == (0, 1)
    assert error.startswith("scores were calibrated without --beam:")
    assert "(0.20)" in out


def test_a_calibration_of_other_weights_is_not_used(run_predict):
    """Training went on since, and has not ended yet."""
    (RUN / "best" / "ckpt-4.index").touch()
    status, out, error = run_predict("in", "--minimum-score", "0.3")
    assert status == 0
    assert "brightness 7  (0.50)" in out
    assert "has no calibration: --minimum-score compares" in error


def test_a_damaged_calibration_is_one_line(run_predict):
    (RUN / "calibration.json").write_text("{")
    status, out, error = run_predict("in", "--out", "out.csv")
    assert (status, out, error.count("\n")) == (1, "", 1)
    assert "calibration.json is damaged" in error
    assert not Path("out.csv").exists()
