"""The analysis of evaluate.py --report, of made captions."""

from types import SimpleNamespace

import numpy as np
import pytest

from config import Settings
from pipeline.evaluation import Evaluation, Result
from reports import analysis
from reports.analysis import (
    compute_length_shares,
    describe_captions,
    find_extremes,
    format_analysis,
    format_lengths,
    load_training_captions,
)
from tests.helpers.datasets import write_files
from tests.helpers.saved_runs import ANALYSIS, saved_run
from utils.files import write_json
from utils.metrics.chair import ObjectCount
from utils.predictions import Caption

REFERENCES = [
    ("A dog runs.", "Two dogs run in the park."),
    ("A cat sleeps.", "a cat"),
    ("a red car",),
]
CAPTIONS = ["a dog runs", "A dog runs .", "a red car on grass"]


class Tokenizer:
    """Twenty words and the special tokens."""

    token_name = "words"

    def __len__(self):
        return 24


def make_photo(name, captions):
    return SimpleNamespace(name=name, captions=captions, path=None)


def make_caption(text):
    words = text.split()
    return Caption(text, 0.5, words, np.full((len(words), 4), 0.25), (2, 2), [])


def make_result(texts=CAPTIONS, references=REFERENCES):
    photos = [make_photo(f"{number}.jpg", each) for number, each in enumerate(references)]
    return Result("test", {}, [], photos, [make_caption(text) for text in texts])


def make_subject(**more):
    captioner = SimpleNamespace(tokenizer=Tokenizer())
    settings = Settings.from_flat({"language": "en"})
    return Evaluation("test", captioner, make_result().photos, None, None, settings, **more)


def test_captions_are_described_by_lengths_and_words():
    """Capitals and full stops make no difference, as in the scores."""
    references = [text for captions in REFERENCES for text in captions]
    description = describe_captions(CAPTIONS, references, ["A dog runs!", "a bird"], make_subject())
    assert description == {
        "lengths": {"captions": {"3": 2, "5": 1}, "references": {"2": 1, "3": 3, "6": 1}},
        "vocabulary": {"captions": 7, "references": 13, "known": 20, "unit": "words"},
        "novel": pytest.approx(1 / 3),
        "distinct": pytest.approx(2 / 3),
    }


def test_without_training_captions_novelty_is_not_known():
    assert describe_captions(CAPTIONS, ["a"], [], make_subject())["novel"] is None


@pytest.mark.parametrize(
    ("photos", "best", "worst"),
    [
        (1, [0], []),
        (3, [2, 1], [0]),
        (8, [7, 6, 5, 4], [0, 1, 2, 3]),
        (25, list(range(24, 14, -1)), list(range(10))),
    ],
)
def test_extremes_begin_with_the_most_extreme(photos, best, worst):
    texts = [f"word {number}" for number in range(photos)]
    result = make_result(texts, [("a dog", "a cat")] * photos)
    extremes = find_extremes(result, [number / 10 for number in range(photos)])
    names = [[row["photo"] for row in rows] for rows in extremes]
    assert names == [[f"{number}.jpg" for number in rows] for rows in (best, worst)]
    assert extremes[0][0] == {
        "photo": f"{photos - 1}.jpg",
        "CIDEr": (photos - 1) / 10,
        "caption": f"word {photos - 1}",
        "references": ["a dog", "a cat"],
    }


def test_the_longest_captions_share_the_last_length():
    shares = compute_length_shares({"5": 1, "6": 3}, {"6": 2, "24": 1, "30": 1})
    assert (shares.names[0], shares.names[-1], len(shares.names)) == ("5", "24+", 20)
    assert shares.captions[:2] == [0.25, 0.75]
    assert (shares.references[1], shares.references[-1]) == (0.5, 0.5)
    assert compute_length_shares({"5": 1}, {"6": 1}).names == ["5", "6"]


def test_the_histogram_has_a_bar_for_each_share():
    lines = format_lengths({"5": 1, "6": 3}, {"6": 2, "24": 1, "30": 1}).splitlines()
    assert lines[0].split() == [
        "words",
        "captions,",
        "mean",
        "5.8",
        "true",
        "captions,",
        "mean",
        "16.5",
    ]
    assert [line.split()[0] for line in lines[1:]] == [*map(str, range(5, 24)), "24+"]
    assert lines[1].split() == ["5", "25.0%", "#" * 11, "0.0%"]
    assert lines[2].split() == ["6", "75.0%", "#" * 32, "50.0%", "#" * 21]
    assert lines[-1].split() == ["24+", "0.0%", "50.0%", "#" * 21]


def make_run(folder):
    """A dataset of two photos, and a run that was trained on one of them."""
    table = "photo,caption\na.jpg,a dog\nb/c.jpg,a cat\nb/c.jpg,two cats\n"
    write_files(folder / "mine", "a.jpg", "b/c.jpg", files={"captions.csv": table})
    run = saved_run(folder / "run", {"dataset": "mine"})
    write_json(run / "splits.json", {"train": ["b/c.jpg"], "val": ["a.jpg"], "test": []})
    return run


def test_training_captions_are_read_from_the_run_s_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_training_captions(make_run(tmp_path), make_subject()) == ["a cat", "two cats"]


def test_training_captions_are_the_subject_s_if_it_has_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evaluation = make_subject(trained_on=[make_photo("a.jpg", ("a dog",))])
    assert load_training_captions(make_run(tmp_path), evaluation) == ["a dog"]


def test_without_the_dataset_there_are_no_training_captions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path)
    (tmp_path / "mine/captions.csv").unlink()
    assert load_training_captions(run, make_subject()) == []


def test_each_beam_width_is_searched_once():
    """The result was made with beam 3 and a length penalty; captions get worse with the width."""
    searches = []

    def caption_features(features, _photos=None, **search):
        searches.append(search)
        texts = CAPTIONS if search["beam"] == 1 else ["a", "b", "c"]
        return [make_caption(text) for text in texts][: len(features)]

    evaluation = Evaluation(
        "test",
        SimpleNamespace(from_features=caption_features),
        make_result().photos,
        "abc",
        None,
        Settings.from_flat({"language": "en", "beam": 3}),
        search={"length_penalty": 1.0, "beam": 3},
    )
    scores = {"METEOR": None, "CIDEr": 0.123, "captions_per_second": 7.0, "loss": 2.0}
    result = Result("test", scores, [], [], [])
    by_beam = {beam: analysis._score_beam(evaluation, result, beam) for beam in (1, 3, 5)}
    assert by_beam[3] == {"METEOR": None, "CIDEr": 0.123, "captions_per_second": 7.0}
    expected = [{"length_penalty": 1.0, "beam": beam, "sample": False} for beam in (1, 5)]
    assert searches == [expected[0]] * 3 + [expected[1]] * 3  # for one photo, for two, for all
    cider = evaluation.scorer.score(CAPTIONS)["CIDEr"]
    assert by_beam[1]["CIDEr"] == pytest.approx(cider)
    assert by_beam[5]["Bleu_1"] < by_beam[1]["Bleu_1"]
    assert by_beam[1]["captions_per_second"] > 0
    assert by_beam[1]["METEOR"] is None


@pytest.fixture
def rows():
    return [" ".join(line.split()) for line in format_analysis(ANALYSIS).splitlines()]


@pytest.mark.parametrize(
    "row",
    [
        "score beam 1 beam 3 beam 5 teacher-forced",
        "BLEU-1 0.500 0.500 0.500",
        "BLEU-2 0.400",
        "METEOR – – –",
        "NIST-2 3.000",
        "captions per second 123 123 123",
        "loss 2.250",
        "top-4 accuracy 0.750",
    ],
)
def test_scores_are_printed_by_beam_width(rows, row):
    assert row in rows


def test_loss_words_and_novelty_are_printed(rows):
    text = "\n".join(rows)
    assert "free-running loss: 4.125" in text
    assert "different words: 1,234; in the true captions 4,321" in text
    assert "5,000 words" in text
    assert "novel captions (not among the training captions): –" in text
    assert "distinct captions: 0.250" in text


def test_extreme_photos_are_printed_with_whole_captions(rows):
    best = ANALYSIS["best"][0]
    assert "the best by CIDEr" in rows
    assert "the worst by CIDEr" not in rows
    captions = f"{best['caption']} {best['references'][0]}"
    assert f"3.500 0.jpg {' '.join(captions.split())}" in rows


def test_objects_that_are_not_there_are_printed():
    objects = [{"name": "dog", "mentions": 1200, "wrong": 3}]
    text = " ".join(format_analysis(ANALYSIS | {"objects": objects}).split())
    assert "object named not in the photo dog 1,200 3" in text
    assert "not in the photo" not in format_analysis(ANALYSIS)


def test_only_objects_that_were_wrong_are_listed():
    counts = [ObjectCount(f"object {number}", 20, 12 - number) for number in range(13)]
    rows = analysis._list_wrong_objects(counts)
    assert rows[0] == {"name": "object 0", "mentions": 20, "wrong": 12}
    assert len(rows) == 10
    assert analysis._list_wrong_objects(counts[-1:]) == []
