"""Read text and JSON files; an error names the file and the line."""

import codecs
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from data.sources.base import LeftOut
from utils.errors import UserError

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHOWN_JSON = 80  # characters of a JSON value in a message


def open_text(path: Path, *, newline: str | None = None) -> TextIO:
    """Open a text file in UTF-8, or in UTF-16 that begins with a byte order mark."""
    content = path.read_bytes()
    is_utf16 = content.startswith(_UTF16_MARKS)
    if b"\0" in content[:1000] and not is_utf16:
        raise UserError(
            f"{path}, line 1: zero bytes, as in UTF-16 without a byte order mark; "
            "save the file as UTF-8"
        )
    encoding = "utf-16" if is_utf16 else "utf-8-sig"
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: not UTF-8 text ({error.reason}); save the file as UTF-8 "
            "(it may be Windows-1252 or, in Korean, CP949 now)"
        ) from None
    return io.TextIOWrapper(io.BytesIO(content), encoding, newline=newline)


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines that are not blank, without line breaks, each after its file and number."""
    for number, line in enumerate(open_text(path), start=1):
        if line.strip():
            yield f"{path}, line {number}", line.rstrip("\n")


def parse_json(
    text: str, path: Path, first_line: int = 1, *, advice: str = "is the file complete?"
) -> Any:
    """Parse JSON that begins in this line of the file; an error ends in the advice."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise UserError(
            f"{path}, line {line}: broken JSON ({error.msg}, column {error.colno}); {advice}"
        ) from None
    except RecursionError:
        raise UserError(f"{path}, line {first_line}: JSON nested too deep for captions") from None
    except ValueError as error:  # a number of more than 4,300 digits
        raise UserError(f"{path}, line {first_line}: broken JSON ({error})") from None


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return parse_json(open_text(path).read(), path)


def read_json_start(path: Path, size: int = 1 << 16) -> str:
    """Return the first bytes of a .json file as text, by which formats recognise it."""
    with path.open("rb") as file:
        start = file.read(size)
    encoding = "utf-16" if start.startswith(_UTF16_MARKS) else "utf-8"
    return start.decode(encoding, "replace").lstrip("\ufeff \t\r\n")


def find_json_files(folder: Path, recognise: Callable[[Path], bool]) -> list[Path]:
    """Find the JSON files of a format in a folder and in its `annotations`."""
    found = []
    for place in (folder, folder / "annotations"):
        found += [file for file in sorted(place.glob("*.json")) if recognise(file)]
    return found


def iterate_photos(
    photos: list[Any],
    where: str,
    get_name: Callable[[Any], str],
    left_out: list[LeftOut],
) -> Iterator[tuple[str, dict, str]]:
    """Yield each object of a JSON list of photos, after its place and before its photo's name.

    An object without a name is refused; a photo that is listed again is noted in `left_out`.

    Args:
        where: the file, and the list in it if it has a name; the index is appended.
        get_name: gets a photo's name from its object.
    """
    names = set()
    for index, photo in enumerate(photos):
        place = f"{where}[{index}]"
        try:
            name = get_name(photo)
        except (KeyError, TypeError, AttributeError):
            name = None
        if not isinstance(name, str):
            raise UserError(f"{place}: expected the photo's name, got {shorten_json(photo)}")
        if name in names:
            left_out.append(LeftOut(name, "listed twice; its captions are joined", place))
        names.add(name)
        yield place, photo, name


def shorten_json(value: Any) -> str:
    """Return the beginning of a value as JSON, for a message."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= _SHOWN_JSON:
        return text
    return text[:_SHOWN_JSON] + "…"
