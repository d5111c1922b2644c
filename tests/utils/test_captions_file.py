"""Files of captions: what is ours is gone on with, what is not stays as it is, and a cut costs one record at most."""

import csv
import json
import os

import pytest

from utils.captions_file import COLUMNS, CaptionsFile, mark_of
from utils.errors import UserError

ROWS = [
    ("a,b.jpg", 'a "red" dog', 0.5),
    ("new\nline\r.jpg", "two, three", 0.25),
    ("사진.jpg", "개 한 마리", 0.125),
]


def written(file, rows=ROWS):
    with CaptionsFile(file) as results:
        for row in rows:
            results.write(*row)
    return file


def read(file):
    if file.suffix == ".csv":
        with file.open(encoding="utf-8", newline="") as opened:
            header, *rows = csv.reader(opened)
        assert header == ["path", "caption", "score"]
        return [(path, caption, float(score)) for path, caption, score in rows]
    with file.open(encoding="utf-8", newline="\n") as opened:
        return [tuple(json.loads(line).values()) for line in opened]


@pytest.fixture(params=[".jsonl", ".csv"])
def file(request, tmp_path):
    return tmp_path / "deep" / f"out{request.param}"


def test_rows_come_back_whatever_is_in_them(file):
    assert read(written(file)) == ROWS
    assert CaptionsFile(file).done.keys() == {path for path, _, _ in ROWS}


def test_adding_changes_nothing_that_stands_there(file):
    before = written(file, ROWS[:2]).read_bytes()
    assert written(file, ROWS[2:]).read_bytes().startswith(before)
    assert read(file) == ROWS


def test_a_file_cut_anywhere_is_gone_on_with(file):
    whole = written(file).read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        results = CaptionsFile(file)
        assert file.read_bytes() == whole[:length]  # looking changes nothing
        done = len(results.done)
        assert results.done.keys() == {path for path, _, _ in ROWS[:done]}
        with results:
            for row in ROWS[done:]:
                results.write(*row)
        assert file.read_bytes() == whole
        assert read(file) == ROWS


def test_a_row_is_in_the_file_before_the_next(file):
    with CaptionsFile(file) as results:
        results.write(*ROWS[0])
        assert read(file) == ROWS[:1]
    assert results._opened.closed


def test_an_interruption_leaves_a_whole_file(file):
    with pytest.raises(KeyboardInterrupt), CaptionsFile(file) as results:
        results.write(*ROWS[0])
        raise KeyboardInterrupt
    assert results._opened.closed
    assert read(file) == ROWS[:1]


@pytest.mark.parametrize(
    "text",
    [
        "photo,text\na.jpg,a dog\n",
        "notes without a line end",
        "path,caption\n",
        "\n\n1,2,3\n",
        "path,caption,score,more\n",
    ],
)
def test_a_table_that_is_not_ours_is_refused_untouched(tmp_path, text):
    file = tmp_path / "out.csv"
    file.write_text(text)
    with pytest.raises(UserError, match="first line is not path,caption,score"):
        CaptionsFile(file)
    assert file.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "notes",
        "notes\n",
        '{"path": "a.jpg", "label": "dog"}',
        '{"path": "a.jpg", "label": "dog"}\n',
        "[1]\n",
        "\0\0\0",
        '{"path": "a.jpg", "caption": "x"\n',
    ],
)
def test_lines_that_are_not_ours_are_refused_untouched(tmp_path, text):
    file = tmp_path / "out.jsonl"
    file.write_text(text)
    with pytest.raises(UserError, match="line 1: not a result"):
        CaptionsFile(file)
    assert file.read_text() == text


@pytest.mark.parametrize(
    "bad", ["a dog\n", "a.jpg,a dog,high\n", "a,b,c,0.5\n", 'a.jpg,a "dog,0.5\n', "a.jpg,a dog\n"]
)
def test_a_bad_row_in_the_middle_is_named(tmp_path, bad):
    file = tmp_path / "out.csv"
    text = f'path,caption,score\n"a\nb.jpg",a cat,0.5000\n{bad}c.jpg,a cow,0.5000\nd.jpg,a cow,0.5000\n'
    file.write_text(text)
    with pytest.raises(UserError, match="line 4: not a result"):
        CaptionsFile(file)
    assert file.read_text() == text


def test_a_bad_line_in_the_middle_is_named(tmp_path):
    file = written(tmp_path / "out.jsonl", ROWS[:1])
    text = file.read_text() + '{"path": "b.jpg", "capt\n' + file.read_text()
    file.write_text(text)
    with pytest.raises(UserError, match="line 2: not a result"):
        CaptionsFile(file)
    assert file.read_text() == text


def test_what_a_spreadsheet_made_of_it_is_ours(tmp_path):
    file = tmp_path / "out.csv"
    file.write_bytes(
        b"\xef\xbb\xbfpath,caption,score\r\na.jpg,a dog,0.5\r\n\r\nb.jpg,a cat,0.25\r\n"
    )
    assert CaptionsFile(file).done.keys() == {"a.jpg", "b.jpg"}
    assert (
        written(file, [("c.jpg", "a cow", 0.5)])
        .read_bytes()
        .endswith(b"0.25\r\nc.jpg,a cow,0.5000\n")
    )


def test_a_last_line_without_its_end_is_kept(tmp_path):
    file = written(tmp_path / "out.jsonl", ROWS[:1])
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    assert read(written(file, ROWS[1:])) == ROWS


def test_a_place_where_no_file_can_be_is_refused(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "note").write_text("")
    for place in (tmp_path / "folder.csv", tmp_path / "note" / "out.csv"):
        with pytest.raises(UserError, match="choose another --out"):
            CaptionsFile(place)


def test_other_columns_are_written_and_gone_on_with_and_not_taken_for_those_of_captions(file):
    columns = ("path", "class", "probability", "class_2", "probability_2")
    with CaptionsFile(file, columns) as results:
        results.write("a.jpg", "cat", 0.75, "dog", 0.25)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with CaptionsFile(file, columns) as results:
            if "a.jpg" not in results.done:
                results.write("a.jpg", "cat", 0.75, "dog", 0.25)
        assert file.read_bytes() == whole
    assert CaptionsFile(file, columns).done.keys() == {"a.jpg"}
    for other in (("path", "caption", "score"), columns[:3]):
        with pytest.raises(UserError):
            CaptionsFile(file, other)


MARKED = ("path", "caption", "doubtful", "score")


def test_a_table_of_other_columns_that_are_allowed_is_gone_on_with_in_those(tmp_path):
    file = written(tmp_path / "out.csv", ROWS[:1])
    with CaptionsFile(file, MARKED, COLUMNS) as results:
        assert results.columns == COLUMNS
        assert results.done == {
            "a,b.jpg": {"path": "a,b.jpg", "caption": 'a "red" dog', "score": "0.5000"}
        }
        results.write(*ROWS[1])
    assert read(file) == ROWS[:2]
    with CaptionsFile(tmp_path / "new.csv", MARKED, COLUMNS) as results:
        results.write("a.jpg", "", "a dog", 0.125)
        assert results.done["a.jpg"]["doubtful"] == "a dog"
    marked = (tmp_path / "new.csv").read_bytes()
    assert marked == b"path,caption,doubtful,score\na.jpg,,a dog,0.1250\n"
    for length in range(len(marked)):
        file.write_bytes(marked[:length])
        with CaptionsFile(file, COLUMNS, MARKED) as results:
            assert results.columns == (MARKED if length > marked.index(b"\n") else COLUMNS)
            if "a.jpg" not in results.done:
                results.write(
                    *(("a.jpg", "", "a dog", 0.125) if results.columns == MARKED else ROWS[0])
                )
        if results.columns == MARKED:
            assert file.read_bytes() == marked
        else:
            assert read(file) == ROWS[:1]


def test_lines_of_both_kinds_stand_in_one_file_of_json(tmp_path):
    file = written(tmp_path / "out.jsonl", ROWS[:1])
    with CaptionsFile(file, MARKED, COLUMNS) as results:
        results.write("a.jpg", "", "a dog", 0.125)
    assert [row.get("doubtful") for row in CaptionsFile(file, COLUMNS, MARKED).done.values()] == [
        None,
        "a dog",
    ]
    with pytest.raises(UserError, match="line 2: not a result"):
        CaptionsFile(file)


@pytest.mark.parametrize("score", ["null", '"high"'])
def test_a_score_that_is_no_number_is_refused_with_its_line(tmp_path, score):
    file = tmp_path / "out.jsonl"
    file.write_text(
        '{"path": "a.jpg", "caption": "a dog", "score": 0.5}\n'
        f'{{"path": "b.jpg", "caption": "", "score": {score}}}\n'
    )
    with pytest.raises(UserError, match="line 2: not a result of this program"):
        CaptionsFile(file)


def test_only_one_command_writes_into_a_file(file):
    written(file)
    late = CaptionsFile(file)
    with CaptionsFile(file) as first:
        with (
            pytest.raises(
                UserError, match=r"another command is writing into .*; wait until it has ended"
            ),
            CaptionsFile(file),
        ):
            pass
        first.write("d.jpg", "four", 0.5)
    with (
        pytest.raises(
            UserError, match="was written by another command meanwhile; run this one again"
        ),
        late,
    ):
        pass
    assert read(file) == [*ROWS, ("d.jpg", "four", 0.5)]
    assert written(file, [("e.jpg", "five", 0.5)]).stat().st_size > 0


def test_semicolons_between_values_are_named(tmp_path):
    file = tmp_path / "out.csv"
    file.write_text("\ufeffpath;caption;score\r\na.jpg;a dog;0.5\r\n")
    with pytest.raises(
        UserError,
        match="has semicolons between its values, as some spreadsheets write them; save it with",
    ):
        CaptionsFile(file)
    assert file.read_text().startswith("\ufeffpath;")


def test_a_mark_is_of_the_picture_and_not_of_its_date(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x" * 70_000)
    mark = mark_of(photo)
    os.utime(photo, (1, 1))
    assert mark_of(photo) == mark
    photo.write_bytes(b"x" * 70_001)
    assert mark_of(photo) != mark
    photo.write_bytes(b"y" + b"x" * 69_999)
    assert mark_of(photo) != mark
