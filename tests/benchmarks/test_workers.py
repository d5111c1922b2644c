"""The benchmark of several workers; tests/models/training/test_strategy.py runs it with two."""

import numpy as np
import pytest

from benchmarks import workers
from data.caption_batches import TrainingPhoto
from data.text.tokenizer import END
from tests.helpers.scripts import run_command


def test_losses_and_times_are_compared_with_one_worker():
    alone = {"losses": [2.0, -4.0], "seconds": [0.2] * 10, "wall": [0.3] * 10}
    two = {"losses": [2.0, -4.003], "seconds": [0.1] * 10, "wall": [0.15] * 10}
    lines = workers.compare({1: {"hard": alone}, 2: {"hard": two}}, ["hard"], 60)
    assert lines[2:] == [
        "| hard | 1 | 0.0e+00 | 200 ms (1.00) | 200.0 (1.00) |",
        "| hard | 2 | 1.0e-03 | 100 ms (0.50) | 400.0 (2.00) |",
    ]


def test_a_caption_is_rewarded_for_the_words_of_its_photo():
    photos = [TrainingPhoto(("0",), ((2, 7, 3), (2, 8, 3))), TrainingPhoto(("1",), ((2, 9, 3),))]
    reward = workers.make_reward(photos)
    captions = np.array([[[7, 8, 9, 9]], [[9, 9, 9, 9]], [[7, 8, 9, 9]]])
    assert reward(np.array([0, 1, -1]), captions).tolist() == [[0.5], [1.0], [0.0]]


def test_captions_are_cut():
    photos = workers.make_photos(workers.Sizes(photos=20))
    lengths = {len(caption) for photo in photos for caption in photo.captions}
    assert max(lengths) == workers.MAX_LENGTH + 2
    assert all(caption[-1] == END for photo in photos for caption in photo.captions)


@pytest.mark.parametrize(
    ("words", "value"), [(["--ways", "soft"], "soft"), (["--workers", "2,3"], "2,3")]
)
def test_wrong_words_are_rejected(words, value):
    done = run_command(workers, *words)
    assert done.status == 2
    assert f"(got {value})" in done.error
