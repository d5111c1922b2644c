"""What is shown of a photo, by runs that have learned nothing; and how their loading is told."""

import io
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import ExifTags, Image

from models.captioner import Captioner
from tests.helpers.tiny_run import captioning_run, classifying_run
from ui import answers as showing
from ui.answers import SCREEN, Loading, Model, controls, opened, sentence
from utils.errors import UserError
from utils.plots.attention import overlay_attention
from utils.plots.figure import YELLOW


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return captioning_run(tmp_path_factory.mktemp("runs") / "r")


@pytest.fixture(scope="module")
def model(run):
    return Model(run)


@pytest.fixture
def photo(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)).save(
        tmp_path / "사진.png"
    )
    return tmp_path / "사진.png"


def test_a_photo_is_upright_and_no_larger_than_the_screen_wants_it(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pixels = np.zeros((40, 2 * SCREEN, 3), np.uint8)
    pixels[:, :SCREEN] = 255, 0, 0
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    photo = opened(str(tmp_path / "a.png"))
    assert (photo.name, photo.pixels.shape) == ("a.png", (SCREEN, 20, 3))
    assert photo.pixels[5, 10].tolist() == [255, 0, 0]  # its left side is above
    assert photo.pixels[-5, 10].tolist() == [0, 0, 0]


def test_path_bytes_and_pixels_are_opened_alike(photo):
    with Image.open(photo) as image:
        pixels = np.asarray(image)
    for given, name in (
        (photo, "사진.png"),
        (str(photo), "사진.png"),
        (photo.read_bytes(), "the photo"),
        (pixels, "the photo"),
    ):
        found = opened(given)
        assert found.name == name
        np.testing.assert_array_equal(found.pixels, pixels)
    assert opened(photo.read_bytes(), "mine.png").name == "mine.png"


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "empty file"),
        (b"<svg></svg> and no picture at all", "not a picture"),
        (None, "no such file"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError, match=rf"^a\.jpg cannot be read: {reason}$"):
        opened(tmp_path / "a.jpg")


def test_a_photo_that_is_cut_short_is_refused(photo):
    whole = io.BytesIO()
    Image.open(photo).save(whole, "JPEG")
    with pytest.raises(UserError, match=r"^the photo cannot be read: cut short$"):
        opened(whole.getvalue()[:-200])


def test_what_is_shown_is_what_the_captioner_says(run, model, photo):
    captioner = Captioner.load(run)
    for search in ({}, {"sample": True, "temperature": 0.5, "seed": 3}):
        wanted, shown = captioner(photo, **search), model(opened(photo), **search)
        assert (shown.caption, shown.words) == (wanted.text, wanted.words)
        assert shown.candidates[0] == pytest.approx((wanted.text, wanted.score))
        assert {text for text, _ in shown.candidates} == {text for text, _ in wanted.candidates}
        np.testing.assert_allclose(
            shown.maps.reshape(len(shown.words), -1), wanted.attention, atol=1e-5
        )
    assert len(model(opened(photo), beam=5).candidates) == 5


def test_the_caption_stands_first_and_the_others_follow_by_their_scores_each_once():
    answer = SimpleNamespace(
        text="a",
        score=0.5,
        candidates=[("a", 0.5), ("b", 0.4), ("c", 0.6), ("b", 0.45), ("a", 0.2)],
    )
    assert showing._ordered(answer) == [("a", 0.5), ("c", 0.6), ("b", 0.45)]


def test_attention_is_laid_over_the_photo_with_a_line_at_half_its_peak(model):
    shown = model(opened(np.full((40, 60, 3), 100, np.uint8)))
    object.__setattr__(shown, "maps", np.array([[[1.0, 0.0], [1.0, 0.0]]] * len(shown.words)))
    over, plain = shown.over(0), overlay_attention(shown.opened.pixels, shown.maps[0])
    yellow = [int(YELLOW[place : place + 2], 16) for place in (1, 3, 5)]
    line = np.abs(over.astype(int) - yellow).sum(axis=2) < 40
    assert line[:, 28:32].any(axis=1).all()  # from top to bottom, in the middle
    assert not line[:, :26].any() and not line[:, 34:].any()
    np.testing.assert_array_equal(over[:, :26], plain[:, :26])
    np.testing.assert_array_equal(over[:, 34:], plain[:, 34:])
    assert shown.over(0, np.zeros((10, 20, 3), np.uint8)).shape == (10, 20, 3)


def test_the_picture_is_the_one_that_predict_draws(model, photo):
    for given in (photo, photo.read_bytes(), np.asarray(Image.open(photo))):
        shown = model(opened(given))
        figure = shown.figure()
        assert figure.axes[0].images[0].get_array().shape == (40, 60, 3)
        assert [axes.get_title() for axes in figure.axes[1:]] == shown.words


@pytest.mark.parametrize(
    "search, message",
    [
        ({"beam": 0}, "--beam is at least 1, not 0"),
        ({"temperature": 2.0}, "go with --sample"),
        ({"beems": 1}, "'beam'"),
    ],
)
def test_settings_that_cannot_be_are_refused(model, photo, search, message):
    with pytest.raises(UserError, match=message):
        model(opened(photo), **search)


def test_a_photo_that_is_gone_meanwhile_is_refused(model, photo):
    found = opened(photo)
    photo.unlink()
    with pytest.raises(UserError, match=r"^사진\.png cannot be read: no such file$"):
        model(found)


def test_a_run_of_drawings_says_so_of_photographs(tmp_path, photo):
    model = Model(captioning_run(tmp_path / "r", scenes=True, dataset=str(tmp_path / "drawn")))
    assert model(opened(photo)).note == (
        "This run was trained on drawn scenes; of photographs it can say nothing sensible."
    )
    (tmp_path / "drawn/photos").mkdir(parents=True)
    (tmp_path / "drawn/photos/7.png").write_bytes(photo.read_bytes())
    assert model(opened(photo)).note
    assert model(opened(photo, "7.png")).note is None  # as a browser gives it
    (tmp_path / "drawn/photos/7.png").write_bytes(photo.read_bytes() + b"x")
    assert model(opened(photo, "7.png")).note
    (tmp_path / "facts.json").write_text("{}")
    assert model(opened(photo)).note is None


def test_a_network_that_looks_nowhere_has_a_caption_and_no_words(model, photo):
    shown = model(opened(photo))
    model = Model.__new__(Model)
    model.saved, model.writes, model._lock = {}, True, threading.Lock()
    shown.answer.attention[:] = 0.25
    model._ask = lambda *_: shown.answer
    model._answers = showing.prediction.CaptionPredictor(None, {})
    nowhere = model(opened(photo))
    assert (nowhere.caption, nowhere.words) == (shown.caption, [])
    assert (
        nowhere.note
        == "This network saw the photo once, before the first word, and has no attention."
    )


def test_a_classifier_shows_its_likeliest_classes(tmp_path, photo):
    run = classifying_run(tmp_path / "c")
    assert controls(run) == {}
    model = Model(run)
    shown = model(opened(photo))
    assert not model.writes
    assert sorted(name for name, _ in shown.candidates) == ["cat", "dog", "owl"]
    assert shown.caption == shown.candidates[0][0]
    assert sum(probability for _, probability in shown.candidates) == pytest.approx(1, abs=1e-5)
    assert (shown.words, shown.note) == ([], None)
    assert shown.figure().axes[0].images[0].get_array().shape == (40, 60, 3)


def test_settings_are_known_before_the_model_is_loaded(run):
    assert controls(run) == {
        "beam": 3,
        "length_penalty": 0.7,
        "sample": False,
        "temperature": 1.0,
        "top_k": None,
        "top_p": None,
        "seed": 0,
    }


def test_loading_goes_forward_until_the_model_is_there(run, photo, monkeypatch):
    may, told = threading.Event(), []
    began = Loading._begin

    def begin(self, step):
        told.append(self.progress)
        began(self, step)
        if step == "the encoder":
            may.wait(20)

    monkeypatch.setattr(Loading, "_begin", begin)
    loading = Loading(run)
    while loading.progress.text != "Loading the encoder":
        assert not loading.done
    told.append(loading.progress)
    may.set()
    assert loading.model()(opened(photo)).caption
    told.append(loading.progress)
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert shares[0] >= 0 and shares[-2] < 1
    assert (told[0].text, told[-1].text, shares[-1], loading.done, loading.failure) == (
        "Loading TensorFlow",
        "ready",
        1.0,
        True,
        None,
    )


def test_a_run_that_cannot_be_loaded_is_refused_in_a_sentence(tmp_path):
    run = captioning_run(tmp_path / "r")
    for file in (run / "best").glob("*.index"):
        file.unlink()
    loading = Loading(run)
    with pytest.raises(UserError, match=r"its \.index file is gone"):
        loading.model()
    assert loading.done
    assert loading.failure.startswith(f"the checkpoint in {run / 'best'} is damaged")


def test_errors_are_told_as_sentences(capsys):
    assert sentence(UserError("no run 'x'")) == "no run 'x'"
    assert sentence(PermissionError(13, "Permission denied", "/a.png")) == (
        "Permission denied: /a.png; change its rights, or choose another folder"
    )
    assert capsys.readouterr().err == ""
    assert sentence(KeyError("colour")) == (
        "something went wrong that should not have (KeyError: 'colour'); the terminal says more"
    )
    assert "KeyError" in capsys.readouterr().err
