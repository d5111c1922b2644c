"""Without the environment, or with an old Python, each command says so in one line."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.scripts import ROOT
from utils import prerequisites

FILES = {
    "train.py": "train.py",
    "predict.py": "predict.py",
    "evaluate.py": "evaluate.py",
    "demo.py": "demo.py",
    "export.py": "export.py",
    "serve.py": "serve.py",
    "-m tools.runs": "tools/runs.py",
    "-m tools.cache": "tools/cache.py",
    "-m data.sources": "data/sources/__init__.py",
}
# What commands ask for when they need it, do without, or get with another package.
OPTIONAL = {
    "ai_edge_litert",
    "cv2",
    "fastapi",
    "gradio",
    "httpx2",
    "markupsafe",
    "onnx",
    "onnxruntime",
    "openvino",
    "packaging",
    "pydantic",
    "ray",
    "starlette",
    "tf2onnx",
    "tkinterdnd2",
    "uvicorn",
}
# Beside the commands, what an old Python must be able to read.
OLD_SYNTAX = ("tools/doctor.py", "utils/environment.py", "utils/prerequisites.py")
FOLDERS = ("data", "exporting", "models", "pipeline", "reports", "serving", "tools", "ui", "utils")


def list_imported_names():
    """Return the first names of all modules that the program imports."""
    names = set()
    files = list(ROOT.glob("*.py"))
    for folder in FOLDERS:
        files += (ROOT / folder).rglob("*.py")
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names


def test_every_imported_package_is_checked():
    ours = {*FOLDERS, *(file.stem for file in ROOT.glob("*.py"))}
    others = list_imported_names() - sys.stdlib_module_names - ours
    assert others - OPTIONAL == set(prerequisites.PACKAGES)


@pytest.mark.parametrize("file", [*FILES.values(), *OLD_SYNTAX])
def test_an_old_python_can_read_the_file(file):
    ast.parse((ROOT / file).read_text(encoding="utf-8"), feature_version=(3, 8))


def run_command(command, *options, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *options, *shlex.split(command)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", FILES)
def test_missing_packages_are_one_line(command):
    """`python -S` finds no installed package."""
    done = run_command(command, "-S")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert " has no tensorflow, keras, keras_hub and " in done.stderr
    assert "make setup" in done.stderr or ". .venv/bin/activate" in done.stderr
    assert done.stderr.count("\n") == 1


OLD = """
import runpy, sys
sys.version_info = (3, 10, 4, "final", 0)
sys.path.insert(0, {root!r})
sys.argv = ["-m"]
{run}
"""


@pytest.mark.parametrize("command", FILES)
def test_an_old_python_is_one_line(command):
    if command.startswith("-m "):
        run = f"runpy.run_module({command[3:]!r}, run_name='__main__')"
    else:
        run = f"runpy.run_path({str(ROOT / command)!r}, run_name='__main__')"
    code = OLD.format(root=str(ROOT), run=run)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: Python 3.11, 3.12 or 3.13 is needed, and ")
    assert " is Python 3.10.4; " in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10"])
def test_a_real_old_python_is_one_line(version):
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} here")
    command = [str(found[0]), "train.py", "-h"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(rf"is Python {re.escape(version)}\.\d+; ", done.stderr)
    assert done.stderr.count("\n") == 1


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project's folder, with a space in its name."""
    folder = tmp_path / "my project"
    folder.mkdir()
    monkeypatch.setattr(prerequisites, "PROJECT", folder)
    monkeypatch.chdir(folder)
    return folder


def test_the_environment_is_made_if_there_is_none(project, monkeypatch):
    assert prerequisites.suggest_environment() == "install what is missing: make setup"
    monkeypatch.chdir(project.parent)
    expected = f"install what is missing: make -C '{project}' setup"
    assert prerequisites.suggest_environment() == expected


def test_the_environment_is_activated_if_there_is_one(project, monkeypatch):
    activate = project / ".venv/bin/activate"
    activate.parent.mkdir(parents=True)
    activate.touch()
    assert prerequisites.suggest_environment() == "activate the environment: . .venv/bin/activate"
    monkeypatch.chdir(project.parent)
    assert prerequisites.suggest_environment() == f"activate the environment: . '{activate}'"
    monkeypatch.setattr(sys, "prefix", os.fspath(project / ".venv"))
    expected = f"install what is missing: make -C '{project}' -B setup"
    assert prerequisites.suggest_environment() == expected


def test_one_missing_package_is_named(project, monkeypatch):
    monkeypatch.setattr(prerequisites, "PACKAGES", ("sys", "no_such_package"))
    assert " has no no_such_package; install" in prerequisites.find_problem()
    monkeypatch.setattr(prerequisites, "PACKAGES", ("sys",))
    assert prerequisites.find_problem() is None
