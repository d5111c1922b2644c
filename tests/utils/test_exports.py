"""Exported folders: recognised, and damaged ones named."""

import json

import pytest

from models.captioner import Captioner
from utils.errors import UserError
from utils.exports import SIGNATURE, is_export, read_signature

GOOD = {
    "version": 1,
    "format": "onnx",
    "model": "captioner.onnx",
    "kind": "captions",
    "image_size": 32,
    "run": {"language": "en"},
    "grid": [2, 2],
    "search": {"beam": 3},
    "reading": {},
    "joining": {},
}


def write(folder, **changes):
    (folder / SIGNATURE).write_text(json.dumps(GOOD | changes), encoding="utf-8")
    return folder


def test_a_folder_with_a_signature_was_exported(tmp_path):
    assert not is_export(tmp_path)
    assert not is_export("no\0name")
    assert is_export(write(tmp_path))
    assert read_signature(tmp_path) == GOOD


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", []),
        ("model", 3),
        ("run", []),
        ("grid", "2 x 2"),
        ("search", None),
        ("reading", 1),
        ("image_size", "32"),
    ],
)
def test_wrong_kinds_are_named(name, value, tmp_path):
    write(tmp_path, **{name: value})
    with pytest.raises(UserError, match=f"is damaged: '{name}' is missing or wrong; export again"):
        read_signature(tmp_path)


def test_other_versions_and_broken_files_are_named(tmp_path):
    with pytest.raises(UserError, match="exported in version 2; this program reads version 1"):
        read_signature(write(tmp_path, version=2))
    (tmp_path / SIGNATURE).write_text("[", encoding="utf-8")
    with pytest.raises(UserError, match="is damaged"):
        read_signature(tmp_path)


@pytest.mark.parametrize("changes", [{"grid": [8]}, {"reading": {"unknown": 1}}])
def test_values_that_cannot_be_are_damage(changes, tmp_path):
    with pytest.raises(UserError, match=f"{SIGNATURE} is damaged"):
        Captioner.load(write(tmp_path, **changes))
