"""Ways of training that go on from another run, from end to end on 56 scenes: by rewards, and with the encoder."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import evaluate
import predict
import train
from models.captioner import Captioner
from models.training.checkpoints import list_checkpoints
from tests.helpers.scripts import SMALL, scenes_folder, typed
from utils.runs import read_config, read_history, read_splits, write_config

# Captions of one length are compiled once; the encoder's weights are random.
OF_ANY = [*SMALL, "--max-length", "3", "--augment", "0"]
WORDS = [*OF_ANY, "--weights", "none"]
RUN = Path("checkpoints/base")


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("ways")) as folder:
        yield folder


def unscored(*words):
    """Training without the scores at its end, which test_scripts.py looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "_final", lambda *_: 0)
        return typed(train, *words)


@pytest.fixture(scope="module")
def base(place):
    """A run with the LSTM that has learned from true captions for one epoch."""
    done = unscored(*WORDS, "--decoder", "lstm", "--epochs", "1", "--run", "base")
    assert done.status == 0, done.error
    (row,) = read_history(RUN)
    return row


def told_before(out):
    """Val loss and CIDEr of the weights that training began with."""
    found = re.search(r"^before the first epoch: val loss (\S+), CIDEr (\S+), ", out, re.MULTILINE)
    return tuple(map(float, found.groups()))


def rounded(row):
    return round(row["val_loss"], 3), round(row["CIDEr"], 3)


def test_rewards_go_on_from_a_run(base):
    done = unscored(
        *WORDS,
        "--run",
        "rewarded",
        "--from",
        "base",
        "--scst",
        "--baseline",
        "greedy",
        "--epochs",
        "1",
    )
    assert done.status == 0, done.error
    assert told_before(done.out) == rounded(base)
    run = Path("checkpoints/rewarded")
    config = read_config(run)
    assert [
        config[name]
        for name in ("scst", "from", "begun", "decoder", "learning_rate", "schedule", "warmup")
    ] == [True, str(RUN), 0, "lstm", 0.0002, "cosine", 50]
    (row,) = read_history(run)
    assert 0 < row["reward"] < 10
    assert 0 < row["greedy_reward"] < 10
    assert f"reward {row['reward']:.3f} (greedy" in done.out
    assert abs(row["val_loss"] - base["val_loss"]) < 0.1  # five small steps from where it was
    assert row["val_loss"] != base["val_loss"]
    assert [Path(path).name for path in list_checkpoints(run / "best")] == [
        "ckpt-1" if row["CIDEr"] > base["CIDEr"] else "ckpt-0"
    ]


def test_rewards_follow_true_captions_in_one_run_also_in_one_that_was_stopped_between(base):
    run = Path(shutil.copytree(RUN, "checkpoints/both"))
    write_config(run, read_config(run) | {"reward_epochs": 1})
    done = unscored("--run", "both", "--resume")
    assert done.status == 0, done.error
    assert "self-critical training: epochs 2 to 2" in done.out
    assert told_before(done.out) == rounded(base)
    first, second = read_history(run)
    assert first == base
    assert ("reward" in first, "reward" in second) == (False, True)
    config = read_config(run)
    assert [config[name] for name in ("scst", "begun", "epochs", "reward_epochs")] == [
        True,
        1,
        2,
        1,
    ]


@pytest.mark.slow
def test_one_command_learns_from_true_captions_and_then_by_rewards(place):
    done = typed(
        train,
        *WORDS,
        "--epochs",
        "1",
        "--reward-epochs",
        "1",
        "--baseline",
        "greedy",
        "--run",
        "one",
    )
    assert done.status == 0, done.error
    assert done.out.count("done in") == 1  # scored once, at the end
    assert ["greedy_reward" in row for row in read_history(Path("checkpoints/one"))] == [
        False,
        True,
    ]
    assert Path("checkpoints/one/scores.json").is_file()


@pytest.fixture(scope="module")
def tuned(base):
    """A run that trained the encoder too, and had its best epoch doing so."""
    done = typed(
        train,
        *WORDS,
        "--run",
        "tuned",
        "--from",
        "base",
        "--finetune-encoder",
        "--encoder-rate",
        "0.001",
        "--learning-rate",
        "0.01",
        "--epochs",
        "1",
        "--best-by",
        "loss",
    )
    assert done.status == 0, done.error
    assert told_before(done.out) == rounded(base)
    (row,) = read_history(Path("checkpoints/tuned"))
    assert row["val_loss"] < base["val_loss"]
    return row


@pytest.mark.slow
def test_a_run_goes_on_by_rewards_and_then_stays_with_them(base):
    run = Path(shutil.copytree(RUN, "checkpoints/resumed"))
    done = typed(train, "--run", "resumed", "--resume", "--scst", "--epochs", "2")
    assert done.status == 0, done.error
    assert told_before(done.out) == rounded(base)
    first, second = read_history(run)
    assert first == base
    assert second["epoch"] == 2
    assert f"epoch 2: reward {second['reward']:.3f}, " in done.out
    config = read_config(run)
    assert (config["scst"], config["begun"], config["epochs"], config["learning_rate"]) == (
        True,
        1,
        2,
        0.0001,
    )
    done = typed(train, "--run", "resumed", "--resume")
    assert (done.status, "is finished" in done.out) == (0, True)
    done = typed(train, "--run", "resumed", "--resume", "--epochs", "3")
    assert done.status == 0, done.error
    assert "before the first epoch" not in done.out
    rows = read_history(run)
    assert rows[:2] == [first, second]
    assert "reward" in rows[2]
    assert read_config(run)["begun"] == 1


@pytest.mark.slow
def test_a_run_goes_on_with_its_encoder(base):
    run = Path(shutil.copytree(RUN, "checkpoints/resumed_tuned"))
    done = unscored("--run", "resumed_tuned", "--resume", "--finetune-encoder", "--epochs", "2")
    assert done.status == 0, done.error
    assert told_before(done.out) == rounded(base)
    assert read_history(run)[0] == base
    assert read_history(run)[1]["val_loss"] < base["val_loss"]
    done = typed(train, "--run", "resumed_tuned", "--resume", "--scst")
    assert done.status == 2
    assert "--from checkpoints/resumed_tuned --scst" in done.error


@pytest.mark.slow
def test_a_run_that_trained_its_encoder_captions_and_is_scored_by_that(tuned, tmp_path):
    """Its captions on val are as good as its best epoch's; its features are not those of the encoder that it began with."""
    before = set(Path("cache").glob("convnet-*"))
    assert len(before) == 2  # of the base, and of this run: it was scored when it was done
    done = typed(
        evaluate,
        "--run",
        "tuned",
        "--split",
        "val",
        "--beam",
        "1",
        "--json",
        tmp_path / "scores.json",
        "--cache",
        "cache",
    )
    assert done.status == 0, done.error
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["loss"] == pytest.approx(tuned["val_loss"], rel=1e-3)
    assert scores["CIDEr"] == pytest.approx(tuned["CIDEr"], abs=0.02)
    assert set(Path("cache").glob("convnet-*")) == before
    fingerprints = {
        folder: json.loads((folder / "encoder.json").read_text())["weights"] for folder in before
    }
    assert len(set(fingerprints.values())) == 2
    start, own = (Captioner.load(Path("checkpoints", name)).encoder for name in ("base", "tuned"))
    assert {start.fingerprint()["weights"], own.fingerprint()["weights"]} == set(
        fingerprints.values()
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 80, 80, 3), dtype=np.uint8)
    assert np.abs(start(images) - own(images)).max() > 0.01
    photo = Path("drawn", read_splits(Path("checkpoints/tuned"))["test"][0])
    done = typed(predict, photo, "--run", "tuned", "--out", tmp_path / "out.csv")
    assert done.status == 0, done.error
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert row["caption"] == Captioner.load("checkpoints/tuned")(photo).text


@pytest.mark.slow
def test_rewards_go_on_from_a_run_that_trained_its_encoder(tuned):
    """With that encoder, which learns no more."""
    done = typed(
        train, *OF_ANY, "--run", "rewarded_tuned", "--from", "tuned", "--scst", "--epochs", "1"
    )
    assert done.status == 0, done.error
    assert told_before(done.out) == pytest.approx(rounded(tuned), abs=0.002)
    config = read_config(Path("checkpoints/rewarded_tuned"))
    assert (config["encoder_weights"], config["finetune_encoder"], config["scst"]) == (
        "checkpoints/rewarded_tuned/encoder",
        False,
        True,
    )
    captioners = [Captioner.load(f"checkpoints/{name}") for name in ("tuned", "rewarded_tuned")]
    told = [
        each.encoder.fingerprint() | {"precision": "any"} for each in captioners
    ]  # trained in float32, then run faster
    assert told[0] == told[1]
    photo = Path("drawn", read_splits(Path("checkpoints/tuned"))["test"][0])
    done = typed(predict, photo, "--run", "rewarded_tuned")
    assert done.status == 0, done.error


@pytest.fixture(scope="module")
def luong(place):
    """A run of the preset with attention after the recurrence, after one epoch."""
    done = unscored(
        *WORDS,
        "--preset",
        "inception-resnet-gru",
        "--attention",
        "additive",
        "--epochs",
        "1",
        "--run",
        "luong",
    )
    assert done.status == 0, done.error
    (row,) = read_history(Path("checkpoints/luong"))
    return row


def test_attention_after_the_recurrence_from_training_to_pictures(luong, tmp_path):
    photo = Path("drawn", read_splits(Path("checkpoints/luong"))["test"][0])
    done = typed(
        predict, photo, "--run", "luong", "--plot", tmp_path, "--out", tmp_path / "out.csv"
    )
    assert done.status == 0, done.error
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    caption = Captioner.load("checkpoints/luong")(photo)
    assert row["caption"] == caption.text
    assert caption.attention.shape == (len(caption.words), 25)
    np.testing.assert_allclose(caption.attention.sum(axis=1), 1, atol=1e-4)
    assert len(list(tmp_path.glob("*.png"))) == 1
    done = typed(train, *WORDS, "--from", "luong", "--attention", "dot", "--run", "never")
    assert (done.status, done.out) == (2, "")
    assert "--attention dot: the weights of checkpoints/luong are of additive" in done.error


@pytest.mark.slow
def test_attention_after_the_recurrence_goes_on_by_rewards_and_with_its_encoder(luong):
    for way in ("scst", "finetune_encoder"):
        done = unscored(
            *WORDS,
            "--from",
            "luong",
            "--" + way.replace("_", "-"),
            "--epochs",
            "1",
            "--run",
            f"luong_{way}",
        )
        assert done.status == 0, done.error
        assert told_before(done.out) == rounded(luong)
        config = read_config(Path(f"checkpoints/luong_{way}"))
        assert [config[name] for name in ("preset", "decoder", "attention", way)] == [
            "inception-resnet-gru",
            "luong",
            "additive",
            True,
        ]
        (row,) = read_history(Path(f"checkpoints/luong_{way}"))
        assert row["val_loss"] != luong["val_loss"]


def test_drawn_locations_are_refused_where_none_are_drawn_before_anything_is_read(monkeypatch):
    monkeypatch.setattr(train, "_train", lambda *_, **__: 77)
    words = [*WORDS, "--decoder", "lstm", "--look", "drawn", "--run", "looking"]
    assert typed(train, *words, "--attention", "hard").status == 77
    done = typed(train, *words)
    assert (done.status, done.out) == (2, "")
    assert done.error.startswith("error: --look drawn")
