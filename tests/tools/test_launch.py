"""Start several workers."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.scripts import ROOT, run_command
from tools import launch
from tools.launch import plan_hosts, plan_local, run_all, split_words

PRINT = (
    "import json, os, sys; print(json.loads(os.environ['TF_CONFIG'])['task']['index'], sys.argv)"
)


def plan_code(*codes):
    """Return a worker for each piece of Python code."""
    return [launch.Plan([sys.executable, "-c", code]) for code in codes]


def test_the_command_starts_at_its_script():
    assert split_words(["--local", "2", "a/train.py", "--run", "b.py"]) == (
        ["--local", "2"],
        ["a/train.py", "--run", "b.py"],
    )


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["train.py"], "--local N or --hosts"),
        (["--local", "2", "--hosts", "a", "train.py"], "--local N or --hosts"),
        (["--local", "2"], "train.py"),
        (["--local", "0", "train.py"], "(got 0)"),
        (["--hosts", "a,,b", "train.py"], "a,,b"),
    ],
)
def test_wrong_words_are_rejected(words, value):
    done = run_command(launch, *words)
    assert done.status == 2
    assert value in done.error


def test_local_workers_get_one_cluster_and_their_numbers(capfd, monkeypatch):
    assert run_all(plan_local(2, ["-c", PRINT, "--run", "x"])) == 0
    lines = sorted(capfd.readouterr().out.splitlines())
    assert lines == ["0 ['-c', '--run', 'x']", "1 ['-c', '--run', 'x']"]
    plans = plan_local(2, ["train.py"])
    clusters = [json.loads(plan.environment["TF_CONFIG"])["cluster"] for plan in plans]
    assert clusters[0] == clusters[1]
    assert len(set(clusters[0]["worker"])) == 2


def test_the_status_is_that_of_the_first_failure(monkeypatch):
    monkeypatch.setattr(launch, "LAST_WORDS", 0.5)
    monkeypatch.setattr(launch, "CHECK_SECONDS", 0.05)
    assert run_all(plan_code("pass", "pass")) == 0
    start = time.monotonic()
    assert run_all(plan_code("import time; time.sleep(60)", "raise SystemExit(3)")) == 3
    assert time.monotonic() - start < 20
    killed = "import os; os.kill(os.getpid(), 9)"
    assert run_all(plan_code("pass", killed)) == 128 + signal.SIGKILL


WAIT = "import time; print('ready', flush=True); time.sleep(60)"


def test_ctrl_c_reaches_all_workers():
    plan = f"Plan([sys.executable, '-c', {WAIT!r}])"
    code = f"from tools.launch import *; sys.exit(run_all([{plan}] * 2))"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        for _ in range(2):
            assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        error = process.stderr.read().decode()
        assert process.wait() == 128 + signal.SIGINT
    assert error.count("KeyboardInterrupt") == 2


# Runs the command in a terminal, as ssh -tt does.
FAKE_SSH = """#!{python}
import os, pty, sys
*options, host, script = sys.argv[1:]
assert options == ["-tt", "-o", "BatchMode=yes"], options
status = pty.spawn(["sh", "-c", f"HOST={{host}}; export HOST; {{script}}"])
sys.exit(os.waitstatus_to_exitcode(status) % 256)
"""


# Writes one line in one piece, so that lines of several workers do not mix.
REMOTE_WORKER = """
import os, sys, time
words = [os.environ["HOST"], os.getcwd(), os.environ["TF_CONFIG"], str(sys.argv[1:])]
os.write(1, (" ".join(words) + "\\n").encode())
try:
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_hosts_are_reached_by_ssh_and_hear_ctrl_c(tmp_path, monkeypatch):
    ssh = tmp_path / "ssh"
    ssh.write_text(FAKE_SSH.format(python=sys.executable))
    ssh.chmod(0o755)
    worker = tmp_path / "worker.py"
    worker.write_text(REMOTE_WORKER)
    command = [
        sys.executable,
        "-m",
        "tools.launch",
        "--hosts",
        "me@a,b,b",
        str(worker),
        "two words",
    ]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        lines = sorted(process.stdout.readline().decode() for _ in range(3))
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130
    assert [line.split()[0] for line in lines] == ["b", "b", "me@a"]
    assert all("['two words']" in line and str(tmp_path) in line for line in lines)
    assert '["a:29500", "b:29500", "b:29501"]' in lines[0]


def test_the_remote_command_is_quoted():
    (plan,) = plan_hosts(["a"], 1, ["train.py", "--run", "it's"])
    assert shlex.split(plan.command[-1])[-3:] == ["train.py", "--run", "it's"]
