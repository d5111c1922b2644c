"""Print and draw what bounds many machines: arithmetic with figures that were measured on few.

    python doc/scale_limits.py --out doc/scale.png

doc/scale.md says where the measured figures come from. The rest is arithmetic, and tested on no
such cluster.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import showing  # noqa: E402
from utils.command_line import make_parser  # noqa: E402
from utils.errors import run_script  # noqa: E402
from utils.plots.figure import BLUE, INK, ORANGE, PALE, make_figure  # noqa: E402
from utils.terminal import output  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Measured on one core (doc/scale.md): a step of one worker, the part of it that stays if others
# take rows (all-reduce, clipping, Adam), and its weights.
STEP_CAPTIONS, STEP_SECONDS, FIXED_SECONDS = 240, 2.11, 0.13
STEP_WEIGHTS = 10_000_000
# Measured on two cores: photos a second that a machine captions, and to which a command gives work.
PHOTOS, DRIVER_PHOTOS = 10.7, 1_400.0
DEFAULT_WEIGHTS = 5_900_000  # of the default decoder, with the 2,845 words of Flickr8k
# Workers or hosts with a core each, and times as fast as one.
MEASURED = {"a step": [(1, 1.0), (2, 1.7)], "captions through Ray": [(1, 1.0), (2, 2.1)]}

# Assumed.
NETWORKS = (1, 10, 25, 100)  # gigabits a second
LATENCY = 50e-6  # seconds of a message
DISKS = {"1 Gbit/s": 0.11, "10 Gbit/s": 1.1, "a parallel file system": 10.0}  # gigabytes a second
FEATURES = 64 * 1280 * 2  # bytes of a photo: float16, InceptionV3 to mixed8
FILES = {"150 kB": 150e3, "3 MB": 3e6}  # bytes of a photo
WORKERS = (8, 64, 512)
GOOD = 0.9  # the share of a step in which a worker should compute


def compute_exchange_seconds(workers: int, gigabits: float, weights: int) -> float:
    """Return the time of a ring all-reduce: 2 (N − 1) messages, each of an N-th of the gradients.

    Gradients are float32.
    """
    messages = 2 * (workers - 1)
    message_bits = 32 * weights / workers
    return messages * (message_bits / (gigabits * 1e9) + LATENCY)


def compute_speed_up(workers: int, gigabits: float) -> float:
    """Return how many times faster a step of the measured size is, if workers share its rows."""
    compute = (STEP_SECONDS - FIXED_SECONDS) / workers + FIXED_SECONDS
    exchange = compute_exchange_seconds(workers, gigabits, STEP_WEIGHTS)
    return STEP_SECONDS / (compute + exchange)


def list_exchanges() -> list[str]:
    """Return a table of the all-reduce's seconds, and of the steps that they allow."""
    lines = [
        "| workers | " + " | ".join(f"{gigabits} Gbit/s" for gigabits in NETWORKS) + " |",
        "| --- |" + " --- |" * len(NETWORKS),
    ]
    for workers in WORKERS:
        cells = []
        for gigabits in NETWORKS:
            seconds = compute_exchange_seconds(workers, gigabits, DEFAULT_WEIGHTS)
            shortest = seconds * GOOD / (1 - GOOD)
            cells.append(f"{1000 * seconds:.0f} ms; {shortest:.2f} s")
        lines.append(f"| {workers} | " + " | ".join(cells) + " |")
    return lines


def list_readers() -> list[str]:
    """Return a table of the machines that a shared disk feeds, or whose features it takes."""
    lines = [
        "| shared disk | " + " | ".join(f"photos of {name}" for name in FILES) + " | features |",
        "| --- |" + " --- |" * (len(FILES) + 1),
    ]
    for name, gigabytes in DISKS.items():
        sizes = [*FILES.values(), FEATURES]
        numbers = [gigabytes * 1e9 / size / PHOTOS for size in sizes]
        lines.append(f"| {name} | " + " | ".join(f"{number:,.0f}" for number in numbers) + " |")
    return lines


def draw() -> "Figure":
    """Draw the speed-up of a step, and the share of a step in which a worker computes."""
    figure = make_figure(11, 4.2, layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_speed_up(left)
    _draw_shares(right)
    return figure


def _draw_speed_up(axes: "Axes") -> None:
    workers = [1, 2, 4, 8, 16, 32, 48]  # 48 photos of five captions: a worker for each
    axes.plot(workers, workers, color=PALE, linestyle=":", label="without any cost")
    for gigabits, color in zip(NETWORKS, _choose_colors(), strict=True):
        speed_ups = [compute_speed_up(number, gigabits) for number in workers]
        axes.plot(workers, speed_ups, color=color, label=f"{gigabits} Gbit/s, on paper")
    for (name, points), marker in zip(MEASURED.items(), "os", strict=True):
        look = {"color": ORANGE, "fillstyle": "none", "linestyle": "none"}
        axes.plot(*zip(*points, strict=True), marker, **look, label=f"{name}, measured")
    axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="times as fast as one")
    axes.set_title(f"A step of {STEP_CAPTIONS} captions, shared")
    axes.set_xticks(workers, map(str, workers))
    axes.set_yticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    axes.minorticks_off()
    axes.legend(fontsize="small")


def _draw_shares(axes: "Axes") -> None:
    seconds = [10 ** (power / 20) for power in range(-60, 21)]  # 1 ms to 10 s
    for gigabits, color in zip(NETWORKS, _choose_colors(), strict=True):
        exchange = compute_exchange_seconds(64, gigabits, DEFAULT_WEIGHTS)
        shares = [100 * each / (each + exchange) for each in seconds]
        axes.plot(seconds, shares, color=color, label=f"{gigabits} Gbit/s, on paper")
    axes.axhline(100 * GOOD, color=PALE, linestyle=":")
    axes.axvline(STEP_SECONDS, color=ORANGE, linestyle=":")
    axes.text(STEP_SECONDS * 0.9, 5, "240 captions\non a core", color=ORANGE, ha="right")
    axes.set(xscale="log", ylim=(0, 101), xlabel="seconds that a worker computes in a step")
    axes.set_ylabel("share of a step, %")
    axes.set_title("64 workers: the part of a step in which they compute")


def _choose_colors() -> list[str]:
    return ["#9cc3e6", "#5c97cf", BLUE, INK]


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = make_parser(__doc__)
    showing.add_out_option(parser)
    return parser


def main() -> None:
    """Print the tables and draw the picture."""
    typed = make_options().parse_args()
    out = showing.check_out_file(typed.out)
    for line in [*list_exchanges(), "", *list_readers()]:
        output(line)
    machines = DRIVER_PHOTOS / PHOTOS
    output(f"\none command gives work to {machines:,.0f} machines")
    showing.show_or_save(draw(), out, __file__)


if __name__ == "__main__":
    run_script(main)
