"""A run's report page: one HTML file without scripts that loads nothing from elsewhere.

The page is made by templates/, where all text is escaped. This module has what every page shares:
the frame, tables, pictures, and the sections about epochs, time and settings.
`captioner_page.py` and `classifier_page.py` add their own.
"""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from reports import charts
from reports.charts import Chart, Line
from reports.score_names import format_score, get_score_name
from reports.settings_table import list_settings
from utils import runs
from utils.files import write_text
from utils.stopwatch import read_time_and_memory

FILE_NAME = "report.html"
JPEG_QUALITY = 78
_FOLDER = Path(__file__).parent
# Characters that HTML forbids: control characters, surrogates and noncharacters.
_FORBIDDEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Names of the times in spent.json, in the order of a training.
_STAGES = {
    "reading": "reading captions and checking photos",
    "features": "encoder and features",
    "preparing": "building the network",
    "training": "training",
    "validation": "scores on val after each epoch",
    "saving": "checkpoints, curves and this page after each epoch",
    "scoring": "scores and pictures at the end",
}


def _replace_forbidden(value: Any) -> Any:
    """Replace characters that no page may contain, in text that a template shows."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _FORBIDDEN.sub("\ufffd", value)
    return value


templates = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_replace_forbidden,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
templates.globals["charts"] = charts


@dataclass(frozen=True)
class Section:
    """A part of a page: its heading, its template, and the values that the template shows."""

    title: str
    template: str
    content: dict[str, Any]

    @property
    def anchor(self) -> str:
        return re.sub(r"\W+", "-", self.title.lower())


@dataclass(frozen=True)
class Table:
    """A table; the first row and the first column are headings. `style` is a class in style.css."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    style: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture inside the page, as a data URL, with its size in pixels."""

    url: str
    width: int
    height: int


def encode_picture(pixels: np.ndarray, *, lossless: bool = False) -> Picture:
    """Return pixels (H, W, 3) uint8 as a JPEG inside the page, or as a PNG if `lossless`."""
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    if lossless:
        kind = "png"
        image.save(file, format=kind, optimize=True)
    else:
        kind = "jpeg"
        image.save(file, format=kind, optimize=True, quality=JPEG_QUALITY)
    data = base64.b64encode(file.getvalue()).decode()
    height, width = pixels.shape[:2]
    return Picture(f"data:image/{kind};base64,{data}", width, height)


def write_page(
    run: Path,
    saved: dict[str, Any],
    facts: Sequence[tuple[str, str]],
    sections: Sequence[Section | None],
) -> Path:
    """Write the page: these facts and sections, and those of every page; return the file."""
    now = datetime.now().astimezone()
    shared = [
        Section("Time and memory", "time.html", _collect_times(run)),
        Section("Settings", "settings.html", list_settings(saved)),
    ]
    text = templates.get_template("page.html").render(
        title=f"Run {run.absolute().name}",
        facts=[
            ("preset", saved["preset"]),
            ("dataset", _get_dataset_name(saved)),
            *facts,
            ("epochs", _describe_progress(run, saved)),
        ],
        sections=[section for section in [*sections, *shared] if section is not None],
        style=Markup((_FOLDER / "style.css").read_text(encoding="utf-8")),
        time=f"{now:%Y-%m-%d %H:%M}",
        iso_time=now.isoformat(timespec="minutes"),
    )
    file = run / FILE_NAME
    write_text(file, text)
    return file


def describe_splits(run: Path) -> str:
    """Return how many photos each split of the run has."""
    counts = []
    for split, names in runs.read_splits(run).items():
        if names:
            counts.append(f"{split} {len(names):,}")
    return ", ".join(counts)


def make_line(
    history: Sequence[dict[str, Any]], key: str, name: str, colour: int, *, is_dashed: bool = False
) -> Line:
    """Return the line of one score over all epochs that have it."""
    points = [(row["epoch"], row[key]) for row in history if row.get(key) is not None]
    return Line(name, points, colour, is_dashed)


def make_epochs_section(run: Path, charts: Sequence[Chart | None]) -> Section:
    """Return the section with charts of all epochs, and their numbers as a table."""
    history = runs.read_history(run)
    keys: list[str] = []
    for row in history:
        keys += [key for key in row if key not in (*keys, "epoch")]
    rows = []
    for row in history:
        cells = [str(row["epoch"])]
        for key in keys:
            digits = 1 if key == "seconds" else 3
            cells.append(format_score(row.get(key), digits))
        rows.append(cells)
    table = Table(
        "Every epoch: losses and scores, and seconds of training",
        ["epoch", *map(get_score_name, keys)],
        rows,
    )
    content = {
        "charts": [chart for chart in charts if chart is not None],
        "table": table,
    }
    return Section("Epoch by epoch", "epochs.html", content)


def format_duration(seconds: float) -> str:
    """Return a time such as 42 s, 3 min 5 s or 2 h 7 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _get_dataset_name(saved: dict[str, Any]) -> str:
    """Return the dataset's name without the folders above it."""
    if not saved["dataset"]:
        return "none of its own"
    return Path(saved["dataset"]).name


def _describe_progress(run: Path, saved: dict[str, Any]) -> str:
    """Return how many epochs are done, and which one is the best."""
    text = f"{len(runs.read_history(run))} of {saved['epochs']}"
    if not (run / "scores.json").is_file():
        text += ", not finished yet"
    best = runs.find_best_epoch(run)
    if best:
        text += f"; the best: {best}"
    return text


def _collect_times(run: Path) -> dict[str, Any]:
    """Return what the section about time and memory shows; no facts if nothing is recorded yet."""
    record = read_time_and_memory(run)
    seconds = record.get("seconds", {})
    if not seconds:
        return {"facts": [], "table": None}
    total = sum(seconds.values())
    rows = []
    for stage in sorted(seconds, key=[*_STAGES, *seconds].index):
        share = f"{seconds[stage] / total:.0%}"
        rows.append([_STAGES.get(stage, stage), format_duration(seconds[stage]), share])
    rows.append(["total", format_duration(total), "100%"])

    memory = "not known"
    if record.get("peak_memory_bytes"):
        memory = f"{record['peak_memory_bytes'] / 1e9:.1f} GB"
    facts = [
        ("time", format_duration(total)),
        ("peak memory", memory),
        ("machine", record.get("machine", "not known")),
    ]
    caption = "Time by stage, over all sessions of the run"
    return {"facts": facts, "table": Table(caption, ["stage", "time", "share"], rows)}
