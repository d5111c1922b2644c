"""Predictions of true captions from a next-word table for each photo, by hand and by NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from models.decoders import DECODERS
from models.training.teacher_forced_scores import FreeRunningEvaluator, TeacherForcedEvaluator
from tests.helpers.decoders import small_decoder

PAD, UNKNOWN, START, END, A, B, C = range(7)
# Logits of the next word by the word before, of two photos. Special tokens are the likeliest
# everywhere, but are never chosen.
TABLE = np.random.default_rng(0).normal(size=(2, 7, 7)).astype(np.float32)
TABLE[:, :, [PAD, UNKNOWN, START, END]] += 5
TABLE[0, START, A] = TABLE[0, A, C] = TABLE[0, B, B] = TABLE[0, C, A] = 4
TABLE[1, START, B] = TABLE[1, B, C] = TABLE[1, C, C] = 4
LOGS = TABLE - np.log(np.exp(TABLE).sum(axis=2, keepdims=True))


class Table:
    """A decoder by photo and word before; its state counts the steps."""

    positions = None

    def __call__(self, features, tokens):
        photos = tf.repeat(
            tf.cast(features[:, 0, 0], tf.int32), tokens.shape[0] // features.shape[0]
        )
        return tf.gather(tf.gather(tf.constant(TABLE), photos), tokens, batch_dims=1), None

    def begin(self, features):
        return tf.cast(features[:, 0, 0], tf.int32), tf.zeros(features.shape[0])

    def step(self, tokens, memory, state):
        return (
            tf.gather(tf.gather(tf.constant(TABLE), memory), tokens, batch_dims=1),
            state + 1,
            None,
        )


def batch(*photos, captions=2, length=5):
    """A batch of photos by (number, captions), each filled with empty captions."""
    features = np.array([[[number]] for number, _ in photos], np.float16)
    tokens = np.zeros((len(photos), captions, length), np.int32)
    for row, (_, written) in enumerate(photos):
        for place, caption in enumerate(written):
            tokens[row, place, : len(caption)] = caption
    return features, tokens.reshape(-1, length)


# The last caption was cut short and has no end.
FIRST = batch((0, [[START, A, UNKNOWN, B, END], [START, B, END]]), (1, [[START, C, B, C]]))
# The second row is no photo.
SECOND = batch((1, [[START, END]]), (0, []), length=3)


def losses(caption, before):
    """−log p of each word of a caption (photo, words), by the words that were read before it."""
    photo, words = caption
    return [-LOGS[photo, one, other] for one, other in zip(before, words, strict=False)]


def test_the_likeliest_words_of_each_first_caption():
    found = TeacherForcedEvaluator(Table())([FIRST, SECOND])
    after_unknown = A + int(TABLE[0, UNKNOWN, A:].argmax())
    assert [row.tolist() for row in found.likeliest] == [[A, C, after_unknown], [B, C, C], [], []]


@pytest.mark.parametrize("top", [1, 3, 5, 100])
def test_loss_and_accuracy_of_the_true_words(top):
    captions = [(0, [A, UNKNOWN, B, END]), (0, [B, END]), (1, [C, B, C]), (1, [END])]
    each = [loss for caption in captions for loss in losses(caption, [START, *caption[1]])]
    ranks = [
        (LOGS[photo, before] > LOGS[photo, before, word]).sum()
        for photo, words in captions
        for before, word in zip([START, *words], words, strict=False)
    ]
    loss, accuracy, _ = TeacherForcedEvaluator(Table(), top=top)([FIRST, SECOND])
    assert loss == pytest.approx(np.mean(each), rel=1e-5)
    assert accuracy == pytest.approx(np.mean([rank < top for rank in ranks]))


def test_free_running_reads_its_own_likeliest_words():
    """Photo 0 reads start A C A, and photo 1 start B C C, whatever their captions say."""
    captions = [(0, [A, UNKNOWN, B, END]), (0, [B, END]), (1, [C, B, C]), (1, [END])]
    own = {0: [START, A, C, A], 1: [START, B, C, C]}
    each = [loss for caption in captions for loss in losses(caption, own[caption[0]])]
    assert len(each) == 10
    assert FreeRunningEvaluator(Table())([FIRST, SECOND]) == pytest.approx(np.mean(each), rel=1e-5)


@pytest.mark.parametrize("kind", DECODERS)
def test_free_running_is_teacher_forcing_with_its_own_words(kind, uncompiled):
    """The two losses are equal where the true words are the network's own."""
    decoder = small_decoder(kind, seed=1)
    features = np.random.default_rng(1).normal(size=(2, 4, 3)).astype(np.float32)
    own = np.full((2, 1), START, np.int32)
    for _ in range(4):
        logits = decoder(features, tf.constant(own))[0].numpy()[:, -1]
        own = np.concatenate(
            [own, logits[:, A:].argmax(axis=1)[:, None].astype(np.int32) + A], axis=1
        )
    forced = TeacherForcedEvaluator(decoder)([(features, own)])
    assert FreeRunningEvaluator(decoder)([(features, own)]) == pytest.approx(forced.loss, rel=1e-5)
    assert [row.tolist() for row in forced.likeliest] == own[:, 1:].tolist()
    # Other words: they are predicted, but never read.
    other = np.where(own == START, START, A + (own - A + 1) % 5)
    assert FreeRunningEvaluator(decoder)([(features, other)]) != pytest.approx(
        TeacherForcedEvaluator(decoder)([(features, other)]).loss
    )
