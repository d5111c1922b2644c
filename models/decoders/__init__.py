"""The decoders by name.

To add one, write a `Decoder` (or a `RecurrentDecoder`) in a file of its own and enter it here.
"""

import models.quiet_tensorflow  # noqa: F401 (first: it loads TensorFlow)

# isort: split
from typing import Any

import keras

from models.decoders.base import Decoder
from models.decoders.bert import BertDecoder
from models.decoders.git import GITDecoder
from models.decoders.gru import GRUDecoder
from models.decoders.lstm import LSTMDecoder
from models.decoders.luong import LuongDecoder
from models.decoders.transformer import TransformerDecoder
from utils.errors import unknown_name_error

DECODERS: dict[str, type[Decoder]] = {
    "bert": BertDecoder,
    "git": GITDecoder,
    "gru": GRUDecoder,
    "lstm": LSTMDecoder,
    "luong": LuongDecoder,
    "transformer": TransformerDecoder,
}


def build_decoder(name: str, *, seed: int, **settings: Any) -> Decoder:
    """Build a decoder with random weights; equal seeds give equal weights and equal dropout."""
    if name not in DECODERS:
        raise unknown_name_error("decoder", name, list(DECODERS))
    keras.utils.set_random_seed(seed)  # Keras draws seeds of initialisers and dropouts from it
    return DECODERS[name](**settings)
