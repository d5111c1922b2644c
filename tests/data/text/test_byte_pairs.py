"""Captions as byte pairs that are learned from them."""

import json
import subprocess
import sys

import pytest

from data.text.language import split_words
from data.text.loading import fit_tokenizer, load_tokenizer
from data.text.tokenizer import END, SPECIAL_TOKENS, START, UNKNOWN, Word
from tests.helpers.tokenizers import CAPTIONS_BY_LANGUAGE, decode_texts, fit_pieces
from utils.errors import UserError


def test_the_most_common_neighbours_are_joined_first():
    """Worked by hand for `ab ab ab ac ca`.

    The neighbours ▁a meet four times, then ▁ab three times; ▁ac once, which is too seldom.
    """
    captions = ["ab ab", "Ab, ac CA"]
    tokenizer = fit_pieces(captions)
    assert tokenizer.tokens == [*SPECIAL_TOKENS, "a", "b", "c", "▁", "▁a", "▁ab"]
    numbers = [START, 9, 8, 6, 7, 5, 4, END]
    assert tokenizer.encode("ab ac ba") == numbers
    assert tokenizer.decode(numbers) == [Word("ab", 1), Word("ac", 2), Word("ba", 3)]
    assert fit_pieces(captions, vocabulary=5).tokens[4:] == ["a", "b", "c", "▁", "▁a"]
    assert {"▁ac", "▁ca"} < {*fit_pieces(captions, minimum_count=1).tokens}
    without_rarest_letter = fit_pieces(captions, vocabulary=3)
    assert without_rarest_letter.tokens[4:] == ["a", "b", "▁"]
    without_rare_letters = fit_pieces(captions, minimum_count=3)
    assert without_rare_letters.tokens[4:] == ["a", "b", "▁", "▁a", "▁ab"]
    assert without_rare_letters.encode("ac") == [START, 7, UNKNOWN, END]


@pytest.mark.parametrize("language", CAPTIONS_BY_LANGUAGE)
@pytest.mark.parametrize("vocabulary", [1, 7, 20, 60])
def test_vocabulary_is_an_upper_bound(language, vocabulary):
    tokenizer = fit_tokenizer(
        "bpe",
        CAPTIONS_BY_LANGUAGE[language],
        language=language,
        vocabulary=vocabulary,
        minimum_count=1,
    )
    assert len(tokenizer) <= len(SPECIAL_TOKENS) + vocabulary


@pytest.mark.parametrize(("pieces", "words"), [
    ("▁a ▁do g", [("a", 1), ("dog", 2)]),
    ("▁ d o g ▁ a", [("dog", 4), ("a", 2)]),
    ("▁ 狗 在跑", [("狗", 2), ("在跑", 1)]),  # without spaces the pieces are the words
    ("▁a 狗 ▁b", [("a", 1), ("狗", 1), ("b", 1)]),
    ("▁狗 d og 跑", [("狗dog", 3), ("跑", 1)]),
    ("▁コ ーヒ ー", [("コ", 1), ("ーヒ", 1), ("ー", 1)]),
    ("do g", [("dog", 2)]),  # a caption that begins within a word
    ("▁a <end> ▁b", [("a", 1)]),
    ("<start> ▁a <pad> b", [("ab", 2)]),
])  # fmt: skip
def test_decode_groups_pieces_into_words(pieces, words):
    tokens = list(dict.fromkeys([*SPECIAL_TOKENS, *pieces.split()]))
    tokenizer = fit_pieces(unit="characters")
    tokenizer.tokens = tokens
    assert tokenizer.decode(tokens.index(piece) for piece in pieces.split()) == words


def test_pieces_keep_spaces_beside_unspaced_letters():
    captions = ["a sign says 犬 in red", "공원에 犬 있다"] * 2
    tokenizer = fit_pieces(captions)
    for caption in captions:
        words = decode_texts(tokenizer, tokenizer.encode(caption))
        assert words == split_words(caption)
        assert tokenizer.join_words(words) == caption


def test_unspaced_pieces_are_parts_of_spaced_words():
    tokenizer = fit_pieces(["a犬b c"], minimum_count=1, vocabulary=5)
    assert tokenizer.decode(tokenizer.encode("a犬b c")) == [Word("a犬b", 4), Word("c", 2)]


def test_only_new_letters_are_unknown():
    tokenizer = fit_pieces(minimum_count=1, vocabulary=16)  # no room for more than letters
    numbers = tokenizer.encode("The é zoo")
    tokens = [tokenizer.tokens[number] for number in numbers[1:-1]]
    assert tokens == [*"▁the▁", "<unk>", "▁", "<unk>", *"oo"]
    assert decode_texts(tokenizer, numbers) == ["the", "<unk>", "<unk>oo"]
    assert UNKNOWN not in tokenizer.encode("a taco")  # a new word of known letters
    assert tokenizer.encode(" ?! ") == [START, END]


def test_captions_cannot_contain_special_tokens():
    tokenizer = fit_pieces(minimum_count=1, vocabulary=16)
    assert tokenizer.encode("<pad> <end>") == tokenizer.encode("pad end")


FIT_MANY = """
import hashlib, json, sys
from pathlib import Path
from data.text.loading import fit_tokenizer
file, captions = Path(sys.argv[1]), json.load(sys.stdin)
digest = hashlib.sha256()
for size in range(5, 120, 3):
    fit_tokenizer("bpe", captions, language="ja", vocabulary=size, minimum_count=2).save(file)
    digest.update(file.read_bytes())
print(digest.hexdigest())
"""


def test_fit_is_the_same_in_every_process(tmp_path):
    """The library counts in threads and in tables whose order changes.

    Many letters of these captions are equally rare.
    """
    captions = [caption for each in CAPTIONS_BY_LANGUAGE.values() for caption in each] * 2
    outputs = set()
    for seed in ("1", "2"):
        process = subprocess.run(
            [sys.executable, "-c", FIT_MANY, str(tmp_path / "vocabulary.json")],
            input=json.dumps(captions),
            text=True,
            capture_output=True,
            check=True,
            env={
                "PYTHONHASHSEED": seed,
                "RAYON_NUM_THREADS": seed,
                "PYTHONPATH": ":".join(sys.path),
            },
        )
        outputs.add(process.stdout)
    assert len(outputs) == 1
    assert len(outputs.pop()) == 65


@pytest.mark.parametrize("damage", [
    lambda inner: inner["model"]["vocab"].pop("c"),  # a number is skipped
    lambda inner: inner["model"]["vocab"].update({"a": 1, "<unk>": 4}),  # special ones elsewhere
    lambda inner: inner["model"].update(type="Nonsense"),
    lambda inner: inner["model"]["merges"].append(["x", "y"]),  # unknown pieces
])  # fmt: skip
def test_damaged_byte_pairs_are_rejected(tmp_path, damage):
    file = tmp_path / "vocabulary.json"
    fit_pieces(["ab ab", "ab ac ca"]).save(file)
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert saved["cut"] == "words"
    assert load_tokenizer(file).tokens[4:8] == ["a", "b", "c", "▁"]
    damage(saved["tokenizer"])
    assert saved["tokenizer"] != json.loads(file.read_text(encoding="utf-8"))["tokenizer"]
    file.write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(UserError, match=r"vocabulary\.json is not a vocabulary of this program \("):
        load_tokenizer(file)
