"""SavedModel: TensorFlow's own format, which reads photos and writes sentences by itself.

It has three signatures: `serving_default` takes the bytes of photos, `caption_pixels` takes pixels,
and `answer_pixels` answers with tokens as the other formats do. A classifier has the first, and
`answer_pixels`.
"""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from data.photos.reading import Reading
from exporting.graph import Answers, Graph
from exporting.graph_reader import make_reader
from exporting.graph_words import make_words_reader
from exporting.source import Source
from utils.quiet import hold_standard_error

WordsReader = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
VERSION = "1"  # the folder that TensorFlow Serving looks for


class Exported(tf.Module):
    """A graph with the variables that it reads, and its signatures."""

    def __init__(self, graph: Graph, reading: Reading, read_words: WordsReader | None) -> None:
        """`read_words` makes words and sentences of tokens; a classifier has none."""
        super().__init__()
        # Variables alone: a Keras model as an attribute would be traced, and cannot be.
        self.held = [variable.value for variable in graph.variables]
        self._read_words = read_words
        self._read = make_reader(graph.image_size, reading)
        self._size = graph.image_size
        self.body = tf.function(graph.answer, input_signature=graph.signature, autograph=False)

    def find_signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Return the functions that a client can call, by name."""
        images = tf.TensorSpec([None], tf.string, "images")
        pixels = self.body.input_signature[0]
        answer = self.body if self._read_words is None else self._caption

        def answer_images(images: tf.Tensor) -> Answers:
            return answer(self._read_all(images))

        signatures = {
            "serving_default": _trace(answer_images, images),
            "answer_pixels": _trace(self.body, pixels),
        }
        if self._read_words is not None:
            signatures["caption_pixels"] = _trace(answer, pixels)
        return signatures

    def _read_all(self, images: tf.Tensor) -> tf.Tensor:
        shape = [self._size, self._size, 3]
        return tf.map_fn(self._read, images, fn_output_signature=tf.TensorSpec(shape, tf.uint8))

    def _caption(self, pixels: tf.Tensor) -> Answers:
        """Return captions in words: the best one, and all candidates."""
        answers = self.body(pixels)
        words, texts = self._read_words(answers["tokens"])  # (N, K, T) and (N, K)
        return {
            "caption": texts[:, 0],
            "score": answers["scores"][:, 0],
            "candidates": texts,
            "candidate_scores": answers["scores"],
            "words": words[:, 0],
            "attention": answers["attention"],
        }


def _trace(
    function: Callable[[tf.Tensor], Answers], spec: tf.TensorSpec
) -> tf.types.experimental.ConcreteFunction:
    return tf.function(function, input_signature=[spec], autograph=False).get_concrete_function()


def write(source: Source, folder: Path, *, weights_in: str) -> None:
    """Write the model into the folder `1`, as TensorFlow Serving wants it."""
    if weights_in != "float32":
        raise ValueError("a SavedModel has the variables of the run, which are in float32")
    read_words = None if source.is_classifier else make_words_reader(source.model.tokenizer)
    exported = Exported(source.graph, source.reading, read_words)
    with hold_standard_error():
        tf.saved_model.save(exported, folder / VERSION, signatures=exported.find_signatures())
