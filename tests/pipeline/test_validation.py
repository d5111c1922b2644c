"""How good an epoch is, with and without photos of an earlier run."""

from types import SimpleNamespace

import pytest

from pipeline.validation import CaptionValidation

ROW = {"CIDEr": 0.4, "val_loss": 3.0, "earlier_CIDEr": 0.8, "earlier_val_loss": 2.0}


@pytest.fixture
def make_validation(monkeypatch):
    """Make a validation without networks, which knows val of an earlier run or not."""
    monkeypatch.setattr("pipeline.validation.make_captioner", lambda *_: None)
    monkeypatch.setattr(CaptionValidation, "_make_evaluation", lambda _self, dataset: dataset)

    def make(best_by, *, has_earlier=True):
        settings = SimpleNamespace(training=SimpleNamespace(best_by=best_by), flat=dict)
        earlier = SimpleNamespace(splits={"val": [1]}) if has_earlier else None
        return CaptionValidation("new", None, None, settings, None, None, earlier)

    return make


def test_val_of_an_earlier_run_counts_as_much_as_the_new_one(make_validation):
    assert make_validation("CIDEr").merit(ROW) == pytest.approx(0.6)
    assert make_validation("loss").merit(ROW) == pytest.approx(-2.5)


def test_without_an_earlier_run_the_new_val_counts_alone(make_validation):
    assert make_validation("CIDEr", has_earlier=False).merit(ROW) == pytest.approx(0.4)
    assert make_validation("loss", has_earlier=False).merit(ROW) == pytest.approx(-3.0)


def test_a_score_that_one_of_both_lacks_judges_neither(make_validation):
    """A mean of a CIDEr and a negated loss would mean nothing."""
    assert make_validation("CIDEr").merit(ROW | {"CIDEr": 0.0}) == pytest.approx(-2.5)
