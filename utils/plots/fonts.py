"""Fonts that have the letters of a text, Korean, Japanese and Chinese ones among them, and text cut to fit."""

import functools
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

# Fonts with Korean, Japanese, Chinese or Thai letters on Linux, macOS and Windows, the best first.
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
_LATIN = "DejaVu Sans"  # matplotlib brings it along


def suggest_font(words: Iterable[str]) -> str | None:
    """The sentence that says what to install where no font here has all letters of the words; None where one has."""
    text = "".join(words)
    lacking = _lacking(text, choose_fonts(text))
    if not lacking:
        return None
    wide = any(unicodedata.east_asian_width(letter) in "WF" for letter in lacking)
    package = "fonts-noto-cjk" if wide else "fonts-noto-core"
    return f"No font here has all the letters (□): install one, for example by `apt install {package}`."


def wrap(text: str, room: float) -> list[str]:
    """The text in lines of so many Latin letters; East Asian letters take the room of two. After a dash at its beginning
    the lines hang."""
    dash = "– " if text.startswith("– ") else ""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text) / max(len(text), 1)
    lines = textwrap.wrap(
        text.removeprefix(dash), max(int((room - len(dash)) / (1 + wide)), 8)
    ) or [""]
    return [dash + lines[0], *(("   " if dash else "") + line for line in lines[1:])]


@functools.cache
def _fonts() -> dict[str, str]:
    """Installed fonts: name → file, the best for East Asian letters first, then all others by name."""
    from matplotlib import font_manager

    listed = {entry.fname for entry in font_manager.fontManager.ttflist}
    for file in sorted(
        set(font_manager.findSystemFonts()) - listed
    ):  # matplotlib's kept list misses what came later
        try:
            font_manager.fontManager.addfont(file)
        except (
            OSError,
            RuntimeError,
        ):  # a font that matplotlib cannot read is none that it could draw with
            continue
    files = {entry.name: entry.fname for entry in font_manager.fontManager.ttflist}
    # Last Resort, which matplotlib brings along, has a box for every letter and no letter.
    others = sorted(name for name in files if not name.startswith((".", "Last Resort")))
    return {name: files[name] for name in (*EAST_ASIAN_FONTS, *others) if name in files}


@functools.cache
def _letters(name: str) -> frozenset[int]:
    """Code points that the font has."""
    from matplotlib import font_manager

    file = font_manager.findfont(_LATIN) if name == _LATIN else _fonts()[name]
    return frozenset(font_manager.get_font(file).get_charmap())


def _lacking(text: str, families: Sequence[str]) -> set[str]:
    """Letters of the text that none of the fonts has."""
    return {
        letter
        for letter in text
        if not letter.isspace() and not any(ord(letter) in _letters(name) for name in families)
    }


def choose_fonts(text: str) -> list[str]:
    """Fonts that together draw most of the text: the Latin one, and others only where it lacks letters."""
    families = [_LATIN]
    for name in _fonts() if _lacking(text, families) else ():
        if not _lacking(text, families):
            break
        if _lacking(text, [*families, name]) < _lacking(text, families):
            families.append(name)
    return families


def replace_missing(text: str, font: dict[str, Any]) -> str:
    """The text in one line, with □ for what no font has: drawn as it is, it would warn and look the same."""
    lacking = _lacking(text, font["family"])
    return "".join("□" if letter in lacking else letter for letter in " ".join(text.split()))
