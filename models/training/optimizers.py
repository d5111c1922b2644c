"""Adam in one pass, AdamW, and Muon for convolutions."""

import keras
import tensorflow as tf


def build_adam(
    rate: keras.optimizers.schedules.LearningRateSchedule,
    *,
    global_clipnorm: float | None,
    weight_decay: float = 0.0,
) -> keras.optimizers.Optimizer:
    """Adam; with a weight decay, which spares biases and the parameters of normalisations, AdamW."""
    if not weight_decay:
        return Adam(rate, global_clipnorm=global_clipnorm)
    optimizer = AdamW(rate, weight_decay=weight_decay, global_clipnorm=global_clipnorm)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class _OnePass:
    """How a variable is updated: by the rule of Keras' Adam, in its own variables."""

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """The rule of Kingma & Ba 2015, section 2, in the order that saves work."""
        place = self._get_variable_index(variable)
        steps = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=self.beta_1**steps,
            beta2_power=self.beta_2**steps,
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class Adam(_OnePass, keras.optimizers.Adam):
    """Keras' Adam."""


class AdamW(_OnePass, keras.optimizers.AdamW):
    """Keras' AdamW: what decays does so before the update."""


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
