"""Languages and scripts: which one captions are in, and their words, or characters where words are not set apart."""

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
_UNSPACED = frozenset(
    {"ja", "zh", "th", "lo", "km", "my"}
)  # languages that set no spaces between words
_ALSO = {
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
}  # other codes of the same languages

# A letter (or digit) comes with its marks. Those of scripts without spaces stand each for itself, ー and 々 among them.
_UNSPACED_LETTER = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]"
_ANY = r"(?:[\p{L}\p{N}][\p{M}\u200c\u200d]*)+"
_SPACED = rf"(?:(?!{_UNSPACED_LETTER})[\p{{L}}\p{{N}}][\p{{M}}\u200c\u200d]*)+"
_INSIDE = r"(?:['.\-]|(?<=\d),(?=\d))"  # what may stand inside a word: apostrophe, point, hyphen; a comma between digits
_WORD = regex.compile(rf"{_ANY}(?:{_INSIDE}{_ANY})*")
_CHARACTER = regex.compile(rf"{_UNSPACED_LETTER}\p{{M}}*|{_SPACED}(?:{_INSIDE}{_SPACED})*")
_BEGIN, _END = regex.compile(_UNSPACED_LETTER), regex.compile(rf"{_UNSPACED_LETTER}\p{{M}}*$")
_WIDE = regex.compile(
    r"[\uff00-\uffef]+"
)  # Latin letters as wide as Chinese ones, and Japanese ones half as wide
_USUAL = {
    ord("’"): "'",
    0x2010: "-",
    0x2011: "-",
    0xAD: None,
}  # apostrophe, hyphens; one that shows only at a line's end
_SCRIPTS = {
    "ko": r"\p{Hangul}",
    "kana": r"[\p{Hiragana}\p{Katakana}]",
    "han": r"\p{Han}",
    "th": r"\p{Thai}",
    "en": r"\p{Latin}",
}


def detect_language(captions: Iterable[str]) -> str:
    """The language by its letters: ko, ja, zh, th; `en` for Latin letters, `und` for others."""
    text = "".join(captions)
    letters = max(len(regex.findall(r"\p{L}", text)), 1)
    share = {name: len(regex.findall(script, text)) / letters for name, script in _SCRIPTS.items()}
    if share["kana"] > 0.1:  # Japanese writes many of its words with Chinese letters, but never all
        return "ja"
    if share["han"] > 0.3 and share["ko"] < 0.3:
        return "zh"
    best = max(("ko", "th", "en"), key=lambda name: share[name])
    return best if share[best] > 0.3 else "und"


def find_other_languages(captions: Sequence[str], language: str) -> dict[str, float]:
    """The shares of captions that are in other languages by their letters, the largest first; of Japanese ones some have no
    kana, so that Chinese ones are not told from them."""
    found = Counter(detect_language([caption]) for caption in captions)
    alike = {language, "und"} | ({"zh"} if language == "ja" else set())
    return {name: count / len(captions) for name, count in found.most_common() if name not in alike}


def normalize_language(language: str) -> str:
    """The language of a code without country and script, in the code that is used here: zh of zh-TW, ja of jp."""
    code = language.lower().replace("_", "-").split("-")[0]
    return _ALSO.get(code, code)


def is_wrong_language(asked: str, letters: str) -> bool:
    """Whether captions whose letters tell one language cannot be in the one that was asked for."""
    own = LANGUAGE_NAMES.keys() - {"en", "und"}  # languages that have letters of their own
    return normalize_language(asked) != letters and bool({normalize_language(asked), letters} & own)


def describe_wrong_language(where: object, asked: str | None, letters: str) -> str | None:
    """What to tell of captions, from somewhere, whose letters are not those of the language that was asked for."""
    if not asked or not is_wrong_language(asked, letters):
        return None
    return f"{where} has no captions in {LANGUAGE_NAMES.get(normalize_language(asked), asked)}; by their letters they are {LANGUAGE_NAMES[letters]}"


def words(caption: str) -> list[str]:
    """The words of a caption between its spaces: NFC, lower case, without punctuation."""
    return _WORD.findall(_plain(caption))


def characters(caption: str) -> list[str]:
    """The same, but each letter of a script without spaces by itself."""
    return _CHARACTER.findall(_plain(caption))


def choose_unit(language: str) -> str:
    """What captions in this language are best cut into, `words` or `characters`: for the scores, and by default for the
    network."""
    return "characters" if normalize_language(language) in _UNSPACED else "words"


SPLITTERS = {"words": words, "characters": characters}


def joined(pieces: Sequence[str]) -> str:
    """The pieces as a person writes them: a space between two, but none beside a letter of a script without spaces."""
    text = ""
    for before, piece in zip(["", *pieces], pieces, strict=False):
        text += (
            piece
            if not before or has_unspaced_start(piece) or _ends_unspaced(before)
            else f" {piece}"
        )
    return text


JOINERS: dict[str, Callable[[Sequence[str]], str]] = {"words": " ".join, "characters": joined}


def has_unspaced_start(piece: str) -> bool:
    """Whether the first letter is of a script without spaces."""
    return not piece.isascii() and _BEGIN.match(piece) is not None


def _ends_unspaced(piece: str) -> bool:
    return not piece.isascii() and _END.search(piece) is not None


def _plain(caption: str) -> str:
    """NFC and lower case; letters and hyphens of odd kinds made usual."""
    if caption.isascii():
        return caption.lower()
    caption = (
        _WIDE.sub(lambda wide: unicodedata.normalize("NFKC", wide[0]), caption)
        .lower()
        .translate(_USUAL)
    )
    # Small İ is i with a dot above it as a mark, which then would be another word than i.
    return unicodedata.normalize("NFC", caption.replace("i\u0307", "i"))
