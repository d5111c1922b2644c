"""Copy weights to a decoder with another vocabulary: tokens that both know keep theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.decoders.base import Decoder
from utils.errors import UserError

_DOES_NOT_FIT = "the weights to start from do not fit"


@dataclass(frozen=True)
class TokenOverlap:
    """Numbers of tokens of two vocabularies."""

    shared: int
    new: int  # only in the vocabulary of the decoder that gets the weights
    dropped: int  # only in the other one


def copy_weights(
    decoder: Decoder, tokens: Sequence[str], source: Decoder, source_tokens: Sequence[str]
) -> TokenOverlap:
    """Give `decoder` the weights of `source`; tokens unknown to `source` keep their own."""
    source_rows = {token: row for row, token in enumerate(source_tokens)}
    rows_here = [row for row, token in enumerate(tokens) if token in source_rows]
    rows_there = [source_rows[tokens[row]] for row in rows_here]
    if len(decoder.weights) != len(source.weights):
        raise UserError(
            f"{_DOES_NOT_FIT}: {len(source.weights)} tensors there and {len(decoder.weights)} "
            "here; use the --decoder of that run"
        )

    token_axes = {variable.path: axis for variable, axis in decoder.find_token_variables()}
    for variable, source_variable in zip(decoder.weights, source.weights, strict=True):
        axis = token_axes.get(variable.path)
        values, source_values = np.array(variable.numpy()), source_variable.numpy()
        _require_same_shape(variable.path, values.shape, source_values.shape, axis)
        if axis is None:
            variable.assign(source_values)
            continue
        by_token = np.moveaxis(values, axis, 0)  # a view
        by_token[rows_here] = np.moveaxis(source_values, axis, 0)[rows_there]
        variable.assign(values)

    shared = len(rows_here)
    return TokenOverlap(shared, len(tokens) - shared, len(source_tokens) - shared)


def _require_same_shape(
    name: str, here: tuple[int, ...], there: tuple[int, ...], token_axis: int | None
) -> None:
    """Reject weights of another shape, except along the axis of tokens."""
    if len(here) == len(there) and _drop(here, token_axis) == _drop(there, token_axis):
        return
    raise UserError(
        f"{_DOES_NOT_FIT}: {name} is {there} there and {here} here; use --decoder, --units, "
        "--embedding, --attention-units, --encoder, --layer, --image-size and --grid of that run"
    )


def _drop(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    """Return a shape without an axis."""
    if axis is None:
        return shape
    return shape[:axis] + shape[axis + 1 :]
