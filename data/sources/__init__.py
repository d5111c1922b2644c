"""Datasets as people have them, read into Examples: a photo, its captions, and its split where one is given.

    python -m data.sources PATH                      what is there, and what is left out and why
    python -m data.sources PATH --picture FILE.png   and nine of its photos with their captions

A format finds its captions files in a folder and reads them; `FORMATS` names them in the order of asking.
"""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.sources import class_folders, coco, flickr, tables
from data.sources.base import CaptionRows, LeftOut, Source, gather, gather_captions
from data.text.language import detect_language, find_other_languages
from utils.errors import UserError, unknown_name_error


@dataclass(frozen=True)
class Format:
    """A way in which captions and photos are kept."""

    title: str
    looked_for: str
    find: Callable[[Path, str | None], list[Path]]  # its captions files in a folder, for a language
    fits: Callable[[Path], bool]  # whether a file is one
    read: Callable[[list[Path], Path, str | None], list[CaptionRows]]


def _is_table(file: Path) -> bool:
    return file.suffix.lower() in (".csv", ".tsv") and not flickr.is_flickr30k(file)


def _is_objects(file: Path) -> bool:
    return file.suffix.lower() == ".jsonl" or tables.is_list(file)


# What a person wrote for this program goes before what a folder was distributed with.
FORMATS = {
    "csv": Format(
        "a table",
        "captions.csv, captions.tsv or metadata.csv with a header naming a photo and a caption "
        "column (captions.ko.csv with --language ko)",
        tables.find_tables,
        _is_table,
        tables.read_table,
    ),
    "jsonl": Format(
        "JSON lines or list",
        "captions.jsonl, captions.json (a list) or metadata.jsonl",
        tables.find_objects,
        _is_objects,
        tables.read_objects,
    ),
    "karpathy": Format(
        "Karpathy's JSON",
        "dataset_flickr8k.json, dataset_flickr30k.json or dataset_coco.json",
        coco.find_karpathy,
        lambda file: coco.looks_like("karpathy", file),
        coco.read_karpathy,
    ),
    "aihub": Format(
        "AI-Hub's Korean COCO",
        "MSCOCO_train_val_Korean.json",
        coco.find_aihub,
        lambda file: coco.looks_like("aihub", file),
        coco.read_aihub,
    ),
    "coco": Format(
        "COCO",
        "annotations/captions_*.json",
        coco.find_coco,
        lambda file: coco.looks_like("coco", file),
        coco.read_coco,
    ),
    "flickr8k": Format(
        "Flickr8k's layout",
        "Flickr8k.token.txt with its lists, or Kaggle's captions.txt",
        flickr.find_flickr8k,
        flickr.is_flickr8k,
        flickr.read_flickr,
    ),
    "flickr30k": Format(
        "Flickr30k's layout",
        "results_20130124.token, or Kaggle's results.csv",
        flickr.find_flickr30k,
        flickr.is_flickr30k,
        flickr.read_flickr,
    ),
    "texts": Format(
        "photos with texts",
        "photos each with a .txt of captions beside it",
        tables.find_texts,
        lambda file: False,
        tables.read_texts,
    ),
}


def find_format(path: Path, language: str | None = None) -> str | None:
    """The name of the first format that the folder or file is of, None where it is of none."""
    fits = (
        (lambda each: each.find(path, language))
        if path.is_dir()
        else (lambda each: each.fits(path))
    )
    return next((name for name, each in FORMATS.items() if fits(each)), None)


def read(
    path: Path, *, language: str | None = None, format: str | None = None, outside: bool = False
) -> Source:
    """The dataset at `path`, a captions file or its folder; `format` instead of what it looks like.

    Args:
        language: of the captions, where the dataset has several; left out: what the captions' letters tell.
        outside: whether photos may lie outside the dataset's folder.
    """
    with _permitted():
        dataset = _read(path, _format(path, language, format), language, outside)
    if not dataset.examples:
        raise UserError(
            f"{dataset.path} holds no photo with a caption" + _first_reason(dataset.left_out)
        )
    return dataset


def read_captions(
    path: Path, *, language: str | None = None, format: str | None = None
) -> dict[str, list[str]]:
    """The captions at `path` by their photos' names, just as `read` takes them, but whether or not the photos are there."""
    with _permitted():
        form = _format(path, language, format)
        folder, files = _files(path, form, language)
        said = gather_captions(form.read(files, folder, language))
    if not said:
        raise UserError(f"{path} holds no caption")
    return said


@contextmanager
def _permitted() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise UserError(
            f"no permission to read {error.filename}; change its rights, or name another file"
        ) from None


def _format(path: Path, language: str | None, asked: str | None) -> Format:
    """The format asked for, or what `path` looks like."""
    asked = asked.lower() if asked else None
    if asked is not None and asked not in FORMATS:
        raise unknown_name_error("format", asked, list(FORMATS))
    if not path.exists():
        raise UserError(f"no dataset at {path}; give a captions file, its folder, or `scenes`")
    name = asked or find_format(path, language)
    if name is None:
        if path.is_dir() and class_folders.recognise(path):
            raise UserError(
                f"{path} holds pictures in folders of classes, and no captions: --preset classifier learns "
                "from such"
            )
        looked_for = "; ".join(each.looked_for for each in FORMATS.values())
        raise UserError(
            f"{path} is no dataset that is known here; looked for: {looked_for}. --format says which it is "
            "where the name differs"
        )
    return FORMATS[name]


def _files(path: Path, form: Format, language: str | None) -> tuple[Path, list[Path]]:
    """The folder within which photos are named, and the captions files."""
    if path.is_dir():
        folder, files = path, form.find(path, language)
        if not files:
            raise UserError(
                f"{path} is not of the format asked for; looked for: {form.looked_for}; give the file itself "
                "where its name differs"
            )
    else:
        if form is FORMATS["texts"]:
            raise UserError(
                f"{path} is a file; of photos with texts beside them the folder is wanted"
            )
        folder, files = path.parent, [path]
        # Photos do not lie in the folder of COCO's annotations or of Flickr8k's texts, but beside it.
        if os.path.basename(os.path.abspath(folder)) in ("annotations", "Flickr8k_text"):
            folder = folder.parent if folder.name not in ("", "..") else folder / ".."
    return folder, files


def _read(path: Path, form: Format, language: str | None, outside: bool) -> Source:
    folder, files = _files(path, form, language)
    with _no_collection():
        examples, left_out = gather(form.read(files, folder, language), folder, outside=outside)
    some = [
        caption for example in examples[:: len(examples) // 400 + 1] for caption in example.captions
    ]
    letters = detect_language(some)
    file = files[0] if len(files) == 1 else path
    return Source(
        form.title,
        file,
        folder,
        examples,
        left_out,
        language or letters,
        letters,
        find_other_languages(some, letters),
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the collector of reference cycles, which would walk over millions of new objects again and again: a third
    of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _first_reason(left_out: list[LeftOut]) -> str:
    return f" ({len(left_out)} left out; the first: {left_out[0]})" if left_out else "; it is empty"
