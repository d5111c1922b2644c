"""Datasets as people have them, read into Examples: a photo, its captions, and its split where one is given.

A format is a function that answers None where a path is not of its kind; `FORMATS` names them in the order of asking.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from data.images import PHOTO_ENDINGS
from utils.errors import Refusal

SPLITS = ("train", "val", "test")
_SPLIT_NAMES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
                "test": "test"}


@dataclass(frozen=True)
class Example:
    """A photo with its captions."""

    photo: Path
    captions: tuple[str, ...]
    split: str | None = None


@dataclass
class Dataset:
    """What was read, and what was left out with the reason."""

    kind: str
    path: Path
    examples: list[Example]
    left_out: list[tuple[str, str]] = field(default_factory=list)


def read(path: Path, *, language: str = "en") -> Dataset:
    """The dataset at `path`, a captions file or its folder."""
    try:
        if not path.exists():
            raise Refusal(f"no dataset at {path}; give a captions file, its folder, or `scenes`")
        for reader in FORMATS.values():
            dataset = reader(path, language)
            if dataset is not None:
                break
        else:
            raise Refusal(f"{path} is no dataset that is known here; looked for {_LOOKED_FOR}")
    except PermissionError as error:
        raise Refusal(f"no permission to read {error.filename}; change its rights, or name another file") from None
    if not dataset.examples:
        raise Refusal(f"{dataset.path} holds no photo with a caption" + _first_reasons(dataset.left_out))
    return dataset


def _first_reasons(left_out: list[tuple[str, str]]) -> str:
    if not left_out:
        return "; it is empty"
    return f" ({len(left_out)} left out; the first: {left_out[0][0]}: {left_out[0][1]})"


_LOOKED_FOR = ("captions.csv or captions.tsv with a header naming a photo and a caption column, and "
               "Flickr8k.token.txt with its lists")


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refusal(f"{path}, line {line}: not UTF-8 text ({error.reason}); save the file as UTF-8") from None


def _gather(rows: Iterable[tuple[str, str, str | None]], folder: Path,
            whole_folder: bool) -> tuple[list[Example], list[tuple[str, str]]]:
    """Examples in the order of their first row, from (name, caption, split) rows; and what was left out, with why.

    With `whole_folder`, pictures beside the captioned ones that no row names are reported as well.
    """
    captions: dict[str, dict[str, None]] = {}
    splits: dict[str, str | None] = {}
    left_out = []
    for name, caption, split in rows:
        caption = " ".join(caption.split())
        if not name or not caption:
            left_out.append((name or "(no name)", "an empty caption" if name else f"no photo named for '{caption}'"))
            continue
        name = Path(name).as_posix()  # ./a.jpg and a.jpg are one photo
        captions.setdefault(name, {})[caption] = None
        kept = splits[name] = splits.get(name) or split
        if split and split != kept:
            left_out.append((name, f"listed for {kept} and for {split}; kept for {kept}"))
    examples = []
    for name, texts in captions.items():
        photo = folder / name
        try:
            if photo.is_file():
                examples.append(Example(photo, tuple(texts), splits[name]))
            else:
                left_out.append((name, "a caption, but no such photo"))
        except PermissionError:
            left_out.append((name, "no permission to look into its folder"))
        except (OSError, ValueError):  # longer than a name may be, or with a zero byte in it
            left_out.append((name[:60], "not a name that a file can have"))
    if whole_folder:
        known = {example.photo for example in examples}
        beside = [photo for parent in sorted({photo.parent for photo in known}) for photo in _pictures(parent)]
        left_out += [(photo.name, "a photo without captions") for photo in beside if photo not in known]
    return examples, left_out


def _read_csv(path: Path, language: str) -> Dataset | None:
    """A table with a header: a photo column, a caption column, perhaps a split column; comma or tab between them."""
    if path.is_dir():
        names = [f"captions.{language}.csv", "captions.csv", f"captions.{language}.tsv", "captions.tsv"]
        found = [path / name for name in names if (path / name).is_file()]
        if not found:
            return None
        path = found[0]
    elif path.suffix.lower() not in (".csv", ".tsv"):
        return None
    examples, left_out = _gather(_table_rows(path), path.parent, whole_folder=True)
    return Dataset("a table of photos and captions", path, examples, left_out)


_PHOTO_COLUMNS = ("photo", "image", "file", "filename", "file_name", "image_name", "path")
_CAPTION_COLUMNS = ("caption", "text", "comment", "sentence", "description")


def _numbered(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table that are not blank, each with the number of the line where it begins."""
    # Strict, for else a quote that is never closed would swallow all lines after it in silence.
    table = csv.reader(io.StringIO(_text(path), newline=""), delimiter="\t" if path.suffix.lower() == ".tsv" else ",",
                       strict=True)
    before = 0
    try:
        for row in table:
            if any(cell.strip() for cell in row):
                yield before + 1, row
            before = table.line_num
    except csv.Error as error:
        raise Refusal(f"{path}, line {before + 1}: {error}; close every quote that opens a cell, and write quotes inside "
                      "it twice") from None


def _table_rows(path: Path) -> Iterator[tuple[str, str, str | None]]:
    table = _numbered(path)
    header = [name.strip().lower() for name in next(table, (0, []))[1]]
    if not header:
        raise Refusal(f"{path} is empty; its first line should name the columns, as in: photo,caption,split")
    photo = next((header.index(name) for name in _PHOTO_COLUMNS if name in header), None)
    caption = next((header.index(name) for name in _CAPTION_COLUMNS if name in header), None)
    if photo is None or caption is None:
        raise Refusal(f"{path}: the first line names no photo and caption column; found {', '.join(header)}; write "
                      "photo,caption or photo,caption,split there")
    split = header.index("split") if "split" in header else None
    for number, row in table:
        if len(row) < len(header) or any(cell.strip() for cell in row[len(header):]):  # or cut it short in silence
            raise Refusal(f"{path}, line {number}: {len(row)} columns where the header has {len(header)}; put quotes "
                          "round a caption with commas in it")
        name = None
        if split is not None and row[split].strip():
            name = _SPLIT_NAMES.get(row[split].strip().lower())
            if name is None:
                raise Refusal(f"{path}, line {number}: unknown split {row[split]!r}; use train, val or test")
        yield row[photo].strip(), row[caption], name


def _read_flickr8k(path: Path, _language: str) -> Dataset | None:
    """Flickr8k as distributed: name#k, a tab, a caption; the official split lists beside it."""
    if path.is_dir():
        path = path / "Flickr8k.token.txt"
    if not path.name.endswith(".token.txt") or not path.is_file():
        return None
    folder = path.parent
    splits: dict[str, str] = {}
    for listing, split in (("train", "train"), ("dev", "val"), ("test", "test")):
        file = folder / f"Flickr_8k.{listing}Images.txt"
        if file.is_file():
            splits |= {name.strip(): split for name in _text(file).split("\n") if name.strip()}
    photos = next((folder / name for name in ("Flicker8k_Dataset", "Flickr8k_Dataset", "images", "Images")
                   if (folder / name).is_dir()), folder)
    rows = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        name, tab, caption = line.partition("\t")
        if not tab and line.strip():
            raise Refusal(f"{path}, line {number}: no tab between the photo's name and its caption")
        name = name.rpartition("#")[0] or name
        if name and (not splits or name in splits):
            rows.append((name, caption, splits.get(name)))
    examples, left_out = _gather(rows, photos, whole_folder=not splits)
    left_out += [(name, "a photo without captions") for name in sorted(splits.keys() - {name for name, *_ in rows})]
    return Dataset("Flickr8k", path, examples, left_out)


def _pictures(folder: Path) -> list[Path]:
    """The files of a folder that are named as pictures."""
    return sorted(file for file in folder.iterdir()
                  if file.suffix.lower() in PHOTO_ENDINGS and not file.name.startswith("."))


FORMATS: dict[str, Callable[[Path, str], Dataset | None]] = {"csv": _read_csv, "flickr8k": _read_flickr8k}
