"""Adam, as TensorFlow's own kernel has it: one pass over a variable where Keras makes ten."""

import keras
import tensorflow as tf


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
