"""Photos, captions and features for benchmarks."""

import numpy as np
import pytest

from benchmarks import synthetic_data
from data.photos.images import read_photo
from data.text.tokenizer import END, START
from utils.errors import UserError


def test_crops_differ_and_are_the_same_at_every_run(tmp_path):
    photos = synthetic_data.make_photos(12, tmp_path / "one")
    again = synthetic_data.make_photos(12, tmp_path / "two")
    contents = [photo.read_bytes() for photo in photos]
    assert [photo.read_bytes() for photo in again] == contents
    assert len(set(contents)) == 12
    assert {read_photo(photo).shape for photo in photos} == {(375, 500, 3)}
    assert min(read_photo(photo).std() for photo in photos) > 10


def test_own_photos_are_jpeg_files(tmp_path):
    for name in ("b.jpg", "a.JPEG", "c.png", "d.jpg"):
        (tmp_path / name).write_bytes(b"")
    photos = synthetic_data.make_photos(2, tmp_path / "crops", str(tmp_path))
    assert [photo.name for photo in photos] == ["a.JPEG", "b.jpg"]
    assert len(synthetic_data.make_photos(9, tmp_path / "crops", str(tmp_path))) == 3
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"--photos .*empty has no JPEG files"):
        synthetic_data.make_photos(1, tmp_path, str(tmp_path / "empty"))
    with pytest.raises(UserError, match=r"--photos .*nowhere"):
        synthetic_data.make_photos(1, tmp_path, str(tmp_path / "nowhere"))


def test_captions_are_as_long_as_flickr8ks():
    lengths = synthetic_data.draw_lengths(6000)
    # Flickr8k's 6,000 training photos: 10.8 words, deviation 3.7, a photo's longest 15.0.
    assert lengths.shape == (6000, 5)
    assert (lengths.min(), lengths.max()) == (3, 23)
    assert lengths.mean() == pytest.approx(10.8, abs=0.1)
    assert lengths.std() == pytest.approx(3.7, abs=0.2)
    assert lengths.max(axis=1).mean() == pytest.approx(15.0, abs=0.3)


def test_training_photos_have_captions_and_features():
    photos = synthetic_data.make_training_photos(3, 9)
    assert [photo.keys for photo in photos] == [("0",), ("1",), ("2",)]
    for photo, lengths in zip(photos, synthetic_data.draw_lengths(3), strict=True):
        assert [len(caption) - 2 for caption in photo.captions] == lengths.tolist()
        for caption in photo.captions:
            assert (caption[0], caption[-1]) == (START, END)
            assert set(caption[1:-1]) <= set(range(4, 9))
    features = synthetic_data.make_features(3, 2, 5)
    assert (features.shape, features.dtype, features.min()) == ((3, 4, 5), np.float16, 0)
    store = synthetic_data.MemoryFeatures(features)
    assert (store.get(["1", "4", "2"]) == features[[1, 1, 2]]).all()
