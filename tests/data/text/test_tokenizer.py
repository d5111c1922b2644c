"""Captions to numbers and back: words, characters, and byte-pair pieces."""

import json
import subprocess
import sys

import pytest

from config import FITTED, LENGTHS
from data.text.byte_pairs import BytePairTokenizer
from data.text.language import JOINERS, characters, choose_unit, words
from data.text.loading import choose_kind, fit_tokenizer, load_tokenizer
from data.text.tokenizer import END, PAD, SPECIAL_TOKENS, START, TOKEN_NAMES, UNKNOWN, Word
from data.text.word_tokenizer import WordTokenizer
from utils.errors import UsageError, UserError

CAPTIONS = ["A dog runs.", "The dog sleeps", "a dog!", "A cat sleeps"]
IN_LANGUAGES = {
    "en": ["A dog runs on the grass.", "Two dogs' balls, 3.5 m apart", "the T-shirt isn't red"],
    "ko": ["빨간 개가 공 위에 있다.", "개가 잔디밭에서 공을 쫓는다", "T셔츠를 입은 개 2마리"],
    "zh": ["一只狗在草地上跑，很快！", "两只狗在草地上玩", "穿T恤的人和2只狗"],
    "ja": ["犬が草の上を走っている。", "ボールで遊ぶ犬が2匹", "コーヒーを飲む人々"],
}


def fitted(**options):
    return WordTokenizer.fit(CAPTIONS, **({"vocabulary": 100} | options))


def pieces(captions=CAPTIONS, **options):
    return BytePairTokenizer.fit(captions, **({"vocabulary": 100, "minimum_count": 2} | options))


def texts(tokenizer, numbers):
    return [word.text for word in tokenizer.decode(numbers)]


def test_fit_keeps_the_commonest_words_after_the_special_ones():
    assert tuple(fitted().tokens[:4]) == SPECIAL_TOKENS == ("<pad>", "<unk>", "<start>", "<end>")
    assert (PAD, UNKNOWN, START, END) == (0, 1, 2, 3)
    assert fitted().tokens[4:] == [
        "a",
        "dog",
        "sleeps",
        "cat",
        "runs",
        "the",
    ]  # by count, then by letter
    assert fitted(vocabulary=3).tokens[4:] == ["a", "dog", "sleeps"]
    assert fitted(minimum_count=2).tokens[4:] == ["a", "dog", "sleeps"]
    assert fitted(minimum_count=3, vocabulary=1).tokens[4:] == ["a"]
    assert len(fitted()) == 10


def test_characters_are_the_tokens_where_that_is_asked_for():
    tokenizer = fit_tokenizer(
        "characters", ["狗狗跑，狗", "T恤 跑"], language="zh", vocabulary=9, minimum_count=1
    )
    assert tokenizer.tokens[4:] == ["狗", "跑", "t", "恤"]
    assert tokenizer.encode("跑T恤猫") == [START, 5, 6, 7, UNKNOWN, END]
    words = fit_tokenizer(
        "words", ["狗狗跑，狗", "T恤 跑"], language="zh", vocabulary=9, minimum_count=1
    )
    assert words.tokens[4:] == ["t恤", "狗", "狗狗跑", "跑"]


@pytest.mark.parametrize("kind", FITTED)
def test_captions_that_leave_nothing_to_say_are_refused(kind):
    with pytest.raises(
        UserError,
        match=r"^no word comes 4 times in the captions to learn .* a lower --minimum-count$",
    ):
        fit_tokenizer(
            kind, ["一只狗", "一只狗", "一只狗"], language="zh", vocabulary=9, minimum_count=4
        )


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
    tokenizer = pieces()
    whole = tokenizer.encode("A dog runs.")
    assert len(whole) > 5
    for longest in (1, 2, 3):
        assert tokenizer.encode("A dog runs.", longest) == whole[: longest + 1]


def test_decode_stops_at_the_end():
    tokenizer = fitted()
    assert tokenizer.decode([START, 4, 5, 8, END, 6, PAD]) == [
        Word("a", 1),
        Word("dog", 1),
        Word("runs", 1),
    ]
    assert texts(tokenizer, [START, 4, UNKNOWN, PAD, 6]) == ["a", "<unk>", "sleeps"]
    assert tokenizer.decode([END]) == []
    for caption in CAPTIONS:
        assert texts(tokenizer, tokenizer.encode(caption)) == words(caption)


@pytest.mark.parametrize(
    ("language", "cut"), [("en", words), ("ko", words), ("zh", characters), ("ja", characters)]
)
def test_what_is_encoded_is_decoded(language, cut):
    captions = IN_LANGUAGES[language]
    plain = fit_tokenizer(
        choose_kind(language, None), captions, language=language, vocabulary=100, minimum_count=1
    )
    bpe = fit_tokenizer("bpe", captions, language=language, vocabulary=200, minimum_count=1)
    few = fit_tokenizer(
        "bpe",
        captions * 2,
        language=language,
        vocabulary=len({*"".join(captions)}) + 6,
        minimum_count=2,
    )
    for caption in captions:
        assert texts(plain, plain.encode(caption)) == cut(caption)
        for tokenizer in (plain, bpe, few):
            numbers = tokenizer.encode(caption)
            assert UNKNOWN not in numbers
            decoded = tokenizer.decode(numbers)
            text = tokenizer.join_words([word.text for word in decoded])
            assert text == JOINERS[choose_unit(language)](cut(caption))
            assert cut(text) == cut(caption)
            assert sum(word.tokens for word in decoded) == len(numbers) - 2
    if cut is words:  # where there are spaces, byte-pair pieces make up the words between them
        for tokenizer in (bpe, few):
            assert [texts(tokenizer, tokenizer.encode(caption)) for caption in captions] == [
                *map(words, captions)
            ]


def test_neighbours_are_joined_the_commonest_first():
    """By hand: of `ab ab ab ac ca` the neighbours ▁a meet four times, then ▁ab three times; ▁ac once: too seldom."""
    captions = ["ab ab", "Ab, ac CA"]
    tokenizer = pieces(captions)
    assert tokenizer.tokens == [*SPECIAL_TOKENS, "a", "b", "c", "▁", "▁a", "▁ab"]
    assert tokenizer.encode("ab ac ba") == [START, 9, 8, 6, 7, 5, 4, END]
    assert tokenizer.decode([START, 9, 8, 6, 7, 5, 4, END]) == [
        Word("ab", 1),
        Word("ac", 2),
        Word("ba", 3),
    ]
    assert pieces(captions, vocabulary=5).tokens[4:] == ["a", "b", "c", "▁", "▁a"]
    assert {"▁ac", "▁ca"} < {*pieces(captions, minimum_count=1).tokens}
    assert pieces(captions, vocabulary=3).tokens[4:] == ["a", "b", "▁"]  # c is the rarest letter
    assert pieces(captions, minimum_count=3).tokens[4:] == ["a", "b", "▁", "▁a", "▁ab"]
    assert pieces(captions, minimum_count=3).encode("ac") == [START, 7, UNKNOWN, END]


@pytest.mark.parametrize("language", IN_LANGUAGES)
@pytest.mark.parametrize("vocabulary", [1, 7, 20, 60])
def test_there_are_never_more_pieces_than_asked_for(language, vocabulary):
    tokenizer = fit_tokenizer(
        "bpe", IN_LANGUAGES[language], language=language, vocabulary=vocabulary, minimum_count=1
    )
    assert len(tokenizer) <= len(SPECIAL_TOKENS) + vocabulary


@pytest.mark.parametrize(("written", "grouped"), [
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
def test_pieces_are_grouped_into_words(written, grouped):
    tokens = list(dict.fromkeys([*SPECIAL_TOKENS, *written.split()]))
    tokenizer = pieces(cut="characters")
    tokenizer.tokens = tokens
    assert tokenizer.decode(tokens.index(piece) for piece in written.split()) == grouped


def test_where_there_are_spaces_they_stay_beside_letters_of_scripts_without():
    captions = ["a sign says 犬 in red", "공원에 犬 있다"] * 2
    for tokenizer in (WordTokenizer.fit(captions, vocabulary=50), pieces(captions)):
        for caption in captions:
            decoded = texts(tokenizer, tokenizer.encode(caption))
            assert decoded == words(caption)
            assert tokenizer.join_words(decoded) == caption
    tokenizer = WordTokenizer.fit(["犬 dog cat 2"], vocabulary=9, kind="characters")
    assert tokenizer.join_words(["犬", "dog", "cat", "犬"]) == "犬dog cat犬"


def test_where_there_are_spaces_pieces_without_are_parts_of_words():
    tokenizer = pieces(["a犬b c"], minimum_count=1, vocabulary=5)
    assert tokenizer.decode(tokenizer.encode("a犬b c")) == [Word("a犬b", 4), Word("c", 2)]


def test_tokens_of_two_kinds_are_compared_in_the_spelling_of_byte_pairs():
    """The piece `a` stands within words: it is not the word `a`."""
    kept = set(fitted().spell_tokens()) & set(pieces(minimum_count=1).spell_tokens())
    assert kept == {*SPECIAL_TOKENS, "▁a", "▁dog", "▁sleeps", "▁cat", "▁runs", "▁the"}
    assert "a" in pieces().tokens and "a" in fitted().tokens
    assert fit_tokenizer(
        "characters", ["犬t恤"], language="zh", vocabulary=9, minimum_count=1
    ).spell_tokens()[4:] == ["▁t", "恤", "犬"]


def test_letters_that_were_never_seen_are_unknown_and_the_rest_of_the_word_is_not():
    tokenizer = pieces(minimum_count=1, vocabulary=16)  # no room for more than letters
    numbers = tokenizer.encode("The é zoo")
    assert [tokenizer.tokens[number] for number in numbers[1:-1]] == [
        *"▁the▁",
        "<unk>",
        "▁",
        "<unk>",
        *"oo",
    ]
    assert texts(tokenizer, numbers) == ["the", "<unk>", "<unk>oo"]
    assert UNKNOWN not in tokenizer.encode("a taco")  # a new word of known letters
    assert tokenizer.encode("<pad> <end>") == tokenizer.encode(
        "pad end"
    )  # no caption names the special ones
    assert tokenizer.encode(" ?! ") == [START, END]


FIT_MANY = """
import hashlib, json, sys
from pathlib import Path
from data.text.loading import fit_tokenizer
file, captions = Path(sys.argv[1]), json.load(sys.stdin)
whole = hashlib.sha256()
for most in range(5, 120, 3):
    fit_tokenizer("bpe", captions, language="ja", vocabulary=most, minimum_count=2).save(file)
    whole.update(file.read_bytes())
print(whole.hexdigest())
"""


def test_byte_pairs_are_the_same_in_every_process(tmp_path):
    """The library counts in threads and in tables whose order changes; many letters here are equally rare."""
    captions = json.dumps([caption for each in IN_LANGUAGES.values() for caption in each] * 2)
    told = {
        subprocess.run(
            [sys.executable, "-c", FIT_MANY, str(tmp_path / "vocabulary.json")],
            input=captions,
            text=True,
            capture_output=True,
            check=True,
            env={
                "PYTHONHASHSEED": seed,
                "RAYON_NUM_THREADS": seed,
                "PYTHONPATH": ":".join(sys.path),
            },
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1 and len(told.pop()) == 65


@pytest.mark.parametrize(
    ("kind", "language", "strange"),
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
def test_what_is_saved_is_loaded(tmp_path, kind, language, strange):
    tokenizer = fit_tokenizer(
        kind, IN_LANGUAGES[language], language=language, vocabulary=60, minimum_count=1
    )
    tokenizer.save(tmp_path / "vocabulary.json")
    assert json.loads((tmp_path / "vocabulary.json").read_text(encoding="utf-8"))["kind"] == kind
    loaded = load_tokenizer(tmp_path / "vocabulary.json")
    assert (type(loaded), loaded.kind, loaded.tokens) == (type(tokenizer), kind, tokenizer.tokens)
    for caption in (*IN_LANGUAGES[language], strange):
        numbers = tokenizer.encode(caption)
        assert loaded.encode(caption) == numbers
        assert loaded.decode(numbers) == tokenizer.decode(numbers)
    assert UNKNOWN in tokenizer.encode(strange)
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "vocabulary.json").read_bytes()


def test_the_words_of_a_vocabulary_can_be_read_in_its_file(tmp_path):
    tokenizer = WordTokenizer.fit(["빨간 개가 달린다", 'a "dog\'s" ball'], vocabulary=9)
    tokenizer.save(tmp_path / "vocabulary.json")
    assert json.loads((tmp_path / "vocabulary.json").read_text(encoding="utf-8")) == {
        "kind": "words",
        "words": [*SPECIAL_TOKENS, "a", "ball", "dog's", "개가", "달린다", "빨간"],
    }


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
def test_a_damaged_vocabulary_is_refused_with_its_name(tmp_path, content):
    (tmp_path / "vocabulary.json").write_bytes(content)
    with pytest.raises(UserError, match=r"vocabulary\.json is not a vocabulary of this program \("):
        load_tokenizer(tmp_path / "vocabulary.json")


@pytest.mark.parametrize("damage", [
    lambda inner: inner["model"]["vocab"].pop("c"),  # a number is left out
    lambda inner: inner["model"]["vocab"].update({"a": 1, "<unk>": 4}),  # the special ones elsewhere
    lambda inner: inner["model"].update(type="Nonsense"),
    lambda inner: inner["model"]["merges"].append(["x", "y"]),  # pieces that are not there
])  # fmt: skip
def test_damaged_byte_pairs_are_refused(tmp_path, damage):
    file = tmp_path / "vocabulary.json"
    pieces(["ab ab", "ab ac ca"]).save(file)
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert saved["cut"] == "words"
    assert load_tokenizer(file).tokens[4:8] == ["a", "b", "c", "▁"]
    damage(saved["tokenizer"])
    assert saved["tokenizer"] != json.loads(file.read_text(encoding="utf-8"))["tokenizer"]
    file.write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(UserError, match=r"vocabulary\.json is not a vocabulary of this program \("):
        load_tokenizer(file)


def test_a_missing_vocabulary_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"vocabulary\.json is not a vocabulary"):
        load_tokenizer(tmp_path / "vocabulary.json")


@pytest.mark.parametrize(
    ("language", "kind"),
    [
        ("en", "words"),
        ("ko", "words"),
        ("und", "words"),
        ("fr", "words"),
        ("zh", "characters"),
        ("ja", "characters"),
        ("th", "characters"),
    ],
)
def test_the_kind_that_is_not_asked_for_suits_the_language(language, kind):
    assert choose_kind(language, None) == kind
    assert choose_kind(language, "bpe") == "bpe"
    assert choose_kind(language, "words") == "words"


def test_a_kind_that_does_not_suit_or_that_there_is_not_is_refused():
    with pytest.raises(
        UsageError,
        match=r"characters is for languages without spaces .* \(ko\) take words or bpe",
    ):
        choose_kind("ko", "characters")
    with pytest.raises(UsageError, match="unknown tokenizer 'bpee'; did you mean 'bpe'"):
        choose_kind("en", "bpee")


@pytest.mark.parametrize("kind", FITTED)
def test_every_kind_has_its_lengths_and_is_fitted(kind):
    assert LENGTHS.keys() == TOKEN_NAMES.keys() == {*FITTED, "gpt2"}
    tokenizer = fit_tokenizer(kind, ["一只狗"], language="zh", vocabulary=50, minimum_count=1)
    assert (tokenizer.kind, tokenizer.token_name) == (kind, "pieces" if kind == "bpe" else kind)
    assert texts(tokenizer, tokenizer.encode("一只狗")) == (
        ["一", "只", "狗"] if kind == "characters" else ["一只狗"]
    )
