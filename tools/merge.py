"""Join captions files of several machines into one.

python -m tools.merge part-1.csv part-2.csv --out captions.csv     rows keep their order
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from utils import command_line
from utils.captions_file import (
    CAPTION_COLUMNS,
    DOUBTFUL_COLUMNS,
    FORMATS,
    SHOWN_CLASSES,
    CaptionsFile,
    Columns,
    Row,
    class_columns,
    has_calibrated_score,
    normalise_path,
)
from utils.errors import UsageError, UserError, run_script
from utils.files import try_lock
from utils.terminal import note, say

CAPTIONS = {CAPTION_COLUMNS, DOUBTFUL_COLUMNS}
KNOWN = (
    CAPTION_COLUMNS,
    DOUBTFUL_COLUMNS,
    *(class_columns(number) for number in range(1, SHOWN_CLASSES + 1)),
)


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__)
    parser.prog = "python -m tools.merge"
    parser.add_argument("parts", nargs="+", metavar="PART", help="captions files of predict.py")
    parser.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="the file for all rows; rows that are in it already stay",
    )
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """Join the files; nothing is written if they do not agree."""
    typed = command_line.parse_typed(make_options())
    out = Path(typed["out"])
    paths = list(map(Path, typed["parts"]))
    check_names(paths, out)
    parts = [read_part(path) for path in paths]
    merged = CaptionsFile(out, *find_columns(parts))
    check_kind_of_scores([merged, *parts])
    rows, repeated = collect_rows([merged, *parts])
    existing = len(merged.rows)
    with merged:
        for row in rows[existing:]:
            merged.add(row)
    say(describe(merged, parts, existing, repeated))
    return 0


def check_names(paths: Sequence[Path], out: Path) -> None:
    """Reject files of other formats, missing parts, and an --out that is a part."""
    ending = out.suffix.lower()
    if ending not in FORMATS:
        raise UsageError(f"--out must end in {' or '.join(FORMATS)} (got {str(out)!r})")
    for path in paths:
        if path.suffix.lower() != ending:
            raise UsageError(f"{path} does not end in {ending}, as --out does; use one format")
        if not path.is_file():
            raise UserError(f"no file {path}")
        if path.resolve() == out.resolve():
            raise UsageError(f"--out {out} is one of the parts; choose another name")


def read_part(path: Path) -> CaptionsFile:
    """Read and check a part that no other command is writing."""
    with path.open("rb") as opened:
        if not try_lock(opened):
            raise UserError(f"another command is writing into {path}; wait until it has ended")
    part = CaptionsFile(path, *KNOWN, remedy="leave this part out")
    if part.is_cut:
        note(f"{path}: the last line is cut short and is not merged; run its command again")
    return part


def find_columns(parts: Iterable[CaptionsFile]) -> tuple[Columns, ...]:
    """Return the columns of all parts: in a CSV file one kind, in JSON lines a kind a row."""
    owners: dict[Columns, CaptionsFile] = {}
    for part in parts:
        for columns in part.find_columns():
            owners.setdefault(columns, part)
    is_json = all(not part.has_header for part in owners.values())
    if len(owners) > 1 and not (is_json and owners.keys() <= CAPTIONS):
        (one, first), (other, second) = list(owners.items())[:2]
        raise UserError(
            f"{first.file} has {','.join(one)} and {second.file} has {','.join(other)}; "
            "merge files of the same kind; nothing was written"
        )
    return tuple(owners) or (CAPTION_COLUMNS,)


def check_kind_of_scores(files: Iterable[CaptionsFile]) -> None:
    """Reject files with calibrated scores together with files that have others."""
    owners: dict[bool, CaptionsFile] = {}
    for file in files:
        for row in file.rows.values():
            is_calibrated = has_calibrated_score(row)
            if is_calibrated is not None:
                owners.setdefault(is_calibrated, file)
    if len(owners) > 1:
        raise UserError(
            f"{owners[True].file} has calibrated scores and {owners[False].file} has others, which "
            "do not compare; merge files of runs of the same kind; nothing was written"
        )


def collect_rows(files: Iterable[CaptionsFile]) -> tuple[list[Row], int]:
    """Return each photo's row once, in the order of the files; and how many came again.

    Rows of one photo must be equal but for their numbers, which machines round differently.
    """
    rows: dict[str, Row] = {}
    owners: dict[str, CaptionsFile] = {}
    repeated = 0
    for file in files:
        for path, row in file.rows.items():
            place = normalise_path(path)
            if place in rows:
                repeated += 1
                check_equal(rows[place], owners[place], row, file)
            else:
                rows[place], owners[place] = row, file
    return list(rows.values()), repeated


def check_equal(one: Row, first: CaptionsFile, other: Row, second: CaptionsFile) -> None:
    """Raise an error if two rows of a photo have different captions, classes or marks."""
    for name in {**one, **other}:
        is_number = name.startswith(("score", "probability"))
        if name == "path" or is_number or one.get(name) == other.get(name):
            continue
        raise UserError(
            f"{one['path']} has the {name} {one.get(name)!r} in {first.file} and "
            f"{other.get(name)!r} in {second.file}; remove one of the lines; nothing was written"
        )


def describe(
    merged: CaptionsFile, parts: Sequence[CaptionsFile], existing: int, repeated: int
) -> str:
    """Return a summary in one line."""
    files = "1 part" if len(parts) == 1 else f"{len(parts)} parts"
    text = f"{len(merged.rows) - existing:,} rows of {files} added to {merged.file}"
    if repeated:
        text += f", {repeated:,} there already"
    return text


if __name__ == "__main__":
    run_script(main)
