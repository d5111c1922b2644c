"""The vocabulary of an earlier run joined with that of new captions, and which words are alike."""

from data.text.combining import combine_vocabularies, find_similar_tokens
from data.text.tokenizer import SPECIAL_TOKENS, UNKNOWN
from data.text.word_tokenizer import WordTokenizer
from tests.helpers.tokenizers import fit_pieces


def test_new_words_follow_the_known_ones():
    known = WordTokenizer([*SPECIAL_TOKENS, "a", "dog", "runs"])
    fitted = WordTokenizer([*SPECIAL_TOKENS, "dog", "zebra", "a", "sink"])
    both = combine_vocabularies(known, fitted)
    assert both.tokens == [*SPECIAL_TOKENS, "a", "dog", "runs", "zebra", "sink"]
    assert both.encode("a dog runs") == known.encode("a dog runs")
    assert both.kind == "words"


def test_characters_stay_characters():
    known = WordTokenizer([*SPECIAL_TOKENS, "一", "只"], "characters")
    both = combine_vocabularies(known, WordTokenizer([*SPECIAL_TOKENS, "狗"], "characters"))
    assert (both.kind, both.tokens[4:]) == ("characters", ["一", "只", "狗"])


def test_byte_pairs_get_missing_letters_and_no_new_pieces():
    known = fit_pieces(["ab ab", "ab ac"])
    both = combine_vocabularies(known, fit_pieces(["zab zab zab"]))
    assert both.tokens == [*known.tokens, "z"]
    assert both.encode("ab ac") == known.encode("ab ac")
    assert UNKNOWN in known.encode("zab")
    assert UNKNOWN not in both.encode("zab")


def test_the_longest_stem_is_alike():
    known = ["▁snow", "▁snowboard", "▁snowboarder", "▁star", "▁a"]
    similar = find_similar_tokens(["▁snowboards", "▁starting"], known, [])
    # snow is too short a part of it, and star too short a part of starting.
    assert similar == {"▁snowboards": {"▁snowboard": 1, "▁snowboarder": 1}}


def test_without_a_stem_the_neighbours_are_alike():
    captions = [
        ["<start>", "▁a", "▁sink", "▁stands", "<end>"],
        ["<start>", "▁a", "▁sink", "<end>"],
        ["<start>", "▁new", "▁sink", "▁tap", "<end>"],
    ]
    similar = find_similar_tokens(["▁sink", "▁new", "▁a"], ["▁a", "▁stands"], captions)
    assert similar == {"▁sink": {"▁a": 2, "▁stands": 1}}
