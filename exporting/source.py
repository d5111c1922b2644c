"""What is exported: a run, its networks, and the graph that they make together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    """A run with its captioner or classifier.

    `search` has all settings of the captions, `changes` those that are not the run's.
    """

    run: Path
    config: dict[str, Any]
    model: TrainedCaptioner | Classifier
    graph: Graph
    search: dict[str, Any]
    changes: dict[str, Any]

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
        """What it answers with: captions or classes."""
        return "classes" if self.is_classifier else "captions"

    @property
    def reading(self) -> Reading:
        """How photos become the network's pixels."""
        return DEFAULT if self.is_classifier else self.model.reading

    @property
    def parameters(self) -> int:
        """The number of weights."""
        floats = [each for each in self.graph.variables if each.dtype.startswith("float")]
        return sum(variable.value.shape.num_elements() for variable in floats)

    def select_facts(self, names: Iterable[str]) -> dict[str, Any]:
        """Return what the run's config says under these names."""
        return {name: self.config[name] for name in names if name in self.config}

    def answer(self, photos: Sequence[Path]) -> list[tuple[str, float]]:
        """Return the caption of each photo with its score, or the class with its probability."""
        answers = self.model(photos, **self.changes)
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
        classifier = Classifier.load(run)
        return Source(run, config, classifier, make_class_graph(classifier), {}, {})
    captioner = load_run(run, weights=weights, engine="tensorflow", precision="float32")
    search = captioner.change_settings(changes)
    return Source(run, config, captioner, make_caption_graph(captioner, search), search, changes)
