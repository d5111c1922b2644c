"""Self-critical training: sampled captions become likelier where they beat their baseline."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from models.decoders.base import Decoder
from models.search.compiled import compile_search
from models.search.rules import LOG_ZERO, Rules
from models.search.sampling import Sampling
from models.training.losses import Batch, EpochBatches, token_losses
from models.training.strategy import ALONE, Strategy

SAMPLES = 5  # captions sampled of each photo
# Probabilities are sharpened by this temperature, for sampling and in the loss. Without it, samples
# are far worse than the captions of a search, and the first thing that they teach is to be short.
# doc/experiments.md has the effect of this, of dropout and of the baseline.
TEMPERATURE = 0.5
LENGTH_STEP = 4  # captions are padded to a multiple of this, so few shapes need compiling

# From photo numbers (P,) and tokens of their captions (P, K, T) to rewards (P, K).
Reward = Callable[[np.ndarray, np.ndarray], np.ndarray]


class SelfCritical:
    """Self-critical sequence training.

    For captions w that the decoder samples, its gradient is, a word,

        − (r(w) − b) ∂log p(w)/∂W

    p is the decoder's probability, sharpened by `TEMPERATURE`. The baseline b is the reward of the
    greedy caption (Rennie et al. 2017), or the mean reward of the photo's other samples (Luo 2020).

    The second learns with dropout. The first cannot: captions are sampled without dropout, and most
    of them are worse than the greedy one. To make all of these less likely with dropout would drive
    that network away from the one without.
    """

    name = "self-critical"

    def __init__(
        self,
        decoder: Decoder,
        reward: Reward,
        rules: Rules,
        *,
        seed: int,
        baseline: str = "others",
        samples: int = SAMPLES,
        strategy: Strategy = ALONE,
    ) -> None:
        """`baseline` is others or greedy; the beam and penalties of `rules` are not used."""
        self._reward = reward
        self._rules = rules
        self._seed = seed
        self._samples = samples
        self._strategy = strategy
        self._has_greedy_baseline = baseline == "greedy"
        greedy_rules = replace(rules, beam=1, length_penalty=0.0, no_repeat=0)
        self._search_greedily = compile_search(decoder, greedy_rules)
        sampling_rules = replace(rules, beam=samples, no_repeat=0)
        self._sample = compile_search(decoder, sampling_rules, Sampling(TEMPERATURE))
        names = ["reward", "reward_seconds"]
        if self._has_greedy_baseline:
            names.insert(1, "greedy_reward")
        # Sums over an epoch's steps.
        self.variables = {name: tf.Variable(0.0, dtype=tf.float64) for name in names}

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        """Yield features, tokens of sampled captions (P·K, T) and their advantages (P·K,)."""
        numbered = batches.with_photo_numbers(epoch, first=first)
        for step, (features, photos) in enumerate(numbered, start=first):
            random = np.random.default_rng((self._seed, epoch, step))
            seeds = random.integers(2**31, size=batches.share.rows, dtype=np.int32)
            seeds = batches.share.pad(batches.share.take(seeds))
            features = tf.constant(features)
            samples = self._sample(features, seeds).tokens.numpy()  # (P, K, T)
            samples = batches.share.clear_extra(samples)
            captions = samples
            if self._has_greedy_baseline:
                greedy = self._search_greedily(features, seeds).tokens.numpy()
                captions = np.concatenate([samples, greedy], axis=1)
            rewards = self._compute_rewards(photos, captions)
            advantages = self._compute_advantages(rewards).reshape(-1).astype(np.float32)
            yield features, self._make_tokens(samples), advantages

    def _compute_rewards(self, photos: np.ndarray, captions: np.ndarray) -> np.ndarray:
        """Return rewards (P, K), 0 where a row is no photo; add them to the epoch's sums."""
        start = time.perf_counter()
        is_photo = photos >= 0
        rewards = self._reward(photos, captions) * is_photo[:, None]
        seconds = time.perf_counter() - start
        real = rewards[is_photo]
        own = [real[:, : self._samples].sum(), real[:, -1].sum(), len(real)]
        sampled, greedy, number = self._strategy.gather(own).sum(axis=0)
        self.variables["reward"].assign_add(sampled / (number * self._samples))
        if self._has_greedy_baseline:
            self.variables["greedy_reward"].assign_add(greedy / number)
        self.variables["reward_seconds"].assign_add(seconds)
        return rewards

    def _compute_advantages(self, rewards: np.ndarray) -> np.ndarray:
        """Return the samples' rewards less their baseline (P, K).

        The last column of `rewards` is the greedy caption's where that is the baseline.
        """
        if self._has_greedy_baseline:
            return rewards[:, :-1] - rewards[:, -1:]
        # r − mean of the K − 1 others = (r − mean of all K) · K / (K − 1)
        centred = rewards - rewards.mean(axis=1, keepdims=True)
        return centred * self._samples / (self._samples - 1)

    def _make_tokens(self, samples: np.ndarray) -> np.ndarray:
        """Return samples (P, K, T) as tokens (P·K, T + 1) after the start token, cut to length.

        An end after `max_length` words is dropped: the decoder did not choose it.
        """
        rows = samples.reshape(-1, samples.shape[-1])[:, : self._rules.max_length]
        longest = int(self._strategy.gather((rows != 0).sum(axis=1).max()).max())
        padded = -(-longest // LENGTH_STEP) * LENGTH_STEP
        length = min(padded, rows.shape[1])
        starts = np.full((len(rows), 1), self._rules.start, np.int32)
        return np.concatenate([starts, rows[:, :length]], axis=1)

    def compute_loss(
        self, decoder: Decoder, features: tf.Tensor, tokens: tf.Tensor, advantages: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return Σ advantage · −log p(w) divided by the number of words, twice."""
        inputs, targets = tokens[:, :-1], tf.reshape(tokens[:, 1:], [-1])
        places = tf.squeeze(tf.where(targets != 0), axis=1)  # where there is no padding
        has_dropout = not self._has_greedy_baseline
        logits, _ = decoder(features, inputs, training=has_dropout, places=places)
        caption, time = places // (tokens.shape[1] - 1), places % (tokens.shape[1] - 1)
        logits = self._forbid_words(logits, time) / TEMPERATURE
        losses = token_losses(logits, tf.gather(targets, places))
        words = tf.maximum(tf.cast(tf.size(places), tf.float32), 1.0)
        loss = tf.reduce_sum(losses * tf.gather(advantages, caption)) / words
        return loss, loss

    def _forbid_words(self, logits: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        """Return logits (N, V) at times (N,) with LOG_ZERO at words that are never sampled.

        Otherwise these words would gain what the words of poor captions lose.
        """
        words = tf.range(logits.shape[-1])
        never = tf.constant(self._rules.forbidden_tokens, tf.int32)
        is_forbidden = tf.reduce_any(words[:, None] == never, axis=1)
        is_early_end = (time == 0)[:, None] & (words == self._rules.end)
        return tf.where(is_forbidden | is_early_end, LOG_ZERO, tf.cast(logits, tf.float32))

    def report(self, steps: int) -> dict[str, float]:
        """Return mean rewards of the epoch and the seconds that they took; reset the sums."""
        figures = {}
        for name, variable in self.variables.items():
            if name == "reward_seconds":
                figures[name] = round(float(variable), 2)
            else:
                figures[name] = float(variable) / steps
            variable.assign(0.0)
        return figures


def make_cider_reward(
    score: Callable[[int, str], float], to_text: Callable[[Sequence[int]], str]
) -> Reward:
    """Make a reward of `score(photo, words)`; `to_text` turns tokens into words with spaces."""

    def reward(photos: np.ndarray, captions: np.ndarray) -> np.ndarray:
        rewards = np.zeros(captions.shape[:2])
        for row, photo in enumerate(photos):
            if photo < 0:
                continue
            for column, tokens in enumerate(captions[row]):
                rewards[row, column] = score(int(photo), to_text(tokens))
        return rewards

    return reward
