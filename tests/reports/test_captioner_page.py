"""The page of a captioner: its sections, and that a hostile caption can do nothing."""

from dataclasses import replace

import pytest

from reports.captioner_page import write_captioner_page
from tests.helpers.calibrations import make_calibration
from tests.helpers.captioned_photos import THREE_PHOTOS, make_result
from tests.helpers.pages import read_page, read_rows
from tests.helpers.saved_runs import ANALYSIS, saved_run
from utils.calibration import write_calibration
from utils.files import write_json
from utils.metrics.reliability import Point, Reliability

HOSTILE = "<img src=x onerror=alert(1)> \" ' & 개"
SCORES = {
    "Bleu_4": 0.25,
    "CIDEr": 1.5,
    "METEOR": None,
    "loss": 2.0,
    "Top5": 0.75,
    "images": 3,
    "split": "test",
}


@pytest.fixture
def page(tmp_path):
    """The page of a Korean run whose first photo has a hostile caption."""
    run = saved_run(tmp_path / "run", language="ko_KR")
    write_json(run / "scores.json", SCORES)
    references = [(HOSTILE, "a dog"), *THREE_PHOTOS[1:]]
    evaluation, result = make_result(
        tmp_path, [HOSTILE, "a cat sleeps", ""], references, language="ko"
    )
    return read_page(write_captioner_page(run, evaluation, result))


def read_facts(page):
    return dict(zip(page.texts("dt"), page.texts("dd"), strict=True))


def test_all_sections_are_there(page):
    assert page.texts("h2") == [
        "Scores",
        "Photos and captions",
        "Attention",
        "Epoch by epoch",
        "Time and memory",
        "Settings",
    ]
    facts = read_facts(page)
    assert (facts["captions"], facts["CIDEr on test"]) == ("Korean (ko-KR)", "1.500")


def test_scores_at_the_end_of_training_are_shown(page):
    assert read_rows(page, "At the end of training, on the 3 photos of test") == [
        ["score", "value"],
        ["BLEU-1", "–"],
        ["BLEU-2", "–"],
        ["BLEU-3", "–"],
        ["BLEU-4", "0.250"],
        ["METEOR", "–"],
        ["ROUGE-L", "–"],
        ["CIDEr", "1.500"],
        ["SPICE", "–"],
        ["NIST-2", "–"],
        ["NIST-4", "–"],
        ["loss", "2.000"],
        ["top-5 accuracy", "0.750"],
    ]
    assert "a note & more" in page.texts("li")


def test_photos_have_their_true_caption_as_description(page):
    photos = [(each["alt"], each["lang"]) for each in page.all("img") if "lang" in each]
    assert photos == [(HOSTILE, "ko-KR"), ("A cat sleeps.", "ko-KR"), ("a red car", "ko-KR")]


def test_a_hostile_caption_is_text_everywhere(page):
    """It is shown as the predicted caption, as a true one, and above its words."""
    texts = [each["text"] for each in page.all("span", lang="ko-KR", dir="auto")]
    assert texts.count(HOSTILE) == 3
    assert "onerror" not in " ".join(key for each in page.elements for key in each)


def test_captions_show_their_cider(tmp_path):
    evaluation, result = make_result(tmp_path, ["A dog runs.", "a cat", "a"])
    page = read_page(write_captioner_page(saved_run(tmp_path / "run"), evaluation, result))
    predicted = [each for each in page.all("p") if (each.get("class") or "").startswith("said")]
    assert predicted[0]["text"].startswith("CIDEr ")
    assert predicted[0]["class"] == "said s4"
    assert predicted[2]["class"] == "said s0"
    assert "CIDEr 0.00a" in page.texts("p")
    alone = [each for each in page.all("li") if each["text"] == "a red car"]
    assert "class" not in alone[0]


def test_words_are_shown_with_attention(page):
    words = ["".join(each["text"].split()) for each in page.all("ol")]
    assert words == ["<imgsrc=xonerror=alert(1)>\"'&개", "acatsleeps"]
    descriptions = [each["alt"] for each in page.all("img") if "lang" not in each]
    assert descriptions[-3:] == [
        "looked most at the upper left",
        "looked most at the top",
        "looked most at the upper right",
    ]


def test_a_network_without_attention_has_no_strips(tmp_path):
    evaluation, result = make_result(tmp_path, ["a dog", "a cat", "a"], has_attention=False)
    page = read_page(write_captioner_page(saved_run(tmp_path / "run"), evaluation, result))
    assert not page.all("ol")
    text = "This network saw each photo once, before the first word, and has no attention."
    assert text in page.texts("p")


def test_the_run_that_it_started_from_is_shown(tmp_path):
    run = saved_run(tmp_path / "run", **{"from": "checkpoints/older"})
    assert read_facts(read_page(write_captioner_page(run)))["started from"] == "older"


def test_the_analysis_is_shown(tmp_path):
    run = saved_run(tmp_path / "run")
    objects = [{"name": "dog", "mentions": 1200, "wrong": 3}]
    analysis = ANALYSIS | {"dataset": "photos/mine", "notes": ["a note"], "objects": objects}
    write_json(run / "results/report.json", analysis)
    page = read_page(write_captioner_page(run))
    assert read_rows(page, "Scores by beam width, on the 3 photos of test, mine") == [
        ["score", "beam 1", "beam 3", "beam 5", "teacher-forced"],
        ["BLEU-1", "0.500", "0.500", "0.500", ""],
        ["BLEU-2", "", "", "", "0.400"],
        ["METEOR", "–", "–", "–", ""],
        ["NIST-2", "", "", "", "3.000"],
        ["captions per second", "123", "123", "123", ""],
        ["loss", "", "", "", "2.250"],
        ["top-4 accuracy", "", "", "", "0.750"],
    ]
    assert read_rows(page, "Objects most often named and not in the photo") == [
        ["object", "named", "not in the photo"],
        ["dog", "1,200", "3"],
    ]
    assert page.texts("li").count("a note") == 1
    facts = read_facts(page)
    assert facts["free-running loss"] == "4.125"
    assert facts["captions that are not in the training captions"] == "not known"
    chart = page.all("svg", role="img")[0]["aria-label"]
    assert "captions: most often 3; true captions: most often 3" in chart


def test_calibrated_scores_have_a_curve(tmp_path):
    run = saved_run(tmp_path / "run")
    write_calibration(run, make_calibration())
    evaluation, result = make_result(tmp_path, ["a dog", "a cat", "a"])
    result = replace(result, reliability=Reliability(0.5, 0.1, 0.02, [Point(0.4, 0.7, 3)]))
    page = read_page(write_captioner_page(run, evaluation, result))
    assert "Reliability of scores" in page.texts("h2")
    label = page.all("svg", role="img")[0]["aria-label"]
    assert label.startswith(
        "Share of captions with a CIDEr of at least 0.62, by score. "
        "val, held out (120 captions): 25% at score 0.20, 55% at score 0.50; "
        "test (3 captions): 70% at score 0.40;"
    )
    facts = read_facts(page)
    assert facts["accepted, val, held out (120 captions)"] == "40.0%"
    assert facts["Brier score, test (3 captions)"] == "0.100; of one score for all 0.250"


def test_without_a_calibration_there_is_no_curve(page):
    assert "Reliability of scores" not in page.texts("h2")
