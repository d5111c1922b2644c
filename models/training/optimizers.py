"""Learning rate schedules and optimizers: Adam in one pass, AdamW, and Muon for convolutions."""

import keras
import tensorflow as tf


def build_schedule(
    kind: str, highest: float, *, steps: int, warmup: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that rises in the warmup, then follows `kind`: cosine or constant.

    The cosine falls to a hundredth of the highest rate.
    """
    warmup = min(warmup, steps // 2)
    if kind == "constant":
        # A decay upwards, which stays where it ends.
        first = 0.0 if warmup else highest
        return keras.optimizers.schedules.PolynomialDecay(
            first, max(1, warmup), end_learning_rate=highest
        )
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), alpha=0.01, warmup_target=highest, warmup_steps=warmup
    )


def build_adam(
    rate: keras.optimizers.schedules.LearningRateSchedule,
    *,
    global_clipnorm: float | None,
    weight_decay: float = 0.0,
) -> keras.optimizers.Optimizer:
    """Build Adam, or AdamW where there is a weight decay.

    The decay spares biases and the parameters of normalisations.
    """
    if not weight_decay:
        return Adam(rate, global_clipnorm=global_clipnorm)
    optimizer = AdamW(rate, weight_decay=weight_decay, global_clipnorm=global_clipnorm)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class _OnePassUpdate:
    """The update of Keras' Adam as one TensorFlow operation."""

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update a variable by Kingma & Ba 2015, section 2, in the order that saves work."""
        index = self._get_variable_index(variable)
        steps = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**steps,
            beta2_power=self.beta_2**steps,
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class Adam(_OnePassUpdate, keras.optimizers.Adam):
    """Keras' Adam, faster."""


class AdamW(_OnePassUpdate, keras.optimizers.AdamW):
    """Keras' AdamW, faster; the decay comes before the update."""


class ConvolutionMuon(keras.optimizers.Muon):
    """Muon for the kernels of convolutions, as (inputs, outputs) matrices; AdamW for the rest.

    Keras' own Muon leaves convolutions to AdamW.
    """

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) != 4

    def _muon_update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, lr: tf.Tensor, m: keras.Variable
    ) -> None:
        self.assign_add(m, gradient + m * (self.momentum - 1))
        matrix = tf.reshape(gradient + self.momentum * m, [-1, variable.shape[-1]])
        orthogonal = self.zeropower_via_newtonschulz5(matrix, self.ns_steps)
        update = self.lr_adjust(lr * orthogonal)
        self.assign_sub(variable, tf.reshape(update, variable.shape))
