"""The contract, which every kind of tokenizer keeps."""

import pytest

from config import FITTED_TOKENIZERS as FITTED
from data.text.kinds import choose_kind
from data.text.language import JOINERS, choose_unit, split_characters, split_words
from data.text.loading import fit_tokenizer
from data.text.tokenizer import END, PAD, SPECIAL_TOKENS, START, TOKEN_NAMES, UNKNOWN
from presets import LENGTHS
from tests.helpers.tokenizers import CAPTIONS_BY_LANGUAGE, decode_texts, fit_pieces, fit_words


def test_special_tokens_come_first():
    assert tuple(fit_words().tokens[:4]) == SPECIAL_TOKENS
    assert SPECIAL_TOKENS == ("<pad>", "<unk>", "<start>", "<end>")
    assert (PAD, UNKNOWN, START, END) == (0, 1, 2, 3)


@pytest.mark.parametrize(("max_length", "numbers"), [
    (None, [START, 4, 5, 8, END]),
    (3, [START, 4, 5, 8, END]),
    (2, [START, 4, 5]),
    (1, [START, 4]),
])  # fmt: skip
def test_long_captions_are_cut_and_have_no_end(max_length, numbers):
    assert fit_words().encode("A dog runs.", max_length) == numbers


def test_long_captions_of_pieces_are_cut_too():
    tokenizer = fit_pieces()
    whole = tokenizer.encode("A dog runs.")
    assert len(whole) > 5
    for max_length in (1, 2, 3):
        assert tokenizer.encode("A dog runs.", max_length) == whole[: max_length + 1]


@pytest.mark.parametrize(
    ("language", "split"),
    [("en", split_words), ("ko", split_words), ("zh", split_characters), ("ja", split_characters)],
)
def test_decode_reverses_encode(language, split):
    captions = CAPTIONS_BY_LANGUAGE[language]
    by_unit = fit_tokenizer(
        choose_kind(language, None), captions, language=language, vocabulary=100, minimum_count=1
    )
    many_pieces = fit_tokenizer("bpe", captions, language=language, vocabulary=200, minimum_count=1)
    few_pieces = fit_tokenizer(
        "bpe",
        captions * 2,
        language=language,
        vocabulary=len(set("".join(captions))) + 6,
        minimum_count=2,
    )
    for caption in captions:
        assert decode_texts(by_unit, by_unit.encode(caption)) == split(caption)
        for tokenizer in (by_unit, many_pieces, few_pieces):
            numbers = tokenizer.encode(caption)
            assert UNKNOWN not in numbers
            words = tokenizer.decode(numbers)
            text = tokenizer.join_words([word.text for word in words])
            assert text == JOINERS[choose_unit(language)](split(caption))
            assert split(text) == split(caption)
            assert sum(word.tokens for word in words) == len(numbers) - 2
            if split is split_words:
                assert [word.text for word in words] == split_words(caption)


def test_kinds_share_the_spelling_of_byte_pairs():
    """The piece `a` is a part of words: it is not the word `a`."""
    words = fit_words()
    pieces = fit_pieces(minimum_count=1)
    shared = set(words.spell_tokens()) & set(pieces.spell_tokens())
    assert shared == {*SPECIAL_TOKENS, "▁a", "▁dog", "▁sleeps", "▁cat", "▁runs", "▁the"}
    assert "a" in fit_pieces().tokens
    assert "a" in words.tokens


@pytest.mark.parametrize("kind", FITTED)
def test_every_kind_has_lengths_and_a_token_name(kind):
    assert LENGTHS.keys() == TOKEN_NAMES.keys() == {*FITTED, "gpt2", "wordpiece"}
    tokenizer = fit_tokenizer(kind, ["一只狗"], language="zh", vocabulary=50, minimum_count=1)
    assert (tokenizer.kind, tokenizer.token_name) == (kind, "pieces" if kind == "bpe" else kind)
    words = decode_texts(tokenizer, tokenizer.encode("一只狗"))
    assert words == (["一", "只", "狗"] if kind == "characters" else ["一只狗"])
