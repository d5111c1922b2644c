"""The decoder contract: what training, decoding and the captioner know of the network that writes captions.

A decoder is a `keras.Model` with
    begin(features (P, L, D))          → memory, state
    step(tokens (B,), memory, state)   → logits (B, V), state, attention (B, L)
    call(features, tokens (B, T))      → logits (B, T, V), attention (B, T, L)
    call(…, places=places (N,))        → logits (N, V) at these of the B·T places alone

`locations` is L. `draws` says whether it can draw where it looks: then `begin` also takes seeds (P,). `positions` says of
one whose state keeps every word for how many there can be room: then `begin` also takes `steps`, how many come at most.

`memory` is a nest of what depends on the photos alone, P rows, computed once. `state` is a nest of what changes from
word to word, B rows, batch first, so that a search gathers it without knowing what it is. A photo may have several rows
(the captions of a photo, the beams of a search): B = P·C, the rows of photo p being p·C … p·C + C − 1. `begin` gives
one row a photo; `repeat_rows` makes several of it. `call` over a whole caption equals repeated `step`.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import keras
import tensorflow as tf

from utils.errors import UserError

Nest = Any  # a tensor, or dicts, lists and tuples of tensors


class Decoder(keras.Model):
    """What every decoder offers. `OPTIONS` names the settings that it is made with, beside the sizes that follow from photos
    and vocabulary."""

    OPTIONS: ClassVar[tuple[str, ...]]
    locations: int
    can_draw: bool = False
    positions: int | None = None

    @abstractmethod
    def begin(self, features: tf.Tensor) -> tuple[Nest, Nest]:
        """Memory and first state of photos (P, L, D), a row a photo."""

    @abstractmethod
    def step(
        self, tokens: tf.Tensor, memory: Nest, state: Nest
    ) -> tuple[tf.Tensor, Nest, tf.Tensor]:
        """Logits (B, V) of the word after `tokens` (B,), the next state, and the attention (B, L)."""

    @abstractmethod
    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (B, T, V) of the word after each of `tokens` (B, T), or (N, V) at `places`; and the attention (B, T, L)."""

    def parts(self) -> dict[str, keras.Model]:
        """The networks that are trained, by name, each at a rate of its own: the decoder, and the encoder if that is too."""
        return {"decoder": self}

    @abstractmethod
    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """The variables that have a slice for each token of the vocabulary, and the axis along which."""


def repeat_for_crops(place: tf.Tensor | keras.Variable, features: tf.Tensor) -> tf.Tensor:
    """What is learned of each location (L, U), once for every crop that the features (P, k·L, D) are of."""
    return tf.tile(place, [features.shape[1] // place.shape[0], 1])


def check_max_length(max_length: int, positions: int | None) -> None:
    """Refuse captions of more words than a decoder has `positions` for, the start beside them."""
    if positions and max_length >= positions:
        raise UserError(
            f"captions of {max_length} tokens are asked for, and this network has room for {positions - 1}; use a "
            "lower --max-length"
        )


def begin_captions(
    decoder: Decoder, features: tf.Tensor, *, steps: int, seeds: tf.Tensor | None = None
) -> tuple[Nest, Nest]:
    """Memory and first state of photos (P, L, D) for captions of so many steps; with seeds, of a decoder that draws."""
    more = {"steps": steps} if decoder.positions else {}
    return decoder.begin(features, **more if seeds is None else more | {"seeds": seeds})


def select_places(outputs: tf.Tensor, places: tf.Tensor | None) -> tf.Tensor:
    """What the vocabulary is projected from (B, T, U), or (N, U) at these of the B·T places: it takes a third of a step,
    and padding needs none."""
    return (
        outputs
        if places is None
        else tf.gather(tf.reshape(outputs, [-1, outputs.shape[-1]]), places)
    )


def repeat_rows(state: Nest, times: int) -> Nest:
    """The state with each row repeated in place: a row a photo becomes C rows a photo."""
    return tf.nest.map_structure(lambda tensor: tf.repeat(tensor, times, axis=0), state)
