"""What training makes small."""

import tensorflow as tf


def masked_loss(logits: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy of the wanted tokens (B, T) under logits (B, T, V), padding left out."""
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, tf.cast(logits, tf.float32))
    counts = tf.cast(wanted != 0, tf.float32)
    return tf.reduce_sum(each * counts) / tf.maximum(tf.reduce_sum(counts), 1.0)


def doubly_stochastic(attention: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Σᵢ (1 − Σₜ αₜᵢ)² of each caption (Xu et al. 2015, equation 14), summed and shared among all words as the loss is:
    small where attention (B, T, L) goes over the whole photo while the wanted tokens (B, T) are written."""
    counts = tf.cast(wanted != 0, attention.dtype)
    seen = tf.reduce_sum(attention * counts[..., None], axis=1)  # (B, L)
    some = tf.cast(tf.reduce_any(wanted != 0, axis=1), attention.dtype)  # an empty caption leaves nothing out
    each = tf.reduce_sum((1.0 - seen) ** 2, axis=1) * some
    return tf.reduce_sum(each) / tf.maximum(tf.reduce_sum(counts), 1.0)
