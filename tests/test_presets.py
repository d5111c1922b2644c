"""Every preset that writes captions takes a step as its settings say, with a small decoder; the
classifier's training is in test_classifying.py."""

from functools import partial

import numpy as np
import pytest

from models.saved_networks import build_decoder_for
from models.training.losses import CrossEntropy
from models.training.optimizers import build_adam
from models.training.trainer import Recipe, Trainer
from presets import PRESETS
from tests.helpers.settings import choose_settings
from tests.helpers.training import DEPTH, LOCATIONS, InventedBatches

SMALL = {"units": 16, "embedding": 8, "attention_units": 8, "heads": 2}


@pytest.mark.parametrize("scenes", [False, True])
@pytest.mark.parametrize("preset", sorted(PRESETS.keys() - {"classifier"}))
def test_every_preset_takes_a_step(preset, scenes, tmp_path, uncompiled):
    options = {"preset": preset}
    if preset == "vit-gpt2":
        options["decoder_weights"] = "none"
    settings = choose_settings(options, scenes=scenes)
    training = settings.training
    fingerprint = {"grid": [LOCATIONS, 1], "depth": DEPTH}
    decoder = build_decoder_for(settings.flat() | SMALL | {"fingerprint": fingerprint}, 8)
    recipe = Recipe(1, training.learning_rate, 0, training.schedule, training.clip, 1, 99)
    trainer = Trainer(
        decoder,
        CrossEntropy(training.penalty),
        InventedBatches(),
        recipe,
        tmp_path,
        optimizer=partial(build_adam, weight_decay=training.weight_decay),
    )
    before = [weight.numpy() for weight in decoder.trainable_weights]
    row = trainer.train_epoch(lambda *_: None)
    assert 0 < row["loss"] < 5
    moved = [
        np.abs(weight.numpy() - old).max()
        for weight, old in zip(decoder.trainable_weights, before, strict=True)
    ]
    # A rate is the most that Adam moves a weight in a step, about; every weight has moved.
    assert min(moved) > 0 and max(moved) < 3 * training.learning_rate * InventedBatches.steps
