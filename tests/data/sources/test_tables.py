"""Datasets of one's own: tables, JSON lines and texts beside photos; what each allows, leaves out and refuses."""

import json

import pytest

from data.sources import find_format, read
from data.sources.base import Example, LeftOut
from tests.helpers.datasets import captions, folder_with, refusal, splits


def table(folder, text, *photos, name="captions.csv"):
    return folder_with(folder, *(photos or ["a.jpg"]), files={name: text})


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
    assert captions(read(table(tmp_path, f"{header}\na.jpg{separator}A cat.\n"))) == {
        "a.jpg": ("A cat.",)
    }


def test_other_separators_in_the_header_do_not_count(tmp_path):
    assert captions(
        read(table(tmp_path, "photo,caption,seen by: a; b; c; d\na.jpg,A cat.,a\n"))
    ) == {"a.jpg": ("A cat.",)}


def test_columns_stand_in_any_order_among_others(tmp_path):
    dataset = read(table(tmp_path, "id,comment,split,rater,image\n7,A cat.,val,kim,a.jpg\n"))
    assert (captions(dataset), splits(dataset)) == ({"a.jpg": ("A cat.",)}, {"a.jpg": "val"})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_tabs_and_line_ends_of_every_system(tmp_path, end):
    lines = ["photo\tcaption\tsplit", "a.jpg\tA cat, a dog.\ttest", "", "b.jpg\tA bird.\ttrain"]
    table(tmp_path, end.join(lines), "a.jpg", "b.jpg", name="captions.tsv")
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat, a dog.",), "b.jpg": ("A bird.",)}
    assert splits(read(tmp_path / "captions.tsv")) == {"a.jpg": "test", "b.jpg": "train"}


def test_quotes_keep_commas_quotes_and_line_breaks(tmp_path):
    table(
        tmp_path,
        'photo,caption\na.jpg,"A cat, a dog."\na.jpg,"A ""big"" cat"\na.jpg,"A\ncat"\na.jpg,a "red" car\n',
    )
    assert captions(read(tmp_path)) == {
        "a.jpg": ("A cat, a dog.", 'A "big" cat', "A cat", 'a "red" car')
    }


def test_trailing_commas_and_blank_lines_mean_nothing(tmp_path):
    dataset = read(
        table(tmp_path, "\n,,\nphoto,caption\na.jpg,A cat.,\n,,\n  \na.jpg,A pet.,,\n\n")
    )
    assert (captions(dataset), dataset.left_out) == ({"a.jpg": ("A cat.", "A pet.")}, [])


def test_what_is_left_out_of_a_table_is_told_with_its_line(tmp_path):
    table(
        tmp_path,
        'photo,caption,split\n"a.jpg","A\ncat.",train\na.jpg,A cat.,\n,A bird.,\ngone.jpg,A dog.,val\na.jpg, ,\n'
        "a.jpg,A pet.,test\n",
        "a.jpg",
        "lonely.png",
    )
    dataset = read(tmp_path)
    assert (captions(dataset), splits(dataset)) == (
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


def test_unknown_split_is_refused_with_file_and_line(tmp_path):
    table(tmp_path, 'photo,caption,split\na.jpg,"A\ncat.",train\na.jpg,A pet.,tset\n')
    assert (
        refusal(tmp_path)
        == f"{tmp_path}/captions.csv, line 4: unknown split 'tset'; use train, val or test"
    )


@pytest.mark.parametrize(
    ("name", "row", "columns"),
    [
        ("captions.csv", "a.jpg", "1 column"),
        ("captions.csv", "a.jpg,A cat, a dog, and a bird.", "4 columns"),
        ("captions.tsv", "a.jpg\tA cat\tand a dog.", "3 columns"),
    ],
)
def test_a_row_of_another_length_is_refused_with_its_line(tmp_path, name, row, columns):
    """A longer one has a comma without quotes: read on, its caption would be cut short."""
    mark = "," if name.endswith("csv") else "\t"
    table(tmp_path, f"photo{mark}caption\na.jpg{mark}A cat.\n\n{row}\n", name=name)
    assert refusal(tmp_path) == (
        f"{tmp_path}/{name}, line 4: {columns} where the header has 2; put quotes "
        "round a caption that contains commas (or tabs)"
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [('"A pet.', "unexpected end of data"), ('"A" pet.', "',' expected after '\"'")],
)
def test_what_breaks_a_table_is_refused_with_the_line(tmp_path, row, told):
    """A quote that is never closed would make all the lines after it one caption."""
    table(tmp_path, f"photo,caption\na.jpg,A cat.\na.jpg,{row}\na.jpg,A dog.\n")
    assert refusal(tmp_path) == (
        f"{tmp_path}/captions.csv, line 3: {told}; close every quote that opens a cell, and write "
        "quotes inside it twice"
    )


@pytest.mark.parametrize("content", ["", "\ufeff", "\n \n", ",,\n"])
def test_an_empty_table_is_refused(tmp_path, content):
    assert refusal(table(tmp_path, content)) == (
        f"{tmp_path}/captions.csv is empty; name the columns "
        "in its first line, such as photo,caption,split"
    )


def test_a_table_without_header_is_refused_with_what_was_found(tmp_path):
    assert refusal(table(tmp_path, "a.jpg,A cat.\n")) == (
        f"{tmp_path}/captions.csv: the first line names no photo and caption column; found a.jpg, a cat.; write "
        "photo,caption or photo,caption,split there"
    )


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('photo,"What is\nseen"', "photo, what is seen"),
        ("a.jpg," + "many words " * 1500, "a.jpg, " + ("many words " * 7)[:73]),
        (",".join("words" * 3 for _ in range(9)), (", ".join(["words" * 3] * 9))[:80]),
    ],
)
def test_and_told_in_one_line(tmp_path, header, found):
    told = refusal(table(tmp_path, f"{header}\na.jpg,A cat.\n"))
    assert (
        told.partition("found ")[2] == f"{found}; write photo,caption or photo,caption,split there"
    )


def test_photos_outside_are_refused_unless_allowed(tmp_path):
    table(tmp_path / "own", "photo,caption\n../b.jpg,A dog.\n")
    folder_with(tmp_path, "b.jpg")
    assert refusal(tmp_path / "own") == (
        f"{tmp_path}/own/captions.csv, line 2: the photo ../b.jpg lies outside the "
        f"dataset's folder {tmp_path}/own; --outside-photos allows that"
    )
    assert captions(read(tmp_path / "own", outside=True)) == {"b.jpg": ("A dog.",)}


@pytest.mark.parametrize(
    ("ending", "line"),
    [
        ("csv", "photo,caption\na.jpg,{}\n"),
        ("tsv", "photo\tcaption\na.jpg\t{}\n"),
        ("jsonl", '{{"photo": "a.jpg", "caption": "{}"}}\n'),
    ],
)
def test_captions_of_the_language_asked_for(tmp_path, ending, line):
    folder_with(
        tmp_path,
        "a.jpg",
        files={
            f"captions.{ending}": line.format("A cat."),
            f"captions.ko.{ending}": line.format("고양이"),
        },
    )
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat.",)}
    assert captions(read(tmp_path, language="ko")) == {"a.jpg": ("고양이",)}
    assert captions(read(tmp_path, language="de")) == {"a.jpg": ("A cat.",)}
    assert captions(read(tmp_path / f"captions.ko.{ending}", language="en")) == {
        "a.jpg": ("고양이",)
    }


def test_objects_hold_a_caption_or_several(tmp_path):
    text = (
        '{"file_name": "a.jpg", "text": "A cat.", "split": null}\n\n'
        '{"Image": "b.jpg", "captions": ["A dog.", "A pup."], "SPLIT": "dev", "id": 7}\n'
        '{"image_id": "a.jpg", "caption": ["A \\ud55c cat."]}\n'
    )
    dataset = read(table(tmp_path, text, "a.jpg", "b.jpg", name="captions.jsonl"))
    assert captions(dataset) == {"a.jpg": ("A cat.", "A 한 cat."), "b.jpg": ("A dog.", "A pup.")}
    assert splits(dataset) == {"a.jpg": None, "b.jpg": "val"}


@pytest.mark.parametrize("photos", ["", "images/", "caption_train_images_2017/"])
def test_objects_may_stand_in_a_list_and_photos_in_a_folder(tmp_path, photos):
    folder_with(
        tmp_path,
        f"{photos}a.jpg",
        files={
            "captions.json": [
                {"photo": "a.jpg", "caption": "A cat."},
                {"photo": "b.jpg", "caption": "A dog."},
                {"photo": "a.jpg", "caption": ""},
            ]
        },
    )
    dataset = read(tmp_path)
    assert captions(dataset) == {"a.jpg": ("A cat.",)}
    assert dataset.left_out == [
        LeftOut("b.jpg", "a caption, but no such photo", "captions.json, [1]"),
        LeftOut("a.jpg", "an empty caption", "captions.json, [2]"),
    ]


OWN = {"csv": "photo,caption\na.jpg,A cat.\n", "jsonl": '{"photo": "a.jpg", "caption": "A cat."}\n'}
EACH = pytest.mark.parametrize("ending", OWN)


@EACH
@pytest.mark.parametrize("photos", ["images", "Images", "photos", "val_images"])
def test_bare_names_of_photos_in_a_folder(tmp_path, ending, photos):
    folder_with(
        tmp_path, f"{photos}/a.jpg", f"{photos}/b.jpg", files={f"captions.{ending}": OWN[ending]}
    )
    dataset = read(tmp_path)
    assert dataset.examples == [Example(tmp_path / photos / "a.jpg", ("A cat.",))]
    assert dataset.left_out == [LeftOut(f"{photos}/b.jpg", "a photo without captions")]


@EACH
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("train", "train_images"),
        ("captions_val", "val_images"),
        ("caption_test2017", "test_images"),
        ("captions", "images"),
    ],
)
def test_of_several_folders_that_of_the_own_split_comes_first(tmp_path, ending, name, place):
    folders = ("images", "test_images", "train_images", "val_images")
    folder_with(
        tmp_path,
        *(f"{folder}/a.jpg" for folder in folders),
        files={f"{name}.{ending}": OWN[ending]},
    )
    assert read(tmp_path / f"{name}.{ending}").examples == [
        Example(tmp_path / place / "a.jpg", ("A cat.",))
    ]


def test_a_list_may_begin_with_a_mark_and_blanks(tmp_path):
    table(tmp_path, '\ufeff\r\n [{"photo": "a.jpg", "caption": "A cat."}]', name="captions.json")
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat.",)}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("metadata.csv", "file_name,text\n{},{}\n"),
        ("metadata.jsonl", '{{"file_name": "{}", "text": "{}"}}\n'),
    ],
)
def test_a_file_in_each_splits_folder(tmp_path, name, line):
    """As `datasets` of Hugging Face has its folders of images."""
    folder_with(
        tmp_path,
        "train/1.png",
        "validation/images/1.png",
        "test/1.png",
        "more/1.png",
        files={
            f"train/{name}": line.format("1.png", "A cat."),
            f"validation/{name}": line.format("images/1.png", "A dog."),
            f"test/{name}": line.format("1.png", "A cow."),
            f"more/{name}": line.format("1.png", "A pig."),
        },
    )
    dataset = read(tmp_path)
    assert dataset.path == tmp_path
    assert dataset.examples == [
        Example(tmp_path / "test/1.png", ("A cow.",), "test"),
        Example(tmp_path / "train/1.png", ("A cat.",), "train"),
        Example(tmp_path / "validation/images/1.png", ("A dog.",), "val"),
    ]


def test_a_file_in_each_splits_folder_is_told_with_that_folder(tmp_path):
    folder_with(
        tmp_path,
        "train/1.png",
        "test/1.png",
        files={
            "train/metadata.csv": "file_name,text\n1.png,A cat.\n2.png,A dog.\n",
            "test/metadata.csv": "file_name,text\n1.png,A cow.\n2.png,A pig.\n",
        },
    )
    reason = "a caption, but no such photo"
    assert read(tmp_path).left_out == [
        LeftOut("2.png", reason, "test/metadata.csv, line 3"),
        LeftOut("2.png", reason, "train/metadata.csv, line 3"),
    ]
    (tmp_path / "train/metadata.csv").write_text("file_name,text\n../../2.png,A dog.\n")
    assert refusal(tmp_path).startswith(
        f"{tmp_path}/train/metadata.csv, line 2: the photo ../../2.png lies outside"
    )


NO_TEXT = 'no photo and caption as text; found {}; write {{"photo": …, "caption": …}}'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            '{"photo": "a.jpg", "caption": "A',
            "broken JSON (Unterminated string starting at, column 31); a line holds one object",
        ),
        ('{"photo": "a.jpg"} {}', "broken JSON (Extra data, column 20); a line holds one object"),
        (
            '["a.jpg", "A cat."]',
            'expected an object, such as {"photo": "a.jpg", "caption": "A cat."}',
        ),
        ("{}", NO_TEXT.format("nothing")),
        ('{"photo": 7, "caption": "A cat."}', NO_TEXT.format("photo, caption")),
        ('{"photo": "a.jpg", "captions": ["A", null]}', NO_TEXT.format("photo, captions")),
        (
            '{"photo": "a.jpg", "caption": "A", "split": 3}',
            "unknown split 3; use train, val or test",
        ),
        (
            '{"photo": "a.jpg", "caption": "A", "split": "tset"}',
            "unknown split 'tset'; use train, val or test",
        ),
    ],
)
def test_damaged_objects_are_refused_with_file_and_line(tmp_path, line, told):
    table(tmp_path, '{"photo": "a.jpg", "caption": "A cat."}\n\n' + line, name="captions.jsonl")
    assert refusal(tmp_path) == f"{tmp_path}/captions.jsonl, line 3: {told}"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[" * 100_000, "JSON nested too deep for captions"),
        (f'{{"id": {"1" * 5000}}}', "broken JSON (Exceeds the limit (4300 digits)"),
    ],
    ids=["deep", "long"],
)
def test_a_line_that_python_cannot_hold_is_refused(tmp_path, line, told):
    table(tmp_path, f'{{"photo": "a.jpg", "caption": "A cat."}}\n{line}\n', name="captions.jsonl")
    assert refusal(tmp_path).startswith(f"{tmp_path}/captions.jsonl, line 2: {told}")


def test_a_text_beside_each_photo(tmp_path):
    folder_with(
        tmp_path,
        "a.jpg",
        "train/b.png",
        "val2/deep/c.d.jpg",
        "cats/e.jpg",
        "f.jpg",
        "g.jpg",
        files={
            "a.txt": "A cat.\n\n  A pet. \nA cat.\n",
            "train/b.txt": "A dog.",
            "val2/deep/c.d.txt": "A cow.\r\n",
            "cats/e.txt": "A lion.",
            "f.txt": "\n \n",
            "cats/notes.txt": "Mine.",
        },
    )
    dataset = read(tmp_path)
    assert captions(dataset) == {
        "a.jpg": ("A cat.", "A pet."),
        "e.jpg": ("A lion.",),
        "b.png": ("A dog.",),
        "c.d.jpg": ("A cow.",),
    }
    assert splits(dataset) == {"a.jpg": None, "e.jpg": None, "b.png": "train", "c.d.jpg": "val"}
    assert dataset.left_out == [
        LeftOut("a.jpg", "the same caption twice", "a.txt, line 4"),
        LeftOut("f.jpg", "an empty caption", "f.txt"),
        LeftOut("cats/notes.txt", "a caption, but no such photo"),
        LeftOut("f.jpg", "a photo without captions"),
        LeftOut("g.jpg", "a photo without captions"),
    ]


def test_texts_of_the_language_asked_for(tmp_path):
    folder_with(
        tmp_path,
        "a.jpg",
        "b.jpg",
        files={"a.txt": "A cat.", "a.ko.txt": "고양이", "b.txt": "A dog."},
    )
    english, korean = read(tmp_path), read(tmp_path, language="ko")
    assert (captions(english), english.left_out) == (
        {"a.jpg": ("A cat.",), "b.jpg": ("A dog.",)},
        [],
    )
    assert (captions(korean), korean.left_out) == ({"a.jpg": ("고양이",), "b.jpg": ("A dog.",)}, [])


@pytest.mark.parametrize("language", ["ko", "ko-KR", "ko_kr"])
def test_a_country_in_the_language_asks_for_its_own_files_and_then_for_the_languages(
    tmp_path, language
):
    texts = {"a.txt": "A cat.", "a.ko.txt": "고양이", "b.ko-KR.txt": "개", "b.ko.txt": "말"}
    folder_with(tmp_path, "a.jpg", "b.jpg", files=texts)
    own = language == "ko-KR"
    assert captions(read(tmp_path, language=language)) == {
        "a.jpg": ("고양이",),
        "b.jpg": ("개" if own else "말",),
    }
    folder_with(
        tmp_path,
        files={
            f"captions{code}.csv": f"photo,caption\na.jpg,{word}\n"
            for code, word in ((".ko", "고양이"), ("", "A cat."))
        },
    )
    assert captions(read(tmp_path, language=language)) == {"a.jpg": ("고양이",)}


def test_texts_that_are_of_no_concern_are_not_told(tmp_path):
    folder_with(
        tmp_path,
        "a.jpg",
        "b.c.jpg",
        files={"a.txt": "A cat.", "._a.txt": b"\0\5", "b.c.txt": "A dog.", "b.c.ko.txt": "개"},
    )
    dataset = read(tmp_path)
    assert (captions(dataset), dataset.left_out) == (
        {"a.jpg": ("A cat.",), "b.c.jpg": ("A dog.",)},
        [],
    )
    assert captions(read(tmp_path, language="ko"))["b.c.jpg"] == ("개",)


def test_the_ending_of_a_text_may_have_capitals(tmp_path):
    folder_with(
        tmp_path,
        "a.jpg",
        "b.JPG",
        files={"a.TXT": "A cat.", "b.Txt": "A dog.", "a.ko.TXT": "고양이", "c.TXT": "A cow."},
    )
    dataset, korean = read(tmp_path), read(tmp_path, language="ko")
    assert captions(dataset) == {"a.jpg": ("A cat.",), "b.JPG": ("A dog.",)}
    assert dataset.left_out == korean.left_out == [LeftOut("c.TXT", "a caption, but no such photo")]
    assert captions(korean) == {"a.jpg": ("고양이",), "b.JPG": ("A dog.",)}


def test_a_table_of_one_language_alone_is_found(tmp_path):
    folder_with(tmp_path, "a.jpg", files={"captions.ko.csv": "photo,caption\na.jpg,고양이\n"})
    assert captions(read(tmp_path)) == {"a.jpg": ("고양이",)}
    folder_with(tmp_path, files={"captions.ja.csv": "photo,caption\na.jpg,ネコ\n"})
    assert find_format(tmp_path) is None  # which of the two?
    assert captions(read(tmp_path, language="ja")) == {"a.jpg": ("ネコ",)}


def test_the_folder_of_ai_challenger(tmp_path):
    name, images = "caption_{}_annotations_20170902.json", "caption_{}_images_20170902/{}.jpg"
    for split, photo in (("train", "a"), ("validation", "b")):
        rows = [
            {"url": "http://x.example", "image_id": f"{photo}.jpg", "caption": ["一只狗", "两只狗"]}
        ]
        folder_with(
            tmp_path, images.format(split, photo), files={name.format(split): json.dumps(rows)}
        )
    dataset = read(tmp_path)
    assert dataset.examples == [
        Example(tmp_path / images.format(split, photo), ("一只狗", "两只狗"), kept)
        for split, photo, kept in (("train", "a", "train"), ("validation", "b", "val"))
    ]


def test_a_cell_of_a_megabyte_is_one_caption_too_long(tmp_path):
    table(tmp_path, f"photo,caption\na.jpg,A cat.\na.jpg,{'pet ' * 300_000}\n", "a.jpg")
    dataset = read(tmp_path)
    assert (captions(dataset), dataset.left_out) == (
        {"a.jpg": ("A cat.",)},
        [
            LeftOut(
                "a.jpg",
                "a caption of 300,000 words (1,199,999 characters, 2,000 at most)",
                "captions.csv, line 3",
            )
        ],
    )


def test_the_one_table_of_a_folder_may_have_any_name(tmp_path):
    table(tmp_path, '"Image",caption\na.jpg,A cat.\n', "a.jpg", name="Labels.CSV")
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat.",)}
    table(tmp_path, "photo,caption\na.jpg,A pet.\n", name="more.csv")
    assert find_format(tmp_path) is None  # which of the two?
    (tmp_path / "Labels.CSV").write_text("epoch,loss\n1,2.5\n")
    (tmp_path / "more.csv").unlink()
    assert find_format(tmp_path) is None


def test_a_readme_and_folders_named_as_texts_are_no_captions(tmp_path):
    folder_with(
        tmp_path,
        "a.jpg",
        "b.txt/c.jpg",
        files={"a.txt": "A cat.", "README.txt": "About these photos."},
    )
    dataset = read(tmp_path)
    assert (captions(dataset), dataset.left_out) == ({"a.jpg": ("A cat.",)}, [])


def test_pictures_beside_a_photo_outside_are_no_concern(tmp_path):
    folder_with(
        tmp_path,
        "other/b.jpg",
        "other/beside.jpg",
        "own/a.jpg",
        files={"own/captions.csv": "photo,caption\na.jpg,A cat.\n../other/b.jpg,A dog.\n"},
    )
    dataset = read(tmp_path / "own", outside=True)
    assert (captions(dataset), dataset.left_out) == (
        {"a.jpg": ("A cat.",), "b.jpg": ("A dog.",)},
        [],
    )


def test_text_without_its_mark_is_refused_for_its_zero_bytes(tmp_path):
    table(tmp_path, "photo,caption\na.jpg,A cat.\n".encode("utf-16-le"), "a.jpg")
    assert refusal(tmp_path) == (
        f"{tmp_path}/captions.csv, line 1: zero bytes, as in UTF-16 without a byte order mark; save the "
        "file as UTF-8"
    )
