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
    sampling: Sampling | None = None,
    *,
    samples_locations: bool = False,
) -> Callable[..., Captions]:
    """Compile a function from features (P, L, D) and seeds (P,) to captions.

    It samples where `sampling` is given and runs a beam search otherwise. With
    `samples_locations`, hard attention samples a location before each word.
    """

    @tf.function(reduce_retracing=True)
    def run(features: tf.Tensor, seeds: tf.Tensor) -> Captions:
        # A decoder that trains its encoder too gets pictures (P, S, S, 3) instead of features.
        # Features may be those of several crops.
        is_picture = features.shape.rank != 3
        locations = decoder.locations if is_picture else features.shape[1]
        location_seeds = seeds if samples_locations else None
        steps = rules.max_length + 1
        memory, state = begin_captions(decoder, features, steps=steps, seeds=location_seeds)
        state = repeat_rows(state, rules.beam)

        def step(tokens: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
            return decoder.step(tokens, memory, state)

        if sampling is not None:
            return sample(
                step, state, seeds=seeds, locations=locations, rules=rules, sampling=sampling
            )
        photos = tf.shape(features)[0]
        return beam_search(step, state, photos=photos, locations=locations, rules=rules)

    return run
