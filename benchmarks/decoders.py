"""Captions a second that each decoder trains on: the training step as it is, on random features.

    python -m benchmarks.decoders
    python -m benchmarks.decoders --rounds 10 --json FILE
    python -m benchmarks.decoders --vocabulary 500     the projection to words counts less

Every decoder runs with its default settings and each of its kinds of attention. They take turns of
a few steps, so that other load on the machine affects all of them. The first turn compiles the
steps and does not count.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.synthetic_data import CAPTIONS
from benchmarks.training import build_trainer
from config import ATTENTIONS
from data.text.tokenizer import END, SPECIAL_TOKENS, START
from models.decoders import DECODERS
from models.training.trainer import Trainer
from utils.files import write_json

DEFAULT = "gru, soft"  # the decoder with which the others are compared


@dataclass(frozen=True)
class Sizes:
    """The sizes of the training data, which also yield its batches."""

    side: int = 8  # rows and columns of locations
    depth: int = 1280
    vocabulary: int = 5000
    words: int = 12  # of every caption
    batch: int = 64  # captions, of whole photos
    steps: int = 5  # a turn

    @property
    def captions(self) -> int:
        """Return the number of captions in a step."""
        return self.batch // CAPTIONS * CAPTIONS

    @cached_property
    def step_data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return features (P, L, D) and tokens (B, T)."""
        random = np.random.default_rng(0)
        photos = self.captions // CAPTIONS
        features = random.random((photos, self.side**2, self.depth), np.float32)
        words = random.integers(
            len(SPECIAL_TOKENS), self.vocabulary, (self.captions, self.words), np.int32
        )
        tokens = np.pad(words, [(0, 0), (1, 1)], constant_values=[(0, 0), (START, END)])
        return features.astype(np.float16), tokens

    def epoch(self, _number: int, *, first: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the same batch for each step of a turn."""
        for _ in range(self.steps):
            yield self.step_data


def time_steps(trainer: Trainer) -> list[float]:
    """Take a turn; return the seconds of each step."""
    times = [time.perf_counter()]
    trainer.train_epoch(lambda *_: times.append(time.perf_counter()))
    return [after - before for before, after in itertools.pairwise(times)]


def run(sizes: Sizes, rounds: int, folder: Path, **settings: Any) -> dict[str, dict[str, float]]:
    """Return seconds a step (median), captions a second and the ratio to the default decoder."""
    settings |= {"side": sizes.side, "depth": sizes.depth, "vocabulary": sizes.vocabulary}
    trainers = {}
    for decoder in DECODERS:
        for attention in ATTENTIONS[decoder]:
            trainers[f"{decoder}, {attention}"] = build_trainer(
                sizes,
                folder / f"{decoder}-{attention}",
                decoder=decoder,
                attention=attention,
                **settings,
            )
    for trainer in trainers.values():
        time_steps(trainer)
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    for _ in range(rounds):
        for name, trainer in trainers.items():
            seconds[name] += time_steps(trainer)
    figures = {}
    default_median = float(np.median(seconds[DEFAULT]))
    for name, times in seconds.items():
        median = float(np.median(times))
        figures[name] = {
            "seconds": median,
            "captions_per_second": sizes.captions / median,
            "ratio": default_median / median,
        }
    return figures


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="TURNS", help="turns of each decoder (default 5)"
    )
    parser.add_argument(
        "--vocabulary",
        type=int,
        default=Sizes.vocabulary,
        metavar="WORDS",
        help=f"size of the vocabulary (default {Sizes.vocabulary})",
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures to this file")
    return parser


def main() -> None:
    """Measure and print a table."""
    arguments = make_options().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Sizes(vocabulary=arguments.vocabulary), arguments.rounds, Path(folder))
    print("| decoder, attention | milliseconds a step | captions a second | times the default |")
    print("| --- | --- | --- | --- |")
    for name, each in figures.items():
        milliseconds = each["seconds"] * 1000
        speed = each["captions_per_second"]
        print(f"| {name} | {milliseconds:.0f} | {speed:.0f} | {each['ratio']:.2f} |")
    if arguments.json:
        write_json(Path(arguments.json), figures)


if __name__ == "__main__":
    main()
