"""The shares of a batch."""

import numpy as np
import pytest

from utils.shares import Share


@pytest.mark.parametrize(("rows", "workers"), [(6, 1), (6, 2), (7, 3), (2, 3)])
def test_the_shares_of_all_workers_are_the_batch(rows, workers):
    batch = np.arange(1, rows + 1)
    shares = [Share(rows, worker, workers) for worker in range(workers)]
    taken = np.concatenate([share.take(batch) for share in shares])
    assert sorted(taken) == batch.tolist()
    for share in shares:
        padded = share.pad(share.take(batch))
        assert len(padded) == share.size == -(-rows // workers)
        assert not padded[len(share.take(batch)) :].any()


def test_rows_that_the_whole_batch_lacks_are_cleared():
    captions = np.ones((3, 2))
    assert Share(5, 1, 2).clear_extra(captions).tolist() == [[1, 1], [1, 1], [0, 0]]
    assert Share(5, 0, 2).clear_extra(captions).all()


def test_places_follow_the_rows_of_a_photo():
    """Five photos of two captions for two workers: the second has photos 1, 3 and an empty one."""
    share = Share(5, 1, 2)
    captions = np.arange(10)
    assert share.find_places(2)[:4].tolist() == [2, 3, 6, 7]
    assert captions[share.find_places(2)].shape == (6,)
    assert Share(5, 0, 2).find_places(2).tolist() == [0, 1, 4, 5, 8, 9]
