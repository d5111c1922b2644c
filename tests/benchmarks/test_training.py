"""The benchmark of training."""

import numpy as np
import pytest

from benchmarks import synthetic_data, training


@pytest.mark.slow
def test_training_at_toy_size(tmp_path, in_this_process, uncompiled, small_tutorial, toy_options):
    figures = training.run(tmp_path, toy_options)
    parts = figures["training"]
    # The tutorial drops the last batch, which is not full: 16 of 20 captions count.
    captions = {"tutorial": 16, "float32": 20, "bfloat16": 20}
    speeds = {}
    for name, number in captions.items():
        assert parts[name]["captions"] == number
        speeds[name] = number / parts[name]["seconds"]
    assert figures["training_ratio"] == speeds["bfloat16"] / speeds["tutorial"]
    assert figures["training_ratio_float32"] == speeds["float32"] / speeds["tutorial"]
    assert parts["agreement"]["steps"] == 2
    assert figures["loss_difference"] == parts["agreement"]["difference"] < 1e-5
    for name in ("float32", "bfloat16"):
        assert 3 < parts[name]["loss"] < 4  # log 40 is 3.7
    figures |= {"training_ratio": 6.0, "training_ratio_float32": 2.4}
    rows = training.make_rows(figures)
    assert [row.is_met for row in rows] == [None, True, False, True]


def test_both_train_on_the_same_captions():
    sizes = training.Sizes(photos=8, side=1, depth=2, vocabulary=30, batch=20)
    ours, theirs = [], []
    features = synthetic_data.make_features(8, 1, 2)
    for batch, tokens in training.make_batches(sizes).epoch(0):
        for photo, row in zip(np.repeat(batch, 5, axis=0), tokens, strict=True):
            if row.any():
                ours.append((photo.tolist(), row[row != 0].tolist()))
    for batch, tokens in training.make_tutorial_batches(sizes):
        assert (batch.dtype, tokens.shape) == (np.float32, (20, 25))
        for photo, row in zip(batch, tokens, strict=True):
            theirs.append((photo.tolist(), row[row != 0].tolist()))
    assert len(ours) == 40
    assert sorted(ours) == sorted(theirs)
    assert all(photo in features.tolist() for photo, _ in ours)
