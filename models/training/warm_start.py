"""Copy weights to a decoder with another vocabulary: tokens that both know keep theirs.

Tokens that are new get the weights of those that they resemble.
"""

import math
from collections.abc import Mapping, Sequence
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


def initialise_new_tokens(
    decoder: Decoder,
    tokens: Sequence[str],
    *,
    new: Sequence[str],
    learned: Sequence[str],
    similar: Mapping[str, Mapping[str, int]],
    counts: Mapping[str, int],
) -> None:
    """Give new tokens the mean weights of learned ones.

    Args:
        similar: for a new token the learned ones that it resembles, with their shares of the mean.
            A token without an entry gets the mean of all learned ones.
        counts: how often each token occurs in the captions. A new token's bias follows from it: it
            is as likely as a learned token that is as frequent.
    """
    if not new or not learned:
        return
    rows = {token: row for row, token in enumerate(tokens)}
    learned_rows = [rows[token] for token in learned]
    log_counts = {token: math.log(max(counts.get(token, 0), 1)) for token in tokens}
    for variable, axis in decoder.find_token_variables():
        values = np.array(variable.numpy())
        by_token = np.moveaxis(values, axis, 0)  # a view
        if by_token.ndim == 1:
            expected = [log_counts[token] for token in learned]
            level = np.mean(by_token[learned_rows] - expected)
            for token in new:
                by_token[rows[token]] = level + log_counts[token]
            variable.assign(values)
            continue
        for token in new:
            shares = similar.get(token, {})
            chosen = [rows[each] for each in shares] or learned_rows
            weights = list(shares.values()) or None
            by_token[rows[token]] = np.average(by_token[chosen], axis=0, weights=weights)
        variable.assign(values)


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
