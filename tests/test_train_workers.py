"""train.py with several workers: the losses of one worker, and stops of every kind."""

import json
import re
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import train
from tests.helpers import workers
from tests.helpers.hosts import make_hosts
from tests.helpers.scripts import SMALL, run_command, scenes_folder
from tests.helpers.workers import run_workers, start_workers, write_script
from tools.launch import describe_cluster

pytestmark = pytest.mark.slow

# A checkpoint after every second step, and an epoch of rewards at the end.
WORDS = [
    *SMALL,
    *shlex.split(
        "--save-every 2 --max-length 3 --weights none --dropout 0.4 --reward-epochs 1 "
        "--precision float32 --worker-timeout 120"
    ),
]
STEPS = (5, 5, 2)  # of the three epochs; the last one is of rewards
ENDS_WITHIN = 30  # seconds after a worker was killed


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("workers")) as folder:
        yield folder


@pytest.fixture(scope="module")
def losses(place):
    """The losses of two workers that were not stopped."""
    done = run_workers(2, *WORDS, "--run", "two")
    assert done.status == 0, done.error
    assert "done in" in done.out
    assert "features: all 96 are in the cache" in done.out
    return read_rows("two")


def read_rows(run):
    """Return the figures of each epoch that training decides."""
    lines = Path("checkpoints", run, "history.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [{name: row[name] for name in row if "seconds" not in name} for row in rows]


def read_scores(run):
    """Return the scores of the test split that are numbers, without times."""
    scores = json.loads(Path(f"checkpoints/{run}/scores.json").read_text())
    return {
        name: score
        for name, score in scores.items()
        if isinstance(score, float) and "second" not in name
    }


def check_close(rows, others):
    assert len(rows) == len(others) == 3
    for row, other in zip(rows, others, strict=True):
        assert row == pytest.approx(other, rel=1e-5, abs=1e-6)


def find_resume_words(error):
    """Return the words of the printed command."""
    command = re.findall(r"python \S*train\.py (.+)$", error, re.MULTILINE)[0]
    return command.split()


def test_losses_and_scores_are_those_of_one_worker(losses):
    done = run_command(train, *WORDS, "--run", "one")
    assert done.status == 0, done.error
    check_close(read_rows("one"), losses)
    assert "reward" in losses[-1]
    assert read_scores("one") == pytest.approx(read_scores("two"), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("number", range(10))
def test_a_killed_worker_ends_the_others_who_resume_exactly(losses, number):
    """Workers are killed at random steps of all three epochs; `pytest -s` prints the times."""
    random = np.random.default_rng(number)
    worker, epoch = int(random.integers(2)), int(random.integers(1, 4))
    step = int(random.integers(1, STEPS[epoch - 1] + 1))
    run = f"killed-{number}"
    place = {"worker": worker, "epoch": epoch, "step": step}
    done = run_workers(2, *WORDS, "--run", run, action=workers.KILL, **place)
    print(f"{place}: all ended after {done.seconds:.1f} s")
    assert done.status in (1, 128 + signal.SIGKILL)
    assert done.seconds < ENDS_WITHIN
    (line,) = [line for line in done.error.splitlines() if "error:" in line]
    assert f"worker {worker} ended" in line or "another worker ended" in line
    assert "Traceback" not in done.error
    words = find_resume_words(done.error)
    assert words == ["--run", f"checkpoints/{run}", "--resume"]
    assert run_workers(2, *words).status == 0
    assert read_rows(run) == losses


def test_ctrl_c_on_one_worker_stops_all_and_any_number_resumes(losses):
    done = run_workers(
        2, *WORDS, "--run", "stopped", action=workers.PRESS_CTRL_C, worker=1, epoch=1
    )
    assert done.status == 130, done.error
    assert done.error.count("stopped and saved") == 1
    assert "Traceback" not in done.error
    shutil.copytree("checkpoints/stopped", "checkpoints/fewer")
    assert run_workers(2, *find_resume_words(done.error)).status == 0
    assert read_rows("stopped") == losses
    done = run_command(train, "--run", "fewer", "--resume")
    assert done.status == 0, done.error
    check_close(read_rows("fewer"), losses)


def test_a_cut_network_ends_all_who_resume_exactly(losses):
    """The workers are on two hosts, of which one is taken from the network."""
    write_script("time.sleep(1)", worker=1)
    acted = Path("acted")
    acted.unlink(missing_ok=True)
    with make_hosts(2) as hosts:
        addresses = [f"{host.address}:29500" for host in hosts]
        processes = []
        for index, host in enumerate(hosts):
            variables = {
                "TF_CONFIG": describe_cluster(addresses, index),
                "CUDA_VISIBLE_DEVICES": "-1",
            }
            command = [sys.executable, "train_worker.py", *WORDS, "--run", "cut"]
            processes.append(host.start(*command, env=variables))
        while not acted.exists():
            assert all(process.poll() is None for process in processes)
            time.sleep(0.1)
        hosts[1].cut()
        start = time.monotonic()
        errors = [process.communicate(timeout=120)[1] for process in processes]
        seconds = time.monotonic() - start
    print(f"network cut: all ended after {seconds:.1f} s")
    assert seconds < ENDS_WITHIN
    assert [process.returncode for process in processes] == [1, 1]
    for error in errors:
        assert "ended or cannot be reached" in error, error
        assert "Traceback" not in error
    assert run_workers(2, *find_resume_words(errors[0])).status == 0
    assert read_rows("cut") == losses


def test_a_worker_that_skips_a_step_is_given_up():
    words = [*WORDS, "--run", "skipped", "--worker-timeout", "15"]
    done = run_workers(2, *words, action=workers.SKIP_COLLECTIVES, worker=1, epoch=1)
    assert done.status == 1
    assert "worker 0 waited 15 s for the others at a training step" in done.error
    assert "--run checkpoints/skipped --resume" in done.error


def test_ctrl_c_works_while_workers_wait():
    """One of three workers is not there: its TF_CONFIG says that it is alone."""
    write_script()
    Path("train_worker.py").write_text(
        "import json, os\n"
        "if json.loads(os.environ['TF_CONFIG'])['task']['index'] == 2:\n"
        "    import time; time.sleep(3600)\n" + Path("train_worker.py").read_text()
    )
    with start_workers(3, *WORDS, "--run", "waiting") as process:
        assert "waiting for all" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        error = process.stderr.read()
        assert process.wait(60) == 130, error
    assert "stopped before training" in error
    assert not Path("checkpoints/waiting").exists()


def test_each_worker_may_have_its_own_disk(losses, place):
    """The homes differ, and with them the caches."""
    write_script()
    Path("train_worker.py").write_text(
        "import json, os\n"
        "home = 'home-' + str(json.loads(os.environ['TF_CONFIG'])['task']['index'])\n"
        "os.makedirs(home, exist_ok=True)\n"
        "os.environ['CAPTION_HOME'] = home\n" + Path("train_worker.py").read_text()
    )
    words = [str(place / "drawn") if word == "drawn" else word for word in WORDS]
    at = words.index("--cache")
    words = [*words[:at], *words[at + 2 :]]
    runs = place / "checkpoints"
    with start_workers(2, *words, "--run", runs / "apart") as process:
        _, error = process.communicate(timeout=900)
    assert process.returncode == 0, error
    assert read_rows("apart") == losses
    files = [sorted(Path(f"home-{index}").rglob("*.npy")) for index in range(2)]
    assert all(files)
