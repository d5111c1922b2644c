"""The values of a normalized photo are what their names promise."""

import re
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

import image_normalization_test as normalization
import showing
from data.photos.images import read_photo, save_picture

NORMALIZERS = (
    normalization.normalize_min_max,
    normalization.normalize_mean_deviation,
    normalization.normalize_mean_variance,
    normalization.standardize,
)


def test_a_photo_is_normalized_in_five_ways(run_doc_script):
    done = run_doc_script(normalization)
    axes = done.figure.axes
    assert [each.get_title() for each in axes[:5]] == [
        "original",
        "NumPy: min-max",
        "NumPy: mean and deviation",
        "TensorFlow: mean and variance",
        "tf.image.per_image_standardization",
    ]
    photo = read_photo(showing.find_sample())
    low, high, mean, deviation = int(photo.min()), int(photo.max()), photo.mean(), photo.std()
    by_channel = (photo - photo.mean((0, 1))) / photo.std((0, 1))
    standardized = [(low - mean) / deviation, (high - mean) / deviation, 0, 1]
    values = np.array(
        [
            [low, high, mean, deviation],
            [0, 1, (mean - low) / (high - low), deviation / (high - low)],
            standardized,
            [by_channel.min(), by_channel.max(), 0, 1],
            standardized,
        ]
    )
    printed = [line.split(":")[-1].strip() for line in done.lines[1:6]]
    assert [each.get_title().replace("\n", ", ") for each in axes[5:]] == printed
    numbers = np.array([re.findall(r"−?[\d.]+", text) for text in printed])
    rounding = np.array([0.51, 0.0051, 0.0051, 0.0051, 0.0051])[:, None]
    difference = np.char.replace(numbers, "−", "-").astype(float) - values
    assert (np.abs(difference) <= rounding).all()

    highest = [np.histogram(photo[..., each], 64, (low, high))[0].max() for each in range(3)]
    assert [patch.get_xy()[:, 1].max() for patch in axes[5].patches] == highest
    legend = [text.get_text() for text in axes[5].get_legend().get_texts()]
    assert legend == ["red", "green", "blue"]
    for histogram, (lowest_value, highest_value, *_) in zip(axes[5:], values, strict=True):
        edges = np.concatenate([patch.get_xy()[:, 0] for patch in histogram.patches])
        assert edges.min() == pytest.approx(lowest_value, abs=1e-3)
        assert edges.max() == pytest.approx(highest_value, abs=1e-3)
    pictures = [np.asarray(each.images[0].get_array()) for each in axes[:5]]
    np.testing.assert_array_equal(pictures[0], photo)
    for picture in pictures[1:]:
        assert picture.min() >= 0
        assert picture.max() <= 1


def test_a_spike_is_cut_off_to_keep_other_bars_visible():
    image = np.random.default_rng(0).integers(0, 256, (64, 100, 3)).astype(np.uint8)
    image[:, :90, 0] = 0
    axes = Figure().subplots()
    normalization.draw_histogram(axes, image)
    counts = [np.histogram(image[..., channel], 64, (0, 255))[0] for channel in range(3)]
    assert axes.get_ylim()[1] == pytest.approx(2 * np.quantile(np.concatenate(counts), 0.95))
    axes = Figure().subplots()
    without_spike = image[:, 90:]
    normalization.draw_histogram(axes, without_spike)
    counts = [np.histogram(without_spike[..., channel], 64, (0, 255))[0] for channel in range(3)]
    assert axes.get_ylim()[1] == pytest.approx(1.05 * np.max(counts))


def test_each_normalization_does_what_its_name_says():
    image = np.random.default_rng(0).integers(20, 90, (31, 40, 3)).astype(np.uint8)
    image[..., 0] //= 2
    lowest, highest = int(image.min()), int(image.max())
    min_max = normalization.normalize_min_max(image)
    np.testing.assert_allclose(min_max * (highest - lowest) + lowest, image, atol=1e-4)
    mean_deviation = normalization.normalize_mean_deviation(image)
    np.testing.assert_allclose(mean_deviation * image.std() + image.mean(), image, atol=1e-4)
    np.testing.assert_allclose(normalization.standardize(image), mean_deviation, atol=1e-5)
    by_channel = normalization.normalize_mean_variance(image)
    np.testing.assert_allclose(by_channel.mean((0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(by_channel.std((0, 1)), 1, atol=1e-5)
    assert np.abs(mean_deviation.mean((0, 1))).max() > 0.3


@pytest.mark.parametrize("normalize", NORMALIZERS, ids=lambda function: function.__name__)
def test_a_photo_of_one_colour_is_0_everywhere(normalize):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not normalize(np.full((9, 7, 3), 200, np.uint8)).any()


def test_a_large_photo_is_resized_and_that_is_printed(run_doc_script, tmp_path):
    save_picture(np.zeros((30, 1500, 3), np.uint8), tmp_path / "wide.png")
    done = run_doc_script(normalization, "wide.png")
    assert done.lines[0] == "wide.png: 1500 x 30 pixels, resized to 720 x 14"
    assert done.lines[2].split(":")[-1].strip() == "0.00 to 0.00, mean 0.00, deviation 0.00"
