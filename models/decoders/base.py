"""The decoder contract: all that training, search and the captioner know of a decoder.

A decoder is a `keras.Model` with

    begin(features (P, L, D))          → memory, state
    step(tokens (B,), memory, state)   → logits (B, V), state, attention (B, L)
    call(features, tokens (B, T))      → logits (B, T, V), attention (B, T, L)
    call(…, places=places (N,))        → logits (N, V), at these of the B·T places only

`memory` is a nest of tensors that stay the same from word to word, such as P rows of the photos;
they are computed once. `state` is a nest of tensors that change from word to word: B rows, batch
first, so that a search can select rows without knowing their meaning.

A photo may have several rows (captions, or beams of a search). Then B = P·C, and photo p has the
rows p·C to p·C + C − 1. `begin` gives one row a photo; `repeat_rows` makes several of it. `call`
over a whole caption equals repeated `step`.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import keras
import tensorflow as tf

from utils.errors import UserError

Nest = Any  # a tensor, or dicts, lists and tuples of tensors


class Decoder(keras.Model):
    """A network that writes captions.

    `OPTIONS` names the settings that its constructor takes, besides the sizes of photos and
    vocabulary. `locations` is L. If `can_draw`, `begin` also takes seeds (P,), and the decoder
    draws the locations that it looks at. If there are `positions`, `begin` also takes `steps`, the
    most words of a caption, for which it makes room in the state.
    """

    OPTIONS: ClassVar[tuple[str, ...]]
    locations: int
    can_draw: bool = False
    positions: int | None = None

    def build(self, *_shapes: object) -> None:
        """Do nothing: the layers are built at their first call.

        Without this method Keras would first call the decoder in a graph that it throws away.
        """

    @abstractmethod
    def begin(self, features: tf.Tensor) -> tuple[Nest, Nest]:
        """Return memory and first state of photos (P, L, D), one row a photo."""

    @abstractmethod
    def step(
        self, tokens: tf.Tensor, memory: Nest, state: Nest
    ) -> tuple[tf.Tensor, Nest, tf.Tensor]:
        """Return the logits of the next word, the next state and the attention."""

    @abstractmethod
    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return logits and attention of whole captions, by teacher forcing."""

    def parts(self) -> dict[str, keras.Model]:
        """Return the networks to train, by name; each may have its own learning rate."""
        return {"decoder": self}

    @abstractmethod
    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """Return the variables with a slice for each token, and the axis of those slices."""


def repeat_for_crops(place: tf.Tensor | keras.Variable, features: tf.Tensor) -> tf.Tensor:
    """Return place vectors (L, U) repeated for each crop that the features (P, k·L, D) have."""
    crops = features.shape[1] // place.shape[0]
    return tf.tile(place, [crops, 1])  # (k·L, U)


def check_max_length(max_length: int, positions: int | None) -> None:
    """Reject captions of more words than the decoder's positions; the start takes one of them."""
    if positions and max_length >= positions:
        raise UserError(
            f"--max-length must be at most {positions - 1} for this network (got {max_length})"
        )


def begin_captions(
    decoder: Decoder, features: tf.Tensor, *, steps: int, seeds: tf.Tensor | None = None
) -> tuple[Nest, Nest]:
    """Call `begin` with those of `steps` and `seeds` that the decoder takes."""
    options: dict[str, Any] = {}
    if decoder.positions:
        options["steps"] = steps
    if seeds is not None:
        options["seeds"] = seeds
    return decoder.begin(features, **options)


def select_places(outputs: tf.Tensor, places: tf.Tensor | None) -> tf.Tensor:
    """Return the outputs (N, U) at `places` of (B, T, U), or all of them for None.

    Projecting to the vocabulary takes a third of a training step, and padding needs none of it.
    """
    if places is None:
        return outputs
    flat = tf.reshape(outputs, [-1, outputs.shape[-1]])  # (B·T, U)
    return tf.gather(flat, places)


def repeat_rows(state: Nest, times: int) -> Nest:
    """Repeat each row in place: one row a photo becomes `times` rows a photo."""
    return tf.nest.map_structure(lambda tensor: tf.repeat(tensor, times, axis=0), state)
