"""The convnet learns what pictures hold, from labels of whole pictures, and knows where."""

import numpy as np
import pytest
import tensorflow as tf

from models.encoders.convnet import build_convnet
from models.encoders.convnet_training import ContentClassifier, count_steps, train_convnet

SIZE = 64
COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220)}


def pictures(number, seed):
    """Squares and crosses, red or blue, on grey; labels in parts."""
    random = np.random.default_rng(seed)
    images = random.integers(110, 140, (number, SIZE, SIZE, 3)).astype(np.uint8)
    labels, places = [], []
    for image in images:
        kind, colour = random.choice(["square", "cross"]), random.choice(list(COLOURS))
        top, left = random.integers(0, SIZE - 20, 2)
        if kind == "square":
            image[top : top + 20, left : left + 20] = COLOURS[colour]
        else:
            image[top + 7 : top + 13, left : left + 20] = COLOURS[colour]
            image[top : top + 20, left + 7 : left + 13] = COLOURS[colour]
        labels.append({(kind,), (kind, colour)})
        places.append((top + 10, left + 10))
    return images, labels, places


NAMES = [
    ("cross",),
    ("cross", "blue"),
    ("cross", "red"),
    ("square",),
    ("square", "blue"),
    ("square", "red"),
]


def matrix(labels):
    return np.array([[name in each for name in NAMES] for each in labels], np.uint8)


def test_it_learns_and_the_loss_falls():
    images, labels, _ = pictures(192, 0)
    reports = []
    trunk = train_convnet(
        images, matrix(labels), NAMES, epochs=6, seed=0, report=lambda *step: reports.append(step)
    )
    assert [step[:3] for step in reports] == [
        (epoch, step, 6) for epoch in range(1, 7) for step in range(1, 7)
    ]
    assert count_steps(192) == 6 and count_steps(193) == 7
    losses = [loss for _, step, steps, loss in reports if step == steps]
    assert losses[-1] < 0.4 * losses[0]
    # The frozen grid tells crosses from squares where they are: a linear probe on new pictures.
    images, labels, places = pictures(96, 1)
    grid = trunk(images.astype(np.float32) / 127.5 - 1).numpy()
    seen = np.stack(
        [
            grid[i, y * grid.shape[1] // SIZE, x * grid.shape[2] // SIZE]
            for i, (y, x) in enumerate(places)
        ]
    )
    truth = matrix(labels)[:, 0] * 2.0 - 1
    seen = np.hstack([seen, np.ones((len(seen), 1))])
    weights = np.linalg.solve(
        seen[:64].T @ seen[:64] + np.eye(seen.shape[1]), seen[:64].T @ truth[:64]
    )
    assert ((seen[64:] @ weights > 0) == (truth[64:] > 0)).mean() > 0.8


@pytest.mark.slow  # two trainings
def test_equal_seeds_give_equal_weights():
    images, labels, _ = pictures(64, 0)
    one, two = (train_convnet(images, matrix(labels), NAMES, epochs=1, seed=3) for _ in range(2))
    for first, second in zip(one.variables, two.variables, strict=True):
        np.testing.assert_array_equal(first.numpy(), second.numpy())


def test_a_label_is_the_sum_of_its_parts_at_one_location():
    model = ContentClassifier(build_convnet(SIZE), NAMES, np.full(6, 0.5))
    pixels = tf.random.stateless_uniform([2, SIZE, SIZE, 3], [1, 2], -1, 1)
    logits = model(pixels).numpy()
    grid = model.trunk(pixels).numpy().reshape(2, -1, 192)
    parts = sorted({part for name in NAMES for part in name})
    kernel = model.parts.kernel.numpy()
    for column, name in enumerate(NAMES):
        wanted = sum(grid @ kernel[:, parts.index(part)] for part in name).max(axis=1)
        np.testing.assert_allclose(logits[:, column], wanted, atol=1e-5)


def test_before_training_it_predicts_label_frequencies():
    model = ContentClassifier(build_convnet(SIZE), NAMES, np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    model.parts(tf.zeros([1, 4, 4, 192]))
    model.parts.kernel.assign(tf.zeros_like(model.parts.kernel))
    said = tf.sigmoid(model(tf.zeros([1, SIZE, SIZE, 3]))).numpy()
    np.testing.assert_allclose(said[0], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], rtol=1e-4)
