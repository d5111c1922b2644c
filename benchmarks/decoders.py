"""How many captions a second each decoder learns from: the step of training as it is, on made-up features.

    python -m benchmarks.decoders
    python -m benchmarks.decoders --rounds 10 --json FILE
    python -m benchmarks.decoders --vocabulary 500     of which the words take a smaller part

Every decoder is measured with its default settings and each of its ways of attention. They take turns, a few steps each, so
that what else the machine does falls on all of them; the first turn, in which steps are compiled, does not count.
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

from benchmarks.made_up import CAPTIONS
from benchmarks.training import trainer
from config import ATTENTIONS
from data.text.tokenizer import END, SPECIAL_TOKENS, START
from models.decoders import DECODERS
from models.training.trainer import Trainer
from utils.files import write_json


@dataclass(frozen=True)
class Sizes:
    """What is learned from."""

    side: int = 8  # rows and columns of locations
    depth: int = 1280
    vocabulary: int = 5000
    words: int = 12  # of every caption
    batch: int = 64  # captions, of whole photos
    steps: int = 5  # a turn

    @property
    def captions(self) -> int:
        """How many captions a step has."""
        return self.batch // CAPTIONS * CAPTIONS

    @cached_property
    def made_up(self) -> tuple[np.ndarray, np.ndarray]:
        """Features (P, L, D) and tokens (B, T)."""
        random = np.random.default_rng(0)
        features = random.random(
            (self.captions // CAPTIONS, self.side**2, self.depth), np.float32
        ).astype(np.float16)
        words = random.integers(
            len(SPECIAL_TOKENS), self.vocabulary, (self.captions, self.words), np.int32
        )
        tokens = np.pad(words, [(0, 0), (1, 1)], constant_values=[(0, 0), (START, END)])
        return features, tokens

    def epoch(self, _number: int, *, first: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """A turn's batches: the same again and again."""
        yield from [self.made_up] * self.steps


def turn(training: Trainer) -> list[float]:
    """Seconds of each step of a turn."""
    marks = [time.perf_counter()]
    training.train_epoch(lambda *_: marks.append(time.perf_counter()))
    return [after - before for before, after in itertools.pairwise(marks)]


def run(sizes: Sizes, rounds: int, folder: Path, **settings: Any) -> dict[str, dict[str, float]]:
    """By decoder and attention: seconds a step (the median), captions a second, and how that compares with the first's."""
    settings |= {"side": sizes.side, "depth": sizes.depth, "vocabulary": sizes.vocabulary}
    trainers = {
        f"{name}, {attention}": trainer(
            sizes, folder / f"{name}-{attention}", decoder=name, attention=attention, **settings
        )
        for name in DECODERS
        for attention in ATTENTIONS[name]
    }
    for each in trainers.values():
        turn(each)
    seconds: dict[str, list[float]] = {what: [] for what in trainers}
    for _ in range(rounds):
        for what, each in trainers.items():
            seconds[what] += turn(each)
    medians = {what: float(np.median(each)) for what, each in seconds.items()}
    first = next(iter(medians.values()))
    return {
        what: {
            "seconds": median,
            "captions_per_second": sizes.captions / median,
            "ratio": first / median,
        }
        for what, median in medians.items()
    }


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="TURNS", help="of each decoder (default 5)"
    )
    parser.add_argument(
        "--vocabulary", type=int, default=Sizes.vocabulary, metavar="WORDS", help="default 5,000"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Sizes(vocabulary=given.vocabulary), given.rounds, Path(folder))
    print(
        "| decoder, attention | milliseconds a step | captions a second | times the first |\n| --- | --- | --- | --- |"
    )
    for what, each in found.items():
        print(
            f"| {what} | {each['seconds'] * 1000:.0f} | {each['captions_per_second']:.0f} | {each['ratio']:.2f} |"
        )
    if given.json:
        write_json(Path(given.json), found)


if __name__ == "__main__":
    main()
