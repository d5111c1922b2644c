"""An exported folder: the model, and what is needed to run and to understand it."""

import hashlib
from dataclasses import asdict
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from exporting.card import write_card
from exporting.client import write_client
from exporting.formats import FORMATS, TRANSFORMERS
from exporting.joining import describe_joining
from exporting.source import Source
from exporting.templates import fill_in
from pipeline.saved_calibration import read_run_calibration
from utils.calibration import write_calibration
from utils.errors import UserError
from utils.exports import SIGNATURE, VERSION
from utils.files import size_of, write_json, write_text

# What a run's config says that also holds for the exported folder.
_RUN_FACTS = ("preset", "language", "scenes", "encoder", "decoder", "tokenizer", "classes")


def write_folder(
    source: Source, format: str, folder: Path, *, weights_in: str, licence: str | None
) -> None:
    """Write everything into an empty folder; the weights are in float16 or float32."""
    if format == "huggingface":
        _write_hugging_face_folder(source, folder, licence)
        return
    # Imported here: each module brings the packages of its format.
    import_module(f"exporting.{format}").write(source, folder, weights_in=weights_in)
    joining = None
    if source.is_classifier:
        write_text(folder / "labels.txt", "\n".join(source.model.classes) + "\n")
    else:
        joining = describe_joining(source.model.tokenizer)
        source.model.tokenizer.save(folder / "vocabulary.json")
        calibration = read_run_calibration(source.run)
        if calibration is not None and not calibration.list_changes(source.changes):
            write_calibration(folder, calibration)
    client = write_client(format, source.reading, source.kind, joining)
    write_text(folder / "client.py", client)
    write_text(folder / "requirements.txt", list_requirements(format))
    signature = describe(source, format, folder, weights_in, joining)
    size = _measure_model(folder, format)
    card = write_card(source, format, signature, size=size, client=client, licence=licence)
    write_text(folder / "README.md", card)
    write_json(folder / SIGNATURE, signature)


def _write_hugging_face_folder(source: Source, folder: Path, licence: str | None) -> None:
    """Write a folder that transformers opens; it says of itself what others need to know."""
    from exporting.huggingface import write_model  # imports KerasHub, which takes seconds

    if source.is_classifier:
        raise UserError("--to huggingface writes captioners, and this run is a classifier")
    write_model(source.model, source.config, folder)
    client = fill_in("huggingface_client.py.jinja")
    write_text(folder / "client.py", client)
    write_text(folder / "requirements.txt", "\n".join(TRANSFORMERS) + "\n")
    size = size_of(folder / FORMATS["huggingface"].model)
    signature = {"model": FORMATS["huggingface"].model, "weights_in": "float32", "outputs": {}}
    card = write_card(source, "huggingface", signature, size=size, client=client, licence=licence)
    write_text(folder / "README.md", card)


def describe(
    source: Source, format: str, folder: Path, weights_in: str, joining: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the content of signature.json; the model lies in `folder` already."""
    signature = {
        "version": VERSION,
        "format": format,
        "model": FORMATS[format].model,
        "weights_in": weights_in,
        "kind": source.kind,
        "image_size": source.graph.image_size,
        "reading": asdict(source.reading),
        "inputs": source.graph.describe_inputs(),
        "outputs": source.graph.describe_outputs(),
        "run": source.select_facts(_RUN_FACTS) | {"name": source.name},
        "sha256": _hash_files(folder),
        "versions": _list_versions(format),
    }
    if not source.is_classifier:
        signature |= {"grid": list(source.model.grid), "search": source.search, "joining": joining}
    return signature


def _measure_model(folder: Path, format: str) -> int:
    """Return the bytes of the model's files; OpenVINO keeps weights in a second one."""
    model = folder / FORMATS[format].model
    files = [model] if model.is_dir() else list(folder.glob(f"{model.stem}.*"))
    return sum(map(size_of, files))


def _hash_files(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file in the folder, by its name there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def _list_versions(format: str) -> dict[str, str]:
    names = ["tensorflow", "keras"]
    if format != "saved_model":
        names.append(FORMATS[format].runtime)
    return {name: _find_version(name) for name in names}


def list_requirements(format: str) -> str:
    """Return the packages that client.py needs, each as it is installed here."""
    runtime = FORMATS[format].runtime
    if format == "saved_model":
        names = [runtime]
    else:
        names = [runtime, "numpy", "pillow"]
    return "".join(f"{name}=={_find_version(name)}\n" for name in names)


def _find_version(package: str) -> str:
    """Return the version that is installed; TensorFlow comes under two names."""
    for name in (package, f"{package}-cpu", package.removesuffix("-cpu")):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    raise UserError(f"the package {package} is not installed; make export")
