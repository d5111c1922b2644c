"""CLIPScore of captions: a CLIP model, and the vectors of photos, captions and references."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data.feature_cache import FeatureCache
from data.feature_extraction import extract_features
from data.photos.crops import Crops
from data.photos.photo import Photo
from data.photos.reading import Reading
from data.text.clip import ClipTokenizer, load_clip_tokenizer
from models.clip.model import ClipModel
from models.pretrained.clip_text import check_clip, read_end, read_text_sizes
from utils.hugging_face import describe, name_folder
from utils.metrics.clip_score import PROMPT, score_against_photos, score_with_references
from utils.progress import progress
from utils.terminal import say

TOGETHER = 64  # texts embedded at a time


@dataclass(frozen=True)
class LoadedClip:
    """A CLIP model with its tokenizer; `name` says which one in reports."""

    name: str
    model: ClipModel
    tokenizer: ClipTokenizer


def check_folder(folder: Path) -> None:
    """Reject a folder that holds no CLIP model with both halves; its weights are read later."""
    check_clip(folder)
    _load_tokenizer(folder)


def load_clip(folder: Path, engine: str) -> LoadedClip:
    """Load the CLIP model of a folder."""
    model = ClipModel(folder, engine=engine)
    return LoadedClip(describe(name_folder(folder)), model, _load_tokenizer(folder))


def _load_tokenizer(folder: Path) -> ClipTokenizer:
    rows = read_text_sizes(folder)["vocabulary"]
    return load_clip_tokenizer(folder, rows=rows, end=read_end(folder))


class ClipScorer:
    """Scores captions of the same photos repeatedly; each photo and reference is embedded once."""

    def __init__(self, clip: LoadedClip, photos: Sequence[Photo], cache: Path) -> None:
        """`cache` is the folder of the feature cache, which keeps the photos' vectors."""
        self.name = clip.name
        self._clip = clip
        self._photos = _embed_photos(clip, photos, cache)
        self._references = [photo.captions for photo in photos]

    def score(self, captions: Sequence[str]) -> dict[str, float]:
        """Return the mean scores of one caption a photo."""
        vectors = self._embed(captions, "captions of CLIPScore")
        clip_scores = score_against_photos(self._photos, vectors)
        with_references = score_with_references(clip_scores, vectors, self._reference_vectors)
        return {
            "CLIPScore": float(clip_scores.mean()),
            "RefCLIPScore": float(with_references.mean()),
        }

    def describe(self, captions: Sequence[str], language: str) -> list[str]:
        """Return what a reader of the scores must know."""
        notes = [
            f"CLIPScore and RefCLIPScore are by {self.name}, which reads {PROMPT.strip()!r} before "
            "each caption"
        ]
        if language != "en":
            notes.append("most CLIP models know English alone; these captions are in another one")
        cut = sum(self._encode(caption)[1] for caption in captions)
        if cut:
            limit = self._clip.model.sizes["positions"]
            notes.append(f"CLIP saw only the first {limit} tokens of {cut} captions")
        return notes

    @cached_property
    def _reference_vectors(self) -> list[np.ndarray]:
        """The vectors (R, E) of the references of each photo."""
        texts = [text for references in self._references for text in references]
        vectors = self._embed(texts, "references of CLIPScore")
        ends = np.cumsum([len(references) for references in self._references])
        return np.split(vectors, ends[:-1])

    def _encode(self, text: str) -> tuple[list[int], bool]:
        limit = self._clip.model.sizes["positions"]
        return self._clip.tokenizer.encode(PROMPT + text, limit)

    def _embed(self, texts: Sequence[str], noun: str) -> np.ndarray:
        """Return the vectors (N, E) of texts. Texts of similar length are embedded together."""
        tokens = [self._encode(text)[0] for text in texts]
        order = sorted(range(len(texts)), key=lambda number: len(tokens[number]))
        vectors = np.empty((len(texts), self._clip.model.sizes["projection"]), np.float32)

        def embed_parts() -> Iterator[int]:
            for first in range(0, len(order), TOGETHER):
                part = order[first : first + TOGETHER]
                vectors[part] = self._clip.model.embed_texts([tokens[number] for number in part])
                yield len(part)

        for _ in progress(embed_parts(), len(texts), noun):
            pass
        return vectors


def _embed_photos(clip: LoadedClip, photos: Sequence[Photo], cache: Path) -> np.ndarray:
    """Return the vectors (N, E) of photos, from the feature cache as far as they are there."""
    model = clip.model
    say(f"CLIPScore: {clip.name}")
    features = FeatureCache(cache, model.fingerprint())

    def encode(images: Any) -> np.ndarray:
        return model.embed_photos(images)[:, None]  # (B, 1, E)

    views = Crops(1, Reading(**model.reading))
    pairs = [(photo, "") for photo in photos]
    extract_features(pairs, features, encode, image_size=model.image_size, views=views)
    vectors = features.get([photo.hash for photo in photos])[:, 0].astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
