"""Training that is stopped and resumed ends as if it had not been stopped."""

import re
import shlex
import signal
from pathlib import Path

import pytest

import train
from config import Settings
from models.training.trainer import Trainer
from pipeline import job
from tests.helpers.pages import read_page
from tests.helpers.scripts import ROOT, SMALL, run_command, run_process, scenes_folder
from tests.helpers.stopping import act_at_step, read_losses
from utils import runs
from utils.progress import TrainingBar
from utils.stopwatch import read_time_and_memory

# Five steps an epoch, and a checkpoint after every second one. Short captions of one length are
# compiled once, and an encoder with random weights needs no training.
WORDS = [*SMALL, *shlex.split("--save-every 2 --max-length 3 --weights none")]


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("stopping")) as folder:
        yield folder


@pytest.fixture(scope="module")
def losses(place):
    """The losses of a run that was not stopped."""
    done = run_command(train, *WORDS, "--run", "unstopped")
    assert done.status == 0, done.error
    return read_losses("unstopped")


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


def press_ctrl_c_twice():
    press_ctrl_c()
    press_ctrl_c()


def read_facts(run):
    """Return the facts at the top of a run's page."""
    return read_page(run / "report.html").texts("dd")


def test_ctrl_c_saves_and_prints_the_resume_command(losses, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(TrainingBar, "update", act_at_step(2, 3, press_ctrl_c))
        done = run_command(train, *WORDS, "--run", "stopped")
    assert done.status == 130
    (command,) = re.findall(r"python \S*train\.py (.+)\n", done.error)
    assert done.error.count("\n") == 1
    assert read_losses("stopped") == losses[:1]
    run = Path("checkpoints/stopped")
    assert "1 of 2, not finished yet; the best: 1" in read_facts(run)
    before = read_time_and_memory(run)["seconds"]
    done = run_command(train, *command.split())
    assert done.status == 0, done.error
    assert read_losses("stopped") == losses
    after = read_time_and_memory(run)["seconds"]
    for stage, seconds in before.items():
        assert after[stage] > seconds
    assert any(text.startswith("2 of 2; the best: ") for text in read_facts(run))


def test_a_second_ctrl_c_stops_at_once(losses, monkeypatch):
    """Nothing is saved after the last regular checkpoint."""
    saved = []
    save = Trainer.save

    def save_and_record(trainer):
        saved.append((trainer.epoch, trainer.step))
        save(trainer)

    monkeypatch.setattr(Trainer, "save", save_and_record)
    monkeypatch.setattr(TrainingBar, "update", act_at_step(2, 3, press_ctrl_c_twice))
    done = run_command(train, *WORDS, "--run", "twice")
    assert done.status == 130
    assert "train.py --run checkpoints/twice --resume\n" in done.error
    assert "saved" not in done.error
    assert done.error.count("\n") == 1
    assert saved == [(0, 2), (0, 4), (1, 0), (1, 2)]


KILLED_TRAINING = """
import os, signal, sys
sys.path.insert(0, {root!r})
from tests.helpers.stopping import act_at_step
from utils import runs
from utils.progress import TrainingBar
TrainingBar.update = act_at_step(2, 4, lambda: os.kill(os.getpid(), signal.SIGKILL))
import train
from utils.errors import run_script
run_script(train.main)
"""


@pytest.mark.slow  # models/training/test_trainer.py tests the same with the trainer alone
def test_losses_after_kill_9_and_resume_are_equal(losses):
    script = KILLED_TRAINING.format(root=str(ROOT))
    done = run_process("-c", script, *WORDS, "--run", "killed")
    assert done.status == -signal.SIGKILL, done.error
    assert read_losses("killed") == losses[:1]
    done = run_command(train, "--run", "killed", "--resume")
    assert done.status == 0, done.error
    assert read_losses("killed") == losses


@pytest.mark.parametrize(
    ("words", "is_longer"),
    [
        ([], False),
        (["--epochs", "9"], False),
        (["--epochs", "3"], False),
        (["--epochs", "10"], True),
        (["--patience", "2"], True),
    ],
)
def test_a_run_that_stopped_early_can_train_longer(tmp_path, monkeypatch, words, is_longer):
    settings = {"encoder": "convnet", "dataset": "drawn", "epochs": 9, "patience": 1}
    facts = {"encoder_weights": "none", "fingerprint": {}}
    runs.write_config(tmp_path, Settings.from_flat(settings).flat() | facts)
    runs.write_history(tmp_path, [{"epoch": number} for number in range(1, 6)])
    (tmp_path / "scores.json").write_text("{}")
    monkeypatch.setattr(job, "train_captioner", lambda *_, **__: 77)
    done = run_command(train, "--run", tmp_path, "--resume", *words)
    if is_longer:
        assert done.status == 77
        assert "is finished" not in done.out
    else:
        assert done.status == 0
        assert "is finished" in done.out
