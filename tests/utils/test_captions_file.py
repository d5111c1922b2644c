"""Captions files: ours are resumed, others are refused untouched, a cut costs one line at most."""

import csv
import json
import os
from pathlib import Path

import pytest

from utils.captions_file import (
    CAPTION_COLUMNS,
    DOUBTFUL_COLUMNS,
    CaptionsFile,
    compute_mark,
    has_calibrated_score,
    is_mended,
    make_mark,
    read_picture_mark,
)
from utils.errors import UserError

COLUMNS = ("path", "caption", "score")
ROWS = [
    ("a,b.jpg", 'a "red" dog', 0.5),
    ("back\\slash.jpg", "two, three", 0.25),
    ("사진.jpg", "개 한 마리", 0.125),
]


def add(file, rows=ROWS, columns=COLUMNS):
    with CaptionsFile(file, columns) as captions_file:
        for row in rows:
            write(captions_file, row)
    return file


def write(captions_file, row):
    path, *values = row
    captions_file.write(path, dict(zip(captions_file.columns[1:], values, strict=True)))


def read(file):
    if file.suffix == ".csv":
        with file.open(encoding="utf-8", newline="") as opened:
            header, *rows = csv.reader(opened)
        assert header == ["path", "caption", "score"]
        return [(path, caption, float(score)) for path, caption, score in rows]
    with file.open(encoding="utf-8", newline="\n") as opened:
        return [tuple(json.loads(line).values()) for line in opened]


def refused(file, *columns):
    """Return the error of reading the file, which is left unchanged."""
    before = file.read_bytes()
    with pytest.raises(UserError) as caught:
        CaptionsFile(file, *columns or (COLUMNS,))
    assert file.read_bytes() == before
    return str(caught.value)


@pytest.fixture(params=[".jsonl", ".csv"])
def file(request, tmp_path):
    return tmp_path / "deep" / f"out{request.param}"


def test_rows_are_read_as_they_were_written(file):
    assert read(add(file)) == ROWS
    assert CaptionsFile(file, COLUMNS).rows.keys() == {path for path, _, _ in ROWS}


def test_a_line_break_is_escaped_so_that_a_row_is_a_line(file):
    photo = Path("new\nline\r.jpg")
    add(file, [(photo, "two\r\nthree", 0.25)])
    lines = file.read_bytes().splitlines()
    assert len(lines) == (1 if file.suffix == ".jsonl" else 2)
    captions_file = CaptionsFile(file, COLUMNS)
    assert list(captions_file.rows) == ["new\\nline\\r.jpg"]
    row = captions_file.find(photo)
    escaped = "two\\r\\nthree"
    assert row["caption"] == (json.loads(f'"{escaped}"') if file.suffix == ".jsonl" else escaped)


def test_adding_leaves_existing_rows_unchanged(file):
    before = add(file, ROWS[:2]).read_bytes()
    assert add(file, ROWS[2:]).read_bytes().startswith(before)
    assert read(file) == ROWS


def test_a_file_cut_anywhere_is_resumed(file):
    whole = add(file).read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        captions_file = CaptionsFile(file, COLUMNS)
        assert file.read_bytes() == whole[:length]  # reading changes nothing
        finished = len(captions_file.rows)
        assert captions_file.rows.keys() == {path for path, _, _ in ROWS[:finished]}
        with captions_file:
            for row in ROWS[finished:]:
                write(captions_file, row)
        assert file.read_bytes() == whole
        assert read(file) == ROWS


def test_a_cut_costs_one_row_at_most(file):
    whole = add(file).read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(whole[: -len(lines[-1]) // 2])
    assert len(CaptionsFile(file, COLUMNS).rows) == len(ROWS) - 1


def test_a_row_is_in_the_file_before_the_next(file):
    with CaptionsFile(file, COLUMNS) as captions_file:
        write(captions_file, ROWS[0])
        assert read(file) == ROWS[:1]
    assert captions_file._opened.closed


def test_an_interruption_leaves_a_whole_file(file):
    with pytest.raises(KeyboardInterrupt), CaptionsFile(file, COLUMNS) as captions_file:
        write(captions_file, ROWS[0])
        raise KeyboardInterrupt
    assert captions_file._opened.closed
    assert read(file) == ROWS[:1]


@pytest.mark.parametrize(
    "text",
    [
        "photo,text\na.jpg,a dog\n",
        "notes without a line end",
        "path,caption\n",
        "path,caption,doubtful,score\na.jpg,a dog,,0.5000\n",  # of an older version
        "\n\n1,2,3\n",
        "path,caption,score,more\n",
    ],
)
def test_a_table_of_another_program_is_refused(tmp_path, text):
    file = tmp_path / "out.csv"
    file.write_text(text)
    assert "its first line is not path,caption,score" in refused(file)


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
def test_json_of_another_program_is_refused(tmp_path, text):
    file = tmp_path / "out.jsonl"
    file.write_text(text)
    assert "out.jsonl, line 1: " in refused(file)


@pytest.mark.parametrize(
    "bad",
    [
        "a dog\n",
        "a.jpg,a dog,high\n",
        "a,b,c,0.5\n",
        'a.jpg,"a dog,0.5\n',  # a quote that is not closed
        "a.jpg,a dog\n",
        '"a\nb.jpg",a dog,0.5\n',  # a row is one line
    ],
)
def test_a_bad_row_in_the_middle_is_named(tmp_path, bad):
    file = tmp_path / "out.csv"
    row = "c.jpg,a cow,0.5000\n"
    file.write_text(f"path,caption,score\nb.jpg,a cat,0.5000\n\n{bad}{row}d.jpg,a cow,0.5000\n")
    assert "out.csv, line 4: " in refused(file)


def test_a_bad_json_line_in_the_middle_is_named(tmp_path):
    file = add(tmp_path / "out.jsonl", ROWS[:1])
    text = file.read_text() + '{"path": "b.jpg", "capt\n' + file.read_text()
    file.write_text(text)
    assert "out.jsonl, line 2: " in refused(file)


def test_what_a_spreadsheet_writes_is_read(tmp_path):
    file = tmp_path / "out.csv"
    file.write_bytes(
        b"\xef\xbb\xbfpath,caption,score\r\na.jpg,a dog,0.5\r\n\r\nb.jpg,a cat,0.25\r\n"
    )
    assert CaptionsFile(file, COLUMNS).rows.keys() == {"a.jpg", "b.jpg"}
    content = add(file, [("c.jpg", "a cow", 0.5)]).read_bytes()
    assert content.endswith(b"0.25\r\nc.jpg,a cow,0.5000\n")


def test_quotes_round_every_cell_are_read(tmp_path):
    file = tmp_path / "out.csv"
    file.write_text('"path";"caption";"score"\n"a.jpg";"a dog";"0,5"\n')
    captions_file = CaptionsFile(file, COLUMNS)
    assert captions_file.rows["a.jpg"] == {"path": "a.jpg", "caption": "a dog", "score": "0.5"}


def test_a_whole_last_line_without_its_end_is_kept(file):
    """Some editors save files so."""
    add(file, ROWS[:1])
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    assert read(add(file, ROWS[1:])) == ROWS


def test_a_place_where_no_file_can_be_is_refused(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "note").write_text("")
    for place in (tmp_path / "folder.csv", tmp_path / "note" / "out.csv"):
        with pytest.raises(UserError, match="choose another --out"):
            CaptionsFile(place, COLUMNS)


def test_columns_of_classes_are_not_those_of_captions(file):
    columns = ("path", "class", "probability", "class_2", "probability_2")
    row = ("a.jpg", "cat", 0.75, "dog", 0.25)
    whole = add(file, [row], columns).read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with CaptionsFile(file, columns) as captions_file:
            if "a.jpg" not in captions_file.rows:
                write(captions_file, row)
        assert file.read_bytes() == whole
    assert CaptionsFile(file, columns).rows.keys() == {"a.jpg"}
    refused(file, COLUMNS)
    refused(file, columns[:3])


DOUBTFUL = ("a.jpg", "", "a dog", "0123456789ab", 0.125)
CERTAIN = ("a.jpg", "a dog", "0123456789ab", 0.125)


def test_an_existing_table_keeps_its_allowed_columns(tmp_path):
    file = add(tmp_path / "out.csv", [CERTAIN], CAPTION_COLUMNS)
    with CaptionsFile(file, DOUBTFUL_COLUMNS, CAPTION_COLUMNS) as captions_file:
        assert captions_file.columns == CAPTION_COLUMNS
        assert [row["score"] for row in captions_file.rows.values()] == ["0.1250"]
        write(captions_file, ("b.jpg", *CERTAIN[1:]))
    assert file.read_text().splitlines()[2] == "b.jpg,a dog,0123456789ab,0.1250"


def test_a_new_table_gets_the_first_allowed_columns(tmp_path):
    file = tmp_path / "new.csv"
    with CaptionsFile(file, DOUBTFUL_COLUMNS, CAPTION_COLUMNS) as captions_file:
        write(captions_file, DOUBTFUL)
        assert captions_file.rows["a.jpg"]["doubtful"] == "a dog"
    expected = b"path,caption,doubtful,mark,score\na.jpg,,a dog,0123456789ab,0.1250\n"
    assert file.read_bytes() == expected


def test_a_header_cut_anywhere_is_resumed_with_any_columns(tmp_path):
    file = add(tmp_path / "out.csv", [DOUBTFUL], DOUBTFUL_COLUMNS)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with CaptionsFile(file, CAPTION_COLUMNS, DOUBTFUL_COLUMNS) as captions_file:
            has_header = length > whole.index(b"\n")
            assert captions_file.columns == (DOUBTFUL_COLUMNS if has_header else CAPTION_COLUMNS)
            if "a.jpg" not in captions_file.rows:
                write(captions_file, DOUBTFUL if has_header else CERTAIN)
        if has_header:
            assert file.read_bytes() == whole
        else:
            assert file.read_text().endswith("\na.jpg,a dog,0123456789ab,0.1250\n")


def test_rows_of_both_kinds_may_be_in_one_json_file(tmp_path):
    file = add(tmp_path / "out.jsonl", [("b.jpg", *CERTAIN[1:])], CAPTION_COLUMNS)
    with CaptionsFile(file, DOUBTFUL_COLUMNS, CAPTION_COLUMNS) as captions_file:
        write(captions_file, DOUBTFUL)
    rows = CaptionsFile(file, CAPTION_COLUMNS, DOUBTFUL_COLUMNS).rows.values()
    assert [row.get("doubtful") for row in rows] == [None, "a dog"]
    assert "line 2: " in refused(file, CAPTION_COLUMNS)


@pytest.mark.parametrize("score", ["null", '"high"'])
def test_a_score_that_is_no_number_is_refused(tmp_path, score):
    file = tmp_path / "out.jsonl"
    file.write_text(
        '{"path": "a.jpg", "caption": "a dog", "score": 0.5}\n'
        f'{{"path": "b.jpg", "caption": "", "score": {score}}}\n'
    )
    assert "out.jsonl, line 2: " in refused(file)


def test_only_one_command_writes_into_a_file(file):
    add(file)
    late = CaptionsFile(file, COLUMNS)
    with CaptionsFile(file, COLUMNS) as first:
        with pytest.raises(UserError, match="another command is writing into"):
            CaptionsFile(file, COLUMNS).__enter__()
        write(first, ("d.jpg", "four", 0.5))
    with pytest.raises(UserError, match="was written by another command"), late:
        pass
    assert read(file) == [*ROWS, ("d.jpg", "four", 0.5)]
    assert add(file, [("e.jpg", "five", 0.5)]).stat().st_size > 0


def test_semicolons_and_a_byte_order_mark_are_read_and_kept(tmp_path):
    """Spreadsheets save the file so in countries with a decimal comma."""
    file = tmp_path / "out.csv"
    file.write_bytes('\ufeffpath;caption;score\r\nb.jpg;"a; dog";0,5\r\n'.encode())
    with CaptionsFile(file, COLUMNS) as captions_file:
        assert captions_file.rows["b.jpg"] == {"path": "b.jpg", "caption": "a; dog", "score": "0.5"}
        write(captions_file, ("a.jpg", "two, three; four", 0.25))
    added = b'a.jpg;"two, three; four";0.2500\n'
    assert file.read_bytes().endswith(b'";0,5\r\n' + added)
    with CaptionsFile(file, COLUMNS) as captions_file:
        captions_file.sort([Path("a.jpg"), Path("b.jpg")])
    expected = "\ufeffpath;caption;score\n".encode() + added + b'b.jpg;"a; dog";0.5\n'
    assert file.read_bytes() == expected


def test_a_mark_tells_whether_the_caption_was_mended(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    mark = make_mark(photo, "a dog")
    assert read_picture_mark({"mark": mark}) == compute_mark(photo)
    assert not is_mended({"caption": "a dog", "mark": mark})
    assert is_mended({"caption": "a cat", "mark": mark})
    assert not is_mended({"caption": " a\u00a0dog ", "mark": mark})  # as a spreadsheet may write it
    assert not is_mended({"caption": "a cat", "mark": ""})  # somebody cleared it
    assert not is_mended({"caption": "a cat"})


def test_a_mark_tells_whether_the_score_is_calibrated(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    mark = make_mark(photo, "a dog", is_calibrated=True)
    assert has_calibrated_score({"mark": mark}) is True
    assert has_calibrated_score({"mark": make_mark(photo, "a dog")}) is False
    assert has_calibrated_score({"mark": ""}) is None
    assert read_picture_mark({"mark": mark}) == compute_mark(photo)
    assert not is_mended({"caption": "a dog", "mark": mark})
    assert is_mended({"caption": "a cat", "mark": mark})


def test_a_mark_depends_on_the_picture_and_not_its_date(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x" * 70_000)
    mark = compute_mark(photo)
    os.utime(photo, (1, 1))
    assert compute_mark(photo) == mark
    photo.write_bytes(b"x" * 70_001)
    assert compute_mark(photo) != mark
    photo.write_bytes(b"y" + b"x" * 69_999)
    assert compute_mark(photo) != mark
