"""Who may import whom, as doc/architecture.md draws it; and that set-up files agree."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"config", "presets", "data", "models", "utils"}
OURS = {*ROOMS, "jobs", "demos", "train", "evaluate", "predict", "demo", "benchmarks"}
ALLOWED = {
    "utils": {"utils"},
    "config": {"utils"},
    "presets": {"config", "utils"},
    "data": {"data", "utils"},
    "models": {"models", "utils"},
    "jobs": {"jobs", *ROOMS},
    "demos": {"demos", "jobs", *ROOMS},
}
# Here the rooms meet: the captioner hands photos and words of data/ to the networks of models/; the classifier photos.
EXCEPTIONS = {"models/captioner.py": {"data"}, "models/classifier.py": {"data"}}


def imported(file):
    """The top names that a file imports, anywhere in it."""
    names = set()
    # What a file does when it is run as a script, at its end, is not what it imports.
    body = [
        node
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if not (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))
    ]
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names & OURS


def files():
    return [
        ROOT / "config.py",
        ROOT / "presets.py",
        *(file for room in ALLOWED for file in (ROOT / room).glob("*.py")),
    ]


@pytest.mark.parametrize("file", files(), ids=lambda file: file.relative_to(ROOT).as_posix())
def test_each_room_imports_only_what_it_may(file):
    name = file.relative_to(ROOT).as_posix()
    allowed = ALLOWED[name.split("/")[0].removesuffix(".py")] | EXCEPTIONS.get(name, set())
    assert imported(file) <= allowed


@pytest.mark.parametrize("name", ["captioner", "classifier"])
def test_no_other_room_imports_what_takes_photos(name):
    for file in files():
        if file.parent.name in ("jobs", "demos"):
            continue
        assert (
            f"models.{name} " not in file.read_text(encoding="utf-8") or file.name == f"{name}.py"
        )


def test_nothing_is_pickled():
    for file in [*files(), *ROOT.glob("*.py")]:
        text = file.read_text(encoding="utf-8")
        assert "import pickle" not in text
        assert "allow_pickle=True" not in text


def test_the_conda_environment_has_the_same_pins_as_requirements():
    pins = re.findall(
        r"^([\w-]+==[\w.]+.*)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE
    )
    conda = re.findall(
        r"^ +- ([\w-]+==[\w.]+.*)$", (ROOT / "environment.yaml").read_text(), re.MULTILINE
    )
    assert pins
    assert conda == pins


def test_datasets_is_no_package():
    """Else it would hide Hugging Face's package of that name."""
    assert not (ROOT / "datasets" / "__init__.py").exists()
