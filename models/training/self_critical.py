"""Self-critical training: captions drawn at random are made likelier where they score better than others of the photo."""

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

SAMPLES = 5  # captions drawn of each photo
# Probabilities are sharpened before captions are drawn by them, and are trained as they are then. Else captions drawn are
# far worse than those that search finds, and what they learn first is to be short. What this, dropout and the baseline are
# worth: doc/results.md.
TEMPERATURE = 0.5
LENGTH_STEP = 4  # captions are padded to a multiple of this, so that few shapes need compiling
Reward = Callable[
    [np.ndarray, np.ndarray], np.ndarray
]  # photos' numbers (P,), their captions' tokens (P, K, T) → (P, K)


class SelfCritical:
    """For captions w drawn by the decoder's own probabilities p, sharpened by `TEMPERATURE`, the gradient

        − (r(w) − b) ∂log p(w)/∂W

    of all their words, shared among these. The baseline b is the reward of the greedy caption (Rennie et al. 2017), or the
    mean of the photo's other draws (Luo 2020), which leaves no caption of a photo that is easy all blame. That one learns
    with dropout. The first cannot: captions are drawn without, most of them are worse than the greedy one, and what makes
    them all less likely would drive the network with dropout away from the one without.
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
    ) -> None:
        """`rules` of the captions drawn: its beam and penalties are not used; `baseline` is others or greedy."""
        self._reward = reward
        self._rules = rules
        self._greedy = None
        if baseline == "greedy":
            self._greedy = compile_search(
                decoder, replace(rules, beam=1, length_penalty=0.0, no_repeat=0)
            )
        self._draw = compile_search(
            decoder, replace(rules, beam=samples, no_repeat=0), Sampling(TEMPERATURE)
        )
        self._seed = seed
        self._samples = samples
        names = (
            ("reward", "greedy_reward", "reward_seconds")
            if self._greedy
            else ("reward", "reward_seconds")
        )
        self.variables = {
            name: tf.Variable(0.0, dtype=tf.float64) for name in names
        }  # sums over an epoch's steps

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        """Features, drawn captions as tokens (P·K, T) with the start before them, and how much better each is than the
        baseline (P·K,)."""
        for step, (features, photos) in enumerate(
            batches.with_photo_numbers(epoch, first=first), start=first
        ):
            seeds = np.random.default_rng((self._seed, epoch, step)).integers(
                2**31, size=len(photos), dtype=np.int32
            )
            features = tf.constant(features)
            drawn = captions = self._draw(features, seeds).tokens.numpy()
            if self._greedy is not None:
                captions = np.concatenate(
                    [drawn, self._greedy(features, seeds).tokens.numpy()], axis=1
                )
            began = time.perf_counter()
            rewards = self._reward(photos, captions) * (photos >= 0)[:, None]
            self._count(rewards[photos >= 0], time.perf_counter() - began)
            yield (
                features,
                self._tokens(drawn),
                self._advantage(rewards).reshape(-1).astype(np.float32),
            )

    def _advantage(self, rewards: np.ndarray) -> np.ndarray:
        """How much better drawn captions are than the baseline (P, K), of their rewards and, where it is the baseline, the
        greedy one's."""
        if self._greedy is not None:
            return rewards[:, :-1] - rewards[:, -1:]
        return (rewards - rewards.mean(axis=1, keepdims=True)) * self._samples / (self._samples - 1)

    def _count(self, rewards: np.ndarray, seconds: float) -> None:
        """Add a step's mean rewards and the time that they took."""
        self.variables["reward"].assign_add(rewards[:, : self._samples].mean())
        if self._greedy is not None:
            self.variables["greedy_reward"].assign_add(rewards[:, -1].mean())
        self.variables["reward_seconds"].assign_add(seconds)

    def _tokens(self, drawn: np.ndarray) -> np.ndarray:
        """Tokens (P·K, T + 1) that begin with the start, as long as the longest caption needs. The end that comes after
        `max_length` words is not the decoder's choice, and is left out."""
        rows = drawn.reshape(-1, drawn.shape[-1])[:, : self._rules.max_length]
        longest = int((rows != 0).sum(axis=1).max())
        length = min(-(-longest // LENGTH_STEP) * LENGTH_STEP, rows.shape[1])
        return np.concatenate(
            [np.full((len(rows), 1), self._rules.start, np.int32), rows[:, :length]], axis=1
        )

    def compute_loss(
        self,
        decoder: Decoder,
        features: tf.Tensor,
        tokens: tf.Tensor,
        advantage: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Σ advantage · −log p(w), by word; told as it is."""
        wanted = tf.reshape(tokens[:, 1:], [-1])
        places = tf.squeeze(tf.where(wanted != 0), axis=1)  # where there is no padding
        logits, _ = decoder(features, tokens[:, :-1], training=self._greedy is None, places=places)
        captions, times = places // (tokens.shape[1] - 1), places % (tokens.shape[1] - 1)
        losses = token_losses(self._allowed(logits, times) / TEMPERATURE, tf.gather(wanted, places))
        words = tf.maximum(tf.cast(tf.size(places), tf.float32), 1.0)
        loss = tf.reduce_sum(losses * tf.gather(advantage, captions)) / words
        return loss, loss

    def _allowed(self, logits: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
        """Logits (N, V) of words at these times (N,) without what is never drawn: else it would gain what the words of poor
        captions lose."""
        words = tf.range(logits.shape[-1])
        never = tf.reduce_any(words[:, None] == tf.constant(self._rules.never, tf.int32), axis=1)
        return tf.where(
            never | ((times == 0)[:, None] & (words == self._rules.end)),
            LOG_ZERO,
            tf.cast(logits, tf.float32),
        )

    def report(self, steps: int) -> dict[str, float]:
        """Mean reward of drawn captions, and of greedy ones where they are the baseline; the seconds that rewards took."""
        sums = {name: float(variable) for name, variable in self.variables.items()}
        for variable in self.variables.values():
            variable.assign(0.0)
        seconds = sums.pop("reward_seconds")
        return {name: total / steps for name, total in sums.items()} | {
            "reward_seconds": round(seconds, 2)
        }


def make_cider_reward(
    score: Callable[[int, str], float], text: Callable[[Sequence[int]], str]
) -> Reward:
    """The reward of captions by `score(photo, words)`; `text` makes a caption's words, separated by spaces, of tokens."""

    def reward(photos: np.ndarray, captions: np.ndarray) -> np.ndarray:
        return np.array(
            [
                [score(int(photo), text(row)) if photo >= 0 else 0.0 for row in rows]
                for photo, rows in zip(photos, captions, strict=True)
            ]
        )

    return reward
