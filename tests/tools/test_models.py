"""`python -m tools.models` lists captioners of the Hub, and downloads them."""

import re

import pytest

from tests.helpers.documents import read_document
from tests.helpers.hub_server import use_hub
from tests.helpers.scripts import run_command
from tools import models
from utils.hub.known import KNOWN, SUGGESTED

FILES = {
    "config.json": b"{}",
    "preprocessor_config.json": b'{"size": 1}',
    "vocab.json": b'{"a": 0}',
    "model.safetensors": b"weights",
}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with use_hub(monkeypatch, tmp_path) as server:
        yield server


def test_the_table_in_the_documents_is_that_of_the_tool():
    lines = read_document("doc/captioning.md").splitlines()
    start = lines.index(f"| {' | '.join(models.COLUMNS)} |") + 2
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:]]
    rows = [row for row in cells[: len(KNOWN) + 1] if len(row) == len(models.COLUMNS)]
    expected = [models.make_row(known) for known in KNOWN]
    assert [[cell.strip("`") for cell in row] for row in rows] == expected


def test_scores_have_a_source():
    for known in KNOWN:
        assert bool(known.source) == bool(re.fullmatch(r"\d+\.\d", known.score))
        assert known.model.repository in known.name
        assert known.licence and known.languages and known.megabytes > 100


def test_the_list_says_what_is_downloaded(hub):
    header, *rows = list_models()
    assert header.split()[-1] == "downloaded"
    assert [row.split()[0] for row in rows] == [f"hf:{known.name}" for known in KNOWN]
    assert [row.split()[-1] for row in rows] == ["no"] * len(KNOWN)
    assert hub.requests == []

    hub.add(SUGGESTED.model.repository, FILES)
    done = run_command(models, f"hf:{SUGGESTED.name}")
    assert done.status == 0
    assert f"hf:{SUGGESTED.name} is in " in done.out
    _, *rows = list_models()
    assert [row.split()[-1] for row in rows] == ["yes"] + ["no"] * (len(KNOWN) - 1)


def list_models():
    done = run_command(models)
    assert done.status == 0
    return done.out.splitlines()


def test_a_name_that_is_none(hub):
    done = run_command(models, "hf:a/b/c")
    assert done.status == 1
    assert "OWNER/NAME" in done.error
    assert hub.requests == []
