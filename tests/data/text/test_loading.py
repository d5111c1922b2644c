"""Tokenizers are fitted, saved and loaded."""

import json

import pytest

from config import FITTED_TOKENIZERS as FITTED
from data.text.loading import fit_tokenizer, load_tokenizer
from data.text.tokenizer import UNKNOWN
from tests.helpers.tokenizers import CAPTIONS_BY_LANGUAGE
from utils.errors import UserError


@pytest.mark.parametrize("kind", FITTED)
def test_captions_without_common_words_are_rejected(kind):
    captions = ["一只狗", "一只狗", "一只狗"]
    with pytest.raises(UserError, match=r"no word occurs 4 times .* lower --minimum-count"):
        fit_tokenizer(kind, captions, language="zh", vocabulary=9, minimum_count=4)


@pytest.mark.parametrize(
    ("kind", "language", "caption_with_unknown"),
    [
        ("words", "ko", "빨간 horse"),
        ("words", "en", "a 말"),
        ("characters", "zh", "一只猫"),
        ("characters", "ja", "猫が走る"),
        ("bpe", "en", "the zoo"),
        ("bpe", "ko", "빨간 말이"),
        ("bpe", "zh", "一只猫 dog"),
        ("bpe", "ja", "猫が走る"),
    ],
)
def test_saved_tokenizers_are_loaded(tmp_path, kind, language, caption_with_unknown):
    file = tmp_path / "vocabulary.json"
    captions = CAPTIONS_BY_LANGUAGE[language]
    tokenizer = fit_tokenizer(kind, captions, language=language, vocabulary=60, minimum_count=1)
    tokenizer.save(file)
    assert json.loads(file.read_text(encoding="utf-8"))["kind"] == kind
    loaded = load_tokenizer(file)
    assert type(loaded) is type(tokenizer)
    assert (loaded.kind, loaded.tokens) == (kind, tokenizer.tokens)
    for caption in (*captions, caption_with_unknown):
        numbers = tokenizer.encode(caption)
        assert loaded.encode(caption) == numbers
        assert loaded.decode(numbers) == tokenizer.decode(numbers)
    assert UNKNOWN in tokenizer.encode(caption_with_unknown)
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"kind": "words", "words": ["<pad>", "<un',
        b"[]",
        b"{}",
        b'{"kind": "words", "words": null}',
        b"\xff",
        b'{"kind": "words", "words": ["a", "dog"]}',
        b'{"words": ["<pad>","<unk>","<start>","<end>","a"]}',
        b'{"kind": "wrods", "words": ["<pad>","<unk>","<start>","<end>","a"]}',
        b'{"kind": "words", "words": ["<pad>","<unk>","<start>","<end>",5]}',
        b'{"kind": "words", "words": ["<pad>","<unk>","<start>","<end>",[]]}',
        b'{"kind": "words", "words": ["<pad>","<unk>","<start>","<end>","a","a"]}',
        b'{"kind": "bpe"}',
        b'{"kind": "bpe", "cut": "words", "tokenizer": {}}',
        b'{"kind": "bpe", "cut": "words", "tokenizer": 3}',
        b'{"kind": "bpe", "words": ["<pad>","<unk>","<start>","<end>","a"]}',
    ],
)
def test_damaged_vocabularies_are_rejected(tmp_path, content):
    (tmp_path / "vocabulary.json").write_bytes(content)
    with pytest.raises(UserError, match=r"vocabulary\.json is not a vocabulary of this program \("):
        load_tokenizer(tmp_path / "vocabulary.json")


def test_a_missing_vocabulary_is_rejected(tmp_path):
    with pytest.raises(UserError, match=r"vocabulary\.json is not a vocabulary"):
        load_tokenizer(tmp_path / "vocabulary.json")
