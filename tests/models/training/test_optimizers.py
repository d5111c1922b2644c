"""Adam in one pass against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.training.optimizers import Adam, AdamW


def trained(make, **options):
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
    ("ours", "plain", "options"),
    [(Adam, keras.optimizers.Adam, {}), (AdamW, keras.optimizers.AdamW, {"weight_decay": 0.1})],
)
def test_it_updates_as_keras_does(ours, plain, options):
    for one, another in zip(trained(ours, **options), trained(plain, **options), strict=True):
        np.testing.assert_allclose(one, another, rtol=2e-6, atol=1e-7)


def test_it_updates_every_copy_of_a_variable_alike():
    """Under a strategy of tf.distribute, of which one machine can have two logical devices only at its start."""
    strategy = tf.distribute.OneDeviceStrategy("cpu:0")
    with strategy.scope():
        variable = keras.Variable([1.0, 2.0])
        optimizer = Adam(0.5)
        optimizer.build([variable])
    strategy.run(lambda: optimizer.apply([tf.constant([1.0, -3.0])], [variable]))
    np.testing.assert_allclose(variable, [0.5, 2.5], rtol=1e-5)
