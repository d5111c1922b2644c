"""Which worker a process is, and the meeting of all."""

import json
import socket
import threading

import pytest

from utils import workers
from utils.errors import UserError
from utils.workers import ALONE, Worker, expand_hosts, find_worker, meet


def tf_config(kind="worker", index=1, **cluster):
    cluster = cluster or {"worker": ["a:1", "b:2"]}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_without_variables_a_worker_is_alone():
    assert find_worker({}) == ALONE
    assert find_worker({"TF_CONFIG": ""}) == ALONE
    assert find_worker({"SLURM_STEP_NUM_TASKS": "1"}) == ALONE
    assert ALONE.number == 1


def test_tf_config_names_the_worker():
    assert find_worker(tf_config()) == Worker(1, ("a:1", "b:2"))


def test_a_chief_comes_before_the_workers():
    cluster = {"chief": ["c:0"], "worker": ["a:1", "b:2"]}
    addresses = ("c:0", "a:1", "b:2")
    assert find_worker(tf_config("chief", 0, **cluster)) == Worker(0, addresses)
    assert find_worker(tf_config("worker", 1, **cluster)) == Worker(2, addresses)


@pytest.mark.parametrize(
    ("environment", "value"),
    [
        ({"TF_CONFIG": "{nonsense"}, "{nonsense"),
        ({"TF_CONFIG": '{"cluster": {}}'}, "task"),
        (tf_config(index=2), "(got 2)"),
        (tf_config("evaluator", 0), "got evaluator"),
        (tf_config(ps=["p:1"], worker=["a:1"]), "ps"),
    ],
)
def test_a_wrong_tf_config_is_rejected(environment, value):
    with pytest.raises(UserError, match="TF_CONFIG") as raised:
        find_worker(environment)
    assert value in str(raised.value)


def test_slurm_names_the_worker():
    environment = {
        "SLURM_STEP_NUM_TASKS": "3",
        "SLURM_STEP_NODELIST": "gpu[09-10]",
        "SLURM_STEP_TASKS_PER_NODE": "2,1",
        "SLURM_JOB_ID": "40007",
        "SLURM_PROCID": "1",
    }
    worker = find_worker(environment)
    assert worker == Worker(1, ("gpu09:20007", "gpu09:20008", "gpu10:20007"))
    assert worker.place_on_machine == 1
    assert Worker(2, worker.addresses).place_on_machine == 0


def test_short_forms_of_hosts_are_expanded():
    assert expand_hosts("a[01-02,5],b,gpu-7x,c[9-10]y") == [
        *("a01", "a02", "a5", "b", "gpu-7x", "c9y", "c10y")
    ]


def test_each_key_is_extracted_by_one_worker():
    keys = [str(number) for number in range(300)]
    all_workers = [Worker(index, ("a:1",) * 3) for index in range(3)]
    owners = [[each.index for each in all_workers if each.owns(key)] for key in keys]
    assert {len(owner) for owner in owners} == {1}
    assert min(owners.count([index]) for index in range(3)) > 60


def find_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def hold_meeting(number, came, timeout=5.0):
    """Let the workers in `came` meet, each in a thread; return the error of each, or None."""
    addresses = (f"127.0.0.1:{find_port()}",) * number
    errors = {}

    def run(index):
        try:
            meet(Worker(index, addresses), timeout=timeout)
            errors[index] = None
        except UserError as error:
            errors[index] = str(error)

    threads = [threading.Thread(target=run, args=[index]) for index in came]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_workers_that_belong_together_meet(monkeypatch):
    monkeypatch.setattr(workers, "PAUSE", 0.02)
    assert hold_meeting(3, [2, 0, 1]) == {0: None, 1: None, 2: None}


def test_other_arguments_are_rejected_by_all(monkeypatch):
    monkeypatch.setattr(workers, "PAUSE", 0.02)
    describe = workers._describe

    def describe_otherwise(worker):
        own = describe(worker)
        if worker.index == 1:
            own["arguments"] = ["--batch", "7"]
        return own

    monkeypatch.setattr(workers, "_describe", describe_otherwise)
    errors = hold_meeting(3, [0, 1, 2])
    assert len(set(errors.values())) == 1
    assert "worker 1 has --batch 7" in errors[0]


def test_a_worker_that_never_comes_is_given_up(monkeypatch):
    monkeypatch.setattr(workers, "PAUSE", 0.02)
    errors = hold_meeting(3, [0, 1], timeout=0.5)
    assert "missing: 2" in errors[0]
    assert errors[1] == errors[0]
    errors = hold_meeting(2, [1], timeout=0.3)
    assert "worker 0 did not answer" in errors[1]


def test_strangers_at_the_port_are_ignored(monkeypatch):
    """A port scanner connects and says nothing of ours."""
    monkeypatch.setattr(workers, "PAUSE", 0.02)
    monkeypatch.setattr(workers, "PATIENCE", 0.2)
    listen = workers._listen

    def listen_and_be_scanned(host, port):
        server = listen(host, port)
        stranger = socket.create_connection((host, port))
        stranger.sendall(b"GET / HTTP/1.0\n\n")
        stranger.close()
        return server

    monkeypatch.setattr(workers, "_listen", listen_and_be_scanned)
    assert hold_meeting(2, [0, 1]) == {0: None, 1: None}
