"""Tables on standard output, made by rich: bold headings on a terminal, plain text in a file."""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_GAP = 2  # characters between columns
_UNLIMITED = 10_000  # characters


def format_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()
) -> str:
    """Return a table for standard output; the columns in `numbers` are aligned to the right.

    On a terminal, cells of several words are wrapped if that is enough to make the table fit.
    Nothing is cut off, and no word is split.
    """
    rows = list(rows)
    is_terminal = sys.stdout.isatty()
    table = Table(
        box=box.SIMPLE_HEAD,  # a line under the headings; its columns are a space apart
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        header_style="bold",
    )
    if not is_terminal:
        table.box = None
        table.padding = (0, _GAP, 0, 0)

    needed = 0
    for place, name in enumerate(columns):
        longest_word = _measure_longest_word([name, *(row[place] for row in rows)])
        needed += longest_word + _GAP
        justify = "right" if name in numbers else "left"
        table.add_column(Text(name), justify=justify, min_width=longest_word)
    for row in rows:
        table.add_row(*map(Text, row))

    width = shutil.get_terminal_size().columns
    if not is_terminal or needed > width:
        width = _UNLIMITED
    color_system = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(force_terminal=is_terminal, color_system=color_system, width=width)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _measure_longest_word(cells: Iterable[str]) -> int:
    """Return the width of the longest word in a column; East Asian letters are two wide."""
    words = " ".join(cells).split()
    return max(map(cell_len, words), default=0)


def format_setting(value: object) -> str:
    """Return a setting's value for a table: a dash if it is not set, yes, no, or as it is typed."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
