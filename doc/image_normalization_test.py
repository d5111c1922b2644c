"""Show a photo normalized in five ways, each with its range of values and its histogram.

    python doc/image_normalization_test.py                      a sample photo, in a window
    python doc/image_normalization_test.py photo.jpg            your own photo
    python doc/image_normalization_test.py --out ranges.png     into a file

Networks learn faster from small numbers around 0 than from bytes. Each encoder of this program
normalizes its input in its own way.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import showing
from utils import command_line
from utils.errors import run_script
from utils.plots.figure import INK, PALE, PIXELS, shrink
from utils.quiet import import_tensorflow
from utils.terminal import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHANNEL_COLOURS = {"red": "#c8423b", "green": "#3a8f5c", "blue": "#2563a8"}
BINS = 64
# A histogram is cut off at this multiple of the height that 95 % of its bars stay below.
CUT_OFF = 2
NOTE = (
    "Values are drawn as they are: below 0 is black, above 1 is white (original: 0 to 255). "
    "Normalization loses nothing: shifted and scaled back, the values are the photo again. "
    "A bar that leaves its histogram is cut off."
)


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command_line.make_parser(__doc__)
    showing.add_photo_argument(parser)
    showing.add_out_option(parser)
    return parser


def main() -> None:
    """Normalize, print the ranges, draw."""
    arguments = make_options().parse_args()
    photo = showing.choose_photo(arguments.photo)
    out = showing.check_out_file(arguments.out, photo)
    original = showing.read_pixels(photo)
    image = shrink(original, PIXELS)
    import_tensorflow()

    normalized = {
        "original": image,
        "NumPy: min-max": normalize_min_max(image),
        "NumPy: mean and deviation": normalize_mean_deviation(image),
        "TensorFlow: mean and variance": normalize_mean_variance(image),
        "tf.image.per_image_standardization": standardize(image),
    }
    height, width = original.shape[:2]
    size = f"{width} x {height} pixels"
    if image.shape != original.shape:
        size += f", resized to {image.shape[1]} x {image.shape[0]}"
    say(f"{photo}: {size}")
    for name, values in normalized.items():
        say(f"{name + ':':36} {describe(values)}")
    showing.show_or_save(draw(normalized), out, __file__)


def normalize_min_max(image: np.ndarray) -> np.ndarray:
    """Shift and scale so that the darkest value is 0 and the brightest 1."""
    values = image.astype(np.float32)
    value_range = max(values.max() - values.min(), 1)  # not 0 for a photo of one colour
    return (values - values.min()) / value_range


def normalize_mean_deviation(image: np.ndarray) -> np.ndarray:
    """Shift and scale so that all values have the mean 0 and the standard deviation 1."""
    values = image.astype(np.float32)
    return (values - values.mean()) / max(values.std(), values.size**-0.5)


def normalize_mean_variance(image: np.ndarray) -> np.ndarray:
    """Shift and scale each channel to the mean 0 and the variance 1; this removes a tint."""
    import tensorflow as tf  # main has imported it, without its messages

    values = tf.cast(image, tf.float32)
    mean, variance = tf.nn.moments(values, axes=(0, 1))  # (3,)
    normalized = tf.nn.batch_normalization(
        values, mean, variance, offset=None, scale=None, variance_epsilon=1e-6
    )
    return normalized.numpy()


def standardize(image: np.ndarray) -> np.ndarray:
    """Do the same as `normalize_mean_deviation` in one call."""
    import tensorflow as tf  # main has imported it, without its messages

    return tf.image.per_image_standardization(image).numpy()


def describe(values: np.ndarray) -> str:
    """Return range, mean and standard deviation as text."""
    digits = 0 if values.dtype == np.uint8 else 2
    texts = []
    for value in (values.min(), values.max(), values.mean(), values.std()):
        rounded = round(float(value), digits) + 0  # + 0 turns -0.0 into 0.0
        texts.append(f"{rounded:.{digits}f}".replace("-", "−"))
    lowest, highest, mean, deviation = texts
    return f"{lowest} to {highest}, mean {mean}, deviation {deviation}"


def draw(normalized: dict[str, np.ndarray]) -> "Figure":
    """Draw each picture with its values and its histogram below."""
    from matplotlib.figure import Figure  # takes a second, which -h and mistakes do without

    figure = Figure(figsize=(13, 4.9), layout="constrained")
    pictures, histograms = figure.subplots(2, len(normalized))
    for place, (name, values) in enumerate(normalized.items()):
        picture = pictures[place]
        picture.set_axis_off()
        if values.dtype != np.uint8:
            picture.imshow(values.clip(0, 1))
        else:
            picture.imshow(values)
        picture.set_title(name, fontsize=9, color=INK)
        draw_histogram(histograms[place], values)
    histograms[0].legend(fontsize=8, frameon=False, labelcolor=PALE)
    figure.supxlabel(NOTE, x=0.01, ha="left", fontsize=8.5, color=PALE)
    return figure


def draw_histogram(axes: "Axes", values: np.ndarray) -> None:
    """Draw a histogram of each channel; very high bars are cut off to keep the others visible."""
    counts = []
    for channel, (name, colour) in enumerate(CHANNEL_COLOURS.items()):
        channel_counts, _, _ = axes.hist(
            values[..., channel].ravel(),
            bins=BINS,
            range=(values.min(), values.max()),
            histtype="step",
            color=colour,
            label=name,
        )
        counts.append(channel_counts)
    usual_height = max(np.quantile(counts, 0.95), 1)
    axes.set_ylim(0, min(1.05 * np.max(counts), CUT_OFF * usual_height))
    axes.set_title(describe(values).replace(", mean", "\nmean"), fontsize=9, color=INK)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)


if __name__ == "__main__":
    run_script(main)
