"""The scripts in doc/: pictures show what training gets, normalised values are what they must be, numbers come back."""

import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import image_normalization_test as normalization
import img_augmentation_test as augmentation
import showing
import tokenizer_sample
from data.img_augmentation import AUGMENTERS
from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo, save_picture
from data.photos.photo import Photo
from data.photos.views import Views
from data.text import loading
from tests.helpers.datasets import SAMPLES, make_coco, write_files
from tests.helpers.scripts import ROOT, started, typed
from utils.plots.figure import save_figure

SCRIPTS = (augmentation, normalization, tokenizer_sample)


@pytest.fixture
def looked_at(monkeypatch, tmp_path):
    """What a script prints, and the figure that it writes into a file."""
    monkeypatch.chdir(tmp_path)
    kept = []
    monkeypatch.setattr(
        showing,
        "save_figure",
        lambda figure, path: (kept.append(figure), save_figure(figure, path)),
    )

    def look(script, *words):
        done = typed(script, *words, "--out", "drawn.png")
        assert done.status == 0, done.error
        with Image.open("drawn.png") as drawn:
            assert drawn.format == "PNG"
        assert done.out.endswith("picture: drawn.png\n")
        return SimpleNamespace(lines=done.out.splitlines(), figure=kept[-1])

    return look


def pixels(figure):
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def hash_of(photo, folder):
    return next(PhotoHashes(folder / "photos.json").hashed([photo]))[1]


@pytest.mark.parametrize(
    ("words", "caption"), [([], "a pagoda"), (["--no-flip"], "a pagoda on the left")]
)
def test_the_grid_has_the_views_that_training_gets(looked_at, tmp_path, words, caption):
    photo = showing.sample("flower.jpg")
    looked = looked_at(augmentation, photo, "--image-size", 96, "--seed", 3, "--views", 4, *words)
    views = Views(number=4, seed=3)
    known = Photo(photo, photo.name, (caption,), hash_of(photo, tmp_path), "train")
    shown = pixels(looked.figure)
    np.testing.assert_array_equal(
        shown[:5], [views.load_picture(known, view, 96) for view in range(5)]
    )
    names = [name for name in AUGMENTERS if name != "flip" or not words]
    texts = [text.get_text() for text in looked.figure.texts][2:-1]
    assert texts[:5] == ["flower.jpg", "view 1", "view 2", "view 3", "view 4"]
    assert [text.split("\n")[0] for text in texts[5:]] == names
    changes = [np.abs(picture.astype(float) - shown[0]).mean() for picture in shown[5:]]
    assert [float(text.split("\n")[1]) for text in texts[5:]] == pytest.approx(changes, abs=0.051)
    assert (
        min(changes) > 0.2
    )  # each is seen to do something, the flip too, which does nothing half of the time


def test_of_each_augmenter_the_strongest_draw_is_shown():
    image = read_photo(showing.sample(), (64, 64))
    augmenter = AUGMENTERS["brightness"]()
    augmenter.seed_(5)
    draws = [augmenter(image=image) for _ in range(augmentation.DRAWS)]
    changes = [augmentation.change(draw, image) for draw in draws]
    np.testing.assert_array_equal(
        augmentation.strongest("brightness", image, 5), draws[np.argmax(changes)]
    )
    assert max(changes) > min(changes) > 0


def test_the_same_photo_five_ways(looked_at):
    looked = looked_at(normalization)
    axes = looked.figure.axes
    names = [
        "original",
        "NumPy: min-max",
        "NumPy: mean and deviation",
        "TensorFlow: mean and variance",
        "tf.image.per_image_standardization",
    ]
    assert [each.get_title() for each in axes[:5]] == names
    photo = read_photo(showing.sample())
    low, high, mean, deviation = int(photo.min()), int(photo.max()), photo.mean(), photo.std()
    by_colour = (photo - photo.mean((0, 1))) / photo.std((0, 1))
    standard = [(low - mean) / deviation, (high - mean) / deviation, 0, 1]
    values = np.array(
        [
            [low, high, mean, deviation],
            [0, 1, (mean - low) / (high - low), deviation / (high - low)],
            standard,
            [by_colour.min(), by_colour.max(), 0, 1],
            standard,
        ]
    )
    told = [line.split(":")[-1].strip() for line in looked.lines[1:6]]
    assert [each.get_title().replace("\n", ", ") for each in axes[5:]] == told
    found = np.array([re.findall(r"−?[\d.]+", each) for each in told])
    rounding = np.array([0.51, 0.0051, 0.0051, 0.0051, 0.0051])[:, None]
    assert (np.abs(np.char.replace(found, "−", "-").astype(float) - values) <= rounding).all()
    counts = [np.histogram(photo[..., channel], 64, (low, high))[0].max() for channel in range(3)]
    assert [patch.get_xy()[:, 1].max() for patch in axes[5].patches] == counts
    assert [text.get_text() for text in axes[5].get_legend().get_texts()] == [
        "red",
        "green",
        "blue",
    ]
    edges = [np.concatenate([patch.get_xy()[:, 0] for patch in each.patches]) for each in axes[5:]]
    np.testing.assert_allclose(
        [(each.min(), each.max()) for each in edges], values[:, :2].astype(float), atol=1e-3
    )
    np.testing.assert_array_equal(pixels(looked.figure)[0], photo)
    assert all(shown.min() >= 0 and shown.max() <= 1 for shown in pixels(looked.figure)[1:])


def test_a_spike_rises_out_of_a_histogram_and_leaves_all_else_to_be_seen():
    image = np.random.default_rng(0).integers(0, 256, (64, 100, 3)).astype(np.uint8)
    image[:, :90, 0] = 0
    axes = Figure().subplots()
    normalization.add_histogram(axes, image)
    usual = np.quantile(
        np.concatenate([np.histogram(image[..., each], 64, (0, 255))[0] for each in range(3)]), 0.95
    )
    assert axes.get_ylim()[1] == pytest.approx(2 * usual)
    axes = Figure().subplots()
    normalization.add_histogram(axes, image[:, 90:])  # without
    highest = max(np.histogram(image[:, 90:, each], 64, (0, 255))[0].max() for each in range(3))
    assert axes.get_ylim()[1] == pytest.approx(1.05 * highest)


def test_letters_of_another_language_than_was_asked_for_are_told(tmp_path):
    file = tmp_path / "captions.csv"
    file.write_text("image,caption\na.jpg,a red dog runs\n")
    done = typed(tokenizer_sample, file, "--language", "ko")
    assert done.status == 0
    assert f"{file} has no captions in Korean; by their letters they are English" in done.error
    assert typed(tokenizer_sample, file, "--language", "de").error == ""


def test_the_ways_do_what_their_names_say():
    image = np.random.default_rng(0).integers(20, 90, (31, 40, 3)).astype(np.uint8)
    image[..., 0] //= 2
    lowest, highest = int(image.min()), int(image.max())
    np.testing.assert_allclose(
        normalization.min_max(image) * (highest - lowest) + lowest, image, atol=1e-4
    )
    np.testing.assert_allclose(
        normalization.mean_deviation(image) * image.std() + image.mean(), image, atol=1e-4
    )
    np.testing.assert_allclose(
        normalization.standardized(image), normalization.mean_deviation(image), atol=1e-5
    )
    by_colour = normalization.mean_variance(image)
    np.testing.assert_allclose(by_colour.mean((0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(by_colour.std((0, 1)), 1, atol=1e-5)
    assert np.abs(normalization.mean_deviation(image).mean((0, 1))).max() > 0.3


@pytest.mark.parametrize("way", ["min_max", "mean_deviation", "mean_variance", "standardized"])
def test_a_photo_of_one_colour_is_0_everywhere(way):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not getattr(normalization, way)(np.full((9, 7, 3), 200, np.uint8)).any()


def test_a_large_photo_is_made_smaller_and_that_is_said(looked_at, tmp_path):
    save_picture(np.zeros((30, 1500, 3), np.uint8), tmp_path / "wide.png")
    looked = looked_at(normalization, "wide.png")
    assert looked.lines[0] == "wide.png: 1500 x 30 pixels, made smaller: 720 x 14"
    assert looked.lines[2].split(":")[-1].strip() == "0.00 to 0.00, mean 0.00, deviation 0.00"


def blocks(lines):
    """Of each caption shown: the caption, its words, tokens, numbers, and what came back."""
    found = []
    for block in "\n".join(lines).split("\n\n")[1:]:
        rows = [line[9:] for line in block.splitlines() if not line.startswith("picture")]
        caption, words, *aligned, back = rows
        tokens, numbers = (
            [each for line in aligned[start::2] for each in line.split()] for start in (0, 1)
        )
        found.append(
            SimpleNamespace(
                caption=caption,
                words=words.split(),
                tokens=tokens,
                back=back,
                numbers=[int(number) for number in numbers],
            )
        )
    return found


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--tokenizer", "bpe", "--vocabulary", "90"],
        ["--language", "ko"],
        ["--language", "ko", "--tokenizer", "bpe", "--vocabulary", "250"],
    ],
)
def test_numbers_come_back_as_words(looked_at, tmp_path, words):
    looked = looked_at(tokenizer_sample, "--save", "kept.json", *words)
    assert (
        looked.lines[0]
        == f"captions: 1,000 of 200 photos, language {words[1] if words[:1] == ['--language'] else 'en'}"
    )
    kept = loading.load_tokenizer(tmp_path / "kept.json")
    assert (
        f"saved: kept.json, {(tmp_path / 'kept.json').stat().st_size:,} bytes; loaded again: {len(kept)} tokens"
        in (looked.lines)
    )
    shown = blocks(looked.lines)
    assert len(shown) == len({each.caption for each in shown}) == 2
    for each in shown:
        assert each.numbers == kept.encode(each.caption)
        assert each.tokens == [kept.tokens[number] for number in each.numbers]
        assert each.back.split() == each.words == re.findall(r"\w+", each.caption.lower())
    written = [text.get_text() for text in looked.figure.texts]
    assert [str(number) for each in shown for number in each.numbers] == [
        each for each in written if each.isdigit()
    ]
    if "bpe" in words:
        assert sum(len(each.numbers) - 2 for each in shown) > sum(len(each.words) for each in shown)


def test_a_word_that_was_never_seen_is_unknown(looked_at):
    (shown,) = blocks(looked_at(tokenizer_sample, "--caption", "A dog on skis.").lines)
    assert (shown.tokens, shown.words[-1]) == (
        ["<start>", "a", "dog", "on", "<unk>", "<end>"],
        "skis",
    )
    assert (shown.numbers[-2], shown.back) == (1, "a dog on <unk>")


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "texts"])
def test_a_captions_file_is_enough_without_its_photos(looked_at, tmp_path, name):
    _, file, content, _ = SAMPLES[name]
    write_files(tmp_path, files={file: content})
    looked = looked_at(tokenizer_sample, file)
    assert looked.lines[0] == "captions: 2 of 1 photos, language en"
    assert [each.back for each in blocks(looked.lines)] == ["a dog runs", "a café"]


def test_chinese_captions_are_characters(looked_at, tmp_path):
    write_files(
        tmp_path,
        files={"annotations/captions_val2017.json": make_coco({1: "a.jpg"}, [(1, "一只狗在跑。")])},
    )
    looked = looked_at(tokenizer_sample, ".")
    (shown,) = blocks(looked.lines)
    assert (shown.words, shown.back) == (list("一只狗在跑"), "一只狗在跑")
    assert looked.lines[1].startswith("fitted: 5 characters, after <pad>, <unk>, <start>, <end>; ")


@pytest.mark.parametrize(
    ("script", "words", "status", "told"),
    [
        (
            augmentation,
            ["gone.jpg"],
            1,
            "gone.jpg cannot be read: no such file; name a photo, such as a JPEG or PNG file",
        ),
        (normalization, ["text.jpg"], 1, "text.jpg cannot be read: not a picture; name a photo"),
        (
            augmentation,
            ["photo.png", "--out", "photo.png"],
            2,
            "--out photo.png would write over what is read",
        ),
        (augmentation, ["--views", "0"], 2, "--views is a number from 1, not 0"),
        (augmentation, ["--image-size", "8"], 2, "--image-size is at least 75 pixels, not 8"),
        (
            normalization,
            ["--out", "x.jpg"],
            2,
            "--out wants the name of a file that ends in .png, not x.jpg",
        ),
        (
            tokenizer_sample,
            ["--out", "text.jpg/x.png"],
            1,
            "cannot write to text.jpg: text.jpg is a file",
        ),
        (tokenizer_sample, ["gone.csv"], 1, "no dataset at gone.csv; give a captions file"),
        (
            tokenizer_sample,
            ["text.jpg"],
            1,
            "text.jpg is no known dataset; looked for: captions.csv",
        ),
        (tokenizer_sample, ["empty.csv"], 1, "empty.csv holds no caption"),
        (
            tokenizer_sample,
            ["--language", "ja"],
            2,
            "the built-in scenes have captions in en and ko, not ja",
        ),
        (
            tokenizer_sample,
            ["--save", "words.txt"],
            2,
            "--save wants the name of a file that ends in .json, not words.txt",
        ),
        (
            tokenizer_sample,
            ["--tokenizer", "characters"],
            2,
            "--tokenizer characters is for languages without spaces",
        ),
        (
            tokenizer_sample,
            ["--minimum-count", "5000"],
            1,
            "no word occurs 5000 times in the training captions",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path, monkeypatch, script, words, status, told):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, files={"text.jpg": "text", "empty.csv": "photo,caption\na.jpg, \n"})
    save_picture(np.zeros((4, 4, 3), np.uint8), tmp_path / "photo.png")
    before = sorted(tmp_path.iterdir())
    done = typed(script, *words)
    assert done.status == status
    assert done.error.startswith(f"error: {told}")
    assert done.error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_window_is_shown_where_there_is_a_screen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []
    for module in (showing, tokenizer_sample):
        monkeypatch.setattr(module, "has_screen", lambda: True)
    monkeypatch.setattr(showing, "show_figure", seen.append)
    for script in SCRIPTS:
        assert (
            typed(script, *(["--image-size", "75"] if script is augmentation else [])).status == 0
        )
    assert len(seen) == 3
    assert list(tmp_path.iterdir()) == []


def test_they_run_with_nothing_typed_from_any_folder_without_a_screen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(3) as threads:
        done = list(
            threads.map(
                lambda script: started(ROOT / "doc" / f"{script.__name__}.py", MPLBACKEND="Agg"),
                SCRIPTS,
            )
        )
    assert [(each.status, each.error) for each in done] == [(0, "")] * 3
    for each, script in zip(done[:2], SCRIPTS, strict=False):
        assert each.out.splitlines()[-1] == (
            f"picture: {script.__name__}.png (there is no screen for a window; another "
            "name: --out FILE.png)"
        )
    assert done[2].out.splitlines()[-1].startswith("back:    ")  # its product is what it prints
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "image_normalization_test.png",
        "img_augmentation_test.png",
    ]
