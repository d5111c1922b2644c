"""Windows, files and mistakes, alike in all scripts of doc/."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import image_normalization_test as normalization
import img_augmentation_test as augmentation
import showing
import tokenizer_sample
from data.photos.images import save_picture
from tests.helpers.datasets import write_files
from tests.helpers.scripts import ROOT, run_command, run_process

SCRIPTS = (augmentation, normalization, tokenizer_sample)


@pytest.mark.parametrize(
    ("script", "words", "status", "parts"),
    [
        (augmentation, ["gone.jpg"], 1, ["gone.jpg cannot be read: no such file"]),
        (normalization, ["text.jpg"], 1, ["text.jpg cannot be read: not a picture"]),
        (augmentation, ["photo.png", "--out", "photo.png"], 2, ["--out photo.png", "input"]),
        (augmentation, ["--views", "0"], 2, ["--views", "1", "0"]),
        (augmentation, ["--image-size", "8"], 2, ["--image-size", "75", "8"]),
        (normalization, ["--out", "x.jpg"], 2, ["--out", ".png", "x.jpg"]),
        (tokenizer_sample, ["--out", "text.jpg/x.png"], 1, ["text.jpg is a file"]),
        (tokenizer_sample, ["gone.csv"], 1, ["gone.csv"]),
        (tokenizer_sample, ["text.jpg"], 1, ["text.jpg", "captions.csv"]),
        (tokenizer_sample, ["empty.csv"], 1, ["empty.csv", "caption"]),
        (tokenizer_sample, ["--language", "ja"], 2, ["--language", "en or ko", "ja"]),
        (tokenizer_sample, ["--save", "words.txt"], 2, ["--save", ".json", "words.txt"]),
        (tokenizer_sample, ["--tokenizer", "characters"], 2, ["--tokenizer", "characters"]),
        (tokenizer_sample, ["--minimum-count", "5000"], 1, ["5000"]),
    ],
)
def test_mistakes_are_reported_in_one_line(tmp_path, monkeypatch, script, words, status, parts):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, files={"text.jpg": "text", "empty.csv": "photo,caption\na.jpg, \n"})
    save_picture(np.zeros((4, 4, 3), np.uint8), tmp_path / "photo.png")
    before = sorted(tmp_path.iterdir())
    done = run_command(script, *words)
    assert done.status == status
    assert done.error.startswith("error: ")
    assert done.error.count("\n") == 1
    for part in parts:
        assert part in done.error
    assert sorted(tmp_path.iterdir()) == before


def test_with_a_screen_a_window_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    figures = []
    for module in (showing, tokenizer_sample):
        monkeypatch.setattr(module, "has_screen", lambda: True)
    monkeypatch.setattr(showing, "show_figure", figures.append)
    assert run_command(augmentation, "--image-size", "75").status == 0
    assert run_command(normalization).status == 0
    assert run_command(tokenizer_sample).status == 0
    assert len(figures) == 3
    assert list(tmp_path.iterdir()) == []


def test_the_scripts_run_in_any_folder_without_a_screen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def start(script):
        return run_process(ROOT / "doc" / f"{script.__name__}.py", MPLBACKEND="Agg")

    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(start, SCRIPTS))
    assert [(each.status, each.error) for each in done] == [(0, "")] * 3
    names = ["img_augmentation_test.png", "image_normalization_test.png"]
    for each, name in zip(done, names, strict=False):
        last_line = each.out.splitlines()[-1]
        assert last_line.startswith(f"picture: {name} ")
        assert "--out" in last_line
    assert done[2].out.splitlines()[-1].startswith("back:    ")  # it draws only if asked to
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)
