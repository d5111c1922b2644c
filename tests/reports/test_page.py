"""The frame of every run's page, and the sections that every page has."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from reports.captioner_page import write_captioner_page
from reports.page import encode_picture, format_duration
from tests.helpers.pages import read_page, read_rows
from tests.helpers.saved_runs import EPOCHS, saved_run


def read_facts(page):
    return dict(zip(page.texts("dt"), page.texts("dd"), strict=True))


@pytest.mark.parametrize(("lossless", "kind", "most"), [(True, "png", 0), (False, "jpeg", 12)])
def test_a_picture_is_in_the_page(lossless, kind, most):
    """A JPEG changes a colour by a few of its 256 steps."""
    pixels = np.full((20, 30, 3), (200, 60, 20), np.uint8)
    picture = encode_picture(pixels, lossless=lossless)
    head, data = picture.url.split(",")
    assert head == f"data:image/{kind};base64"
    assert (picture.width, picture.height) == (30, 20)
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.abs(decoded.astype(int) - pixels).max() <= most


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (42.4, "42 s"),
        (59.9, "60 s"),
        (185, "3 min 5 s"),
        (7620, "2 h 7 min"),
    ],
)
def test_durations_are_in_seconds_minutes_and_hours(seconds, text):
    assert format_duration(seconds) == text


def test_before_training_the_page_has_settings(tmp_path):
    page = read_page(write_captioner_page(saved_run(tmp_path / "run <1>")))
    assert page.texts("h1") == page.texts("title") == ["Run run <1>"]
    assert page.texts("h2") == ["Epoch by epoch", "Time and memory", "Settings"]
    assert "No epoch is done yet." in page.texts("p")
    assert "Nothing is recorded yet." in page.texts("p")
    assert read_facts(page) == {
        "preset": "inception-gru",
        "dataset": "mine",
        "photos": "train 1,200, val 1",
        "captions": "English (en)",
        "epochs": "0 of 8, not finished yet",
    }


def test_during_training_the_page_has_all_epochs(tmp_path):
    page = read_page(write_captioner_page(saved_run(tmp_path / "run", history=EPOCHS)))
    assert page.texts("figcaption") == [
        "Loss, teacher-forced",
        "CIDEr on val",
        "Accuracy on val, teacher-forced",
    ]
    assert "training 2.000" in page.texts("li")
    assert "top-5 accuracy 0.750" in page.texts("li")
    assert read_facts(page)["epochs"] == "2 of 8, not finished yet; the best: 2"
    assert read_rows(page, "Every epoch: losses and scores, and seconds of training") == [
        [
            "epoch",
            "loss",
            "loss on val",
            "CIDEr",
            "CIDEr, teacher-forced",
            "top-5 accuracy",
            "seconds",
        ],
        ["1", "3.000", "2.500", "0.250", "0.500", "0.500", "61.2"],
        ["2", "2.000", "2.250", "0.500", "–", "0.750", "59.0"],
    ]


def test_time_is_shown_by_stage(tmp_path):
    spent = {
        "machine": "2 cores",
        "peak_memory_bytes": 1_960_000_000,
        "seconds": {"training": 150, "reading": 40, "odd": 10},
    }
    page = read_page(write_captioner_page(saved_run(tmp_path / "run", spent=spent)))
    assert read_rows(page, "Time by stage, over all sessions of the run") == [
        ["stage", "time", "share"],
        ["reading captions and checking photos", "40 s", "20%"],
        ["training", "2 min 30 s", "75%"],
        ["odd", "10 s", "5%"],
        ["total", "3 min 20 s", "100%"],
    ]
    facts = read_facts(page)
    assert (facts["time"], facts["peak memory"], facts["machine"]) == (
        "3 min 20 s",
        "2.0 GB",
        "2 cores",
    )
