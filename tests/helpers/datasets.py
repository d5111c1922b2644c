"""Made-up datasets in the syntax of the real ones, and what is read from them."""

import json
import os

import pytest

from data.sources import read
from data.sources.base import CaptionRows, Row, gather
from utils.errors import UserError

ROOT_READS_ALL = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
TWO_CAPTIONS = ("A dog runs .", "A café .")


def write_files(folder, *photos, files=None):
    """Write stand-ins for photos, and files of text, bytes or JSON; return the folder."""
    contents = dict.fromkeys(photos, b"a picture, as far as captions go")
    for name, content in (contents | (files or {})).items():
        if not isinstance(content, str | bytes):
            content = json.dumps(content, ensure_ascii=False, indent=1)
        if isinstance(content, str):
            content = content.encode()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def get_captions(source):
    """Return the captions by the names of the photos' files."""
    return {example.photo.name: example.captions for example in source.examples}


def get_splits(source):
    """Return the splits by the names of the photos' files."""
    return {example.photo.name: example.split for example in source.examples}


def get_error(path, **options):
    """Return the message with which a dataset is refused, after checking that it is one line."""
    with pytest.raises(UserError) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def gather_rows(folder, *rows, roots=(".",), outside=False, **options):
    """Gather rows (name, caption[, split]).

    Return captions and split by the photos' paths, and what is left out.
    """
    numbered = []
    for line, (name, caption, *split) in enumerate(rows, start=2):
        numbered.append(Row(name, caption, split[0] if split else None, f"list.csv, line {line}"))
    captions = CaptionRows(numbered, [folder / root for root in roots], **options)
    examples, left_out = gather([captions], folder, outside=outside)
    found = {}
    for example in examples:
        path = example.photo.relative_to(folder).as_posix()
        found[path] = (example.captions, example.split)
    return found, left_out


def make_coco(images, annotations):
    """Return COCO's object of images {number: file name} and annotations [(number, caption)]."""
    return {
        "info": {"year": 2017},
        "licenses": [{"id": 1, "name": "own", "url": "http://example.org"}],
        "images": [
            {"license": 1, "file_name": name, "height": 48, "width": 64, "id": number}
            for number, name in images.items()
        ],
        "annotations": [
            {"image_id": image, "id": number, "caption": caption}
            for number, (image, caption) in enumerate(annotations)
        ],
    }


def make_karpathy(*photos):
    """Return Karpathy's object of photos (name, perhaps after a folder; split; captions)."""
    images = []
    for number, (name, split, captions) in enumerate(photos):
        sentences = []
        for sentence, caption in enumerate(captions):
            tokens = caption.lower().strip(" .").split()
            sentences.append(
                {"tokens": tokens, "raw": caption, "imgid": number, "sentid": sentence}
            )
        folder, _, own = name.rpartition("/")
        image = {"filepath": folder} if folder else {}
        image |= {
            "sentids": list(range(len(sentences))),
            "imgid": number,
            "sentences": sentences,
            "split": split,
            "filename": own,
        }
        images.append(image)
    return {"images": images, "dataset": "flickr8k"}


# Of each format: the photo, the captions file, its content, and the split that it gives.
SAMPLES = {
    "results": (
        "a.jpg",
        "captions.csv",
        "path,caption,mark,score\na.jpg,A dog runs .,0-1,0.5\na.jpg,A café .,0-1,0.5\n",
        None,
    ),
    "csv": (
        "a.jpg",
        "captions.csv",
        "photo,caption,split\na.jpg,A dog runs .,val\na.jpg,A café .,val\n",
        "val",
    ),
    "jsonl": (
        "a.jpg",
        "captions.jsonl",
        '{"photo": "a.jpg", "caption": "A dog runs .", "split": "test"}\n'
        '{"photo": "a.jpg", "caption": "A café ."}\n',
        "test",
    ),
    "karpathy": (
        "Flicker8k_Dataset/a.jpg",
        "dataset_flickr8k.json",
        make_karpathy(("a.jpg", "restval", TWO_CAPTIONS)),
        "train",
    ),
    "aihub": (
        "val2014/a.jpg",
        "MSCOCO_train_val_Korean.json",
        [
            {
                "file_path": "val2014/a.jpg",
                "captions": ["A dog.", "A shop."],
                "id": 7,
                "caption_ko": list(TWO_CAPTIONS),
            }
        ],
        "val",
    ),
    "coco": (
        "train2017/a.jpg",
        "annotations/captions_train2017.json",
        make_coco({7: "a.jpg"}, [(7, TWO_CAPTIONS[0]), (7, TWO_CAPTIONS[1])]),
        "train",
    ),
    "flickr8k": (
        "Flicker8k_Dataset/a.jpg",
        "Flickr8k.token.txt",
        "a.jpg#0\tA dog runs .\na.jpg#1\tA café .\n",
        None,
    ),
    "flickr30k": (
        "flickr30k_images/a.jpg",
        "results.csv",
        "image_name| comment_number| comment\na.jpg| 0| A dog runs .\na.jpg| 1| A café .\n",
        None,
    ),
    "texts": ("train/a.jpg", "train/a.txt", "A dog runs .\nA café .\n", "train"),
}


def write_sample(folder, name, change=lambda text: text):
    """Write a format's sample, a photo with TWO_CAPTIONS, with the captions file's text changed.

    Return the paths of the photo and of the captions file.
    """
    photo, file, content, _ = SAMPLES[name]
    if not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False, indent=1)
    write_files(folder, photo, files={file: change(content)})
    return folder / photo, folder / file
