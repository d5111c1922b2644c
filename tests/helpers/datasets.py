"""Made-up datasets in the syntax of the real ones, and what is read of them."""

import json
import os

import pytest

from data.sources import read
from utils.errors import UserError

ROOT_READS_ALL = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
TWO = ("A dog runs .", "A café .")


def folder_with(folder, *photos, files=None):
    """The folder, with files named as photos, and with files of text, of bytes, or of what is then written as JSON."""
    for name, content in [
        *((photo, b"a picture, as far as captions go") for photo in photos),
        *(files or {}).items(),
    ]:
        if not isinstance(content, str | bytes):
            content = json.dumps(content, ensure_ascii=False, indent=1)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def captions(dataset):
    return {example.photo.name: example.captions for example in dataset.examples}


def splits(dataset):
    return {example.photo.name: example.split for example in dataset.examples}


def refusal(path, **options):
    """The text with which a dataset is refused: one line."""
    with pytest.raises(UserError) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def coco(images, annotations):
    """COCO's object: of images {number: file name} and of annotations [(image's number, caption)]."""
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


def karpathy(*photos):
    """Karpathy's object: of (file name, split, captions), the name perhaps with a folder before it."""
    images = []
    for number, (name, split, told) in enumerate(photos):
        place, _, own = name.rpartition("/")
        sentences = [
            {
                "tokens": caption.lower().strip(" .").split(),
                "raw": caption,
                "imgid": number,
                "sentid": sentid,
            }
            for sentid, caption in enumerate(told)
        ]
        images.append(
            ({"filepath": place} if place else {})
            | {
                "sentids": [each["sentid"] for each in sentences],
                "imgid": number,
                "sentences": sentences,
                "split": split,
                "filename": own,
            }
        )
    return {"images": images, "dataset": "flickr8k"}


# Of each format: where the photo lies, the captions file, what it holds, and the split that it tells.
SAMPLES = {
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
        karpathy(("a.jpg", "restval", TWO)),
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
                "caption_ko": list(TWO),
            }
        ],
        "val",
    ),
    "coco": (
        "train2017/a.jpg",
        "annotations/captions_train2017.json",
        coco({7: "a.jpg"}, [(7, TWO[0]), (7, TWO[1])]),
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


def sample(folder, name, changed=lambda text: text):
    """A dataset of this format with one photo that has TWO captions, and its captions file, whose text is changed."""
    photo, file, content, _ = SAMPLES[name]
    content = (
        content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
    )
    folder_with(folder, photo, files={file: changed(content)})
    return folder / photo, folder / file
