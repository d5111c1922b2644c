"""A CLIP model: photos and texts to vectors whose products say how well they match."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.clip.text_tower import TextTower
from models.encoders.encoder import Encoder
from models.pretrained import clip_text
from models.pretrained.clip import CLIP
from models.pretrained.folder import Weights, read_reading
from models.pretrained.loading import assign_weights
from utils.hugging_face import PREFIX

BICUBIC = 3  # Pillow's number


class ClipModel:
    """Both halves of a CLIP model (Radford et al. 2021) from a Hugging Face folder.

    Its vectors have the length 1, so the product of two is their cosine.
    """

    def __init__(self, folder: Path, *, engine: str = "auto") -> None:
        """Load the weights; `engine` runs the vision tower, always in float32."""
        self.sizes = clip_text.read_text_sizes(folder)
        self.end = clip_text.read_end(folder)
        self._encoder = Encoder(CLIP.encoder, weights=f"{PREFIX}{folder}", engine=engine)
        self.reading = read_reading(folder, self.image_size, resample=BICUBIC, fit="crop")
        self._text_tower = TextTower(**self.sizes)
        self._photo_projection = keras.layers.Dense(
            self.sizes["projection"], use_bias=False, name="photo_projection"
        )
        self._photo_projection.build((None, self._encoder.depth))
        arrays = Weights(folder, str)
        variables = [*self._text_tower.weights, *self._photo_projection.weights]
        assign_weights(variables, arrays, clip_text.find_source, str(folder))
        signature = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)]
        self._run_text_tower = tf.function(self._text_tower, input_signature=signature)

    @property
    def image_size(self) -> int:
        return self._encoder.image_size

    def embed_photos(self, images: np.ndarray) -> np.ndarray:
        """Return the vectors (B, E) of uint8 pictures (B, S, S, 3)."""
        states = self._encoder(images)[:, 0]  # of the class token
        return _normalise(states @ self._photo_projection.kernel.numpy())

    def embed_texts(self, texts: Sequence[Sequence[int]]) -> np.ndarray:
        """Return the vectors (B, E) of texts as tokens, each with its start and end token."""
        tokens = np.zeros((len(texts), max(map(len, texts))), np.int32)
        for row, text in enumerate(texts):
            tokens[row, : len(text)] = text
        ends = np.array([self._find_end(text) for text in texts], np.int32)
        return _normalise(self._run_text_tower(tokens, ends).numpy())

    def _find_end(self, text: Sequence[int]) -> int:
        """Return the place of the end token: the first, or in old models the highest number."""
        end = max(text) if self.end is None else self.end
        return list(text).index(end)

    def fingerprint(self) -> dict[str, Any]:
        """Return everything that the vectors of photos depend on, for cache keys."""
        projection = np.ascontiguousarray(self._photo_projection.kernel.numpy())
        digest = hashlib.sha256(projection.tobytes()).hexdigest()
        return {**self._encoder.fingerprint(), "reading": self.reading, "projection": digest}


def _normalise(vectors: np.ndarray) -> np.ndarray:
    """Return the vectors with the length 1."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
