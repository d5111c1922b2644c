"""Captions files of predict.py: the rows that somebody has mended are a dataset."""

import json

import pytest

from data.sources import find_format, read
from tests.helpers.datasets import get_captions, get_error, get_splits, write_files
from utils.captions_file import CAPTION_COLUMNS, DOUBTFUL_COLUMNS, CaptionsFile, make_mark

CAPTIONS = {"a.jpg": "a dog runs", "b.jpg": "a dog sits", "c.jpg": ""}


@pytest.fixture(params=[".csv", ".jsonl"])
def file(request, tmp_path):
    """Return a file as predict.py writes it for three photos."""
    write_files(tmp_path, *CAPTIONS)
    with CaptionsFile(tmp_path / f"out{request.param}", DOUBTFUL_COLUMNS) as captions_file:
        for name, caption in CAPTIONS.items():
            mark = make_mark(tmp_path / name, caption)
            values = {"caption": caption, "doubtful": "", "mark": mark, "score": 0.5}
            captions_file.write(name, values)
    return captions_file.file


def mend(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_mended_rows_are_read(file):
    mend(file, "a dog sits", "a cat sits")
    source = read(file)
    assert find_format(file) == "results"
    assert get_captions(source) == {"b.jpg": ("a cat sits",)}
    (left_out,) = source.left_out
    assert str(left_out).startswith("2 rows: not changed since predict.py wrote the caption")


def test_all_rows_are_read_where_asked(file):
    mend(file, "a dog sits", "a cat sits")
    source = read(file, all_rows=True)
    assert get_captions(source) == {"a.jpg": ("a dog runs",), "b.jpg": ("a cat sits",)}
    assert "an empty caption" in [each.reason for each in source.left_out]


def test_other_spaces_make_no_other_caption(file):
    mend(file, "a dog sits", "a dog  sits ")
    assert "3 rows: not changed" in get_error(file)


def test_rows_without_a_mark_are_counted_apart(tmp_path, file):
    mark = make_mark(tmp_path / "a.jpg", "a dog runs")
    mend(file, mark, "")
    mend(file, "a dog sits", "a cat sits")
    source = read(file)
    assert get_captions(source) == {"b.jpg": ("a cat sits",)}
    assert [each.name for each in source.left_out] == ["1 row", "1 row"]
    assert source.left_out[1].reason.startswith("without a mark")


def test_of_a_photo_with_a_mended_row_that_one_is_read_alone(tmp_path, file):
    text = file.read_text()
    line = next(line for line in text.splitlines() if "a dog sits" in line)
    file.write_text(text + line.replace("a dog sits", "a cat sits") + "\n")
    assert get_captions(read(file, all_rows=True))["b.jpg"] == ("a cat sits",)


def test_a_photo_whose_row_was_removed_is_no_fault(file):
    """A person removes rows that are not to be learned."""
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if "b.jpg" not in line))
    source = read(file, all_rows=True)
    assert get_captions(source) == {"a.jpg": ("a dog runs",)}
    assert [each.name for each in source.left_out] == ["c.jpg"]  # whose caption is empty


def test_photos_are_found_from_the_current_folder_too(tmp_path, file, monkeypatch):
    """Paths are found as predict.py writes them, also where the file lies elsewhere."""
    mend(file, "a dog sits", "a cat sits")
    other = tmp_path / "tables" / file.name
    other.parent.mkdir()
    file.rename(other)
    monkeypatch.chdir(tmp_path)
    assert "the photo b.jpg lies outside" in get_error(other)
    assert get_captions(read(other, outside=True)) == {"b.jpg": ("a cat sits",)}
    captions = get_captions(read(other, outside=True, all_rows=True))
    assert captions == {"a.jpg": ("a dog runs",), "b.jpg": ("a cat sits",)}


def test_a_table_without_its_photos_says_so(tmp_path, file, monkeypatch):
    mend(file, "a dog sits", "a cat sits")
    other = tmp_path / "tables" / file.name
    other.parent.mkdir()
    file.rename(other)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert "b.jpg: a caption, but no such photo" in get_error(other)


def test_a_caption_that_was_missing_is_mended(tmp_path, file):
    if file.suffix == ".csv":
        mend(file, "c.jpg,,", "c.jpg,a bird,")
    else:
        mend(file, '"path": "c.jpg", "caption": ""', '"path": "c.jpg", "caption": "a bird"')
    assert get_captions(read(file)) == {"c.jpg": ("a bird",)}


def test_without_a_mended_row_there_is_nothing_to_read(file):
    assert "3 rows: not changed" in get_error(file)
    assert "--all-rows" in get_error(file)


def test_a_spreadsheet_may_change_separators_and_add_columns(tmp_path):
    write_files(tmp_path, "a.jpg", "b.jpg")
    marks = [make_mark(tmp_path / name, "a dog") for name in ("a.jpg", "b.jpg")]
    text = (
        "\ufeffpath;score;mark;caption;split;note\r\n"
        f'a.jpg;0,5;{marks[0]};"a cat; two";val;mine\r\n'
        f"b.jpg;0,5;{marks[1]};a dog;train;\r\n"
    )
    write_files(tmp_path, files={"out.csv": text})
    source = read(tmp_path / "out.csv")
    assert get_captions(source) == {"a.jpg": ("a cat; two",)}
    assert get_splits(source) == {"a.jpg": "val"}


def test_a_comma_without_quotes_is_refused(tmp_path):
    """It would move the mark into another column, and the row would count as not changed."""
    write_files(tmp_path, "a.jpg")
    mark = make_mark(tmp_path / "a.jpg", "a dog")
    text = f"path,caption,mark,score\na.jpg,a dog, wet,{mark},0.5\n"
    file = write_files(tmp_path, files={"out.csv": text}) / "out.csv"
    assert get_error(file).startswith(f"{file}, line 2: 5 columns where the header has 4; put")


def test_a_folder_has_its_mended_captions(tmp_path):
    write_files(tmp_path, "a.jpg")
    row = {"path": "a.jpg", "caption": "a cat", "mark": make_mark(tmp_path / "a.jpg", "a dog")}
    write_files(tmp_path, files={"captions.jsonl": json.dumps(row | {"score": 0.5})})
    assert get_captions(read(tmp_path)) == {"a.jpg": ("a cat",)}


def test_rows_without_text_are_refused(tmp_path):
    row = {"path": "a.jpg", "caption": None, "mark": "0-1", "score": 0.5}
    file = write_files(tmp_path, files={"out.jsonl": json.dumps(row)}) / "out.jsonl"
    assert get_error(file).startswith(f"{file}, line 1: no path, caption and mark as text")


def test_all_rows_are_for_files_of_predict(tmp_path):
    write_files(tmp_path, "a.jpg", files={"captions.csv": "photo,caption\na.jpg,A dog\n"})
    assert get_error(tmp_path, all_rows=True).startswith("--all-rows is for captions files of")


def test_columns_are_those_that_predict_writes():
    assert set(CAPTION_COLUMNS) < set(DOUBTFUL_COLUMNS)  # either kind is recognised
