"""Muon, as it suits convolutions."""

import keras
import tensorflow as tf


class ConvolutionMuon(keras.optimizers.Muon):
    """Muon for the kernels of convolutions, as matrices of what goes in by what comes out; AdamW for all else.

    Keras' own Muon leaves convolutions to AdamW.
    """

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) != 4

    def _muon_update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, lr: tf.Tensor, m: keras.Variable
    ) -> None:
        self.assign_add(m, gradient + m * (self.momentum - 1))
        matrix = tf.reshape(gradient + self.momentum * m, [-1, variable.shape[-1]])
        update = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, tf.reshape(update, variable.shape))
