"""Each measurement at toy size: what it counts is right."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from benchmarks import decoders, near_duplicates
from config import ATTENTIONS
from data.images import save
from data.tokenizer import END, START
from tests.scripts import ROOT, typed


def test_reading_counts_all_captions_and_photos(tmp_path):
    done = subprocess.run([sys.executable, "-m", "benchmarks.reading", "--photos", "12", "--json", tmp_path / "found.json"],
                          capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert {what: each["count"] for what, each in found.items()} == {
        "captions read, COCO's JSON": 60, "captions read, a table": 60, "photos hashed, the first time": 12,
        "photos hashed, again": 12, "photos looked at, the first time": 12, "photos looked at, again": 12}
    assert all(each["seconds"] >= 0 and 10 < each["megabytes"] < 1000 for each in found.values())
    assert f"| captions read, a table | 60 | {found['captions read, a table']['seconds']:.1f} |" in done.stdout


def test_altered_photos_are_found_and_others_are_not(tmp_path):
    random = np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(0, 256, (9, 12, 3), np.uint8)
        save(np.asarray(Image.fromarray(pixels).resize((120, 90))), tmp_path / f"{number}.jpg")
    with Image.open(tmp_path / "0.jpg") as photo:
        photo.resize((80, 60)).save(tmp_path / "again.png")
    done = typed(near_duplicates, tmp_path, "--altered", "2")
    lines = done.out.splitlines()
    assert lines[0] == "| copies of 2 photos | found |"
    assert lines[2 : 2 + len(near_duplicates.ALTERED) - 1] == [
        f"| {name} | 100.0% |" for name in list(near_duplicates.ALTERED)[:-1]]
    assert lines[-2:] == ["1 of 6 pairs of 4 photos are taken for the same", "  0.jpg  again.png"]


@pytest.fixture
def uncompiled():
    """At toy size it is sooner done so."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_every_decoder_learns_from_all_captions_of_a_step(tmp_path, uncompiled, monkeypatch):
    sizes = decoders.Sizes(side=2, depth=3, vocabulary=9, words=2, batch=13, steps=2)
    (features, tokens), again = sizes.epoch(0)
    assert (features.shape, features.dtype, tokens.shape, sizes.captions) == ((2, 4, 3), np.float16, (10, 4), 10)
    assert (tokens[:, 0] == START).all() and (tokens[:, -1] == END).all() and (tokens[:, 1:3] > END).all()
    assert again[1] is tokens
    toy, turns = {"units": 8, "embedding": 8, "attention_units": 4}, []
    monkeypatch.setattr(decoders, "turn", lambda trainer, turn=decoders.turn: turns.append(turn(trainer)) or turns[-1])
    found = decoders.run(sizes, 2, tmp_path, **toy)
    ways = [f"{decoder}, {attention}" for decoder in ATTENTIONS for attention in ATTENTIONS[decoder]]
    assert list(found) == ways
    assert [len(turn) for turn in turns] == [2] * 3 * len(ways)  # of two steps each, the first of which are not counted
    for place, (what, each) in enumerate(found.items()):
        seconds = np.median(turns[len(ways) + place] + turns[2 * len(ways) + place])
        assert each == pytest.approx({"seconds": seconds, "captions_per_second": 10 / seconds,
                                      "ratio": found["gru, soft"]["seconds"] / seconds}), what


def test_decoders_are_told_with_their_default_sizes(monkeypatch):
    def run(sizes, rounds, folder):
        asked.append((sizes.side, sizes.depth, sizes.vocabulary, sizes.words, sizes.captions, rounds))
        assert folder.is_dir()
        return {"gru, soft": {"seconds": 0.2, "captions_per_second": 300.0, "ratio": 1.0},
                "luong, dot": {"seconds": 0.1, "captions_per_second": 600.0, "ratio": 2.0}}

    asked = []
    monkeypatch.setattr(decoders, "run", run)
    typed(decoders, "--vocabulary", "500")
    done = typed(decoders, "--rounds", "3")
    assert asked == [(8, 1280, 500, 12, 60, 5), (8, 1280, 5000, 12, 60, 3)]
    assert done.status == 0
    assert done.out.splitlines()[2:] == ["| gru, soft | 200 | 300 | 1.00 |", "| luong, dot | 100 | 600 | 2.00 |"]
