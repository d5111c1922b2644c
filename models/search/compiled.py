"""A search as one compiled function of features."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from models.decoders.base import Decoder, begin_captions, repeat_rows
from models.search.beam_search import beam_search
from models.search.rules import Captions, Rules
from models.search.sampling import Sampling, sample


def compile_search(
    decoder: Decoder,
    rules: Rules,
    chance: Sampling | None = None,
    drawn: bool = False,
) -> Callable[..., Captions]:
    """A compiled function from features (P, L, D) and seeds (P,) to captions, by search, or by chance where it is given;
    with `drawn`, hard attention draws where it looks."""

    @tf.function(reduce_retracing=True)
    def run(features: tf.Tensor, seeds: tf.Tensor) -> Captions:
        # Pictures (P, S, S, 3) are given where the encoder learns too; features may be of several crops.
        locations = features.shape[1] if features.shape.rank == 3 else decoder.locations
        memory, state = begin_captions(
            decoder, features, steps=rules.max_length + 1, seeds=seeds if drawn else None
        )
        state = repeat_rows(state, rules.beam)

        def step(tokens: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
            return decoder.step(tokens, memory, state)

        if chance is not None:
            return sample(step, state, seeds=seeds, locations=locations, rules=rules, chance=chance)
        return beam_search(
            step, state, photos=tf.shape(features)[0], locations=locations, rules=rules
        )

    return run
