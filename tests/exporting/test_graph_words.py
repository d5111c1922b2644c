"""Sentences are joined in a graph, and by plain data, as the captioner joins them."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tokenizers import pre_tokenizers

from data.text.gpt2 import GPT2Tokenizer, read_vocabulary
from data.text.loading import fit_tokenizer
from data.text.tokenizer import END, PAD, START, UNKNOWN
from data.text.wordpiece import load_word_pieces
from exporting.graph_words import make_words_reader
from exporting.joining import describe_joining, join
from tests.helpers.tokenizers import CAPTIONS_BY_LANGUAGE

FIXTURES = Path(__file__).parents[1] / "fixtures"
MORE_CAPTIONS = {
    "en": ["a dog isn't here", "it ' s 3.5 m, well-known", "x.y z"],
    "ko": ["개 2마리가 T-shirt 옆에", "강아지가 뛰어간다"],
    "zh": ["两辆蓝色的bus在street 上", "a 狗 b"],
    "ja": ["青い2台のバスがある", "ラーメンを食べる a b 女の人", "がぎぐ ab ー c"],
    "th": ["สุนัขกำลังวิ่งบนชายหาด", "ผู้ชายใส่เสื้อสีแดง T-shirt สอง ตัว", "a ที่ b"],
}
CAPTIONS = {
    language: [*CAPTIONS_BY_LANGUAGE.get(language, []), *more]
    for language, more in MORE_CAPTIONS.items()
}
FITTED = [
    *[("words", "en"), ("words", "ko")],
    *[("characters", language) for language in ("ja", "zh", "th")],
    *[("bpe", language) for language in CAPTIONS],
]
STEPS = 40


def fit(kind, language):
    return fit_tokenizer(
        kind, CAPTIONS[language], language=language, vocabulary=150, minimum_count=1
    )


def load_gpt2(unit):
    return GPT2Tokenizer(*read_vocabulary(FIXTURES / "vit_gpt2"), unit)


def load_bert():
    return load_word_pieces(FIXTURES / "git", pad=0, start=101, end=102, rows=30522)


def make_byte_pieces(unit):
    """Return a tokenizer in whose random texts most letters are damaged."""
    letters = pre_tokenizers.ByteLevel.alphabet()
    pieces = ["<|endoftext|>", *sorted(letters), "ĠĠ", "Ġa", "ĊĠ", "Âł", "ç", "çĬ¬", "ĠçĬ¬"]
    unique = list(dict.fromkeys(pieces))
    return GPT2Tokenizer({piece: number for number, piece in enumerate(unique)}, [], unit)


TOKENIZERS = {
    "gpt2 en": lambda: load_gpt2("words"),
    "gpt2 ko": lambda: load_gpt2("words"),
    "gpt2 ja": lambda: load_gpt2("characters"),
    "gpt2 of bytes en": lambda: make_byte_pieces("words"),
    "gpt2 of bytes th": lambda: make_byte_pieces("characters"),
    "wordpiece en": load_bert,
}
for kind, language in FITTED:
    TOKENIZERS[f"{kind} {language}"] = functools.partial(fit, kind, language)


def draw_rows(tokenizer, captions):
    """Return tokens (N, T): captions, then random ones, with special tokens among them."""
    random = np.random.default_rng(0)
    rows = np.zeros((len(captions) + 200, STEPS), np.int32)
    for row, caption in zip(rows, captions, strict=False):
        numbers = tokenizer.encode(caption)[1:][:STEPS]
        row[: len(numbers)] = numbers
    for row in rows[len(captions) :]:
        length = random.integers(0, STEPS)
        row[:length] = random.integers(END + 1, len(tokenizer), length)
        row[length] = END
        row[length + 1 :] = random.integers(0, len(tokenizer), STEPS - length - 1)
    rows[-40:, 3] = UNKNOWN
    rows[-20:, 2] = PAD
    rows[-10:, 1] = START
    return rows


def join_as_captioner(tokenizer, row):
    words = [word.text for word in tokenizer.decode(row)]
    return tokenizer.join_words([word for word in words if word])


@pytest.mark.parametrize("name", TOKENIZERS)
def test_sentences_are_those_of_the_captioner(name):
    tokenizer = TOKENIZERS[name]()
    rows = draw_rows(tokenizer, CAPTIONS[name.split()[-1]])
    wanted = [join_as_captioner(tokenizer, row) for row in rows]
    joining = json.loads(json.dumps(describe_joining(tokenizer)))
    assert [join(row.tolist(), joining) for row in rows] == wanted
    _, sentences = make_words_reader(tokenizer)(tf.constant(rows))
    assert [sentence.decode() for sentence in sentences.numpy()] == wanted


def test_texts_of_tokens_end_with_the_caption():
    tokenizer = fit("bpe", "en")
    rows = np.array([[[*tokenizer.encode("A dog runs.")[1:], 9, PAD]]], np.int32)
    names, sentences = make_words_reader(tokenizer)(tf.constant(rows))
    assert sentences.shape == rows.shape[:2]
    names = [name.decode() for name in names.numpy()[0, 0]]
    assert "".join(names) == "▁a▁dog▁runs"
    assert names[-3:] == ["", "", ""]


def test_words_are_named_without_a_mark():
    tokenizer = fit("words", "en")
    names, _ = make_words_reader(tokenizer)(tf.constant([[4, UNKNOWN, END]]))
    assert names.numpy()[0].tolist() == [tokenizer.tokens[4].encode(), b"", b""]


def test_a_description_is_small():
    """It is written into a JSON file beside the model; words alone need a word each."""
    joining = describe_joining(fit("words", "ko"))
    assert joining["texts"][:5] == ["", " <unk>", "", "", " " + fit("words", "ko").tokens[4]]
    assert joining["replacements"] == [["^ ", ""]]
    assert joining["end"] == END and not joining["is_bytes"]
