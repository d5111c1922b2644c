"""Tokens → sentence by plain data, for programs that have no tokenizer.

A description gives the text of each token and a few replacements in the joined texts, by regular
expressions that Python and RE2 understand alike.
"""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

from data.text.byte_pairs import BytePairTokenizer
from data.text.gpt2 import GPT2Tokenizer
from data.text.language import has_unspaced_end, has_unspaced_start
from data.text.tokenizer import END, PAD, START, WORD_START, Tokenizer
from data.text.wordpiece import WordPieceTokenizer

Replacements = list[tuple[str, str]]

# Stands where no space belongs: beside a letter of a script without spaces, or inside a word.
_NO_SPACE = "\0"
_DROP_SPACES = [(r"[ \x00]*\x00[ \x00]*", ""), (" +", " "), ("^ | $", "")]
# What Python's str.strip takes away.
_WHITESPACE = "[\t-\r\x1c-\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*"
_WORD_MARK = "\ue000"  # begins a word of GPT-2; a character that nobody has given a meaning
_BERT_JOIN = [(r"^\x00", ""), (r"\x00##", ""), ("^ ", "")]
_LAST_CODE_POINT = 0x3FFFF  # no letters follow


def describe_joining(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return what `join` needs to turn a tokenizer's numbers into the sentence of `Captioner`.

    `texts` has the text of each token, in which `is_bytes` says that a character stands for a
    byte. `replacements` are pairs of a regular expression and a text, in their order.
    """
    texts, replacements = _DESCRIBE[tokenizer.kind](tokenizer)
    for silent in (PAD, START, END):
        texts[silent] = ""
    return {
        "end": END,
        "texts": texts,
        "is_bytes": tokenizer.kind == "gpt2",
        "replacements": [list(pair) for pair in replacements],
    }


def join(tokens: Sequence[int], joining: dict[str, Any]) -> str:
    """Return the sentence of a row of tokens, by a description."""
    tokens = list(tokens)
    if joining["end"] in tokens:
        tokens = tokens[: tokens.index(joining["end"])]
    text = "".join(joining["texts"][token] for token in tokens)
    if joining["is_bytes"]:
        text = text.encode("latin-1").decode("utf-8", "replace")
    for pattern, replacement in joining["replacements"]:
        text = re.sub(pattern, replacement, text)
    return text


def _describe_words(tokenizer: Tokenizer) -> tuple[list[str], Replacements]:
    return [f" {word}" for word in tokenizer.tokens], [("^ ", "")]


def _describe_characters(tokenizer: Tokenizer) -> tuple[list[str], Replacements]:
    return [" " + _mark_ends(word) for word in tokenizer.tokens], _DROP_SPACES


def _describe_byte_pairs(tokenizer: BytePairTokenizer) -> tuple[list[str], Replacements]:
    texts = []
    for piece in tokenizer.tokens:
        letters = piece.removeprefix(WORD_START)
        if tokenizer.unit == "characters":
            letters = _mark_ends(letters)
        texts.append(" " + letters if piece.startswith(WORD_START) else letters)
    return texts, _DROP_SPACES


def _mark_ends(piece: str) -> str:
    """Return a piece with marks at ends where a letter is of a script without spaces."""
    start = _NO_SPACE if has_unspaced_start(piece) else ""
    end = _NO_SPACE if has_unspaced_end(piece) else ""
    return start + piece + end


def _describe_gpt2(tokenizer: GPT2Tokenizer) -> tuple[list[str], Replacements]:
    """Describe GPT-2's pieces, which are bytes: a letter may be spread over several of them."""
    alphabet = _find_byte_alphabet()
    mark = _WORD_MARK.encode().decode("latin-1")
    texts = []
    for piece in tokenizer.tokens:
        text = "".join(alphabet[letter] for letter in piece)
        texts.append(mark + text[1:] if text.startswith(" ") else text)
    replacements = [
        (f"{_WHITESPACE}{_WORD_MARK}{_WHITESPACE}", _WORD_MARK),
        (f"{_WORD_MARK}+", " "),
        (f"^{_WHITESPACE}|{_WHITESPACE}$", ""),
    ]
    if tokenizer.unit == "characters":
        unspaced = _write_class(has_unspaced_start)
        following = _write_class(_may_end_unspaced)
        replacements.append((f"({unspaced}{following}*) ", r"\1"))
        replacements.append((f" ({unspaced})", r"\1"))
    return texts, replacements


def _find_byte_alphabet() -> dict[str, str]:
    """Return the character of each byte by the letter that GPT-2 writes for it.

    Bytes that can be printed are letters themselves; the others follow from 256 on.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {chr(byte): chr(byte) for byte in printable}
    for number, byte in enumerate(others):
        alphabet[chr(256 + number)] = chr(byte)
    return alphabet


def _may_end_unspaced(letter: str) -> bool:
    """Return whether it is a letter of a script without spaces, or a mark on one."""
    return has_unspaced_end("犬" + letter)


@functools.cache
def _write_class(is_member: Callable[[str], bool]) -> str:
    """Return the regular expression of a class of characters, as ranges."""
    ranges: list[list[str]] = []
    was_member = False
    for code_point in range(128, _LAST_CODE_POINT + 1):
        letter = chr(code_point)
        is_surrogate = 0xD800 <= code_point <= 0xDFFF
        is_next = not is_surrogate and is_member(letter)
        if is_next and was_member:
            ranges[-1][1] = letter
        elif is_next:
            ranges.append([letter, letter])
        was_member = is_next
    return "[" + "".join(f"{first}-{last}" for first, last in ranges) + "]"


def _describe_word_pieces(tokenizer: WordPieceTokenizer) -> tuple[list[str], Replacements]:
    texts = []
    for number in range(len(tokenizer)):
        text = "".join(word.text for word in tokenizer.decode([number]))  # "" for silent pieces
        if text.startswith("##"):
            text = _NO_SPACE + text
        elif text:
            text = " " + text
        texts.append(text)
    signs = [(re.escape(spaced), closed) for spaced, closed in tokenizer.spaced_signs.items()]
    return texts, [*_BERT_JOIN, *signs]


_DESCRIBE: dict[str, Callable[[Any], tuple[list[str], Replacements]]] = {
    "words": _describe_words,
    "characters": _describe_characters,
    "bpe": _describe_byte_pairs,
    "gpt2": _describe_gpt2,
    "wordpiece": _describe_word_pieces,
}
