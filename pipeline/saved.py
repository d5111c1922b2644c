"""Read what a run, or a captioner of others that is named in its place, says of itself."""

from pathlib import Path
from typing import Any

from utils import runs
from utils.exports import is_export, read_exported_config
from utils.hugging_face import is_hugging_face


def read_saved_config(run: Path) -> dict[str, Any]:
    """Return a run's config.json, or what it would say of hf:FOLDER or an exported folder."""
    if is_export(run):
        return read_exported_config(run)
    if not is_hugging_face(run):
        return runs.read_config(run)
    # It loads TensorFlow, which takes seconds, and runs are read without it.
    from models.pretrained.families import read_run_config

    return read_run_config(run)
