"""Languages of captions: detect them, split captions into words or characters, join them again."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import regex

LANGUAGE_NAMES = {
    "en": "English",
    "ko": "Korean",
    "ja": "Japanese",
    "zh": "Chinese",
    "th": "Thai",
    "und": "of another script",
}
_LANGUAGES_WITHOUT_SPACES = frozenset({"ja", "zh", "th", "lo", "km", "my"})
_LANGUAGES_WITH_OWN_LETTERS = frozenset({"ko", "ja", "zh", "th"})
_OTHER_CODES = {
    "eng": "en",
    "kor": "ko",
    "kr": "ko",
    "jpn": "ja",
    "jp": "ja",
    "zho": "zh",
    "chi": "zh",
    "cmn": "zh",
    "yue": "zh",
    "cn": "zh",
    "tha": "th",
}

# A letter or digit comes with its marks. A letter of a script without spaces is a character of its
# own, and so are ー and 々.
_UNSPACED_LETTER = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]"
_LETTERS = r"(?:[\p{L}\p{N}][\p{M}\u200c\u200d]*)+"
_SPACED_LETTERS = rf"(?:(?!{_UNSPACED_LETTER})[\p{{L}}\p{{N}}][\p{{M}}\u200c\u200d]*)+"
# Signs inside a word: apostrophe, full stop and hyphen; a comma only between digits.
_INSIDE_WORD = r"(?:['.\-]|(?<=\d),(?=\d))"
_WORD = regex.compile(rf"{_LETTERS}(?:{_INSIDE_WORD}{_LETTERS})*")
_CHARACTER = regex.compile(
    rf"{_UNSPACED_LETTER}\p{{M}}*|{_SPACED_LETTERS}(?:{_INSIDE_WORD}{_SPACED_LETTERS})*"
)
_UNSPACED_START = regex.compile(_UNSPACED_LETTER)
_UNSPACED_END = regex.compile(rf"{_UNSPACED_LETTER}\p{{M}}*$")

# Latin letters as wide as Chinese ones, and Japanese letters of half their width.
_OTHER_WIDTH = regex.compile(r"[\uff00-\uffef]+")
_USUAL_SIGNS = {
    ord("’"): "'",
    0x2010: "-",  # hyphen
    0x2011: "-",  # hyphen at which no line ends
    0xAD: None,  # hyphen that shows only at the end of a line
}
_SCRIPTS = {
    "ko": r"\p{Hangul}",
    "kana": r"[\p{Hiragana}\p{Katakana}]",
    "han": r"\p{Han}",
    "th": r"\p{Thai}",
    "en": r"\p{Latin}",
}


def detect_language(captions: Iterable[str]) -> str:
    """Return the language that the letters suggest: ko, ja, zh or th.

    Latin letters give `en`, all other letters `und`.
    """
    text = "".join(captions)
    letters = max(len(regex.findall(r"\p{L}", text)), 1)
    shares = {name: len(regex.findall(script, text)) / letters for name, script in _SCRIPTS.items()}
    # Japanese writes many of its words with Chinese letters, but never all of them.
    if shares["kana"] > 0.1:
        return "ja"
    if shares["han"] > 0.3 and shares["ko"] < 0.3:
        return "zh"
    best = max(("ko", "th", "en"), key=shares.__getitem__)
    if shares[best] > 0.3:
        return best
    return "und"


def find_other_languages(captions: Sequence[str], language: str) -> dict[str, float]:
    """Return the other languages among the captions and their shares, the largest share first.

    Some Japanese captions have no kana and look Chinese, so Chinese is not counted among Japanese.
    """
    not_counted = {language, "und"}
    if language == "ja":
        not_counted.add("zh")
    counts = Counter(detect_language([caption]) for caption in captions)
    shares = {}
    for name, count in counts.most_common():
        if name not in not_counted:
            shares[name] = count / len(captions)
    return shares


def normalize_language(language: str) -> str:
    """Return the code that is used here, without country and script: zh for zh-TW, ja for jp."""
    code = language.lower().replace("_", "-").split("-")[0]
    return _OTHER_CODES.get(code, code)


def is_wrong_language(requested: str, detected: str) -> bool:
    """Return whether captions with letters of the detected language cannot be in the requested one.

    Latin letters fit every language that has no letters of its own.
    """
    code = normalize_language(requested)
    has_own_letters = not _LANGUAGES_WITH_OWN_LETTERS.isdisjoint({code, detected})
    return code != detected and has_own_letters


def describe_wrong_language(where: object, requested: str | None, detected: str) -> str | None:
    """Return a warning for captions whose letters do not fit the requested language, else None."""
    if not requested or not is_wrong_language(requested, detected):
        return None
    name = LANGUAGE_NAMES.get(normalize_language(requested), requested)
    return (
        f"{where} has no captions in {name}; by their letters they are {LANGUAGE_NAMES[detected]}"
    )


def choose_unit(language: str) -> str:
    """Return the unit into which captions of this language are split: `words` or `characters`.

    Scores count this unit, and it is the network's default.
    """
    if normalize_language(language) in _LANGUAGES_WITHOUT_SPACES:
        return "characters"
    return "words"


def split_words(caption: str) -> list[str]:
    """Split a caption at its spaces: NFC, lower case, without punctuation."""
    return _WORD.findall(_clean(caption))


def split_characters(caption: str) -> list[str]:
    """Split a caption like `split_words`, and each letter of a script without spaces by itself."""
    return _CHARACTER.findall(_clean(caption))


def join_characters(pieces: Sequence[str]) -> str:
    """Join pieces with spaces, but without one beside a letter of a script without spaces."""
    text = ""
    previous = ""
    for piece in pieces:
        needs_space = previous and not has_unspaced_start(piece) and not has_unspaced_end(previous)
        if needs_space:
            text += " "
        text += piece
        previous = piece
    return text


SPLITTERS: dict[str, Callable[[str], list[str]]] = {
    "words": split_words,
    "characters": split_characters,
}
JOINERS: dict[str, Callable[[Sequence[str]], str]] = {
    "words": " ".join,
    "characters": join_characters,
}


def has_unspaced_start(piece: str) -> bool:
    """Return whether the first letter is of a script without spaces."""
    return not piece.isascii() and _UNSPACED_START.match(piece) is not None


def has_unspaced_end(piece: str) -> bool:
    """Return whether the last letter, without its marks, is of a script without spaces."""
    return not piece.isascii() and _UNSPACED_END.search(piece) is not None


def _clean(caption: str) -> str:
    """Return the caption in NFC and lower case, with the usual forms of letters and hyphens."""
    if caption.isascii():
        return caption.lower()
    caption = _OTHER_WIDTH.sub(_normalize_width, caption)
    caption = caption.lower().translate(_USUAL_SIGNS)
    # The small form of İ is an i with a dot above as a mark, which would be another word than i.
    caption = caption.replace("i\u0307", "i")
    return unicodedata.normalize("NFC", caption)


def _normalize_width(match: regex.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])
