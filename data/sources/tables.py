"""Datasets of one's own: a table (CSV, TSV), JSON lines, a text file beside each photo."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from data.photos.images import find_photos
from data.sources.base import (
    CaptionRows,
    LeftOut,
    Row,
    infer_file_split,
    infer_folder_split,
    open_text,
    parse_json,
    parse_split,
    read_json,
    read_json_start,
    read_lines,
)
from data.sources.photo_finder import MAX_SHOWN
from data.text.language import normalize_language
from utils.errors import UserError

PHOTO = ("photo", "image", "file", "filename", "file_name", "image_name", "file_path", "path")
CAPTION = ("caption", "text", "comment", "sentence", "description")
_SEPARATORS = (",", "\t", ";", "|")


csv.field_size_limit(
    1 << 30
)  # a cell of a megabyte is one caption too long, not the end of the file


def find_tables(folder: Path, language: str | None) -> list[Path]:
    """The table of a folder, in the language asked for where there is one; or one in each split's folder."""
    named = [f"captions.{code}.{ending}" for code in _codes(language) for ending in ("csv", "tsv")]
    alone = sorted(
        file.name for ending in ("csv", "tsv") for file in folder.glob(f"captions.*.{ending}")
    )
    names = [
        *named,
        "captions.csv",
        "captions.tsv",
        "metadata.csv",
        *(alone if len(alone) == 1 else ()),
    ]
    return find_first(folder, names) or _by_split(folder, "metadata.csv") or _only_table(folder)


def _only_table(folder: Path) -> list[Path]:
    """The one table of a folder, whatever its name, where its header is one."""
    tables = [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in (".csv", ".tsv") and not file.name.startswith(".")
    ]
    if len(tables) != 1 or tables[0].name == "results.csv":  # which is Flickr30k's
        return []
    header = [
        name.strip().strip('"').lower()
        for name in _first_line(tables[0]).split(separator_of(tables[0]))
    ]
    return (
        tables
        if _column(header, PHOTO) is not None and _column(header, CAPTION) is not None
        else []
    )


def _first_line(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(1000).decode("utf-8-sig", "replace").partition("\n")[0]


def find_objects(folder: Path, language: str | None) -> list[Path]:
    """The JSON lines, or list, of a folder, in the language asked for where there is one; or one in each split's folder."""
    named = [f"captions.{code}.jsonl" for code in _codes(language)]
    names = [*named, "captions.jsonl", "captions.json", "metadata.jsonl"]
    found = [
        name
        for name in names
        if name != "captions.json" or ((folder / name).is_file() and is_list(folder / name))
    ]
    challenge = [
        file for file in sorted(folder.glob("caption_*annotations*.json")) if is_list(file)
    ]  # AI Challenger's
    return find_first(folder, found) or challenge or _by_split(folder, "metadata.jsonl")


def _codes(language: str | None) -> list[str]:
    """How a file's name may say the language: ko-KR, or ko."""
    return list(dict.fromkeys([language, normalize_language(language)])) if language else []


def _by_split(folder: Path, name: str) -> list[Path]:
    """The files of this name in folders named as splits, as `datasets` of Hugging Face has them."""
    return [
        file for file in sorted(folder.glob(f"*/{name}")) if infer_folder_split(file.parent.name)
    ]


def find_first(folder: Path, names: list[str]) -> list[Path]:
    """The first of the files that is there, as a list of one; an empty list where none is."""
    return [folder / name for name in names if (folder / name).is_file()][:1]


def read_table(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """A table with a header: a photo column, a caption column, perhaps a split column."""
    return [
        CaptionRows(_table_rows(file, _split_of(file, folder)), _roots(file, folder))
        for file in files
    ]


def _roots(file: Path, folder: Path) -> list[Path]:
    """Where the photos of a table may lie: beside it, or in a folder of images, the one of its own split first."""
    beside = [
        place
        for place in [*sorted(file.parent.glob("*[iI]mages*")), file.parent / "photos"]
        if place.is_dir()
    ]
    beside.sort(key=lambda place: infer_file_split(place.name) != infer_file_split(file.stem))
    return [file.parent, folder, *beside]


def _split_of(file: Path, folder: Path) -> str | None:
    """The split that a file has by the folder that it lies in, or by its own name (caption_train_annotations.json)."""
    if file.parent != folder:
        return infer_folder_split(file.parent.name)
    return infer_file_split(file.stem) if "annotations" in file.stem else None


def _table_rows(path: Path, usual: str | None) -> Iterator[Row]:
    table = _numbered(path)
    header = [" ".join(name.split()).lower()[:MAX_SHOWN] for name in next(table, ("", []))[1]]
    if not header:
        raise UserError(
            f"{path} is empty; its first line should name the columns, as in: photo,caption,split"
        )
    photo, caption = _column(header, PHOTO), _column(header, CAPTION)
    if photo is None or caption is None:
        raise UserError(
            f"{path}: the first line names no photo and caption column; found "
            f"{', '.join(header)[:MAX_SHOWN]}; write photo,caption or photo,caption,split there"
        )
    split = _column(header, ("split",))
    for where, row in table:
        if len(row) < len(header) or any(
            cell.strip() for cell in row[len(header) :]
        ):  # or cut it short in silence
            raise UserError(
                f"{where}: {len(row)} column{'s' * (len(row) != 1)} where the header has {len(header)}; put "
                "quotes round a caption with commas (or tabs) in it"
            )
        named = parse_split(row[split], where) if split is not None else None
        yield Row(row[photo].strip(), row[caption], named or usual, where)


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def separator_of(path: Path) -> str:
    """What stands between the columns: by the header's line, else by the file's ending."""
    with open_text(path) as text:
        header = next((line for line in text if line.strip(" \t\r\n,;|")), "")
    counts = {separator: header.count(separator) for separator in _SEPARATORS}
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    return (
        usual
        if counts[usual]
        else max(counts, key=counts.__getitem__)
        if any(counts.values())
        else usual
    )


def _numbered(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The rows of a table that are not blank, each with the file and the line where it begins."""
    # Strict, for else a quote that is never closed would swallow all lines after it in silence.
    with open_text(path, newline="") as text:
        table = csv.reader(text, delimiter=separator_of(path), strict=True)
        before = 0
        try:
            for row in table:
                if any(cell.strip() for cell in row):
                    yield f"{path}, line {before + 1}", row
                before = table.line_num
        except csv.Error as error:
            raise UserError(
                f"{path}, line {before + 1}: {error}; close every quote that opens a cell, and write quotes "
                "inside it twice"
            ) from None


def is_list(file: Path) -> bool:
    """Whether a file is a list of objects in JSON (and not AI-Hub's)."""
    head = read_json_start(file) if file.suffix.lower() == ".json" else ""
    return head.startswith("[") and '"caption_ko"' not in head


def read_objects(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """An object for each photo or caption, with a photo, a caption (or a list of them), perhaps a split."""
    parts = []
    for file in files:
        objects = (
            _listed(file) if read_json_start(file, 100).startswith("[") else _line_by_line(file)
        )
        parts.append(
            CaptionRows(_object_rows(objects, _split_of(file, folder)), _roots(file, folder))
        )
    return parts


def _line_by_line(path: Path) -> Iterator[tuple[str, Any]]:
    for where, line in read_lines(path):
        yield (
            where,
            parse_json(line, path, int(where.rpartition(" ")[2]), advice="a line holds one object"),
        )


def _listed(path: Path) -> Iterator[tuple[str, Any]]:
    for number, row in enumerate(read_json(path)):
        yield f"{path}, [{number}]", row


def _object_rows(objects: Iterable[tuple[str, Any]], usual: str | None) -> Iterator[Row]:
    for where, row in objects:
        if not isinstance(row, dict):
            raise UserError(
                f'{where}: an object is wanted, such as {{"photo": "a.jpg", "caption": "A cat."}}'
            )
        row = {str(key).strip().lower(): value for key, value in row.items()}
        name, captions = _value(row, (*PHOTO, "image_id")), _value(row, (*CAPTION, "captions"))
        captions = captions if isinstance(captions, list) else [captions]
        if not isinstance(name, str) or not all(isinstance(caption, str) for caption in captions):
            raise UserError(
                f"{where}: no photo and caption as text; found {', '.join(row)[:MAX_SHOWN] or 'nothing'}; write "
                '{"photo": …, "caption": …}'
            )
        if not isinstance(row.get("split"), str | None):
            raise UserError(f"{where}: unknown split {row['split']!r}; use train, val or test")
        split = parse_split(row.get("split"), where) or usual
        for caption in captions:
            yield Row(name.strip(), caption, split, where)


def _value(row: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if name in row), None)


def find_texts(folder: Path, language: str | None) -> list[Path]:
    """The folder itself, where a photo in it has a text of the same name beside it."""
    return [folder] if next(_with_texts(folder, language), None) else []


def _with_texts(folder: Path, language: str | None) -> Iterator[tuple[Path, Path]]:
    """Photos with a text beside them, and that text."""
    endings = [*(f".{code}.txt".lower() for code in _codes(language)), ".txt"]
    for parent, photos in _by_folder(folder):
        texts = {
            file.name.lower(): file
            for file in sorted(parent.iterdir())
            if file.suffix.lower() == ".txt" and file.is_file()
        }
        for photo in photos:
            names = (photo.stem.lower() + ending for ending in endings)
            text = next((texts[name] for name in names if name in texts), None)
            if text is not None:
                yield photo, text


def _by_folder(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    folders: dict[Path, list[Path]] = {}
    for photo in find_photos(folder):
        folders.setdefault(photo.parent, []).append(photo)
    yield from folders.items()


def read_texts(files: list[Path], folder: Path, language: str | None) -> list[CaptionRows]:
    """A caption a line in a text beside each photo; the first folder's name (train, val, test) is the split."""
    part = CaptionRows((), [folder])
    part.rows = _text_rows(files[0], language, part.left_out)
    return [part]


def _text_rows(folder: Path, language: str | None, left_out: list[LeftOut]) -> Iterator[Row]:
    used = set()
    for photo, text in _with_texts(folder, language):
        used.add(text)
        name = photo.relative_to(folder)
        split = infer_folder_split(name.parts[0]) if len(name.parts) > 1 else None
        lines = list(read_lines(text))
        if not lines:
            left_out.append(LeftOut(str(name), "an empty caption", str(text)))
        for where, line in lines:
            yield Row(str(name), line, split, where)
    for parent, photos in _by_folder(folder):
        stems = {photo.stem for photo in photos}
        for text in sorted(parent.glob("[!.]*.[tT][xX][tT]")):
            of_other_language = text.stem.rpartition(".")[0] in stems  # a.ko.txt is a's
            ours = (
                text in used
                or text.stem in stems
                or of_other_language
                or text.stem.lower().startswith("readme")
            )
            if not ours and text.is_file():
                left_out.append(
                    LeftOut(str(text.relative_to(folder)), "a caption, but no such photo")
                )
