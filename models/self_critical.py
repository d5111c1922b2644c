"""Self-critical training: captions drawn at random are made likelier where they score better than the greedy one."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from models.decoder import Decoder
from models.decoding import NEVER, Chance, Rules, compile_search
from models.objectives import Batch, EpochBatches, word_losses

SAMPLES = 5  # captions drawn of each photo
LENGTH_STEP = 4  # captions are padded to a multiple of this, so that few shapes need compiling
Reward = Callable[[np.ndarray, np.ndarray], np.ndarray]  # photos' numbers (P,), their captions' tokens (P, K, T) → (P, K)


class SelfCritical:
    """Rennie et al. 2017: for captions w drawn by the decoder's own probabilities, and the greedy caption ŵ, the gradient

        − (r(w) − r(ŵ)) ∂log p(w)/∂W

    of all their words, shared among these. Without dropout, so that what is drawn is drawn by what is trained.
    """

    def __init__(self, decoder: Decoder, reward: Reward, rules: Rules, *, seed: int, samples: int = SAMPLES) -> None:
        """`rules` of the captions drawn: its beam and penalties are not used."""
        self._reward = reward
        self._rules = rules
        self._greedy = compile_search(decoder, replace(rules, beam=1, length_penalty=0.0, no_repeat=0))
        self._draw = compile_search(decoder, replace(rules, beam=samples, no_repeat=0), Chance())
        self._seed = seed
        names = ("reward", "greedy_reward", "reward_seconds")
        self.variables = {name: tf.Variable(0.0, dtype=tf.float64) for name in names}  # sums over an epoch's steps

    def inputs(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        """Features, drawn captions as tokens (P·K, T) with the start before them, and how much better each is than the
        greedy one (P·K,)."""
        for step, (features, photos) in enumerate(batches.numbered(epoch, first=first), start=first):
            seeds = np.random.default_rng((self._seed, epoch, step)).integers(2**31, size=len(photos), dtype=np.int32)
            features = tf.constant(features)
            drawn = self._draw(features, seeds).tokens.numpy()
            greedy = self._greedy(features, seeds).tokens.numpy()
            began = time.perf_counter()
            rewards = self._reward(photos, np.concatenate([drawn, greedy], axis=1)) * (photos >= 0)[:, None]
            self._count(rewards[photos >= 0], time.perf_counter() - began)
            yield features, self._tokens(drawn), (rewards[:, :-1] - rewards[:, -1:]).reshape(-1).astype(np.float32)

    def _count(self, rewards: np.ndarray, seconds: float) -> None:
        """Add a step's mean rewards, the greedy caption's the last of each photo."""
        for name, value in (("reward", rewards[:, :-1].mean()), ("greedy_reward", rewards[:, -1].mean()),
                            ("reward_seconds", seconds)):
            self.variables[name].assign_add(value)

    def _tokens(self, drawn: np.ndarray) -> np.ndarray:
        """Tokens (P·K, T + 1) that begin with the start, as long as the longest caption needs. The end that comes after
        `max_length` words is not the decoder's choice, and is left out."""
        rows = drawn.reshape(-1, drawn.shape[-1])[:, : self._rules.max_length]
        longest = int((rows != 0).sum(axis=1).max())
        length = min(-(-longest // LENGTH_STEP) * LENGTH_STEP, rows.shape[1])
        return np.concatenate([np.full((len(rows), 1), self._rules.start, np.int32), rows[:, :length]], axis=1)

    def loss(self, decoder: Decoder, features: tf.Tensor, tokens: tf.Tensor, advantage: tf.Tensor,
             ) -> tuple[tf.Tensor, tf.Tensor]:
        """Σ advantage · −log p(w), by word; told as it is."""
        logits, _ = decoder(features, tokens[:, :-1])
        losses = word_losses(self._allowed(logits), tokens[:, 1:])
        words = tf.reduce_sum(tf.cast(tokens[:, 1:] != 0, tf.float32))
        loss = tf.reduce_sum(losses * advantage[:, None]) / tf.maximum(words, 1.0)
        return loss, loss

    def _allowed(self, logits: tf.Tensor) -> tf.Tensor:
        """Logits (B, T, V) without what is never drawn: else it would gain what the words of poor captions lose."""
        words = tf.range(logits.shape[-1])
        never = tf.reduce_any(words[:, None] == tf.constant(self._rules.never, tf.int32), axis=1)
        first = tf.range(logits.shape[1])[:, None] == 0
        return tf.where(never | (first & (words == self._rules.end)), NEVER, tf.cast(logits, tf.float32))

    def told(self, steps: int) -> dict[str, float]:
        """Mean reward of drawn and of greedy captions, and the seconds that telling it took."""
        sums = {name: float(variable) for name, variable in self.variables.items()}
        for variable in self.variables.values():
            variable.assign(0.0)
        return {"reward": sums["reward"] / steps, "greedy_reward": sums["greedy_reward"] / steps,
                "reward_seconds": round(sums["reward_seconds"], 2)}


def cider_reward(score: Callable[[int, str], float], text: Callable[[Sequence[int]], str]) -> Reward:
    """The reward of captions by `score(photo, words)`; `text` makes a caption's words, separated by spaces, of tokens."""

    def reward(photos: np.ndarray, captions: np.ndarray) -> np.ndarray:
        return np.array([[score(int(photo), text(row)) if photo >= 0 else 0.0 for row in rows]
                         for photo, rows in zip(photos, captions, strict=True)])

    return reward
