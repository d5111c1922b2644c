"""Fonts that have the letters of a text, also East Asian ones, and text wrapped to fit."""

import functools
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

# Fonts with Korean, Japanese, Chinese or Thai letters on Linux, macOS and Windows, best first.
EAST_ASIAN_FONTS = (
    "Noto Sans CJK KR",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans KR",
    "Noto Sans JP",
    "Noto Sans SC",
    "NanumGothic",
    "NanumBarunGothic",
    "Apple SD Gothic Neo",
    "AppleGothic",
    "Hiragino Sans",
    "PingFang SC",
    "Malgun Gothic",
    "Yu Gothic",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "IPAexGothic",
    "UnDotum",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "Noto Sans Thai",
    "Noto Sans Thai Looped",
    "Loma",
    "Garuda",
    "Thonburi",
    "Leelawadee UI",
)
_LATIN = "DejaVu Sans"  # comes with matplotlib
_SHORTEST_LINE = 8  # letters


def choose_fonts(text: str) -> list[str]:
    """Return fonts that together have most letters of the text: the Latin one, others if needed."""
    chosen = [_LATIN]
    missing = _find_missing(text, chosen)
    if not missing:
        return chosen
    for name in _find_fonts():
        still_missing = _find_missing(text, [*chosen, name])
        if still_missing < missing:
            chosen.append(name)
            missing = still_missing
        if not missing:
            break
    return chosen


def suggest_font(words: Iterable[str]) -> str | None:
    """Return a sentence that says what to install if no font here has all letters, else None."""
    text = "".join(words)
    missing = _find_missing(text, choose_fonts(text))
    if not missing:
        return None
    package = "fonts-noto-cjk" if any(map(_is_wide, missing)) else "fonts-noto-core"
    hint = f"install one, for example by `apt install {package}`"
    return f"No font here has all the letters (□): {hint}."


def replace_missing(text: str, font: dict[str, Any]) -> str:
    """Return the text as one line, with □ for letters that the font's families lack.

    matplotlib would draw the same, with a warning.
    """
    line = " ".join(text.split())
    missing = _find_missing(line, font["family"])
    return "".join("□" if letter in missing else letter for letter in line)


def wrap(text: str, room: float) -> list[str]:
    """Return the text as lines with room for a number of Latin letters.

    East Asian letters take the room of two. Lines after a dash at the beginning are indented.
    """
    dash = "– " if text.startswith("– ") else ""
    share_of_wide = sum(map(_is_wide, text)) / max(len(text), 1)
    letters = int((room - len(dash)) / (1 + share_of_wide))
    lines = textwrap.wrap(text.removeprefix(dash), max(letters, _SHORTEST_LINE)) or [""]
    indent = "   " if dash else ""
    return [dash + lines[0], *(indent + line for line in lines[1:])]


def _is_wide(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"


def _find_missing(text: str, families: Sequence[str]) -> set[str]:
    """Return the letters of the text that none of the fonts has."""
    return {
        letter
        for letter in set(text)
        if not letter.isspace() and not any(ord(letter) in _letters_of(name) for name in families)
    }


@functools.cache
def _find_fonts() -> dict[str, str]:
    """Return the files of installed fonts by name, best for East Asian letters first."""
    from matplotlib import font_manager

    # matplotlib keeps a list of fonts, which lacks those that were installed later.
    manager = font_manager.fontManager
    listed = {entry.fname for entry in manager.ttflist}
    for file in sorted(set(font_manager.findSystemFonts()) - listed):
        try:
            manager.addfont(file)
        except (OSError, RuntimeError):  # matplotlib cannot read it, so cannot draw with it
            continue
    files = {entry.name: entry.fname for entry in manager.ttflist}
    # Last Resort, which comes with matplotlib, has a box for every letter and no letter.
    others = sorted(name for name in files if not name.startswith((".", "Last Resort")))
    return {name: files[name] for name in (*EAST_ASIAN_FONTS, *others) if name in files}


@functools.cache
def _letters_of(name: str) -> frozenset[int]:
    """Return the code points that a font has."""
    from matplotlib import font_manager

    file = font_manager.findfont(_LATIN) if name == _LATIN else _find_fonts()[name]
    return frozenset(font_manager.get_font(file).get_charmap())
