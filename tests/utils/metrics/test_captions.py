"""Scores equal those recorded from coco-caption's own pipeline by fixtures/record_metrics.py."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import config
from utils.metrics import captions as metrics

ROWS = json.loads(
    Path(__file__).parents[2].joinpath("fixtures/metric_reference.json").read_text(encoding="utf-8")
)
CAPTIONS = [row["caption"] for row in ROWS["photos"]]
REFERENCES = [row["references"] for row in ROWS["photos"]]


def test_scores_equal_those_of_coco_caption():
    scores, reasons = metrics.score_captions(CAPTIONS, REFERENCES, java=False)
    assert list(scores) == list(metrics.ALL_SCORES)
    for name in metrics.SCORES_WITHOUT_JAVA:
        assert scores[name] == pytest.approx(ROWS["scores"][name], abs=1e-9), name
    assert scores["METEOR"] is None
    assert scores["SPICE"] is None
    assert [reason.partition(": ")[0] for reason in reasons] == ["METEOR", "SPICE"]


def test_cider_of_each_photo_and_of_all():
    recorded = [row["cider"] for row in ROWS["photos"]]
    scorer = metrics.Scorer(REFERENCES)
    assert scorer.score_photos_by_cider(CAPTIONS) == pytest.approx(recorded, abs=1e-9)
    assert scorer.score(CAPTIONS, ["CIDEr"])["CIDEr"] == pytest.approx(
        ROWS["scores"]["CIDEr"], abs=1e-9
    )


def test_references_are_tokenised_once():
    seen = []
    scorer = metrics.Scorer(
        REFERENCES, tokenize=lambda caption: seen.append(caption) or metrics.ptb.tokenize(caption)
    )
    assert len(seen) == sum(map(len, REFERENCES))
    seen.clear()
    first = scorer.score(CAPTIONS)
    assert seen == CAPTIONS
    other = scorer.score([captions[0] for captions in REFERENCES])
    assert other["Bleu_4"] > first["Bleu_4"]
    assert other["CIDEr"] > first["CIDEr"]
    assert scorer.score(CAPTIONS) == first
    assert list(scorer.score(CAPTIONS, ["CIDEr", "Bleu_4"])) == ["CIDEr", "Bleu_4"]


def test_scores_worked_by_hand():
    scores, _ = metrics.score_captions(
        ["A dog runs in the park .", "two cats"],
        [["a dog runs in the park"], ["two cats", "some cats sleep"]],
        java=False,
    )
    for name in ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L"):
        assert scores[name] == pytest.approx(1.0, abs=1e-6)
    # The reference itself scores 10. "two cats" has no three- and four-grams, which are half of it.
    captions = ["a dog runs in the park", "two cats"]
    assert metrics.Scorer([[caption] for caption in captions]).score_photos_by_cider(
        captions
    ) == pytest.approx([10.0, 5.0])


@pytest.mark.parametrize(
    ("captions", "references"),
    [
        ([""], [["a dog runs"]]),
        ([""], [[""]]),
        (["..."], [["!", "?"]]),
        (["a dog"], [["", ""]]),
        (["", "a dog"], [["a cat"], ["a dog"]]),
        (["a dog runs in the park"], [["a dog runs in the park"]]),
    ],
)
def test_empty_captions_and_single_photos_are_scored(captions, references):
    scores, _ = metrics.score_captions(captions, references, java=False)
    assert all(0 <= scores[name] < 20 for name in metrics.SCORES_WITHOUT_JAVA)


def test_nist_by_hand():
    """Six reference words: "a" and "runs" twice, log₂ 6/2 bits each; "dog" and "cat" once, log₂ 6.

    The pairs "a dog" and "a cat" give log₂ 2/1 after "a"; "dog runs" and "cat runs" give nothing.
    """
    references = [["a dog runs"], ["a cat runs"]]
    alone = 2 * (2 * np.log2(3) + np.log2(6)) / 6
    pairs = 2 * 1 / 4
    scores = metrics.Scorer(references).score(["a dog runs", "a cat runs"], ["NIST_2", "NIST_4"])
    assert scores["NIST_2"] == pytest.approx(alone + pairs)
    # The only triples follow from their pairs.
    assert scores["NIST_4"] == pytest.approx(alone + pairs)
    scores = metrics.Scorer(references).score(["dog", "cat"], ["NIST_2"])
    assert scores["NIST_2"] == pytest.approx(
        np.log2(6) * np.exp(np.log(0.5) / np.log(1.5) ** 2 * np.log(1 / 3) ** 2)
    )


ROW = {
    "epoch": 3,
    "loss": 2.0,
    "val_loss": 2.5,
    "CIDEr": 0.4,
    "Bleu_4": 0.1,
    "Bleu_2": 0.3,
    "NIST_4": 3.1,
    "NIST_2": 2.9,
    "ROUGE_L": 0.45,
}


def test_an_epoch_is_ranked_by_its_score_or_its_loss():
    ranks = [
        metrics.score_epoch(ROW, name)
        for name in ("CIDEr", "BLEU-4", "BLEU-2", "NIST-4", "NIST-2", "ROUGE-L", "loss")
    ]
    assert ranks == [0.4, 0.1, 0.3, 3.1, 2.9, 0.45, -2.5]
    assert metrics.score_epoch(ROW | {"CIDEr": 0.0}, "CIDEr") == -2.5
    assert metrics.score_epoch(ROW | {"Bleu_4": None}, "BLEU-4") == -2.5
    assert metrics.score_epoch({"epoch": 3, "val_loss": 2.5}, "NIST-2") == -2.5
    assert (
        metrics.score_epoch({"epoch": 3}, "CIDEr")
        == metrics.score_epoch({"epoch": 3}, "loss")
        == -np.inf
    )
    without_a_pair = metrics.Scorer([["a dog runs"]]).score(["a cat"], ["Bleu_2"])
    assert 0 < without_a_pair["Bleu_2"] < 1e-6
    assert metrics.score_epoch(ROW | without_a_pair, "BLEU-2") == -2.5


def test_every_value_of_best_by_is_a_known_score():
    assert set(config.BEST_BY) - {"loss"} <= {
        name for name, key in metrics.SCORE_KEYS.items() if key in metrics.SCORES_WITHOUT_JAVA
    }


def test_other_tokenizers_can_be_used():
    scores, _ = metrics.score_captions(
        ["개 가 달린다"], [["개 가 달린다"]], tokenize=str.split, java=False
    )
    assert scores["Bleu_3"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("captions", "references", "names", "message"),
    [
        (["a"], [["a"], ["b"]], ["CIDEr"], "got 1 captions for 2 photos"),
        ([], [], ["CIDEr"], "no photos"),
        (["a"], [[]], ["CIDEr"], r"photo 0 needs .* \(got \[\]\)"),
        (["a"], ["a dog"], ["CIDEr"], r"photo 0 needs .* \(got 'a dog'\)"),
        (["a"], [["a"]], ["BLEU-4"], "unknown score 'BLEU-4'; known are Bleu_1"),
    ],
)
def test_wrong_input_is_rejected(captions, references, names, message):
    with pytest.raises(ValueError, match=message):
        metrics.Scorer(references).score(captions, names)


def test_missing_java_is_no_reason_in_every_report(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    scores, reasons = metrics.score_captions(["a dog"], [["a dog"]])
    assert scores["METEOR"] is None
    assert scores["Bleu_1"] == pytest.approx(1.0, abs=1e-6)
    assert reasons == []  # evaluate.py -h says what they need


def test_nothing_is_printed(capfd):
    metrics.score_captions(CAPTIONS[:5], REFERENCES[:5], java=False)
    assert capfd.readouterr() == ("", "")


def test_importing_loads_nothing_heavy():
    heavy = ("numpy", "nltk", "tensorflow", "pycocoevalcap")
    code = "import sys, utils.metrics.captions; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(heavy) & set(run.stdout.split())
