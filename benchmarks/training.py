"""Captions a second in training: the tutorial's step, and this project in float32 and bfloat16.

    python -m benchmarks.training

The decoder is a GRU of 512 units on random features of 64 locations x 2,048. Photos have five
captions with lengths like Flickr8k's, of 5,000 words; all measures train on the same captions. A
step of the tutorial has 64 captions of any photos, padded to the longest of all; making its
batches does not count. This project trains whole epochs with the default recipe; making batches
counts. The last measure compares its first 20 losses, without dropout, with those of a plain loop,
which takes one word after another and compiles nothing.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import synthetic_data
from benchmarks.measuring import Figures, Measures, Options, Row, Turn, measure, run_benchmark
from config import Settings
from data.caption_batches import CaptionBatches
from data.text.tokenizer import START

if TYPE_CHECKING:
    from models.training.trainer import Trainer


@dataclass(frozen=True)
class Sizes:
    """The sizes of the training data and the decoder."""

    photos: int = 384
    side: int = 8  # rows and columns of locations
    depth: int = 2048
    vocabulary: int = 5000
    batch: int = 64  # captions
    compared: int = 20  # steps whose losses are compared
    settings: dict[str, Any] | None = None  # of the decoder; None for the defaults


TOY = Sizes(
    photos=4,
    side=2,
    depth=6,
    vocabulary=40,
    batch=16,
    compared=2,
    settings={"units": 8, "embedding": 8, "attention_units": 4},
)


def build_trainer(
    batches: Any,
    folder: Path,
    *,
    side: int,
    depth: int,
    vocabulary: int,
    precision: str = "float32",
    **settings: Any,
) -> "Trainer":
    """Build a decoder's trainer with default settings except for these."""
    # These load TensorFlow.
    from models.saved_networks import build_decoder_for
    from models.training.losses import CrossEntropy, HardAttention
    from models.training.trainer import Recipe, Trainer

    config = Settings.from_flat(settings).flat()
    config["fingerprint"] = {"grid": [side, side], "depth": depth}
    decoder = build_decoder_for(config, vocabulary)
    objective = HardAttention() if config["attention"] == "hard" else CrossEntropy()
    recipe = Recipe(
        config["epochs"],
        config["learning_rate"],
        config["warmup"],
        config["schedule"],
        config["clip"],
        config["patience"],
        save_every=10**9,
        precision=precision,
    )
    return Trainer(decoder, objective, batches, recipe, folder)


def choose_settings(sizes: Sizes) -> dict[str, Any]:
    """Return the arguments of `build_trainer` for these sizes."""
    sizes_of_data = {"side": sizes.side, "depth": sizes.depth, "vocabulary": sizes.vocabulary}
    return sizes_of_data | (sizes.settings or {})


def ignore_progress(_step: int, _steps: int, _loss: float) -> None:
    """Take the place of a progress bar."""


def make_batches(sizes: Sizes) -> CaptionBatches:
    """Return all captions in batches, the captions of a photo together."""
    features = synthetic_data.make_features(sizes.photos, sizes.side, sizes.depth)
    photos = synthetic_data.make_training_photos(sizes.photos, sizes.vocabulary)
    store = synthetic_data.MemoryFeatures(features)
    return CaptionBatches(photos, store, batch=sizes.batch, seed=0)


def make_tutorial_batches(sizes: Sizes) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the same captions in full batches of any photos.

    Features are (B, L, D) float32, tokens (B, T).
    """
    features = synthetic_data.make_features(sizes.photos, sizes.side, sizes.depth)
    captions = []
    photos = synthetic_data.make_training_photos(sizes.photos, sizes.vocabulary)
    for number, photo in enumerate(photos):
        captions += [(number, caption) for caption in photo.captions]
    order = np.random.default_rng(0).permutation(len(captions))
    for start in range(0, len(order) - sizes.batch + 1, sizes.batch):
        tokens = np.zeros((sizes.batch, synthetic_data.LONGEST + 2), np.int32)
        numbers = []
        for row, place in enumerate(order[start : start + sizes.batch]):
            number, caption = captions[place]
            numbers.append(number)
            tokens[row, : len(caption)] = caption
        yield features[numbers].astype(np.float32), tokens


def _prepare_tutorial(folder: str, sizes: dict[str, Any]) -> Turn:
    # These load TensorFlow.
    import tensorflow as tf

    from benchmarks import tutorial

    sizes = Sizes(**sizes)
    decoder = tutorial.build_decoder(sizes.vocabulary, sizes.side**2, sizes.depth)
    train_step = tutorial.make_training_step(decoder, START)

    def train(steps: int | None = None) -> dict[str, Any]:
        seconds = []
        for features, tokens in itertools.islice(make_tutorial_batches(sizes), steps):
            inputs = tf.constant(features), tf.constant(tokens)
            start = time.perf_counter()
            loss = float(train_step(*inputs))
            seconds.append(time.perf_counter() - start)
        return {"captions": len(seconds) * sizes.batch, "seconds": sum(seconds), "loss": loss}

    train(1)
    return train


def _prepare_ours(folder: str, sizes: dict[str, Any], precision: str) -> Turn:
    sizes = Sizes(**sizes)
    batches = make_batches(sizes)
    trainer = build_trainer(
        synthetic_data.RepeatedEpoch(batches, batches.steps),
        Path(folder) / precision,
        precision=precision,
        **choose_settings(sizes),
    )

    def turn() -> dict[str, Any]:
        row = trainer.train_epoch(ignore_progress)
        return {"captions": sizes.photos * synthetic_data.CAPTIONS, "loss": row["loss"]}

    turn()
    return turn


def _prepare_agreement(folder: str, sizes: dict[str, Any]) -> Turn:
    sizes = Sizes(**sizes)
    epoch = synthetic_data.RepeatedEpoch(make_batches(sizes), sizes.compared)

    def build(name: str) -> "Trainer":
        settings = choose_settings(sizes) | {"epochs": 10**6, "dropout": 0.0}
        return build_trainer(epoch, Path(folder) / name, **settings)

    def turn() -> dict[str, Any]:
        sums = [0.0]
        trainer = build("compiled")
        trainer.train_epoch(lambda step, steps, mean: sums.append(mean * step))
        losses = np.diff(sums)
        decoder = build("plain").decoder
        plain_losses = np.array(list(train_plainly(decoder, epoch, trainer.recipe)))
        return {
            "steps": len(losses),
            "first": float(plain_losses[0]),
            "last": float(plain_losses[-1]),
            "difference": float(np.abs(losses - plain_losses).max()),
        }

    return turn


def train_plainly(
    decoder: Any, epoch: synthetic_data.RepeatedEpoch, recipe: Any
) -> Iterator[float]:
    """Train one word after another without compiling; yield the loss of each step."""
    # These load TensorFlow.
    import keras
    import tensorflow as tf

    from models.decoders.base import repeat_rows

    optimizer = keras.optimizers.Adam(global_clipnorm=recipe.clip)
    for number, (features, tokens) in enumerate(epoch.epoch(0)):
        # The compared steps all belong to the warm-up.
        optimizer.learning_rate = recipe.learning_rate * number / recipe.warmup
        targets = tokens[:, 1:]
        with tf.GradientTape() as tape:
            memory, state = decoder.begin(tf.constant(features))
            state = repeat_rows(state, len(tokens) // len(features))
            total = 0.0
            for step in range(targets.shape[1]):
                target = targets[:, step]
                logits, state, _ = decoder.step(tf.constant(tokens[:, step]), memory, state)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits)
                total += tf.reduce_sum(tf.where(target != 0, losses, 0.0))
            loss = total / np.count_nonzero(targets)
        variables = decoder.trainable_variables
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        yield float(loss)


MEASURES: Measures = {
    "tutorial": _prepare_tutorial,
    "float32": partial(_prepare_ours, precision="float32"),
    "bfloat16": partial(_prepare_ours, precision="bfloat16"),
    "agreement": _prepare_agreement,
}


def run(folder: Path, options: Options) -> Figures:
    """Return `training_ratio` (bfloat16), `training_ratio_float32`, `loss_difference`, parts."""
    sizes = TOY if options.toy else Sizes()
    arguments = {"folder": str(folder), "sizes": asdict(sizes)}
    module = "benchmarks.training"
    parts = measure(module, ["tutorial", "float32", "bfloat16"], options.rounds, **arguments)
    parts |= measure(module, ["agreement"], 1, **arguments)
    tutorial_speed = _compute_speed(parts["tutorial"])
    return {
        "training_ratio": _compute_speed(parts["bfloat16"]) / tutorial_speed,
        "training_ratio_float32": _compute_speed(parts["float32"]) / tutorial_speed,
        "loss_difference": parts["agreement"]["difference"],
        "training": parts,
    }


def _compute_speed(part: Figures) -> float:
    """Return captions a second."""
    return part["captions"] / part["seconds"]


def make_rows(figures: Figures) -> list[Row]:
    """Return the rows of the table."""
    parts = figures["training"]
    tutorial, agreement = parts["tutorial"], parts["agreement"]
    rows = [
        Row(
            "training, cached features: the tutorial's `train_step`",
            f"{_compute_speed(tutorial):.0f} captions a second",
            megabytes=tutorial["megabytes"],
        )
    ]
    for precision, figure, target in (
        ("bfloat16", "training_ratio", 6),
        ("float32", "training_ratio_float32", 2.5),
    ):
        part = parts[precision]
        ratio = figures[figure]
        rows.append(
            Row(
                f"the same: ours in {precision}",
                f"{_compute_speed(part):.0f} captions a second: {ratio:.2f} times the tutorial",
                f"at least {target:g} times",
                ratio >= target,
                part["megabytes"],
            )
        )
    difference = figures["loss_difference"]
    rows.append(
        Row(
            f"the first {agreement['steps']} losses in float32 against a plain loop's",
            f"at most {difference:.1e} apart ({agreement['first']:.3f} to {agreement['last']:.3f})",
            "at most 1e-4",
            difference <= 1e-4,
        )
    )
    return rows


if __name__ == "__main__":
    run_benchmark(__doc__, run, make_rows, MEASURES)
