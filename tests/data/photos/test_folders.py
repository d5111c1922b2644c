"""Photos are found by the endings of their names."""

import pytest

from data.photos.folders import find_photos


def test_photos_are_found_without_hidden_ones(tmp_path):
    names = [
        "b.JPG",
        "a.png",
        "deep/er/두 마리.webp",
        "deep/.hidden.jpg",
        ".cache/x.jpg",
        "notes.txt",
        "z.heic",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    seen = [str(path.relative_to(tmp_path)) for path in find_photos(tmp_path)]
    assert seen == ["a.png", "b.JPG", "deep/er/두 마리.webp", "z.heic"]
    with pytest.raises(FileNotFoundError):
        find_photos(tmp_path / "absent")
