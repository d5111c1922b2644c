"""A captioner or classifier as one function from pixels to answers, for other engines.

Beam search, crops and the projection of attention to the photo are inside, so a client only has to
read a photo and join words. Only operations are used that all engines have.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from data.photos.crops import project_to_photo
from exporting.crops import cut_crops
from models.classifier import Classifier
from models.search.compiled import make_search
from models.search.rules import Captions
from models.trained_captioner import TrainedCaptioner
from utils.errors import UserError

Answers = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Graph:
    """A function from pictures uint8 (N, S, S, 3) to named tensors, with N rows each.

    `variables` are those that it reads. A captioner answers with `tokens` (N, K, T) of its K
    captions, the best first, their `scores` (N, K), and the `attention` (N, T, rows, columns) of
    the best one; a classifier with the `probabilities` (N, classes).
    """

    image_size: int
    variables: tuple[keras.Variable, ...]
    answer: Callable[[tf.Tensor], Answers]

    @property
    def signature(self) -> list[tf.TensorSpec]:
        """The function's input; any number of pictures."""
        shape = [None, self.image_size, self.image_size, 3]
        return [tf.TensorSpec(shape, tf.uint8, "pixels")]

    def describe_inputs(self) -> dict[str, Any]:
        """Return type and shape of the input, for people and programs."""
        return {spec.name: _describe(spec) for spec in self.signature}

    def describe_outputs(self) -> dict[str, Any]:
        """Return type and shape of each output, for people and programs."""
        outputs = self.frozen.get_concrete_function().structured_outputs
        return {name: _describe(spec) for name, spec in outputs.items()}

    @cached_property
    def frozen(self) -> tf.types.experimental.PolymorphicFunction:
        """The function with variables replaced by the values that they have now."""
        values = [(variable, variable.numpy()) for variable in self.variables]

        def answer(pixels: tf.Tensor) -> Answers:
            constants = [(variable, tf.constant(value)) for variable, value in values]
            with keras.StatelessScope(constants), _use_portable_updates():
                answers = self.answer(pixels)
            return {name: tf.identity(tensor, name) for name, tensor in answers.items()}

        return tf.function(answer, input_signature=self.signature, autograph=False)


def _describe(spec: tf.TensorSpec | tf.Tensor) -> dict[str, Any]:
    """Return type and shape of a tensor; `null` is the number of photos."""
    return {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}


def make_caption_graph(captioner: TrainedCaptioner, settings: dict[str, Any]) -> Graph:
    """Return the graph of a captioner with these settings of its search."""
    _check_search(settings)
    rules = captioner.make_rules(settings, is_portable=True)
    search = make_search(captioner.decoder, rules)
    encoder, crops = captioner.encoder, settings["crops"]
    projection = _make_projection(captioner, crops)
    prompt = captioner.encode_prompt(settings)
    has_whole = captioner.decoder.locations > captioner.grid[0] * captioner.grid[1]

    def answer(pixels: tf.Tensor) -> Answers:
        features = encoder.encode(cut_crops(pixels, crops))  # (N·crops, L, D)
        locations, depth = features.shape[1:]
        features = tf.reshape(features, [-1, crops * locations, depth])
        seeds = tf.zeros([tf.shape(pixels)[0]], tf.int32)  # nothing is drawn at random
        found = search(features, seeds, tf.constant(prompt) if prompt else None)
        places = _project(found.attention[:, 0], projection, is_rescaled=has_whole)
        shape = [-1, rules.steps, *captioner.grid]
        return {
            "tokens": found.tokens,
            "scores": _compute_scores(found, len(prompt)),
            "attention": tf.reshape(places, shape),
        }

    variables = (*encoder.network.variables, *captioner.decoder.variables)
    return Graph(captioner.image_size, variables, answer)


def _check_search(settings: dict[str, Any]) -> None:
    """Reject searches that draw at random: each engine has its own generator."""
    if settings["sample"]:
        raise UserError(
            "sampled captions (--sample) cannot be exported: omit --sample; if the run samples, "
            "give a --beam"
        )
    if settings["look"] == "drawn":
        raise UserError(
            "locations that are drawn at random (--look drawn) cannot be exported; "
            "give --look likeliest"
        )


def _compute_scores(found: Captions, prompt: int) -> tf.Tensor:
    """Return the geometric mean (N, K) of the probabilities of each caption's words.

    The first words are those of the prompt, which have no probability.
    """
    lengths = tf.reduce_sum(tf.cast(found.tokens != 0, tf.float32), axis=-1) - prompt
    return tf.exp(found.log_probability / tf.maximum(lengths, 1.0))


def _make_projection(captioner: TrainedCaptioner, crops: int) -> np.ndarray | None:
    """Return the matrix (L, rows·columns) from attention to places of the photo.

    L counts the locations of all crops. None stands for a matrix that would change nothing.
    """
    places = captioner.grid[0] * captioner.grid[1]
    locations = captioner.decoder.locations
    if crops == 1 and locations == places:
        return None
    each = np.split(np.eye(crops * locations, dtype=np.float32), crops, axis=1)
    whole = locations - places  # vectors of a crop as a whole, which have no place
    return project_to_photo([columns[:, whole:] for columns in each], captioner.grid)


def _project(
    attention: tf.Tensor, projection: np.ndarray | None, *, is_rescaled: bool
) -> tf.Tensor:
    """Return attention (N, T, places) to places of the photo by that to locations (N, T, L)."""
    if projection is None:
        return attention
    places = tf.einsum("ntl,lp->ntp", attention, tf.constant(projection))
    if not is_rescaled:
        return places
    return places / tf.maximum(tf.reduce_sum(places, axis=-1, keepdims=True), 1e-12)


def make_class_graph(classifier: Classifier) -> Graph:
    """Return the graph of a classifier."""

    def answer(pixels: tf.Tensor) -> Answers:
        return {"probabilities": classifier.predict(pixels)}

    return Graph(classifier.image_size, tuple(classifier.network.variables), answer)


@contextmanager
def _use_portable_updates() -> Iterator[None]:
    """Write the keys and values of a word by operations that OpenVINO and ONNX have, too.

    Keras' own operation for it is known to TensorFlow alone.
    """
    with patch.object(ops, "slice_update", _update_slice):
        yield


def _update_slice(inputs: tf.Tensor, start: list[Any], updates: tf.Tensor) -> tf.Tensor:
    """Return `inputs` with `updates`, which is one place long, at the place that `start` names."""
    axis = next(number for number, place in enumerate(start) if tf.is_tensor(place))
    if updates.shape[axis] != 1:
        raise ValueError(f"one place at a time is updated (got {updates.shape[axis]})")
    is_here = tf.cast(tf.one_hot(start[axis], tf.shape(inputs)[axis]), tf.bool)
    shape = [1] * len(start)
    shape[axis] = -1
    return tf.where(tf.reshape(is_here, shape), updates, inputs)
