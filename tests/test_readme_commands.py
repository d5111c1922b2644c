"""The commands of the documents that need no network and no foreign data, run on small scenes."""

import re
import shutil
from pathlib import Path

import pytest

import train
from tests.helpers.documents import SCRIPTS, find_commands, split_command
from tests.helpers.scripts import SMALL, run_command, scenes_folder

# Commands that need what a user has and the tests have not: datasets, weights, runs, a screen.
FOREIGN = re.compile(
    r"FLICKR8K|CIFAR10|cifar10|datasets/|FOLDER|CAPTIONS|PHOTOS|PATH|COCO|hf:|\bsat\b|flickr8k|"
    r"demo\.py|export\.py|serve\.py| -h$|FILE|classifier|make_pictures|--network"
)
GUIDES = ("README.md", "doc/training.md", "doc/captioning.md", "doc/metrics.md")
# An encoder with random weights needs no training, and short captions are soon searched.
QUICK = ("--weights", "none", "--max-length", "3", "--epochs", "1")
PLACEHOLDERS = {"RUN": "one", "NAME": "one", "ONE": "one", "OTHER": "other"}


def find_runnable_commands():
    commands = set()
    for document, command in find_commands():
        if document in GUIDES and not FOREIGN.search(command):
            commands.add(command.split("#")[0].strip())
    return sorted(commands)


def is_training(command):
    """Return whether a command would train a new run; test_readme.py parses those."""
    return command.startswith("python train.py") and "--resume" not in command


COMMANDS = find_runnable_commands()


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A small run, a copy of it, a photo, and a folder of two photos."""
    with scenes_folder(tmp_path_factory.mktemp("readme")) as folder:
        done = run_command(train, *SMALL, *QUICK, "--run", "one")
        assert done.status == 0, done.error
        shutil.copytree("checkpoints/one", "checkpoints/other")
        photos = sorted(Path("drawn/photos").glob("*.jpg"))
        shutil.copy(photos[0], "photo.jpg")
        Path("holiday").mkdir()
        for photo in photos[1:3]:
            shutil.copy(photo, "holiday")
        yield folder


def test_commands_cover_every_script():
    scripts = {split_command(command)[0] for command in COMMANDS}
    screen_scripts = {"demo.py", "doc/make_pictures.py"}
    tested_elsewhere = {"data.sources", "doc/scale_limits.py", "export.py", "serve.py"}
    assert scripts >= SCRIPTS.keys() - screen_scripts - tested_elsewhere
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("command", [text for text in COMMANDS if not is_training(text)])
def test_command_of_a_document_runs(command):
    script, words = split_command(command)
    words = [PLACEHOLDERS.get(word, word.replace("RUN", "one")) for word in words]
    if script in ("evaluate.py", "tools.cache"):
        words += ["--cache", "cache"]
    if "--prune" in words:
        words.append("--yes")
    done = run_command(SCRIPTS[script], *words)
    assert done.status == 0, done.error
    assert done.out.strip()
    for flag in ("--out", "--json", "--plot", "--write-metadata"):
        if flag in words:
            output = Path(words[words.index(flag) + 1])
            assert output.exists()
            if output.is_dir():
                assert any(output.iterdir())
            else:
                assert output.stat().st_size > 0
