"""GPT-2's byte pairs: its rules on a small vocabulary, and its own numbers where its files are."""

import json
import os
from pathlib import Path

import pytest

from data.text.gpt2 import END_OF_TEXT, GPT2Tokenizer, read_vocabulary
from data.text.loading import load_tokenizer
from data.text.tokenizer import END, SPECIAL_TOKENS, START, Word
from presets import LENGTHS
from utils.errors import UserError

# Small enough to be worked by hand; the mark is not the last piece. "Ġ" is a space, and "Ã©" are
# the two bytes of é.
PIECES = ["a", "b", "c", END_OF_TEXT, "Ġ", "Ã", "©", "ab", "Ġc", "Ã©"]
VOCABULARY = {piece: number for number, piece in enumerate(PIECES)}
MERGES = ["a b", "Ġ c", "Ã ©"]


def make_tokenizer(**options):
    return GPT2Tokenizer(VOCABULARY, MERGES, **options)


def write_vocabulary(folder, names):
    vocabulary_name, merges_name = names
    (folder / vocabulary_name).write_text(json.dumps(VOCABULARY), encoding="utf-8")
    lines = ["#version: 0.2", *MERGES, ""]
    (folder / merges_name).write_text("\n".join(lines), encoding="utf-8")


def test_pieces_follow_the_special_tokens():
    """The mark has no token of its own."""
    tokenizer = make_tokenizer()
    assert tokenizer.tokens == [*SPECIAL_TOKENS, "a", "b", "c", "Ġ", "Ã", "©", "ab", "Ġc", "Ã©"]
    assert tokenizer.pretrained_ids == [3, 3, 3, 3, 0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert len(tokenizer) == 13
    assert tokenizer.token_name == "pieces"
    assert LENGTHS["gpt2"] == LENGTHS["bpe"]


def test_captions_are_cleaned_then_split_into_pieces():
    tokenizer = make_tokenizer()
    assert tokenizer.encode_gpt2_ids("abcc cé") == [7, 2, 2, 8, 9]
    assert tokenizer.encode("ABC, Cé!") == [START, 10, 6, 11, 12, END]  # ab c Ġc Ã©
    assert tokenizer.encode("abc cé", 2) == [START, 10, 6]


def test_decode_groups_pieces_into_words():
    tokenizer = make_tokenizer()
    assert tokenizer.decode([START, 10, 6, 11, 12, END, 4]) == [Word("abc", 2), Word("cé", 2)]
    assert tokenizer.decode([8, 9]) == [Word("é", 2)]  # a letter whose bytes are two pieces
    two_spaces = [4, 7, 7, 5]
    assert tokenizer.decode(two_spaces) == [Word("a", 1), Word("", 1), Word("b", 2)]
    assert tokenizer.join_words(["abc", "cé"]) == "abc cé"


def test_pieces_have_the_spelling_of_byte_pairs():
    spelled = make_tokenizer().spell_tokens()
    assert spelled[4:] == ["a", "b", "c", "▁", "Ã", "©", "ab", "▁c", "Ã©"]


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_saved_tokenizers_are_loaded(tmp_path, unit):
    tokenizer = make_tokenizer(unit=unit)
    tokenizer.save(tmp_path / "vocabulary.json")
    loaded = load_tokenizer(tmp_path / "vocabulary.json")
    assert loaded.kind == "gpt2"
    assert loaded.tokens == tokenizer.tokens
    assert loaded.pretrained_ids == tokenizer.pretrained_ids
    assert loaded.encode("abc cé") == tokenizer.encode("abc cé")


@pytest.mark.parametrize("names", [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")])
def test_vocabularies_are_read_from_two_files(tmp_path, names):
    write_vocabulary(tmp_path, names)
    assert read_vocabulary(tmp_path) == (VOCABULARY, MERGES)


def test_vocabularies_are_read_from_a_tokenizer_file(tmp_path):
    """The library writes merges as text or as pairs, and the mark among the added tokens."""
    pieces = {piece: number for piece, number in VOCABULARY.items() if piece != END_OF_TEXT}
    merges_as_pairs = [merge.split(" ") for merge in MERGES]
    for merges in (MERGES, merges_as_pairs):
        saved = {
            "added_tokens": [{"content": END_OF_TEXT, "id": 3}],
            "model": {"vocab": pieces, "merges": merges},
        }
        (tmp_path / "tokenizer.json").write_text(json.dumps(saved), encoding="utf-8")
        assert read_vocabulary(tmp_path) == (VOCABULARY, MERGES)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no GPT-2 vocabulary in .* vocab.json and merges.txt or .* or tokenizer.json"),
        ({"vocab.json": "{", "merges.txt": ""}, "vocab.json and merges.txt are not"),
        (
            {"vocab.json": '["<|endoftext|>"]', "merges.txt": ""},
            "vocab.json and merges.txt are not",
        ),
        (
            {"vocab.json": '{"a": 0, "b": 2, "<|endoftext|>": 1, "c": 4}', "merges.txt": ""},
            "without a gap",
        ),
        ({"vocab.json": '{"a": 0}', "merges.txt": ""}, r"contain <\|endoftext\|>"),
        (
            {"vocab.json": '{"a": 0, "<|endoftext|>": 1}', "merges.txt": "a b\n"},
            "are not a GPT-2 vocabulary",
        ),
        ({"tokenizer.json": '{"model": {}}'}, "tokenizer.json is not a GPT-2 vocabulary"),
    ],
)
def test_missing_and_damaged_vocabularies_are_rejected(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_vocabulary(tmp_path)


@pytest.mark.skipif(
    "CAPTION_REAL_DATA" not in os.environ, reason="CAPTION_REAL_DATA names no folder with gpt2_bpe/"
)
def test_numbers_of_the_released_vocabulary():
    vocabulary, merges = read_vocabulary(Path(os.environ["CAPTION_REAL_DATA"]) / "gpt2_bpe")
    tokenizer = GPT2Tokenizer(vocabulary, merges)
    assert (len(vocabulary), len(merges), tokenizer.end_of_text_id) == (50257, 50000, 50256)
    assert tokenizer.encode_gpt2_ids("hello world") == [31373, 995]
    sentence = "The quick brown fox jumps over the lazy dog."
    numbers = [464, 2068, 7586, 21831, 18045, 625, 262, 16931, 3290, 13]
    assert tokenizer.encode_gpt2_ids(sentence) == numbers
    # Worked out apart from the library, by the rules of the paper's code.
    sentence = "naïve café 😀  two  spaces, 2021's"
    numbers = [2616, 38776, 40304, 30325, 222, 220, 734, 220, 9029, 11, 33448, 338]
    assert tokenizer.encode_gpt2_ids(sentence) == numbers
    assert tokenizer.encode("Two dogs!")[1:-1] == [vocabulary["two"] + 4, vocabulary["Ġdogs"] + 4]
