"""GPT-2's byte pairs: its own numbers where its vocabulary is at hand, and its rules on a vocabulary made here."""

import json
import os
from pathlib import Path

import pytest

from config import LENGTHS
from data.text.gpt2 import END_OF_TEXT, GPT2Tokenizer, read_vocabulary
from data.text.loading import choose_kind, load_tokenizer
from data.text.tokenizer import END, SPECIAL_TOKENS, START, Word
from utils.errors import UserError

# A vocabulary that can be worked by hand, its mark not at the end. "Ġ" is how a space is written, "Ã©" are the bytes of é.
PIECES = ["a", "b", "c", END_OF_TEXT, "Ġ", "Ã", "©", "ab", "Ġc", "Ã©"]
VOCABULARY = {piece: number for number, piece in enumerate(PIECES)}
MERGES = ["a b", "Ġ c", "Ã ©"]


def made(**options):
    return GPT2Tokenizer(VOCABULARY, MERGES, **options)


def written(folder, names=("vocab.json", "merges.txt"), head="#version: 0.2\n"):
    (folder / names[0]).write_text(json.dumps(VOCABULARY), encoding="utf-8")
    (folder / names[1]).write_text(head + "\n".join(MERGES) + "\n", encoding="utf-8")
    return folder


def test_pieces_follow_the_special_tokens_and_the_mark_is_left_out():
    tokenizer = made()
    assert tokenizer.tokens == [*SPECIAL_TOKENS, "a", "b", "c", "Ġ", "Ã", "©", "ab", "Ġc", "Ã©"]
    assert tokenizer.gpt2_ids == [3, 3, 3, 3, 0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert (len(tokenizer), tokenizer.token_name) == (13, "pieces")


def test_a_caption_is_cut_as_for_the_other_kinds_then_into_pieces():
    tokenizer = made()
    assert tokenizer.encode_gpt2_ids("abcc cé") == [7, 2, 2, 8, 9]
    assert tokenizer.encode("ABC, Cé!") == [START, 10, 6, 11, 12, END]  # ab c Ġc Ã©
    assert tokenizer.encode("abc cé", 2) == [START, 10, 6]


def test_pieces_are_put_together_into_words_with_their_number():
    tokenizer = made()
    assert tokenizer.decode([START, 10, 6, 11, 12, END, 4]) == [Word("abc", 2), Word("cé", 2)]
    assert tokenizer.decode([8, 9]) == [Word("é", 2)]  # a letter whose bytes are two pieces
    assert tokenizer.decode([4, 7, 7, 5]) == [
        Word("a", 1),
        Word("", 1),
        Word("b", 2),
    ]  # two spaces in a row
    assert tokenizer.join_words(["abc", "cé"]) == "abc cé"


def test_pieces_are_compared_with_those_of_other_byte_pairs():
    assert made().spell_tokens()[4:] == ["a", "b", "c", "▁", "Ã", "©", "ab", "▁c", "Ã©"]


@pytest.mark.parametrize("cut", ["words", "characters"])
def test_what_is_saved_is_loaded(tmp_path, cut):
    tokenizer = made(cut=cut)
    tokenizer.save(tmp_path / "vocabulary.json")
    again = load_tokenizer(tmp_path / "vocabulary.json")
    assert (again.kind, again.tokens, again.gpt2_ids) == (
        "gpt2",
        tokenizer.tokens,
        tokenizer.gpt2_ids,
    )
    assert again.encode("abc cé") == tokenizer.encode("abc cé")


@pytest.mark.parametrize("names", [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")])
def test_the_vocabulary_is_read_under_both_pairs_of_names(tmp_path, names):
    assert read_vocabulary(written(tmp_path, names)) == (VOCABULARY, MERGES)


def test_the_vocabulary_is_read_from_a_whole_file(tmp_path):
    """The library writes merges as text or as pairs, and the mark among the added tokens."""
    pieces = {piece: number for piece, number in VOCABULARY.items() if piece != END_OF_TEXT}
    for merges in (MERGES, [merge.split(" ") for merge in MERGES]):
        saved = {
            "added_tokens": [{"content": END_OF_TEXT, "id": 3}],
            "model": {"vocab": pieces, "merges": merges},
        }
        (tmp_path / "tokenizer.json").write_text(json.dumps(saved), encoding="utf-8")
        assert read_vocabulary(tmp_path) == (VOCABULARY, MERGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {},
            "no GPT-2 vocabulary in .*: it wants vocab.json and merges.txt or encoder.json and vocab.bpe, or tokenizer.json",
        ),
        (
            {"vocab.json": "{", "merges.txt": ""},
            "vocab.json and merges.txt are no GPT-2 vocabulary",
        ),
        (
            {"vocab.json": '{"a": 0, "b": 2, "<|endoftext|>": 1, "c": 4}', "merges.txt": ""},
            "without a gap",
        ),
        ({"vocab.json": '{"a": 0}', "merges.txt": ""}, r"one of them is <\|endoftext\|>"),
        (
            {"vocab.json": '{"a": 0, "<|endoftext|>": 1}', "merges.txt": "a b\n"},
            "no GPT-2 vocabulary",
        ),
        ({"tokenizer.json": '{"model": {}}'}, "tokenizer.json is no GPT-2 vocabulary"),
    ],
)
def test_a_folder_without_or_with_a_damaged_vocabulary_is_refused(tmp_path, content, message):
    for name, text in content.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_vocabulary(tmp_path)


def test_a_folder_means_gpt2(tmp_path):
    assert (
        choose_kind("en", str(tmp_path))
        == "gpt2"
        == choose_kind("en", "gpt2")
        == choose_kind("en", "some/where")
    )
    assert LENGTHS["gpt2"] == LENGTHS["bpe"]


@pytest.mark.skipif(
    "CAPTION_REAL_DATA" not in os.environ, reason="CAPTION_REAL_DATA names no folder with gpt2_bpe/"
)
def test_gpt2_s_own_numbers():
    vocabulary, merges = read_vocabulary(Path(os.environ["CAPTION_REAL_DATA"]) / "gpt2_bpe")
    tokenizer = GPT2Tokenizer(vocabulary, merges)
    assert (len(vocabulary), len(merges), tokenizer.end_of_text_id) == (50257, 50000, 50256)
    assert tokenizer.encode_gpt2_ids("hello world") == [31373, 995]
    assert tokenizer.encode_gpt2_ids("The quick brown fox jumps over the lazy dog.") == [
        464,
        2068,
        7586,
        21831,
        18045,
        625,
        262,
        16931,
        3290,
        13,
    ]
    # By the rules of the paper's code, worked out apart from the library.
    assert tokenizer.encode_gpt2_ids("naïve café 😀  two  spaces, 2021's") == [
        2616,
        38776,
        40304,
        30325,
        222,
        220,
        734,
        220,
        9029,
        11,
        33448,
        338,
    ]
    assert tokenizer.encode("Two dogs!")[1:-1] == [vocabulary["two"] + 4, vocabulary["Ġdogs"] + 4]
