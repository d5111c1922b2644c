"""Training with several workers on this machine: losses and processor time beside one worker's.

    python -m benchmarks.workers                                   200 steps with 1, 2 and 3 workers
    python -m benchmarks.workers --workers 1,2 --captions 240 --units 512 --ways dropout

Every worker has a core of its own, if there are enough. Captions say the kind of a photo. The
reward of a sampled caption is the share of its words that the photo's captions have. A loss differs
by its distance from the loss of one worker in the same step, divided by the mean size of all
losses. Processor time is that of a step of one worker. Captions a second are those of all workers,
by the time of the clock, which counts only if the machine is idle and each worker has a core. Both
are the 10th percentile of all steps: others may use the machine too.
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import synthetic_data
from config import Settings
from data.caption_batches import CaptionBatches, TrainingPhoto
from data.text.tokenizer import END, PAD, SPECIAL_TOKENS, START, UNKNOWN
from tools.launch import plan_local, run_all
from utils import command_line
from utils.device import count_cores
from utils.errors import UserError, require, run_script
from utils.quiet import import_tensorflow
from utils.terminal import output
from utils.workers import find_worker

if TYPE_CHECKING:
    from models.training.strategy import Strategy
    from models.training.trainer import Trainer

WAYS = {
    "dropout": {"decoder": "gru"},
    "hard": {"decoder": "lstm", "attention": "hard"},
    "self-critical": {"decoder": "gru"},
    "bfloat16": {"decoder": "gru"},
}
OPTIONS = ("steps", "captions", "units", "depth", "side", "photos", "vocabulary")
MAX_LENGTH = 10  # words of captions
KINDS = 8  # of photos
# At the default of 0.001 one worker alone amplifies rounding: if its first weights change by one
# part in ten million, a loss of the 200 differs by 2e-3. At this rate it differs by 2e-7.
LEARNING_RATE = 0.0002


@dataclass(frozen=True)
class Sizes:
    """The sizes of the training data and the decoder."""

    steps: int = 200
    captions: int = 60  # a step, of all workers
    units: int = 128
    depth: int = 256
    side: int = 4
    photos: int = 240
    vocabulary: int = 300

    def settings(self) -> dict[str, Any]:
        """Return the decoder's settings."""
        units = dict.fromkeys(("units", "embedding", "attention_units"), self.units)
        return units | {"dropout": 0.4, "max_length": MAX_LENGTH, "seed": 0}


# Of the steps of one way: `losses`, `seconds` of the processor, `wall` seconds of the clock.
Figures = dict[str, list[float]]


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__)
    parser.prog = "python -m benchmarks.workers"
    sizes = Sizes()
    for name in OPTIONS:
        default = getattr(sizes, name)
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"(default {default})"
        )
    parser.add_argument("--workers", default="1,2,3", metavar="N,N", help="(default 1,2,3)")
    parser.add_argument(
        "--ways", default=",".join(WAYS), metavar="WAY,WAY", help=f"(default {','.join(WAYS)})"
    )
    parser.add_argument("--figures", metavar="DIR", help=argparse.SUPPRESS)  # of one worker
    return parser


def main() -> int:
    """Train with each number of workers, and print how their losses and times compare."""
    typed = make_options().parse_args()
    ways = typed.ways.split(",")
    require(set(ways) <= set(WAYS), f"--ways must be of {','.join(WAYS)} (got {typed.ways})")
    sizes = replace(Sizes(), **{name: getattr(typed, name) for name in OPTIONS})
    if typed.figures is not None:
        run_worker(sizes, ways, Path(typed.figures))
        return 0
    numbers = [int(number) for number in typed.workers.split(",")]
    require(numbers[0] == 1, f"--workers must start with 1 (got {typed.workers})")
    words = sys.argv[1:]
    figures = {number: launch(number, words) for number in numbers}
    for line in compare(figures, ways, sizes.captions):
        output(line)
    return 0


def launch(number: int, words: list[str]) -> dict[str, Figures]:
    """Run so many workers; return the figures of worker 0 by way."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "benchmarks.workers", *words, "--figures", folder]
        status = run_all(plan_local(number, command))
        if status:
            raise UserError(f"{number} workers ended with status {status}")
        return json.loads(Path(folder, "worker-0.json").read_text())


def run_worker(sizes: Sizes, ways: list[str], folder: Path) -> None:
    """Train each way as one of the workers that the environment names; write the figures."""
    worker = find_worker()
    cores = sorted(os.sched_getaffinity(0))
    if worker.number <= count_cores():
        os.sched_setaffinity(0, {cores[worker.index]})
    import_tensorflow()
    from models.training.strategy import join  # loads TensorFlow

    strategy = join(worker, timeout=120)
    figures = {way: train(way, sizes, strategy) for way in ways}
    strategy.wait_for_all()
    (folder / f"worker-{worker.index}.json").write_text(json.dumps(figures))


def train(way: str, sizes: Sizes, strategy: "Strategy") -> Figures:
    """Train one way; return the loss and the times of each step."""
    figures: Figures = {"losses": [], "seconds": [], "wall": []}
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(way, sizes, strategy, Path(folder))
        trainer.copy_weights_from_first()
        number = 0
        while len(figures["losses"]) < sizes.steps:
            missing = sizes.steps - len(figures["losses"])
            batches = trainer.objective.make_batches(trainer.batches, number, 0)
            for batch in islice(batches, missing):
                start, wall_start = time.process_time(), time.perf_counter()
                figures["losses"].append(float(trainer._run_step(*batch)))
                figures["seconds"].append(time.process_time() - start)
                figures["wall"].append(time.perf_counter() - wall_start)
            number += 1
    return figures


def build_trainer(way: str, sizes: Sizes, strategy: "Strategy", folder: Path) -> "Trainer":
    """Build the trainer of one way."""
    # These load TensorFlow.
    from models.saved_networks import build_decoder_for
    from models.search.rules import Rules
    from models.training.losses import CrossEntropy, HardAttention
    from models.training.self_critical import SAMPLES, SelfCritical
    from models.training.trainer import Recipe, Trainer

    config = Settings.from_flat(sizes.settings() | WAYS[way]).flat()
    config["fingerprint"] = {"grid": [sizes.side, sizes.side], "depth": sizes.depth}
    decoder = build_decoder_for(config, sizes.vocabulary)
    photos = make_photos(sizes)
    batch = sizes.captions
    if way == "self-critical":
        rules = Rules(START, END, (PAD, UNKNOWN, START), MAX_LENGTH)
        reward = make_reward(photos)
        objective = SelfCritical(decoder, reward, rules, seed=0, strategy=strategy)
        photos = [TrainingPhoto(photo.keys, ((START, END),)) for photo in photos]
        batch = max(1, batch // SAMPLES)
    elif way == "hard":
        objective = HardAttention(strategy=strategy)
    else:
        objective = CrossEntropy()
    batches = CaptionBatches(
        photos,
        make_features(sizes),
        batch=batch,
        seed=0,
        worker=strategy.worker.index,
        workers=strategy.worker.number,
    )
    precision = "bfloat16" if way == "bfloat16" else "float32"
    recipe = Recipe(
        config["epochs"],
        LEARNING_RATE,
        config["warmup"],
        config["schedule"],
        config["clip"],
        config["patience"],
        save_every=10**9,
        precision=precision,
    )
    return Trainer(decoder, objective, batches, recipe, folder, strategy=strategy)


def make_photos(sizes: Sizes) -> list[TrainingPhoto]:
    """Return photos whose captions say their kind, by words with a few random ones between.

    Captions are cut to `MAX_LENGTH` words, so that few lengths need compiling.
    """
    photos = []
    for number, photo in enumerate(
        synthetic_data.make_training_photos(sizes.photos, sizes.vocabulary)
    ):
        first = len(SPECIAL_TOKENS) + number % KINDS * MAX_LENGTH
        captions = []
        for caption in photo.captions:
            words = list(caption[1 : MAX_LENGTH + 1])
            for place in range(0, len(words), 2):
                words[place] = first + place
            captions.append((START, *words, END))
        photos.append(TrainingPhoto(photo.keys, tuple(captions)))
    return photos


def make_features(sizes: Sizes) -> synthetic_data.MemoryFeatures:
    """Return random features, to which the photo's kind is added."""
    features = synthetic_data.make_features(sizes.photos, sizes.side, sizes.depth)
    for number in range(sizes.photos):
        features[number, :, number % KINDS] += 4
    return synthetic_data.MemoryFeatures(features)


def make_reward(photos: list[TrainingPhoto]) -> Any:
    """Return a reward: the share of a caption's words that the photo's captions have."""
    known = [set().union(*photo.captions) for photo in photos]

    def reward(numbers: np.ndarray, captions: np.ndarray) -> np.ndarray:
        rewards = np.zeros(captions.shape[:2])
        for row, number in enumerate(numbers):
            if number < 0:
                continue
            is_known = np.isin(captions[row], list(known[number]))
            rewards[row] = is_known.mean(axis=1)
        return rewards

    return reward


def compare(figures: dict[int, dict[str, Figures]], ways: list[str], captions: int) -> list[str]:
    """Return the rows of a table: each number of workers beside one; `captions` are of a step."""
    lines = [
        "| way | workers | largest difference of a loss | processor time a step and worker "
        "| captions a second |",
        "| --- | --- | --- | --- | --- |",
    ]
    for way in ways:
        alone = figures[1][way]
        losses = np.array(alone["losses"])
        seconds = np.percentile(alone["seconds"], 10)
        wall_seconds = np.percentile(alone["wall"], 10)
        for number, by_way in figures.items():
            difference = np.abs(np.array(by_way[way]["losses"]) - losses).max()
            difference /= np.abs(losses).mean()
            own = np.percentile(by_way[way]["seconds"], 10)
            times = f"{1000 * own:.0f} ms ({own / seconds:.2f})"
            wall = np.percentile(by_way[way]["wall"], 10)
            speed = f"{captions / wall:.1f} ({wall_seconds / wall:.2f})"
            lines.append(f"| {way} | {number} | {difference:.1e} | {times} | {speed} |")
    return lines


if __name__ == "__main__":
    run_script(main)
