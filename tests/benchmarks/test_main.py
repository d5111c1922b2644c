"""`python -m benchmarks`: all benchmarks and the document with their table."""

import json
import re
import subprocess
import sys
from types import SimpleNamespace

import keras
import pytest
import tensorflow as tf

from benchmarks import __main__ as main_module
from benchmarks.measuring import Options, Row
from tests.helpers.scripts import ROOT, run_command
from utils.errors import UserError


def test_only_the_table_between_the_marks_is_replaced():
    text = f"Before.\n{main_module.BEGIN}\nold\n{main_module.END}\nAfter.\n"
    assert main_module.replace_between_marks(text, "new", "doc.md") == (
        f"Before.\n{main_module.BEGIN}\nnew\n{main_module.END}\nAfter.\n"
    )
    for broken in ("nothing", text.replace(main_module.END, "")):
        with pytest.raises(UserError, match=r"doc\.md must have the lines"):
            main_module.replace_between_marks(broken, "new", "doc.md")
    document = main_module.replace_between_marks(main_module.DOCUMENT.read_text(), "new", "")
    assert document.count("new\n<!-- end -->") == 1


def test_the_document_names_all_benchmarks():
    text = main_module.DOCUMENT.read_text()
    commands = re.findall(r"python -m benchmarks\b(?!\.)((?: (?:--)?\w+)*)", text)
    assert len(commands) > 4
    for command in commands:
        arguments = main_module.make_options().parse_args(command.split())
        assert set(arguments.only or ()) <= main_module.BENCHMARKS.keys()
    modules = {file.stem for file in (ROOT / "benchmarks").glob("[!_]*.py")}
    common = {"hosts", "measuring", "server_process", "synthetic_data", "tutorial"}
    assert set(re.findall(r"`benchmarks\.(\w+)`", text)) == modules - common


@pytest.fixture
def fakes(monkeypatch, tmp_path):
    """Two fake benchmarks and a document."""

    def make_fake(name, is_met):
        def run(folder, options):
            runs.append((name, options))
            return {f"{name}_ratio": 2.5}

        def make_rows(figures):
            ratio = figures[f"{name}_ratio"]
            return [Row(name, f"{ratio} times", "3", is_met), Row("more", "1")]

        return SimpleNamespace(run=run, make_rows=make_rows)

    runs = []
    monkeypatch.setattr(
        main_module, "BENCHMARKS", {"one": make_fake("one", True), "two": make_fake("two", False)}
    )
    document = tmp_path / "doc.md"
    document.write_text(f"# Speed\n{main_module.BEGIN}\n{main_module.END}\nAfter.\n")
    monkeypatch.setattr(main_module, "DOCUMENT", document)
    return SimpleNamespace(runs=runs, document=document)


def test_all_benchmarks_run_and_are_written(fakes, tmp_path):
    done = run_command(main_module, "--rounds", "2", "--json", tmp_path / "all.json")
    assert done.status == 0
    assert fakes.runs == [("one", Options(rounds=2)), ("two", Options(rounds=2))]
    figures = json.loads((tmp_path / "all.json").read_text())
    assert (figures["one_ratio"], figures["two_ratio"]) == (2.5, 2.5)
    names = {"cores", "processor", "flags", "python", "versions", "date", "minutes"}
    assert figures["machine"].keys() == names
    lines = fakes.document.read_text().splitlines()
    assert lines[:2] == ["# Speed", main_module.BEGIN]
    assert lines[-2:] == [main_module.END, "After."]
    assert lines[2].startswith("`python -m benchmarks --rounds 2`, 20")
    assert "1 of 2 targets met" in lines[2]
    assert f"tensorflow {tf.__version__}, keras {keras.__version__}" in lines[2]
    assert lines[4:-2] == [
        "| what | measured | target | met | peak MB |",
        "| --- | --- | --- | --- | --- |",
        "| one | 2.5 times | 3 | yes |  |",
        "| more | 1 |  |  |  |",
        "| two | 2.5 times | 3 | **no** |  |",
        "| more | 1 |  |  |  |",
    ]


def test_some_benchmarks_leave_the_document_alone(fakes, tmp_path):
    before = fakes.document.read_text()
    done = run_command(main_module, "--only", "two")
    assert (done.status, [name for name, _ in fakes.runs]) == (0, ["two"])
    assert "| two | 2.5 times | 3 | **no** |  |" in done.out
    run_command(main_module, "--toy")
    assert fakes.document.read_text() == before
    run_command(main_module, "--only", "one", "--out", tmp_path / "new.md")
    new = (tmp_path / "new.md").read_text()
    assert new.startswith(f"{main_module.BEGIN}\n`python -m benchmarks --only one`, ")


def test_mistakes_are_rejected_before_anything_runs(fakes, tmp_path):
    done = run_command(main_module, "--only", "twoo")
    assert done.status == 2
    assert "'twoo'" in done.error
    assert "did you mean 'two'?" in done.error
    (tmp_path / "other.md").write_text("no marks")
    done = run_command(main_module, "--out", tmp_path / "other.md")
    assert done.status == 1
    assert "other.md must have the lines" in done.error
    assert fakes.runs == []


@pytest.mark.slow
def test_all_benchmarks_in_their_own_processes(tmp_path):
    json_file, table = tmp_path / "all.json", tmp_path / "table.md"
    command = ["-m", "benchmarks", "--toy", "--rounds", "2", "--json", json_file, "--out", table]
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(json_file.read_text())
    names = re.search(
        r"figures' names\*\* in `--json`: (.*?); and", main_module.DOCUMENT.read_text(), re.DOTALL
    )
    assert set(re.findall(r"`(\w+)`", names[1])) == figures.keys() - {
        "machine",
        *main_module.BENCHMARKS,
    }
    assert figures["loss_difference"] < 1e-5
    assert figures["memory_difference"] < 50
    few = figures["memory"]["40"]
    assert 100 < few["anonymous_megabytes"] < few["megabytes"] < 3000
    text = table.read_text()
    assert text.count("| yes |") + text.count("| **no** |") == 13
