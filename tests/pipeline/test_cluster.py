"""predict.py on the machines of a Ray cluster: the same rows, whatever happens to a machine.

The machines are namespaces (tests/helpers/hosts.py).
"""

import csv
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import predict
from tests.helpers.hosts import PORT, make_hosts
from tests.helpers.remote import SERVER_KEYS, list_server_words, use_s3
from tests.helpers.scripts import ROOT, run_command
from tests.helpers.tiny_run import write_captioner_run

pytest.importorskip("ray", reason="Ray is not installed; make ray")

DISTINCT = 16
NUMBER = 320  # photos
S3_PORT = 9000
SIDE = 3000  # pixels: a photo takes about 40 ms to read, so a job lasts long enough to be disturbed


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with a run, photos, and the rows of one process."""
    folder = tmp_path_factory.mktemp("cluster")
    write_captioner_run(folder / "run", scenes=False)
    photos = folder / "photos"
    photos.mkdir()
    random = np.random.default_rng(0)
    for number in range(DISTINCT):
        coarse = Image.fromarray(random.integers(0, 255, (6, 6, 3), np.uint8))
        coarse.resize((SIDE, SIDE)).save(photos / f"{number:03}.jpg", quality=60)
    for number in range(DISTINCT, NUMBER):
        os.link(photos / f"{number % DISTINCT:03}.jpg", photos / f"{number:03}.jpg")
    (photos / "bad.jpg").write_text("no picture")
    os.link(photos / "000.jpg", os.fsencode(photos) + b"/odd\xff.jpg")
    done = run_command(predict, photos, "--run", folder / "run", "--out", folder / "plain.csv")
    assert done.status == 1
    assert "1 of 322 photos could not be read" in done.error
    return folder


def list_words(work, out, *options, head, photos="photos"):
    words = [sys.executable, ROOT / "predict.py", work / photos, "--run", work / "run"]
    return [*words, "--out", out, "--quiet", "--ray", f"{head.address}:{PORT}", *options]


def read_rows(file):
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))


def wait_for_rows(file, number, job):
    """Wait until a captions file has this many rows."""
    for _ in range(2400):
        if file.exists() and len(read_rows(file)) > number:
            return
        if job.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"{file} got no {number} rows: {job.communicate()}")


def check_complete(work, out, job):
    """Check that a job ends with the rows of one process."""
    _, error = job.communicate(timeout=300)
    assert job.returncode == 1, error
    assert error.splitlines() == [
        f"skipped: {work}/photos/bad.jpg: not a picture",
        "error: 1 of 322 photos could not be read",
    ]
    rows = read_rows(out)
    assert len(rows) == NUMBER + 2  # with the header and the odd name
    assert sorted(rows) == sorted(read_rows(work / "plain.csv"))


def check_loss(work, out, lose):
    """Caption on two hosts, lose one of them after 64 rows, and compare the file."""
    with make_hosts(2) as (one, two):
        one.start_ray()
        two.start_ray(one)
        job = one.start(*list_words(work, out, head=one))
        wait_for_rows(out, 64, job)
        lose(two)
        check_complete(work, out, job)


def test_a_host_that_is_killed_loses_no_row(work, tmp_path):
    check_loss(work, tmp_path / "out.csv", lambda host: host.kill())


@pytest.mark.slow
def test_a_host_whose_network_is_cut_loses_no_row(work, tmp_path):
    check_loss(work, tmp_path / "out.csv", lambda host: host.cut())


@pytest.mark.slow
def test_a_host_that_joins_late_gets_work(work, tmp_path):
    more = work / "more"
    more.mkdir()
    for number in range(20 * NUMBER):
        os.link(work / "photos" / f"{number % DISTINCT:03}.jpg", more / f"{number:04}.jpg")
    with make_hosts(2) as (one, two):
        one.start_ray()
        out = tmp_path / "out.csv"
        options = ("--log-level", "debug")
        job = one.start(*list_words(work, out, *options, head=one, photos="more"))
        wait_for_rows(out, 1, job)
        two.start_ray(one)
        _, error = job.communicate(timeout=300)
        _, *rows = read_rows(out)
        assert sorted(row[0] for row in rows) == sorted(map(str, more.iterdir()))
        assert {tuple(row[1:]) for row in rows} == {
            tuple(row[1:]) for row in read_rows(work / "plain.csv")[1:]
        }
        assert "done by 10.77.0.2" in error


@pytest.mark.slow
@pytest.mark.parametrize("hidden", ["photos", "run"])
def test_a_host_that_misses_files_is_named(work, tmp_path, hidden):
    with make_hosts(2) as (one, two):
        one.start_ray(cores=0)  # as a head that does no work itself
        two.start_ray(one)
        two.hide(work / hidden)
        out = tmp_path / "out.csv"
        done = one.run(*list_words(work, out, head=one))
        assert (done.status, done.error.count("\n")) == (1, 1), done.error
        assert "10.77.0.2" in done.error
        assert str(work / hidden) in done.error
        assert not out.exists()


@pytest.mark.slow
def test_a_driver_that_is_killed_goes_on_by_the_same_command(work, tmp_path):
    with make_hosts(2) as (one, two):
        one.start_ray()
        two.start_ray(one)
        out = tmp_path / "out.csv"
        job = one.start(*list_words(work, out, head=one))
        wait_for_rows(out, 64, job)
        (driver,) = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
        os.kill(int(driver), signal.SIGKILL)
        job.wait(timeout=30)
        before = out.read_bytes()
        check_complete(work, out, one.start(*list_words(work, out, head=one)))
        assert out.read_bytes().startswith(before.rpartition(b"\n")[0])


@pytest.mark.slow
def test_two_hosts_caption_photos_at_addresses(work, tmp_path, monkeypatch):
    """The S3 server is on one host; the other sees none of its folders and has a cache of its own.

    Photos are large, so that each host gets some.
    """
    pytest.importorskip("s3fs", reason="s3fs is not installed; make addresses")
    pytest.importorskip("nanio", reason="nanio is not installed; make test installs it")
    buckets, cache = tmp_path / "buckets", tmp_path / "cache"
    cache.mkdir()
    shutil.copytree(work / "run", buckets / "data/runs/tiny")
    (buckets / "data/photos").mkdir()
    for number in range(NUMBER):
        os.link(work / f"photos/{number:03}.jpg", buckets / f"data/photos/{number:03}.jpg")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    out = tmp_path / "out.csv"
    with make_hosts(2) as (one, two):
        use_s3(monkeypatch, f"http://{one.address}:{S3_PORT}")
        server = one.start(*list_server_words(buckets, one.address, S3_PORT), env=SERVER_KEYS)
        for folder in (buckets, work, cache):
            two.hide(folder)
        one.start_ray()
        two.start_ray(one)
        words = list_words(work, out, "--log-level", "debug", head=one)
        words[2] = "s3://data/photos"
        words[words.index("--run") + 1] = "s3://data/runs/tiny"
        words += ["--weights", "s3://data/runs/tiny/encoder.weights.h5"]
        words.remove("--quiet")
        done = one.run(*words)
        assert done.status == 0, done.error
        fetched = two.run("ls", cache / "image-captioning/addresses").out
        assert server.poll() is None
    assert "done by 10.77.0.1" in done.error
    assert "done by 10.77.0.2" in done.error
    assert "tiny-" in fetched
    expected = {Path(row[0]).name: row[1:] for row in read_rows(work / "plain.csv")[1:]}
    _, *rows = read_rows(out)
    assert sorted(row[0] for row in rows) == [f"s3://data/photos/{n:03}.jpg" for n in range(NUMBER)]
    for path, *values in rows:
        assert values == expected[path.rpartition("/")[2]]


@pytest.mark.slow
def test_other_tokens_are_answered_in_one_line(work, tmp_path):
    with make_hosts(1) as (one,):
        one.start_ray()
        words = list_words(work, tmp_path / "out.csv", head=one)
        done = one.run(*words, env={"RAY_AUTH_TOKEN": "b" * 64})
        assert (done.status, done.error.count("\n")) == (1, 1), done.error
        assert "RAY_AUTH_MODE=token" in done.error
        words[words.index("--ray") + 1] = "auto"
        with_auto = one.run(*words)
        assert with_auto.status == 1
        assert len(read_rows(tmp_path / "out.csv")) == NUMBER + 2


@pytest.mark.slow
def test_without_a_cluster_auto_is_refused_in_one_line(work, tmp_path):
    with make_hosts(1) as (one,):
        words = list_words(work, tmp_path / "out.csv", head=one)
        words[words.index("--ray") + 1] = "auto"
        done = one.run(*words)
        assert (done.status, done.error.count("\n")) == (1, 1), done.error
        assert "--ray auto" in done.error


# Items that are negative end their process.
POISON = """
import os, sys
sys.path.insert(0, {root!r})
from pipeline.cluster import Job, Lost, spread

def make_work():
    def work(items):
        if min(items) < 0:
            os._exit(1)
        return [10 * item for item in items]
    return work

items = [*range(40), -1, *range(41, 80)]
for number, result, host in spread("local", Job(make_work), items):
    print(number, "lost" if isinstance(result, Lost) else result)
"""


@pytest.mark.slow
def test_an_item_that_ends_its_process_harms_no_other(tmp_path):
    script = tmp_path / "poison.py"
    script.write_text(POISON.format(root=str(ROOT)))
    with make_hosts(1) as (one,):
        done = one.run(sys.executable, script, env={"PYTHONPATH": str(ROOT)})
    assert done.status == 0, done.error
    found = dict(line.split() for line in done.out.splitlines() if len(line.split()) == 2)
    assert found == {str(number): str(10 * number) for number in range(80)} | {"40": "lost"}


@pytest.mark.slow
def test_a_host_without_the_program_is_named(work, tmp_path):
    with make_hosts(2) as (one, two):
        one.start_ray(cores=0)
        two.start_ray(one)
        two.hide(ROOT / "pipeline")
        out = tmp_path / "out.csv"
        done = one.run(*list_words(work, out, head=one))
        assert (done.status, done.error.count("\n")) == (1, 1), done.error
        assert "pipeline" in done.error
        assert not out.exists()
