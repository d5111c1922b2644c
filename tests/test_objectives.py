"""What training makes small, against values worked by hand."""

import numpy as np
import pytest
import tensorflow as tf

from models.objectives import doubly_stochastic, masked_loss


def test_masked_loss_leaves_padding_out():
    logits = tf.constant([[[0.0, 0.0], [9.0, -9.0]]])
    assert float(masked_loss(logits, tf.constant([[1, 0]]))) == pytest.approx(np.log(2))


def test_the_doubly_stochastic_penalty_by_hand():
    """Two locations. Caption one looks 1.5 and 0.5 times: 0.5² + 0.5²; caption two, its last word padding, 1 and 0: 1."""
    attention = tf.constant([[[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.3, 0.7]]])
    assert float(doubly_stochastic(attention, tf.constant([[5, 3], [3, 0]]))) == pytest.approx((0.5 + 1) / 3)
    alone = float(doubly_stochastic(attention[:1], tf.constant([[5, 3]])))
    assert alone == pytest.approx(0.5 / 2)
    filled = tf.concat([attention[:1], attention[1:]], 0)  # a row that only fills the batch up counts for nothing
    assert float(doubly_stochastic(filled, tf.constant([[5, 3], [0, 0]]))) == pytest.approx(alone)
    assert float(doubly_stochastic(attention, tf.zeros([2, 2], tf.int32))) == 0
