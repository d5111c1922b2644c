"""The classifier from end to end on small pictures: what is printed and what is in the folders."""

import csv
import json
import os
import re
import shlex
import shutil
import signal
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import evaluate
import predict
import train
from models.captioner import Captioner
from models.classifier import Classifier
from models.encoders.encoder import Encoder
from pipeline.classifier.training import RunningLoss
from tests.helpers.classes import CLASSES, write_class_folders
from tests.helpers.compiling import run_compiled
from tests.helpers.pages import read_page, read_rows
from tests.helpers.scripts import (
    SMALL,
    run_command,
    run_command_without_scoring,
    scenes_folder,
)
from tests.helpers.stopping import act_at_step
from utils.errors import UserError
from utils.progress import TrainingBar
from utils.runs import read_config, read_encoder_construction, read_history
from utils.stopwatch import read_time_and_memory

# Twelve steps an epoch.
WORDS = shlex.split(
    "--preset classifier --dataset colours --image-size 16 --batch 8 --cache cache --save-every 5 "
    "--warmup 4 --learning-rate 0.02"
)
MODERN = [*WORDS, "--epochs", "2"]
TUTORIAL = [*WORDS, "--trunk", "tutorial"]
# A captioner of the scenes, with a classifier's trunk as its encoder.
CAPTIONER = [
    *SMALL[: SMALL.index("--image-size")],
    *shlex.split("--encoder convnet --max-length 3 --epochs 1 --augment 0"),
]
TUTORIAL_RUN = Path("checkpoints/tutorial")
STAGES = {"reading", "preparing", "training", "validation", "saving", "scoring"}


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """Make the current directory, with class folders, one broken picture in them, and scenes."""
    # A classifier takes enough steps for compiling to pay.
    with scenes_folder(tmp_path_factory.mktemp("classifying")) as folder, run_compiled():
        write_class_folders(folder / "colours", train=36, test=8)
        broken = folder / "colours/train/red/broken.png"
        broken.write_bytes((folder / "colours/train/red/00.png").read_bytes()[:90])
        yield folder


def run_training(*words):
    done = run_command(train, *words)
    assert done.status == 0, done.error
    return done


@pytest.fixture(scope="module")
def modern(place):
    return run_training(*MODERN, "--run", "modern")


@pytest.fixture(scope="module")
def tutorial(place):
    return run_training(*TUTORIAL, "--run", "tutorial")


@pytest.fixture(params=["modern", "tutorial"])
def run(request):
    """Return the folder of each kind's run."""
    request.getfixturevalue(request.param)
    return Path("checkpoints", request.param)


def read_losses(run):
    losses = []
    for row in read_history(Path("checkpoints", run)):
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        losses.append([row[name] for name in names])
    return losses


def read_json(*parts):
    return json.loads(Path(*parts).read_text())


# Training.


def test_training_prints_dataset_steps_epochs_and_scores(modern):
    assert "skipped 1: train/red/broken.png: cut short" in modern.out
    assert "classes, 44 of each\nsplits: train " in modern.out
    line = r"^  step (\d+) of (\d+): loss \d\.\d{3}$"
    found = re.findall(line, modern.out, re.MULTILINE)
    total = int(found[0][1])
    quarters = [int(total * quarter / 4 + 0.99) for quarter in (1, 2, 3, 4)]
    assert [int(step) for step, _ in found] == 2 * quarters
    line = r"^epoch [12]: loss .*, accuracy .*; val: loss .*, accuracy "
    assert len(re.findall(line, modern.out, re.MULTILINE)) == 2
    end = modern.out[modern.out.index("test: 24 pictures") :]
    classes = re.findall(r"^(blue|green|red) +[01]\.\d{3}$", end, re.MULTILINE)
    assert classes == list(CLASSES)
    assert "predict.py --run checkpoints/modern PHOTO" in end
    assert modern.error == ""


def test_a_run_folder_has_settings_history_and_splits(run):
    rows = read_history(run)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"} <= rows[0].keys()
    config = read_config(run)
    assert config["classes"] == list(CLASSES)
    assert (config["image_size"], config["trunk"]) == (16, run.name)
    assert not {"beam", "decoder", "units", "vocabulary"} & config.keys()
    splits = read_json(run / "splits.json")
    val = len(splits["val"])
    sizes = {split: len(names) for split, names in splits.items()}
    assert sizes == {"train": 108 - val, "val": val, "test": 24}
    assert len(read_json(run / "seen.json")) == 108
    assert read_json(run / "left_out.json")[0]["reason"] == "cut short"
    construction = {"encoder": "convnet", "trunk": run.name, "image_size": 16}
    assert read_encoder_construction(run) == construction
    for kind in ("last", "best"):
        assert (run / kind / "checkpoint").is_file()


def test_a_run_folder_has_scores_and_pictures(run):
    least = {"modern": 0.8, "tutorial": 0.5}  # of three colours
    scores = read_json(run / "scores.json")
    assert scores["accuracy"] > least[run.name]
    assert (scores["images"], scores["split"]) == (24, "test")
    assert np.trace(scores["confusion"]) / 24 == scores["accuracy"]
    mean = np.mean(list(scores["accuracy_per_class"].values()))
    assert scores["accuracy"] == pytest.approx(mean)
    assert scores.keys() >= {"loss", "seconds", "images_per_second"}
    for name in ("samples.png", "history.png", "confusion.png", "predictions.png"):
        with Image.open(run / name) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 250


def test_a_run_s_page_has_scores_and_a_report_renews_it(tutorial):
    """It shows the test split at the end of training, then val, as the two pictures do."""
    run = TUTORIAL_RUN
    page = read_page(run / "report.html")
    scores = read_json(run / "scores.json")
    rows = read_rows(page, "On the 24 pictures of test")
    assert rows[1] == ["accuracy", f"{scores['accuracy']:.3f}"]
    assert len(page.all("img")) >= 24
    assert page.texts("figcaption")[-2:] == ["Loss", "Accuracy"]
    assert read_time_and_memory(run)["seconds"].keys() == STAGES
    pictures = [run / "confusion.png", run / "predictions.png"]
    before = [file.read_bytes() for file in pictures]
    done = run_command(evaluate, *shlex.split("--run tutorial --report --cache cache"))
    assert (done.status, done.error) == (0, "")
    assert done.out.splitlines()[-1].endswith(f"{run}/report.html")
    val = len(read_json(run / "splits.json")["val"])
    page = read_page(run / "report.html")
    assert len(read_rows(page, f"On the {val} pictures of val")) == 3
    for file, content in zip(pictures, before, strict=True):
        assert file.read_bytes() != content


@pytest.mark.parametrize(
    ("words", "run"),
    [pytest.param(MODERN, "modern", marks=pytest.mark.slow), (TUTORIAL, "tutorial")],
)
def test_a_resumed_run_has_the_losses_of_an_unstopped_one(words, run, request, monkeypatch):
    """Ctrl-C saves the run and prints the command that resumes it."""
    request.getfixturevalue(run)
    stopped = f"{run}_stopped"

    def press_ctrl_c():
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingBar, "update", act_at_step(2, 3, press_ctrl_c))
        done = run_command(train, *words, "--run", stopped)
    assert done.status == 130
    (command,) = re.findall(r"python \S*train\.py (.+)\n", done.error)
    assert done.error.count("\n") == 1
    assert read_losses(stopped) == read_losses(run)[:1]
    run_training(*command.split(), "--dataset", "./colours")
    assert read_losses(stopped) == read_losses(run)
    confusion = read_json("checkpoints", run, "scores.json")["confusion"]
    assert read_json("checkpoints", stopped, "scores.json")["confusion"] == confusion


def test_a_finished_run_can_be_trained_longer(tutorial):
    done = run_training("--run", "tutorial", "--resume")
    assert "checkpoints/tutorial is finished" in done.out
    shutil.copytree(TUTORIAL_RUN, "checkpoints/longer")
    run_training("--run", "longer", "--resume", "--epochs", "3")
    losses = read_losses("longer")
    assert losses[:2] == read_losses("tutorial")
    assert len(losses) == 3


def test_changed_pictures_are_rejected_on_resume(tutorial):
    run = Path(shutil.copytree(TUTORIAL_RUN, "checkpoints/changed"))
    shutil.copytree("colours", "moved")
    Path("moved/train/red/00.png").rename("moved/train/blue/99.png")
    config = read_json(run / "config.json") | {"dataset": "moved"}
    (run / "config.json").write_text(json.dumps(config))
    done = run_command(train, "--run", "changed", "--resume", "--epochs", "3")
    assert done.status == 1
    assert "of moved have changed since checkpoints/changed" in done.error


# Evaluation.


def test_evaluation_writes_the_promised_names(tutorial):
    file = Path("scores/test.json")
    done = run_command(
        evaluate, *shlex.split("--run tutorial --split test --cache cache --json"), file
    )
    assert done.status == 0, done.error
    expected = read_json(TUTORIAL_RUN / "scores.json")
    scores = read_json(file)
    for name in ("accuracy", "accuracy_per_class", "confusion", "images"):
        assert scores[name] == expected[name]
    assert scores["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    assert "test: 24 pictures" in done.out
    assert f"accuracy {expected['accuracy']:.3f}" in done.out
    done = run_command(evaluate, "--run", "tutorial", "--cache", "cache")
    best = max(row["val_accuracy"] for row in read_history(TUTORIAL_RUN))
    assert f"accuracy {best:.3f}" in done.out


def test_pictures_of_the_training_are_noted_in_a_dataset(tutorial, place):
    """A class that the run does not know is not scored."""
    shutil.copytree(place / "colours/train", place / "other/test")
    (place / "other/test/green").rename(place / "other/test/vert")
    words = shlex.split("--run tutorial --dataset other --cache cache --split")
    done = run_command(evaluate, *words, "test")
    assert done.status == 0, done.error
    assert "test: 72 pictures" in done.out
    assert "note: 72 of the 72 pictures were in the training of checkpoints/tutorial" in done.out
    assert "too good" in done.out
    done = run_command(evaluate, *words, "val")
    assert done.status == 1
    assert done.error.startswith("error: other has no pictures in val")
    assert done.error.count("\n") == 1


def test_val_is_scored_where_there_is_no_test_split(place):
    write_class_folders(place / "no_test", seed=1, train=12, val=4)
    done = run_training(*TUTORIAL, *shlex.split("--dataset no_test --epochs 1 --run no_test"))
    assert "val: 12 pictures" in done.out
    assert "val is scored in its place" in done.out[done.out.index("val: 12 pictures") :]
    assert read_json("checkpoints/no_test/scores.json")["split"] == "val"
    done = run_command(evaluate, *shlex.split("--run no_test --split test --cache cache"))
    assert "val: 12 pictures" in done.out
    assert "val is scored in its place" in done.out


# Prediction.


def test_predict_writes_classes_draws_and_resumes(tutorial, place):
    (place / "holiday").mkdir()
    for number in range(3):
        shutil.copy(place / f"colours/test/blue/0{number}.png", place / "holiday")
    words = shlex.split("--run tutorial --out out.csv --plot drawn_classes")
    done = run_command(predict, "holiday/00.png", *words)
    assert done.status == 0, done.error
    line, end = done.out.splitlines()
    assert re.fullmatch(r"holiday/00\.png: \w+ [01]\.\d\d, \w+ [01]\.\d\d, \w+ [01]\.\d\d", line)
    assert re.fullmatch(r"1 photo, \d+ s: 1 added to out\.csv", end)
    (place / "holiday/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run_command(predict, "holiday", *words)
    assert done.status == 1
    assert done.out.startswith("1 of 4 photos skipped: already in out.csv\n")
    assert done.error.endswith("error: 1 of 4 photos could not be read\n")
    assert len(list((place / "drawn_classes").glob("*.png"))) == 3
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    assert len(rows) == 3
    columns = "path class probability class_2 probability_2 class_3 probability_3"
    assert " ".join(rows[0]) == columns
    predictions = Classifier.load(TUTORIAL_RUN)([row["path"] for row in rows])
    for row, prediction in zip(rows, predictions, strict=True):
        likeliest = prediction.likeliest(3)
        for suffix, (name, probability) in zip(("", "_2", "_3"), likeliest, strict=True):
            assert row[f"class{suffix}"] == name
            assert float(row[f"probability{suffix}"]) == pytest.approx(probability, abs=1e-3)


def test_predict_shows_true_classes_of_random_test_pictures(tutorial):
    done = run_command(predict, *shlex.split("--run tutorial --number 4 --seed 1"))
    assert (done.status, done.error) == (0, "")
    entry = r"^colours/test/(\w+)/\d\d\.png: .+\n    true: (\w+)$"
    found = re.findall(entry, done.out, re.MULTILINE)
    assert len(found) == 4
    for folder, true_class in found:
        assert folder == true_class


# What a classifier has no use for.


@pytest.mark.parametrize(
    ("script", "words", "flags"),
    [
        (predict, "--beam 5", "--beam"),
        (predict, "--weights x.h5", "--weights"),
        (
            predict,
            "--max-length 5 --minimum-score 0 --write-metadata x a.png",
            "--max-length, --minimum-score, --write-metadata",
        ),
        (evaluate, "--language ko --sample", "--language, --sample"),
        (train, "--resume --units 5", "--units"),
        (train, "--resume --scst", "--scst"),
    ],
)
def test_options_of_captions_are_rejected(tutorial, script, words, flags):
    done = run_command(script, "--run", "tutorial", *shlex.split(words))
    assert (done.status, done.out) == (2, "")
    assert done.error.startswith(f"error: {flags} need")
    assert "a preset that writes captions" in done.error


def test_another_seed_is_rejected_on_resume(tutorial):
    done = run_command(train, *shlex.split("--run tutorial --resume --seed 5"))
    assert (done.status, done.out) == (2, "")
    assert done.error.startswith("error: --seed cannot change")
    assert "it was 0 (got 5)" in done.error


def test_a_classifier_is_no_captioner(tutorial):
    """It is no start for one either."""
    with pytest.raises(UserError, match="checkpoints/tutorial is a classifier"):
        Captioner.load(TUTORIAL_RUN)
    for words in (["--scst"], []):
        done = run_command(train, *SMALL, "--from", "tutorial", *words)
        assert done.status == 1
        assert done.error.startswith("error: checkpoints/tutorial is a classifier")


# Its trunk as an encoder.


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "first layers"])
def test_the_trunk_is_an_encoder(run, is_whole):
    """Its features are the trunk's, at the trained image size; another size is possible."""
    network = Classifier.load(run).network.trunk
    layer = None
    if not is_whole:
        layer = {"modern": "stage2_1", "tutorial": "stage1_1"}[run.name]
        network = keras.Model(network.input, network.get_layer(layer).output)
    encoder = Encoder("convnet", weights=str(run), layer=layer)
    assert encoder.image_size == 16
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    grid = network(images / 127.5 - 1)
    features = encoder(images)
    np.testing.assert_allclose(features, np.reshape(grid, features.shape), atol=1e-4)
    larger = Encoder("convnet", weights=str(run), image_size=32)
    assert larger.grid[0] > Encoder("convnet", weights=str(run)).grid[0]
    with pytest.raises(UserError, match=r"--encoder convnet \(got --encoder inception_v3\)$"):
        Encoder("inception_v3", weights=str(run))


@pytest.mark.slow  # trains a classifier and a captioner, and captions
def test_a_captioner_keeps_a_copy_of_the_trunk(modern):
    """It can be used after the classifier's run has gone."""
    words = [*CAPTIONER, "--weights", "modern", "--run", "captions"]
    done = run_command_without_scoring(train, *words)
    assert done.status == 0, done.error
    config = read_config(Path("checkpoints/captions"))
    assert config["encoder_weights"] == "checkpoints/captions/encoder"
    assert config["fingerprint"]["image_size"] == 16
    fingerprint = Encoder("convnet", weights="checkpoints/modern").fingerprint()
    shutil.move("checkpoints/modern", "checkpoints/elsewhere")
    try:
        encoder = Captioner.load("checkpoints/captions").encoder
        assert encoder.fingerprint() == fingerprint
        done = run_command(predict, "drawn", "--run", "captions", "--out", "captions.jsonl")
        assert done.status == 0, done.error
        assert len(Path("captions.jsonl").read_text().splitlines()) == 56
    finally:
        shutil.move("checkpoints/elsewhere", "checkpoints/modern")


@pytest.mark.slow  # trains the encoder further, with a decoder
def test_the_trunk_is_trained_further_with_a_decoder(tutorial):
    words = "--weights tutorial --finetune-encoder --encoder-rate 0.01 --run tuned"
    run_training(*CAPTIONER, *shlex.split(words))
    before = Encoder("convnet", weights="checkpoints/tutorial")
    after = Encoder("convnet", weights="checkpoints/tuned")
    assert (after.image_size, after.grid) == (before.image_size, before.grid)
    assert after.fingerprint()["weights"] != before.fingerprint()["weights"]
    done = run_command(predict, "drawn/photos/000001.jpg", "--run", "tuned")
    assert done.status == 0, done.error


@pytest.mark.slow  # the figure of doc/results.md
@pytest.mark.skipif(
    "CAPTION_REAL_DATA" not in os.environ,
    reason="CAPTION_REAL_DATA does not name the folder of real data",
)
def test_cifar10_is_classified_within_ten_minutes():
    """At least 0.75 of the pictures was the aim."""
    start = time.monotonic()
    dataset = Path(os.environ["CAPTION_REAL_DATA"]) / "cifar10"
    run_training("--preset", "classifier", "--dataset", dataset, "--run", "cifar10")
    scores = read_json("checkpoints/cifar10/scores.json")
    assert (scores["images"], scores["split"]) == (2000, "test")
    assert scores["accuracy"] > 0.8
    assert time.monotonic() - start < 600


def test_the_running_loss_is_of_the_steps_since_the_last_line():
    lines = []
    report_step = RunningLoss(lines.append)
    for epoch in range(2):
        total = 0.0
        for step in range(1, 11):
            total += step + 100 * epoch
            report_step(step, 10, total / step)
    assert lines == [
        "  step 3 of 10: loss 2.000",
        "  step 5 of 10: loss 4.500",
        "  step 8 of 10: loss 7.000",
        "  step 10 of 10: loss 9.500",
        "  step 3 of 10: loss 102.000",
        "  step 5 of 10: loss 104.500",
        "  step 8 of 10: loss 107.000",
        "  step 10 of 10: loss 109.500",
    ]
