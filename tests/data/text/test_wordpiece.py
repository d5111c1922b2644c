"""BERT's word pieces: its rules on a small vocabulary."""

import json

import pytest

from data.text.loading import load_tokenizer
from data.text.tokenizer import END, SPECIAL_TOKENS, START, UNKNOWN, Word
from data.text.wordpiece import load_word_pieces
from presets import LENGTHS
from utils.errors import UserError

PIECES = [
    "[PAD]",
    "a",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "dog",
    "##s",
    "run",
    "##ning",
    ",",
    ".",
    "'",
    "s",
]
# The network has two word vectors more, and the first of them is its start.
NUMBERS = {"pad": 0, "start": 13, "end": 4, "rows": 15}
# The tokens' numbers here.
A, CLS, DOG, S_PIECE, RUN, NING, COMMA, STOP, SIGN, S, EXTRA = range(4, 15)


def write_vocabulary(folder, pieces=PIECES, **settings):
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def write_tokenizer_file(folder, tokenizer):
    tokenizer.save(folder / "vocabulary.json")
    saved = json.loads((folder / "vocabulary.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(saved["tokenizer"]))


@pytest.fixture
def tokenizer(tmp_path):
    write_vocabulary(tmp_path)
    return load_word_pieces(tmp_path, **NUMBERS)


def test_pieces_follow_the_special_tokens(tokenizer):
    pieces = ["a", "[CLS]", "dog", "##s", "run", "##ning", ",", ".", "'", "s", "[14]"]
    assert tokenizer.tokens == [*SPECIAL_TOKENS, *pieces]
    assert tokenizer.pretrained_ids == [0, 2, 13, 4, 1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 14]
    assert len(tokenizer) == 15
    assert tokenizer.token_name == "pieces"
    assert LENGTHS["wordpiece"] == LENGTHS["bpe"]


def test_captions_are_cleaned_then_split_into_pieces(tokenizer):
    """Case and accents are dropped, as BERT does; a word of unknown letters is unknown."""
    assert tokenizer.encode("Dogs, rúnning!") == [START, DOG, S_PIECE, RUN, NING, END]
    assert tokenizer.encode("a dog's") == [START, A, DOG, SIGN, S, END]
    assert tokenizer.encode("a cat") == [START, A, UNKNOWN, END]
    assert tokenizer.encode("Dogs running", 3) == [START, DOG, S_PIECE, RUN]


def test_a_prompt_keeps_its_punctuation(tokenizer):
    assert tokenizer.encode_prompt("A dog, running.") == [A, DOG, COMMA, RUN, NING, STOP]
    assert tokenizer.encode_prompt("[SEP]") == [END]


def test_decode_joins_pieces_into_words(tokenizer):
    numbers = [START, A, DOG, S_PIECE, RUN, NING, END, A]
    assert tokenizer.decode(numbers) == [Word("a", 1), Word("dogs", 2), Word("running", 2)]
    # The first piece of a caption keeps its marks: there is no word that it could continue.
    assert tokenizer.decode([S_PIECE, S_PIECE]) == [Word("##ss", 2)]


def test_silent_tokens_belong_to_the_word_before(tokenizer):
    """So that the tokens of a word stay together, and attention is shown by word."""
    assert tokenizer.decode([DOG, CLS, S_PIECE, A]) == [Word("dogs", 3), Word("a", 1)]
    assert tokenizer.decode([CLS, EXTRA, S_PIECE]) == [Word("", 2), Word("##s", 1)]


def test_sentences_have_no_space_before_signs(tmp_path, tokenizer):
    words = ["a", "dog", "'", "s", ",", "running", "."]
    assert tokenizer.join_words(words) == "a dog's, running."
    write_vocabulary(tmp_path, clean_up_tokenization_spaces=False)
    assert load_word_pieces(tmp_path, **NUMBERS).join_words(words) == "a dog ' s, running."


def test_pieces_have_the_spelling_of_byte_pairs(tokenizer):
    spelled = ["▁a", "▁[CLS]", "▁dog", "s", "▁run", "ning", "▁,", "▁.", "▁'", "▁s", "▁[14]"]
    assert tokenizer.spell_tokens() == [*SPECIAL_TOKENS, *spelled]


def test_saved_tokenizers_are_loaded(tmp_path, tokenizer):
    tokenizer.save(tmp_path / "vocabulary.json")
    loaded = load_tokenizer(tmp_path / "vocabulary.json")
    assert loaded.kind == "wordpiece"
    assert loaded.tokens == tokenizer.tokens
    assert loaded.pretrained_ids == tokenizer.pretrained_ids
    assert loaded.encode("Dogs, running") == tokenizer.encode("Dogs, running")
    assert loaded.decode([DOG, CLS]) == [Word("dog", 2)]
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "vocabulary.json").read_bytes()


def test_the_librarys_file_is_preferred(tmp_path, tokenizer):
    write_tokenizer_file(tmp_path, tokenizer)
    (tmp_path / "vocab.txt").unlink()
    loaded = load_word_pieces(tmp_path, **NUMBERS)
    assert loaded.tokens == tokenizer.tokens
    assert loaded.encode("a Dog's") == tokenizer.encode("a Dog's")


def test_settings_of_the_tokenizer_are_followed(tmp_path):
    write_vocabulary(tmp_path, [*PIECES, "Dog"], do_lower_case=False)
    tokenizer = load_word_pieces(tmp_path, **(NUMBERS | {"start": 14}))
    assert tokenizer.encode_prompt("a Dog") == [A, tokenizer.tokens.index("Dog")]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"rows": 12}, r"vocab\.txt .* \(13 word pieces do not fit 12 word vectors\)"),
        ({"start": 15}, r"vocab\.txt .* \(the token start, 15, is not among 15 word vectors\)"),
        ({"end": 5}, r"vocab\.txt .* \(the token end, 5, is the piece 'dog'\)"),
    ],
)
def test_vocabularies_of_other_networks_are_rejected(tmp_path, numbers, message):
    write_vocabulary(tmp_path)
    with pytest.raises(UserError, match=message):
        load_word_pieces(tmp_path, **(NUMBERS | numbers))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vocab.txt", "a\nb\n", r"vocab\.txt does not hold the word pieces"),
        ("tokenizer.json", "{", r"tokenizer\.json does not hold the word pieces"),
        ("tokenizer.json", "[]", r"tokenizer\.json does not hold the word pieces"),
        ("tokenizer.json", '{"model": {"type": "BPE"}}', "its pieces must be WordPiece, not BPE"),
        ("tokenizer_config.json", "{", r"tokenizer_config\.json cannot be read"),
        ("tokenizer_config.json", "3", r"tokenizer_config\.json cannot be read"),
    ],
)
def test_damaged_vocabularies_are_rejected(tmp_path, name, content, message):
    write_vocabulary(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        load_word_pieces(tmp_path, **NUMBERS)


def test_a_missing_vocabulary_is_rejected(tmp_path):
    with pytest.raises(UserError, match=r"must have tokenizer\.json or vocab\.txt"):
        load_word_pieces(tmp_path, **NUMBERS)
