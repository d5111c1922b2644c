"""The classifier from end to end on small pictures: what a user types, and what is then on the screen and in the folders."""

import csv
import json
import os
import re
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
from tests.helpers.pages import read_page, read_rows
from tests.helpers.scripts import SMALL, scenes_folder, typed
from tests.helpers.stopping import act_at_step
from utils.errors import UserError
from utils.runs import read_config, read_encoder_construction, read_history
from utils.stopwatch import read_time_and_memory
from utils.terminal import TrainingBar

# Twelve steps an epoch.
WORDS = [
    "--preset",
    "classifier",
    "--dataset",
    "colours",
    "--image-size",
    "16",
    "--batch",
    "8",
    "--cache",
    "cache",
    "--save-every",
    "5",
    "--warmup",
    "4",
]
MODERN = [*WORDS, "--epochs", "2", "--learning-rate", "0.02"]
TUTORIAL = [*WORDS, "--trunk", "tutorial", "--learning-rate", "0.02"]


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A current directory with class folders, one broken picture among them, and scenes."""
    with scenes_folder(tmp_path_factory.mktemp("classifying")) as folder:
        write_class_folders(folder / "colours", train=36, test=8)
        broken = folder / "colours/train/red/broken.png"
        broken.write_bytes((folder / "colours/train/red/00.png").read_bytes()[:90])
        yield folder


def trained(*words):
    done = typed(train, *words)
    assert done.status == 0, done.error
    return done


@pytest.fixture(scope="module")
def modern(place):
    return trained(*MODERN, "--run", "modern")


@pytest.fixture(scope="module")
def tutorial(place):
    return trained(*TUTORIAL, "--run", "tutorial")


@pytest.fixture(params=["modern", "tutorial"])
def run(request):
    request.getfixturevalue(request.param)
    return Path("checkpoints", request.param)


def losses(run):
    return [
        (row["loss"], row["accuracy"], row["val_loss"], row["val_accuracy"])
        for row in read_history(Path(run))
    ]


def test_what_is_told_on_the_way(modern):
    assert "left out 1: train/red/broken.png: cut short" in modern.out
    assert "classes, 44 of each\nsplits: train " in modern.out
    steps = re.findall(r"^  step (\d+) of (\d+): loss \d\.\d{3}$", modern.out, re.MULTILINE)
    assert [int(step) for step, _ in steps] == 2 * [
        int(int(steps[0][1]) * quarter / 4 + 0.99) for quarter in (1, 2, 3, 4)
    ]
    assert (
        len(
            re.findall(
                r"^epoch [12]: loss .*, accuracy .*; val: loss .*, accuracy ",
                modern.out,
                re.MULTILINE,
            )
        )
        == 2
    )
    end = modern.out[modern.out.index("test: 24 pictures") :]
    assert re.findall(r"^  (blue|green|red) +[01]\.\d{3}$", end, re.MULTILINE) == list(CLASSES)
    assert "python predict.py --run checkpoints/modern PHOTO" in end
    assert modern.error == ""


def test_a_run_folder_has_all_that_is_promised(run):
    rows = read_history(run)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"} <= rows[0].keys()
    config = read_config(run)
    assert (config["classes"], config["image_size"], config["trunk"]) == (
        list(CLASSES),
        16,
        run.name,
    )
    assert not {"beam", "decoder", "units", "vocabulary"} & config.keys()
    scores = json.loads((run / "scores.json").read_text())
    assert scores["accuracy"] > {"modern": 0.8, "tutorial": 0.5}[run.name]  # of three colours
    assert (scores["images"], scores["split"]) == (24, "test")
    assert (
        np.trace(scores["confusion"]) / 24
        == scores["accuracy"]
        == pytest.approx(np.mean(list(scores["accuracy_per_class"].values())))
    )
    assert scores.keys() >= {"loss", "seconds", "images_per_second"}
    for name in ("samples.png", "history.png", "confusion.png", "predictions.png"):
        with Image.open(run / name) as drawn:
            assert drawn.format == "PNG" and min(drawn.size) > 250
    splits = json.loads((run / "splits.json").read_text())
    assert {split: len(names) for split, names in splits.items()} == {
        "train": 108 - len(splits["val"]),
        "val": len(splits["val"]),
        "test": 24,
    }
    assert len(json.loads((run / "seen.json").read_text())) == 108
    assert json.loads((run / "left_out.json").read_text())[0]["reason"] == "cut short"
    assert read_encoder_construction(run) == {
        "encoder": "convnet",
        "trunk": run.name,
        "image_size": 16,
    }
    assert all((run / kind / "checkpoint").is_file() for kind in ("last", "best"))


def test_a_run_s_page_tells_its_scores_and_is_made_anew_by_a_report(tutorial):
    """At the end of training of the test split; then of val, whose pictures the two files show as well."""
    run = Path("checkpoints/tutorial")
    page, scores = read_page(run / "report.html"), json.loads((run / "scores.json").read_text())
    assert read_rows(page, "On the 24 pictures of test")[1] == [
        "accuracy",
        f"{scores['accuracy']:.3f}",
    ]
    assert len(page.all("img")) >= 24 and page.texts("figcaption")[-2:] == ["Loss", "Accuracy"]
    assert read_time_and_memory(run)["seconds"].keys() == {
        "reading",
        "preparing",
        "training",
        "validation",
        "saving",
        "scoring",
    }
    before = {name: (run / name).read_bytes() for name in ("confusion.png", "predictions.png")}
    done = typed(evaluate, "--run", "tutorial", "--report", "--cache", "cache")
    assert (done.status, done.error) == (0, "")
    assert done.out.splitlines()[-1].endswith(f"all in one page: {run}/report.html")
    val = len(json.loads((run / "splits.json").read_text())["val"])
    assert len(read_rows(read_page(run / "report.html"), f"On the {val} pictures of val")) == 3
    assert all((run / name).read_bytes() != content for name, content in before.items())


@pytest.mark.parametrize(
    ("words", "run"),
    [pytest.param(MODERN, "modern", marks=pytest.mark.slow), (TUTORIAL, "tutorial")],
)
def test_ctrl_c_saves_and_going_on_gives_the_losses_of_a_run_that_was_not_stopped(
    words, run, request, monkeypatch
):
    request.getfixturevalue(run)
    with monkeypatch.context() as patch:
        patch.setattr(
            TrainingBar, "update", act_at_step(2, 3, lambda: signal.raise_signal(signal.SIGINT))
        )
        done = typed(train, *words, "--run", f"{run}_stopped")
    assert done.status == 130
    command = re.fullmatch(r"stopped and saved; go on with: python train\.py (.+)\n", done.error)[1]
    assert losses(f"checkpoints/{run}_stopped") == losses(f"checkpoints/{run}")[:1]
    trained(*command.split(), "--dataset", "./colours")
    assert losses(f"checkpoints/{run}_stopped") == losses(f"checkpoints/{run}")
    wanted = json.loads(Path("checkpoints", run, "scores.json").read_text())
    assert (
        json.loads(Path("checkpoints", f"{run}_stopped", "scores.json").read_text())["confusion"]
        == wanted["confusion"]
    )


def test_evaluation_writes_the_promised_names(tutorial):
    done = typed(
        evaluate,
        "--run",
        "tutorial",
        "--split",
        "test",
        "--json",
        "scores/test.json",
        "--cache",
        "cache",
    )
    assert done.status == 0, done.error
    told = json.loads(Path("checkpoints/tutorial/scores.json").read_text())
    scores = json.loads(Path("scores/test.json").read_text())
    assert {
        name: scores[name] for name in ("accuracy", "accuracy_per_class", "confusion", "images")
    } == {name: told[name] for name in ("accuracy", "accuracy_per_class", "confusion", "images")}
    assert scores["loss"] == pytest.approx(told["loss"], rel=1e-4)
    assert "test: 24 pictures" in done.out and f"accuracy {told['accuracy']:.3f}" in done.out
    done = typed(evaluate, "--run", "tutorial", "--cache", "cache")
    assert (
        f"accuracy {max(row['val_accuracy'] for row in read_history(Path('checkpoints/tutorial'))):.3f}"
        in done.out
    )


def test_pictures_that_were_learned_from_are_told_where_another_dataset_has_them(tutorial, place):
    shutil.copytree(place / "colours/train", place / "other/test")
    (place / "other/test/green").rename(place / "other/test/vert")
    done = typed(
        evaluate, "--run", "tutorial", "--split", "test", "--dataset", "other", "--cache", "cache"
    )
    assert done.status == 0, done.error
    assert "test: 72 pictures" in done.out
    assert (
        "note: 72 of the 72 pictures were in the training of checkpoints/tutorial: the scores are too good"
        in done.out
    )
    done = typed(
        evaluate, "--run", "tutorial", "--split", "val", "--dataset", "other", "--cache", "cache"
    )
    assert (done.status, done.error) == (
        1,
        "error: other has no pictures in val that can be read and are of a class of "
        "checkpoints/tutorial\n",
    )


def test_without_a_test_split_val_is_scored_in_its_place(place):
    write_class_folders(place / "no_test", seed=1, train=12, val=4)
    done = trained(*TUTORIAL, "--dataset", "no_test", "--epochs", "1", "--run", "no_test")
    assert "val: 12 pictures" in done.out
    assert (
        "note: there are no test pictures of these classes: val is scored in its place" in done.out
    )
    assert json.loads(Path("checkpoints/no_test/scores.json").read_text())["split"] == "val"
    done = typed(evaluate, "--run", "no_test", "--split", "test", "--cache", "cache")
    assert "val: 12 pictures" in done.out and "val is scored in its place" in done.out


def test_predict_names_the_classes_of_photos_writes_draws_and_goes_on(tutorial, place):
    (place / "holiday").mkdir()
    for number in range(3):
        shutil.copy(place / f"colours/test/blue/0{number}.png", place / "holiday")
    words = ["--run", "tutorial", "--out", "out.csv", "--plot", "drawn_classes"]
    done = typed(predict, "holiday/00.png", *words)
    assert done.status == 0, done.error
    assert re.fullmatch(
        r"holiday/00\.png: \w+ [01]\.\d\d, \w+ [01]\.\d\d, \w+ [01]\.\d\d\n"
        r"1 photo, \d+ s: 1 added to out\.csv\n",
        done.out,
    )
    (place / "holiday/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = typed(predict, "holiday", *words)
    assert done.status == 1
    assert done.out.startswith("1 of 4 already stand in out.csv and stay as they are\n")
    assert done.error.endswith("error: 1 of 4 photos could not be read\n")
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    assert list(rows[0]) == [
        "path",
        "class",
        "probability",
        "class_2",
        "probability_2",
        "class_3",
        "probability_3",
    ]
    answers = Classifier.load("checkpoints/tutorial")([row["path"] for row in rows])
    for row, answer in zip(rows, answers, strict=True):
        told = [
            (row[f"class{rank}"], float(row[f"probability{rank}"])) for rank in ("", "_2", "_3")
        ]
        assert [name for name, _ in told] == [name for name, _ in answer.likeliest(3)]
        assert [share for _, share in told] == pytest.approx(
            [share for _, share in answer.likeliest(3)], abs=1e-3
        )
    assert len(list((place / "drawn_classes").glob("*.png"))) == 3


def test_predict_takes_random_test_pictures_with_their_true_classes(tutorial):
    done = typed(predict, "--run", "tutorial", "--number", "4", "--seed", "1")
    assert (done.status, done.error) == (0, "")
    told = re.findall(
        r"^colours/test/(\w+)/\d\d\.png: .+\n    true: (\w+)$", done.out, re.MULTILINE
    )
    assert len(told) == 4 and all(folder == true for folder, true in told)


@pytest.mark.parametrize(
    ("script", "words", "status", "message"),
    [
        (
            predict,
            ["--beam", "5"],
            2,
            "--beam: that is for captions, and a classifier writes none; leave it out",
        ),
        (predict, ["--weights", "x.h5"], 2, "--weights: that is for captions"),
        (
            predict,
            ["--max-length", "5", "--minimum-score", "0", "--write-metadata", "x", "a.png"],
            2,
            "--max-length, --minimum-score, --write-metadata: that is for captions, and a classifier writes none",
        ),
        (
            evaluate,
            ["--language", "ko", "--sample"],
            2,
            "--language, --sample: that is for captions",
        ),
        (train, ["--resume", "--units", "5"], 2, "--units: that is for captions"),
        (train, ["--resume", "--scst"], 2, "--scst: that is for captions"),
        (
            train,
            ["--resume", "--seed", "5"],
            2,
            "--seed cannot change when a run is resumed: it was 0",
        ),
    ],
)
def test_what_a_classifier_has_nothing_to_do_with_is_refused(
    tutorial, script, words, status, message
):
    done = typed(script, "--run", "tutorial", *words)
    assert (done.status, done.out) == (status, "")
    assert done.error.startswith(f"error: {message}")


def test_a_finished_run_says_so_and_can_be_trained_longer(tutorial, place):
    done = typed(train, "--run", "tutorial", "--resume")
    assert (done.status, "checkpoints/tutorial is finished" in done.out) == (0, True)
    shutil.copytree("checkpoints/tutorial", "checkpoints/longer")
    done = trained("--run", "longer", "--resume", "--epochs", "3")
    assert losses("checkpoints/longer")[:2] == losses("checkpoints/tutorial")
    assert len(losses("checkpoints/longer")) == 3


def test_changed_pictures_are_refused_on_resume(tutorial, place):
    shutil.copytree("checkpoints/tutorial", "checkpoints/changed")
    shutil.copytree("colours", "moved")
    Path("moved/train/red/00.png").rename("moved/train/blue/99.png")
    config = json.loads(Path("checkpoints/changed/config.json").read_text()) | {"dataset": "moved"}
    Path("checkpoints/changed/config.json").write_text(json.dumps(config))
    done = typed(train, "--run", "changed", "--resume", "--epochs", "3")
    assert (done.status, "of moved have changed since checkpoints/changed began" in done.error) == (
        1,
        True,
    )


def test_a_classifier_is_no_captioner_and_no_start_for_one(tutorial):
    refusal = "checkpoints/tutorial is a classifier: it names classes and writes no captions. "
    with pytest.raises(UserError, match=f"^{refusal}"):
        Captioner.load("checkpoints/tutorial")
    for words in (["--scst"], []):
        done = typed(train, *SMALL, "--from", "tutorial", *words)
        assert (done.status, done.error.startswith(f"error: {refusal}")) == (1, True)


@pytest.mark.parametrize("layer", [None, "first"])
def test_its_trunk_is_an_encoder(run, layer):
    """At the size it learned at or another, whole or up to a layer, it sees what the classifier's trunk sees."""
    network = Classifier.load(run).network.trunk
    name = None if layer is None else {"modern": "stage2_1", "tutorial": "stage1_1"}[run.name]
    encoder = Encoder("convnet", weights=str(run), layer=name)
    assert encoder.image_size == 16
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    if name is not None:
        network = keras.Model(network.input, network.get_layer(name).output)
    grid = network(images / 127.5 - 1)
    np.testing.assert_allclose(encoder(images), np.reshape(grid, encoder(images).shape), atol=1e-4)
    larger = Encoder("convnet", weights=str(run), image_size=32)
    assert larger.grid[0] > Encoder("convnet", weights=str(run)).grid[0]
    with pytest.raises(
        UserError, match=r"trained --encoder convnet \(got --encoder inception_v3\)$"
    ):
        Encoder("inception_v3", weights=str(run))


@pytest.mark.slow  # a classifier, then a captioner, then captions
def test_a_captioner_is_trained_on_its_trunk_and_does_not_depend_on_it(modern):
    """Named as a run or as its folder; what it learned lies in the captioner's own folder then."""
    words = [
        *SMALL[:-2],
        "--encoder",
        "convnet",
        "--max-length",
        "3",
        "--epochs",
        "1",
        "--augment",
        "0",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "_final", lambda *_: 0)
        trained(*words, "--weights", "modern", "--run", "captions")
    config = read_config(Path("checkpoints/captions"))
    assert (config["encoder_weights"], config["fingerprint"]["image_size"]) == (
        "checkpoints/captions/encoder",
        16,
    )
    wanted = Encoder("convnet", weights="checkpoints/modern").fingerprint()
    shutil.move("checkpoints/modern", "checkpoints/elsewhere")
    try:
        assert Captioner.load("checkpoints/captions").encoder.fingerprint() == wanted
        done = typed(predict, "drawn", "--run", "captions", "--out", "captions.jsonl")
        assert done.status == 0, done.error
        assert len(Path("captions.jsonl").read_text().splitlines()) == 56
    finally:
        shutil.move("checkpoints/elsewhere", "checkpoints/modern")


@pytest.mark.slow  # an encoder that began in a classifier, trained further with a decoder
def test_its_trunk_is_trained_further_with_a_decoder(tutorial):
    words = [
        *SMALL[:-2],
        "--encoder",
        "convnet",
        "--max-length",
        "3",
        "--epochs",
        "1",
        "--augment",
        "0",
    ]
    trained(
        *words,
        "--weights",
        "tutorial",
        "--finetune-encoder",
        "--encoder-rate",
        "0.01",
        "--run",
        "tuned",
    )
    before, after = (
        Encoder("convnet", weights=f"checkpoints/{name}") for name in ("tutorial", "tuned")
    )
    assert (after.image_size, after.grid) == (before.image_size, before.grid)
    assert after.fingerprint()["weights"] != before.fingerprint()["weights"]
    done = typed(predict, "drawn/photos/000001.jpg", "--run", "tuned")
    assert done.status == 0, done.error


@pytest.mark.slow  # the figure of doc/results.md
@pytest.mark.skipif(
    "CAPTION_REAL_DATA" not in os.environ,
    reason="the folder of real data is not named in CAPTION_REAL_DATA",
)
def test_three_quarters_of_cifar10_are_named_rightly_within_ten_minutes():
    began = time.monotonic()
    trained(
        "--preset",
        "classifier",
        "--dataset",
        Path(os.environ["CAPTION_REAL_DATA"]) / "cifar10",
        "--run",
        "cifar10",
    )
    scores = json.loads(Path("checkpoints/cifar10/scores.json").read_text())
    assert (scores["images"], scores["split"]) == (2000, "test")
    assert scores["accuracy"] > 0.8  # at least 0.75 was the aim
    assert time.monotonic() - began < 600


def test_the_running_loss_is_that_of_the_steps_since_it_was_told_last():
    lines = []
    each_step = RunningLoss(lines.append)
    for epoch in range(2):
        total = 0.0
        for step in range(1, 11):
            total += step + 100 * epoch
            each_step(step, 10, total / step)
    assert lines[:4] == [
        "  step 3 of 10: loss 2.000",
        "  step 5 of 10: loss 4.500",
        "  step 8 of 10: loss 7.000",
        "  step 10 of 10: loss 9.500",
    ]
    assert lines[4:] == [
        "  step 3 of 10: loss 102.000",
        "  step 5 of 10: loss 104.500",
        "  step 8 of 10: loss 107.000",
        "  step 10 of 10: loss 109.500",
    ]
