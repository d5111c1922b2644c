"""A decoder begun from another one's weights, with another vocabulary: what both know keeps what was learned of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.decoders.base import Decoder
from utils.errors import UserError


@dataclass(frozen=True)
class TokenOverlap:
    """What became of the tokens."""

    kept: int  # known to both
    new: int
    gone: int  # known to the other decoder alone


def copy_weights(
    decoder: Decoder, tokens: Sequence[str], other: Decoder, other_tokens: Sequence[str]
) -> TokenOverlap:
    """Give `decoder` the weights of `other`; a token that `other` does not know keeps the weights it has."""
    places = {token: place for place, token in enumerate(other_tokens)}
    ours = [number for number, token in enumerate(tokens) if token in places]
    theirs = [places[tokens[number]] for number in ours]
    if len(decoder.weights) != len(other.weights):
        raise UserError(
            f"the weights to begin from do not fit: {len(other.weights)} tensors there and {len(decoder.weights)} "
            "here; leave --decoder as it was there"
        )
    axes = {variable.path: axis for variable, axis in decoder.find_token_variables()}
    for ours_variable, theirs_variable in zip(decoder.weights, other.weights, strict=True):
        axis = axes.get(ours_variable.path)
        values, learned = np.array(ours_variable.numpy()), theirs_variable.numpy()
        _refuse_other_shape(ours_variable.path, values.shape, learned.shape, axis)
        if axis is None:
            values = learned
        else:
            np.moveaxis(values, axis, 0)[ours] = np.moveaxis(learned, axis, 0)[theirs]
        ours_variable.assign(values)
    return TokenOverlap(len(ours), len(tokens) - len(ours), len(other_tokens) - len(ours))


def _refuse_other_shape(
    name: str, ours: tuple[int, ...], theirs: tuple[int, ...], axis: int | None
) -> None:
    """Refuse weights of another size, the axis of tokens aside."""
    fixed = [
        shape[:axis] + shape[axis + 1 :] if axis is not None else shape for shape in (ours, theirs)
    ]
    if len(ours) != len(theirs) or fixed[0] != fixed[1]:
        raise UserError(
            f"the weights to begin from do not fit: {name} is {theirs} there and {ours} here; leave --decoder, "
            "--units, --embedding, --attention-units, --encoder, --layer, --image-size and --grid as they were "
            "there"
        )
