"""Draw the README's pictures from a run that was trained on the built-in scenes.

    python doc/make_pictures.py --run RUN                     doc/attention.png: a caption and where the network looked
    python doc/make_pictures.py --run RUN --photo photos/003301.jpg
    python doc/make_pictures.py --run RUN --scenes            doc/scenes.png as well: six scenes and what is said of them
"""

import argparse
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from data import sources  # noqa: E402
from data.images import read  # noqa: E402
from utils import runs  # noqa: E402
from utils.errors import Refusal, run_script  # noqa: E402
from utils.files import written_whole  # noqa: E402
from utils.quiet import import_tensorflow  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ATTENTION, SCENES = ROOT / "doc/attention.png", ROOT / "doc/scenes.png"
ATTENTION_BYTES, SCENES_BYTES = 250_000, 200_000  # at most: the repository carries every version of them
WIDTHS = (1320, 1200, 1080, 960, 840, 720, 600)  # pixels; the widest that is small enough is taken
ON_THE_SHEET = 6  # scenes


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", metavar="NAME|DIR", help="a run trained on scenes (default: the newest)")
    parser.add_argument("--photo", metavar="NAME", help="the scene for the attention picture, as captions.csv names it "
                                                        "(default: the first of the test split with two kinds of object)")
    parser.add_argument("--scenes", action="store_true", help="also draw the sheet of six scenes")
    return parser


def main() -> int:
    """Caption the scenes, draw, say where the pictures are."""
    given = options().parse_args()
    run = runs.find(given.run)
    config = runs.read_config(run)
    dataset = sources.read(_path(config["dataset"]), language=config["language"])
    folder = dataset.folder
    references = {example.photo.relative_to(folder).as_posix(): list(example.captions) for example in dataset.examples}
    shown = _several_kinds(run, folder)
    names = list(dict.fromkeys([given.photo or shown[0], *shown[: ON_THE_SHEET * given.scenes]]))
    if names[0] not in references:
        raise Refusal(f"no photo {names[0]} in {dataset.path}; name one as it stands there")

    import_tensorflow()
    from models.captioner import Captioner

    photos = {name: read(folder / name) for name in names}
    captioner = Captioner.load(run, weights=_weights(config["encoder_weights"]))
    captions = dict(zip(names, captioner([folder / name for name in names]), strict=True))
    _draw_attention(photos[names[0]], captions[names[0]], references[names[0]])
    if given.scenes:
        _draw_sheet([(photos[name], captions[name].text) for name in shown[:ON_THE_SHEET]])
    return 0


def _path(saved: str) -> Path:
    """A path as a run keeps it, relative to the repository, from wherever this is called."""
    return Path(saved) if Path(saved).exists() else ROOT / saved


def _weights(saved: str) -> str | None:
    """Where the encoder's weights file is; None for weights that are no file."""
    return None if saved in ("imagenet", "none") else str(_path(saved))


def _several_kinds(run: Path, folder: Path) -> list[str]:
    """The test scenes that show two kinds of object or more, in order; pictures are drawn of the first of them, unseen."""
    file = folder / "facts.json"
    if not file.is_file():
        raise Refusal(f"{run} was not trained on scenes: there is no {file}")
    scenes = json.loads(file.read_text(encoding="utf-8"))["scenes"]
    return [name for name in runs.read_splits(run)["test"] if len({box["kind"] for box in scenes[name]["boxes"]}) >= 2]


def _draw_attention(photo: np.ndarray, caption: Any, references: list[str]) -> None:
    from utils.plots import attention_figure

    figure = attention_figure(photo, caption.words, caption.attention, grid=caption.grid, title=caption.text,
                              references=references)
    _write(figure, ATTENTION, ATTENTION_BYTES)
    print(f"  says: {caption.text}  ({caption.score:.2f})")


def _draw_sheet(scenes: list[tuple[np.ndarray, str]]) -> None:
    """Three scenes a row, each above the caption that the network wrote."""
    import textwrap

    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 7.6))
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.08, wspace=0.04, hspace=0.16)
    for axes, (photo, text) in zip(figure.subplots(2, 3).flat, scenes, strict=True):
        axes.set_axis_off()
        axes.imshow(photo, interpolation="lanczos")
        axes.text(0.5, -0.03, textwrap.fill(text, 38), transform=axes.transAxes, ha="center", va="top", fontsize=10)
    _write(figure, SCENES, SCENES_BYTES)


def _write(figure: "Figure", path: Path, most: int) -> None:
    """Write the figure as a PNG of 256 colours, as wide as `most` bytes allow."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=220, facecolor="white")
    image = Image.open(drawn).convert("RGB")
    for width in WIDTHS:
        small = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
        written = io.BytesIO()
        small.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
        if written.tell() <= most:
            break
    else:
        raise Refusal(f"{path.name} has {written.tell():,} bytes even {width} pixels wide; {most:,} are wanted at most")
    with written_whole(path) as temporary:
        temporary.write_bytes(written.getvalue())
    print(f"{path.relative_to(ROOT)}: {width} x {small.height} pixels, {written.tell():,} bytes")


if __name__ == "__main__":
    run_script(main)
