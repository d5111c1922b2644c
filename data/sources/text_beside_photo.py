"""A text file beside each photo, with a caption a line; the first folder may be the split."""

from collections.abc import Iterator
from pathlib import Path

from data.photos.folders import find_photos
from data.sources.base import CaptionRows, LeftOut, Row, infer_folder_split
from data.sources.layouts import list_language_codes
from data.sources.text_files import read_lines


def find(folder: Path, language: str | None) -> list[Path]:
    """Return the folder itself if a photo in it has a text of the same name beside it."""
    has_text = next(_find_texts(folder, language), None) is not None
    return [folder] if has_text else []


def recognise(_file: Path) -> bool:
    """Return False: a single text beside a photo is no dataset."""
    return False


def read(files: list[Path], folder: Path, language: str | None) -> list[CaptionRows]:
    """Read the texts beside photos."""
    left_out: list[LeftOut] = []
    rows = _read_rows(files[0], language, left_out)
    return [CaptionRows(rows, [folder], left_out)]


def _read_rows(folder: Path, language: str | None, left_out: list[LeftOut]) -> Iterator[Row]:
    used = set()
    for photo, text in _find_texts(folder, language):
        used.add(text)
        name = photo.relative_to(folder)
        split = infer_folder_split(name.parts[0]) if len(name.parts) > 1 else None
        lines = list(read_lines(text))
        if not lines:
            left_out.append(LeftOut(str(name), "an empty caption", str(text)))
        for where, line in lines:
            yield Row(str(name), line, split, where)
    for text in _find_lone_texts(folder):
        if text not in used:
            name = str(text.relative_to(folder))
            left_out.append(LeftOut(name, "a caption, but no such photo"))


def _find_texts(folder: Path, language: str | None) -> Iterator[tuple[Path, Path]]:
    """Yield each photo that has a text beside it, and that text, if possible in this language."""
    endings = [f".{code}.txt".lower() for code in list_language_codes(language)]
    endings.append(".txt")
    for parent, photos in _group_photos(folder).items():
        texts = {}
        for file in sorted(parent.iterdir()):
            if file.suffix.lower() == ".txt" and file.is_file():
                texts[file.name.lower()] = file
        for photo in photos:
            for ending in endings:
                text = texts.get(photo.stem.lower() + ending)
                if text is not None:
                    yield photo, text
                    break


def _find_lone_texts(folder: Path) -> Iterator[Path]:
    """Yield the texts in folders of photos that are named after no photo there."""
    for parent, photos in _group_photos(folder).items():
        stems = {photo.stem for photo in photos}
        for text in sorted(parent.glob("[!.]*.[tT][xX][tT]")):
            without_language = text.stem.rpartition(".")[0]  # a.ko.txt belongs to a.jpg
            is_of_photo = text.stem in stems or without_language in stems
            is_readme = text.stem.lower().startswith("readme")
            if not is_of_photo and not is_readme and text.is_file():
                yield text


def _group_photos(folder: Path) -> dict[Path, list[Path]]:
    """Return the photos under a folder, by the folder in which they lie."""
    folders: dict[Path, list[Path]] = {}
    for photo in find_photos(folder):
        folders.setdefault(photo.parent, []).append(photo)
    return folders
