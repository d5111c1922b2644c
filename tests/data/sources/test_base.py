"""Rows of captions become examples; what cannot be used is left out with a reason."""

import unicodedata

import pytest

from data.sources.base import (
    CaptionRows,
    Example,
    LeftOut,
    Row,
    gather,
    infer_file_split,
    infer_folder_split,
    parse_split,
)
from tests.helpers.datasets import gather_rows, write_files
from utils.errors import UserError

GIVEN = "list.csv, line 2"


def test_examples_keep_the_order_of_their_first_rows(tmp_path):
    write_files(tmp_path, "b.jpg", "a.jpg")
    rows = [
        Row("b.jpg", "A dog runs.", "val", ""),
        Row("a.jpg", "A cat.", None, ""),
        Row("b.jpg", "Dogs!", None, ""),
    ]
    assert gather([CaptionRows(rows, [tmp_path])], tmp_path, outside=False) == (
        [
            Example(tmp_path / "b.jpg", ("A dog runs.", "Dogs!"), "val"),
            Example(tmp_path / "a.jpg", ("A cat.",), None),
        ],
        [],
    )


def test_left_out_prints_name_reason_and_place():
    assert (
        str(LeftOut("a.jpg", "an empty caption", GIVEN))
        == "a.jpg: an empty caption (list.csv, line 2)"
    )
    assert str(LeftOut("a.jpg", "a photo without captions")) == "a.jpg: a photo without captions"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("restval", "train"),
        ("dev", "val"),
        ("valid", "val"),
        ("validation", "val"),
        ("VAL", "val"),
        (" test ", "test"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_split_words_are_parsed(text, name):
    assert parse_split(text, GIVEN) == name


def test_an_unknown_split_is_refused():
    with pytest.raises(
        UserError, match=r"^list.csv, line 2: unknown split 'tset'; use train, val or test$"
    ):
        parse_split("tset", GIVEN)


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("train", "train"),
        ("val2014", "val"),
        ("Test_2", "test"),
        ("cats", None),
        ("2014", None),
        ("trainers", None),
    ],
)
def test_a_folders_name_gives_the_split(folder, split):
    assert infer_folder_split(folder) == split


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("captions_train2017", "train"),
        ("caption_train_annotations", "train"),
        ("caption_dev_images_2017", "val"),
        ("train.captions.test", "test"),
        ("my test-1 images", "test"),
        ("images", None),
        ("captions", None),
        ("", None),
    ],
)
def test_part_of_a_files_name_gives_the_split(name, split):
    assert infer_file_split(name) == split


def test_spaces_tabs_and_line_breaks_become_one_space(tmp_path):
    write_files(tmp_path, "a.jpg")
    assert gather_rows(tmp_path, ("a.jpg", "  A\tcat \r\n sits .\u3000")) == (
        {"a.jpg": (("A cat sits .",), None)},
        [],
    )


def test_captions_are_in_nfc(tmp_path):
    write_files(tmp_path, "a.jpg")
    pieces = unicodedata.normalize("NFD", "고양이 café")
    assert len(pieces) > len("고양이 café")
    assert gather_rows(tmp_path, ("a.jpg", pieces), ("a.jpg", "고양이 café")) == (
        {"a.jpg": (("고양이 café",), None)},
        [LeftOut("a.jpg", "the same caption twice", "list.csv, line 3")],
    )


def test_empty_captions_are_left_out(tmp_path):
    write_files(tmp_path, "a.jpg", "b.jpg")
    assert gather_rows(tmp_path, ("a.jpg", ""), ("a.jpg", "A cat."), ("b.jpg", " \t ")) == (
        {"a.jpg": (("A cat.",), None)},
        [
            LeftOut("a.jpg", "an empty caption", "list.csv, line 2"),
            LeftOut("b.jpg", "an empty caption", "list.csv, line 4"),
            LeftOut("b.jpg", "a photo without captions"),
        ],
    )


def test_a_caption_of_thousands_of_words_is_left_out(tmp_path):
    write_files(tmp_path, "a.jpg")
    most = "a" * 2000
    assert gather_rows(
        tmp_path, ("a.jpg", " ".join(["cat"] * 3000)), ("a.jpg", most), ("a.jpg", most + "a")
    ) == (
        {"a.jpg": ((most,), None)},
        [
            LeftOut(
                "a.jpg",
                "a caption of 3,000 words (11,999 characters, 2,000 at most)",
                "list.csv, line 2",
            ),
            LeftOut(
                "a.jpg",
                "a caption of one word (2,001 characters, 2,000 at most)",
                "list.csv, line 4",
            ),
        ],
    )


def test_spaces_do_not_make_a_caption_too_long(tmp_path):
    write_files(tmp_path, "a.jpg")
    assert gather_rows(tmp_path, ("a.jpg", "A cat." + " " * 3000)) == (
        {"a.jpg": (("A cat.",), None)},
        [],
    )


def test_a_duplicate_counts_once_unless_repeats_are_allowed(tmp_path):
    write_files(tmp_path, "a.jpg")
    rows = [("a.jpg", "A cat."), ("a.jpg", " A  cat. "), ("a.jpg", "A Cat.")]
    assert gather_rows(tmp_path, *rows) == (
        {"a.jpg": (("A cat.", "A Cat."), None)},
        [LeftOut("a.jpg", "the same caption twice", "list.csv, line 3")],
    )
    assert gather_rows(tmp_path, *rows, allows_repeats=True) == (
        {"a.jpg": (("A cat.", "A cat.", "A Cat."), None)},
        [],
    )


def test_a_photo_in_two_splits_stays_in_the_scored_one(tmp_path):
    write_files(tmp_path, "a.jpg", "b.jpg")
    rows = [
        ("a.jpg", "A cat.", "train"),
        ("a.jpg", "A pet.", "test"),
        ("b.jpg", "A dog."),
        ("b.jpg", "A pup.", "val"),
    ]
    assert gather_rows(tmp_path, *rows) == (
        {"a.jpg": (("A cat.", "A pet."), "test"), "b.jpg": (("A dog.", "A pup."), "val")},
        [LeftOut("a.jpg", "listed for train and for test; kept for test", "list.csv, line 3")],
    )


def test_a_split_conflict_is_reported_once(tmp_path):
    write_files(tmp_path, "a.jpg", "b.jpg")
    rows = [
        ("a.jpg", "1", "train"),
        ("a.jpg", "2", "test"),
        ("./a.jpg", "3", "test"),
        ("a.jpg", "4", "val"),
        ("a.jpg", "5", "train"),
        ("b.jpg", "6", "val"),
        ("b.jpg", "7", "test"),
    ]
    assert gather_rows(tmp_path, *rows) == (
        {"a.jpg": (("1", "2", "3", "4", "5"), "test"), "b.jpg": (("6", "7"), "test")},
        [
            LeftOut("a.jpg", "listed for train and for test; kept for test", "list.csv, line 3"),
            LeftOut("a.jpg", "listed for test and for val; kept for test", "list.csv, line 5"),
            LeftOut("b.jpg", "listed for val and for test; kept for test", "list.csv, line 8"),
        ],
    )


def test_places_are_named_within_the_folder(tmp_path):
    own, other = write_files(tmp_path / "own", "a.jpg"), tmp_path / "own2"
    rows = [
        Row("a.jpg", "", None, f"{place}, line 2")
        for place in (own / "sub/list.csv", other / "list.csv")
    ]
    assert [each.where for each in gather([CaptionRows(rows, [own])], own, outside=False)[1]] == [
        "sub/list.csv, line 2",
        f"{other}/list.csv, line 2",
        "",
    ]


def test_uncaptioned_photos_and_missing_photos_are_reported(tmp_path):
    """Only visible pictures in the folders of captioned photos count."""
    write_files(
        tmp_path,
        "sub/a.jpg",
        "sub/lonely.PNG",
        "sub/.hidden.jpg",
        "sub/notes.txt",
        "sub/deeper/b.jpg",
        "c.jpg",
    )
    rows = [
        ("sub/a.jpg", "A cat."),
        ("gone.jpg", "A dog."),
        ("gone.jpg", "Again."),
        ("", "A bird."),
        ("sub", "A folder."),
    ]
    assert gather_rows(tmp_path, *rows) == (
        {"sub/a.jpg": (("A cat.",), None)},
        [
            LeftOut("gone.jpg", "a caption, but no such photo", "list.csv, line 3"),
            LeftOut("(no name)", "a caption without a photo's name", "list.csv, line 5"),
            LeftOut("sub", "a caption, but no such photo", "list.csv, line 6"),
            LeftOut("sub/lonely.PNG", "a photo without captions"),
        ],
    )
    assert gather_rows(tmp_path, *rows[:1], reports_uncaptioned=False) == (
        {"sub/a.jpg": (("A cat.",), None)},
        [],
    )


def test_photos_without_a_required_split_are_left_out(tmp_path):
    write_files(tmp_path, "a.jpg", "b.jpg")
    assert gather_rows(
        tmp_path,
        ("a.jpg", "A cat.", "val"),
        ("b.jpg", "A dog."),
        requires_split=True,
        reports_uncaptioned=False,
    ) == ({"a.jpg": (("A cat.",), "val")}, [LeftOut("b.jpg", "in no split's list")])


def test_a_caption_is_composed_before_it_is_measured(tmp_path):
    write_files(tmp_path, "a.jpg")
    caption = "각" * 700
    assert gather_rows(tmp_path, ("a.jpg", unicodedata.normalize("NFD", caption)))[0] == {
        "a.jpg": ((caption,), None)
    }


def test_half_a_letter_becomes_a_question_mark(tmp_path):
    write_files(tmp_path, "a.jpg")
    assert gather_rows(tmp_path, ("a.jpg", "A cat \ud83d."))[0] == {"a.jpg": (("A cat ?.",), None)}
