"""The comparison with transformers, with made-up figures and without PyTorch."""

import sys

import pytest

from benchmarks import peers
from tests.helpers.scripts import ROOT

FIXTURE = f"hf:{ROOT}/tests/fixtures/vit_gpt2"


def make_figure(captions, seconds, **facts):
    return {"captions": captions, "seconds": seconds, "megabytes": 1000.0, **facts}


def test_the_table_says_how_many_times_faster_and_how_many_are_equal():
    figures = {
        "single default": make_figure(["a", "b"], 1.0, engine="openvino", precision="bfloat16"),
        "single float32": make_figure(["a", "c"], 2.0, engine="openvino", precision="float32"),
        "single transformers": make_figure(["a", "c"], 2.9, engine="torch", precision="float32"),
    }
    default, exact, peer = peers.make_rows(figures)
    assert default.measured == (
        "2.00 captions a second (openvino, bfloat16): 2.90 times transformers; "
        "1 of 2 captions equal"
    )
    assert (default.target, default.is_met) == ("at least 3.0 times", False)
    assert exact.measured.endswith("1.45 times transformers; 2 of 2 captions equal")
    assert (exact.target, exact.is_met) == ("at least 1.5 times", False)
    assert peer.measured == "0.69 captions a second (torch, float32)"


def test_an_interpreter_without_transformers_is_skipped(tmp_path, capsys):
    assert peers.find_peer(str(tmp_path / "python")) is None
    assert "make peers creates it" in capsys.readouterr().out
    assert peers.find_peer(sys.executable) is None
    assert "cannot import torch and transformers" in capsys.readouterr().out


@pytest.mark.slow
def test_this_project_is_measured_without_transformers(tmp_path):
    from benchmarks.synthetic_data import make_photos

    photos = make_photos(3, tmp_path)
    figures = peers.run(FIXTURE, photos, beam=2, words=6, rounds=1, python=None)
    assert set(figures) == {
        f"{kind} {name}" for kind in ("single", "folder") for name in ("default", "float32")
    }
    assert len(figures["folder float32"]["captions"]) == 3
    assert figures["single float32"]["precision"] == "float32"
