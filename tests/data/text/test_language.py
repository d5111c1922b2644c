"""Captions in several scripts: their words, characters and spaces, and their language."""

import random
import unicodedata

import pytest

from data.text.language import (
    JOINERS,
    LANGUAGE_NAMES,
    SPLITTERS,
    choose_unit,
    describe_wrong_language,
    detect_language,
    find_other_languages,
    has_unspaced_start,
    is_wrong_language,
    join_characters,
    normalize_language,
    split_characters,
    split_words,
)


@pytest.mark.parametrize(("caption", "expected"), [
    ("A dog, running -- fast!", ["a", "dog", "running", "fast"]),
    ("The dog's 'big' ball isn't his .", ["the", "dog's", "big", "ball", "isn't", "his"]),
    ("The dog’s ball", ["the", "dog's", "ball"]),
    ("the dogs' bowl", ["the", "dogs", "bowl"]),
    ("a T-shirt with a 3.5 on it.", ["a", "t-shirt", "with", "a", "3.5", "on", "it"]),
    ("snake_case <pad> <start>", ["snake", "case", "pad", "start"]),
    ("“the dog”…cat—mouse", ["the", "dog", "cat", "mouse"]),
    ("빨간 개가 공 위에 있다.", ["빨간", "개가", "공", "위에", "있다"]),
    ("ㅋㅋ T-셔츠, 2마리", ["ㅋㅋ", "t-셔츠", "2마리"]),
    ("ÉCOLE straße", ["école", "straße"]),
    ("İstanbul ISTANBUL", ["istanbul", "istanbul"]),
    ("Собака БЕЖИТ", ["собака", "бежит"]),
    ("2,000 dogs, 3,5 m", ["2,000", "dogs", "3,5", "m"]),
    ("half\u00adhidden non\u2011stop", ["halfhidden", "non-stop"]),
    ("कुत्ता दौड़ता है।", ["कुत्ता", "दौड़ता", "है"]),  # the marks belong to their letters
    ("كَلْبٌ يجري؟", ["كَلْبٌ", "يجري"]),
    ("a dog 🐕 👩‍👧 runs", ["a", "dog", "runs"]),
    (" .,!? ", []),
    ("", []),
])  # fmt: skip
def test_split_words(caption, expected):
    assert split_words(caption) == [unicodedata.normalize("NFC", word) for word in expected]
    assert split_words(unicodedata.normalize("NFD", caption)) == split_words(caption)
    if not any(map(has_unspaced_start, caption)):
        assert split_characters(caption) == split_words(caption)


@pytest.mark.parametrize(("caption", "expected"), [
    ("一只狗在草地上跑，很快！", "一 只 狗 在 草 地 上 跑 很 快"),
    ("「中文」（括号）", "中 文 括 号"),
    ("犬が走っている。", "犬 が 走 っ て い る"),
    ("犬とdogが2匹 T-shirtを着た", "犬 と dog が 2 匹 t-shirt を 着 た"),
    ("コーヒー 人々 〇", "コ ー ヒ ー 人 々 〇"),
    ("ｶﾞｲﾄﾞ ＡＢＣ １２３", "ガ イ ド abc 123"),
    ("東京タワー2020年3.5", "東 京 タ ワ ー 2020 年 3.5"),
    ("一 只\u3000狗", "一 只 狗"),
    ("葛\U000e0100飾", "葛\U000e0100 飾"),  # with the mark that chooses its form
    ("๒ หมา", "๒ ห ม า"),
    ("개가 犬 dog", "개가 犬 dog"),
])  # fmt: skip
def test_split_characters(caption, expected):
    assert split_characters(caption) == expected.split(" ")
    assert split_characters(unicodedata.normalize("NFD", caption)) == expected.split(" ")


def test_composed_and_decomposed_letters_are_equal():
    for text in ("고양이 한 마리", "un café", "ガイドが走る"):
        decomposed = unicodedata.normalize("NFD", text)
        assert decomposed != text
        assert split_words(decomposed) == split_words(text) == text.split()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("かﾞ", "が"),
        ("Ａ\u0301", "á"),
        ("J\u030corn", "ǰorn"),
        ("H\u0331", "ẖ"),
        ("İ", "i"),
        ("I\u0307", "i"),
        ("Ａ’Ｂ", "a'b"),
    ],
)
def test_words_are_composed(one, other):
    assert split_words(one) == split_characters(one) == [unicodedata.normalize("NFC", other)]


@pytest.mark.parametrize(("pieces", "text"), [
    (["a", "dog", "runs"], "a dog runs"),
    (["빨간", "개가"], "빨간 개가"),
    (["犬", "が", "走", "る"], "犬が走る"),
    (["犬", "と", "dog", "cat", "が", "2", "匹"], "犬とdog catが2匹"),
    (["穿", "t", "恤"], "穿t恤"),
    (["dog", "ー"], "dogー"),
    (["개", "犬が", "dog"], "개犬がdog"),
    (["dog"], "dog"),
    ([], ""),
])  # fmt: skip
def test_join_characters(pieces, text):
    assert join_characters(pieces) == text


def test_split_characters_reverses_join_characters():
    rng = random.Random(0)
    letters = "ab É 12 '-. ,、。 개가 犬狗一 がっカー々 หมา \u3099\u0301"
    for _ in range(2000):
        caption = "".join(rng.choices(letters, k=rng.randint(0, 12)))
        pieces = split_characters(caption)
        text = join_characters(pieces)
        assert split_characters(text) == pieces, caption
        assert join_characters(split_characters(text)) == text


@pytest.mark.parametrize(("captions", "language"), [
    (["A dog runs.", "two cats"], "en"),
    (["Un chien court à l'école"], "en"),
    (["빨간 개가 달린다", "개"], "ko"),
    (["T-shirt를 입은 남자가 있다"], "ko"),
    (["一只狗在草地上跑"], "zh"),
    (["穿T恤的人"], "zh"),
    (["犬が草の上を走る"], "ja"),
    (["東京都庁の前の犬", "ﾈｺ"], "ja"),
    (["หมาวิ่ง"], "th"),
    (["Собака бежит"], "und"),
    (["12", ""], "und"),
    ([], "und"),
    (["a dog beside a sign that says 犬"], "en"),  # a few letters of another script do not count
    (["개가 달린다 犬", "개"], "ko"),
    (["國漢文混用 개가 뛴다"], "ko"),
])  # fmt: skip
def test_detect_language(captions, language):
    composed = [unicodedata.normalize("NFC", caption) for caption in captions]
    assert detect_language(iter(captions)) == language
    assert detect_language(composed) == language
    assert language in LANGUAGE_NAMES


@pytest.mark.parametrize(
    ("requested", "detected", "is_wrong"),
    [
        ("ko", "ko", False),
        ("ko", "en", True),
        ("en", "ko", True),
        ("zh", "ja", True),
        ("fr", "en", False),
        ("ru", "und", False),
        ("en", "und", False),
        ("ja", "und", True),
    ],
)
def test_letters_of_a_wrong_language(requested, detected, is_wrong):
    assert is_wrong_language(requested, detected) is is_wrong


@pytest.mark.parametrize(
    ("language", "split"),
    [
        ("en", split_words),
        ("ko", split_words),
        ("und", split_words),
        ("fr", split_words),
        ("zh", split_characters),
        ("ja", split_characters),
        ("th", split_characters),
    ],
)
def test_the_unit_suits_the_language(language, split):
    assert SPLITTERS[choose_unit(language)] is split


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("ko", "ko"),
        ("zh-TW", "zh"),
        ("zh_Hans_CN", "zh"),
        ("ZH", "zh"),
        ("yue", "zh"),
        ("cmn", "zh"),
        ("jp", "ja"),
        ("ja-JP", "ja"),
        ("jpn", "ja"),
        ("en-GB", "en"),
        ("eng", "en"),
        ("kor", "ko"),
        ("fr", "fr"),
        ("und", "und"),
    ],
)
def test_other_codes_of_a_language(code, language):
    assert normalize_language(code) == language
    assert choose_unit(code) == choose_unit(language)
    assert not is_wrong_language(code, language)
    assert is_wrong_language(code, "th")


def test_words_keep_their_spaces():
    assert JOINERS["words"](["a", "犬", "sign"]) == "a 犬 sign"
    assert JOINERS["characters"](["a", "犬", "sign"]) == "a犬sign"
    assert JOINERS.keys() == SPLITTERS.keys()


def test_has_unspaced_start():
    unspaced = [letter for letter in "a개犬がカーหé2'々" if has_unspaced_start(letter)]
    assert unspaced == list("犬がカーห々")
    assert has_unspaced_start("犬dog")
    assert not has_unspaced_start("dog犬")
    assert not has_unspaced_start("")


def test_find_other_languages():
    mixed = ["a dog", "a cat", "개가 있다", "犬がいる", "犬", "123"]
    others = find_other_languages(mixed, "en")
    assert others == pytest.approx({"ko": 1 / 6, "ja": 1 / 6, "zh": 1 / 6})
    others = find_other_languages(mixed, "ja")  # Japanese without kana looks Chinese
    assert others == pytest.approx({"en": 2 / 6, "ko": 1 / 6})
    assert find_other_languages(["개가 있다"], "ko") == {}


def test_describe_wrong_language():
    assert describe_wrong_language("photos.csv", None, "ko") is None
    assert describe_wrong_language("photos.csv", "en-GB", "en") is None
    warning = describe_wrong_language("photos.csv", "en-GB", "ko")
    assert warning == "photos.csv has no captions in English; by their letters they are Korean"
