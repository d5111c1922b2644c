"""The README's commands that need no network and no data but ours, typed as they stand there, on small scenes."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import train
from tests.helpers.scripts import SMALL, scenes_folder, typed
from tests.test_readme import PARSERS, commands

# What a user has and we have not: datasets, weights, runs on them, a screen.
OF_OTHERS = re.compile(
    r"FLICKR8K|CIFAR10|cifar10|datasets/|FOLDER|CAPTIONS|hf:|\bsat\b|flickr8k|demo\.py| -h$|FILE"
)
TYPED = sorted(
    {
        command
        for document, command in commands()
        if document == "README.md" and not OF_OTHERS.search(command)
    }
)
LEARNING = [
    command
    for command in TYPED
    if command.startswith("python train.py") and "--resume" not in command
]
OURS = {"RUN": "one", "NAME": "one", "ONE": "one", "OTHER": "other"}


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A run as `python train.py` makes it, but on few scenes and small; a copy of it; a photo, and a folder of two."""
    with scenes_folder(tmp_path_factory.mktemp("readme")) as folder:
        done = typed(train, *SMALL, "--run", "one")
        assert done.status == 0, done.error
        shutil.copytree("checkpoints/one", "checkpoints/other")
        photos = sorted(Path("drawn/photos").glob("*.jpg"))
        shutil.copy(photos[0], "photo.jpg")
        Path("holiday").mkdir()
        for photo in photos[1:3]:
            shutil.copy(photo, "holiday")
        yield folder


def test_each_command_has_something_to_run():
    scripts = {command.split()[1] for command in TYPED} | {
        " ".join(command.split()[1:3]) for command in TYPED
    }
    assert scripts >= {
        "train.py",
        "evaluate.py",
        "predict.py",
        "-m tools.runs",
        "-m tools.cache",
        "doc/img_augmentation_test.py",
        "doc/image_normalization_test.py",
        "doc/tokenizer_sample.py",
    }
    assert {"python train.py", "python train.py --dataset scenes"} == set(
        LEARNING
    )  # what was learned for all here
    assert len(TYPED) > 20


@pytest.mark.parametrize("command", [command for command in TYPED if command not in LEARNING])
def test_a_command_does_what_it_says(command):
    script, *words = shlex.split(command.removeprefix("python ").removeprefix("-m "), comments=True)
    words = [OURS.get(word, word.replace("RUN", "one")) for word in words]
    if script == "evaluate.py" or script == "tools.cache":
        words += ["--cache", "cache"]
    if "--prune" in words:
        words.append("--yes")
    done = typed(PARSERS[script], *words)
    assert done.status == 0, done.error
    assert done.out.strip()
    for flag in ("--out", "--json", "--plot", "--write-metadata"):
        if flag in words:
            file = Path(words[words.index(flag) + 1])
            assert any(file.iterdir()) if file.is_dir() else file.stat().st_size
