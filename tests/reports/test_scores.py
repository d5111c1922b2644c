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
