"""Draw the README's pictures, of a run that was trained on the built-in scenes.

python doc/make_pictures.py --run RUN                     all of them, into doc/
python doc/make_pictures.py --run RUN --only attention --photo photos/003301.jpg
xvfb-run -a python doc/make_pictures.py --run RUN --only demo        without a screen of one's own
"""

import argparse
import io
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from data import sources  # noqa: E402
from data.photos.images import read_photo  # noqa: E402
from utils import runs  # noqa: E402
from utils.errors import UserError, run_script, unknown_name_error  # noqa: E402
from utils.files import write_atomically  # noqa: E402
from utils.quiet import import_tensorflow  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BYTES = {
    "pipeline": 60_000,
    "attention": 250_000,
    "scenes": 200_000,
    "demo": 200_000,
    "report": 250_000,
}
WIDTHS = (1320, 1200, 1080, 960, 840, 720, 600)  # pixels; the widest that is small enough is taken
ON_THE_SHEET = 6  # scenes
BLUE, PALE, INK = "#d9e8f6", "#eef0f3", "#22252b"


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--run", metavar="NAME|DIR", help="a run trained on scenes (default: the newest)"
    )
    parser.add_argument(
        "--photo",
        metavar="NAME",
        help="the scene that is captioned, as captions.csv names it (default: "
        "the first of the test split with two kinds of object)",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        help=f"of {', '.join(MOST_BYTES)}; demo takes a screen, report Chromium",
    )
    return parser


def main() -> int:
    """Draw, and say where the pictures are."""
    given = options().parse_args()
    wanted = given.only or list(MOST_BYTES)
    for name in wanted:
        if name not in MOST_BYTES:
            raise unknown_name_error("picture", name, list(MOST_BYTES))
    run = runs.find(given.run)
    config = runs.read_config(run)
    dataset = sources.read(_path(config["dataset"]), language=config["language"])
    folder = dataset.folder
    shown = _several_kinds(run, folder)
    photo = folder / (given.photo or shown[0])
    if not photo.is_file():
        raise UserError(f"no photo {photo.name} in {folder}; name one as captions.csv does")
    if "pipeline" in wanted:
        _write_figure(_pipeline(), "pipeline")
    if {"attention", "scenes"} & set(wanted):
        true = [
            caption
            for example in dataset.examples
            if example.photo == photo
            for caption in example.captions
        ]
        _draw_captions(
            run, config, photo, true, [folder / name for name in shown[:ON_THE_SHEET]], wanted
        )
    if "demo" in wanted:
        _write(_window(run, photo), "demo")
    if "report" in wanted:
        _write(_page(run), "report")
    return 0


def _path(saved: str) -> Path:
    """A path as a run keeps it, relative to the repository, from wherever this is called."""
    return Path(saved) if Path(saved).exists() else ROOT / saved


def _several_kinds(run: Path, folder: Path) -> list[str]:
    """The test scenes that show two kinds of object or more, in order; pictures are drawn of the first of them, unseen."""
    file = folder / "facts.json"
    if not file.is_file():
        raise UserError(f"{run} was not trained on scenes: there is no {file}")
    scenes = json.loads(file.read_text(encoding="utf-8"))["scenes"]
    return [
        name
        for name in runs.read_splits(run)["test"]
        if len({box["kind"] for box in scenes[name]["boxes"]}) >= 2
    ]


def _pipeline() -> "Figure":
    """What becomes of photos and captions, as boxes and arrows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.6, 3.5))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 126), ylim=(0, 35))
    axes.set_axis_off()

    def box(x: float, y: float, title: str, text: str, colour: str) -> None:
        axes.text(
            x + 9.5,
            y + 6.6,
            title,
            ha="center",
            va="center",
            fontsize=12.5,
            fontweight="bold",
            color=INK,
        )
        axes.text(
            x + 9.5,
            y + 2.9,
            text,
            ha="center",
            va="center",
            fontsize=9.5,
            color=INK,
            linespacing=1.25,
        )
        axes.add_patch(
            FancyBboxPatch(
                (x, y),
                19,
                9,
                boxstyle="round,pad=0.5,rounding_size=1",
                facecolor=colour,
                edgecolor=INK,
                linewidth=1,
            )
        )

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
        axes.annotate(
            "", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.4}
        )

    from matplotlib.patches import FancyBboxPatch

    top, bottom = 21.5, 4.0
    box(2, top, "photos", "yours, or drawn scenes", PALE)
    box(28.5, top, "altered views", "seeded, per photo", BLUE)
    box(55, top, "encoder, frozen", "InceptionV3 by OpenVINO,\neach photo once", BLUE)
    box(81.5, top, "features, cached", "64 places x 2,048,\n.npy files", PALE)
    box(2, bottom, "captions", "CSV, COCO, Flickr8k …", PALE)
    box(28.5, bottom, "tokenizer", "words, characters, pieces", BLUE)
    box(55, bottom, "training", "decoder with attention,\nGradientTape", BLUE)
    box(81.5, bottom, "search", "beam, or words drawn", BLUE)
    box(105.5, (top + bottom) / 2, "sentences", "with where it looked;\nscores", PALE)
    for x in (21.7, 48.2, 74.7):
        arrow((x, top + 4.5), (x + 6.1, top + 4.5))
        arrow((x, bottom + 4.5), (x + 6.1, bottom + 4.5))
    arrow((88, top - 0.8), (69, bottom + 10))
    arrow((92, top - 0.8), (92, bottom + 10))
    arrow((101.2, bottom + 6), (108, (top + bottom) / 2 - 0.8))
    return figure


def _draw_captions(
    run: Path,
    config: dict[str, Any],
    photo: Path,
    true: list[str],
    sheet: Sequence[Path],
    wanted: Sequence[str],
) -> None:
    """Where the network looked at each word of a photo's caption; and a sheet of scenes with what is said of them."""
    import_tensorflow()
    from models.captioner import Captioner
    from utils.plots.attention import draw_attention

    weights = config["encoder_weights"]
    captioner = Captioner.load(
        run, weights=None if weights in ("imagenet", "none") else str(_path(weights))
    )
    if "attention" in wanted:
        caption = captioner(photo)
        _write_figure(
            draw_attention(
                read_photo(photo),
                caption.words,
                caption.attention,
                grid=caption.grid,
                title=caption.text,
                references=true,
            ),
            "attention",
        )
        print(f"  says: {caption.text}  ({caption.score:.2f})")
    if "scenes" in wanted:
        captions = captioner(sheet)
        _write_figure(
            _sheet(
                [
                    (read_photo(each), caption.text)
                    for each, caption in zip(sheet, captions, strict=True)
                ]
            ),
            "scenes",
        )


def _sheet(scenes: list[tuple[np.ndarray, str]]) -> "Figure":
    """Three scenes a row, each above the caption that the network wrote."""
    import textwrap

    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 7.6))
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.08, wspace=0.04, hspace=0.16)
    for axes, (photo, text) in zip(figure.subplots(2, 3).flat, scenes, strict=True):
        axes.set_axis_off()
        axes.imshow(photo, interpolation="lanczos")
        axes.text(
            0.5,
            -0.03,
            textwrap.fill(text, 38),
            transform=axes.transAxes,
            ha="center",
            va="top",
            fontsize=10,
        )
    return figure


def _window(run: Path, photo: Path) -> Image.Image:
    """demo.py's window, with the attention of a word laid over the photo."""
    from PIL import ImageGrab

    from ui.answers import Loading, controls
    from ui.tk.window import Window

    window = Window(run.name, controls(run), dark=False)
    window.begin(Loading(run), str(photo))

    def wait(true: Any, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise UserError(f"the window has not come to a caption in {seconds:.0f} seconds")
            window.update()
            time.sleep(0.02)

    words = window.body.words
    wait(lambda: words.buttons, 120)
    words.choose(len(words.buttons) - 1)  # the last word: a thing, in most captions
    began = time.monotonic()
    wait(lambda: time.monotonic() > began + 1 and not window.body.photo.waits, 5)
    left, top = window.winfo_rootx(), window.winfo_rooty()
    picture = ImageGrab.grab(
        bbox=(left, top, left + window.winfo_width(), top + window.winfo_height())
    )
    window.destroy()
    return picture


def _page(run: Path) -> Image.Image:
    """Photos on the run's page, as a browser shows them."""
    import shutil

    from playwright.sync_api import sync_playwright

    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    file = run / "report.html"
    if chromium is None:
        raise UserError(
            "no Chromium here: install it (on Debian and Ubuntu: apt install chromium), or leave report out by "
            "--only"
        )
    if not file.is_file():
        raise UserError(
            f"{run} has no report.html; make it: python evaluate.py --run {run} --report"
        )
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1100, "height": 1250}, device_scale_factor=1.2)
        tab.goto(file.resolve().as_uri())
        tab.evaluate(
            "[...document.querySelectorAll('h2')].find(one => one.innerText.startsWith('Photos')).scrollIntoView()"
        )
        shot = tab.screenshot()
        browser.close()
    return Image.open(io.BytesIO(shot))


def _write_figure(figure: "Figure", name: str) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=220, facecolor="white")
    _write(Image.open(drawn), name)


def _write(picture: Image.Image, name: str) -> None:
    """Write the picture as a PNG of 256 colours, as wide as its bytes allow: the repository carries every version of it."""
    image, path, most = picture.convert("RGB"), ROOT / f"doc/{name}.png", MOST_BYTES[name]
    for width in (width for width in WIDTHS if width <= image.width):
        small = image.resize(
            (width, round(image.height * width / image.width)), Image.Resampling.LANCZOS
        )
        written = io.BytesIO()
        small.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
        if written.tell() <= most:
            break
    else:
        raise UserError(
            f"{path.name} has {written.tell():,} bytes even {width} pixels wide; {most:,} are wanted at most"
        )
    with write_atomically(path) as temporary:
        temporary.write_bytes(written.getvalue())
    print(f"{path.relative_to(ROOT)}: {width} x {small.height} pixels, {written.tell():,} bytes")


if __name__ == "__main__":
    run_script(main)
