"""The places where datasets keep their captions files and photos."""

from collections.abc import Sequence
from pathlib import Path

from data.sources.base import infer_file_split, infer_folder_split
from data.text.language import normalize_language

# Where the photos of Flickr8k, Flickr30k and COCO's relatives lie, from the dataset's folder.
PHOTO_FOLDERS = (
    "Flicker8k_Dataset",
    "Flickr8k_Dataset/Flicker8k_Dataset",
    "Flickr8k_Dataset",
    "flickr30k_images",
    "flickr30k_images/flickr30k_images",
    "flickr30k-images",
    "Images",
    "images",
    ".",
)


def find_first(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the first of these files that exists, as a list of one, or an empty list."""
    for name in names:
        if (folder / name).is_file():
            return [folder / name]
    return []


def find_in_split_folders(folder: Path, name: str) -> list[Path]:
    """Find the files of this name in folders named after splits, as Hugging Face has them."""
    found = sorted(folder.glob(f"*/{name}"))
    return [file for file in found if infer_folder_split(file.parent.name) is not None]


def list_language_codes(language: str | None) -> list[str]:
    """List the codes by which a file's name may say the language: ko-KR, ko."""
    if not language:
        return []
    return list(dict.fromkeys([language, normalize_language(language)]))


def list_photo_roots(file: Path, folder: Path) -> list[Path]:
    """List where the photos of a captions file may lie: beside it, or in a folder of images.

    The folder of images that is named after the file's own split comes first.
    """
    places = [*sorted(file.parent.glob("*[iI]mages*")), file.parent / "photos"]
    image_folders = [place for place in places if place.is_dir()]
    split = infer_file_split(file.stem)
    image_folders.sort(key=lambda place: infer_file_split(place.name) != split)
    return [file.parent, folder, *image_folders]


def infer_split(file: Path, folder: Path) -> str | None:
    """Return the split of a captions file, by its folder or by its name, or None."""
    if file.parent != folder:
        return infer_folder_split(file.parent.name)
    if "annotations" in file.stem:  # caption_train_annotations.json
        return infer_file_split(file.stem)
    return None
