"""Run train.py as several workers, one of which may do something at a certain step."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from tests.helpers.scripts import ROOT

# Few pictures are drawn, and a worker acts at a step. The time of this is in the file `acted`.
_WORKER = """
import json, os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
import utils.environment
from tests.helpers.stopping import act_at_step
from utils.progress import TrainingBar

index = json.loads(os.environ.get("TF_CONFIG") or '{{"task": {{"index": 0}}}}')["task"]["index"]

def act():
    Path("acted").write_text(str(time.time()))
    {action}

if index == {worker}:
    TrainingBar.update = act_at_step({epoch}, {step}, act)
import train
from utils.errors import run_script
run_script(train.main)
"""

KILL = "os.kill(os.getpid(), signal.SIGKILL)"
PRESS_CTRL_C = "os.kill(os.getpid(), signal.SIGINT)"
SKIP_COLLECTIVES = "time.sleep(3600)"


def write_script(action="pass", *, worker=0, epoch=2, step=3):
    """Write a script that is train.py, but for the action of one worker at a step."""
    code = _WORKER.format(root=str(ROOT), action=action, worker=worker, epoch=epoch, step=step)
    Path("train_worker.py").write_text(code)
    return "train_worker.py"


@contextmanager
def start_workers(number, *words, environment=None):
    """Start train_worker.py as so many workers of this machine, by tools.launch."""
    command = [sys.executable, "-m", "tools.launch", "--local", str(number), "train_worker.py"]
    variables = {"CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*command, *map(str, words)],
        env=os.environ | variables | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def run_workers(number, *words, **script):
    """Run workers to their end; return status, output, errors, and seconds since the action."""
    write_script(**script)
    Path("acted").unlink(missing_ok=True)
    with start_workers(number, *words) as process:
        out, error = process.communicate(timeout=900)
    acted = Path("acted")
    seconds = time.time() - float(acted.read_text()) if acted.exists() else None
    return SimpleNamespace(status=process.returncode, out=out, error=error, seconds=seconds)
