"""CLIP's byte pairs against the tokens that transformers recorded."""

import json
import shutil
from pathlib import Path

import pytest

from data.text.clip import load_clip_tokenizer
from utils.errors import UserError

FIXTURE = Path(__file__).parents[2] / "fixtures" / "clip"  # made by make_vision.py there
ROWS = json.loads((FIXTURE / "text.json").read_text(encoding="utf-8"))
LIMIT = 24  # tokens of a recorded text
START, END = 598, 599


@pytest.fixture(scope="module")
def tokenizer():
    return load_clip_tokenizer(FIXTURE, rows=600, end=END)


@pytest.fixture
def folder(tmp_path):
    """A copy of the fixture that may be spoiled."""
    return shutil.copytree(FIXTURE, tmp_path / "copy")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: repr(row["text"][:20]))
def test_texts_have_the_recorded_tokens(tokenizer, row):
    tokens, was_cut = tokenizer.encode(row["text"], LIMIT)
    assert tokens == row["tokens"]
    assert was_cut == (len(tokenizer.encode(row["text"], 1000)[0]) > LIMIT)


def test_a_text_that_is_cut_keeps_its_end(tokenizer):
    whole, was_cut = tokenizer.encode("a dog and a dog", 77)
    assert not was_cut
    assert (whole[0], whole[-1]) == (START, END)
    assert tokenizer.encode("a dog and a dog", len(whole)) == (whole, False)
    assert tokenizer.encode("a dog and a dog", 5) == ([*whole[:4], END], True)


def test_capitals_and_spaces_make_no_difference(tokenizer):
    assert tokenizer.encode("A  DOG\n", 77) == tokenizer.encode("a dog", 77)


def test_a_tokenizer_file_is_read_before_the_two_files(tokenizer, folder):
    """Its own rules of truncation and padding do not count."""
    library = tokenizer._tokenizer
    library.enable_truncation(4)
    library.enable_padding(length=50)
    library.save(str(folder / "tokenizer.json"))
    library.no_truncation()
    library.no_padding()
    for name in ("vocab.json", "merges.txt"):
        (folder / name).unlink()
    loaded = load_clip_tokenizer(folder, rows=600, end=END)
    for row in ROWS:
        assert loaded.encode(row["text"], LIMIT)[0] == row["tokens"]


@pytest.mark.parametrize(
    ("rows", "end", "message"),
    [
        (599, END, "600 pieces do not fit 599 token vectors"),
        (600, 7, "end token is 599, and the network's 7"),
    ],
)
def test_byte_pairs_of_another_network_are_rejected(rows, end, message):
    with pytest.raises(UserError, match=message):
        load_clip_tokenizer(FIXTURE, rows=rows, end=end)


def test_old_networks_name_no_end_token():
    assert load_clip_tokenizer(FIXTURE, rows=600, end=None).end == END


@pytest.mark.parametrize("missing", ["vocab.json", "merges.txt"])
def test_missing_files_are_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(UserError, match=r"vocab\.json.*(byte pairs|merges)"):
        load_clip_tokenizer(folder, rows=600, end=END)


def test_a_damaged_file_is_named(folder):
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"tokenizer\.json does not hold"):
        load_clip_tokenizer(folder, rows=600, end=END)


def test_special_tokens_may_have_other_names(folder):
    settings = {"bos_token": "a</w>", "eos_token": {"content": "<|endoftext|>"}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    loaded = load_clip_tokenizer(folder, rows=600, end=END)
    assert (loaded.start, loaded.end) == (320, END)
