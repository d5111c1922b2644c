"""The classifier: all of a network learns, predictions are right, weights are saved and loaded."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from data.photos.images import UnreadablePhoto
from models.classifier import CLASSIFIER_KINDS, ClassCrossEntropy, Classifier, Network
from models.encoders.convnet import TRUNKS
from models.training.trainer import Recipe, Trainer
from utils.errors import UserError
from utils.predictions import Prediction
from utils.runs import write_config

SIZE, NAMES = 16, ("blue", "green", "red")
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (6, SIZE, SIZE, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.int32)


def network(kind, seed=0):
    return Network(kind, SIZE, len(NAMES), seed=seed)


def test_every_trunk_has_a_head_and_an_optimizer():
    assert CLASSIFIER_KINDS.keys() == TRUNKS.keys()


@pytest.mark.parametrize("kind", CLASSIFIER_KINDS)
def test_logits_are_finite_and_every_variable_learns(kind):
    model = network(kind)
    with tf.GradientTape() as tape:
        logits = model(PICTURES, training=True)
        loss = tf.reduce_sum(logits**2)
    assert logits.shape == (6, 3)
    assert np.isfinite(logits.numpy()).all()
    variables = [
        variable for part in model.parts().values() for variable in part.trainable_variables
    ]
    assert all(np.abs(gradient.numpy()).max() > 0 for gradient in tape.gradient(loss, variables))
    assert {id(variable) for variable in variables} == {
        id(variable) for variable in model.trainable_variables
    }


def test_the_tutorial_network_has_its_parameters():
    assert (
        Network("tutorial", 32, 10, seed=0).count_params() == 62_006
    )  # of the Net in the tutorial


def test_pixels_reach_the_trunk_between_minus_one_and_one():
    model = network("tutorial")
    ends = np.stack([np.zeros((SIZE, SIZE, 3), np.uint8), np.full((SIZE, SIZE, 3), 255, np.uint8)])
    wanted = model.head(
        model.trunk(np.stack([np.full((SIZE, SIZE, 3), -1.0), np.full((SIZE, SIZE, 3), 1.0)]))
    )
    np.testing.assert_allclose(model(ends), wanted, atol=1e-6)


def test_equal_seeds_have_equal_weights():
    one, two, other = network("modern", 3), network("modern", 3), network("modern", 4)
    np.testing.assert_array_equal(one(PICTURES), two(PICTURES))
    assert np.abs(one(PICTURES) - other(PICTURES)).max() > 1e-3


class Fixed:
    """The same batch in every step."""

    steps = 5

    def epoch(self, number, *, first=0):
        for _ in range(first, self.steps):
            yield PICTURES, LABELS


@pytest.mark.parametrize(("kind", "rate"), [("modern", 0.02), ("tutorial", 0.05)])
def test_one_batch_is_overfitted_saved_and_loaded(kind, rate, tmp_path):
    model = network(kind)
    recipe = Recipe(6, rate, 2, "constant", None, 9, 500, encoder_rate=rate)
    trainer = Trainer(
        model,
        ClassCrossEntropy(),
        Fixed(),
        recipe,
        tmp_path,
        optimizer=CLASSIFIER_KINDS[kind].optimizer,
    )
    rows = []
    while not trainer.is_finished:
        rows.append(trainer.train_epoch(lambda *_: None))
        trainer.finish_epoch(rows[-1]["epoch"])
    assert rows[0]["accuracy"] < 0.9
    assert rows[-1]["accuracy"] == 1.0
    assert rows[-1]["loss"] < 0.5 * rows[0]["loss"]
    write_config(
        tmp_path,
        {
            "preset": "classifier",
            "dataset": "d",
            "trunk": kind,
            "image_size": SIZE,
            "classes": NAMES,
            "alter": "none",
            "seed": 1,
        },
    )
    loaded = Classifier.load(tmp_path)
    np.testing.assert_allclose(
        loaded.probabilities(PICTURES), tf.nn.softmax(model(PICTURES)), atol=1e-4
    )


def test_the_smoothed_loss_is_minimised_and_not_reported():
    model, objective = network("tutorial"), ClassCrossEntropy()
    model.smoothing = 0.3
    loss, total = objective.compute_loss(model, tf.constant(PICTURES), tf.constant(LABELS))
    logs = np.log(tf.nn.softmax(model(PICTURES)).numpy())
    wanted = 0.7 * np.eye(3)[LABELS] + 0.1
    assert float(loss) == pytest.approx(-logs[np.arange(6), LABELS].mean(), rel=1e-5)
    assert float(total) == pytest.approx(-(wanted * logs).sum(axis=1).mean(), rel=1e-5)
    objective.compute_loss(model, tf.constant(PICTURES[:3]), tf.constant(LABELS[:3]))
    found = logs.argmax(axis=1) == LABELS
    assert objective.report(2) == {"accuracy": pytest.approx((found.mean() + found[:3].mean()) / 2)}
    assert float(objective.right) == 0


def test_mirrored_predictions_are_the_mean_of_both():
    model = network("modern")
    logits = [model(each).numpy() for each in (PICTURES, PICTURES[:, :, ::-1])]
    both, one = (
        Classifier(model, NAMES, SIZE, mirrored=mirrored).probabilities(PICTURES)
        for mirrored in (True, False)
    )
    np.testing.assert_allclose(both, tf.nn.softmax(np.mean(logits, axis=0)), atol=1e-5)
    np.testing.assert_allclose(one, tf.nn.softmax(logits[0]), atol=1e-5)
    assert np.abs(both - one).max() > 1e-4


def test_a_photo_in_any_form_gets_the_same_answer(tmp_path):
    keras.utils.save_img(tmp_path / "a.png", PICTURES[0], scale=False)
    classifier = Classifier(network("tutorial"), NAMES, SIZE, mirrored=False)
    file = tmp_path / "a.png"
    answers = [
        classifier(each).probabilities
        for each in (
            file,
            str(file),
            file.read_bytes(),
            PICTURES[0],
            Image.fromarray(PICTURES[0]),
        )
    ]
    answers += [answer.probabilities for answer in classifier([file, PICTURES[1]])]
    for answer in answers[1:6]:
        np.testing.assert_allclose(answer, answers[0], atol=1e-6)
    assert classifier.probabilities(PICTURES[:0]).shape == (0, 3)
    with pytest.raises(ValueError, match=r"^photo 1: pixels are uint8 of shape .*, not float64"):
        classifier(PICTURES[0] / 255)
    with pytest.raises(UnreadablePhoto, match=r"/none.jpg: no such file$"):
        classifier([file, tmp_path / "none.jpg"])


def test_the_likeliest_classes_come_first():
    answer = Prediction(NAMES, np.array([0.25, 0.25, 0.5]))
    assert answer.likeliest(5) == [("red", 0.5), ("blue", 0.25), ("green", 0.25)]
    assert answer.likeliest(1) == [("red", 0.5)]


def test_a_run_of_captions_is_rejected(tmp_path):
    write_config(
        tmp_path, {"decoder": "gru", "dataset": "d", "encoder_weights": "none", "fingerprint": {}}
    )
    with pytest.raises(UserError, match=rf"^{tmp_path} is not a classifier.* Captioner\.load"):
        Classifier.load(tmp_path)
