"""The report's numbers on made captions; result pictures: numbered, told, and none of an earlier call left."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from config import Settings
from models.captioner import Caption
from pipeline.evaluation import Result, Subject
from reports import analysis as report
from tests.helpers.datasets import folder_with
from tests.helpers.saved_runs import ANALYSIS
from utils import runs

TRUE = [("A dog runs.", "Two dogs run in the park."), ("A cat sleeps.", "a cat"), ("a red car",)]
SAID = ["a dog runs", "A dog runs .", "a red car on grass"]


def photo(name, captions, path=None):
    return SimpleNamespace(name=name, captions=captions, path=path)


def caption(text):
    words = text.split()
    return Caption(text, 0.5, words, np.full((len(words), 4), 0.25), (2, 2), [])


def result(said=SAID, true=TRUE, path=None):
    photos = [photo(f"{number}.jpg", told, path) for number, told in enumerate(true)]
    return Result("test", {}, [], photos, [caption(text) for text in said])


class Vocabulary(list):
    """What is asked of a tokenizer."""

    units = "words"


def subject(**more):
    return Subject(
        "test",
        SimpleNamespace(tokenizer=Vocabulary(range(4 + 20))),
        result().photos,
        None,
        None,
        Settings.from_flat({"language": "en"}),
        **more,
    )


def test_lengths_words_and_novelty_of_captions():
    """Of five true captions and three said; capitals and full stops make no difference, as in the scores."""
    found = report.describe_captions(
        SAID, [text for told in TRUE for text in told], ["A dog runs!", "a bird"], subject()
    )
    assert found["lengths"] == {
        "captions": {"3": 2, "5": 1},
        "references": {"2": 1, "3": 3, "6": 1},
    }
    assert found["vocabulary"] == {"captions": 7, "references": 13, "known": 20, "unit": "words"}
    assert (found["novel"], found["distinct"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert report.describe_captions(SAID, ["a"], [], subject())["novel"] is None


@pytest.mark.parametrize(
    ("photos", "best", "worst"),
    [
        (1, [0], []),
        (3, [2, 1], [0]),
        (8, [7, 6, 5, 4], [0, 1, 2, 3]),
        (25, list(range(24, 14, -1)), list(range(10))),
    ],
)
def test_the_best_and_the_worst_photos_begin_with_the_extreme_and_none_is_in_both(
    photos, best, worst
):
    given = result([f"word {number}" for number in range(photos)], [("a dog", "a cat")] * photos)
    found = report.find_extremes(given, [number / 10 for number in range(photos)])
    assert [[row["photo"] for row in rows] for rows in found] == [
        [f"{number}.jpg" for number in rows] for rows in (best, worst)
    ]
    assert found[0][0] == {
        "photo": f"{photos - 1}.jpg",
        "CIDEr": (photos - 1) / 10,
        "caption": f"word {photos - 1}",
        "references": ["a dog", "a cat"],
    }


def test_the_histogram_shares_out_a_hundred_percent_and_puts_the_longest_together():
    lines = report._histogram({"5": 1, "6": 3}, {"6": 2, "24": 1, "30": 1})
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
    assert max(map(len, lines)) <= 100
    assert report._histogram({"7": 1}, {"7": 1})[1].split()[0] == "7"


def test_captions_learned_from_are_those_of_the_run_s_own_training_photos(tmp_path, monkeypatch):
    """Where another dataset is scored they are read anew; where that is gone, they are not known."""
    monkeypatch.chdir(tmp_path)
    folder_with(
        tmp_path / "mine",
        "a.jpg",
        "b/c.jpg",
        files={"captions.csv": "photo,caption\na.jpg,a dog\nb/c.jpg,a cat\nb/c.jpg,two cats\n"},
    )
    run = tmp_path / "run"
    runs.write_config(
        run, {"dataset": "mine", "decoder": "gru", "encoder_weights": "none", "fingerprint": {}}
    )
    (run / "splits.json").write_text(
        json.dumps({"train": ["b/c.jpg"], "val": ["a.jpg"], "test": []})
    )
    assert report.load_training_captions(run, subject()) == ["a cat", "two cats"]
    assert report.load_training_captions(run, subject(trained_on=[photo("a.jpg", ("a dog",))])) == [
        "a dog"
    ]
    (tmp_path / "mine/captions.csv").unlink()
    assert report.load_training_captions(run, subject()) == []


def test_searches_of_several_widths_are_made_once_and_the_one_in_hand_not_again():
    """With beam 3, and a length penalty that was typed; the captions get worse with the width."""
    asked = []

    def captions(features, **search):
        asked.append(search)
        return [caption(text) for text in (SAID if search["beam"] == 1 else ["a", "b", "c"])][
            : len(features)
        ]

    scored = Subject(
        "test",
        SimpleNamespace(from_features=captions),
        result().photos,
        "abc",
        None,
        Settings.from_flat({"language": "en", "beam": 3}),
        search={"length_penalty": 1.0, "beam": 3},
    )
    given = Result(
        "test",
        {"METEOR": None, "CIDEr": 0.123, "captions_per_second": 7.0, "loss": 2.0},
        [],
        [],
        [],
    )
    found = {beam: report._beam(scored, given, beam) for beam in (1, 3, 5)}
    assert found[3] == {"METEOR": None, "CIDEr": 0.123, "captions_per_second": 7.0}
    assert {tuple(search.items()) for search in asked} == {
        (("length_penalty", 1.0), ("beam", beam), ("sample", False)) for beam in (1, 5)
    }
    assert len(asked) == 6  # for one photo, for two, and for the clock
    assert found[1]["CIDEr"] == pytest.approx(scored.scorer.score(SAID)["CIDEr"])
    assert found[5]["Bleu_1"] < found[1]["Bleu_1"]
    assert found[1]["captions_per_second"] > 0
    assert found[1]["METEOR"] is None


def test_the_report_on_the_screen():
    lines = report.format_analysis(ANALYSIS).splitlines()
    assert max(map(len, lines)) <= 100
    rows = [" ".join(line.split()) for line in lines]
    for row in (
        "beam 1 beam 3 beam 5 teacher-forced",
        "BLEU-1 0.500 0.500 0.500",
        "BLEU-2 0.400",
        "METEOR – – –",
        "NIST-2 3.000",
        "captions a second 123 123 123",
        "loss 2.250",
        "top-4 accuracy 0.750",
        "3.500 0.jpg",
        "free-running loss: 4.125 (the true words, foretold from the network's own)",
        "different words: 1,234, in the true captions 4,321; the vocabulary has 5,000 words",
        "novel (not among the captions learned from): – of the captions; distinct: 0.250",
        "the best by CIDEr",
    ):
        assert row in rows
    assert "the worst by CIDEr" not in rows
    assert lines[-2].endswith(" …") and lines[-1].endswith(" …")
