"""Flickr8k and Flickr30k as distributed and as Kaggle has them."""

import pytest

from data.sources import find_format, read
from data.sources.base import Example, LeftOut
from tests.helpers.datasets import get_captions, get_error, get_splits, write_files

TOKENS = """a.jpg#0\tA cat sits .\r
a.jpg#1\tA cat .
my b.jpg#0\tA\tdog .
a.jpg#2\tA cat .
c.jpg#0\tA bird .
2258277193_586949ec62.jpg.1#0\tA stray line .
2258277193_586949ec62.jpg.1#1\tA second one .

d.jpg#0\tA cow .
"""


NO_PHOTO = "a caption, but no such photo"


STRAY = LeftOut("2258277193_586949ec62.jpg.1", NO_PHOTO, "Flickr8k.token.txt, line 6")


BIRD = LeftOut("c.jpg", NO_PHOTO, "Flickr8k.token.txt, line 5")


def write_flickr8k(folder, photos="Flicker8k_Dataset", text="", tokens=TOKENS, **lists):
    """Write photos, captions in a folder of texts, and lists of splits; return the folder."""
    files = {f"{text}Flickr_8k.{listing}Images.txt": names for listing, names in lists.items()}
    return write_files(
        folder,
        *(f"{photos}/{name}.jpg" for name in ("a", "my b", "d", "beside")),
        files={f"{text}Flickr8k.token.txt": tokens} | files,
    )


@pytest.mark.parametrize(
    "photos",
    [
        "Flicker8k_Dataset",
        "Flickr8k_Dataset/Flicker8k_Dataset",
        "Flickr8k_Dataset",
        "Images",
        "images",
        ".",
    ],
)
@pytest.mark.parametrize("text", ["", "Flickr8k_text/"])
def test_flickr8k_with_its_lists(tmp_path, photos, text):
    """A photo in no list is left out, as in published scores; other pictures are ignored."""
    write_flickr8k(
        tmp_path, photos, text, train="a.jpg\nc.jpg\n", dev="my b.jpg\r\nwordless.jpg\n", test=""
    )
    dataset = read(tmp_path)
    assert (find_format(tmp_path), dataset.path) == (
        "flickr8k",
        tmp_path / text / "Flickr8k.token.txt",
    )
    assert dataset.examples == [
        Example(tmp_path / photos / "a.jpg", ("A cat sits .", "A cat .", "A cat ."), "train"),
        Example(tmp_path / photos / "my b.jpg", ("A dog .",), "val"),
    ]
    assert dataset.left_out == [
        *(each._replace(where=text + each.where) for each in (BIRD, STRAY)),
        LeftOut(
            "wordless.jpg", "listed, but without captions", f"{text}Flickr_8k.devImages.txt, line 2"
        ),
        LeftOut(
            (tmp_path / photos / "d.jpg").relative_to(tmp_path).as_posix(), "in no split's list"
        ),
    ]
    by_file = read(tmp_path / text / "Flickr8k.token.txt")
    assert (by_file.examples, by_file.left_out) == (dataset.examples, dataset.left_out)


def test_flickr8k_without_lists(tmp_path):
    dataset = read(write_flickr8k(tmp_path))
    assert get_splits(dataset) == {"a.jpg": None, "my b.jpg": None, "d.jpg": None}
    assert get_captions(dataset) == {
        "a.jpg": ("A cat sits .", "A cat .", "A cat ."),
        "my b.jpg": ("A dog .",),
        "d.jpg": ("A cow .",),
    }
    assert dataset.left_out == [
        BIRD,
        STRAY,
        LeftOut("Flicker8k_Dataset/beside.jpg", "a photo without captions"),
    ]


def test_a_photo_listed_twice_is_reported(tmp_path):
    write_flickr8k(tmp_path, train="\ufeffa.jpg\n\nd.jpg\na.jpg\n", test="my b.jpg\na.jpg\n")
    dataset = read(tmp_path)
    assert get_splits(dataset) == {"a.jpg": "test", "my b.jpg": "test", "d.jpg": "train"}
    assert [each for each in dataset.left_out if each.name == "a.jpg"] == [
        LeftOut("a.jpg", "listed twice", "Flickr_8k.trainImages.txt, line 4"),
        LeftOut(
            "a.jpg",
            "listed for train and for test; kept for test",
            "Flickr_8k.testImages.txt, line 2",
        ),
    ]


def test_a_repeated_line_counts_once(tmp_path):
    write_flickr8k(
        tmp_path, tokens="a.jpg#0\tA cat .\na.jpg#1\tA cat .\na.jpg#0\tA cat .\na.jpg#2\t\n"
    )
    dataset = read(tmp_path)
    assert get_captions(dataset) == {"a.jpg": ("A cat .", "A cat .")}
    assert dataset.left_out[:2] == [
        LeftOut("a.jpg", "an empty caption", "Flickr8k.token.txt, line 4"),
        LeftOut("a.jpg", "the same line twice", "Flickr8k.token.txt, line 3"),
    ]


@pytest.mark.parametrize("name", ["a.jpg#0", "a.jpg"])
def test_another_caption_with_the_same_number_counts(tmp_path, name):
    write_flickr8k(tmp_path, ".", tokens=f"my b.jpg#0\tA dog .\n{name}\tA cat .\n{name}\tA pet .\n")
    dataset = read(tmp_path)
    assert get_captions(dataset) == {"my b.jpg": ("A dog .",), "a.jpg": ("A cat .", "A pet .")}
    assert "the same line twice" not in {each.reason for each in dataset.left_out}


def test_damaged_tokens_and_lists_are_refused_with_the_line(tmp_path):
    write_flickr8k(tmp_path, tokens="a.jpg#0\tA cat .\na.jpg#1 A cat .\n")
    token = tmp_path / "Flickr8k.token.txt"
    assert get_error(tmp_path).startswith(f"{token}, line 2: no tab")
    token.write_text("a.jpg#0@A cat .\n")
    assert get_error(tmp_path).startswith(f"{token}, line 1: no tab")
    token.write_text(TOKENS)
    (tmp_path / "Flickr_8k.trainImages.txt").write_bytes(b"a.jpg\n\xff.jpg\n")
    assert get_error(tmp_path).startswith(
        f"{tmp_path}/Flickr_8k.trainImages.txt, line 2: not UTF-8 text (invalid start byte)"
    )


def test_tokens_that_leave_the_folder_are_refused(tmp_path):
    write_flickr8k(tmp_path, tokens="a.jpg#0\tA cat .\n/etc/passwd#0\tA file .\n")
    place = f"{tmp_path}/Flickr8k.token.txt, line 2"
    assert get_error(tmp_path).startswith(f"{place}: the photo /etc/passwd lies outside")


KAGGLE = """image,caption
a.jpg,A cat sits .
a.jpg,"A cat , red , sits"
a.jpg,A cat sits .
a.jpg,"A cat under a "" no dogs "" sign ."
b.jpg,A dog , wet
c.jpg,A bird .
b.jpg,
"""


def test_kaggles_flickr8k_is_read(tmp_path):
    write_files(
        tmp_path,
        "Images/a.jpg",
        "Images/b.jpg",
        "Images/beside.jpg",
        files={"captions.txt": KAGGLE},
    )
    dataset = read(tmp_path)
    assert find_format(tmp_path) == "flickr8k"
    assert dataset.examples == [
        Example(
            tmp_path / "Images/a.jpg",
            ("A cat sits .", "A cat , red , sits", 'A cat under a " no dogs " sign .'),
        ),
        Example(tmp_path / "Images/b.jpg", ("A dog , wet",)),
    ]
    assert dataset.left_out == [
        LeftOut("c.jpg", NO_PHOTO, "captions.txt, line 7"),
        LeftOut("b.jpg", "an empty caption", "captions.txt, line 8"),
        LeftOut("a.jpg", "the same line twice", "captions.txt, line 4"),
        LeftOut("Images/beside.jpg", "a photo without captions"),
    ]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        *(
            (caption, caption)
            for caption in (
                'A " stop " sign , and a dog .',
                '"Stop" sign',
                '"A cat',
                'A dog"',
                '"A" , "B"',
            )
        ),
        (' "A " ', "A"),
        ('"""Stop"" sign"', '"Stop" sign'),
    ],
)
def test_captions_may_have_commas_and_quotes_unquoted(tmp_path, written, read_as):
    write_files(
        tmp_path,
        "Images/a.jpg",
        files={"captions.txt": f"image,caption\na.jpg,{written}\na.jpg,A cow .\n"},
    )
    assert get_captions(read(tmp_path)) == {"a.jpg": (read_as, "A cow .")}


def test_kaggles_flickr8k_with_the_lists(tmp_path):
    lists = {
        "Flickr_8k.trainImages.txt": "a.jpg\nwordless.jpg\n",
        "Flickr_8k.testImages.txt": "b.jpg\n",
    }
    write_files(
        tmp_path,
        "Images/a.jpg",
        "Images/b.jpg",
        "Images/d.jpg",
        "Images/beside.jpg",
        files=lists
        | {"captions.txt": "image,caption\na.jpg,A cat .\nb.jpg,A dog .\nd.jpg,A cow .\n"},
    )
    dataset = read(tmp_path)
    assert get_splits(dataset) == {"a.jpg": "train", "b.jpg": "test"}
    assert dataset.left_out == [
        LeftOut(
            "wordless.jpg", "listed, but without captions", "Flickr_8k.trainImages.txt, line 2"
        ),
        LeftOut("Images/d.jpg", "in no split's list"),
    ]


def test_kaggles_flickr8k_with_a_split_column(tmp_path):
    write_files(
        tmp_path,
        "Images/a.jpg",
        "Images/b.jpg",
        files={
            "captions.txt": 'image,Split,caption\na.jpg,dev,"A cat , red"\nb.jpg,,A dog , wet\n'
        },
    )
    dataset = read(tmp_path)
    assert (get_captions(dataset), get_splits(dataset)) == (
        {"a.jpg": ("A cat , red",), "b.jpg": ("A dog , wet",)},
        {"a.jpg": "val", "b.jpg": None},
    )
    (tmp_path / "captions.txt").write_text("image,split,caption\na.jpg,tset,A cat .\n")
    place = f"{tmp_path}/captions.txt, line 2"
    assert get_error(tmp_path).startswith(f"{place}: unknown split 'tset'")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a.jpg,A cat .\n", "line 1: expected a header such as image,caption"),
        ("image\na.jpg\n", "line 1: expected a header such as image,caption"),
        ("", "line 1: expected a header such as image,caption"),
        (
            "image,caption\na.jpg,A cat .\na.jpg A dog .\n",
            "line 3: 1 column where the header has 2",
        ),
    ],
)
def test_kaggles_damaged_table_is_refused_with_the_line(tmp_path, content, expected):
    write_files(tmp_path, "Images/a.jpg", files={"captions.txt": content})
    file = tmp_path / "captions.txt"
    assert get_error(file).startswith(f"{file}, {expected}")


def test_every_cell_may_be_in_quotes(tmp_path):
    write_files(
        tmp_path,
        "Images/a.jpg",
        files={"captions.txt": '"image","caption"\n"a.jpg","A ""red"" cat , red"\n'},
    )
    assert get_captions(read(tmp_path)) == {"a.jpg": ('A "red" cat , red',)}


def test_files_that_only_have_the_name_are_ignored(tmp_path):
    others = {"results.csv": "epoch,loss\n1,2.5\n", "captions.txt": "A cat .\n"}
    write_files(tmp_path, "a.jpg", files=others | {"a.txt": "A pet.\n"})
    assert find_format(tmp_path) == "texts"


def test_lists_beside_the_folder_of_the_table_count(tmp_path):
    row = "1.jpg| 0| Two people .\n"
    write_files(
        tmp_path,
        "flickr30k_images/1.jpg",
        files={
            "flickr30k_images/results.csv": f"image_name| comment_number| comment\n{row}{row}"
            "1.jpg| 1| Two people .\n",
            "test.txt": "1\n",
        },
    )
    dataset = read(tmp_path)
    assert dataset.examples == [
        Example(tmp_path / "flickr30k_images/1.jpg", ("Two people .",) * 2, "test")
    ]
    assert dataset.left_out == [
        LeftOut("1.jpg", "the same line twice", "flickr30k_images/results.csv, line 3")
    ]


RESULTS = """image_name| comment_number| comment
1000000001.jpg| 0| Two people , both in hats , say " hi " .
1000000001.jpg| 1| "A pair" | of hats .
2199200615.jpg| 3| A dog .
2199200615.jpg| 4   A dog runs across the grass .
1000000003.jpg| 0|
"""


@pytest.mark.parametrize(
    ("photos", "table"),
    [
        ("flickr30k_images", "results.csv"),
        ("flickr30k_images/flickr30k_images", "flickr30k_images/results.csv"),
        ("flickr30k_images", "flickr30k_images/results.csv"),
        (".", "results.csv"),
    ],
)
def test_kaggles_flickr30k_and_its_broken_line(tmp_path, photos, table):
    """One line lacks a separator; quotes are part of the captions."""
    write_files(
        tmp_path,
        f"{photos}/1000000001.jpg",
        f"{photos}/2199200615.jpg",
        f"{photos}/1000000003.jpg",
        files={table: RESULTS},
    )
    dataset = read(tmp_path)
    assert (find_format(tmp_path), find_format(tmp_path / table), dataset.path) == (
        "flickr30k",
        "flickr30k",
        tmp_path / table,
    )
    assert get_captions(dataset) == {
        "1000000001.jpg": ('Two people , both in hats , say " hi " .', '"A pair" | of hats .'),
        "2199200615.jpg": ("A dog .", "A dog runs across the grass ."),
    }
    assert dataset.left_out[0] == LeftOut("1000000003.jpg", "an empty caption", f"{table}, line 6")
    assert read(tmp_path / table).examples == dataset.examples


@pytest.mark.parametrize("line", ["a.jpg", "a.jpg|", "a.jpg| A dog without number ."])
def test_another_broken_line_is_refused(tmp_path, line):
    write_files(tmp_path, "flickr30k_images/a.jpg", files={"results.csv": f"{RESULTS}{line}\n"})
    columns = "2 columns" if "|" in line else "1 column"
    place = f"{tmp_path}/results.csv, line 7"
    assert get_error(tmp_path).startswith(f"{place}: {columns} where the header has 3")


def test_kaggles_flickr30k_with_commas(tmp_path):
    text = (
        'image_name,comment_number,comment\n1.jpg,0,"Two people , both in hats ."\n'
        '1.jpg,1,"He says "" hi "" ."\n'
        "1.jpg,2,A , b\n"
    )
    write_files(
        tmp_path, "flickr30k_images/1.jpg", files={"captions.txt": text, "results.csv": text}
    )
    for path in (tmp_path, tmp_path / "captions.txt", tmp_path / "results.csv"):
        assert find_format(path) == ("flickr30k" if path.suffix == ".csv" else "flickr8k")
        assert get_captions(read(path)) == {
            "1.jpg": ("Two people , both in hats .", 'He says " hi " .', "A , b")
        }


def test_a_table_of_ones_own_may_be_named_results(tmp_path):
    write_files(tmp_path, "a.jpg", files={"results.csv": "id,photo,caption\n7,a.jpg,A cat .\n"})
    assert find_format(tmp_path / "results.csv") == "csv"
    assert get_captions(read(tmp_path / "results.csv")) == {"a.jpg": ("A cat .",)}


def test_numbered_captions_may_repeat(tmp_path):
    text = "image_name| comment_number| comment\n1.jpg| 0| A dog .\n1.jpg| 1| A dog .\n"
    dataset = read(write_files(tmp_path, "flickr30k_images/1.jpg", files={"results.csv": text}))
    assert (get_captions(dataset), dataset.left_out) == ({"1.jpg": ("A dog .", "A dog .")}, [])


def test_kaggles_flickr30k_with_the_lists_of_entities(tmp_path):
    text = (
        "image_name| comment_number| comment\n"
        "1.jpg| 0| A dog .\n2.jpg| 0| A cat .\n3.jpg| 0| A cow .\n"
    )
    write_files(
        tmp_path,
        *(f"flickr30k_images/{number}.jpg" for number in (1, 2, 3)),
        files={"results.csv": text, "train.txt": "1\n", "test.txt": "3\n"},
    )
    dataset = read(tmp_path)
    assert get_splits(dataset) == {"1.jpg": "train", "3.jpg": "test"}
    assert dataset.left_out == [LeftOut("flickr30k_images/2.jpg", "in no split's list")]


def test_flickr30k_with_the_lists_of_entities(tmp_path):
    """Its lists name photos without .jpg."""
    write_files(
        tmp_path,
        *(f"flickr30k-images/{number}.jpg" for number in (1, 2, 3, 4)),
        files={
            "results_20130124.token": "1.jpg#0\tA cat .\n1.jpg#1\tA cat .\n2.jpg#0\tA dog .\n"
            "3.jpg#0\tA cow .\n4.jpg#0\tA pig .",
            "train.txt": "1\n9\n",
            "val.txt": "2\r\n",
            "test.txt": "3",
        },
    )
    dataset = read(tmp_path)
    assert find_format(tmp_path) == find_format(tmp_path / "results_20130124.token") == "flickr30k"
    assert get_splits(dataset) == {"1.jpg": "train", "2.jpg": "val", "3.jpg": "test"}
    assert get_captions(dataset) == {
        "1.jpg": ("A cat .", "A cat ."),
        "2.jpg": ("A dog .",),
        "3.jpg": ("A cow .",),
    }
    assert dataset.left_out == [
        LeftOut("9.jpg", "listed, but without captions", "train.txt, line 2"),
        LeftOut("flickr30k-images/4.jpg", "in no split's list"),
    ]
