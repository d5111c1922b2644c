"""How many captions a second are learned from: the tutorial's training step, and ours in float32 and in bfloat16.

    python -m benchmarks.training

GRU 512 on made-up features of 64 locations x 2,048, five captions a photo with lengths as in Flickr8k, 5,000 words; all
learn the same captions. A step of the tutorial has 64 captions of any photos, padded to the longest of all; making its
batches does not count. Ours is the trainer with the default recipe, whole epochs, making batches included. The last measure
is how far its first 20 losses, without dropout, are from those of a plain loop: word by word, nothing compiled.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import made_up
from benchmarks.measuring import Given, Measures, Row, Turn, measured, script
from config import Settings
from data.caption_batches import CaptionBatches
from data.text.tokenizer import START

if TYPE_CHECKING:
    from models.training.trainer import Trainer


@dataclass(frozen=True)
class Sizes:
    """What is learned from, and by what."""

    photos: int = 384
    side: int = 8  # rows and columns of locations
    depth: int = 2048
    vocabulary: int = 5000
    batch: int = 64  # captions
    compared: int = 20  # steps whose losses are compared
    settings: dict[str, Any] | None = None  # of the decoder, where they are not the default ones


TOY = Sizes(
    photos=4,
    side=2,
    depth=6,
    vocabulary=40,
    batch=16,
    compared=2,
    settings={"units": 8, "embedding": 8, "attention_units": 4},
)


def trainer(
    epoch: Any,
    folder: Path,
    *,
    side: int,
    depth: int,
    vocabulary: int,
    precision: str = "float32",
    **settings: Any,
) -> "Trainer":
    """A decoder in training, as its settings are by default but for these."""
    from models.captioner import build_decoder_for
    from models.training.losses import CrossEntropy, HardAttention
    from models.training.trainer import Recipe, Trainer

    flat = Settings.from_flat(settings).flat()
    decoder = build_decoder_for(
        flat | {"fingerprint": {"grid": [side, side], "depth": depth}}, vocabulary
    )
    objective = HardAttention() if flat["attention"] == "hard" else CrossEntropy()
    recipe = Recipe(
        flat["epochs"],
        flat["learning_rate"],
        flat["warmup"],
        flat["schedule"],
        flat["clip"],
        flat["patience"],
        save_every=10**9,
        precision=precision,
    )
    return Trainer(decoder, objective, epoch, recipe, folder)


def of_preset(sizes: Sizes) -> dict[str, Any]:
    """What a trainer is made with."""
    return {"side": sizes.side, "depth": sizes.depth, "vocabulary": sizes.vocabulary} | (
        sizes.settings or {}
    )


def batches(sizes: Sizes) -> CaptionBatches:
    """All captions, a photo's together."""
    rows = made_up.Rows(made_up.features(sizes.photos, sizes.side, sizes.depth))
    return CaptionBatches(
        made_up.training_photos(sizes.photos, sizes.vocabulary), rows, batch=sizes.batch, seed=0
    )


def single_captions(sizes: Sizes) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same captions in whole batches of any photos: features (B, L, D) float32 and tokens (B, T)."""
    features = made_up.features(sizes.photos, sizes.side, sizes.depth)
    captions = [
        (number, caption)
        for number, photo in enumerate(made_up.training_photos(sizes.photos, sizes.vocabulary))
        for caption in photo.captions
    ]
    order = np.random.default_rng(0).permutation(len(captions))
    for group in np.split(order, range(sizes.batch, len(order), sizes.batch)):
        if len(group) == sizes.batch:
            tokens = np.zeros((sizes.batch, made_up.LONGEST + 2), np.int32)
            for row, (_, caption) in zip(tokens, (captions[each] for each in group), strict=True):
                row[: len(caption)] = caption
            yield features[[captions[each][0] for each in group]].astype(np.float32), tokens


def _tutorial(folder: str, sizes: dict[str, Any]) -> Turn:
    import tensorflow as tf

    from benchmarks import tutorial

    sizes = Sizes(**sizes)
    step = tutorial.training_step(
        tutorial.decoder(sizes.vocabulary, sizes.side**2, sizes.depth), START
    )

    def learned(steps: int | None = None) -> dict[str, Any]:
        marks = []
        for features, tokens in itertools.islice(single_captions(sizes), steps):
            inputs = tf.constant(features), tf.constant(tokens)
            began = time.perf_counter()
            loss = float(step(*inputs))
            marks.append(time.perf_counter() - began)
        return {"captions": len(marks) * sizes.batch, "seconds": sum(marks), "loss": loss}

    learned(1)
    return learned


def _ours(folder: str, sizes: dict[str, Any], precision: str) -> Turn:
    sizes = Sizes(**sizes)
    made = batches(sizes)
    training = trainer(
        made_up.Epoch(made, made.steps),
        Path(folder) / precision,
        precision=precision,
        **of_preset(sizes),
    )

    def turn() -> dict[str, Any]:
        row = training.train_epoch(lambda step, steps, loss: None)
        return {"captions": sizes.photos * made_up.CAPTIONS, "loss": row["loss"]}

    turn()
    return turn


def _agreement(folder: str, sizes: dict[str, Any]) -> Turn:
    sizes = Sizes(**sizes)
    epoch = made_up.Epoch(batches(sizes), sizes.compared)

    def begun(name: str) -> "Trainer":
        return trainer(epoch, Path(folder) / name, epochs=10**6, dropout=0.0, **of_preset(sizes))

    def turn() -> dict[str, Any]:
        sums = [0.0]
        training = begun("compiled")
        training.train_epoch(lambda step, steps, mean: sums.append(mean * step))
        ours = np.diff(sums)
        plain = np.array(list(plain_losses(begun("plain").decoder, epoch, training.recipe)))
        return {
            "steps": len(ours),
            "first": float(plain[0]),
            "last": float(plain[-1]),
            "difference": float(np.abs(ours - plain).max()),
        }

    return turn


def plain_losses(decoder: Any, epoch: made_up.Epoch, recipe: Any) -> Iterator[float]:
    """The losses of an epoch's steps, the decoder asked for a word at a time, and nothing compiled."""
    import keras
    import tensorflow as tf

    from models.decoders.base import repeat_rows

    optimizer = keras.optimizers.Adam(global_clipnorm=recipe.clip)
    for number, (features, tokens) in enumerate(epoch.epoch(0)):
        optimizer.learning_rate = (
            recipe.learning_rate * number / recipe.warmup
        )  # which is not over yet
        wanted = tokens[:, 1:]
        with tf.GradientTape() as tape:
            memory, state = decoder.begin(tf.constant(features))
            state = repeat_rows(state, len(tokens) // len(features))
            total = 0.0
            for time in range(wanted.shape[1]):
                logits, state, _ = decoder.step(tf.constant(tokens[:, time]), memory, state)
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(wanted[:, time], logits)
                total += tf.reduce_sum(tf.where(wanted[:, time] != 0, each, 0.0))
            loss = total / np.count_nonzero(wanted)
        variables = decoder.trainable_variables
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        yield float(loss)


MEASURES: Measures = {
    "tutorial": _tutorial,
    "float32": partial(_ours, precision="float32"),
    "bfloat16": partial(_ours, precision="bfloat16"),
    "agreement": _agreement,
}


def run(folder: Path, given: Given) -> dict[str, Any]:
    """`training_ratio` in bfloat16, `training_ratio_float32`, `loss_difference`, and what these come from."""
    sizes = TOY if given.toy else Sizes()
    what = {"folder": str(folder), "sizes": asdict(sizes)}
    found = measured(
        "benchmarks.training", ["tutorial", "float32", "bfloat16"], given.rounds, **what
    )
    found |= measured("benchmarks.training", ["agreement"], 1, **what)
    a_second = {name: _a_second(found[name]) for name in ("tutorial", "float32", "bfloat16")}
    return {
        "training_ratio": a_second["bfloat16"] / a_second["tutorial"],
        "training_ratio_float32": a_second["float32"] / a_second["tutorial"],
        "loss_difference": found["agreement"]["difference"],
        "training": found,
    }


def _a_second(each: dict[str, Any]) -> float:
    return each["captions"] / each["seconds"]


def rows(found: dict[str, Any]) -> list[Row]:
    """The table's."""
    each = found["training"]
    quick, exact, difference = (
        found["training_ratio"],
        found["training_ratio_float32"],
        found["loss_difference"],
    )
    agreement = each["agreement"]

    def ours(precision: str, ratio: float, least: float) -> Row:
        told = f"{_a_second(each[precision]):.0f} captions a second: {ratio:.2f} times the tutorial"
        return Row(
            f"the same: ours in {precision}",
            told,
            f"at least {least:g} times",
            ratio >= least,
            each[precision]["megabytes"],
        )

    return [
        Row(
            "training, cached features: the tutorial's `train_step`",
            f"{_a_second(each['tutorial']):.0f} captions a second",
            megabytes=each["tutorial"]["megabytes"],
        ),
        ours("bfloat16", quick, 6),
        ours("float32", exact, 2.5),
        Row(
            f"the first {agreement['steps']} losses in float32 against a plain loop's",
            f"{difference:.1e} apart at the most ({agreement['first']:.3f} to {agreement['last']:.3f})",
            "at most 1e-4",
            difference <= 1e-4,
        ),
    ]


if __name__ == "__main__":
    script(__doc__, run, rows, MEASURES)
