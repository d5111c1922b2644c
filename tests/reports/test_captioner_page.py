"""The page of a run that captions: which photos, how captions are coloured, what a hostile caption can do (nothing)."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from config import Settings
from models.captioner import Caption
from pipeline.evaluation import Result, Subject
from reports import analysis as report
from reports import captioner_page
from tests.helpers.pages import Page, rows, whole
from tests.helpers.saved_runs import ANALYSIS, saved_run
from utils.metrics.captions import Scorer

TRUE = [
    ("A dog runs.", "Two dogs run in the park.", "a dog in a park"),
    ("A cat sleeps.", "a cat"),
    ("a red car",),
]


def scored(folder, said, true=TRUE, *, language="en", gone=(), even=False):
    """A subject and its result: photos of 60 x 40 pixels in the folder, but for those that are gone."""
    photos = []
    for number, captions in enumerate(true):
        path = folder / f"{number}.png"
        if number not in gone:
            Image.new("RGB", (60, 40), (20 * number % 256, 90, 30)).save(path)
        photos.append(SimpleNamespace(name=f"{number}.png", captions=captions, path=path))
    captions = []
    for text in said:
        words = text.split()
        attention = np.full((len(words), 6), 1 / 6)
        if not even:
            attention[np.arange(len(words)), np.arange(len(words)) % 6] = 0.5
        captions.append(Caption(text, 0.5, words, attention, (2, 3), []))
    subject = Subject("test", None, photos, None, None, Settings.from_flat({"language": language}))
    return subject, Result("test", {}, ["a note & more"], photos, captions)


def names(groups):
    return {title: [photo.name for photo in photos] for title, photos in groups.items()}


MANY = [(f"word{number} here", f"word{number} there") for number in range(40)]


def saying(right):
    """Captions of MANY, those of these photos right and all others wrong."""
    return [f"word{number} here" if number in right else "nothing" for number in range(40)]


def test_photos_are_the_best_the_worst_and_others_from_all_over_the_split(tmp_path):
    right = {3, 9, 14, 21, 30, 38}
    groups = captioner_page.choose_photos(*scored(tmp_path, saying(right), MANY))
    found = names(groups)
    assert found["The best by CIDEr"] == [f"{number}.png" for number in sorted(right)]
    assert found["The worst by CIDEr"] == [f"{number}.png" for number in (39, 37, 36, 35, 34, 33)]
    spread = [int(name.split(".")[0]) for name in found["All over the split"]]
    assert len(spread) == 12 and spread == sorted(spread) and spread[0] < 4 and spread[-1] > 28
    assert len({name for group in found.values() for name in group}) == 24
    ciders = [photo.cider for photo in groups["The best by CIDEr"]]
    assert min(ciders) > 1 > max(photo.cider for photo in groups["The worst by CIDEr"]) == 0


def test_in_place_of_a_photo_that_is_gone_there_is_another(tmp_path):
    found = names(
        captioner_page.choose_photos(*scored(tmp_path, saying({3, 9}), MANY, gone={3, 39, 0}))
    )
    shown = [name for group in found.values() for name in group]
    assert len(shown) == 24 and not {"3.png", "39.png", "0.png"} & set(shown)
    assert found["The best by CIDEr"][0] == "9.png"


def test_of_three_photos_all_are_shown_and_none_twice(tmp_path):
    assert names(captioner_page.choose_photos(*scored(tmp_path, ["a dog", "a cat", "a"]))) == {
        "All over the split": ["0.png", "1.png", "2.png"]
    }
    assert (
        captioner_page.choose_photos(
            *scored(tmp_path / "none", ["a dog", "a cat", "a"], gone={0, 1, 2})
        )
        == {}
    )


def test_a_true_caption_is_scored_against_the_photo_s_others(tmp_path):
    """As the scorer would that is given the others as references, and the words' weights of all."""
    subject, _ = scored(tmp_path, ["a dog", "a cat", "a"])
    found = captioner_page.score_true_captions(subject, [0, 2])
    assert found.keys() == {0, 2}
    assert found[2] == [None]
    scorer = Scorer(subject.references)
    whole_ = Scorer([("Two dogs run in the park.", "a dog in a park"), *TRUE[1:]])
    scorer._cider_scorer.crefs[0] = whole_._cider_scorer.crefs[0]
    assert found[0][0] == pytest.approx(scorer.score_photos_by_cider(["A dog runs.", "x", "x"])[0])
    assert found[0][0] > 0


@pytest.mark.parametrize(
    ("cider", "step"),
    [(0.0, "s0"), (0.24, "s0"), (0.25, "s1"), (0.5, "s2"), (1.9, "s3"), (7.0, "s4")],
)
def test_a_caption_has_its_cider_in_number_and_colour(cider, step):
    found = Page(
        f"<!doctype html>\n<html>{captioner_page._caption('p', 'a dog', cider, 'en', class_='said')}</html>"
    )
    assert found.texts("p") == [f"CIDEr {cider:.2f}a dog"]
    assert found.one("p")["class"] == f"said {step}"
    assert found.one("span", lang="en", dir="auto")["text"] == "a dog"


def test_a_caption_without_a_score_has_no_colour():
    assert (
        captioner_page._caption("li", "a dog", None, "ko")
        == '<li><span lang="ko" dir="auto">a dog</span></li>'
    )


HOSTILE = "<img src=x onerror=alert(1)> \" ' & 개"


def test_a_page_with_photos_attention_and_scores(tmp_path):
    run = saved_run(tmp_path / "run", language="ko_KR")
    (run / "scores.json").write_text(
        json.dumps(
            {
                "Bleu_4": 0.25,
                "CIDEr": 1.5,
                "METEOR": None,
                "loss": 2.0,
                "Top5": 0.75,
                "images": 3,
                "split": "test",
            }
        )
    )
    file = captioner_page.write_captioner_page(
        run,
        *scored(
            tmp_path,
            [HOSTILE, "a cat sleeps", ""],
            [(HOSTILE, "a dog"), TRUE[1], TRUE[2]],
            language="ko",
        ),
    )
    found = whole(file)
    assert found.texts("h2") == [
        "Scores",
        "Photos and captions",
        "Where it looked",
        "Epoch by epoch",
        "Time and memory",
        "Settings",
    ]
    assert rows(found, "At the end of training, on the 3 photos of test") == [
        ["score", "value"],
        *[
            [name, value]
            for name, value in {
                "BLEU-1": "–",
                "BLEU-2": "–",
                "BLEU-3": "–",
                "BLEU-4": "0.250",
                "METEOR": "–",
                "ROUGE-L": "–",
                "CIDEr": "1.500",
                "SPICE": "–",
                "NIST-2": "–",
                "NIST-4": "–",
                "loss": "2.000",
                "top-5 accuracy": "0.750",
            }.items()
        ],
    ]
    assert "a note & more" in found.texts("li")
    photos = [(each["alt"], each["lang"]) for each in found.all("img") if "lang" in each]
    assert photos == [(HOSTILE, "ko-KR"), ("A cat sleeps.", "ko-KR"), ("a red car", "ko-KR")]
    assert (
        sum(each["text"] == HOSTILE for each in found.all("span", lang="ko-KR")) == 3
    )  # said, true, and above its words
    words = [each["text"] for item in found.all("ol") for each in [item]]
    assert words == ["<imgsrc=xonerror=alert(1)>\"'&개", "acatsleeps"]
    alts = [each["alt"] for each in found.all("img") if "lang" not in each]
    assert alts[-3:] == [
        "looked most at the upper left",
        "looked most at the top",
        "looked most at the upper right",
    ]
    assert "onerror" not in " ".join(key for each in found.elements for key in each)
    told = dict(zip(found.texts("dt"), found.texts("dd"), strict=True))
    assert (told["captions"], told["CIDEr on test"]) == ("Korean (ko-KR)", "1.500")


def test_a_network_that_looks_nowhere_in_particular_has_no_strips(tmp_path):
    found = whole(
        captioner_page.write_captioner_page(
            saved_run(tmp_path / "run"), *scored(tmp_path, ["a dog", "a cat", "a"], even=True)
        )
    )
    assert not found.all("ol")
    assert (
        "This network saw each photo once, before the first word, and has no attention."
        in found.texts("p")
    )


def test_what_evaluate_report_found_stands_on_the_page(tmp_path):
    run = saved_run(tmp_path / "run")
    (run / "results").mkdir()
    (run / "results/report.json").write_text(
        json.dumps(ANALYSIS | {"dataset": "photos/mine", "notes": ["said once"]})
    )
    found = whole(captioner_page.write_captioner_page(run))
    assert rows(found, "Searches of several widths, on the 3 photos of test, mine") == [
        ["score", "beam 1", "beam 3", "beam 5", "teacher-forced"],
        ["BLEU-1", "0.500", "0.500", "0.500", ""],
        ["METEOR", "–", "–", "–", ""],
        ["captions per second", "123", "123", "123", ""],
        ["loss", "", "", "", "2.250"],
        ["top-4 accuracy", "", "", "", "0.750"],
        ["BLEU-2", "", "", "", "0.400"],
        ["NIST-2", "", "", "", "3.000"],
    ]
    assert found.texts("li").count("said once") == 1
    told = dict(zip(found.texts("dt"), found.texts("dd"), strict=True))
    assert (
        told["free-running loss"] == "4.125"
        and told["not among the captions learned from"] == "not known"
    )
    assert (
        "captions: most often 3; true captions: most often 3"
        in found.all("svg", role="img")[0]["aria-label"]
    )


def test_lengths_are_shared_out_with_the_longest_together():
    found = report.compute_length_shares({"5": 1, "6": 3}, {"6": 2, "24": 1, "30": 1})
    assert (found.names[0], found.names[-1], len(found.names)) == ("5", "24+", 20)
    assert (found.captions[:2], found.references[1], found.references[-1]) == (
        [0.25, 0.75],
        0.5,
        0.5,
    )
    assert report.compute_length_shares({"5": 1}, {"6": 1}).names == ["5", "6"]
