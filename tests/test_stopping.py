"""Training that is stopped in every way, and goes on as if it had not been."""

import json
import re
import signal
from pathlib import Path

import pytest

import train
from config import Settings
from models.training.trainer import Trainer
from tests.helpers.pages import whole
from tests.helpers.scripts import ROOT, SMALL, scenes_folder, started, typed
from utils import runs
from utils.stopwatch import read_time_and_memory
from utils.terminal import TrainingBar

# An epoch has five steps. Captions of one length are compiled once; the encoder's weights are random.
WORDS = [*SMALL, "--save-every", "2", "--max-length", "3", "--weights", "none"]


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("stopping")) as folder:
        yield folder


@pytest.fixture(scope="module")
def unstopped(place):
    done = typed(train, *WORDS, "--run", "unstopped")
    assert done.status == 0, done.error
    return losses("unstopped")


def losses(run):
    rows = map(json.loads, Path("checkpoints", run, "history.jsonl").read_text().splitlines())
    return [(row["loss"], row["val_loss"], row["CIDEr"]) for row in rows]


def at_step(epoch, step, what):
    """An `TrainingBar.update` that does something at this step."""
    ordinary = TrainingBar.update

    def update(self, now, done, *rest):
        ordinary(self, now, done, *rest)
        if (now, done) == (epoch, step):
            what()

    return update


def test_ctrl_c_saves_and_prints_the_command_that_goes_on_exactly(unstopped, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(
            TrainingBar, "update", at_step(2, 3, lambda: signal.raise_signal(signal.SIGINT))
        )
        done = typed(train, *WORDS, "--run", "asked")
    assert done.status == 130
    command = re.fullmatch(r"stopped and saved; go on with: python train\.py (.+)\n", done.error)[1]
    assert losses("asked") == unstopped[:1]
    run = Path("checkpoints/asked")
    assert "1 of 2, not finished yet; the best: 1" in whole(run / "report.html").texts("dd")
    before = read_time_and_memory(run)["seconds"]
    done = typed(train, *command.split())
    assert done.status == 0, done.error
    assert losses("asked") == unstopped
    assert all(
        read_time_and_memory(run)["seconds"][what] > seconds for what, seconds in before.items()
    )
    assert any(
        text.startswith("2 of 2; the best: ") for text in whole(run / "report.html").texts("dd")
    )


def test_a_second_ctrl_c_stops_at_once_and_what_was_saved_stands(unstopped, monkeypatch):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    saved, save = [], Trainer.save
    monkeypatch.setattr(
        Trainer,
        "save",
        lambda trainer: (saved.append((trainer.epoch, int(trainer._step))), save(trainer)),
    )
    monkeypatch.setattr(TrainingBar, "update", at_step(2, 3, twice))
    done = typed(train, *WORDS, "--run", "twice")
    assert (done.status, done.error) == (
        130,
        "stopped; go on with: python train.py --run checkpoints/twice --resume\n",
    )
    assert saved == [(0, 2), (0, 4), (1, 0), (1, 2)]


KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
from tests.test_stopping import at_step
from utils import runs
from utils.terminal import TrainingBar
TrainingBar.update = at_step(2, 4, lambda: os.kill(os.getpid(), signal.SIGKILL))
import train
from config import Settings
from models.training import Trainer
from utils.errors import run_script
run_script(train.main)
"""


@pytest.mark.slow  # the same with the trainer alone: test_training.py
def test_after_kill_9_the_losses_are_those_of_a_run_that_was_not_stopped(unstopped):
    done = started("-c", KILLED.format(root=str(ROOT)), *WORDS, "--run", "killed")
    assert done.status == -signal.SIGKILL, done.error
    assert losses("killed") == unstopped[:1]
    done = typed(train, "--run", "killed", "--resume")
    assert done.status == 0, done.error
    assert losses("killed") == unstopped


@pytest.mark.parametrize(
    ("words", "longer"),
    [
        ([], False),
        (["--epochs", "9"], False),
        (["--epochs", "3"], False),
        (["--epochs", "10"], True),
        (["--patience", "2"], True),
    ],
)
def test_a_run_that_stopped_early_goes_on_when_more_is_asked_for(
    tmp_path, monkeypatch, words, longer
):
    runs.write_config(
        tmp_path,
        Settings.from_flat({"epochs": 9, "patience": 1}).flat()
        | {"decoder": "gru", "encoder_weights": "none", "fingerprint": {}},
    )
    runs.write_history(tmp_path, [{"epoch": number} for number in range(1, 6)])
    (tmp_path / "scores.json").write_text("{}")
    monkeypatch.setattr(train, "_train", lambda *_, **__: 77)
    done = typed(train, "--run", tmp_path, "--resume", *words)
    assert (done.status, "is finished" in done.out) == ((77, False) if longer else (0, True))
