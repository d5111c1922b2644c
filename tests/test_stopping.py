"""Training that is stopped goes on as if it had not been."""

import re
import signal
from pathlib import Path

import pytest

import train
from config import Settings
from models.training.trainer import Trainer
from pipeline import job
from tests.helpers.pages import read_page
from tests.helpers.scripts import ROOT, SMALL, scenes_folder, started, typed
from tests.helpers.stopping import act_at_step, read_losses
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
    return read_losses("unstopped")


def test_ctrl_c_saves_and_prints_the_exact_resume_command(unstopped, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(
            TrainingBar, "update", act_at_step(2, 3, lambda: signal.raise_signal(signal.SIGINT))
        )
        done = typed(train, *WORDS, "--run", "asked")
    assert done.status == 130
    command = re.fullmatch(r"stopped and saved; go on with: python train\.py (.+)\n", done.error)[1]
    assert read_losses("asked") == unstopped[:1]
    run = Path("checkpoints/asked")
    assert "1 of 2, not finished yet; the best: 1" in read_page(run / "report.html").texts("dd")
    before = read_time_and_memory(run)["seconds"]
    done = typed(train, *command.split())
    assert done.status == 0, done.error
    assert read_losses("asked") == unstopped
    assert all(
        read_time_and_memory(run)["seconds"][what] > seconds for what, seconds in before.items()
    )
    assert any(
        text.startswith("2 of 2; the best: ") for text in read_page(run / "report.html").texts("dd")
    )


def test_a_second_ctrl_c_stops_at_once(unstopped, monkeypatch):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    saved, save = [], Trainer.save
    monkeypatch.setattr(
        Trainer,
        "save",
        lambda trainer: (saved.append((trainer.epoch, int(trainer._step))), save(trainer)),
    )
    monkeypatch.setattr(TrainingBar, "update", act_at_step(2, 3, twice))
    done = typed(train, *WORDS, "--run", "twice")
    assert (done.status, done.error) == (
        130,
        "stopped; go on with: python train.py --run checkpoints/twice --resume\n",
    )
    assert saved == [(0, 2), (0, 4), (1, 0), (1, 2)]


KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
from tests.helpers.stopping import act_at_step
from utils import runs
from utils.terminal import TrainingBar
TrainingBar.update = act_at_step(2, 4, lambda: os.kill(os.getpid(), signal.SIGKILL))
import train
from utils.errors import run_script
run_script(train.main)
"""


@pytest.mark.slow  # the same with the trainer alone: models/training/test_trainer.py
def test_after_kill_9_the_losses_are_those_without_it(unstopped):
    done = started("-c", KILLED.format(root=str(ROOT)), *WORDS, "--run", "killed")
    assert done.status == -signal.SIGKILL, done.error
    assert read_losses("killed") == unstopped[:1]
    done = typed(train, "--run", "killed", "--resume")
    assert done.status == 0, done.error
    assert read_losses("killed") == unstopped


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
def test_a_run_that_stopped_early_goes_on_if_asked_for_more(tmp_path, monkeypatch, words, longer):
    settings = {"encoder": "convnet", "dataset": "drawn", "epochs": 9, "patience": 1}
    facts = {"encoder_weights": "none", "fingerprint": {}}
    runs.write_config(tmp_path, Settings.from_flat(settings).flat() | facts)
    runs.write_history(tmp_path, [{"epoch": number} for number in range(1, 6)])
    (tmp_path / "scores.json").write_text("{}")
    monkeypatch.setattr(job, "train_captioner", lambda *_: 77)
    done = typed(train, "--run", tmp_path, "--resume", *words)
    assert (done.status, "is finished" in done.out) == ((77, False) if longer else (0, True))
