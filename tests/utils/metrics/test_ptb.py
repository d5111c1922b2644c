"""The tokenizer against what coco-caption's Java tool answered (tests/fixtures/record_ptb.py)."""

import json
import shutil
import time

import pytest

from tests.fixtures.record_ptb import FIXTURE, java_words
from utils.metrics import ptb

ROWS = json.loads(FIXTURE.read_text(encoding="utf-8"))


def test_words_equal_those_of_the_java_tool():
    assert len(ROWS) >= 400
    different = [
        (row, ptb.tokenize(row["caption"]))
        for row in ROWS
        if ptb.tokenize(row["caption"]) != row["words"]
    ]
    assert different == []


@pytest.mark.skipif(
    shutil.which("java") is None, reason="the tool that was recorded needs Java; not on the PATH"
)
def test_the_record_is_what_java_says():
    rows = ROWS[::20]
    assert java_words([row["caption"] for row in rows]) == [row["words"] for row in rows]


def test_the_short_cut_for_ordinary_captions_changes_nothing():
    photos = json.loads(FIXTURE.with_name("metric_reference.json").read_text(encoding="utf-8"))[
        "photos"
    ]
    captions = [row["caption"].replace("\n", " ") for row in ROWS] + [
        line for row in photos for line in row["references"]
    ]
    ordinary = [caption for caption in captions if ptb._ORDINARY.fullmatch(caption)]
    assert len(ordinary) > 100
    for caption in ordinary:
        assert ptb.tokenize(caption) == list(ptb._scan(caption)), caption


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A man's dog , asleep .", ["a", "man", "'s", "dog", "asleep"]),
        ("a t-shirt, well-worn.", ["a", "t-shirt", "well-worn"]),
        ("cats, dogs, etc.", ["cats", "dogs", "etc."]),
        ("you cannot stay.", ["you", "can", "not", "stay"]),
        ("He isn't (yet) there", ["he", "is", "n't", "-lrb-", "yet", "-rrb-", "there"]),
        ("", []),
        (" \n ", []),
        ("...", []),
        ("one\ntwo", ["one", "two"]),
        ("one\u2028two", ["one", "two"]),
    ],
)
def test_habits_worth_knowing(caption, words):
    assert ptb.tokenize(caption) == words


def test_the_words_handed_out_are_the_callers_own():
    ptb.tokenize("a (dog)").append("cat")
    assert ptb.tokenize("a (dog)") == ["a", "-lrb-", "dog", "-rrb-"]


def test_speed():
    ordinary = [
        f"A {n % 7 * 'very '}small dog runs across the grass near a bench , happily ."
        for n in range(20_000)
    ]
    began = time.perf_counter()
    for caption in ordinary:
        ptb.tokenize(caption)
    assert (
        len(ordinary) / (time.perf_counter() - began) > 10_000
    )  # about 150,000 a second where it was written


@pytest.mark.parametrize(
    "caption",
    [
        "a" * 20_000,
        "a-" * 10_000,
        "a.a-" * 999,
        "<a " * 5_000,
        "1-" * 10_000,
        "'" * 5_000,
        "a " * 9_000 + "!",
        " " * 50_000,
    ],
)
def test_hostile_captions_take_seconds_at_most(caption):
    began = time.perf_counter()
    ptb.tokenize(caption)
    assert time.perf_counter() - began < 20
