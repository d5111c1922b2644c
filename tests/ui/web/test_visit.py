"""What a visitor of demo.py's page typed, and what becomes of it in the table."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.sources import read
from tests.helpers.datasets import get_captions
from ui.answers import Answer, open_photo
from ui.web.downloads import Downloads
from ui.web.visit import Visit, find_fault
from utils.captions_file import CAPTION_COLUMNS, CaptionsFile, make_mark

NAMES = ("=1.png", "개;x.png", "c.png")


@pytest.fixture
def photos(tmp_path):
    """Return three photos in a folder, with names that spreadsheets may take for more."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for grey, name in enumerate(NAMES):
        Image.fromarray(np.full((8, 8, 3), 50 * grey, np.uint8)).save(folder / name)
    return [folder / name for name in NAMES]


def make_answer(photo, caption="a dog runs", name=None):
    row = {"caption": caption, "doubtful": "", "score": 0.25}
    return Answer(open_photo(photo, name), caption, [], [], None, None, None, row)


@pytest.fixture
def visit(photos):
    visit = Visit()
    for photo in photos:
        visit.add(make_answer(photo))
    visit.show(0)
    return visit


@pytest.fixture
def put_table(visit, photos, tmp_path):
    """Return a function that puts the visit's table beside the photos, and returns its path."""

    def put():
        folder = tmp_path / "downloads"
        folder.mkdir()
        file = Downloads(folder).write_table("captions.csv", CAPTION_COLUMNS, visit.photos)
        return Path(file).replace(photos[0].with_name("captions.csv"))

    return put


def test_the_table_leads_training_to_the_mended_rows(visit, put_table):
    visit.keep(1, '  a "big" cat; she\nsays: =1+1, 고양이 ü ')
    table = put_table()
    source = read(table)
    assert source.kind == "mended captions"
    assert get_captions(source) == {"개;x.png": ('a "big" cat; she says: =1+1, 고양이 ü',)}
    assert [each.name for each in source.left_out] == ["2 rows"]
    assert len(read(table, all_rows=True).examples) == 3


def test_the_table_is_one_of_predict(photos, put_table):
    """predict.py adds to it, and finds the photos in it from any folder."""
    table = CaptionsFile(put_table(), CAPTION_COLUMNS)
    assert [row["path"] for row in table.rows.values()] == ["./=1.png", "개;x.png", "c.png"]
    assert table.find(photos[0])["mark"] == make_mark(photos[0], "a dog runs")
    assert table.find(photos[2]) == {
        "path": "c.png",
        "caption": "a dog runs",
        "mark": make_mark(photos[2], "a dog runs"),
        "score": "0.2500",
    }


@pytest.mark.parametrize("text", ["", " \n", '=HYPERLINK("x")', "+1", " @a", "－1", "x" * 2001])
def test_a_text_that_is_no_caption_is_not_kept(visit, text):
    visit.keep(0, "a cat")
    visit.keep(0, text)
    assert visit.photos[0].fault == find_fault(text) is not None
    assert visit.photos[0].caption == "a dog runs"
    assert visit.mended == []


def test_a_faulty_text_can_be_corrected_later(visit):
    visit.keep(0, "=a cat")
    visit.show(1)
    assert visit.show(0).text == "=a cat"
    visit.keep(0, "a cat")
    assert visit.photos[0].caption == "a cat"


def test_an_empty_field_takes_the_models_caption_again(visit):
    visit.keep(0, "a cat")
    visit.keep(0, "")
    assert visit.show(0).text == "a dog runs"
    assert visit.photos[0].fault is None


def test_a_text_that_was_only_shown_is_not_typed(visit):
    """While all photos are captioned again, the field has the caption of before."""
    visit.photos[0].change_answer(make_answer(visit.photos[0].source, "a fox"))
    visit.keep(0, "a dog runs")
    assert visit.photos[0].caption == "a fox"
    assert visit.mended == []


def test_another_answer_leaves_what_was_typed(visit):
    visit.keep(0, "a cat")
    photo = visit.photos[0]
    photo.change_answer(make_answer(photo.source, "a fox"))
    assert (photo.caption, photo.is_mended, photo.label) == ("a cat", True, "✎ a cat")
    photo.change_answer(make_answer(photo.source, "a cat"))
    assert (photo.caption, photo.is_mended, photo.label) == ("a cat", False, "a cat")


def test_other_pictures_of_one_name_get_numbers(visit, photos):
    """Pasted pictures are all named image.png."""
    for photo in (photos[0], photos[1], photos[1], photos[2]):
        visit.add(make_answer(photo, name="c.png"))
    names = [photo.name for photo in visit.photos[3:]]
    assert names == ["c (2).png", "c (3).png", "c (3).png", "c.png"]
    assert [photo.was_renamed for photo in visit.photos[3:]] == [True, True, True, False]


def test_mended_captions_are_unsaved_until_they_are_downloaded(visit):
    assert not visit.has_unsaved
    visit.keep(0, "a cat")
    assert visit.has_unsaved
    visit.photos[0].downloaded = "a cat"
    assert not visit.has_unsaved
    visit.keep(0, "a cat sits")
    assert visit.has_unsaved
