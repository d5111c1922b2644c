"""The tokenizer against recorded answers of coco-caption's Java tool (fixtures/record_ptb.py)."""

import json
import shutil
import time

import pytest

from tests.fixtures.record_ptb import FIXTURE, tokenize_with_java
from utils.metrics import ptb

ROWS = json.loads(FIXTURE.read_text(encoding="utf-8"))


def test_words_equal_the_java_tools():
    assert len(ROWS) >= 400
    different = []
    for row in ROWS:
        words = ptb.tokenize(row["caption"])
        if words != row["words"]:
            different.append((row, words))
    assert different == []


@pytest.mark.skipif(
    shutil.which("java") is None, reason="the tool that was recorded needs Java; not on the PATH"
)
def test_the_record_is_up_to_date():
    rows = ROWS[::20]
    assert tokenize_with_java([row["caption"] for row in rows]) == [row["words"] for row in rows]


def test_plain_captions_need_no_rules():
    reference_file = FIXTURE.with_name("metric_reference.json")
    photos = json.loads(reference_file.read_text(encoding="utf-8"))["photos"]
    captions = [row["caption"].replace("\n", " ") for row in ROWS]
    for photo in photos:
        captions += photo["references"]
    plain = [caption for caption in captions if ptb._PLAIN_CAPTION.fullmatch(caption)]
    assert len(plain) > 100
    for caption in plain:
        assert ptb.tokenize(caption) == list(ptb._apply_rules(caption)), caption


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
def test_examples(caption, words):
    assert ptb.tokenize(caption) == words


def test_callers_may_change_the_words():
    ptb.tokenize("a (dog)").append("cat")
    assert ptb.tokenize("a (dog)") == ["a", "-lrb-", "dog", "-rrb-"]


def test_speed():
    plain = [
        f"A {n % 7 * 'very '}small dog runs across the grass near a bench , happily ."
        for n in range(20_000)
    ]
    start = time.perf_counter()
    for caption in plain:
        ptb.tokenize(caption)
    assert (
        len(plain) / (time.perf_counter() - start) > 10_000
    )  # a second; about 150,000 on two cores


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
    start = time.perf_counter()
    ptb.tokenize(caption)
    assert time.perf_counter() - start < 20
