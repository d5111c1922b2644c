"""A decoder together with its encoder, for training both."""

from typing import Any

import keras
import tensorflow as tf

from models.decoders.base import Decoder, Nest
from models.encoders.encoder import Encoder


class DecoderWithEncoder(Decoder):
    """A decoder whose features are uint8 pictures (P, H, W, 3), which its encoder encodes.

    Training, search and scores treat it as any other decoder.
    """

    OPTIONS = ()

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.network = encoder.network
        self.decoder = decoder
        self.locations = decoder.locations
        self.can_draw = decoder.can_draw
        self.positions = decoder.positions
        self.built = True

    def parts(self) -> dict[str, keras.Model]:
        """Return the decoder and the encoder's network."""
        return {"decoder": self.decoder, "encoder": self.network}

    def begin(self, features: tf.Tensor, **options: Any) -> tuple[Nest, Nest]:
        """Return memory and first state of pictures; `options` are those of the decoder."""
        return self.decoder.begin(self.encoder.encode(features), **options)

    def step(
        self, tokens: tf.Tensor, memory: Nest, state: Nest
    ) -> tuple[tf.Tensor, Nest, tf.Tensor]:
        """Call the decoder's `step`."""
        return self.decoder.step(tokens, memory, state)

    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return logits (B, T, V), or (N, V) at `places`, and attention (B, T, L)."""
        encoded = self.encoder.encode(features)
        return self.decoder(encoded, tokens, training=training, places=places)

    def explore(self, features: tf.Tensor, tokens: tf.Tensor) -> Any:
        """Call the decoder's `explore`, if it can draw."""
        return self.decoder.explore(self.encoder.encode(features), tokens)

    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """Return those of the decoder."""
        return self.decoder.find_token_variables()
