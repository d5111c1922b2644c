"""Scores as tables for the terminal."""

from pipeline.evaluation import Result
from reports.scores import format_scores

SCORES = {
    "Bleu_4": 0.25,
    "CIDEr": 1.5,
    "METEOR": None,
    "loss": 2.0,
    "Top5": 0.75,
    "forced_CIDEr": 1.25,
    "images": 8,
    "captions_per_second": 12.3,
}
FACTS = {
    "facts_precision": 0.9,
    "facts_precision_references": 1.0,
    "facts_precision_shuffled": 0.2,
    "facts_recall": 0.5,
    "facts_recall_references": 0.75,
    "facts_recall_shuffled": 0.1,
    "pointing": None,
    "pointing_chance": 0.125,
}


def format_rows(scores, notes=()):
    text = format_scores(Result("test", scores, list(notes), [], []))
    return [line.split() for line in text.splitlines()]


def test_every_score_has_a_row():
    rows = format_rows(SCORES, ["a note"])
    assert rows[0] == ["test:", "8", "photos,", "12", "captions", "a", "second"]
    assert rows[1] == ["score", "value"]
    assert ["BLEU-4", "0.250"] in rows
    assert ["METEOR", "–"] in rows
    assert ["CIDEr", "1.500"] in rows
    assert ["loss", "2.000"] in rows
    assert ["top-5", "accuracy", "0.750"] in rows
    assert rows[-1] == ["note:", "a", "note"]


def test_scores_of_scenes_have_a_table_of_facts():
    rows = format_rows(SCORES | FACTS)
    assert ["facts", "precision", "0.900", "1.000", "0.200"] in rows
    assert ["facts", "recall", "0.500", "0.750", "0.100"] in rows
    assert ["pointing", "–", "0.125"] in rows


def test_what_a_score_is_worth_is_said():
    text = format_scores(Result("test", SCORES, [], [], []))
    assert text.endswith("rank correlation with its CIDEr –; not calibrated")
    measured = {
        "score_CIDEr_correlation": 0.44,
        "score_bound": 0.62,
        "score_accepted": 0.3,
        "score_Brier": 0.19,
        "score_ECE": 0.03,
    }
    text = format_scores(Result("test", SCORES | measured, [], [], []))
    assert text.endswith(
        "score of a caption: rank correlation with its CIDEr 0.440\n"
        "calibrated: 30.0% of the captions have a CIDEr of at least 0.62; "
        "Brier score 0.190 (without scores 0.210), calibration error 0.030"
    )
