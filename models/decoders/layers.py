"""Matrix products in bfloat16, and one gradient of a kernel for all steps of a loop.

On a CPU only large products gain by bfloat16: they take half the time or less, while elementwise
work takes longer. So only the factors of products are rounded to it. Variables, sums, activations,
losses and gradients stay float32.
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
    """Multiply in bfloat16 or float32 whatever is computed, or traced into a graph, inside."""
    before = _precision.set(precision)
    try:
        yield
    finally:
        _precision.reset(before)


@contextmanager
def share_kernel_gradients() -> Iterator[None]:
    """Take one gradient of each kernel for all steps of the loop inside."""
    before = _loop.set({})
    try:
        yield
    finally:
        _loop.reset(before)


def multiply(left: tf.Tensor, kernel: tf.Tensor | keras.Variable) -> tf.Tensor:
    """Return the product of (…, K) and (K, N) as float32; in a loop, of (B, K) and (K, N)."""
    loop = _loop.get()
    if loop is None:
        product = tf.tensordot(round_factor(left), round_factor(kernel), 1)
        return tf.cast(product, tf.float32)
    # In the middle of the loop Keras may build a layer by calling it in a graph that it then
    # throws away. So products belong to a graph.
    key = (id(kernel), tf.compat.v1.get_default_graph())
    if key not in loop:
        loop[key] = _make_loop_product(tf.convert_to_tensor(kernel))
    return loop[key](left)


def round_factor(values: tf.Tensor | keras.Variable) -> tf.Tensor:
    """Return a factor of a product in the precision in use."""
    return tf.cast(values, _precision.get())


def _make_loop_product(kernel: tf.Tensor) -> Product:
    """Make the product of rows (B, K) and a kernel (K, N), for use in a loop.

    TensorFlow takes a gradient of the kernel in each step, each as large as the kernel, and adds
    them up. This product takes one gradient over the rows of all steps. All steps depend on an
    anchor, which depends on the kernel. The anchor's gradient is taken last, when all steps have
    recorded their rows and their gradients.
    """
    rounded_kernel = round_factor(tf.stop_gradient(kernel))
    rows: list[tf.Tensor] = []
    row_gradients: list[tf.Tensor] = []

    @tf.custom_gradient
    def make_anchor(_kernel: tf.Tensor) -> tuple[tf.Tensor, Product]:
        def compute_gradient(_anchor_gradient: tf.Tensor) -> tf.Tensor:
            all_rows = tf.concat(rows, 0)  # (T·B, K)
            all_gradients = tf.concat(row_gradients, 0)  # (T·B, N)
            kernel_gradient = tf.matmul(all_rows, all_gradients, transpose_a=True)
            rows.clear()
            row_gradients.clear()
            return tf.cast(kernel_gradient, tf.float32)

        return tf.zeros([]), compute_gradient

    @tf.custom_gradient
    def multiply_rows(
        left: tf.Tensor, anchor: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[..., tuple[tf.Tensor, tf.Tensor]]]:
        left = tf.cast(left, rounded_kernel.dtype)

        def compute_gradient(gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            gradient = tf.cast(gradient, rounded_kernel.dtype)
            rows.append(left)
            row_gradients.append(gradient)
            left_gradient = tf.matmul(gradient, rounded_kernel, transpose_b=True)
            return tf.cast(left_gradient, tf.float32), tf.zeros_like(anchor)

        product = tf.matmul(left, rounded_kernel)
        return tf.cast(product, tf.float32), compute_gradient

    anchor = make_anchor(kernel)
    return lambda left: multiply_rows(left, anchor)


class Dense(keras.layers.Dense):
    """Keras' dense layer with the product of this module."""

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """(…, K) → (…, units)."""
        output = multiply(inputs, self.kernel)
        if self.bias is not None:
            output = tf.nn.bias_add(output, self.bias)
        if self.activation is not None:
            output = self.activation(output)
        return output


class GRUCell(keras.layers.GRUCell):
    """Keras' GRU cell with the products of this module."""

    def call(
        self, inputs: tf.Tensor, states: tf.Tensor, training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the next state (B, U), twice, of inputs (B, E) and the state before."""
        input_bias, state_bias = tf.unstack(self.bias)
        from_input = multiply(inputs, self.kernel) + input_bias  # (B, 3U)
        from_state = multiply(states, self.recurrent_kernel) + state_bias  # (B, 3U)
        update_input, reset_input, new_input = tf.split(from_input, 3, axis=1)
        update_state, reset_state, new_state = tf.split(from_state, 3, axis=1)
        update = tf.sigmoid(update_input + update_state)
        reset = tf.sigmoid(reset_input + reset_state)
        candidate = tf.tanh(new_input + reset * new_state)
        state = update * states + (1.0 - update) * candidate
        return state, state


class LSTMCell(keras.layers.LSTMCell):
    """Keras' LSTM cell with the products of this module."""

    def call(
        self,
        inputs: tf.Tensor,
        states: list[tf.Tensor],
        training: bool | None = None,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Return the next hidden state (B, U), and both states, of inputs (B, E) and states."""
        hidden, carry = states
        from_input = multiply(inputs, self.kernel)  # (B, 4U)
        from_hidden = multiply(hidden, self.recurrent_kernel)  # (B, 4U)
        gates = from_input + from_hidden + self.bias
        input_gate, forget_gate, candidate, output_gate = tf.split(gates, 4, axis=1)
        kept = tf.sigmoid(forget_gate) * carry
        added = tf.sigmoid(input_gate) * tf.tanh(candidate)
        carry = kept + added
        hidden = tf.sigmoid(output_gate) * tf.tanh(carry)
        return hidden, [hidden, carry]
