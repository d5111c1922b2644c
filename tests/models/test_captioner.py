"""The captioner with an invented encoder and a small decoder with random weights."""

import io

import numpy as np
import pytest
from PIL import Image

from data.photos.crops import Crops
from data.photos.images import UnreadablePhoto
from data.text.tokenizer import Word
from models.decoders import build_decoder
from models.encoders.encoder import Encoder
from models.saved_networks import load_encoder
from models.trained_captioner import TrainedCaptioner
from utils.errors import UserError

SIZE = 8
SETTINGS = {
    "beam": 3,
    "length_penalty": 0.7,
    "no_repeat": 2,
    "max_length": 6,
    "sample": False,
    "temperature": 1.0,
    "top_k": None,
    "top_p": None,
    "seed": 0,
}


class Words:
    """A tokenizer of nine words."""

    def decode(self, numbers):
        words = []
        for number in numbers:
            if number == 3:
                break
            if number > 3:
                words.append(Word(f"w{number}", 1))
        return words

    def encode_prompt(self, text):
        known = [f"w{number}" for number in range(4, 13)]
        return [known.index(word) + 4 if word in known else 1 for word in text.split()]

    def join_words(self, words):
        return " ".join(words)


def encoder(images):
    """Four locations: the mean colours of the picture's quarters.

    The last bits depend on the size of the batch, as on a GPU.
    """
    halves = (
        np.asarray(images, np.float32)
        .reshape(len(images), 2, SIZE // 2, 2, SIZE // 2, 3)
        .mean(axis=(2, 4))
    )
    return Features(halves.reshape(len(images), 4, 3) / 64 - 2 + len(images) * 1e-7)


class Features(np.ndarray):
    """An array that has TensorFlow's `numpy()`."""

    def __new__(cls, values):
        return np.asarray(values, np.float32).view(cls)

    def numpy(self):
        return np.asarray(self)


@pytest.fixture(scope="module")
def captioner():
    decoder = build_decoder(
        "gru",
        seed=0,
        vocabulary=13,
        locations=4,
        depth=3,
        units=16,
        embedding=8,
        attention_units=8,
        dropout=0.0,
    )
    return TrainedCaptioner(
        encoder=lambda: encoder,
        decoder=decoder,
        tokenizer=Words(),
        grid=(2, 2),
        image_size=SIZE,
        settings=SETTINGS,
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Files of photos of their own colours and sizes."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    files = []
    for number in range(5):
        pixels = random.integers(0, 256, (number + 6, 9, 3), np.uint8)
        files.append(folder / f"{number}.png")
        Image.fromarray(pixels).save(files[-1])
    return files


def same(one, other):
    return (
        one.text == other.text and one.words == other.words and abs(one.score - other.score) < 1e-4
    )


def test_a_caption_has_all_its_fields(captioner, photos):
    caption = captioner(photos[0])
    assert caption.text == " ".join(caption.words)
    assert 1 <= len(caption.words) <= SETTINGS["max_length"]
    assert 0 < caption.score <= 1
    assert caption.grid == (2, 2)
    assert caption.attention.shape == (len(caption.words), 4)
    np.testing.assert_allclose(caption.attention.sum(axis=1), 1, atol=1e-5)
    assert caption.candidates[0] == (caption.text, caption.score)
    assert len(caption.candidates) <= SETTINGS["beam"]


@pytest.mark.parametrize("changes", [{}, {"beam": 1}, {"sample": True, "seed": 5}], ids=str)
def test_a_photo_has_the_same_caption_in_a_batch(captioner, photos, changes):
    together = captioner(photos, **changes)
    assert all(
        same(captioner(photo, **changes), caption)
        for photo, caption in zip(photos, together, strict=True)
    )


def test_path_bytes_and_pixels_give_the_same_caption(captioner, photos):
    for photo in photos:
        with Image.open(photo) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        wanted = captioner(photo, sample=True)
        assert all(
            same(captioner(given, sample=True), wanted)
            for given in (str(photo), photo.read_bytes(), pixels)
        )


def test_large_pixels_are_resized_as_a_file_is(captioner):
    pixels = np.random.default_rng(1).integers(0, 256, (90, 70, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    np.testing.assert_array_equal(
        captioner._load_pixels(pixels), captioner._load_pixels(file.getvalue())
    )


@pytest.mark.parametrize("crops", [2, 4])
def test_a_photo_in_several_crops(captioner, photos, crops):
    """Their features are searched together, and attention is that on the photo.

    A photo of one colour has the same caption in all crops.
    """
    one, several = captioner(photos), captioner(photos, crops=crops)
    assert any(each.score != other.score for each, other in zip(one, several, strict=True))
    for caption in several:
        assert caption.attention.shape == (len(caption.words), 4)
        np.testing.assert_allclose(caption.attention.sum(axis=1), 1, atol=1e-5)
    plain = np.full((SIZE, SIZE, 3), 90, np.uint8)
    assert same(captioner(plain), captioner(plain, crops=crops))
    pictures = [captioner._load_pixels(photo) for photo in photos]
    rows = [
        np.concatenate([encoder(each[None])[0] for each in Crops(crops).cut(picture)])
        for picture in pictures
    ]
    for caption, other in zip(captioner.from_features(np.stack(rows)), several, strict=True):
        assert caption.text == other.text
        np.testing.assert_allclose(
            [caption.score, *caption.attention.flat],
            [other.score, *other.attention.flat],
            rtol=1e-5,
        )


def test_samples_depend_on_the_seed(captioner, photos):
    drawn = [
        [caption.text for caption in captioner(photos, sample=True, seed=seed)]
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_wrong_settings_are_rejected(captioner, photos):
    with pytest.raises(UserError, match="unknown setting 'beems'; did you mean 'beam'"):
        captioner(photos, beems=5)
    for changes, message in (
        ({"beam": 0}, "beam must be at least 1"),
        ({"top_k": 3}, "need sample=True"),
        ({"sample": True, "temperature": -1}, "temperature must be above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            captioner(photos, **changes)


def test_a_run_has_the_grid_of_its_training(tmp_path):
    config = {
        "encoder": "convnet",
        "encoder_weights": "none",
        "layer": None,
        "image_size": 80,
        "fingerprint": Encoder("convnet", weights="none", image_size=80).fingerprint(),
    }
    for chosen, grid in ((3, (3, 3)), (None, (5, 5))):
        encoder = load_encoder(tmp_path, config | {"grid": chosen}, None, "auto")
        assert encoder.grid == grid


def test_no_photos_give_no_captions(captioner):
    assert captioner([]) == []


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
    ids=lambda pixels: f"{pixels.dtype}{pixels.shape}",
)
def test_pixels_of_another_kind_are_rejected(captioner, pixels):
    with pytest.raises(ValueError, match="pixels are uint8 of shape"):
        captioner(pixels)


def test_captions_begin_with_a_prompt(captioner, photos):
    """Its words have attention too, which depends on the words before, and no score."""
    for caption in captioner(photos, prompt="w7 w5"):
        assert caption.words[:2] == ["w7", "w5"]
        assert caption.text == " ".join(caption.words)
        assert all(text.startswith("w7 w5") for text, _ in caption.candidates)
        assert caption.attention.shape == (len(caption.words), 4)
        np.testing.assert_allclose(caption.attention.sum(axis=1), 1, rtol=1e-5)
    first, other = captioner(photos[0], prompt="w7 w5"), captioner(photos[0], prompt="w7 w4")
    np.testing.assert_allclose(first.attention[:2], other.attention[:2], rtol=1e-4)
    assert same(captioner(photos[0], prompt=" "), captioner(photos[0]))


def test_the_score_of_a_prompted_caption_is_of_the_other_words(captioner, photos):
    free = captioner(photos[0], beam=1)
    half = len(free.words) // 2
    rest = captioner(photos[0], beam=1, prompt=" ".join(free.words[:half]))
    prompted = captioner(photos[0], beam=1, max_length=half)
    assert rest.text == free.text
    np.testing.assert_allclose(rest.attention, free.attention, atol=1e-5)
    assert len(prompted.words) == half
    assert rest.score != pytest.approx(free.score)


@pytest.mark.parametrize(
    ("prompt", "changes", "message"),
    [
        ("w5 dog w6 cat", {}, r"--prompt must have words .* \(got 'dog', 'cat'\)"),
        ("w5 w6", {"max_length": 2}, r"--prompt must have at most 1 words .* \(got 2\)"),
        (None, {"min_length": 7}, r"--max-length must be at least --min-length, 7 \(got 6\)"),
    ],
)
def test_impossible_prompts_and_lengths_are_rejected(captioner, photos, prompt, changes, message):
    with pytest.raises(UserError, match=message):
        captioner(photos[0], prompt=prompt, **changes)


def test_pillow_images_are_captioned_as_their_files_are(captioner, tmp_path):
    """Upright, on white, and also among other kinds in a list."""
    random = np.random.default_rng(3)
    pixels = random.integers(0, 256, (12, 16, 4), np.uint8)
    image = Image.fromarray(pixels, "RGBA")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    file = tmp_path / "a.png"
    image.save(file, exif=exif)
    expected = captioner(file)
    with Image.open(file) as opened:
        found = captioner(opened)
        assert (found.text, found.score) == (expected.text, expected.score)
        several = captioner([opened, str(file), file.read_bytes(), opened])
    assert len({caption.text for caption in several}) == 1
    assert several[0].text == captioner([file] * 4)[0].text


def test_the_photo_that_cannot_be_read_is_named(captioner, tmp_path):
    good = np.zeros((9, 9, 3), np.uint8)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    for photos, message in (
        (tmp_path / "none.jpg", f"{tmp_path}/none.jpg: no such file"),
        ([good, str(broken)], f"{broken}: not a picture"),
        ([good, good, b"no picture"], "photo 3: not a picture"),
        (b"", "photo 1: empty file"),
        ([good, Image.new("F", (4, 4))], "photo 2: pixels of a kind that is not read (F)"),
    ):
        with pytest.raises(UnreadablePhoto) as caught:
            captioner(photos)
        assert str(caught.value) == message
    with pytest.raises(ValueError, match=r"^photo 2: pixels are uint8"):
        captioner([good, good.astype(float)])
