"""Runs the measures of a benchmark at toy size, in this process and without compiling."""

import importlib
import json

import pytest

from benchmarks import decoding, extraction, measuring, memory, scaling, training, tutorial
from benchmarks.measuring import Options


@pytest.fixture
def in_this_process(monkeypatch):
    """Runs measures in this process, which has loaded TensorFlow already."""

    def measure(module, names, rounds, **arguments):
        arguments = json.loads(json.dumps(arguments))
        measures = importlib.import_module(module).MEASURES
        figures = {}
        for name in names:
            turn = measures[name](**arguments)
            turns = [measuring.time_turn(turn) for _ in range(rounds)]
            figures[name] = measuring.summarize_turns(turns)
            figures[name] |= {"megabytes": 10.0, "anonymous_megabytes": 5.0 + len(figures)}
        return figures

    for module in (extraction, training, decoding, memory, scaling):
        monkeypatch.setattr(module, "measure", measure)


@pytest.fixture
def small_tutorial(monkeypatch):
    """Makes the tutorial's networks small."""
    monkeypatch.setattr(tutorial, "EMBEDDING", 3)
    monkeypatch.setattr(tutorial, "UNITS", 4)


@pytest.fixture
def toy_options():
    return Options(rounds=2, toy=True)
