"""train.py --ray: the machines of a cluster fill one feature cache, and no feature twice.

The machines are namespaces (tests/helpers/hosts.py).
"""

import json
import shutil
import sys
import time

import numpy as np
import pytest

import train
from config import Settings
from data.scenes import dataset as scenes
from pipeline.cluster_address import check_has_features
from tests.helpers.hosts import PORT, make_hosts
from tests.helpers.scripts import ROOT, SMALL, run_command_without_scoring, run_process
from utils.errors import UsageError

VIEWS = 3  # of each training photo, with the photo itself
SIZES = {"train": 600, "val": 8, "test": 8}
WORDS = [*SMALL, "--epochs", "1", "--augment", str(VIEWS - 1), "--precision", "float32"]


@pytest.mark.parametrize("options", [{"preset": "classifier"}, {"finetune_encoder": True}])
def test_training_without_features_is_refused(options):
    with pytest.raises(UsageError, match="--ray extracts features"):
        check_has_features(Settings.from_flat(options))


def test_a_wrong_address_is_refused_before_training():
    done = run_process(ROOT / "train.py", "--ray", "nowhere")
    assert (done.status, done.error.count("\n")) == (2, 1)
    assert "--ray must be local, auto or HOST:PORT (got 'nowhere')" in done.error


def read_cache(folder):
    """Return all features by key; no key is there twice."""
    features = {}
    for sidecar in folder.glob("convnet-*/[0-9a-f]*.json"):
        if sidecar.stem == "encoder":
            continue
        rows = np.load(sidecar.with_suffix(".npy"))
        keys = json.loads(sidecar.read_text())["keys"]
        assert not features.keys() & set(keys)
        features |= dict(zip(keys, rows, strict=True))
    return features


@pytest.mark.slow
def test_a_host_that_is_killed_loses_no_feature(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed; make ray")
    monkeypatch.chdir(tmp_path)
    scenes.write_scenes(tmp_path / "drawn", **SIZES, seed=1)
    assert run_command_without_scoring(train, *WORDS, "--cache", "plain").status == 0
    shutil.copytree("plain/convnet", "shared/convnet")
    with make_hosts(2) as (one, two):
        one.start_ray()
        two.start_ray(one)
        job = one.start(
            sys.executable, ROOT / "train.py", *WORDS, "--cache", "shared",
            "--ray", f"{one.address}:{PORT}", "--run", "spread", cwd=tmp_path,
        )  # fmt: skip
        while not list(tmp_path.glob("shared/convnet-*/*.npy")) and job.poll() is None:
            time.sleep(0.02)
        two.kill()
        out, error = job.communicate(timeout=300)
    assert job.returncode == 0, error
    pictures = VIEWS * SIZES["train"] + SIZES["val"] + SIZES["test"]
    assert f"features: {pictures} to extract, 0 in the cache" in out
    assert f"features: all {pictures} are in the cache" in out
    expected, found = read_cache(tmp_path / "plain"), read_cache(tmp_path / "shared")
    assert found.keys() == expected.keys()
    for key, features in expected.items():
        np.testing.assert_array_equal(found[key], features)
    assert not list(tmp_path.glob("shared/convnet-*/.part-*"))


@pytest.mark.slow
def test_a_cache_that_is_not_shared_is_named(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed; make ray")
    monkeypatch.chdir(tmp_path)
    scenes.write_scenes(tmp_path / "drawn", train=40, val=8, test=8, seed=1)
    assert run_command_without_scoring(train, *WORDS, "--cache", "shared").status == 0
    shutil.rmtree(next(tmp_path.glob("shared/convnet-*")))
    with make_hosts(2) as (one, two):
        one.start_ray(cores=0)
        two.start_ray(one)
        own = "/dev/shm/convnet"  # a disk of this host alone
        two.run("cp", "-r", "shared/convnet", own)
        two.hide(tmp_path / "shared")
        two.run("cp", "-r", own, "shared/convnet")
        done = one.run(
            sys.executable, ROOT / "train.py", *WORDS, "--cache", "shared",
            "--ray", f"{one.address}:{PORT}", cwd=tmp_path,
        )  # fmt: skip
    assert done.status == 1
    assert "use a --cache on a disk that all machines share" in done.error
