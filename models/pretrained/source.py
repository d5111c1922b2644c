"""The place of a variable's value among the weights of others."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from utils.errors import UserError


@dataclass(frozen=True)
class Source:
    """A weight of others: its name, and how it lies there."""

    name: str
    other_name: str | None = None  # under which some folders have it
    part: int = 0  # number of the part, where `parts` lie side by side
    parts: int = 1
    axis: int = -1  # along which the parts lie
    is_transposed: bool = False  # PyTorch's linear layers are (out, in)

    def read(self, arrays: Mapping[str, np.ndarray], folder: str) -> np.ndarray:
        """Return the value in Keras' orientation, but not yet in the variable's shape."""
        name = self.name
        if name not in arrays and self.other_name in arrays:
            name = self.other_name
        if name not in arrays:
            raise UserError(
                f"{folder} has no weights {self.name}; it is damaged or incomplete: restore it, or "
                "download it again"
            )
        value = arrays[name]
        if self.parts > 1:
            value = self._take_part(value)
        if value.ndim == 4:  # a convolution: (out, in, H, W) → (H, W, in, out)
            return value.transpose(2, 3, 1, 0)
        if self.is_transposed and value.ndim == 2:
            return value.T
        return value

    def write(self, value: np.ndarray) -> np.ndarray:
        """Return a value in Keras' orientation as it lies there: the opposite of `read`.

        Of several parts it is the one that the value is of.
        """
        if value.ndim == 4:
            return value.transpose(3, 2, 0, 1)
        if self.is_transposed and value.ndim == 2:
            return value.T
        return value

    def _take_part(self, value: np.ndarray) -> np.ndarray:
        return np.split(value, self.parts, axis=self.axis)[self.part]
