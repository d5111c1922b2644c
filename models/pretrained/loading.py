"""Load pretrained weights into our networks: of Hugging Face's models and of KerasHub's presets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from models.decoders.base import Decoder
from models.pretrained import keras_hub_presets
from models.pretrained.families import find_captioner
from models.pretrained.family import EncoderFamily
from models.pretrained.folder import Weights
from models.pretrained.source import Source
from models.search.rules import LOG_ZERO
from models.training.teacher_forced_scores import END
from utils.errors import UserError
from utils.hugging_face import find_folder, is_hugging_face


def find_decoder_sizes(weights: str) -> dict[str, Any]:
    """Return the sizes of a decoder that can take these weights."""
    if is_hugging_face(weights):
        folder = find_folder(weights)
        return find_captioner(folder).read_decoder_sizes(folder)
    return keras_hub_presets.read_decoder_sizes(weights)


def load_encoder_weights(network: keras.Model, folder: Path, family: EncoderFamily) -> None:
    """Load the encoder of a Hugging Face model's folder into a network of its sizes."""
    arrays = Weights(folder, family.rename)
    assign_weights(network.weights, arrays, family.find_encoder_source, str(folder))


def assign_weights(
    variables: Sequence[keras.Variable],
    arrays: Mapping[str, np.ndarray],
    find_source: Callable[[str], Source | None],
    folder: str,
) -> None:
    """Give variables their values from a folder's weights.

    `find_source` returns the source of the variable at a path; None if it keeps its initial value.
    """
    for variable in variables:
        source = find_source(variable.path)
        if source is not None:
            _assign(variable, source.read(arrays, folder), folder)


def load_decoder_weights(decoder: Decoder, weights: str, rows: Sequence[int]) -> None:
    """Load pretrained weights into a decoder; `rows` gives the weights' number of each token.

    What the weights do not have keeps its initial value: GPT-2 alone has no cross-attention, no
    projection and no places.
    """
    if is_hugging_face(weights):
        read = _read_hugging_face(weights, rows)
    else:
        read = _read_preset(weights)
    token_axes = {variable.path: axis for variable, axis in decoder.find_token_variables()}
    for variable in decoder.weights:
        value = read(variable.path.removeprefix(f"{decoder.name}/"))
        axis = token_axes.get(variable.path)
        if value is None:
            continue
        if axis is not None:
            _check_vocabulary(weights, rows, value.shape[axis])
            value = value.take(np.asarray(rows), axis=axis)
        _assign(variable, value, weights)
    _forbid_special_tokens(decoder, rows)


def _read_hugging_face(weights: str, rows: Sequence[int]) -> Callable[[str], np.ndarray | None]:
    """Return a function that reads the value of a decoder's variable by its path."""
    folder = find_folder(weights)
    family = find_captioner(folder)
    arrays = Weights(folder, family.rename)
    family.check_weights(arrays, folder, rows)

    def read(path: str) -> np.ndarray | None:
        source = family.find_decoder_source(path)
        return None if source is None else source.read(arrays, str(folder))

    return read


def _read_preset(preset: str) -> Callable[[str], np.ndarray | None]:
    """Return a function that reads the value of a decoder's variable by its path."""
    return keras_hub_presets.take_weights(preset).get


def _forbid_special_tokens(decoder: Decoder, rows: Sequence[int]) -> None:
    """Make special tokens impossible that the weights do not know, and that share the end's row."""
    unknown = [token for token in range(END) if rows[token] == rows[END]]
    if not unknown:
        return
    bias = decoder.bias.numpy()
    bias[unknown] = LOG_ZERO
    decoder.bias.assign(bias)


def _check_vocabulary(weights: str, rows: Sequence[int], vector_count: int) -> None:
    """Reject a vocabulary that does not belong to the weights."""
    pieces = max(rows) + 1
    if pieces > vector_count:
        raise UserError(
            f"{weights} must have word vectors for the {pieces} pieces of the vocabulary "
            f"(got {vector_count}); use the vocabulary from the folder of the weights"
        )


def _assign(variable: keras.Variable, value: np.ndarray, weights: str) -> None:
    """Assign a value in the variable's shape; reject one of another size."""
    if value.size != np.prod(variable.shape):
        raise UserError(
            f"{weights} does not fit its description: {variable.path} must have the shape "
            f"{tuple(variable.shape)} (got {value.shape})"
        )
    variable.assign(value.reshape(variable.shape))
