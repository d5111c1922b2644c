"""The server of serve.py in this process, with a model that needs no training and no TensorFlow."""

import base64
import io
from contextlib import contextmanager

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from data.photos.images import read_photo
from serving.app import make_app
from serving.model import CaptionAnswer, ClassAnswer, ReadPhoto
from serving.options import ServerOptions
from serving.service import Service

SIDE = 8
BROKEN = 13  # the brightness at which the model fails


class FakeModel:
    """Captions photos with their brightness, and with the beam if one was asked for."""

    name = "fake"

    def __init__(self, *, is_captioner=True):
        self.is_captioner = is_captioner
        self.batches = []

    def read(self, photo):
        return ReadPhoto(read_photo(photo, (SIDE, SIDE)), (1, 1))

    def predict(self, photos, beam):
        self.batches.append(len(photos))
        return [self._answer(int(photo.pixels.mean()), beam) for photo in photos]

    def _answer(self, brightness, beam):
        if brightness == BROKEN:
            raise RuntimeError("secret")
        if not self.is_captioner:
            return ClassAnswer([("bright", brightness / 256), ("dark", 1 - brightness / 256)])
        words = ["brightness", str(brightness)]
        if beam is not None:
            words += ["beam", str(beam)]
        text = " ".join(words)
        maps = np.full((len(words), 2, 3), 1 / 6, np.float32)
        return CaptionAnswer(text, 0.5, words, maps, [(text, 0.5), ("other", 0.25)])


def make_photo(grey=100, format="PNG"):
    """Return the file of a photo of one grey."""
    file = io.BytesIO()
    Image.new("RGB", (10, 10), (grey, grey, grey)).save(file, format)
    return file.getvalue()


def encode(photo):
    return base64.b64encode(photo).decode()


@contextmanager
def run_app(model=None, *, is_loaded=True, token=None, origins=(), raises=True, **options):
    """Run the application; give a client and its service."""
    service = Service(ServerOptions(**options), "fake")
    if is_loaded:
        service.model = model or FakeModel()
    app = make_app(service, token=token, origins=origins)
    with TestClient(app, raise_server_exceptions=raises) as client:
        yield client, service
