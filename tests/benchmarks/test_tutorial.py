"""The baseline computes what the tutorial computes."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import tutorial
from data.photos.images import save_picture
from data.text.tokenizer import START
from tests.helpers.networks import build_pooling_network


@pytest.fixture
def decoder(small_tutorial):
    decoder = tutorial.build_decoder(7, 5, 6)
    # The bias would be 0.
    decoder.gru.cell.bias.assign(np.random.default_rng(1).normal(size=(2, 12)))
    return decoder


def compute_step(decoder, features, word, hidden):
    """Compute logits, state and attention in NumPy from features (L, D) and state (U,)."""

    def dense(layer, x):
        return x @ layer.kernel.numpy() + layer.bias.numpy()

    projected = np.maximum(dense(decoder.look, features), 0)
    of_features = dense(decoder.attention.of_features, projected)
    of_hidden = dense(decoder.attention.of_hidden, hidden)
    scores = dense(decoder.attention.score, np.tanh(of_features + of_hidden))
    attention = np.exp(scores) / np.exp(scores).sum()
    context = (attention * projected).sum(axis=0)
    inputs = np.concatenate([context, decoder.embedding.embeddings.numpy()[word]])
    cell = decoder.gru.cell
    of_inputs = np.split(inputs @ cell.kernel.numpy() + cell.bias.numpy()[0], 3)
    of_hidden = np.split(hidden @ cell.recurrent_kernel.numpy() + cell.bias.numpy()[1], 3)
    update = 1 / (1 + np.exp(-of_inputs[0] - of_hidden[0]))
    reset = 1 / (1 + np.exp(-of_inputs[1] - of_hidden[1]))
    state = update * hidden + (1 - update) * np.tanh(of_inputs[2] + reset * of_hidden[2])
    return dense(decoder.words, dense(decoder.dense, state)), state, attention[:, 0]


def test_the_tutorials_loss_equals_numpys_and_falls(decoder, uncompiled):
    random = np.random.default_rng(0)
    features = random.normal(size=(3, 5, 6)).astype(np.float32)
    tokens = np.array([[2, 4, 6, 3], [2, 5, 3, 0], [2, 3, 0, 0]], np.int32)
    total = 0
    for photo, row in zip(features, tokens, strict=True):
        hidden = np.zeros(4)
        for word, target in itertools.pairwise(row):
            logits, hidden, _ = compute_step(decoder, photo, word, hidden)
            total += (np.log(np.exp(logits).sum()) - logits[target]) * (target != 0)
    step = tutorial.make_training_step(decoder, START)
    losses = [float(step(tf.constant(features), tf.constant(tokens))) for _ in range(12)]
    assert losses[0] == pytest.approx(total / 3 / 4, rel=1e-5)
    assert losses == sorted(losses, reverse=True)


def test_the_tutorials_captions_are_the_likeliest_words(decoder):
    features = np.random.default_rng(3).normal(size=(5, 6)).astype(np.float32) * 3
    word, hidden = START, np.zeros(4)
    expected, attentions = [], []
    for _ in range(6):
        logits, hidden, attention = compute_step(decoder, features, word, hidden)
        word = int(logits.argmax())
        expected.append(word)
        attentions.append(attention)
    words, attention = tutorial.caption(decoder, features, start=START, end=-1, max_length=6)
    assert words == expected
    assert attention == pytest.approx(np.array(attentions), abs=1e-5)
    end = expected[2]
    words, attention = tutorial.caption(decoder, features, start=START, end=end, max_length=6)
    assert words == expected[: expected.index(end) + 1]
    assert len(attention) == len(words)


def test_the_tutorial_writes_a_file_a_photo(tmp_path):
    photos = [tmp_path / f"{number}.jpg" for number in range(17)]  # a batch and one more
    for number, photo in enumerate(photos):
        save_picture(np.full((40, 60, 3), number * 15, np.uint8), photo)
    network = build_pooling_network(20, "none", None)
    assert tutorial.extract(photos, network, 20, tmp_path) == 17
    for number in range(17):
        features = np.load(tmp_path / f"{number}.npy")
        assert (features.shape, features.dtype) == ((4, 3), np.float32)
        assert features == pytest.approx(number * 15 / 127.5 - 1, abs=0.01)
