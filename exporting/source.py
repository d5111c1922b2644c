"""The source of an export: a run, its networks, and the graph that they make together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data.photos.reading import DEFAULT, Reading
from exporting.graph import Graph, make_caption_graph, make_class_graph
from models.classifier import Classifier
from models.trained_captioner import TrainedCaptioner, load_run
from utils import runs
from utils.hugging_face import describe, is_hugging_face


@dataclass(frozen=True)
class Source:
    """A run with its captioner or classifier; `changes` are settings that are not the run's."""

    run: Path
    config: dict[str, Any]
    model: TrainedCaptioner | Classifier
    changes: dict[str, Any]

    @cached_property
    def graph(self) -> Graph:
        """The model as one function; made when a format needs it."""
        if self.is_classifier:
            return make_class_graph(self.model)
        return make_caption_graph(self.model, self.search)

    @property
    def search(self) -> dict[str, Any]:
        """All settings of the captions; a classifier has none."""
        return {} if self.is_classifier else self.model.settings

    @property
    def is_classifier(self) -> bool:
        return isinstance(self.model, Classifier)

    @property
    def name(self) -> str:
        """The run's name for people, without a folder of this machine."""
        if is_hugging_face(self.run):
            return Path(describe(self.run)).name
        return self.run.resolve().name

    @property
    def kind(self) -> str:
        """The kind of its answers: captions or classes."""
        return "classes" if self.is_classifier else "captions"

    @property
    def reading(self) -> Reading:
        """The way in which photos become the network's pixels."""
        return DEFAULT if self.is_classifier else self.model.reading

    @property
    def parameters(self) -> int:
        """The number of weights."""
        if self.is_classifier:
            networks = [self.model.network]
        else:
            networks = [self.model.encoder.network, self.model.decoder]
        return sum(network.count_params() for network in networks)

    def select_facts(self, names: Iterable[str]) -> dict[str, Any]:
        """Return what the run's config says under these names."""
        return {name: self.config[name] for name in names if name in self.config}

    def answer(self, photos: Sequence[Path]) -> list[tuple[str, float]]:
        """Return the caption of each photo with its score, or the class with its probability."""
        answers = self.model(photos)
        if self.is_classifier:
            return [answer.likeliest(1)[0] for answer in answers]
        return [(answer.text, answer.score) for answer in answers]


def load_source(
    run: Path, config: dict[str, Any], *, weights: str | None, changes: dict[str, Any]
) -> Source:
    """Load a run's networks; `changes` are settings of the search other than the run's.

    Products are in float32: it is what all engines have.
    """
    if runs.is_classifier(config):
        return Source(run, config, Classifier.load(run), {})
    captioner = load_run(run, weights=weights, engine="tensorflow", precision="float32")
    if "beam" in changes and "sample" not in changes:
        changes = changes | {"sample": False}  # a run that samples can be exported with a beam
    captioner.settings = captioner.change_settings(changes)
    return Source(run, config, captioner, changes)
