"""Photos with captions as an evaluation finds them, without a network."""

from types import SimpleNamespace

import numpy as np
from PIL import Image

from config import Settings
from pipeline.evaluation import Evaluation, Result
from utils.predictions import Caption

THREE_PHOTOS = [
    ("A dog runs.", "Two dogs run in the park.", "a dog in a park"),
    ("A cat sleeps.", "a cat"),
    ("a red car",),
]


def make_result(
    folder,
    texts,
    references=THREE_PHOTOS,
    *,
    language="en",
    missing=(),
    size=(60, 40),
    has_attention=True,
):
    """Return a evaluation and its result; all photos but the missing ones are in the folder."""
    photos = []
    for number, captions in enumerate(references):
        path = folder / f"{number}.png"
        if number not in missing:
            Image.new("RGB", size, (20 * number % 256, 90, 30)).save(path)
        photos.append(SimpleNamespace(name=path.name, captions=captions, path=path))
    captions = []
    for text in texts:
        words = text.split()
        attention = np.full((len(words), 6), 1 / 6)
        if has_attention:
            attention[np.arange(len(words)), np.arange(len(words)) % 6] = 0.5
        captions.append(Caption(text, 0.5, words, attention, (2, 3), []))
    settings = Settings.from_flat({"language": language})
    evaluation = Evaluation("test", None, photos, None, None, settings)
    return evaluation, Result("test", {}, ["a note & more"], photos, captions)
