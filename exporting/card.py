"""README.md of an exported folder: the model card."""

import json
from pathlib import Path
from typing import Any

from data.text.language import LANGUAGE_NAMES, normalize_language
from exporting.client import FITS
from exporting.formats import FORMATS
from exporting.graph_reader import INEXACT, UNREADABLE
from exporting.source import Source
from exporting.templates import fill_in
from reports.score_names import format_score, get_score_name
from reports.scores import list_scores
from utils.files import format_bytes
from utils.runs import read_scores

_PEOPLE = (
    "People in photos are described by what the training captions say of people, prejudices "
    "included."
)


def write_card(
    source: Source, format: str, signature: dict[str, Any], *, size: int, client: str,
    licence: str | None,
) -> str:  # fmt: skip
    """Return the card; `size` is that of the model in bytes, `client` the text of client.py."""
    scores = read_scores(source.run) if source.run.is_dir() else None
    language = source.config.get("language")
    return fill_in(
        "README.md.jinja",
        name=source.name,
        kind=source.kind,
        scenes=source.config.get("scenes", False),
        language=language,
        language_name=_name_language(language),
        classes=len(source.config.get("classes", ())),
        model=signature["model"],
        weights_file="captioner.bin" if format == "openvino" else None,
        weights_in=signature["weights_in"],
        size=format_bytes(size),
        reads_itself=format == "saved_model",
        runs_in=FORMATS[format].runs_in,
        client_lines=len(client.splitlines()),
        network=_describe_network(source),
        parameters=source.parameters,
        image_size=source.model.image_size,
        fit=FITS[source.reading.fit],
        search=source.search,
        token_name=None if source.is_classifier else source.model.tokenizer.token_name,
        data=_describe_data(source),
        licence=licence,
        licence_tag=json.dumps(licence),
        language_tag=json.dumps(language),
        scores=_list_scores(source, scores),
        photos=(scores or {}).get("images"),
        split=(scores or {}).get("split", "test"),
        people=_PEOPLE,
        unreadable="; ".join(UNREADABLE),
        inexact="; ".join(INEXACT),
        outputs={name: _describe(spec) for name, spec in signature["outputs"].items()},
    )


def _describe(spec: dict[str, Any]) -> str:
    """Return type and shape of a tensor; its first side is the number of photos."""
    sides = ["photos" if side is None else str(side) for side in spec["shape"]]
    return f"{spec['dtype']}, {' x '.join(sides)}"


def _name_language(language: str | None) -> str:
    if language is None:
        return "an unknown language"
    return LANGUAGE_NAMES.get(normalize_language(language), language)


def _describe_network(source: Source) -> str:
    config = source.config
    if source.is_classifier:
        return f"a CNN with the trunk {config['trunk']}"
    return f"{config['encoder']}, then {config['decoder']} with {config['attention']} attention"


def _describe_data(source: Source) -> str:
    """Return the name of the dataset, without the folder in which it lay."""
    dataset = source.config.get("dataset")
    if dataset is None:
        return "see the model that it comes from"
    path = Path(dataset)
    return f"the dataset {path.parent.name if path.suffix else path.name}"


def _list_scores(source: Source, scores: dict[str, Any] | None) -> list[list[str]]:
    if not scores:
        return []
    if source.is_classifier:
        names = ("accuracy", "Top5", "loss")
        return [[get_score_name(n), format_score(scores[n])] for n in names if n in scores]
    missing = format_score(None)
    return [row for row in list_scores(scores) if row[1] != missing]
