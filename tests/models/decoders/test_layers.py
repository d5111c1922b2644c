"""Products in bfloat16 and over loops against plain ones; cells against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.decoders import DECODERS
from models.decoders.layers import (
    Dense,
    GRUCell,
    LSTMCell,
    multiply,
    share_kernel_gradients,
    use_precision,
)
from models.training.losses import CrossEntropy
from tests.helpers.decoders import small_decoder

RANDOM = np.random.default_rng(0)


def values(*shape):
    return tf.constant(RANDOM.normal(size=shape), tf.float32)


def round_values(tensor):
    return tf.cast(tf.cast(tensor, tf.bfloat16), tf.float32).numpy()


def test_bfloat16_rounds_both_factors_and_nothing_else():
    """Exact on every machine: all partial sums are small integers, which bfloat16 can represent.

    In bfloat16 the neighbours of 1 are 2⁻⁷ away, so 1 + 2⁻⁹ and 1 − 2⁻¹⁰ are rounded to 1.
    """
    left_integers = RANDOM.integers(-1, 2, (2, 3, 40))
    kernel_integers = RANDOM.integers(-1, 2, (40, 5))
    left = tf.constant(left_integers * (1 + 2**-9), tf.float32)
    kernel = tf.constant(kernel_integers * (1 - 2**-10), tf.float32)
    with use_precision("bfloat16"):
        product = multiply(left, kernel)
    assert product.dtype == tf.float32
    np.testing.assert_array_equal(product, left_integers @ kernel_integers)


def test_bfloat16_products_are_near_those_of_float32():
    """Without bfloat16 in the processor, TensorFlow may also round partial sums.

    A rounding changes a partial sum by at most 2⁻⁹ of it. So errors are compared with the sum of
    the terms' magnitudes: against the result itself they grow where terms cancel.
    """
    left, kernel = values(2, 3, 40), values(40, 5)
    with use_precision("bfloat16"):
        product = multiply(left, kernel)
    rounded_left, rounded_kernel = round_values(left), round_values(kernel)
    magnitudes = np.abs(rounded_left) @ np.abs(rounded_kernel)
    errors = np.abs(product - rounded_left @ rounded_kernel)
    assert (errors <= 2**-8 * magnitudes).all()
    assert np.abs(product - left.numpy() @ kernel.numpy()).max() > 1e-3


def test_float32_is_the_default_before_and_after_bfloat16():
    left, kernel = values(2, 3, 40), values(40, 5)
    exact = left.numpy() @ kernel.numpy()
    np.testing.assert_allclose(multiply(left, kernel), exact, rtol=1e-5, atol=1e-5)
    with use_precision("bfloat16"):
        multiply(left, kernel)
    np.testing.assert_array_equal(multiply(left, kernel), tf.tensordot(left, kernel, 1))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_a_loop_has_the_gradients_of_plain_products(precision, tolerance, compiled):
    first, kernel, other = values(4, 3), tf.Variable(values(3, 3)), tf.Variable(values(3, 3))

    def gradients(times):
        with tf.GradientTape() as tape, share_kernel_gradients(), use_precision(precision):
            rows = first
            for _ in range(5):
                rows = tf.tanh(times(rows, kernel) - times(rows, other))
            loss = tf.reduce_sum(rows**2)
        return tape.gradient(loss, [kernel, other])

    wanted = gradients(tf.matmul)
    found = (tf.function(gradients) if compiled else gradients)(multiply)
    for one, another in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, another, rtol=tolerance, atol=tolerance)


def test_a_loop_takes_one_gradient_of_each_kernel():
    kernel = tf.Variable(values(3, 3))

    @tf.function
    def gradient():
        with tf.GradientTape() as tape, share_kernel_gradients():
            rows = tf.ones([4, 3])
            for _ in range(5):
                rows = multiply(rows, kernel)
            loss = tf.reduce_sum(rows)
        return tape.gradient(loss, kernel)

    operations = gradient.get_concrete_function().graph.get_operations()
    over_all = [
        each for each in operations if each.type == "MatMul" and each.get_attr("transpose_a")
    ]
    assert [tuple(each.outputs[0].shape) for each in over_all] == [(3, 3)]


@pytest.mark.parametrize(
    ("ours", "keras_", "states"),
    [(GRUCell, keras.layers.GRUCell, 1), (LSTMCell, keras.layers.LSTMCell, 2)],
)
def test_cells_are_those_of_keras(ours, keras_, states):
    cell, plain = ours(6), keras_(6)
    inputs, before = values(4, 5), [values(4, 6) for _ in range(states)]
    before = before if states > 1 else before[0]
    for each in (cell, plain):
        each.build((None, 5))
    for variable in cell.trainable_variables:
        variable.assign(RANDOM.normal(size=variable.shape))
    plain.set_weights([variable.numpy() for variable in cell.trainable_variables])
    for one, another in zip(
        tf.nest.flatten(cell(inputs, before)), tf.nest.flatten(plain(inputs, before)), strict=True
    ):
        np.testing.assert_allclose(one, another, rtol=1e-5, atol=1e-6)


def test_a_dense_layer_is_that_of_keras():
    for options in ({"activation": "relu"}, {"use_bias": False}):
        layer, plain = Dense(7, **options), keras.layers.Dense(7, **options)
        inputs = values(2, 3, 5)
        layer(inputs), plain(inputs)
        plain.set_weights(layer.get_weights())
        np.testing.assert_allclose(layer(inputs), plain(inputs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_multiplies_in_the_chosen_precision(name):
    decoder = small_decoder(name, depth=6, dropout=0.0)
    random = np.random.default_rng(1)
    features = tf.constant(random.normal(size=(2, 4, 6)), tf.float32)
    tokens = tf.constant([[2, 5, 6, 3], [2, 4, 3, 0]])
    loss = CrossEntropy().compute_loss(decoder, features, tokens)[0]
    logits, _ = decoder(features, tokens)
    with use_precision("bfloat16"):
        rounded_loss = CrossEntropy().compute_loss(decoder, features, tokens)[0]
        rounded_logits, _ = decoder(features, tokens)
    assert 0 < abs(rounded_loss - loss) < 0.05
    assert 1e-6 < np.abs(logits - rounded_logits).max() < 0.05
