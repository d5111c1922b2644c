"""The texts of an exported folder."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # no HTML
)


def fill_in(template: str, /, **values: Any) -> str:
    """Return the text of a template with these values."""
    return _ENVIRONMENT.get_template(template).render(**values)
