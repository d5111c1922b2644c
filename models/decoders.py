"""The decoders by name."""

from typing import Any

import keras

from models.decoder import Decoder
from models.gru import GRUDecoder
from models.lstm import LSTMDecoder
from models.luong import LuongDecoder
from models.transformer import TransformerDecoder
from utils.errors import nearest

DECODERS: dict[str, type[Decoder]] = {
    "gru": GRUDecoder,
    "lstm": LSTMDecoder,
    "luong": LuongDecoder,
    "transformer": TransformerDecoder,
}


def build_decoder(name: str, *, seed: int, **settings: Any) -> Decoder:
    """The decoder of this name with random weights; equal seeds give equal weights and equal dropout."""
    if name not in DECODERS:
        raise nearest("decoder", name, list(DECODERS))
    keras.utils.set_random_seed(
        seed
    )  # what Keras draws the seeds of its initialisers and dropouts from
    return DECODERS[name](**settings)
