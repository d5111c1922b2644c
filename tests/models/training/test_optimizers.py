"""Learning rates by hand, Adam in one pass against Keras' own, and Muon for convolutions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.training.optimizers import Adam, AdamW, ConvolutionMuon, build_schedule


@pytest.mark.parametrize(
    ("kind", "warmup", "wanted"),
    [
        ("constant", 10, [0.0, 0.25, 0.5, 0.5, 0.5]),
        ("constant", 0, [0.5, 0.5, 0.5, 0.5, 0.5]),
        ("cosine", 10, [0.0, 0.25, 0.5, 0.2525, 0.005]),
    ],
)
def test_the_learning_rate_rises_then_stays_or_falls(kind, warmup, wanted):
    schedule = build_schedule(kind, 0.5, steps=100, warmup=warmup)
    assert [float(schedule(step)) for step in (0, 5, 10, 55, 100)] == pytest.approx(wanted)


def train(make, **options):
    """Two variables after seven steps, and the optimizer's own."""
    random = np.random.default_rng(0)
    variables = [
        keras.Variable(random.normal(size=shape), dtype="float32") for shape in ((3, 2), (4,))
    ]
    optimizer = make(0.01, global_clipnorm=2.0, **options)
    optimizer.build(variables)
    step = tf.function(lambda gradients: optimizer.apply(gradients, variables))
    for _ in range(7):
        step([tf.constant(random.normal(size=each.shape), tf.float32) for each in variables])
    return [each.numpy() for each in [*variables, *optimizer.variables]]


@pytest.mark.parametrize(
    ("ours", "keras_own", "options"),
    [(Adam, keras.optimizers.Adam, {}), (AdamW, keras.optimizers.AdamW, {"weight_decay": 0.1})],
)
def test_adam_updates_as_keras_does(ours, keras_own, options):
    for one, other in zip(train(ours, **options), train(keras_own, **options), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-7)


def test_adam_updates_every_copy_of_a_variable():
    """Under a strategy of tf.distribute, for which a machine has several devices only at start."""
    strategy = tf.distribute.OneDeviceStrategy("cpu:0")
    with strategy.scope():
        variable = keras.Variable([1.0, 2.0])
        optimizer = Adam(0.5)
        optimizer.build([variable])
    strategy.run(lambda: optimizer.apply([tf.constant([1.0, -3.0])], [variable]))
    np.testing.assert_allclose(variable, [0.5, 2.5], rtol=1e-5)


def test_muon_moves_kernels_by_a_nearly_orthogonal_matrix():
    """Biases move by AdamW's rate."""
    kernel = keras.Variable(np.zeros((3, 3, 4, 5), np.float32))
    bias = keras.Variable(np.zeros(5, np.float32))
    optimizer = ConvolutionMuon(0.1, adam_lr_ratio=0.5)
    optimizer.build([kernel, bias])
    gradient = np.random.default_rng(0).normal(size=kernel.shape).astype(np.float32) ** 3
    optimizer.apply([gradient, np.array([1, -2, 3, -4, 5], np.float32)], [kernel, bias])
    moved = np.linalg.svd(kernel.numpy().reshape(36, 5), compute_uv=False)
    assert moved.max() / moved.min() < 2
    before = np.linalg.svd(gradient.reshape(36, 5), compute_uv=False)
    assert before.max() / before.min() > 2
    # The rate, Keras' rms_rate of 0.2, and the root of the longer side.
    assert 0.6 < moved.mean() / (0.1 * 0.2 * 6) < 1.3
    np.testing.assert_allclose(bias, [-0.05, 0.05, -0.05, 0.05, -0.05], rtol=1e-3)
