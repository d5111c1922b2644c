"""Settings as a new run would choose them, without a dataset on disk."""

from pathlib import Path

from pipeline.resume import New, Request
from pipeline.settings import choose


def choose_settings(options=None, *, scenes=False):
    """Choose settings for these options, on the built-in scenes or on photographs."""
    options = dict(options or {})
    if options.get("preset") == "classifier":
        options.setdefault("dataset", "pictures")
    else:
        options.setdefault("dataset", "scenes" if scenes else "photographs")
    return choose(Request(options), New(Path("checkpoints/new")))
