"""What every run's page tells of settings, epochs, time and memory."""

import pytest

import presets
from config import Settings
from reports import page as run_page
from reports.captioner_page import write_captioner_page
from tests.helpers.pages import Page, rows, whole
from tests.helpers.saved_runs import EPOCHS, saved_run
from utils import runs


def settings_told(saved):
    page = Page(f"<!doctype html>\n<html>{run_page.settings_section(saved)}</html>")
    told = rows(page, "Settings that differ from the default")
    return {name.split()[0]: (value, default) for name, value, default in told[1:]}, page


def test_settings_that_differ_are_told_with_the_default_and_with_what_wanted_them(tmp_path):
    run = saved_run(tmp_path / "run", {"units": 64, "strict": True, "dropout": 0.2}, scenes=True)
    told, page = settings_told(runs.read_config(run))
    assert told == {
        "--dataset": ("photos/mine", "left out"),
        "--language": ("en", "left out"),
        "--strict": ("yes", "no"),
        "--encoder": ("convnet the drawn scenes", "left out"),
        "--tokenizer": ("words", "left out"),
        "--minimum-count": ("1 the drawn scenes", "3"),
        "--max-length": ("24 suits --tokenizer words", "left out"),
        "--units": ("64", "512"),
        "--embedding": ("128 the drawn scenes", "256"),
        "--attention-units": ("128 preset inception-gru", "256"),
        "--dropout": ("0.2 the drawn scenes", "0.4"),
        "--epochs": ("5 the drawn scenes", "12"),
        "--learning-rate": ("0.002 the drawn scenes", "0.001"),
        "--beam": ("5 preset inception-gru", "3"),
        "--no-repeat": ("3 suits --tokenizer words", "left out"),
    }
    others = rows(page, "Settings as they are by default")[1:]
    assert ["--batch", "64"] in others and ["--limit", "left out"] in others
    known = Settings().flat().keys() - {"trunk", "alter"}
    assert {each[0] for each in others} | told.keys() == {
        "--" + name.replace("_", "-") for name in known
    }


@pytest.mark.parametrize(
    ("given", "name", "told"),
    [
        ({"preset": "show-attend-tell"}, "--decoder", "lstm preset show-attend-tell"),
        ({"preset": "show-attend-tell", "epochs": 9}, "--epochs", "9"),
        ({"preset": "vit-gpt2", "decoder_weights": "none"}, "--layers", "3 preset vit-gpt2"),
        ({"preset": "inception-gru"}, "--encoder", "inception_v3 preset inception-gru"),
    ],
)
def test_what_the_preset_wants_is_said_to_be_so(tmp_path, given, name, told):
    assert settings_told(runs.read_config(saved_run(tmp_path / "run", given)))[0][name][0] == told


def test_what_several_want_alike_is_the_first_one_s(tmp_path):
    told, _ = settings_told(
        runs.read_config(saved_run(tmp_path / "run", {"preset": "show-attend-tell"}, scenes=True))
    )
    assert (told["--best-by"][0], told["--embedding"][0]) == (
        "BLEU-4 preset show-attend-tell",
        "128 the drawn scenes",
    )


def test_a_way_of_training_that_goes_on_wants_its_own(tmp_path):
    """Twelve epochs were done; --scst wants four more, slower ones."""
    saved = runs.read_config(saved_run(tmp_path / "run"))
    told, _ = settings_told(
        saved | {"scst": True, "epochs": 16, "learning_rate": 0.0002, "begun": 12}
    )
    assert (told["--epochs"][0], told["--learning-rate"][0], told["--scst"][0]) == (
        "16 --scst",
        "0.0002 --scst",
        "yes",
    )


def test_of_a_classifier_only_its_own_settings_are_told():
    given = presets.resolve(
        {"preset": "classifier", "dataset": "colours", "trunk": "tutorial"}, scenes=False
    )
    told, page = settings_told(given.of_a_classifier() | {"classes": ["a"]})
    assert told["--batch"] == ("4 preset classifier", "64")
    assert "--beam" not in page.texts("code")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (42.4, "42 s"),
        (59.9, "60 s"),
        (185, "3 min 5 s"),
        (7620, "2 h 7 min"),
    ],
)
def test_times_are_told_as_people_say_them(seconds, told):
    assert run_page.format_duration(seconds) == told


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("Bleu_4", "BLEU-4"),
        ("forced_CIDEr", "CIDEr, teacher-forced"),
        ("val_loss", "loss on val"),
        ("Top5", "top-5 accuracy"),
        ("val_Top3", "top-3 accuracy on val"),
        ("greedy_reward", "greedy reward"),
        ("loss", "loss"),
    ],
)
def test_scores_are_called_as_people_call_them(key, name):
    assert run_page.get_score_name(key) == name


def test_a_run_that_has_not_begun_has_a_page_of_its_settings(tmp_path):
    found = whole(write_captioner_page(saved_run(tmp_path / "run <1>")))
    assert found.texts("h1") == found.texts("title") == ["Run run <1>"]
    assert found.texts("h2") == ["Epoch by epoch", "Time and memory", "Settings"]
    assert "No epoch is done yet." in found.texts(
        "p"
    ) and "Nothing was recorded yet." in found.texts("p")
    assert dict(zip(found.texts("dt"), found.texts("dd"), strict=True)) == {
        "preset": "inception-gru",
        "dataset": "mine",
        "photos": "train 1,200, val 1",
        "captions": "English (en)",
        "epochs": "0 of 8, not finished yet",
    }


def test_a_run_under_way_tells_its_epochs_and_what_they_took(tmp_path):
    run = saved_run(
        tmp_path / "run",
        history=EPOCHS,
        spent={
            "machine": "2 cores",
            "peak_memory_bytes": 1_960_000_000,
            "seconds": {"training": 150, "reading": 40, "odd": 10},
        },
    )
    found = whole(write_captioner_page(run))
    assert found.texts("figcaption") == [
        "Loss, teacher-forced",
        "CIDEr on val",
        "Accuracy on val, teacher-forced",
    ]
    assert "training 2.000" in found.texts("li") and "top-5 accuracy 0.750" in found.texts("li")
    assert rows(found, "Every epoch: losses and scores, and seconds of training") == [
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
    assert rows(found, "Where the time went, over all sessions of the run") == [
        ["what", "time", "share"],
        ["reading captions and looking through photos", "40 s", "20%"],
        ["training", "2 min 30 s", "75%"],
        ["odd", "10 s", "5%"],
        ["all of it", "3 min 20 s", "100%"],
    ]
    told = dict(zip(found.texts("dt"), found.texts("dd"), strict=True))
    assert (told["epochs"], told["memory, at most"], told["computed on"]) == (
        "2 of 8, not finished yet; the best: 2",
        "2.0 GB",
        "2 cores",
    )


def test_of_a_run_that_recorded_no_time_the_epochs_are_added_up(tmp_path):
    found = whole(write_captioner_page(saved_run(tmp_path / "run", history=EPOCHS)))
    assert (
        "Training took 2 min 0 s in 2 epochs; what else the run took was not recorded."
        in found.texts("p")
    )
