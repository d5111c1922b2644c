"""Self-critical training of a next-word table, with known rewards."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from models.search.rules import Rules
from models.training.self_critical import SelfCritical, make_cider_reward
from utils.shares import Share

START, END, ONE, TWO = 2, 3, 4, 5
FEATURES = np.ones((3, 1, 1), np.float32)
PHOTOS = np.array([7, -1, 2])  # the second row is no photo and only fills the batch

# After the start, "one" is likelier than "two"; after a word, each of them or the end can come.
TABLE = np.full((6, 6), 1e-9)
TABLE[START, [ONE, TWO]] = 0.6, 0.4
TABLE[ONE, [ONE, TWO, END]] = 0.3, 0.2, 0.5
TABLE[TWO, [ONE, TWO, END]] = 0.35, 0.4, 0.25
SHARP = TABLE**2 / (TABLE**2).sum(axis=1, keepdims=True)


def table_decoder(table):
    """A decoder whose next word depends on the last one alone."""
    logs = tf.constant(np.log(table), tf.float32)

    def step(tokens, _memory, state):
        return tf.gather(logs, tokens), state, tf.ones([tf.shape(tokens)[0], 1])

    return SimpleNamespace(
        begin=lambda features: ({}, {"none": features[:, 0]}),
        step=step,
        locations=1,
        positions=None,
    )


class EqualBatches:
    """Three equal batches an epoch."""

    steps = 3
    share = Share(len(PHOTOS))

    def with_photo_numbers(self, number, *, first=0):
        for _ in range(first, self.steps):
            yield FEATURES, PHOTOS


def make_critical(baseline):
    """The objective, and the captions that it has asked rewards for."""
    asked = []

    def reward(photos, captions):
        asked.append(captions)
        return score_words(captions) + photos[:, None]

    rules = Rules(START, END, (0, 1, START), max_length=6)
    objective = SelfCritical(
        table_decoder(TABLE), reward, rules, seed=5, baseline=baseline, samples=400
    )
    return SimpleNamespace(asked=asked, objective=objective)


@pytest.fixture(scope="module")
def critical():
    return make_critical("greedy")


def score_words(captions):
    """Count a caption's words, "one" twice."""
    return (2.0 * (captions == ONE) + (captions == TWO)).sum(axis=-1)


@pytest.fixture(scope="module")
def steps(critical):
    """An epoch's steps, each with the captions that were rewarded."""
    return [
        (*batch, critical.asked[-1])
        for batch in critical.objective.make_batches(EqualBatches(), 1, 0)
    ]


def test_the_greedy_caption_is_the_baseline(steps):
    """The greedy caption is "one", whose reward is 2 plus the photo's number."""
    for features, _, advantage, captions in steps:
        np.testing.assert_array_equal(features, FEATURES)
        assert captions.shape == (3, 401, 7)
        np.testing.assert_array_equal(captions[:, -1], [[ONE, END, 0, 0, 0, 0, 0]] * 3)
        assert advantage.dtype == np.float32
        wanted = (score_words(captions[:, :-1]) - 2) * (PHOTOS >= 0)[:, None]
        assert (wanted.min(), wanted.max() > 4) == (-1, True)
        np.testing.assert_array_equal(advantage, wanted.reshape(-1))


def test_the_mean_of_the_other_samples_is_the_baseline(steps):
    """The samples are the same, and there is no greedy caption."""
    critical = make_critical("others")
    for (_, tokens, advantage), (*_, sampled) in zip(
        critical.objective.make_batches(EqualBatches(), 1, 0), steps, strict=True
    ):
        captions = critical.asked[-1]
        np.testing.assert_array_equal(captions, sampled[:, :-1])
        scores = score_words(captions)
        others = [np.delete(scores, place, axis=1).mean(axis=1) for place in range(400)]
        wanted = (scores - np.stack(others, axis=1)) * (PHOTOS >= 0)[:, None]
        np.testing.assert_allclose(advantage.reshape(3, 400), wanted, atol=1e-5)
        assert len(tokens) == 1200
    report = critical.objective.report(3)
    assert report.keys() == {"reward", "reward_seconds"}
    assert report["reward"] == pytest.approx(
        4.5 + np.mean([score_words(each)[PHOTOS >= 0].mean() for each in critical.asked])
    )


def test_samples_follow_the_sharpened_probabilities(steps):
    captions = np.concatenate([captions[:, :-1] for *_, captions in steps]).reshape(-1, 7)
    for before, after in ((START, captions[:, 0]), (ONE, captions[captions[:, 0] == ONE, 1])):
        for word in (ONE, TWO, END):
            wanted = SHARP[before, word]
            deviation = np.sqrt(wanted * (1 - wanted) / len(after))
            assert abs((after == word).mean() - wanted) < 4 * deviation + 1e-6


def test_tokens_have_a_start_and_only_a_chosen_end(steps):
    for _, tokens, _, captions in steps:
        assert tokens.shape == (
            1200,
            7,
        )  # the longest have six words: as many as a caption may have
        np.testing.assert_array_equal(tokens[:, 0], START)
        rows = captions[:, :-1].reshape(-1, 7)
        np.testing.assert_array_equal(tokens[:, 1:], rows[:, :6])
        assert (rows[:, 6] == END).any()  # of captions that had six words and could do nothing else
        for row in tokens:
            assert (row == END).sum() == (row[6] in (END, 0))
            assert not row[np.argmax(row == END) + 1 :].any() or END not in row


@pytest.mark.parametrize(("longest", "length"), [(2, 4), (4, 4), (5, 8), (9, 10)])
def test_tokens_have_few_lengths(longest, length):
    objective = SelfCritical(
        table_decoder(TABLE), None, Rules(START, END, (), max_length=10), seed=0
    )
    sampled = np.zeros((1, 2, 11), np.int32)
    sampled[0, :, : longest - 1], sampled[0, 0, longest - 1] = ONE, END
    tokens = objective._make_tokens(sampled)
    assert tokens.shape == (2, 1 + length)
    np.testing.assert_array_equal(
        tokens[0], [START, *[ONE] * (longest - 1), END, *[0] * (length - longest)]
    )


def test_samples_depend_on_seed_epoch_and_step(critical, steps):
    sampled = [tokens for _, tokens, *_ in steps]
    again = [tokens for _, tokens, _ in critical.objective.make_batches(EqualBatches(), 1, 0)]
    later = [
        tokens for _, tokens, _ in critical.objective.make_batches(EqualBatches(), 1, 1)
    ]  # as after a stop
    for one, other in (*zip(sampled, again, strict=True), *zip(sampled[1:], later, strict=True)):
        np.testing.assert_array_equal(one, other)
    next_epoch = next(
        tokens for _, tokens, _ in critical.objective.make_batches(EqualBatches(), 2, 0)
    )
    assert len({tokens.tobytes() for tokens in (*sampled, next_epoch)}) == 4
    of_photos = sampled[0].reshape(3, 400, 7)
    assert (of_photos[0] != of_photos[2]).any()


def test_an_epoch_reports_mean_rewards_and_resets_them(critical):
    """The mean is over photos 7 and 2; the row that is no photo does not count."""
    critical.objective.report(1)
    batches = [critical.asked[-1] for _ in critical.objective.make_batches(EqualBatches(), 3, 1)]
    rewards = [score_words(each)[PHOTOS >= 0] + [[7], [2]] for each in batches]
    report = critical.objective.report(2)
    assert report["reward"] == pytest.approx(np.mean([each[:, :-1].mean() for each in rewards]))
    assert report["greedy_reward"] == pytest.approx(2 + 4.5)
    assert report.keys() == {"reward", "greedy_reward", "reward_seconds"}
    assert report["reward_seconds"] >= 0
    assert critical.objective.report(1) == {"reward": 0, "greedy_reward": 0, "reward_seconds": 0}
    assert set(critical.objective.variables) == report.keys()


@pytest.mark.parametrize(("baseline", "dropout"), [("greedy", False), ("others", True)])
def test_the_loss_by_hand(baseline, dropout):
    """Σ advantage · −log p of three captions of seven tokens in all, divided by seven.

    p is sharpened and excludes what cannot be sampled: padding, the start, and the end as the
    first word. There is dropout where the baseline allows it.
    """
    logits = np.random.default_rng(0).normal(size=(3, 4, 6)).astype(np.float32)
    tokens = np.array(
        [[START, ONE, TWO, END, 0], [START, ONE, END, 0, 0], [START, TWO, TWO, 0, 0]], np.int32
    )
    advantage = np.array([0.5, -2.0, 0.0], np.float32)

    def decoder(features, given, training=False, places=None):
        assert training == dropout
        np.testing.assert_array_equal(given, tokens[:, :-1])
        return tf.gather(tf.reshape(tf.constant(logits), [-1, 6]), places), None

    objective = SelfCritical(
        table_decoder(TABLE),
        None,
        Rules(START, END, (0, START), max_length=4),
        seed=0,
        baseline=baseline,
    )
    probabilities = np.exp(2 * logits)
    probabilities[:, :, [0, START]] = 0
    probabilities[:, 0, END] = 0
    logs = 2 * logits - np.log(probabilities.sum(axis=2, keepdims=True))
    each = [
        sum(logs[row, place, word] for place, word in enumerate(tokens[row, 1:]) if word)
        for row in range(3)
    ]
    loss, total = objective.compute_loss(decoder, None, tf.constant(tokens), tf.constant(advantage))
    assert float(loss) == float(total) == pytest.approx(-np.dot(advantage, each) / 7, rel=1e-5)


def test_the_cider_reward_scores_words():
    """A row that is no photo is not scored."""

    def score(photo, words):
        assert photo >= 0
        return photo + len(words.split()) / 10

    reward = make_cider_reward(score, lambda row: " ".join(str(token) for token in row if token))
    captions = np.array([[[4, 5, 0], [4, 0, 0]], [[4, 5, 6], [4, 0, 0]], [[4, 0, 0], [5, 6, 7]]])
    np.testing.assert_allclose(
        reward(np.array([3, -1, 0]), captions), [[3.2, 3.1], [0, 0], [0.1, 0.3]]
    )
