"""predict.py with an S3 server on loopback: photos and run at s3:// addresses."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("s3fs", reason="s3fs is not installed; make addresses")
pytest.importorskip("nanio", reason="nanio is not installed; make test installs it")

from tests.helpers.predict_command import install_captioner, make_command, make_photo, write_run
from tests.helpers.remote import KEY, run_s3_server, use_s3
from tests.helpers.tiny_run import write_captioner_run
from utils.prerequisites import PROJECT

NUMBER = 100


@pytest.fixture(scope="module")
def buckets(tmp_path_factory):
    return tmp_path_factory.mktemp("buckets")


@pytest.fixture(scope="module")
def endpoint(buckets):
    make_photo(buckets / "photos/holiday/a b.png", 1)
    make_photo(buckets / "photos/holiday/deep/사진.jpg", 2)
    (buckets / "photos/holiday/notes.txt").write_text("no photo")
    with run_s3_server(buckets) as endpoint:
        yield endpoint


@pytest.fixture
def run_predict(tmp_path, monkeypatch, capsys, endpoint):
    install_captioner(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_run(scenes=False)
    use_s3(monkeypatch, endpoint)
    return make_command(monkeypatch, capsys)


def test_photos_of_a_bucket_are_captioned(run_predict):
    status, out, error = run_predict("s3://photos/holiday/", "--out", "out.csv")
    assert (status, error) == (0, "")
    assert out.splitlines()[:2] == [
        "s3://photos/holiday/a b.png: brightness 1  (0.50)",
        "s3://photos/holiday/deep/사진.jpg: brightness 2  (0.50)",
    ]
    status, out, _ = run_predict("s3://photos/holiday/", "--out", "out.csv")
    assert (status, "2 already there" in out) == (0, True)


@pytest.mark.parametrize(
    ("address", "key", "secret", "expected"),
    [
        ("s3://none/holiday", KEY, None, "no photo, folder or run at s3://none/holiday"),
        ("s3://photos/none", KEY, None, "no photo, folder or run at s3://photos/none"),
        (
            "s3://photos/holiday",
            "another",
            None,
            "s3://photos/holiday cannot be read: no permission",
        ),
        ("s3://photos/holiday", KEY, "wrong", "s3://photos/holiday cannot be read: no permission"),
        ("s3://photos/holiday", None, None, "no credentials for s3://"),
    ],
)
def test_what_fails_is_one_line(run_predict, monkeypatch, endpoint, address, key, secret, expected):
    options = {} if secret is None else {"secret": secret}
    use_s3(monkeypatch, endpoint, key, **options)
    status, out, error = run_predict(address, "--out", "out.csv")
    assert (status, out) == (1, "")
    assert error.count("\n") == 1
    assert expected in error
    assert not Path("out.csv").exists()


@pytest.fixture(scope="module")
def run_of_bucket(buckets):
    """A run at s3://photos/runs/tiny, with its encoder's weights beside it, and photos."""
    for number in range(NUMBER):
        make_photo(buckets / f"photos/many/{number:03}.png", 2 * number)
    write_captioner_run(buckets / "photos/runs/tiny")


@pytest.fixture
def command(run_predict, run_of_bucket, endpoint):
    """Return the words of predict.py in a process of its own."""
    words = [sys.executable, str(PROJECT / "predict.py"), "s3://photos/many/"]
    return [*words, "--run", "s3://photos/runs/tiny", "--device", "cpu"]


def run(command, *words):
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_a_run_of_a_bucket_is_fetched_once_and_resumes_after_a_kill(command, tmp_path):
    weights = ["--weights", "s3://photos/runs/tiny/encoder.weights.h5"]
    status, out, error = run([*command, *weights], "--out", "whole.csv")
    assert (status, error) == (0, "")
    assert "fetching s3://photos/runs/tiny (" in out
    assert f"{NUMBER} added to whole.csv" in out
    killed = subprocess.Popen([*command, *weights, "--out", "out.csv"], stdout=subprocess.DEVNULL)
    file = Path("out.csv")
    while not file.exists() or len(file.read_text().splitlines()) < 3:
        time.sleep(0.01)
        assert killed.poll() is None
    killed.kill()
    killed.wait()
    status, out, error = run([*command, *weights], "--out", "out.csv", "--keep-order")
    assert (status, error) == (0, "")
    assert "fetching" not in out
    assert file.read_bytes() == Path("whole.csv").read_bytes()


@pytest.mark.slow
def test_machines_of_a_cluster_read_the_bucket(command, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed; make ray")
    run(command, "--out", "plain.csv")
    status, out, error = run(command, "--out", "ray.csv", "--keep-order", "--ray", "local")
    assert (status, error) == (0, "")
    assert f"{NUMBER} added to ray.csv" in out
    assert Path("ray.csv").read_bytes() == Path("plain.csv").read_bytes()
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / "cache")
