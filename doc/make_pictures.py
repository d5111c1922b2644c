"""Draw the README's pictures from a run that was trained on the built-in scenes.

python doc/make_pictures.py --run RUN                     all pictures, into doc/
python doc/make_pictures.py --run RUN --only attention --photo photos/003301.jpg
xvfb-run -a python doc/make_pictures.py --run RUN --only demo        without a screen
"""

import argparse
import io
import json
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import FancyBboxPatch  # noqa: E402
from PIL import Image, ImageGrab  # noqa: E402

from data import sources  # noqa: E402
from data.photos.images import read_photo  # noqa: E402
from ui.answers import ModelLoader, read_search_settings  # noqa: E402
from utils import runs  # noqa: E402
from utils.command_line import make_parser  # noqa: E402
from utils.commands import format_command  # noqa: E402
from utils.errors import UserError, run_script, unknown_name_error  # noqa: E402
from utils.files import write_atomically  # noqa: E402
from utils.plots.attention import draw_attention  # noqa: E402
from utils.quiet import import_tensorflow  # noqa: E402

if TYPE_CHECKING:
    from models.captioner import Captioner

# The pictures and the largest size of each: the repository keeps every version of them.
MAXIMUM_BYTES = {
    "pipeline": 60_000,
    "attention": 250_000,
    "scenes": 200_000,
    "demo": 200_000,
    "report": 250_000,
}
WIDTHS = (1320, 1200, 1080, 960, 840, 720, 600)  # pixels; the widest that is small enough counts
SHEET_SCENES = 6
BLUE, PALE, INK = "#d9e8f6", "#eef0f3", "#22252b"
BOX_WIDTH, BOX_HEIGHT = 19, 9  # of the pipeline, in tenths of an inch


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = make_parser(__doc__)
    parser.add_argument(
        "--run", metavar="NAME|DIR", help="a run trained on scenes (default: the newest)"
    )
    parser.add_argument(
        "--photo",
        metavar="NAME",
        help="the scene to caption (default: the first test scene with two kinds of object)",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        help=f"some of {', '.join(MAXIMUM_BYTES)} (default: all)",
    )
    return parser


def main() -> None:
    """Draw the pictures and print their sizes."""
    arguments = make_options().parse_args()
    names = arguments.only or list(MAXIMUM_BYTES)
    for name in names:
        if name not in MAXIMUM_BYTES:
            raise unknown_name_error("picture", name, list(MAXIMUM_BYTES))
    if "pipeline" in names:
        write_figure(draw_pipeline(), "pipeline")
    if names == ["pipeline"]:
        return
    run = runs.find_trained_run(arguments.run)
    config = runs.read_config(run)
    dataset = sources.read(find_path(config["dataset"]), language=config["language"])
    scenes = list_rich_scenes(run, dataset.folder)
    photo = dataset.folder / (arguments.photo or scenes[0])
    if not photo.is_file():
        raise UserError(f"no photo {photo.name} in {dataset.folder}; use a name from captions.csv")
    if "attention" in names:
        references = []
        for example in dataset.examples:
            if example.photo == photo:
                references += example.captions
        captioner = load_captioner(run, config)
        write_figure(draw_caption(captioner, photo, references), "attention")
    if "scenes" in names:
        captioner = load_captioner(run, config)
        sheet = [dataset.folder / name for name in scenes[:SHEET_SCENES]]
        write_figure(draw_sheet(captioner, sheet), "scenes")
    if "demo" in names:
        write_picture(grab_window(run, photo), "demo")
    if "report" in names:
        write_picture(grab_report(run), "report")


def find_path(saved: str) -> Path:
    """Return a path from a run's config, which may be relative to the repository."""
    return Path(saved) if Path(saved).exists() else ROOT / saved


def list_rich_scenes(run: Path, folder: Path) -> list[str]:
    """Return the test scenes that show at least two kinds of object, in their order.

    The pictures show the first of them: no scene is chosen because its caption is good.
    """
    file = folder / "facts.json"
    if not file.is_file():
        raise UserError(f"{run} was not trained on scenes: there is no {file}")
    scenes = json.loads(file.read_text(encoding="utf-8"))["scenes"]
    rich = []
    for name in runs.read_splits(run)["test"]:
        kinds = {box["kind"] for box in scenes[name]["boxes"]}
        if len(kinds) >= 2:
            rich.append(name)
    return rich


def load_captioner(run: Path, config: dict[str, Any]) -> "Captioner":
    """Load the run's captioner."""
    import_tensorflow()
    from models.captioner import Captioner  # takes seconds, and other pictures do without it

    weights = config["encoder_weights"]
    if weights in ("imagenet", "none"):
        return Captioner.load(run)
    return Captioner.load(run, weights=str(find_path(weights)))


def draw_pipeline() -> Figure:
    """Draw the way of photos and captions through the program as boxes and arrows."""
    figure = Figure(figsize=(12.6, 3.5))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 126), ylim=(0, 35))
    axes.set_axis_off()
    top, bottom = 21.5, 4.0
    middle = (top + bottom) / 2
    columns = (2, 28.5, 55, 81.5)
    for x, title, text, colour in (
        (columns[0], "photos", "yours or drawn scenes", PALE),
        (columns[1], "augmentation", "seeded, per photo", BLUE),
        (columns[2], "encoder, frozen", "InceptionV3 by OpenVINO,\neach photo once", BLUE),
        (columns[3], "features, cached", "64 locations x 2,048,\n.npy files", PALE),
    ):
        draw_box(axes, (x, top), title, text, colour)
    for x, title, text, colour in (
        (columns[0], "captions", "CSV, COCO, Flickr8k …", PALE),
        (columns[1], "tokenizer", "words, characters, pieces", BLUE),
        (columns[2], "training", "decoder with attention,\nGradientTape", BLUE),
        (columns[3], "search", "beam search or sampling", BLUE),
    ):
        draw_box(axes, (x, bottom), title, text, colour)
    draw_box(axes, (105.5, middle), "sentences", "with attention maps;\nscores", PALE)
    for x in (21.7, 48.2, 74.7):
        for y in (top + 4.5, bottom + 4.5):
            draw_arrow(axes, (x, y), (x + 6.1, y))
    draw_arrow(axes, (88, top - 0.8), (69, bottom + 10))
    draw_arrow(axes, (92, top - 0.8), (92, bottom + 10))
    draw_arrow(axes, (101.2, bottom + 6), (108, middle - 0.8))
    return figure


def draw_box(axes: Axes, corner: tuple[float, float], title: str, text: str, colour: str) -> None:
    """Draw a box of the pipeline from its lower left corner."""
    x, y = corner
    look = {"ha": "center", "va": "center", "color": INK}
    axes.text(x + BOX_WIDTH / 2, y + 6.6, title, fontsize=12.5, fontweight="bold", **look)
    axes.text(x + BOX_WIDTH / 2, y + 2.9, text, fontsize=9.5, linespacing=1.25, **look)
    axes.add_patch(
        FancyBboxPatch(
            corner,
            BOX_WIDTH,
            BOX_HEIGHT,
            boxstyle="round,pad=0.5,rounding_size=1",
            facecolor=colour,
            edgecolor=INK,
            linewidth=1,
        )
    )


def draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow of the pipeline."""
    look = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.4}
    axes.annotate("", end, start, arrowprops=look)


def draw_caption(captioner: "Captioner", photo: Path, references: Sequence[str]) -> Figure:
    """Draw a photo's caption with the attention at each word."""
    caption = captioner(photo)
    print(f"  caption: {caption.text}  ({caption.score:.2f})")
    return draw_attention(
        read_photo(photo),
        caption.words,
        caption.attention,
        grid=caption.grid,
        title=caption.text,
        references=references,
    )


def draw_sheet(captioner: "Captioner", scenes: Sequence[Path]) -> Figure:
    """Draw scenes, three to a row, each above its predicted caption."""
    figure = Figure(figsize=(9.6, 7.6))
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.08, wspace=0.04, hspace=0.16)
    captions = captioner(scenes)
    panels = figure.subplots(2, 3).flat
    for axes, scene, caption in zip(panels, scenes, captions, strict=True):
        axes.set_axis_off()
        axes.imshow(read_photo(scene), interpolation="lanczos")
        axes.text(
            0.5,
            -0.03,
            textwrap.fill(caption.text, 38),
            transform=axes.transAxes,
            ha="center",
            va="top",
            fontsize=10,
        )
    return figure


def grab_window(run: Path, photo: Path) -> Image.Image:
    """Return a screenshot of demo.py's window with the attention at a caption's last word."""
    from ui.tk.window import Window  # needs Tk, which only this picture does

    window = Window(run.name, read_search_settings(run), dark=False)
    loader = ModelLoader(run)
    loader.start()
    window.begin(loader, str(photo))
    words = window.body.words
    wait_for_window(window, lambda: bool(words.buttons), seconds=120)
    words.choose(len(words.buttons) - 1)  # in most captions a thing
    start = time.monotonic()
    wait_for_window(window, lambda: time.monotonic() > start + 1, seconds=5)
    wait_for_window(window, lambda: not window.body.photo.is_resizing, seconds=5)
    left, top = window.winfo_rootx(), window.winfo_rooty()
    right, bottom = left + window.winfo_width(), top + window.winfo_height()
    picture = ImageGrab.grab(bbox=(left, top, right, bottom))
    window.destroy()
    return picture


def wait_for_window(window: Any, condition: Callable[[], bool], *, seconds: float) -> None:
    """Run the window's events until the condition is true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise UserError(f"the window showed no caption within {seconds:.0f} seconds")
        window.update()
        time.sleep(0.02)


def grab_report(run: Path) -> Image.Image:
    """Return a screenshot of the photos on the run's report page."""
    from playwright.sync_api import sync_playwright  # optional, and only this picture needs it

    names = ("chromium", "chromium-browser", "google-chrome")
    browsers = [path for path in map(shutil.which, names) if path]
    if not browsers:
        raise UserError(
            "Chromium is not installed; install it (Debian and Ubuntu: apt install chromium) "
            "or choose other pictures with --only"
        )
    file = run / "report.html"
    if not file.is_file():
        command = format_command("evaluate.py", "--run", run, "--report")
        raise UserError(f"{run} has no report.html; run: {command}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers[0], args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1100, "height": 1250}, device_scale_factor=1.2)
        tab.goto(file.resolve().as_uri())
        tab.locator("h2", has_text="Photos").first.evaluate("heading => heading.scrollIntoView()")
        screenshot = tab.screenshot()
        browser.close()
    return Image.open(io.BytesIO(screenshot))


def write_figure(figure: Figure, name: str) -> None:
    """Write a figure as doc/NAME.png."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=220, facecolor="white")
    write_picture(Image.open(png), name)


def write_picture(picture: Image.Image, name: str) -> None:
    """Write doc/NAME.png with 256 colours, as wide as its maximum size allows."""
    picture = picture.convert("RGB")
    path = ROOT / f"doc/{name}.png"
    maximum = MAXIMUM_BYTES[name]
    for width in WIDTHS:
        if width > picture.width:
            continue
        height = round(picture.height * width / picture.width)
        content = encode_png(picture.resize((width, height), Image.Resampling.LANCZOS))
        if len(content) <= maximum:
            break
    else:
        raise UserError(
            f"{path.name} must have at most {maximum:,} bytes "
            f"(got {len(content):,} at {width} pixels wide)"
        )
    with write_atomically(path) as temporary:
        temporary.write_bytes(content)
    print(f"{path.relative_to(ROOT)}: {width} x {height} pixels, {len(content):,} bytes")


def encode_png(picture: Image.Image) -> bytes:
    """Return the picture as a PNG of 256 colours."""
    png = io.BytesIO()
    picture.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(png, "PNG", optimize=True)
    return png.getvalue()


if __name__ == "__main__":
    run_script(main)
