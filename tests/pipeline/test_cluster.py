"""predict.py on the machines of a Ray cluster: the same rows, whatever happens to a machine.

The machines are namespaces (tests/helpers/hosts.py).
"""

import csv
import os
import sys
import time

import numpy as np
import pytest
from PIL import Image

import predict
from tests.helpers.hosts import PORT, make_hosts
from tests.helpers.scripts import ROOT, run_command
from tests.helpers.tiny_run import write_captioner_run

pytest.importorskip("ray", reason="Ray is not installed; make ray")

DISTINCT = 16
NUMBER = 320  # photos
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


def list_words(work, out, *options, head=None):
    ray = "local" if head is None else f"{head.address}:{PORT}"
    words = [sys.executable, ROOT / "predict.py", work / "photos", "--run", work / "run"]
    return [*words, "--out", out, "--quiet", "--ray", ray, *options]


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
    print(error)
    assert error.splitlines() == [
        f"skipped: {work}/photos/bad.jpg: not a picture",
        "error: 1 of 322 photos could not be read",
    ]
    rows = read_rows(out)
    assert len(rows) == NUMBER + 2  # with the header and the odd name
    assert sorted(rows) == sorted(read_rows(work / "plain.csv"))


def test_a_host_that_is_killed_loses_no_row(work, tmp_path):
    with make_hosts(2) as (one, two):
        one.start_ray()
        two.start_ray(one)
        out = tmp_path / "out.csv"
        job = one.start(*list_words(work, out, head=one))
        wait_for_rows(out, 64, job)
        two.kill()
        check_complete(work, out, job)
