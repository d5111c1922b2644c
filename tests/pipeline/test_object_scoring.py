"""CHAIR of a dataset's captions, by files and by true captions."""

from pathlib import Path

import pytest

from data.objects.files import KnownObjects
from data.photos.photo import Photo
from data.sources.base import Source
from pipeline.object_scoring import ObjectScorer, make_object_scorer
from utils.errors import UserError

PHOTOS = [
    Photo(Path("a.jpg"), "a.jpg", ("A man outside.", "Somebody with a ball."), "1", None),
    Photo(Path("b.jpg"), "b.jpg", ("A street.",), "2", None),
    Photo(Path("c.jpg"), "c.jpg", ("A kitchen.",), "3", None),
]
CAPTIONS = ["a man with a dog and a ball", "two cars and a cat", "a sink"]


def make_known():
    known = KnownObjects({"person", "dog", "car", "cat", "sports ball", "sink"})
    known.add("a.jpg", ["dog"])
    known.add("b.jpg", ["car"])
    return known


def make_source(folder, captions):
    (folder / "captions.csv").write_text(captions)
    return Source("a table", folder / "captions.csv", folder, [])


def test_files_and_true_captions_say_together_what_is_there():
    """Five mentions, of which the cat is wrong; nothing is known of the third photo."""
    scorer = ObjectScorer(PHOTOS, make_known(), "some.json")
    assert scorer.score(CAPTIONS) == {"CHAIRi": pytest.approx(1 / 5), "CHAIRs": 0.5}
    assert scorer.count(CAPTIONS)[0] == ("cat", 1, 1)
    first, second = scorer.describe()
    assert "6 objects (car, cat, dog, person)" in first
    assert "some.json and the true captions" in first
    assert "1 photos, of which some.json says nothing" in second


def test_true_captions_alone_are_taken_if_they_are_named(tmp_path):
    """Right are the man and the ball; the sink is not, though it may be in the kitchen."""
    source = make_source(tmp_path, "photo,caption\na.jpg,A man outside.\n")
    assert make_object_scorer(PHOTOS, source, language="en", typed=None) is None
    scorer = make_object_scorer(PHOTOS, source, language="en", typed="references")
    assert scorer.score(CAPTIONS) == {"CHAIRi": pytest.approx(4 / 6), "CHAIRs": 1.0}
    (note,) = scorer.describe()
    assert "80 objects (COCO's); the true captions say" in note


def test_a_column_of_the_dataset_is_found(tmp_path):
    rows = "photo,caption,objects\na.jpg,A man.,dog;person;ball\nb.jpg,A street.,car\n"
    scorer = make_object_scorer(PHOTOS, make_source(tmp_path, rows), language="en", typed=None)
    assert scorer.score(CAPTIONS) == {"CHAIRi": 0.0, "CHAIRs": 0.0}  # it knows no cat
    assert "captions.csv" in scorer.describe()[0]


def test_a_file_of_other_photos_is_rejected(tmp_path):
    source = make_source(tmp_path, "photo,caption\na.jpg,A man.\n")
    other = tmp_path / "other.csv"
    other.write_text("photo,objects\nz.jpg,dog\n")
    with pytest.raises(UserError, match=r"--objects .*other\.csv names no object of the 3 photos"):
        make_object_scorer(PHOTOS, source, language="en", typed=str(other))


def test_captions_in_another_language_are_not_scored(tmp_path):
    source = make_source(tmp_path, "photo,caption,objects\na.jpg,개,dog\n")
    assert make_object_scorer(PHOTOS, source, language="ko", typed=None) is None
    with pytest.raises(UserError, match=r"--objects .*English .*'ko'"):
        make_object_scorer(PHOTOS, source, language="ko", typed="references")
