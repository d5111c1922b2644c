"""Who may import whom, as doc/architecture.md draws it; and that set-up files agree."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BELOW = {"config", "presets", "data", "models", "utils"}
PACKAGES = ("utils", "data", "models", "pipeline", "reports", "tools", "ui", "exporting", "serving")
COMMANDS = ("train", "evaluate", "predict", "demo", "export", "serve")
OURS = {*BELOW, *PACKAGES, *COMMANDS, "benchmarks"}
ALLOWED = {
    "utils": {"utils"},
    "config": {"utils"},
    "presets": set(),
    "data": {"data", "utils"},
    "models": {"models", "utils"},
    "pipeline": {"pipeline", *BELOW},
    "reports": {"reports", "pipeline", *BELOW},
    "tools": {"tools", "reports", "pipeline", *BELOW},
    "ui": {"ui", "pipeline", *BELOW},
    "exporting": {"exporting", "reports", "pipeline", *BELOW},
    "serving": {"serving", "pipeline", *BELOW},
}
# The captioner and the classifier read photos and words for their networks. `python -m
# data.sources` is a command.
EXCEPTIONS = {
    "models/base_captioner.py": {"data"},
    "models/trained_captioner.py": {"data"},
    "models/exported_captioner.py": {"data"},
    "models/classifier.py": {"data"},
    "data/sources/__main__.py": {"tools"},
}


def modules_imported(file):
    """Return the modules of ours that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in OURS}


def files():
    commands = [ROOT / f"{name}.py" for name in ("config", "presets")]
    return [*commands, *(file for room in PACKAGES for file in sorted((ROOT / room).rglob("*.py")))]


def named(file):
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", files(), ids=named)
def test_each_room_imports_only_what_it_may(file):
    room = named(file).split("/")[0].removesuffix(".py")
    allowed = ALLOWED[room] | EXCEPTIONS.get(named(file), set())
    assert {name.split(".")[0] for name in modules_imported(file)} <= allowed


def test_no_modules_import_each_other_in_a_circle():
    modules = {
        named(file)[:-3].replace("/", ".").removesuffix(".__init__"): file for file in files()
    }
    graph = {}
    for module, file in modules.items():
        graph[module] = {name for name in modules_imported(file) if name in modules} - {module}
    for _ in (
        modules
    ):  # what imports nothing that is left, or is imported by nothing that is left, is in no circle
        imported = set().union(*graph.values()) if graph else set()
        graph = {
            module: others & graph.keys()
            for module, others in graph.items()
            if others & graph.keys() and module in imported
        }
    assert graph == {}


@pytest.mark.parametrize("name", ["captioner", "classifier"])
def test_only_the_pipeline_and_above_import_what_takes_photos(name):
    for file in files():
        if named(file).startswith(("data/", "models/", "utils/")):
            assert f"models.{name}" not in modules_imported(file)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\b(import|from) (pickle|dill|joblib|shelve|marshal)\b",
        r"allow_pickle=True",
        r"(?<![\w.])(eval|exec)\(",
        r"shell=True",
        r"os\.(system|popen)\(",
        r"yaml\.(load|unsafe_load)\(",
        r"weights_only=False",
    ],
)
def test_nothing_runs_what_a_file_says(pattern):
    """SECURITY.md promises it: models, runs and captions are data."""
    for file in [*files(), *ROOT.glob("*.py")]:
        assert not re.search(pattern, file.read_text(encoding="utf-8")), file


def test_datasets_is_no_package():
    """Else it would hide Hugging Face's package of that name."""
    assert not (ROOT / "datasets" / "__init__.py").exists()
