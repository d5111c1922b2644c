"""Tables on standard output, made by rich: bold headings on a terminal, plain text in a file.

rich takes a tenth of a second to import, so it is imported when a table is made.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence

_GAP = 2  # characters between columns
_UNLIMITED = 10_000  # characters; rich cuts off what is beyond its width


def format_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()
) -> str:
    """Return a table for standard output; the columns in `numbers` are aligned to the right.

    On a terminal, cells of several words are wrapped if that is enough to make the table fit.
    Nothing is cut off, and no word is split.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    is_terminal = sys.stdout.isatty()
    table = Table(
        box=box.SIMPLE_HEAD,  # a line under the headings; its columns are a space apart
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        header_style="bold",
    )
    room = shutil.get_terminal_size().columns
    if not is_terminal:
        table.box = None
        table.padding = (0, _GAP, 0, 0)
        room = _UNLIMITED

    widths = _choose_widths([columns, *rows], room)
    for name, width in zip(columns, widths, strict=True):
        justify = "right" if name in numbers else "left"
        table.add_column(Text(name), justify=justify, width=width)
    for row in rows:
        table.add_row(*map(Text, row))

    color_system = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(force_terminal=is_terminal, color_system=color_system, width=_UNLIMITED)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _choose_widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return the columns' widths: those of their content, or narrower if the table then fits."""
    from rich.cells import cell_len

    content, least = [], []
    for column in zip(*rows, strict=True):
        content.append(max(map(cell_len, column)))
        least.append(max(map(cell_len, " ".join(column).split()), default=0))
    room -= _GAP * (len(content) - 1)
    if sum(least) > room:
        return content
    widths = list(content)
    while sum(widths) > room:
        shrinkable = [place for place in range(len(widths)) if widths[place] > least[place]]
        widest = max(shrinkable, key=lambda place: widths[place])
        widths[widest] -= 1
    return widths


def format_setting(value: object) -> str:
    """Return a setting's value for a table: a dash if it is not set, yes, no, or as it is typed."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
