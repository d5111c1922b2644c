"""The trunks: what they look at, and that each is built as it was when weights were saved."""

import hashlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.encoders.convnet import (
    TRUNKS,
    LookAround,
    build_convnet,
    build_trunk,
    build_tutorial,
    count_halvings,
)

SIZE = 64


def test_a_location_looks_at_its_own_place():
    """The pixels that a location of the grid depends on lie round its middle, not to one side."""
    network = build_convnet(SIZE * 2)
    pixels = tf.Variable(tf.random.stateless_uniform([1, SIZE * 2, SIZE * 2, 3], [1, 2], -1, 1))
    with tf.GradientTape() as tape:
        seen = tf.reduce_sum(network(pixels)[0, 4, 3])
    weight = tf.reduce_sum(tf.square(tape.gradient(seen, pixels)[0]), axis=2).numpy()
    along = np.arange(SIZE * 2) + 0.5
    assert abs((weight.sum(1) * along).sum() / weight.sum() - 4.5 * 16) < 4
    assert abs((weight.sum(0) * along).sum() / weight.sum() - 3.5 * 16) < 4


def test_looking_around_is_a_depthwise_convolution():
    grid = tf.random.stateless_normal([2, 6, 5, 3], [1, 2])
    layer = LookAround(7)
    layer(grid)
    wanted = tf.nn.depthwise_conv2d(grid, layer.kernel.value, [1, 1, 1, 1], "SAME") / np.sqrt(
        1 + layer.normalise.epsilon
    )
    np.testing.assert_allclose(layer(grid), tf.nn.relu(wanted), atol=1e-5)
    assert 0.2 < (wanted.numpy() > 0).mean() < 0.8


def test_the_scenes_convnet_is_unchanged():
    """Weights files need its initial weights bit for bit, in their order."""
    keras.utils.set_random_seed(0)
    network = build_convnet(SIZE)
    digest = hashlib.sha256()
    for variable in network.variables:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    assert digest.hexdigest() == "321f5b1f09a32dd46948cc9ee3f3aa17bfc9e9045d458453965aaaa185e5dfa8"
    pixels = np.linspace(-1, 1, 2 * SIZE * SIZE * 3, dtype=np.float32).reshape(2, SIZE, SIZE, 3)
    assert np.abs(network(pixels).numpy()).mean() == pytest.approx(0.03655951842665672, rel=1e-4)


@pytest.mark.parametrize(
    ("image_size", "halvings", "side"),
    [(16, 2, 4), (28, 2, 7), (32, 3, 4), (64, 4, 4), (128, 4, 8), (224, 4, 14)],
)
def test_small_pictures_are_halved_less_often(image_size, halvings, side):
    assert count_halvings(image_size) == halvings
    network = build_trunk("modern", image_size)
    sides = [network.get_layer(f"stage{stage}_1").output.shape[1] for stage in range(1, 5)]
    assert sides == [
        image_size // 2 ** max(0, halvings - 4 + stage) for stage in range(1, 5)
    ]  # in the last stages
    assert network.output.shape[1:3] == (side, side)


def test_a_trunk_has_equal_variables_at_other_image_sizes():
    """Trained at 32 x 32 pixels and built for 96 x 96, it halves as often."""
    small, large = build_trunk("modern", 32), build_trunk("modern", 32, 96)
    assert large.output.shape[1:3] == (12, 12)
    assert [variable.shape for variable in large.variables] == [
        variable.shape for variable in small.variables
    ]


def test_the_tutorial_starts_as_in_pytorch():
    network = build_tutorial(32)
    assert network.output.shape == (None, 5, 5, 16)
    assert [variable.shape for variable in network.variables] == [
        (5, 5, 3, 6),
        (6,),
        (5, 5, 6, 16),
        (16,),
    ]
    for kernel, fan_in in ((network.variables[0], 75), (network.variables[2], 150)):
        most = np.abs(kernel.numpy()).max()
        assert 0.9 * fan_in**-0.5 < most <= fan_in**-0.5


@pytest.mark.parametrize("trunk", TRUNKS)
def test_every_trunk_is_finite_and_learns_in_every_variable(trunk):
    network = build_trunk(trunk, 32)
    pixels = tf.random.stateless_uniform([3, 32, 32, 3], [1, 2], -1, 1)
    with tf.GradientTape() as tape:
        grid = network(pixels, training=True)
        loss = tf.reduce_sum(grid**2)
    assert np.isfinite(grid.numpy()).all()
    gradients = tape.gradient(loss, network.trainable_variables)
    assert all(np.abs(gradient.numpy()).max() > 0 for gradient in gradients)
