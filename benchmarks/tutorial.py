"""The baseline: captioning with attention as TensorFlow's well-known tutorial does it.

This file uses no code of this project. `tf.data` reads the photos, which go through float32
InceptionV3 in batches of 16 into one `.npy` a photo. A training step loops over the words of a
caption, and projects features and vocabulary again at each. Captions are predicted one photo at a
time, by a loop in Python.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

EXTRACTION_BATCH = 16  # photos
EMBEDDING = 256
UNITS = 512


def load_image(path: tf.Tensor, size: int) -> tf.Tensor:
    """Load a JPEG file as InceptionV3's input, (S, S, 3) from −1 to 1."""
    pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    return keras.applications.inception_v3.preprocess_input(tf.image.resize(pixels, (size, size)))


def build_inception(size: int, weights: str, layer: str | None) -> keras.Model:
    """Build InceptionV3 without its head, up to a layer; `weights` is imagenet, none or a file."""
    network = keras.applications.InceptionV3(
        include_top=False,
        weights="imagenet" if weights == "imagenet" else None,
        input_shape=(size, size, 3),
    )
    if weights not in ("imagenet", "none"):
        network.load_weights(weights)
    output = network.output
    if layer is not None:
        output = network.get_layer(layer).output
    return keras.Model(network.input, output)


def extract(photos: Sequence[Path], network: keras.Model, size: int, folder: Path) -> int:
    """Write the features (L, D) float32 of each photo; return the number of photos."""
    paths = [str(photo) for photo in photos]
    files = [str(folder / f"{number}.npy") for number in range(len(photos))]
    images = tf.data.Dataset.from_tensor_slices((paths, files))
    images = images.map(
        lambda path, file: (load_image(path, size), file), num_parallel_calls=tf.data.AUTOTUNE
    )
    for batch, names in images.batch(EXTRACTION_BATCH):
        grid = network(batch)
        features = tf.reshape(grid, (grid.shape[0], -1, grid.shape[3]))
        for each, name in zip(features, names, strict=True):
            np.save(name.numpy().decode(), each.numpy())
    return len(files)


class Attention(keras.layers.Layer):
    """Bahdanau's attention: softmax of v · tanh(W₁ features + W₂ hidden)."""

    def __init__(self) -> None:
        super().__init__()
        self.of_features = keras.layers.Dense(UNITS)
        self.of_hidden = keras.layers.Dense(UNITS)
        self.score = keras.layers.Dense(1)

    def call(self, features: tf.Tensor, hidden: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the context (B, E) of features (B, L, E), and the attention (B, L, 1)."""
        projected = self.of_features(features) + self.of_hidden(hidden[:, None])
        attention = tf.nn.softmax(self.score(tf.nn.tanh(projected)), axis=1)
        return tf.reduce_sum(attention * features, axis=1), attention


class Decoder(keras.Model):
    """One step: attention by the previous state, a GRU, two dense layers."""

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
        """Return logits (B, V) after a word (B, 1), the state (B, U), the attention (B, L, 1)."""
        context, attention = self.attention(features, hidden)
        inputs = tf.concat([context[:, None], self.embedding(word)], axis=-1)
        output, state = self.gru(inputs, initial_state=hidden)
        output = self.dense(output)
        return self.words(tf.reshape(output, (-1, output.shape[2]))), state, attention


def build_decoder(vocabulary: int, locations: int, depth: int) -> Decoder:
    """Build the decoder with random weights."""
    keras.utils.set_random_seed(0)
    decoder = Decoder(vocabulary)
    features = decoder.look(tf.zeros((1, locations, depth)))
    decoder(tf.zeros((1, 1), tf.int32), features, tf.zeros((1, UNITS)))
    return decoder


def make_training_step(decoder: Decoder, start: int) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return a compiled step on features (B, L, D) and tokens (B, T), which returns its loss."""
    optimizer = keras.optimizers.Adam()
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")

    @tf.function
    def train_step(features: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
        loss = 0.0
        hidden = tf.zeros((tokens.shape[0], UNITS))
        word = tf.fill((tokens.shape[0], 1), start)
        with tf.GradientTape() as tape:
            projected = decoder.look(features)
            for step in range(1, tokens.shape[1]):
                logits, hidden, _ = decoder(word, projected, hidden)
                losses = entropy(tokens[:, step], logits)
                loss += tf.reduce_mean(losses * tf.cast(tokens[:, step] != 0, losses.dtype))
                word = tokens[:, step : step + 1]
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
    """Return the likeliest words for one photo's features (L, D), and the attention (T, L)."""
    hidden = tf.zeros((1, UNITS))
    word = tf.fill((1, 1), start)
    projected = decoder.look(features[None])
    tokens = []
    attentions = np.zeros((max_length, len(features)))
    for step in range(max_length):
        logits, hidden, attention = decoder(word, projected, hidden)
        attentions[step] = tf.reshape(attention, (-1,)).numpy()
        tokens.append(int(tf.argmax(logits[0])))
        if tokens[-1] == end:
            break
        word = tf.fill((1, 1), tokens[-1])
    return tokens, attentions[: len(tokens)]
