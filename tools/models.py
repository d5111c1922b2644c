"""List captioners on the Hugging Face Hub that are known to work, or download some now.

python -m tools.models                     name, size, licence, languages, score, whether downloaded
python -m tools.models hf:OWNER/NAME       download it, for a machine or a time without network
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse

from utils import command_line
from utils.errors import run_script
from utils.hub import cache
from utils.hub.find import find_model
from utils.hub.known import KNOWN, KnownModel
from utils.hub.name import parse_name
from utils.hugging_face import PREFIX
from utils.tables import format_table
from utils.terminal import output

# The columns of doc/captioning.md, in which nobody's cache is a column.
COLUMNS = ("name", "family", "size", "licence", "languages", "CIDEr on COCO", "source of the score")
CACHE_COLUMN = "downloaded"


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__.partition("\n\n")[2])
    parser.prog = "python -m tools.models"
    parser.add_argument(
        "model",
        nargs="*",
        metavar="hf:OWNER/NAME[@REVISION]",
        help="models to download now (default: list those that are known to work)",
    )
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """List the models, or download some."""
    names = command_line.parse_typed(make_options())["model"]
    if not names:
        output(format_models())
        return 0
    models = [parse_name(name.removeprefix(PREFIX)) for name in names]
    for model in models:
        output(f"{PREFIX}{model} is in {find_model(model)}")
    return 0


def format_models() -> str:
    """Return the table of all known models."""
    rows = []
    for known in KNOWN:
        rows.append([*make_row(known), "yes" if is_downloaded(known) else "no"])
    return format_table([*COLUMNS, CACHE_COLUMN], rows, numbers=("size", "CIDEr on COCO"))


def make_row(known: KnownModel) -> list[str]:
    """Return the cells of a model, in the order of COLUMNS."""
    return [
        f"{PREFIX}{known.name}",
        known.family,
        known.size,
        known.licence,
        known.languages,
        known.score,
        known.source,
    ]


def is_downloaded(known: KnownModel) -> bool:
    """Return whether the cache has all of a model, as far as can be known without network."""
    model = known.model
    commit = cache.read_commit(model)
    return commit is not None and cache.is_complete(model, commit)


if __name__ == "__main__":
    run_script(main)
