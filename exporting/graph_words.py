"""Tokens → words and sentences in core TensorFlow operations, equal to those of `Captioner`."""

from collections.abc import Callable

import tensorflow as tf

from data.text.tokenizer import END, SPECIAL_TOKENS, Tokenizer
from exporting.joining import describe_joining


def make_words_reader(tokenizer: Tokenizer) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Return a function from tokens (…, T) int32 to their texts (…, T) and the sentences (…).

    The texts of tokens are words, letters, or pieces of words, of which those that begin a word
    begin with ▁. From the end on they are empty.
    """
    joining = describe_joining(tokenizer)
    encoding = "latin-1" if joining["is_bytes"] else "utf-8"
    names = tf.constant(_name_tokens(tokenizer))
    texts = tf.constant([text.encode(encoding) for text in joining["texts"]])

    def read(tokens: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        is_end = tf.cast(tokens == END, tf.int32)
        is_before_end = tf.cumsum(is_end, axis=-1) == 0
        numbers = tf.where(is_before_end, tokens, END)
        sentence = tf.strings.reduce_join(tf.gather(texts, numbers), axis=-1)
        if joining["is_bytes"]:
            sentence = tf.strings.unicode_transcode(sentence, "UTF-8", "UTF-8", errors="replace")
        for pattern, replacement in joining["replacements"]:
            sentence = tf.strings.regex_replace(sentence, pattern, replacement)
        return tf.gather(names, numbers), sentence

    return read


def _name_tokens(tokenizer: Tokenizer) -> list[str]:
    names = tokenizer.tokens
    if tokenizer.token_name == "pieces":
        names = tokenizer.spell_tokens()
    return ["" if name in SPECIAL_TOKENS else name for name in names]
