"""The matrix products of a training step: in bfloat16 where that is asked for, and one gradient for all steps of a loop.

Only large products are worth bfloat16 on a CPU: they take half the time there, or less, and what is done element by
element takes longer. So variables, sums, activations, losses and gradients stay float32, and what is multiplied is rounded
on its way in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras
import tensorflow as tf

Product = Callable[[tf.Tensor], tf.Tensor]
_precision: ContextVar[str] = ContextVar("precision", default="float32")
_loop: ContextVar[dict[tuple[int, tf.Graph], Product] | None] = ContextVar("loop", default=None)


@contextmanager
def use_precision(precision: str) -> Iterator[None]:
    """What is computed in here, or built to be computed, multiplies in bfloat16 or float32."""
    before = _precision.set(precision)
    try:
        yield
    finally:
        _precision.reset(before)


@contextmanager
def share_kernel_gradients() -> Iterator[None]:
    """For a loop that multiplies by the same kernels at every step: each has one gradient for all of them."""
    before = _loop.set({})
    try:
        yield
    finally:
        _loop.reset(before)


def multiply(left: tf.Tensor, kernel: tf.Tensor | keras.Variable) -> tf.Tensor:
    """(…, K) times (K, N), float32; in a loop (B, K)."""
    loop = _loop.get()
    if loop is None:
        return tf.cast(tf.tensordot(_rounded(left), _rounded(kernel), 1), tf.float32)
    # Keras may build a layer by calling it in a graph that it then throws away, in the middle of the loop.
    where = (id(kernel), tf.compat.v1.get_default_graph())
    if where not in loop:
        loop[where] = _repeated(tf.convert_to_tensor(kernel))
    return loop[where](left)


def _rounded(values: tf.Tensor | keras.Variable) -> tf.Tensor:
    return tf.cast(values, _precision.get())


def _repeated(kernel: tf.Tensor) -> Product:
    """The product by a kernel (K, N), of rows (B, K), for a loop.

    The kernel's gradient is one product over the rows of all steps. TensorFlow makes one a step, each as large as the
    kernel, and adds them up. Every step is told of the kernel by way of an anchor, whose gradient comes last: by then all
    steps have left what it is made of.
    """
    fixed = _rounded(tf.stop_gradient(kernel))
    rows: list[tf.Tensor] = []
    blame: list[tf.Tensor] = []  # the gradients of the rows' products

    @tf.custom_gradient
    def anchor(_kernel: tf.Tensor) -> tuple[tf.Tensor, Product]:
        def gradient(_nothing: tf.Tensor) -> tf.Tensor:
            whole = tf.matmul(tf.concat(rows, 0), tf.concat(blame, 0), transpose_a=True)
            rows.clear()
            blame.clear()
            return tf.cast(whole, tf.float32)

        return tf.zeros([]), gradient

    @tf.custom_gradient
    def times(
        left: tf.Tensor, anchored: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[..., tuple[tf.Tensor, tf.Tensor]]]:
        left = tf.cast(left, fixed.dtype)

        def gradient(later: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            later = tf.cast(later, fixed.dtype)
            rows.append(left)
            blame.append(later)
            return tf.cast(tf.matmul(later, fixed, transpose_b=True), tf.float32), tf.zeros_like(
                anchored
            )

        return tf.cast(tf.matmul(left, fixed), tf.float32), gradient

    anchored = anchor(kernel)
    return lambda left: times(left, anchored)


class Dense(keras.layers.Dense):
    """Keras' dense layer, with its product taken as above."""

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(…, K) → (…, units)."""
        output = multiply(inputs, self.kernel)
        if self.bias is not None:
            output = tf.nn.bias_add(output, self.bias)
        return output if self.activation is None else self.activation(output)


class GRUCell(keras.layers.GRUCell):
    """Keras' GRU cell, the same."""

    def call(
        self, inputs: tf.Tensor, states: tf.Tensor, training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The next state (B, U), twice, of inputs (B, E) and the state before."""
        of_input, of_state = tf.unstack(self.bias)
        update, reset, told = tf.split(multiply(inputs, self.kernel) + of_input, 3, axis=1)
        update_by, reset_by, kept = tf.split(
            multiply(states, self.recurrent_kernel) + of_state, 3, axis=1
        )
        update = tf.sigmoid(update + update_by)
        told = tf.tanh(told + tf.sigmoid(reset + reset_by) * kept)
        state = update * states + (1.0 - update) * told
        return state, state


class LSTMCell(keras.layers.LSTMCell):
    """Keras' LSTM cell, the same."""

    def call(
        self,
        inputs: tf.Tensor,
        states: list[tf.Tensor],
        training: bool | None = None,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The next hidden state (B, U), and both states, of inputs (B, E) and the states before."""
        hidden, carried = states
        gates = multiply(inputs, self.kernel) + multiply(hidden, self.recurrent_kernel) + self.bias
        enters, stays, told, leaves = tf.split(gates, 4, axis=1)
        carried = tf.sigmoid(stays) * carried + tf.sigmoid(enters) * tf.tanh(told)
        hidden = tf.sigmoid(leaves) * tf.tanh(carried)
        return hidden, [hidden, carried]
