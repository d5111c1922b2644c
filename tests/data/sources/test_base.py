"""Rows of captions become Examples: how text is read, where photos are found, what is left out and why."""

import os
import unicodedata
from pathlib import Path

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
from data.sources.text_files import read_lines
from tests.helpers.datasets import ROOT_READS_ALL, folder_with
from utils.errors import UserError

GIVEN = "list.csv, line 2"


def gathered(folder, *rows, roots=(".",), outside=False, **options):
    """What is made of rows (name, caption[, split]): the captions and splits by path, and what is left out."""
    rows = [
        Row(row[0], row[1], row[2] if len(row) > 2 else None, f"list.csv, line {number}")
        for number, row in enumerate(rows, start=2)
    ]
    examples, left_out = gather(
        [CaptionRows(rows, [folder / root for root in roots], **options)], folder, outside=outside
    )
    return {
        each.photo.relative_to(folder).as_posix(): (each.captions, each.split) for each in examples
    }, left_out


def test_examples_stand_in_the_order_of_their_first_rows(tmp_path):
    folder_with(tmp_path, "b.jpg", "a.jpg")
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


def test_what_is_left_out_says_what_why_and_where():
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
def test_split_names(text, name):
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
def test_a_folder_may_tell_the_split(folder, split):
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
def test_a_part_of_a_files_name_may_tell_the_split(name, split):
    assert infer_file_split(name) == split


@pytest.mark.parametrize(
    "text",
    ["한 줄\n\n  \n둘째 줄 ", "\ufeff한 줄\r\n\r\n\t\r\n둘째 줄 \r\n", "한 줄\r\r \r둘째 줄 \r"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_have_numbers_and_neither_marks_nor_ends(tmp_path, text, encoding):
    file = tmp_path / "a.txt"
    file.write_bytes(text.removeprefix("\ufeff" * (encoding == "utf-16")).encode(encoding))
    assert list(read_lines(file)) == [
        (f"{file}, line 1", "한 줄"),
        (f"{file}, line 4", "둘째 줄 "),
    ]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("one\ntwo é .\n".encode("latin-1"), 2, "invalid continuation byte"),
        ("하나\n".encode("cp949"), 1, "invalid continuation byte"),
        (b"a line\n" * 5000 + b"\xff\n", 5001, "invalid start byte"),
        (b"one\n\xed\x95", 2, "unexpected end of data"),
    ],
)
def test_what_is_not_utf8_is_refused_with_its_line(tmp_path, content, line, reason):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UserError) as caught:
        list(read_lines(tmp_path / "a.txt"))
    assert str(caught.value) == (
        f"{tmp_path}/a.txt, line {line}: not UTF-8 text ({reason}); save the file as UTF-8 (it may "
        "be Windows-1252 or, in Korean, CP949 now)"
    )


def test_spaces_tabs_and_line_breaks_become_one_space(tmp_path):
    folder_with(tmp_path, "a.jpg")
    assert gathered(tmp_path, ("a.jpg", "  A\tcat \r\n sits .\u3000")) == (
        {"a.jpg": (("A cat sits .",), None)},
        [],
    )


def test_captions_are_in_nfc(tmp_path):
    folder_with(tmp_path, "a.jpg")
    pieces = unicodedata.normalize("NFD", "고양이 café")
    assert len(pieces) > len("고양이 café")
    assert gathered(tmp_path, ("a.jpg", pieces), ("a.jpg", "고양이 café")) == (
        {"a.jpg": (("고양이 café",), None)},
        [LeftOut("a.jpg", "the same caption twice", "list.csv, line 3")],
    )


def test_empty_captions_are_left_out(tmp_path):
    folder_with(tmp_path, "a.jpg", "b.jpg")
    assert gathered(tmp_path, ("a.jpg", ""), ("a.jpg", "A cat."), ("b.jpg", " \t ")) == (
        {"a.jpg": (("A cat.",), None)},
        [
            LeftOut("a.jpg", "an empty caption", "list.csv, line 2"),
            LeftOut("b.jpg", "an empty caption", "list.csv, line 4"),
            LeftOut("b.jpg", "a photo without captions"),
        ],
    )


def test_a_caption_of_thousands_of_words_is_left_out(tmp_path):
    folder_with(tmp_path, "a.jpg")
    most = "a" * 2000
    assert gathered(
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


def test_blanks_make_no_caption_long(tmp_path):
    folder_with(tmp_path, "a.jpg")
    assert gathered(tmp_path, ("a.jpg", "A cat." + " " * 3000)) == (
        {"a.jpg": (("A cat.",), None)},
        [],
    )


def test_the_same_caption_twice_counts_once_unless_several_people_were_asked(tmp_path):
    folder_with(tmp_path, "a.jpg")
    rows = [("a.jpg", "A cat."), ("a.jpg", " A  cat. "), ("a.jpg", "A Cat.")]
    assert gathered(tmp_path, *rows) == (
        {"a.jpg": (("A cat.", "A Cat."), None)},
        [LeftOut("a.jpg", "the same caption twice", "list.csv, line 3")],
    )
    assert gathered(tmp_path, *rows, allows_repeats=True) == (
        {"a.jpg": (("A cat.", "A cat.", "A Cat."), None)},
        [],
    )


def test_a_photo_in_two_splits_stays_in_the_one_that_is_scored_and_is_named(tmp_path):
    folder_with(tmp_path, "a.jpg", "b.jpg")
    rows = [
        ("a.jpg", "A cat.", "train"),
        ("a.jpg", "A pet.", "test"),
        ("b.jpg", "A dog."),
        ("b.jpg", "A pup.", "val"),
    ]
    assert gathered(tmp_path, *rows) == (
        {"a.jpg": (("A cat.", "A pet."), "test"), "b.jpg": (("A dog.", "A pup."), "val")},
        [LeftOut("a.jpg", "listed for train and for test; kept for test", "list.csv, line 3")],
    )


def test_once_for_each_other_split_and_not_for_each_caption(tmp_path):
    folder_with(tmp_path, "a.jpg", "b.jpg")
    rows = [
        ("a.jpg", "1", "train"),
        ("a.jpg", "2", "test"),
        ("./a.jpg", "3", "test"),
        ("a.jpg", "4", "val"),
        ("a.jpg", "5", "train"),
        ("b.jpg", "6", "val"),
        ("b.jpg", "7", "test"),
    ]
    assert gathered(tmp_path, *rows) == (
        {"a.jpg": (("1", "2", "3", "4", "5"), "test"), "b.jpg": (("6", "7"), "test")},
        [
            LeftOut("a.jpg", "listed for train and for test; kept for test", "list.csv, line 3"),
            LeftOut("a.jpg", "listed for test and for val; kept for test", "list.csv, line 5"),
            LeftOut("b.jpg", "listed for val and for test; kept for test", "list.csv, line 8"),
        ],
    )


def test_where_is_told_within_the_folder(tmp_path):
    own, other = folder_with(tmp_path / "own", "a.jpg"), tmp_path / "own2"
    rows = [
        Row("a.jpg", "", None, f"{place}, line 2")
        for place in (own / "sub/list.csv", other / "list.csv")
    ]
    assert [each.where for each in gather([CaptionRows(rows, [own])], own, outside=False)[1]] == [
        "sub/list.csv, line 2",
        f"{other}/list.csv, line 2",
        "",
    ]


def test_photos_without_captions_and_captions_without_photos_are_named(tmp_path):
    """In the folders of captioned photos alone, and of pictures that show."""
    folder_with(
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
    assert gathered(tmp_path, *rows) == (
        {"sub/a.jpg": (("A cat.",), None)},
        [
            LeftOut("gone.jpg", "a caption, but no such photo", "list.csv, line 3"),
            LeftOut("(no name)", "a caption without a photo's name", "list.csv, line 5"),
            LeftOut("sub", "a caption, but no such photo", "list.csv, line 6"),
            LeftOut("sub/lonely.PNG", "a photo without captions"),
        ],
    )
    assert gathered(tmp_path, *rows[:1], reports_uncaptioned=False) == (
        {"sub/a.jpg": (("A cat.",), None)},
        [],
    )


def test_photos_in_no_list_are_left_out_where_there_are_lists(tmp_path):
    folder_with(tmp_path, "a.jpg", "b.jpg")
    assert gathered(
        tmp_path,
        ("a.jpg", "A cat.", "val"),
        ("b.jpg", "A dog."),
        requires_split=True,
        reports_uncaptioned=False,
    ) == ({"a.jpg": (("A cat.",), "val")}, [LeftOut("b.jpg", "in no split's list")])


def test_names_with_spaces_folders_and_letters_of_any_script(tmp_path):
    """Files that come from a Mac have their names in pieces, and captions files don't; or the other way round."""
    korean = "고양이 한 마리.jpg"
    pieces = unicodedata.normalize("NFD", korean)
    folder_with(tmp_path, "my cat.jpg", pieces, "sub/개.jpg")
    rows = [
        ("my cat.jpg", "1"),
        (korean, "2"),
        (unicodedata.normalize("NFD", "sub/개.jpg"), "3"),
        (r"sub\개.jpg", "4"),
    ]
    assert gathered(tmp_path, *rows)[0] == {
        "my cat.jpg": (("1",), None),
        pieces: (("2",), None),
        "sub/개.jpg": (("3", "4"), None),
    }


def test_folders_from_a_mac_have_their_names_in_pieces_too(tmp_path):
    photo, beside = (unicodedata.normalize("NFD", f"고양이/개/{name}.jpg") for name in "ab")
    folder_with(tmp_path, photo, beside)
    assert gathered(
        tmp_path, ("고양이/개/a.jpg", "A cat."), ("고양이/말/a.jpg", "A horse."), (photo, "A pet.")
    ) == (
        {photo: (("A cat.", "A pet."), None)},
        [
            LeftOut("고양이/말/a.jpg", "a caption, but no such photo", "list.csv, line 3"),
            LeftOut(beside, "a photo without captions"),
        ],
    )


def test_one_photo_under_several_spellings_keeps_all_its_captions(tmp_path):
    folder_with(tmp_path, "a.jpg")
    rows = [
        ("./a.jpg", "A cat."),
        ("a.jpg", "A pet."),
        ("sub/../a.jpg", "A lion."),
        (str(tmp_path / "a.jpg"), "A tiger."),
    ]
    assert gathered(tmp_path, *rows) == (
        {"a.jpg": (("A cat.", "A pet.", "A lion.", "A tiger."), None)},
        [],
    )


@pytest.mark.parametrize("given", ["own", ".", "../own/sub/.."])
def test_an_absolute_path_is_the_same_photo_where_the_folder_is_relative(
    tmp_path, monkeypatch, given
):
    photo = folder_with(tmp_path / "own", "a.jpg", "sub/b.jpg") / "a.jpg"
    monkeypatch.chdir(tmp_path if given == "own" else tmp_path / "own")
    names = ("a.jpg", str(photo), "../own/a.jpg")
    rows = [
        Row(name, caption, None, "")
        for name, caption in zip(names, ("A cat.", "A pet.", "A tom."), strict=True)
    ]
    assert gather([CaptionRows(rows, [Path(given)])], Path(given), outside=False) == (
        [Example(Path(os.path.normpath(given), "a.jpg"), ("A cat.", "A pet.", "A tom."))],
        [],
    )


def test_a_photo_outside_has_one_path_too(tmp_path, monkeypatch):
    folder_with(tmp_path, "b.jpg", "own/a.jpg")
    monkeypatch.chdir(tmp_path)
    rows = [Row("../b.jpg", "A cat.", None, ""), Row(str(tmp_path / "b.jpg"), "A pet.", None, "")]
    assert gather([CaptionRows(rows, [Path("own")])], Path("own"), outside=True)[0] == [
        Example(tmp_path / "b.jpg", ("A cat.", "A pet."))
    ]


def test_a_caption_is_composed_before_it_is_measured(tmp_path):
    folder_with(tmp_path, "a.jpg")
    caption = "각" * 700
    assert gathered(tmp_path, ("a.jpg", unicodedata.normalize("NFD", caption)))[0] == {
        "a.jpg": ((caption,), None)
    }


def test_half_a_letter_becomes_a_question_mark(tmp_path):
    folder_with(tmp_path, "a.jpg")
    assert gathered(tmp_path, ("a.jpg", "A cat \ud83d."))[0] == {"a.jpg": (("A cat ?.",), None)}


def test_the_first_root_that_has_the_photo_counts(tmp_path):
    folder_with(tmp_path, "a.jpg", "one/a.jpg", "two/a.jpg", "two/b.jpg")
    assert gathered(
        tmp_path, ("a.jpg", "A cat."), ("b.jpg", "A dog."), roots=["none", "one", "two"]
    )[0] == {"one/a.jpg": (("A cat.",), None), "two/b.jpg": (("A dog.",), None)}


@pytest.mark.parametrize(
    "name", ["b" * 300 + ".jpg", "sub/" + "c" * 5000 + "/d.jpg", "zero\0byte/e.jpg", "\udce9/f.jpg"]
)
def test_a_name_that_no_file_can_have_is_left_out_and_shown_short(tmp_path, name):
    folder_with(tmp_path, "a.jpg")
    assert gathered(tmp_path, ("a.jpg", "A cat."), (name, "A dog."))[1] == [
        LeftOut(name[:80], "a caption, but no such photo", "list.csv, line 3")
    ]


@pytest.mark.parametrize(
    "name", ["../other/a.jpg", "sub/../../other/a.jpg", "/etc/passwd", r"..\other\a.jpg", ".."]
)
def test_photos_outside_the_folder_are_refused(tmp_path, name):
    folder = folder_with(tmp_path / "own", "a.jpg")
    folder_with(tmp_path / "other", "a.jpg")
    with pytest.raises(UserError) as caught:
        gathered(folder, ("a.jpg", "A cat."), (name, "A dog."))
    name = name.replace("\\", "/")
    assert str(caught.value) == (
        f"list.csv, line 3: the photo {name} lies outside the dataset's folder {folder}; "
        "--outside-photos allows that"
    )


def test_a_folder_whose_name_only_begins_alike_is_outside(tmp_path):
    folder, other = folder_with(tmp_path / "own", "a.jpg"), folder_with(tmp_path / "own2", "a.jpg")
    with pytest.raises(UserError, match="lies outside the dataset's folder"):
        gathered(folder, (str(other / "a.jpg"), "A dog."))


def test_photos_outside_the_folder_are_read_where_that_is_allowed(tmp_path):
    folder = folder_with(tmp_path / "own", "a.jpg")
    other = folder_with(tmp_path / "other", "b.jpg", "c.jpg")
    rows = [
        Row("../other/b.jpg", "A dog.", None, ""),
        Row(str(other / "c.jpg"), "A cow.", None, ""),
    ]
    assert gather([CaptionRows(rows, [folder])], folder, outside=True) == (
        [Example(other / "b.jpg", ("A dog.",)), Example(other / "c.jpg", ("A cow.",))],
        [],
    )


@ROOT_READS_ALL
def test_a_folder_without_permission_is_named(tmp_path):
    folder_with(tmp_path, "a.jpg", "shut/b.jpg")
    (tmp_path / "shut").chmod(0)
    try:
        left_out = gathered(tmp_path, ("a.jpg", "A cat."), ("shut/b.jpg", "A dog."))[1]
    finally:
        (tmp_path / "shut").chmod(0o755)
    assert left_out == [
        LeftOut("shut/b.jpg", "no permission to read its folder", "list.csv, line 3")
    ]


def test_no_permission_as_the_system_tells_it(tmp_path, monkeypatch):
    """The same where root runs the tests: the system's answer is played."""
    folder_with(tmp_path, "a.jpg", "shut/b.jpg")
    open_folder = os.scandir

    def scandir(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return open_folder(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert gathered(tmp_path, ("a.jpg", "A cat."), ("shut/b.jpg", "A dog.")) == (
        {"a.jpg": (("A cat.",), None)},
        [LeftOut("shut/b.jpg", "no permission to read its folder", "list.csv, line 3")],
    )


def test_a_name_that_differs_in_capitals_alone_is_hinted_at(tmp_path):
    folder_with(tmp_path, "sub/Côte.JPG", "b.jpg")
    assert gathered(tmp_path, ("sub/côte.jpg", "A cat."), ("b.jpg", "A dog.")) == (
        {"b.jpg": (("A dog.",), None)},
        [
            LeftOut(
                "sub/côte.jpg",
                "a caption, but no such photo (there is Côte.JPG)",
                "list.csv, line 2",
            )
        ],
    )
