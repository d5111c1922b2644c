"""Tables on standard output, made by rich: bold headings on a terminal, plain text in a file."""

import os
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_FILE_WIDTH = 10_000  # characters; in a file no row is wrapped


def format_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()
) -> str:
    """Return a table for standard output; the columns in `numbers` are aligned to the right.

    A terminal that is too narrow gets its rows wrapped inside the cells. Nothing is cut off.
    """
    is_terminal = sys.stdout.isatty()
    if is_terminal:
        width, line_style = None, box.SIMPLE_HEAD  # rich finds the width
    else:
        width, line_style = _FILE_WIDTH, None
    table = Table(
        box=line_style,
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="bold",
    )
    for name in columns:
        justify = "right" if name in numbers else "left"
        table.add_column(Text(name), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))

    color_system = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(
        force_terminal=is_terminal,
        color_system=color_system,
        width=width,
    )
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return "\n".join(lines)


def format_setting(value: object) -> str:
    """Return a setting's value for a table: a dash if it is not set, yes, no, or as it is typed."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
