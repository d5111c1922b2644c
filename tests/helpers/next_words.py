"""A next-word table in a decoder's place, small enough to search by hand."""

import numpy as np
import tensorflow as tf

PAD, UNKNOWN, START, END, A, B, C = range(7)
RULES = {"start": START, "end": END, "forbidden_tokens": (PAD, UNKNOWN, START), "max_length": 4}
LOCATIONS = 5
# Probability of the next word by the word before. Greedy search takes A (0.5), B (0.4), then the
# end: 0.5 · 0.4 · 0.9 = 0.18. The best caption is B, then the end: 0.4 · 0.9 = 0.36.
TABLE = np.full((7, 7), 1e-9)
TABLE[START, [A, B, C]] = 0.5, 0.4, 0.1
TABLE[A, [A, B, C, END]] = 0.3, 0.4, 0.2, 0.1
TABLE[B, [A, END]] = 0.1, 0.9
TABLE[C, [C, END]] = 0.8, 0.2


def make_step(table=TABLE):
    """A step that looks at location 0, 1, 2 … one after the other."""
    logs = tf.constant(np.log(table), tf.float32)

    def step(tokens, state):
        attention = tf.one_hot(tf.minimum(state, LOCATIONS - 1), LOCATIONS)
        return tf.gather(logs, tokens), state + 1, attention

    return step


def list_words(captions, photo=0, rank=0):
    """The tokens of a caption without padding."""
    return [token for token in captions.tokens[photo, rank].numpy() if token]
