"""CLIPScore of photos and captions, with a model whose vectors are known."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from data.photos.photo import Photo
from pipeline import clip_scoring
from pipeline.clip_scoring import ClipScorer, LoadedClip
from tests.helpers.scripts import ROOT

# Captions by their directions: red lies along the first axis, blue along the second.
TEXTS = {"red": (1.0, 0.0), "blue": (0.0, 1.0), "between": (0.6, 0.8)}


class Tokenizer:
    """A token a text, and one more in a text that was cut."""

    def encode(self, text, limit):
        name = text.removeprefix("A photo depicts ")
        assert text != name
        token = list(TEXTS).index(name)
        return [token] if limit > 2 else [token, 0], limit <= 2


class Model:
    """Photos have the direction of their red and blue light, texts that of `TEXTS`."""

    image_size = 4
    reading = {"fit": "crop"}  # noqa: RUF012

    def __init__(self, positions=77):
        self.sizes = {"positions": positions, "projection": 2}
        self.photos = 0

    def fingerprint(self):
        return {"name": "clip", "positions": 77}

    def embed_photos(self, images):
        self.photos += int(images.any(axis=(1, 2, 3)).sum())
        light = images[..., [0, 2]].mean(axis=(1, 2)) + 1e-6
        return light / np.linalg.norm(light, axis=-1, keepdims=True)

    def embed_texts(self, texts):
        directions = list(TEXTS.values())
        return np.array([directions[text[0]] for text in texts], np.float32)


def make_photo(folder, name, colour, captions):
    path = folder / f"{name}.png"
    Image.new("RGB", (8, 4), colour).save(path)
    return Photo(path, path.name, captions, hashlib.sha256(name.encode()).hexdigest(), None)


@pytest.fixture
def photos(tmp_path):
    return [
        make_photo(tmp_path, "first", "red", ("blue", "between")),
        make_photo(tmp_path, "second", "blue", ("red",)),
        make_photo(tmp_path, "third", "red", ("red", "red", "blue")),
    ]


def make_scorer(model, photos, folder):
    return ClipScorer(LoadedClip("hf:some/clip", model, Tokenizer()), photos, folder / "cache")


def test_scores_are_means_over_the_photos(photos, tmp_path):
    """Cosines with photos: 1, 0.8, 0. With references: 0.6, 0.6, 1."""
    scores = make_scorer(Model(), photos, tmp_path).score(["red", "between", "blue"])
    first = 2 * 2.5 * 0.6 / (2.5 + 0.6)
    second = 2 * 2.0 * 0.6 / (2.0 + 0.6)
    assert scores == {
        "CLIPScore": pytest.approx((2.5 + 2.0 + 0.0) / 3, abs=1e-3),
        "RefCLIPScore": pytest.approx((first + second + 0.0) / 3, abs=1e-3),
    }


def test_texts_of_many_batches_keep_their_order(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(clip_scoring, "TOGETHER", 2)
    scorer = make_scorer(Model(), photos, tmp_path)
    assert scorer._embed(["blue", "red", "between"], "texts") == pytest.approx(
        np.array([TEXTS["blue"], TEXTS["red"], TEXTS["between"]])
    )


def test_photos_are_embedded_once_for_all_scorers(photos, tmp_path):
    model = Model()
    make_scorer(model, photos, tmp_path).score(["red", "red", "red"])
    assert model.photos == 3
    make_scorer(model, photos, tmp_path).score(["blue", "red", "red"])
    assert model.photos == 3


def test_notes_name_the_model_and_what_was_cut(photos, tmp_path):
    scorer = make_scorer(Model(), photos, tmp_path)
    (note,) = scorer.describe(["red", "red", "red"], "en")
    assert "hf:some/clip" in note
    assert "A photo depicts" in note
    assert "English" in scorer.describe(["red"], "ko")[1]
    short = make_scorer(Model(positions=2), photos, tmp_path)
    assert "first 2 tokens of 3 captions" in short.describe(["red", "red", "red"], "en")[1]


def test_the_loaded_model_has_its_name_and_tokenizer():
    folder = ROOT / "tests/fixtures/clip"
    clip_scoring.check_folder(folder)
    clip = clip_scoring.load_clip(folder, "tensorflow")
    assert clip.name == f"hf:{folder}"
    assert clip.tokenizer.end == clip.model.end == 599
