"""Captions as words or characters."""

import json

from data.text.language import split_words
from data.text.loading import fit_tokenizer
from data.text.tokenizer import END, PAD, SPECIAL_TOKENS, START, UNKNOWN, Word
from data.text.word_tokenizer import WordTokenizer
from tests.helpers.tokenizers import CAPTIONS, decode_texts, fit_words


def test_fit_keeps_the_most_common_words():
    by_count_then_letter = ["a", "dog", "sleeps", "cat", "runs", "the"]
    assert fit_words().tokens[4:] == by_count_then_letter
    assert fit_words(vocabulary=3).tokens[4:] == ["a", "dog", "sleeps"]
    assert fit_words(minimum_count=2).tokens[4:] == ["a", "dog", "sleeps"]
    assert fit_words(minimum_count=3, vocabulary=1).tokens[4:] == ["a"]
    assert len(fit_words()) == 10


def test_tokens_are_characters_on_request():
    captions = ["狗狗跑，狗", "T恤 跑"]
    options = {"language": "zh", "vocabulary": 9, "minimum_count": 1}
    characters = fit_tokenizer("characters", captions, **options)
    assert characters.tokens[4:] == ["狗", "跑", "t", "恤"]
    assert characters.encode("跑T恤猫") == [START, 5, 6, 7, UNKNOWN, END]
    words = fit_tokenizer("words", captions, **options)
    assert words.tokens[4:] == ["t恤", "狗", "狗狗跑", "跑"]


def test_words_that_were_not_fitted_are_unknown():
    assert fit_words().encode("A horse sleeps") == [START, 4, UNKNOWN, 6, END]
    assert fit_words(minimum_count=2).encode("the cat") == [START, UNKNOWN, UNKNOWN, END]


def test_decode_stops_at_the_end_token():
    tokenizer = fit_words()
    words = [Word("a", 1), Word("dog", 1), Word("runs", 1)]
    assert tokenizer.decode([START, 4, 5, 8, END, 6, PAD]) == words
    assert decode_texts(tokenizer, [START, 4, UNKNOWN, PAD, 6]) == ["a", "<unk>", "sleeps"]
    assert tokenizer.decode([END]) == []
    for caption in CAPTIONS:
        assert decode_texts(tokenizer, tokenizer.encode(caption)) == split_words(caption)


def test_words_keep_spaces_beside_unspaced_letters():
    captions = ["a sign says 犬 in red", "공원에 犬 있다"] * 2
    tokenizer = fit_words(captions, vocabulary=50)
    for caption in captions:
        words = decode_texts(tokenizer, tokenizer.encode(caption))
        assert words == split_words(caption)
        assert tokenizer.join_words(words) == caption


def test_characters_drop_spaces_beside_unspaced_letters():
    tokenizer = WordTokenizer.fit(["犬 dog cat 2"], vocabulary=9, kind="characters")
    assert tokenizer.join_words(["犬", "dog", "cat", "犬"]) == "犬dog cat犬"


def test_characters_are_spelled_without_the_mark():
    tokenizer = WordTokenizer.fit(["犬t恤"], vocabulary=9, kind="characters")
    assert tokenizer.spell_tokens()[4:] == ["▁t", "恤", "犬"]


def test_words_can_be_read_in_the_saved_file(tmp_path):
    tokenizer = WordTokenizer.fit(["빨간 개가 달린다", 'a "dog\'s" ball'], vocabulary=9)
    tokenizer.save(tmp_path / "vocabulary.json")
    assert json.loads((tmp_path / "vocabulary.json").read_text(encoding="utf-8")) == {
        "kind": "words",
        "words": [*SPECIAL_TOKENS, "a", "ball", "dog's", "개가", "달린다", "빨간"],
    }
