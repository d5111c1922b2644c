"""An encoder that is trained with the decoder: the two as one decoder, whose features are the pictures themselves."""

from typing import Any

import keras
import tensorflow as tf

from models.decoders.base import Decoder, Nest
from models.encoders.encoder import Encoder


class DecoderWithEncoder(Decoder):
    """A decoder to everything that trains, searches and scores; where it is given features it takes uint8 pictures
    (P, H, W, 3), and looks at them by the encoder."""

    OPTIONS = ()

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.network = encoder.network
        self.decoder = decoder
        self.locations = decoder.locations
        self.can_draw, self.positions = decoder.can_draw, decoder.positions
        self.built = True

    def parts(self) -> dict[str, keras.Model]:
        """The decoder and the encoder's network."""
        return {"decoder": self.decoder, "encoder": self.network}

    def begin(self, features: tf.Tensor, **more: Any) -> tuple[Nest, Nest]:
        """Memory and first state of pictures, a row a photo; `more` is what the decoder's own takes."""
        return self.decoder.begin(self.encoder.encode(features), **more)

    def step(
        self, tokens: tf.Tensor, memory: Nest, state: Nest
    ) -> tuple[tf.Tensor, Nest, tf.Tensor]:
        """The decoder's own."""
        return self.decoder.step(tokens, memory, state)

    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (B, T, V) of the word after each of `tokens` (B, T), or (N, V) at `places`; and the attention (B, T, L)."""
        return self.decoder(self.encoder.encode(features), tokens, training=training, places=places)

    def explore(self, features: tf.Tensor, tokens: tf.Tensor) -> Any:
        """The decoder's own, where it draws."""
        return self.decoder.explore(self.encoder.encode(features), tokens)

    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """The decoder's own."""
        return self.decoder.find_token_variables()
