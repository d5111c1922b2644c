"""Datasets as people have them: what is read, what is left out and why, and what is refused in one clear line."""

import os
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from data.sources import Example, read
from utils.errors import Refusal

ROOT_READS_ALL = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
NEEDS_REAL_DATA = pytest.mark.skipif("CAPTION_REAL_DATA" not in os.environ,
                                     reason="the folder of real data is not named in CAPTION_REAL_DATA")


def folder_with(folder, *photos, **tables):
    """The folder, with files named as photos and with tables (`captions_csv` → captions.csv)."""
    for name in photos:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"a picture, as far as reading captions goes")
    for name, text in tables.items():
        (folder / name.replace("_", ".")).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def captions(dataset):
    return {example.photo.name: example.captions for example in dataset.examples}


def splits(dataset):
    return {example.photo.name: example.split for example in dataset.examples}


def refusal(path, **options):
    with pytest.raises(Refusal) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_table_becomes_examples_in_its_order(tmp_path):
    folder_with(tmp_path, "b.jpg", "a.jpg", captions_csv="photo,caption\nb.jpg,A dog runs.\na.jpg,A cat.\nb.jpg,Dogs!\n")
    dataset = read(tmp_path)
    assert dataset.examples == [Example(tmp_path / "b.jpg", ("A dog runs.", "Dogs!")),
                                Example(tmp_path / "a.jpg", ("A cat.",))]
    assert dataset.left_out == []
    assert dataset.path == tmp_path / "captions.csv"


@pytest.mark.parametrize("header", ["photo,caption", "image,caption", "file_name,text", "filename,sentence",
                                    " Image , COMMENT ", "path,description", "\ufeffphoto,caption", "image_name,caption"])
def test_header_variants(tmp_path, header):
    folder_with(tmp_path, "a.jpg", captions_csv=f"{header}\na.jpg,A cat.\n")
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat.",)}


def test_columns_stand_in_any_order_among_others(tmp_path):
    folder_with(tmp_path, "a.jpg", captions_csv="id,comment,split,rater,image\n7,A cat.,val,kim,a.jpg\n")
    assert read(tmp_path).examples == [Example(tmp_path / "a.jpg", ("A cat.",), "val")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_tabs_and_line_ends_of_every_system(tmp_path, end):
    lines = ["photo\tcaption\tsplit", "a.jpg\tA cat, a dog.\ttest", "", "b.jpg\tA bird.\ttrain"]
    folder_with(tmp_path, "a.jpg", "b.jpg", captions_tsv=end.join(lines))
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat, a dog.",), "b.jpg": ("A bird.",)}
    assert splits(read(tmp_path / "captions.tsv")) == {"a.jpg": "test", "b.jpg": "train"}


def test_quotes_keep_commas_quotes_and_line_breaks(tmp_path):
    folder_with(tmp_path, "a.jpg", captions_csv='photo,caption\na.jpg,"A cat, a dog."\na.jpg,"A ""big"" cat"\n'
                'a.jpg,"A\ncat"\n')
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat, a dog.", 'A "big" cat', "A cat")}


def test_trailing_commas_and_blank_lines_mean_nothing(tmp_path):
    folder_with(tmp_path, "a.jpg", captions_csv="\n,,\nphoto,caption\na.jpg,A cat.,\n,,\n  \na.jpg,A pet.,,\n\n")
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat.", "A pet.")}


def test_names_with_spaces_korean_letters_and_folders(tmp_path):
    korean = unicodedata.normalize("NFC", "고양이 한 마리.jpg")
    folder_with(tmp_path, "my cat.jpg", korean, "sub/c.jpg",
                captions_csv=f"photo,caption\nmy cat.jpg,A cat.\n{korean},고양이\nsub/c.jpg,A dog.\n")
    assert [example.photo for example in read(tmp_path).examples] == [
        tmp_path / "my cat.jpg", tmp_path / korean, tmp_path / "sub/c.jpg"]


def test_one_photo_under_two_spellings_keeps_all_its_captions(tmp_path):
    folder_with(tmp_path, "a.jpg", captions_csv="photo,caption\n./a.jpg,A cat.\na.jpg,A pet.\n")
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat.", "A pet.")}


def test_split_names(tmp_path):
    names = {"train": "train", "Training": "train", "dev": "val", "valid": "val", "validation": "val", "VAL": "val",
             " test ": "test", "": None}
    rows = "".join(f"{number}.jpg,A cat.,{name}\n" for number, name in enumerate(names))
    folder_with(tmp_path, *(f"{number}.jpg" for number in range(len(names))), captions_csv=f"photo,caption,split\n{rows}")
    assert list(splits(read(tmp_path)).values()) == list(names.values())


def test_a_photo_in_two_splits_stays_in_the_first_and_is_named(tmp_path):
    folder_with(tmp_path, "a.jpg", "b.jpg", captions_csv="photo,caption,split\na.jpg,A cat.,train\na.jpg,A pet.,test\n"
                "b.jpg,A dog.,\nb.jpg,A pup.,val\n")
    dataset = read(tmp_path)
    assert splits(dataset) == {"a.jpg": "train", "b.jpg": "val"}
    assert dataset.left_out == [("a.jpg", "listed for train and for test; kept for train")]


def test_unknown_split_is_refused_with_file_and_line(tmp_path):
    folder_with(tmp_path, "a.jpg", captions_csv='photo,caption,split\na.jpg,"A\ncat.",train\na.jpg,A pet.,tset\n')
    assert refusal(tmp_path) == f"{tmp_path}/captions.csv, line 4: unknown split 'tset'; use train, val or test"


@pytest.mark.parametrize(("row", "columns"), [("a.jpg", 1), ("a.jpg,A cat, a dog, and a bird.", 4)])
def test_a_row_of_another_length_is_refused_with_its_line(tmp_path, row, columns):
    """A longer one has a comma without quotes: read on, its caption would be cut short."""
    folder_with(tmp_path, "a.jpg", captions_csv=f"photo,caption\na.jpg,A cat.\n\n{row}\n")
    assert f"captions.csv, line 4: {columns} columns where the header has 2; put quotes round" in refusal(tmp_path)


def test_a_quote_that_is_never_closed_is_refused_with_its_line(tmp_path):
    """It would make all the lines after it one caption."""
    folder_with(tmp_path, "a.jpg", captions_csv='photo,caption\na.jpg,A cat.\na.jpg,"A pet.\na.jpg,A dog.\n')
    assert "captions.csv, line 3: unexpected end of data; close every quote" in refusal(tmp_path)


def test_what_is_missing_on_one_side_is_left_out_with_the_reason(tmp_path):
    folder_with(tmp_path, "a.jpg", "lonely.PNG", ".hidden.jpg", "notes.txt",
                captions_csv="photo,caption\na.jpg,A cat.\ngone.jpg,A dog.\na.jpg,  \n,A bird.\n")
    dataset = read(tmp_path)
    assert captions(dataset) == {"a.jpg": ("A cat.",)}
    assert sorted(dataset.left_out) == [("(no name)", "no photo named for 'A bird.'"), ("a.jpg", "an empty caption"),
                                        ("gone.jpg", "a caption, but no such photo"),
                                        ("lonely.PNG", "a photo without captions")]


def test_a_photo_with_only_empty_captions_is_left_out(tmp_path):
    folder_with(tmp_path, "a.jpg", "b.jpg", captions_csv="photo,caption\na.jpg,A cat.\nb.jpg,\n")
    dataset = read(tmp_path)
    assert list(captions(dataset)) == ["a.jpg"]
    assert ("b.jpg", "a photo without captions") in dataset.left_out


def test_duplicate_captions_count_once(tmp_path):
    folder_with(tmp_path, "a.jpg", captions_csv="photo,caption\na.jpg,A cat.\na.jpg, A  cat. \na.jpg,A Cat.\n")
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat.", "A Cat.")}


def test_captions_of_the_language_asked_for(tmp_path):
    folder_with(tmp_path, "a.jpg", captions_csv="photo,caption\na.jpg,A cat.\n",
                captions_ko_csv="photo,caption\na.jpg,고양이\n")
    assert captions(read(tmp_path)) == {"a.jpg": ("A cat.",)}
    assert captions(read(tmp_path, language="ko")) == {"a.jpg": ("고양이",)}
    assert captions(read(tmp_path, language="de")) == {"a.jpg": ("A cat.",)}
    assert captions(read(tmp_path / "captions.ko.csv", language="en")) == {"a.jpg": ("고양이",)}


@pytest.mark.parametrize("content", ["", "\ufeff", "\n \n"])
def test_an_empty_file_is_refused(tmp_path, content):
    folder_with(tmp_path, "a.jpg", captions_csv=content)
    assert refusal(tmp_path).startswith(f"{tmp_path}/captions.csv is empty; its first line should name the columns")


def test_a_header_alone_is_refused(tmp_path):
    folder_with(tmp_path, "a.jpg", captions_csv="photo,caption\n")
    assert refusal(tmp_path) == f"{tmp_path}/captions.csv holds no photo with a caption; it is empty"


def test_a_table_without_header_is_refused_with_what_was_found(tmp_path):
    folder_with(tmp_path, "a.jpg", captions_csv="a.jpg,A cat.\n")
    assert "the first line names no photo and caption column; found a.jpg, a cat.; write photo,caption" in refusal(tmp_path)


def test_a_table_without_any_photo_is_refused_with_the_first_reason(tmp_path):
    folder_with(tmp_path, captions_csv="photo,caption\na.jpg,A cat.\nb.jpg,A dog.\n")
    assert "holds no photo with a caption (2 left out; the first: a.jpg: a caption, but no such photo)" in refusal(tmp_path)


@pytest.mark.parametrize(("content", "line"), [("photo,caption\na.jpg,Café\n".encode("latin-1"), 2),
                                               ("photo,caption\na.jpg,A cat.\n".encode("utf-16"), 1),
                                               (b"photo,caption\n" + b"a.jpg,A cat.\n" * 5000 + b"a.jpg,\xff\n", 5002)])
def test_text_that_is_not_utf8_is_refused_with_file_and_line(tmp_path, content, line):
    folder_with(tmp_path, "a.jpg", captions_csv=content)
    assert refusal(tmp_path).startswith(f"{tmp_path}/captions.csv, line {line}: not UTF-8 text (")


def test_a_name_that_no_file_can_have_is_left_out(tmp_path):
    folder = folder_with(tmp_path, "a.jpg", **{"captions.csv": f"photo,caption\na.jpg,a dog\n{'b' * 300}.jpg,a cat\n"})
    dataset = read(folder)
    assert [example.photo.name for example in dataset.examples] == ["a.jpg"]
    assert dataset.left_out == [("b" * 60, "not a name that a file can have")]


@ROOT_READS_ALL
def test_no_permission_is_refused_or_named(tmp_path):
    folder_with(tmp_path, "a.jpg", "shut/b.jpg", captions_csv="photo,caption\na.jpg,A cat.\nshut/b.jpg,A dog.\n")
    (tmp_path / "shut").chmod(0)
    try:
        assert read(tmp_path).left_out == [("shut/b.jpg", "no permission to look into its folder")]
    finally:
        (tmp_path / "shut").chmod(0o755)
    (tmp_path / "captions.csv").chmod(0)
    assert refusal(tmp_path).startswith(f"no permission to read {tmp_path}/captions.csv; change its rights")


def test_no_permission_as_the_system_tells_it(tmp_path, monkeypatch):
    """The same where root runs the tests: the system's answers are played."""
    folder_with(tmp_path, "a.jpg", "shut/b.jpg", captions_csv="photo,caption\na.jpg,A cat.\nshut/b.jpg,A dog.\n")
    for action in ("stat", "read_bytes"):
        monkeypatch.setattr(Path, action, _refusing(getattr(Path, action), closed := {"b.jpg"}))
        if action == "stat":
            assert read(tmp_path).left_out == [("shut/b.jpg", "no permission to look into its folder")]
        closed.add("captions.csv")
        told = refusal(tmp_path / "captions.csv")
        assert told.startswith(f"no permission to read {tmp_path}/captions.csv; change its rights")
        monkeypatch.undo()


def _refusing(action, names):
    def refused(path, **options):
        if path.name in names:
            raise PermissionError(13, "Permission denied", str(path))
        return action(path, **options)

    return refused


def test_what_is_no_dataset_is_refused(tmp_path):
    folder_with(tmp_path, "a.jpg", notes_txt="hello")
    assert f"{tmp_path} is no dataset that is known here; looked for captions.csv" in refusal(tmp_path)
    assert f"{tmp_path}/notes.txt is no dataset" in refusal(tmp_path / "notes.txt")
    assert refusal(tmp_path / "none") == f"no dataset at {tmp_path}/none; give a captions file, its folder, or `scenes`"


TOKENS = """a.jpg#0\tA cat sits .\r
a.jpg#1\tA cat .
my b.jpg#0\tA dog .
c.jpg#0\tA bird .
2258277193_586949ec62.jpg.1#0\tA stray line .

d.jpg#0\tA cow .
"""


def flickr8k(folder, photos="Flicker8k_Dataset", **lists):
    folder_with(folder, "Flickr8k.token.txt", *(f"{photos}/{name}.jpg" for name in ("a", "my b", "d", "beside")))
    (folder / "Flickr8k.token.txt").write_bytes(TOKENS.encode())
    for listing, names in lists.items():
        (folder / f"Flickr_8k.{listing}Images.txt").write_text(names)
    return folder


@pytest.mark.parametrize("photos", ["Flicker8k_Dataset", "images", "."])
def test_flickr8k_with_its_official_lists(tmp_path, photos):
    flickr8k(tmp_path, photos, train="a.jpg\nc.jpg\n", dev="my b.jpg\r\nwordless.jpg\n", test="")
    dataset = read(tmp_path)
    assert dataset.kind == "Flickr8k"
    assert dataset.examples == [Example(tmp_path / photos / "a.jpg", ("A cat sits .", "A cat ."), "train"),
                                Example(tmp_path / photos / "my b.jpg", ("A dog .",), "val")]
    assert dataset.left_out == [("c.jpg", "a caption, but no such photo"), ("wordless.jpg", "a photo without captions")]
    assert read(tmp_path / "Flickr8k.token.txt").examples == dataset.examples


def test_flickr8k_without_lists(tmp_path):
    dataset = read(flickr8k(tmp_path))
    assert splits(dataset) == {"a.jpg": None, "my b.jpg": None, "d.jpg": None}
    assert dataset.left_out == [("c.jpg", "a caption, but no such photo"),
                                ("2258277193_586949ec62.jpg.1", "a caption, but no such photo"),
                                ("beside.jpg", "a photo without captions")]


def test_flickr8k_damaged_is_refused_with_the_line(tmp_path):
    flickr8k(tmp_path)
    (tmp_path / "Flickr8k.token.txt").write_text("a.jpg#0\tA cat .\na.jpg#1 A cat .\n")
    assert refusal(tmp_path) == f"{tmp_path}/Flickr8k.token.txt, line 2: no tab between the photo's name and its caption"
    (tmp_path / "Flickr_8k.trainImages.txt").write_bytes(b"a.jpg\n\xff.jpg\n")
    assert f"{tmp_path}/Flickr_8k.trainImages.txt, line 2: not UTF-8 text" in refusal(tmp_path)


@NEEDS_REAL_DATA
def test_the_real_flickr8k():
    dataset = read(Path(os.environ["CAPTION_REAL_DATA"]) / "flickr8k")
    assert Counter(splits(dataset).values()) == {"train": 6000, "val": 1000}
    assert dataset.left_out == []
    assert {len(example.captions) for example in dataset.examples} <= {4, 5}  # a few have the same sentence twice
