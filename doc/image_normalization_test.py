"""Show a photo normalised in five ways, each with its range of values and its histogram.

    python doc/image_normalization_test.py                      a photo that is there, in a window
    python doc/image_normalization_test.py photo.jpg            your own
    python doc/image_normalization_test.py --out ranges.png     into a file

Networks learn faster from small numbers around 0 than from bytes. The encoders of this program bring their own way along.
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

COLOURS = {"red": "#c8423b", "green": "#3a8f5c", "blue": "#2563a8"}
SPIKE = 2  # times what 19 in 20 bars stay below; there a histogram is cut off


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__)
    showing.add_photo(parser)
    showing.add_out(parser)
    return parser


def main() -> int:
    """Normalise, tell, draw."""
    given = options().parse_args()
    photo = showing.photo_for(given.photo)
    out = showing.file_for(given.out, photo)
    whole = showing.opened(photo)
    image = shrink(whole, PIXELS)
    import_tensorflow()

    ways = {
        "original": image,
        "NumPy: min-max": min_max(image),
        "NumPy: mean and deviation": mean_deviation(image),
        "TensorFlow: mean and variance": mean_variance(image),
        "tf.image.per_image_standardization": standardized(image),
    }
    smaller = (
        f", made smaller: {image.shape[1]} x {image.shape[0]}" if image.shape != whole.shape else ""
    )
    say(f"{photo}: {whole.shape[1]} x {whole.shape[0]} pixels{smaller}")
    for name, values in ways.items():
        say(f"{name + ':':36} {described(values)}")
    showing.show(drawn(ways), out, __file__)
    return 0


def min_max(image: np.ndarray) -> np.ndarray:
    """The darkest value at 0, the brightest at 1."""
    values = image.astype(np.float32)
    return (values - values.min()) / max(
        values.max() - values.min(), 1
    )  # 1: a photo of one colour is no division by 0


def mean_deviation(image: np.ndarray) -> np.ndarray:
    """The mean of all values at 0, their standard deviation 1."""
    values = image.astype(np.float32)
    return (values - values.mean()) / max(values.std(), values.size**-0.5)


def mean_variance(image: np.ndarray) -> np.ndarray:
    """Each colour by itself, its mean at 0 and its variance 1: a tint of the whole photo goes."""
    import tensorflow as tf

    values = tf.cast(image, tf.float32)
    mean, variance = tf.nn.moments(values, axes=(0, 1))  # (3,)
    return tf.nn.batch_normalization(
        values, mean, variance, offset=None, scale=None, variance_epsilon=1e-6
    ).numpy()


def standardized(image: np.ndarray) -> np.ndarray:
    """What `mean_deviation` does, in one call."""
    import tensorflow as tf

    return tf.image.per_image_standardization(image).numpy()


def described(values: np.ndarray) -> str:
    """Range, mean and standard deviation."""
    digits = 0 if values.dtype == np.uint8 else 2
    least, most, mean, deviation = (
        f"{round(float(value), digits) + 0:.{digits}f}".replace("-", "−")  # + 0: no −0.00
        for value in (values.min(), values.max(), values.mean(), values.std())
    )
    return f"{least} to {most}, mean {mean}, deviation {deviation}"


def drawn(ways: dict[str, np.ndarray]) -> "Figure":
    """Each way's picture, its values in words, and their histogram."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.9), layout="constrained")
    pictures, histograms = figure.subplots(2, len(ways))
    for (name, values), picture, histogram in zip(ways.items(), pictures, histograms, strict=True):
        picture.set_axis_off()
        # Floats are drawn from 0, black, to 1, white.
        picture.imshow(values if values.dtype == np.uint8 else values.clip(0, 1))
        picture.set_title(name, fontsize=9, color=INK)
        add_histogram(histogram, values)
    histograms[0].legend(fontsize=8, frameon=False, labelcolor=PALE)
    told = (
        "Drawn as they are: what is below 0 is black, above 1 white (of the original 0 to 255). The numbers have lost "
        "nothing: shifted and stretched they are the photo again. A bar that rises out of its histogram is cut off."
    )
    figure.supxlabel(told, x=0.01, ha="left", fontsize=8.5, color=PALE)
    return figure


def add_histogram(axes: "Axes", values: np.ndarray) -> None:
    """How often each value comes, by colour, under the range that they have; a spike may rise out of it, lest all else lie
    flat."""
    heights = []
    for channel, (name, colour) in enumerate(COLOURS.items()):
        counts, _, _ = axes.hist(
            values[..., channel].ravel(),
            bins=64,
            range=(values.min(), values.max()),
            histtype="step",
            color=colour,
            label=name,
        )
        heights.append(counts)
    axes.set_ylim(0, min(1.05 * np.max(heights), SPIKE * max(np.quantile(heights, 0.95), 1)))
    axes.set_title(described(values).replace(", mean", "\nmean"), fontsize=9, color=INK)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)


if __name__ == "__main__":
    run_script(main)
