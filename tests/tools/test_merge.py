"""`python -m tools.merge` joins captions files, and refuses those that do not agree."""

import fcntl
import json
from pathlib import Path

import pytest

from tests.helpers.scripts import run_command
from tools import merge

HEADER = "path,caption,mark,score\n"
A = "in/a.jpg,a dog,aaaaaaaaaaaa,0.5000\n"
B = 'in/b.jpg,"a ""red"" dog, two cats",bbbbbbbbbbbb,0.2500\n'
C = "in/c.jpg,,cccccccccccc,0.1250\n"
DOUBTFUL = "path,caption,doubtful,mark,score\nin/d.jpg,,a cat,dddddddddddd,0.1000\n"
CLASSES = "path,class,probability,class_2,probability_2\nin/e.jpg,cat,0.9000,dog,0.1000\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, *lines):
    Path(name).write_text("".join(lines))
    return name


def run_merge(*words):
    return run_command(merge, *words)


def test_rows_keep_their_order_columns_and_marks():
    write("1.csv", HEADER, B, A)
    write("2.csv", HEADER, C)
    done = run_merge("2.csv", "1.csv", "--out", "deep/all.csv")
    assert (done.status, done.error) == (0, "")
    assert done.out == "3 rows of 2 parts added to deep/all.csv\n"
    assert Path("deep/all.csv").read_text() == HEADER + C + B + A


def test_parts_of_json_lines_keep_each_row():
    rows = [
        {"path": "a.jpg", "caption": "a dog", "mark": "aa", "score": 0.1235},
        {"path": "b.jpg", "caption": "", "doubtful": "개", "mark": "bb", "score": 0.5},
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    write("1.jsonl", lines[0])
    write("2.jsonl", lines[1])
    assert run_merge("1.jsonl", "2.jsonl", "--out", "all.jsonl").status == 0
    assert Path("all.jsonl").read_text() == "".join(lines)


@pytest.mark.parametrize("content", [DOUBTFUL, CLASSES])
def test_other_columns_of_this_program_are_merged_too(content):
    write("1.csv", content)
    write("2.csv", content.splitlines(keepends=True)[0])
    assert run_merge("1.csv", "2.csv", "--out", "all.csv").status == 0
    assert Path("all.csv").read_text() == content


def test_a_photo_in_two_parts_is_one_row_if_its_caption_is_the_same():
    write("1.csv", HEADER, A, B)
    write("2.csv", HEADER, "./in/a.jpg,a dog,aaaaaaaaaaaa,0.4999\n", C)
    done = run_merge("1.csv", "2.csv", "--out", "all.csv")
    assert done.out == "3 rows of 2 parts added to all.csv, 1 there already\n"
    assert Path("all.csv").read_text() == HEADER + A + B + C
    again = run_merge("1.csv", "2.csv", "--out", "all.csv")
    assert again.out == "0 rows of 2 parts added to all.csv, 4 there already\n"
    assert Path("all.csv").read_text() == HEADER + A + B + C


@pytest.mark.parametrize("out", ["all.csv", "new.csv"])
@pytest.mark.parametrize(
    "other", ["in/a.jpg,a cat,aaaaaaaaaaaa,0.5000\n", "in/a.jpg,a dog,ffffffffffff,0.5000\n"]
)
def test_two_captions_or_marks_of_a_photo_are_refused(out, other):
    write("1.csv", HEADER, A)
    write("2.csv", HEADER, B, other)
    write("all.csv", HEADER, C)
    done = run_merge("1.csv", "2.csv", "--out", out)
    assert (done.status, done.out, done.error.count("\n")) == (1, "", 1)
    assert all(word in done.error for word in ("in/a.jpg", "1.csv", "2.csv"))
    assert Path("all.csv").read_text() == HEADER + C
    assert not Path("new.csv").exists()


def test_a_line_that_was_cut_short_is_left_out():
    write("1.csv", HEADER, A, B[:20])
    done = run_merge("1.csv", "--out", "all.csv")
    assert done.status == 0
    assert done.error.startswith("1.csv: the last line is cut short")
    assert Path("all.csv").read_text() == HEADER + A


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["1.csv", "none.csv", "--out", "all.csv"], 1, "no file none.csv"),
        (["1.csv", "2.jsonl", "--out", "all.csv"], 2, "2.jsonl does not end in .csv"),
        (["1.csv", "--out", "all.txt"], 2, "--out must end in .jsonl or .csv"),
        (["1.csv", "--out", "./1.csv"], 2, "--out 1.csv is one of the parts"),
        (["1.csv", "d.csv", "--out", "all.csv"], 1, "d.csv has path,caption,doubtful,mark,score"),
        (["c.csv", "1.csv", "--out", "all.csv"], 1, "1.csv has path,caption,mark,score"),
        (["1.csv", "--out", "d.csv"], 1, "d.csv is not a captions file of this program"),
        (["foreign.csv", "--out", "all.csv"], 1, "leave this part out"),
        (["bad.csv", "--out", "all.csv"], 1, "bad.csv, line 2"),
        (["j.jsonl", "k.jsonl", "--out", "all.jsonl"], 1, "merge files of the same kind"),
        (["1.csv"], 2, "--out"),
    ],
)
def test_other_files_are_refused_in_one_line(words, status, message):
    write("1.csv", HEADER, A)
    write("2.jsonl", "")
    write("c.csv", CLASSES)
    write("d.csv", DOUBTFUL)
    write("foreign.csv", "name,age\nx,1\n")
    write("bad.csv", HEADER, "x,1\n", A)
    write("j.jsonl", '{"path": "a", "caption": "a dog", "mark": "aa", "score": 0.5}\n')
    write("k.jsonl", '{"path": "b", "class": "dog", "probability": 0.5}\n')
    done = run_merge(*words)
    assert (done.status, done.out, done.error.count("\n")) == (status, "", 1)
    assert message in done.error
    assert not Path("all.csv").exists()
    assert Path("d.csv").read_text() == DOUBTFUL


def test_a_part_that_is_being_written_is_refused():
    write("1.csv", HEADER, A)
    with Path("1.csv").open("ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        done = run_merge("1.csv", "--out", "all.csv")
    assert done.status == 1
    assert "another command is writing into 1.csv" in done.error


def test_calibrated_scores_are_not_merged_with_others():
    write("1.csv", HEADER, "in/a.jpg,a dog,aaaaaaaaaaaa-aaaaaaaa-calibrated,0.5000\n")
    write("2.csv", HEADER, "in/b.jpg,a cat,bbbbbbbbbbbb-bbbbbbbb,0.5000\n")
    done = run_merge("1.csv", "2.csv", "--out", "all.csv")
    assert done.status == 1
    assert "1.csv has calibrated scores and 2.csv has others" in done.error
    assert done.error.count("\n") == 1
    assert not Path("all.csv").exists()
