"""A search as one function of features."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from models.decoders.base import Decoder, begin_captions, repeat_rows
from models.search.beam_search import beam_search
from models.search.rules import Captions, Nest, Prompt, Rules, Step
from models.search.sampling import Sampling, sample


def compile_search(
    decoder: Decoder,
    rules: Rules,
    sampling: Sampling | None = None,
    *,
    samples_locations: bool = False,
) -> Callable[..., Captions]:
    """Compile what `make_search` makes."""
    search = make_search(decoder, rules, sampling, samples_locations=samples_locations)
    return tf.function(search, reduce_retracing=True, autograph=False)


def make_search(
    decoder: Decoder,
    rules: Rules,
    sampling: Sampling | None = None,
    *,
    samples_locations: bool = False,
) -> Callable[..., Captions]:
    """Make a function from features (P, L, D), seeds (P,) and a prompt (N,) to captions.

    The prompt is optional. The function samples where `sampling` is given and runs a beam search
    otherwise. With `samples_locations`, hard attention samples a location before each word.
    """

    def run(
        features: tf.Tensor, seeds: tf.Tensor, prompt_tokens: tf.Tensor | None = None
    ) -> Captions:
        # A decoder that trains its encoder too gets pictures (P, S, S, 3) instead of features.
        # Features may be those of several crops.
        is_picture = features.shape.rank != 3
        locations = decoder.locations if is_picture else features.shape[1]
        location_seeds = seeds if samples_locations else None
        memory, state = begin_captions(decoder, features, steps=rules.steps, seeds=location_seeds)

        def step(tokens: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any, tf.Tensor]:
            return decoder.step(tokens, memory, state)

        photos = tf.shape(features)[0]
        prompt = None
        if prompt_tokens is not None:
            prompt, state = _read_prompt(
                step, state, prompt_tokens, photos=photos, locations=locations, start=rules.start
            )
        state = repeat_rows(state, rules.beam)
        settings = {"locations": locations, "rules": rules, "prompt": prompt}
        if sampling is not None:
            return sample(step, state, seeds=seeds, sampling=sampling, **settings)
        return beam_search(step, state, photos=photos, **settings)

    return run


def _read_prompt(
    step: Step,
    state: Nest,
    tokens: tf.Tensor,
    *,
    photos: tf.Tensor,
    locations: int,
    start: int,
) -> tuple[Prompt, Nest]:
    """Let the decoder read the start and all words (N,) of a prompt but the last.

    `state` has one row a photo, since all captions begin alike. The search reads the last word.
    """
    number = tf.shape(tokens)[0]
    before = tf.concat([[start], tokens[:-1]], axis=0)

    def is_unfinished(time: tf.Tensor, _attention: tf.Tensor, _state: Nest) -> tf.Tensor:
        return time < number

    def advance(
        time: tf.Tensor, attention: tf.Tensor, state: Nest
    ) -> tuple[tf.Tensor, tf.Tensor, Nest]:
        _, state, now = step(tf.fill([photos], tf.gather(before, time)), state)
        is_now = tf.cast(tf.one_hot(time, number), tf.bool)  # (N,)
        changed = tf.where(is_now[:, None], now[:, None], attention)
        # Of a single word, TensorFlow does not see that the shape stays.
        return time + 1, tf.ensure_shape(changed, attention.shape), state

    attention = tf.zeros([photos, number, locations])
    first = (tf.constant(0), attention, state)
    _, attention, state = tf.while_loop(is_unfinished, advance, first)
    return Prompt(tokens, attention), state
