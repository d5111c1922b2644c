"""The baseline: captions with attention as TensorFlow's well-known tutorial makes them, written out anew.

Nothing of this project's is in it. Photos are read by `tf.data` and go through float32 InceptionV3 in batches of 16, one
`.npy` a photo; a training step loops over the words of a caption, and at each projects the features and the vocabulary
again; captions are written one photo at a time, by a loop in Python.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

EXTRACTED = 16  # photos a batch
BATCH = 64  # captions a step
EMBEDDING = 256
UNITS = 512


def load_image(path: tf.Tensor, size: int) -> tf.Tensor:
    """A JPEG file as InceptionV3 wants it, (S, S, 3) from −1 to 1."""
    pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    return keras.applications.inception_v3.preprocess_input(tf.image.resize(pixels, (size, size)))


def inception(size: int, weights: str, layer: str | None) -> keras.Model:
    """InceptionV3 without its head, up to a layer; its weights imagenet, none or a file."""
    by_name = {"imagenet": "imagenet"}.get(weights)
    network = keras.applications.InceptionV3(
        include_top=False, weights=by_name, input_shape=(size, size, 3)
    )
    if weights not in ("imagenet", "none"):
        network.load_weights(weights)
    return keras.Model(
        network.input, network.output if layer is None else network.get_layer(layer).output
    )


def extract(photos: Sequence[Path], network: keras.Model, size: int, folder: Path) -> int:
    """Write the features (L, D) float32 of each photo into the folder; how many."""
    files = [str(folder / f"{number}.npy") for number in range(len(photos))]
    images = tf.data.Dataset.from_tensor_slices(([str(photo) for photo in photos], files))
    images = images.map(
        lambda photo, file: (load_image(photo, size), file), num_parallel_calls=tf.data.AUTOTUNE
    )
    for batch, names in images.batch(EXTRACTED):
        grid = network(batch)
        features = tf.reshape(grid, (grid.shape[0], -1, grid.shape[3]))
        for each, name in zip(features, names, strict=True):
            np.save(name.numpy().decode(), each.numpy())
    return len(files)


class Attention(keras.layers.Layer):
    """Bahdanau's: v · tanh(W features + W hidden), then softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.of_features = keras.layers.Dense(UNITS)
        self.of_hidden = keras.layers.Dense(UNITS)
        self.score = keras.layers.Dense(1)

    def call(self, features: tf.Tensor, hidden: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What is seen (B, E) of features (B, L, E), and the attention (B, L, 1)."""
        scores = self.score(
            tf.nn.tanh(self.of_features(features) + self.of_hidden(hidden[:, None]))
        )
        attention = tf.nn.softmax(scores, axis=1)
        return tf.reduce_sum(attention * features, axis=1), attention


class Decoder(keras.Model):
    """A word further: attention by the state before, GRU, two dense layers."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.look = keras.layers.Dense(EMBEDDING, activation="relu")  # the tutorial's encoder
        self.attention = Attention()
        self.embedding = keras.layers.Embedding(vocabulary, EMBEDDING)
        self.gru = keras.layers.GRU(UNITS, return_sequences=True, return_state=True)
        self.dense = keras.layers.Dense(UNITS)
        self.words = keras.layers.Dense(vocabulary)

    def call(
        self, word: tf.Tensor, features: tf.Tensor, hidden: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Logits (B, V) after the word (B, 1), the next state (B, U), and the attention (B, L, 1)."""
        seen, attention = self.attention(features, hidden)
        inputs = tf.concat([seen[:, None], self.embedding(word)], axis=-1)
        output, state = self.gru(inputs, initial_state=hidden)
        output = self.dense(output)
        return self.words(tf.reshape(output, (-1, output.shape[2]))), state, attention


def decoder(vocabulary: int, locations: int, depth: int) -> Decoder:
    """The decoder with its variables, random."""
    keras.utils.set_random_seed(0)
    made = Decoder(vocabulary)
    made(
        tf.zeros((1, 1), tf.int32), made.look(tf.zeros((1, locations, depth))), tf.zeros((1, UNITS))
    )
    return made


def training_step(decoder: Decoder, start: int) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """A compiled step on features (B, L, D), each caption with its own copy, and tokens (B, T); its loss a word."""
    optimizer = keras.optimizers.Adam()
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")

    @tf.function
    def train_step(features: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
        loss = 0.0
        hidden = tf.zeros((tokens.shape[0], UNITS))
        word = tf.fill((tokens.shape[0], 1), start)
        with tf.GradientTape() as tape:
            seen = decoder.look(features)
            for time in range(1, tokens.shape[1]):
                logits, hidden, _ = decoder(word, seen, hidden)
                each = entropy(tokens[:, time], logits)
                loss += tf.reduce_mean(each * tf.cast(tokens[:, time] != 0, each.dtype))
                word = tokens[:, time : time + 1]
        variables = decoder.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss / tokens.shape[1]

    return train_step


def caption(
    decoder: Decoder,
    features: np.ndarray,
    *,
    start: int,
    end: int,
    max_length: int,
) -> tuple[list[int], np.ndarray]:
    """The likeliest word after each other for one photo's features (L, D), and the attention (T, L)."""
    hidden = tf.zeros((1, UNITS))
    word = tf.fill((1, 1), start)
    seen = decoder.look(features[None])
    said, looked = [], np.zeros((max_length, len(features)))
    for time in range(max_length):
        logits, hidden, attention = decoder(word, seen, hidden)
        looked[time] = tf.reshape(attention, (-1,)).numpy()
        said.append(int(tf.argmax(logits[0])))
        if said[-1] == end:
            break
        word = tf.fill((1, 1), said[-1])
    return said, looked[: len(said)]
