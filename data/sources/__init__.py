"""Datasets in the formats that people have, read into Examples: a photo, its captions, its split.

    python -m data.sources PATH                      describe the dataset, and what is left out
    python -m data.sources PATH --picture FILE.png   and draw nine of its photos with their captions

To add a format, write a module with `find`, `recognise` and `read`, such as `json_lines.py`,
and enter it in `FORMATS`.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

if sys.argv[0] == "-m":  # `python -m data.sources` imports this file before its __main__.py
    import utils.environment  # noqa: F401

from data.sources import (
    aihub,
    class_folders,
    coco,
    flickr,
    json_lines,
    karpathy,
    results,
    tables,
    text_beside_photo,
)
from data.sources.base import CaptionRows, Source, gather, gather_captions
from data.text.language import detect_language, find_other_languages
from utils.errors import UserError, unknown_name_error

_SAMPLED_PHOTOS = 400  # whose captions tell the language


@dataclass(frozen=True)
class Format:
    """A format of captions files.

    `find` gets a folder and a language, and returns the captions files in the folder.
    `recognise` returns whether a file is of the format.
    `read` gets captions files, the folder within which photos are named, and a language.
    """

    title: str
    looks_for: str
    find: Callable[[Path, str | None], list[Path]]
    recognise: Callable[[Path], bool]
    read: Callable[[list[Path], Path, str | None], list[CaptionRows]]


# In the order of trying: what a person wrote for this program goes before what a dataset came with.
FORMATS = {
    "results": Format(
        "mended captions",
        "captions.csv or captions.jsonl of predict.py --out",
        results.find,
        results.recognise,
        results.read,
    ),
    "csv": Format(
        "a table",
        "captions.csv, captions.tsv or metadata.csv with a header naming a photo and a caption "
        "column (captions.ko.csv with --language ko)",
        tables.find,
        tables.recognise,
        tables.read,
    ),
    "jsonl": Format(
        "JSON lines or list",
        "captions.jsonl, captions.json (a list) or metadata.jsonl",
        json_lines.find,
        json_lines.recognise,
        json_lines.read,
    ),
    "karpathy": Format(
        "Karpathy's JSON",
        "dataset_flickr8k.json, dataset_flickr30k.json or dataset_coco.json",
        karpathy.find,
        karpathy.recognise,
        karpathy.read,
    ),
    "aihub": Format(
        "AI-Hub's Korean COCO",
        "MSCOCO_train_val_Korean.json",
        aihub.find,
        aihub.recognise,
        aihub.read,
    ),
    "coco": Format(
        "COCO",
        "annotations/captions_*.json",
        coco.find,
        coco.recognise,
        coco.read,
    ),
    "flickr8k": Format(
        "Flickr8k's layout",
        "Flickr8k.token.txt with its lists, or Kaggle's captions.txt",
        flickr.find_flickr8k,
        flickr.recognise_flickr8k,
        flickr.read,
    ),
    "flickr30k": Format(
        "Flickr30k's layout",
        "results_20130124.token, or Kaggle's results.csv",
        flickr.find_flickr30k,
        flickr.recognise_flickr30k,
        flickr.read,
    ),
    "texts": Format(
        "photos with texts",
        "photos each with a .txt of captions beside it",
        text_beside_photo.find,
        text_beside_photo.recognise,
        text_beside_photo.read,
    ),
}


def find_format(path: Path, language: str | None = None) -> str | None:
    """Return the name of the first format that the folder or file has, or None."""
    for name, each in FORMATS.items():
        if path.is_dir():
            has_format = bool(each.find(path, language))
        else:
            has_format = each.recognise(path)
        if has_format:
            return name
    return None


def read(
    path: Path,
    *,
    language: str | None = None,
    format: str | None = None,
    outside: bool = False,
    all_rows: bool = False,
) -> Source:
    """Read the dataset at `path`, a captions file or its folder.

    Args:
        language: of the captions, if the dataset has several; by default their letters decide.
        format: a name in `FORMATS`, if the path does not show it.
        outside: allow photos outside the dataset's folder.
        all_rows: of a captions file of predict.py, read also the rows that nobody has changed.
    """
    with _refuse_missing_permission():
        chosen = _choose_format(path, language, format)
        if all_rows:
            chosen = _choose_all_rows(path, chosen)
        source = _read(path, chosen, language, outside)
    if source.examples:
        return source
    message = f"{source.path} holds no photo with a caption"
    if not source.left_out:
        raise UserError(f"{message}; it is empty")
    number = len(source.left_out)
    raise UserError(f"{message} ({number} left out; the first: {source.left_out[0]})")


def read_captions(
    path: Path, *, language: str | None = None, format: str | None = None
) -> dict[str, list[str]]:
    """Read the captions at `path` by photo name, as `read` does, but look for no photos."""
    with _refuse_missing_permission():
        chosen = _choose_format(path, language, format)
        folder, files = _find_files(path, chosen, language)
        captions = gather_captions(chosen.read(files, folder, language))
    if not captions:
        raise UserError(f"{path} holds no caption")
    return captions


@contextmanager
def _refuse_missing_permission() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise UserError(
            f"no permission to read {error.filename}; change its rights, or name another file"
        ) from None


def _choose_format(path: Path, language: str | None, asked: str | None) -> Format:
    """Return the format that was asked for, or the one that the path has."""
    if asked is not None and asked.lower() not in FORMATS:
        raise unknown_name_error("format", asked.lower(), list(FORMATS))
    if not path.exists():
        raise UserError(f"no dataset at {path}; give a captions file, its folder, or `scenes`")
    if asked is not None:
        return FORMATS[asked.lower()]
    name = find_format(path, language)
    if name is not None:
        return FORMATS[name]
    if path.is_dir() and class_folders.recognise(path):
        raise UserError(
            f"{path} holds pictures in folders of classes, and no captions; "
            "--preset classifier learns from such a folder"
        )
    looks_for = "; ".join(each.looks_for for each in FORMATS.values())
    raise UserError(
        f"{path} is no known dataset; looked for: {looks_for}. "
        "If a file has another name, give its format with --format"
    )


def _choose_all_rows(path: Path, format: Format) -> Format:
    """Return the format that reads all rows of a captions file of predict.py."""
    if format is not FORMATS["results"]:
        raise UserError(f"--all-rows is for captions files of predict.py --out (got {path})")
    return replace(format, title="captions of predict.py", read=results.read_all)


def _find_files(path: Path, format: Format, language: str | None) -> tuple[Path, list[Path]]:
    """Return the folder within which photos are named, and the captions files."""
    if path.is_dir():
        files = format.find(path, language)
        if not files:
            raise UserError(
                f"{path} does not have the format asked for; looked for: {format.looks_for}; "
                "if the file has another name, give the file itself"
            )
        return path, files
    if format is FORMATS["texts"]:
        raise UserError(f"{path} is a file; give the folder of the photos and their texts")
    folder = path.parent
    # Photos do not lie in the folder of COCO's annotations or of Flickr8k's texts, but beside it.
    if os.path.basename(os.path.abspath(folder)) in ("annotations", "Flickr8k_text"):
        has_own_name = folder.name not in ("", "..")
        folder = folder.parent if has_own_name else folder / ".."
    return folder, [path]


def _read(path: Path, format: Format, language: str | None, outside: bool) -> Source:
    folder, files = _find_files(path, format, language)
    with _pause_garbage_collection():
        rows = format.read(files, folder, language)
        examples, left_out = gather(rows, folder, outside=outside)
    sample: list[str] = []
    for example in examples[:: len(examples) // _SAMPLED_PHOTOS + 1]:
        sample += example.captions
    detected = detect_language(sample)
    return Source(
        kind=format.title,
        path=files[0] if len(files) == 1 else path,
        folder=folder,
        examples=examples,
        left_out=left_out,
        language=language or detected,
        detected_language=detected,
        other_languages=find_other_languages(sample, detected),
    )


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Pause the search for reference cycles.

    Over millions of new objects it takes a third of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
