"""Training that is stopped in every way, and goes on as if it had not been."""

import json
import re
import signal
from pathlib import Path

import pytest

import train
from tests.scripts import ROOT, SMALL, scenes_folder, started, typed
from utils.progress import EpochBar

WORDS = [*SMALL, "--save-every", "2"]  # an epoch has five steps


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
    """An `EpochBar.update` that does something at this step."""
    ordinary = EpochBar.update

    def update(self, now, done, *rest):
        ordinary(self, now, done, *rest)
        if (now, done) == (epoch, step):
            what()

    return update


def test_ctrl_c_saves_and_prints_the_command_that_goes_on_exactly(unstopped, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(EpochBar, "update", at_step(2, 3, lambda: signal.raise_signal(signal.SIGINT)))
        done = typed(train, *WORDS, "--run", "asked")
    assert done.status == 130
    command = re.fullmatch(r"stopped and saved; go on with: python train\.py (.+)\n", done.error)[1]
    assert losses("asked") == unstopped[:1]
    done = typed(train, *command.split())
    assert done.status == 0, done.error
    assert losses("asked") == unstopped


def test_a_second_ctrl_c_stops_at_once_and_what_was_saved_stands(unstopped, monkeypatch):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(EpochBar, "update", at_step(2, 3, twice))
        done = typed(train, *WORDS, "--run", "twice")
    assert (done.status, done.error) == (130, "stopped\n")
    done = typed(train, "--run", "twice", "--resume")
    assert done.status == 0, done.error
    assert losses("twice") == unstopped


KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
from tests.test_stopping import at_step
from utils.progress import EpochBar
EpochBar.update = at_step(2, 4, lambda: os.kill(os.getpid(), signal.SIGKILL))
import train
from utils.errors import run_script
run_script(train.main)
"""


def test_after_kill_9_the_losses_are_those_of_a_run_that_was_not_stopped(unstopped):
    done = started("-c", KILLED.format(root=str(ROOT)), *WORDS, "--run", "killed")
    assert done.status == -signal.SIGKILL, done.error
    assert losses("killed") == unstopped[:1]
    done = typed(train, "--run", "killed", "--resume")
    assert done.status == 0, done.error
    assert losses("killed") == unstopped


def test_a_run_that_stopped_early_is_finished_until_more_patience_is_asked_for(place):
    done = typed(train, *WORDS, "--run", "early", "--epochs", "9", "--patience", "1", "--learning-rate", "1e-9")
    assert done.status == 0, done.error
    epochs = len(losses("early"))
    assert epochs < 9
    done = typed(train, "--run", "early", "--resume")
    assert (done.status, done.out) == (0, "checkpoints/early is finished; nothing to do (train longer with --epochs or "
                                          "--patience)\n")
    done = typed(train, "--run", "early", "--resume", "--patience", "2")
    assert done.status == 0, done.error
    assert len(losses("early")) > epochs
