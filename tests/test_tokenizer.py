"""Words to numbers and back, in English and in Korean."""

import json
import unicodedata

import pytest

from data.tokenizer import END, PAD, SPECIAL, START, UNKNOWN, WordTokenizer, normalise
from utils.errors import Refusal

CAPTIONS = ["A dog runs.", "The dog sleeps", "a dog!", "A cat sleeps"]


def fitted(**options):
    return WordTokenizer.fit(CAPTIONS, **({"vocabulary": 100} | options))


@pytest.mark.parametrize(("caption", "words"), [
    ("A dog, running -- fast!", ["a", "dog", "running", "fast"]),
    ("The dog's 'big' ball isn't his .", ["the", "dog's", "big", "ball", "isn't", "his"]),
    ("The dog’s ball", ["the", "dog's", "ball"]),
    ("a T-shirt with a 3.5 on it.", ["a", "t-shirt", "with", "a", "3.5", "on", "it"]),
    ("snake_case <pad> <start>", ["snake", "case", "pad", "start"]),
    ("빨간 개가 공 위에 있다.", ["빨간", "개가", "공", "위에", "있다"]),
    ("ÉCOLE straße", ["école", "straße"]),
    (" .,!? ", []),
])  # fmt: skip
def test_normalise(caption, words):
    assert normalise(caption) == words


def test_composed_and_decomposed_letters_are_the_same_word():
    for text in ("고양이 한 마리", "un café"):
        decomposed = unicodedata.normalize("NFD", text)
        assert decomposed != text
        assert normalise(decomposed) == normalise(text) == text.split()


def test_fit_keeps_the_commonest_words_after_the_special_ones():
    assert tuple(fitted().words[:4]) == SPECIAL == ("<pad>", "<unk>", "<start>", "<end>")
    assert (PAD, UNKNOWN, START, END) == (0, 1, 2, 3)
    assert fitted().words[4:] == ["a", "dog", "sleeps", "cat", "runs", "the"]  # by count, then by letter
    assert fitted(vocabulary=3).words[4:] == ["a", "dog", "sleeps"]
    assert fitted(minimum_count=2).words[4:] == ["a", "dog", "sleeps"]
    assert fitted(minimum_count=3, vocabulary=1).words[4:] == ["a"]
    assert len(fitted()) == 10


def test_words_it_was_not_fitted_on_are_unknown():
    assert fitted().encode("A horse sleeps") == [START, 4, UNKNOWN, 6, END]
    assert fitted(minimum_count=2).encode("the cat") == [START, UNKNOWN, UNKNOWN, END]


@pytest.mark.parametrize(("most", "numbers"), [
    (None, [START, 4, 5, 8, END]),
    (3, [START, 4, 5, 8, END]),
    (2, [START, 4, 5]),  # no end: the caption does not end there
    (1, [START, 4]),
])  # fmt: skip
def test_a_caption_that_is_too_long_loses_its_end(most, numbers):
    assert fitted().encode("A dog runs.", most) == numbers


def test_decode_stops_at_the_end():
    tokenizer = fitted()
    assert tokenizer.decode([START, 4, 5, 8, END, 6, PAD]) == ["a", "dog", "runs"]
    assert tokenizer.decode([START, 4, UNKNOWN, PAD, 6]) == ["a", "<unk>", "sleeps"]
    assert tokenizer.decode([END]) == []
    for caption in CAPTIONS:
        assert tokenizer.decode(tokenizer.encode(caption)) == normalise(caption)


def test_what_is_saved_is_loaded(tmp_path):
    tokenizer = WordTokenizer.fit(["빨간 개가 달린다", 'a "dog\'s" ball'], vocabulary=9)
    tokenizer.save(tmp_path / "vocabulary.json")
    assert json.loads((tmp_path / "vocabulary.json").read_text(encoding="utf-8"))["words"] == tokenizer.words
    loaded = WordTokenizer.load(tmp_path / "vocabulary.json")
    assert loaded.words == tokenizer.words
    assert loaded.encode("빨간 dog's 말이") == tokenizer.encode("빨간 dog's 말이")


@pytest.mark.parametrize("content", [b"", b'{"kind": "words", "words": ["<pad>", "<un', b"[]", b"{}", b'{"words": null}',
                                     b"\xff", b'{"words": ["a", "dog"]}',
                                     b'{"words": ["<pad>","<unk>","<start>","<end>",5]}',
                                     b'{"words": ["<pad>","<unk>","<start>","<end>","a","a"]}'])
def test_a_damaged_vocabulary_is_refused_with_its_name(tmp_path, content):
    (tmp_path / "vocabulary.json").write_bytes(content)
    with pytest.raises(Refusal, match=r"vocabulary\.json is not a vocabulary of this program \("):
        WordTokenizer.load(tmp_path / "vocabulary.json")


def test_a_missing_vocabulary_is_refused(tmp_path):
    with pytest.raises(Refusal, match=r"vocabulary\.json is not a vocabulary"):
        WordTokenizer.load(tmp_path / "vocabulary.json")
