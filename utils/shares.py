"""The shares of a batch: which of its rows each worker takes."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Share:
    """One worker's share of a batch of `rows`: every N-th row from its own number on.

    All shares have the same size. Where a worker has fewer rows, its last ones are empty. Rows are
    dealt out one by one, because neighbours have captions of similar length.
    """

    rows: int  # of the whole batch
    worker: int = 0
    workers: int = 1

    @property
    def size(self) -> int:
        """The number of rows of each share."""
        return -(-self.rows // self.workers)

    def take(self, rows: Any) -> Any:
        """Return this share of an array or list of the batch's rows; the last batch has fewer."""
        return rows[self.worker :: self.workers]

    def pad(self, rows: np.ndarray) -> np.ndarray:
        """Return this share's rows (n, …), filled up with zeros to its size."""
        missing = self.size - len(rows)
        if missing == 0:
            return rows
        padding = np.zeros((missing, *rows.shape[1:]), rows.dtype)
        return np.concatenate([rows, padding])

    def clear_extra(self, rows: np.ndarray) -> np.ndarray:
        """Return this share's rows (n, …) with zeros in those that the batch does not have."""
        number = len(self.take(range(self.rows)))
        if number == self.size:
            return rows
        return self.pad(rows[:number])

    def find_places(self, times: int) -> np.ndarray:
        """Return where this share's rows are in the whole batch, if each row comes `times` times.

        Empty rows get a place too, which means nothing.
        """
        rows = self.worker + self.workers * np.arange(self.size)
        rows = np.minimum(rows, self.rows - 1)
        return (rows[:, None] * times + np.arange(times)).reshape(-1)
