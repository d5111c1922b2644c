"""The benchmark of decoders trains each of them."""

import numpy as np
import pytest

from benchmarks import decoders
from config import ATTENTIONS
from data.text.tokenizer import END, START
from models.decoders import DECODERS
from tests.helpers.scripts import run_command


@pytest.mark.slow
def test_every_decoder_trains_on_all_captions_of_a_step(tmp_path, uncompiled, monkeypatch):
    sizes = decoders.Sizes(side=2, depth=3, vocabulary=9, words=2, batch=13, steps=2)
    (features, tokens), again = sizes.epoch(0)
    assert (features.shape, features.dtype) == ((2, 4, 3), np.float16)
    assert (tokens.shape, sizes.captions) == ((10, 4), 10)
    assert (tokens[:, 0] == START).all()
    assert (tokens[:, -1] == END).all()
    assert (tokens[:, 1:3] > END).all()
    assert again[1] is tokens
    time_steps, turns = decoders.time_steps, []

    def record_turn(trainer):
        turns.append(time_steps(trainer))
        return turns[-1]

    monkeypatch.setattr(decoders, "time_steps", record_turn)
    figures = decoders.run(sizes, 2, tmp_path, units=8, embedding=8, attention_units=4)
    names = []
    for decoder in DECODERS:
        names += [f"{decoder}, {attention}" for attention in ATTENTIONS[decoder]]
    assert list(figures) == names
    number = len(names)
    assert [len(turn) for turn in turns] == [2] * 3 * number
    for place, (name, each) in enumerate(figures.items()):
        # The first turn of each decoder does not count.
        seconds = np.median(turns[number + place] + turns[2 * number + place])
        expected = {
            "seconds": seconds,
            "captions_per_second": 10 / seconds,
            "ratio": figures["gru, soft"]["seconds"] / seconds,
        }
        assert each == pytest.approx(expected), name


def test_the_table_of_decoders_has_their_default_sizes(monkeypatch):
    def run(sizes, rounds, folder):
        runs.append(
            (sizes.side, sizes.depth, sizes.vocabulary, sizes.words, sizes.captions, rounds)
        )
        assert folder.is_dir()
        return {
            "gru, soft": {"seconds": 0.2, "captions_per_second": 300.0, "ratio": 1.0},
            "luong, dot": {"seconds": 0.1, "captions_per_second": 600.0, "ratio": 2.0},
        }

    runs = []
    monkeypatch.setattr(decoders, "run", run)
    run_command(decoders, "--vocabulary", "500")
    done = run_command(decoders, "--rounds", "3")
    assert runs == [(8, 1280, 500, 12, 60, 5), (8, 1280, 5000, 12, 60, 3)]
    assert done.status == 0
    assert done.out.splitlines()[2:] == [
        "| gru, soft | 200 | 300 | 1.00 |",
        "| luong, dot | 100 | 600 | 2.00 |",
    ]
