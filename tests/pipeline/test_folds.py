"""K-fold scores: which photos are held out, how scores are joined, and the whole command."""

import json
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

import train
from config import Settings
from data.photos.photo import Photo
from data.preprocess import Dataset
from pipeline import folds as folds_module
from pipeline.folds import Fold, compute_scores, divide
from tests.helpers.scripts import (
    SMALL,
    run_command,
    run_command_without_scoring,
    scenes_folder,
)
from utils.errors import UsageError
from utils.metrics.captions import Scorer

WORDS = [*SMALL, *shlex.split("--weights none --max-length 3 --augment 0 --epochs 1")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("folds")) as folder:
        yield folder


def make_dataset(number):
    """Return a dataset of photos in all three splits; two of them are equal."""
    photos = []
    for place in range(number):
        name = f"{place}.png"
        photos.append(Photo(Path(name), name, ("a dog",), f"{max(place, 1):064x}", None))
    return Dataset(None, {"train": photos[4:], "val": photos[:2], "test": photos[2:4]}), photos


def test_every_photo_is_held_out_once():
    dataset, photos = make_dataset(23)
    parts = divide(dataset, Settings(), 5)
    held_out = [photo.name for splits in parts for photo in splits["test"]]
    assert sorted(held_out) == sorted(photo.name for photo in photos)
    assert {len(splits["test"]) for splits in parts} <= {4, 5, 6}
    for splits in parts:
        assert sum(map(len, splits.values())) == 23
        assert min(map(len, splits.values())) > 0
        train_, val, test = ({photo.hash for photo in part} for part in splits.values())
        assert train_ & val == train_ & test == val & test == set()


def test_more_folds_than_photos_are_rejected():
    with pytest.raises(UsageError, match=r"--folds must be at most .* 3 \(got 4\)"):
        divide(make_dataset(4)[0], Settings(), 4)  # two of them are equal
    with pytest.raises(UsageError, match="three different photos"):
        divide(make_dataset(3)[0], Settings(), 2)


def test_all_photos_are_scored_together():
    """The CIDEr of all is that of one scorer; a fold has the mean of its photos."""
    references = [(f"a word{number} runs", f"the word{number} sits") for number in range(6)]
    captions = ["a word0 runs", "x", "a word2 sits", "a word3 runs", "y", "word5"]
    photos = [SimpleNamespace(captions=each) for each in references]
    folds = [Fold(photos[:2], captions[:2]), Fold(photos[2:], captions[2:])]
    scores = compute_scores(folds, "en")
    scorer = Scorer(references)
    assert scores["photos"] == 6
    assert scores["together"] == scorer.score(captions, tuple(scores["together"]))
    ciders = scorer.score_photos_by_cider(captions)
    means = [sum(ciders[:2]) / 2, sum(ciders[2:]) / 4]
    assert scores["folds"]["CIDEr"] == pytest.approx(means)
    assert scores["mean"]["CIDEr"] == pytest.approx(sum(means) / 2)
    assert scores["spread"]["CIDEr"] == pytest.approx(abs(means[0] - means[1]) / 2**0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--folds 1 --weights none", "--folds must be at least 2 (got 1)"),
        ("--folds 2", "--encoder convnet, which is trained on all photos"),
        ("--folds 2 --weights none --finetune-encoder", "--finetune-encoder, since"),
        ("--folds 2 --weights none --ray local", "--folds does not go with --ray"),
        ("--folds 2 --preset classifier", "--folds does not go with --preset classifier"),
    ],
)
def test_what_makes_no_sense_is_one_line(place, options, message):
    done = run_command(train, "--dataset", "drawn", "--run", "never", *shlex.split(options))
    assert (done.status, done.error.count("\n")) == (2, 1)
    assert message in done.error
    assert not Path("checkpoints/never").exists()


@pytest.mark.slow
def test_folds_are_scored_before_the_run_that_is_kept(place):
    done = run_command_without_scoring(train, *WORDS, *shlex.split("--run folded --folds 2"))
    assert done.status == 0, done.error
    assert "2 folds of 56 photos, each captioned by a decoder without it" in done.out
    scores = json.loads(Path("checkpoints/folded/folds.json").read_text())
    assert scores["photos"] == 56
    assert [len(each) for each in scores["folds"].values()] == [2, 2, 2, 2]
    done = run_command(train, *shlex.split("--run folded --resume --folds 2"))
    assert (done.status, done.error.count("\n")) == (2, 1)
    assert "--resume, since folds come before a run" in done.error


@pytest.mark.slow
def test_ctrl_c_in_a_fold_leaves_nothing(place, monkeypatch):
    monkeypatch.setattr(folds_module, "train_phase", lambda *_: False)
    done = run_command(train, *WORDS, *shlex.split("--run stopped --folds 2"))
    assert done.status == 130
    assert "stopped before training; repeat the command" in done.error
    assert not Path("checkpoints/stopped").exists()
