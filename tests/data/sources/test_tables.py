"""CSV and TSV tables: what they allow, leave out and refuse."""

import pytest

from data.sources import read
from data.sources.base import LeftOut
from tests.helpers.datasets import get_captions, get_error, get_splits, write_files


def write_table(folder, text, *photos, name="captions.csv"):
    return write_files(folder, *(photos or ["a.jpg"]), files={name: text})


@pytest.mark.parametrize(
    "header",
    [
        "photo,caption",
        "image,caption",
        "file_name,text",
        "filename,sentence",
        " Image , COMMENT ",
        "path,description",
        '"photo","caption"',
        "image_name,caption",
        "photo;caption",
        "photo\tcaption",
        "photo|caption",
        'photo,"\n Caption "',
    ],
)
def test_header_variants(tmp_path, header):
    separator = next(mark for mark in ",;\t|" if mark in header)
    assert get_captions(read(write_table(tmp_path, f"{header}\na.jpg{separator}A cat.\n"))) == {
        "a.jpg": ("A cat.",)
    }


def test_other_separators_in_the_header_do_not_count(tmp_path):
    assert get_captions(
        read(write_table(tmp_path, "photo,caption,seen by: a; b; c; d\na.jpg,A cat.,a\n"))
    ) == {"a.jpg": ("A cat.",)}


def test_columns_may_have_any_order(tmp_path):
    dataset = read(write_table(tmp_path, "id,comment,split,rater,image\n7,A cat.,val,kim,a.jpg\n"))
    assert (get_captions(dataset), get_splits(dataset)) == (
        {"a.jpg": ("A cat.",)},
        {"a.jpg": "val"},
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_tabs_and_line_ends_of_every_system_are_read(tmp_path, end):
    lines = ["photo\tcaption\tsplit", "a.jpg\tA cat, a dog.\ttest", "", "b.jpg\tA bird.\ttrain"]
    write_table(tmp_path, end.join(lines), "a.jpg", "b.jpg", name="captions.tsv")
    assert get_captions(read(tmp_path)) == {"a.jpg": ("A cat, a dog.",), "b.jpg": ("A bird.",)}
    assert get_splits(read(tmp_path / "captions.tsv")) == {"a.jpg": "test", "b.jpg": "train"}


def test_quotes_keep_commas_quotes_and_line_breaks(tmp_path):
    write_table(
        tmp_path,
        'photo,caption\na.jpg,"A cat, a dog."\na.jpg,"A ""big"" cat"\n'
        'a.jpg,"A\ncat"\na.jpg,a "red" car\n',
    )
    assert get_captions(read(tmp_path)) == {
        "a.jpg": ("A cat, a dog.", 'A "big" cat', "A cat", 'a "red" car')
    }


def test_trailing_commas_and_blank_lines_mean_nothing(tmp_path):
    dataset = read(
        write_table(tmp_path, "\n,,\nphoto,caption\na.jpg,A cat.,\n,,\n  \na.jpg,A pet.,,\n\n")
    )
    assert (get_captions(dataset), dataset.left_out) == ({"a.jpg": ("A cat.", "A pet.")}, [])


def test_what_is_left_out_is_reported_with_its_line(tmp_path):
    write_table(
        tmp_path,
        'photo,caption,split\n"a.jpg","A\ncat.",train\na.jpg,A cat.,\n,A bird.,\n'
        "gone.jpg,A dog.,val\na.jpg, ,\n"
        "a.jpg,A pet.,test\n",
        "a.jpg",
        "lonely.png",
    )
    dataset = read(tmp_path)
    assert (get_captions(dataset), get_splits(dataset)) == (
        {"a.jpg": ("A cat.", "A pet.")},
        {"a.jpg": "test"},
    )
    assert dataset.left_out == [
        LeftOut("a.jpg", "the same caption twice", "captions.csv, line 4"),
        LeftOut("(no name)", "a caption without a photo's name", "captions.csv, line 5"),
        LeftOut("gone.jpg", "a caption, but no such photo", "captions.csv, line 6"),
        LeftOut("a.jpg", "an empty caption", "captions.csv, line 7"),
        LeftOut("a.jpg", "listed for train and for test; kept for test", "captions.csv, line 8"),
        LeftOut("lonely.png", "a photo without captions"),
    ]


def test_an_unknown_split_is_refused_with_its_line(tmp_path):
    write_table(tmp_path, 'photo,caption,split\na.jpg,"A\ncat.",train\na.jpg,A pet.,tset\n')
    place = f"{tmp_path}/captions.csv, line 4"
    assert get_error(tmp_path).startswith(f"{place}: unknown split 'tset'")


@pytest.mark.parametrize(
    ("name", "row", "columns"),
    [
        ("captions.csv", "a.jpg", "1 column"),
        ("captions.csv", "a.jpg,A cat, a dog, and a bird.", "4 columns"),
        ("captions.tsv", "a.jpg\tA cat\tand a dog.", "3 columns"),
    ],
)
def test_a_row_of_another_length_is_refused_with_its_line(tmp_path, name, row, columns):
    """A longer row has a comma without quotes, which would cut its caption short."""
    mark = "," if name.endswith("csv") else "\t"
    write_table(tmp_path, f"photo{mark}caption\na.jpg{mark}A cat.\n\n{row}\n", name=name)
    place = f"{tmp_path}/{name}, line 4"
    assert get_error(tmp_path).startswith(f"{place}: {columns} where the header has 2")


@pytest.mark.parametrize(
    ("row", "expected"),
    [('"A pet.', "unexpected end of data"), ('"A" pet.', "',' expected after '\"'")],
)
def test_an_open_quote_is_refused_with_its_line(tmp_path, row, expected):
    """A quote that is never closed would make one caption of all lines after it."""
    write_table(tmp_path, f"photo,caption\na.jpg,A cat.\na.jpg,{row}\na.jpg,A dog.\n")
    assert get_error(tmp_path).startswith(f"{tmp_path}/captions.csv, line 3: {expected}")


@pytest.mark.parametrize("content", ["", "\ufeff", "\n \n", ",,\n"])
def test_an_empty_table_is_refused(tmp_path, content):
    error = get_error(write_table(tmp_path, content))
    assert error.startswith(f"{tmp_path}/captions.csv is empty")


def test_a_table_without_header_is_refused(tmp_path):
    error = get_error(write_table(tmp_path, "a.jpg,A cat.\n"))
    assert error.startswith(f"{tmp_path}/captions.csv: the first line ")
    assert "found a.jpg, a cat.;" in error


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('photo,"What is\nseen"', "photo, what is seen"),
        ("a.jpg," + "many words " * 1500, "a.jpg, " + ("many words " * 7)[:73]),
        (",".join("words" * 3 for _ in range(9)), (", ".join(["words" * 3] * 9))[:80]),
    ],
)
def test_the_error_about_the_header_is_one_line(tmp_path, header, found):
    error = get_error(write_table(tmp_path, f"{header}\na.jpg,A cat.\n"))
    assert f"found {found};" in error


def test_photos_outside_are_refused_unless_allowed(tmp_path):
    write_table(tmp_path / "own", "photo,caption\n../b.jpg,A dog.\n")
    write_files(tmp_path, "b.jpg")
    error = get_error(tmp_path / "own")
    assert error.startswith(f"{tmp_path}/own/captions.csv, line 2: the photo ../b.jpg lies outside")
    assert "--outside-photos" in error
    assert get_captions(read(tmp_path / "own", outside=True)) == {"b.jpg": ("A dog.",)}


def test_a_cell_of_a_megabyte_is_one_caption_too_long(tmp_path):
    write_table(tmp_path, f"photo,caption\na.jpg,A cat.\na.jpg,{'pet ' * 300_000}\n", "a.jpg")
    dataset = read(tmp_path)
    assert (get_captions(dataset), dataset.left_out) == (
        {"a.jpg": ("A cat.",)},
        [
            LeftOut(
                "a.jpg",
                "a caption of 300,000 words (1,199,999 characters, 2,000 at most)",
                "captions.csv, line 3",
            )
        ],
    )


def test_utf16_without_a_byte_order_mark_is_refused(tmp_path):
    write_table(tmp_path, "photo,caption\na.jpg,A cat.\n".encode("utf-16-le"), "a.jpg")
    assert get_error(tmp_path).startswith(f"{tmp_path}/captions.csv, line 1: zero bytes")
