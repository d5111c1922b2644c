"""Further training of a run, from end to end on 56 scenes: by rewards, and with the encoder."""

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

import evaluate
import predict
import train
from models.captioner import Captioner
from models.training.checkpoints import list_checkpoints
from pipeline import job
from tests.helpers.scripts import (
    SMALL,
    run_command,
    run_command_without_scoring,
    scenes_folder,
)
from utils.runs import read_config, read_history, read_splits, write_config

# Short captions of one length are compiled once.
ANY_WEIGHTS = [*SMALL, *shlex.split("--max-length 3 --augment 0")]
WORDS = [*ANY_WEIGHTS, "--weights", "none"]  # an encoder with random weights needs no training
BASE = Path("checkpoints/base")


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("ways")) as folder:
        yield folder


def train_scored(*words):
    done = run_command(train, *words)
    assert done.status == 0, done.error
    return done


def train_unscored(*words):
    """Train without the scores at the end, which test_train.py tests."""
    done = run_command_without_scoring(train, *words)
    assert done.status == 0, done.error
    return done


def copy_base(name, **changes):
    """Copy the base run, unfinished, with changes of its config.json."""
    run = Path(shutil.copytree(BASE, f"checkpoints/{name}"))
    write_config(run, read_config(run) | changes)
    return run


def check_config(run, **expected):
    config = read_config(Path("checkpoints", run))
    assert {name: config[name] for name in expected} == expected


def find_scores_before(out):
    """Return validation loss and CIDEr before the first epoch, as they were printed."""
    line = r"^before the first epoch: val loss (\S+), CIDEr (\S+), "
    loss, cider = re.search(line, out, re.MULTILINE).groups()
    return float(loss), float(cider)


def round_scores(row):
    return round(row["val_loss"], 3), round(row["CIDEr"], 3)


def first_test_photo(run):
    return Path("drawn", read_splits(Path("checkpoints", run))["test"][0])


def read_only_row(file):
    (row,) = csv.DictReader(file.read_text().splitlines())
    return row


@pytest.fixture(scope="module")
def base(place):
    """Train an LSTM on true captions for one epoch; return the epoch's row."""
    train_unscored(*WORDS, "--decoder", "lstm", "--epochs", "1", "--run", "base")
    (row,) = read_history(BASE)
    return row


@pytest.fixture(scope="module")
def tuned(base):
    """Train the encoder too, for an epoch that is better than the base; return its row."""
    words = (
        "--run tuned --from base --finetune-encoder --encoder-rate 0.001 --learning-rate 0.01 "
        "--epochs 1 --best-by loss"
    )
    done = train_scored(*WORDS, *shlex.split(words))
    assert find_scores_before(done.out) == round_scores(base)
    (row,) = read_history(Path("checkpoints/tuned"))
    assert row["val_loss"] < base["val_loss"]
    return row


# By rewards.


def test_rewards_start_from_another_run(base):
    words = "--run rewarded --from base --scst --baseline greedy --epochs 1"
    done = train_unscored(*WORDS, *shlex.split(words))
    assert find_scores_before(done.out) == round_scores(base)
    check_config(
        "rewarded",
        **{"from": str(BASE)},
        scst=True,
        first_epoch=0,
        decoder="lstm",
        learning_rate=0.0002,
        schedule="cosine",
        warmup=50,
    )
    run = Path("checkpoints/rewarded")
    (row,) = read_history(run)
    assert 0 < row["reward"] < 10
    assert 0 < row["greedy_reward"] < 10
    assert f"reward {row['reward']:.3f} (greedy" in done.out
    assert abs(row["val_loss"] - base["val_loss"]) < 0.1  # after five small steps
    assert row["val_loss"] != base["val_loss"]
    best = "ckpt-0"
    if row["CIDEr"] > base["CIDEr"]:
        best = "ckpt-1"
    assert [Path(path).name for path in list_checkpoints(run / "best")] == [best]


def test_a_run_stopped_before_its_rewards_resumes_with_them(base):
    run = copy_base("both", reward_epochs=1)
    done = train_unscored("--run", "both", "--resume")
    assert "self-critical training: epochs 2 to 2" in done.out
    assert find_scores_before(done.out) == round_scores(base)
    first, second = read_history(run)
    assert first == base
    assert "reward" not in first
    assert "reward" in second
    check_config("both", scst=True, first_epoch=1, epochs=2, reward_epochs=1)


@pytest.mark.slow
def test_one_command_trains_on_captions_then_by_rewards(place):
    words = "--epochs 1 --reward-epochs 1 --baseline greedy --run one"
    done = train_scored(*WORDS, *shlex.split(words))
    assert done.out.count("done in") == 1  # scored once, at the end
    first, second = read_history(Path("checkpoints/one"))
    assert "greedy_reward" not in first
    assert "greedy_reward" in second
    assert Path("checkpoints/one/scores.json").is_file()


@pytest.mark.slow
def test_a_run_resumed_by_rewards_stays_with_them(base):
    run = copy_base("resumed")
    done = train_scored(*shlex.split("--run resumed --resume --scst --epochs 2"))
    assert find_scores_before(done.out) == round_scores(base)
    first, second = read_history(run)
    assert first == base
    assert second["epoch"] == 2
    assert f"epoch 2: reward {second['reward']:.3f}, " in done.out
    check_config("resumed", scst=True, first_epoch=1, epochs=2, learning_rate=0.0002)
    done = train_scored("--run", "resumed", "--resume")
    assert "is finished" in done.out
    done = train_scored(*shlex.split("--run resumed --resume --epochs 3"))
    assert "before the first epoch" not in done.out
    rows = read_history(run)
    assert rows[:2] == [first, second]
    assert "reward" in rows[2]
    check_config("resumed", first_epoch=1)


# On other photos.


@pytest.fixture
def mended(base):
    """A table of six of the base's test photos, whose one caption each somebody has mended."""
    lines = ["photo,caption,split"]
    for number, name in enumerate(read_splits(BASE)["test"][:6]):
        split = "val" if number < 2 else "train"
        lines.append(f"drawn/{name},a zebra sleeps,{split}")
    file = Path("mended.csv")
    file.write_text("\n".join(lines))
    yield file
    file.unlink()


def test_few_photos_are_learned_beside_those_of_the_base(base, mended):
    """Each epoch has the four new photos twice, and of the base's forty as many."""
    words = "--dataset mended.csv --from base --epochs 1 --passes 2 --minimum-count 1 --run further"
    done = train_unscored(*WORDS, *shlex.split(words))
    assert "40 are replayed, 1 for each new one in an epoch; 8 of its val are scored" in done.out
    check_config("further", replay=1.0, keep=0.5, passes=2, best_by="loss", decoder="lstm")
    run = Path("checkpoints/further")
    (row,) = read_history(run)
    assert row["earlier_val_loss"] != row["val_loss"]
    assert "val of the earlier run, greedy captions: BLEU-2" in done.out
    kept = json.loads((run / "replay.json").read_text())
    assert [len(kept["own"][split]) for split in ("train", "val")] == [4, 2]
    assert [len(kept["earlier"][split]) for split in ("train", "val")] == [40, 8]
    before = float(re.search(r"before the first epoch: val loss (\S+),", done.out).group(1))
    assert row["val_loss"] < before


# With the encoder.


@pytest.mark.slow
def test_a_run_resumes_with_its_encoder(base):
    run = copy_base("resumed_tuned")
    done = train_unscored(
        *shlex.split("--run resumed_tuned --resume --finetune-encoder --epochs 2")
    )
    assert find_scores_before(done.out) == round_scores(base)
    first, second = read_history(run)
    assert first == base
    assert second["val_loss"] < base["val_loss"]
    done = run_command(train, "--run", "resumed_tuned", "--resume", "--scst")
    assert done.status == 2
    assert "--from checkpoints/resumed_tuned --scst" in done.error


@pytest.mark.slow
def test_a_run_is_scored_with_the_encoder_it_trained(tuned, tmp_path):
    """Its captions on val score as in its best epoch, from features of its own."""
    folders = set(Path("cache").glob("convnet-*"))
    assert len(folders) == 2  # the base's and its own: it was scored after training
    file = tmp_path / "scores.json"
    words = "--run tuned --split val --beam 1 --cache cache --json"
    done = run_command(evaluate, *shlex.split(words), file)
    assert done.status == 0, done.error
    scores = json.loads(file.read_text())
    assert scores["loss"] == pytest.approx(tuned["val_loss"], rel=1e-3)
    assert scores["CIDEr"] == pytest.approx(tuned["CIDEr"], abs=0.02)
    assert set(Path("cache").glob("convnet-*")) == folders
    cached = {json.loads((folder / "encoder.json").read_text())["weights"] for folder in folders}
    before = Captioner.load("checkpoints/base").encoder
    after = Captioner.load("checkpoints/tuned").encoder
    assert len(cached) == 2
    assert {before.fingerprint()["weights"], after.fingerprint()["weights"]} == cached
    images = np.random.default_rng(0).integers(0, 256, (2, 80, 80, 3), dtype=np.uint8)
    assert np.abs(before(images) - after(images)).max() > 0.01


@pytest.mark.slow
def test_predict_uses_the_encoder_that_a_run_trained(tuned, tmp_path):
    photo = first_test_photo("tuned")
    file = tmp_path / "out.csv"
    done = run_command(predict, photo, "--run", "tuned", "--out", file)
    assert done.status == 0, done.error
    assert read_only_row(file)["caption"] == Captioner.load("checkpoints/tuned")(photo).text


@pytest.mark.slow
def test_rewards_start_from_a_run_that_trained_its_encoder(tuned):
    """The encoder is that run's, and is not trained further."""
    words = "--run rewarded_tuned --from tuned --scst --epochs 1"
    done = train_scored(*ANY_WEIGHTS, *shlex.split(words))
    assert find_scores_before(done.out) == pytest.approx(round_scores(tuned), abs=0.002)
    check_config(
        "rewarded_tuned",
        encoder_weights="checkpoints/rewarded_tuned/encoder",
        finetune_encoder=False,
        scst=True,
    )
    fingerprints = []
    for name in ("tuned", "rewarded_tuned"):
        fingerprint = Captioner.load(f"checkpoints/{name}").encoder.fingerprint()
        # It is trained in float32, and may run faster afterwards.
        fingerprints.append(fingerprint | {"precision": "any"})
    assert fingerprints[0] == fingerprints[1]
    done = run_command(predict, first_test_photo("tuned"), "--run", "rewarded_tuned")
    assert done.status == 0, done.error


# With attention after the recurrence.


@pytest.fixture(scope="module")
def luong(place):
    """Train the preset with attention after the recurrence for one epoch; return its row."""
    words = "--preset inception-resnet-gru --attention additive --epochs 1 --run luong"
    train_unscored(*WORDS, *shlex.split(words))
    (row,) = read_history(Path("checkpoints/luong"))
    return row


def test_luong_attention_writes_captions_and_pictures(luong, tmp_path):
    photo = first_test_photo("luong")
    file = tmp_path / "out.csv"
    done = run_command(predict, photo, "--run", "luong", "--plot", tmp_path, "--out", file)
    assert done.status == 0, done.error
    caption = Captioner.load("checkpoints/luong")(photo)
    assert read_only_row(file)["caption"] == caption.text
    assert caption.attention.shape == (len(caption.words), 25)
    np.testing.assert_allclose(caption.attention.sum(axis=1), 1, atol=1e-4)
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_another_attention_is_rejected_with_from(luong):
    done = run_command(train, *WORDS, *shlex.split("--from luong --attention dot --run never"))
    assert (done.status, done.out) == (2, "")
    assert "--attention" in done.error
    assert "checkpoints/luong have additive (got dot)" in done.error


@pytest.mark.slow
@pytest.mark.parametrize("way", ["scst", "finetune_encoder"])
def test_luong_attention_is_trained_further(luong, way):
    flag = "--" + way.replace("_", "-")
    run = f"luong_{way}"
    done = train_unscored(*WORDS, *shlex.split(f"--from luong {flag} --epochs 1 --run {run}"))
    assert find_scores_before(done.out) == round_scores(luong)
    expected = {"preset": "inception-resnet-gru", "decoder": "luong", "attention": "additive"}
    check_config(run, **expected, **{way: True})
    (row,) = read_history(Path("checkpoints", run))
    assert row["val_loss"] != luong["val_loss"]


def test_drawn_locations_need_hard_attention(monkeypatch):
    """The mistake is found before the dataset is read."""
    monkeypatch.setattr(job, "train_captioner", lambda *_, **__: 77)
    words = [*WORDS, *shlex.split("--decoder lstm --look drawn --run looking")]
    assert run_command(train, *words, "--attention", "hard").status == 77
    done = run_command(train, *words)
    assert (done.status, done.out) == (2, "")
    assert "--look drawn needs --attention hard" in done.error
