"""Answers for photos by untrained runs, and the loading of these runs."""

import io
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import ExifTags, Image

from models.captioner import Captioner
from pipeline import prediction
from tests.helpers.tiny_run import write_captioner_run, write_classifier_run
from ui.answers import (
    SCREEN_PIXELS,
    Model,
    ModelLoader,
    explain_error,
    open_photo,
    rank_candidates,
    read_search_settings,
)
from utils.errors import UserError
from utils.plots.attention import NO_ATTENTION, overlay_attention
from utils.plots.figure import YELLOW


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_captioner_run(tmp_path_factory.mktemp("runs") / "r")


@pytest.fixture(scope="module")
def model(run):
    return Model(run)


@pytest.fixture
def photo(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)).save(
        tmp_path / "사진.png"
    )
    return tmp_path / "사진.png"


def test_a_photo_is_upright_and_fits_the_screen(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pixels = np.zeros((40, 2 * SCREEN_PIXELS, 3), np.uint8)
    pixels[:, :SCREEN_PIXELS] = 255, 0, 0
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    photo = open_photo(str(tmp_path / "a.png"))
    assert (photo.name, photo.pixels.shape) == ("a.png", (SCREEN_PIXELS, 20, 3))
    assert photo.pixels[5, 10].tolist() == [255, 0, 0]  # its left side is above
    assert photo.pixels[-5, 10].tolist() == [0, 0, 0]


def test_path_bytes_and_pixels_are_opened_alike(photo):
    with Image.open(photo) as image:
        pixels = np.asarray(image)
    for source, name in (
        (photo, "사진.png"),
        (str(photo), "사진.png"),
        (photo.read_bytes(), "the photo"),
        (pixels, "the photo"),
    ):
        screen_photo = open_photo(source)
        assert screen_photo.name == name
        np.testing.assert_array_equal(screen_photo.pixels, pixels)
    assert open_photo(photo.read_bytes(), "mine.png").name == "mine.png"


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "empty file"),
        (b"<svg></svg> and no picture at all", "not a picture"),
        (None, "no such file"),
    ],
)
def test_an_unreadable_photo_is_rejected_by_name(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError, match=rf"^a\.jpg cannot be read: {reason}$"):
        open_photo(tmp_path / "a.jpg")


def test_a_photo_that_is_cut_short_is_rejected(photo):
    jpeg = io.BytesIO()
    Image.open(photo).save(jpeg, "JPEG")
    with pytest.raises(UserError, match=r"^the photo cannot be read: cut short$"):
        open_photo(jpeg.getvalue()[:-200])


def test_an_answer_is_the_captioners_caption(run, model, photo):
    captioner = Captioner.load(run)
    for search in ({}, {"sample": True, "temperature": 0.5, "seed": 3}):
        expected = captioner(photo, **search)
        answer = model(open_photo(photo), **search)
        assert (answer.caption, answer.words) == (expected.text, expected.words)
        assert answer.candidates[0] == pytest.approx((expected.text, expected.score))
        texts = {text for text, _ in answer.candidates}
        assert texts == {text for text, _ in expected.candidates}
        maps = answer.maps.reshape(len(answer.words), -1)
        np.testing.assert_allclose(maps, expected.attention, atol=1e-5)
    assert len(model(open_photo(photo), beam=5).candidates) == 5


def test_candidates_follow_the_caption_by_score_each_once():
    result = SimpleNamespace(
        text="a",
        score=0.5,
        candidates=[("a", 0.5), ("b", 0.4), ("c", 0.6), ("b", 0.45), ("a", 0.2)],
    )
    assert rank_candidates(result) == [("a", 0.5), ("c", 0.6), ("b", 0.45)]


def test_attention_has_a_line_at_half_its_peak(model):
    answer = model(open_photo(np.full((40, 60, 3), 100, np.uint8)))
    left_half = [[1.0, 0.0], [1.0, 0.0]]
    object.__setattr__(answer, "maps", np.array([left_half] * len(answer.words)))
    with_line = answer.draw_attention(0)
    without_line = overlay_attention(answer.photo.pixels, answer.maps[0])
    yellow = [int(YELLOW[place : place + 2], 16) for place in (1, 3, 5)]
    line = np.abs(with_line.astype(int) - yellow).sum(axis=2) < 40
    assert line[:, 28:32].any(axis=1).all()  # from top to bottom, in the middle
    assert not line[:, :26].any()
    assert not line[:, 34:].any()
    np.testing.assert_array_equal(with_line[:, :26], without_line[:, :26])
    np.testing.assert_array_equal(with_line[:, 34:], without_line[:, 34:])
    assert answer.draw_attention(0, np.zeros((10, 20, 3), np.uint8)).shape == (10, 20, 3)


def test_the_figure_is_the_one_of_predict(model, photo):
    for source in (photo, photo.read_bytes(), np.asarray(Image.open(photo))):
        answer = model(open_photo(source))
        figure = answer.draw_figure()
        assert figure.axes[0].images[0].get_array().shape == (40, 60, 3)
        assert [axes.get_title() for axes in figure.axes[1:]] == answer.words


@pytest.mark.parametrize(
    "search, message",
    [
        ({"beam": 0}, "--beam .*0"),
        ({"temperature": 2.0}, "--sample"),
        ({"beems": 1}, "'beam'"),
    ],
)
def test_wrong_search_settings_are_rejected(model, photo, search, message):
    with pytest.raises(UserError, match=message):
        model(open_photo(photo), **search)


def test_a_photo_that_was_deleted_is_rejected(model, photo):
    screen_photo = open_photo(photo)
    photo.unlink()
    with pytest.raises(UserError, match=r"^사진\.png cannot be read: no such file$"):
        model(screen_photo)


def test_a_run_of_scenes_has_a_note_for_photographs(tmp_path, photo):
    model = Model(write_captioner_run(tmp_path / "r", scenes=True, dataset=str(tmp_path / "drawn")))
    assert "trained on drawn scenes" in model(open_photo(photo)).note
    (tmp_path / "drawn/photos").mkdir(parents=True)
    (tmp_path / "drawn/photos/7.png").write_bytes(photo.read_bytes())
    assert model(open_photo(photo)).note
    assert model(open_photo(photo, "7.png")).note is None  # a browser's copy under its own name
    (tmp_path / "drawn/photos/7.png").write_bytes(photo.read_bytes() + b"x")
    assert model(open_photo(photo, "7.png")).note
    (tmp_path / "facts.json").write_text("{}")
    assert model(open_photo(photo)).note is None


def test_without_attention_there_are_no_words(model, photo):
    answer = model(open_photo(photo))
    answer.prediction.attention[:] = 0.25
    even = Model.__new__(Model)
    even.config = {}
    even.is_captioner = True
    even._lock = threading.Lock()
    even._predict = lambda *_: answer.prediction
    even._predictor = prediction.CaptionPredictor(None, {})
    even_answer = even(open_photo(photo))
    assert (even_answer.caption, even_answer.words) == (answer.caption, [])
    assert even_answer.note == NO_ATTENTION


def test_a_classifier_answers_with_its_likeliest_classes(tmp_path, photo):
    run = write_classifier_run(tmp_path / "c")
    assert read_search_settings(run) == {}
    model = Model(run)
    answer = model(open_photo(photo))
    assert not model.is_captioner
    assert sorted(name for name, _ in answer.candidates) == ["cat", "dog", "owl"]
    assert answer.caption == answer.candidates[0][0]
    assert sum(probability for _, probability in answer.candidates) == pytest.approx(1, abs=1e-5)
    assert (answer.words, answer.note) == ([], None)
    assert answer.draw_figure().axes[0].images[0].get_array().shape == (40, 60, 3)


def test_search_settings_need_no_model(run):
    assert read_search_settings(run) == {
        "beam": 3,
        "length_penalty": 0.7,
        "sample": False,
        "temperature": 1.0,
        "top_k": None,
        "top_p": None,
        "seed": 0,
    }


def test_progress_grows_until_the_model_is_loaded(run, photo, monkeypatch):
    may_go_on = threading.Event()
    steps = []
    begin_step = ModelLoader._begin_step

    def begin_step_and_wait(self, step):
        steps.append(self.progress)
        begin_step(self, step)
        if step == "Loading the encoder":
            may_go_on.wait(20)

    monkeypatch.setattr(ModelLoader, "_begin_step", begin_step_and_wait)
    loader = ModelLoader(run)
    assert not loader.is_loading
    loader.start()
    assert loader.is_loading
    while loader.progress.text != "Loading the encoder":
        assert not loader.is_done
    steps.append(loader.progress)
    may_go_on.set()
    assert loader.wait()(open_photo(photo)).caption
    assert (loader.is_done, loader.is_loading, loader.failure) == (True, False, None)
    steps.append(loader.progress)
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-2] < 1
    assert shares[-1] == 1.0
    assert (steps[0].text, steps[-1].text) == ("Loading TensorFlow", "Ready")


def test_a_damaged_run_is_a_failure_in_a_sentence(tmp_path):
    run = write_captioner_run(tmp_path / "r")
    for file in (run / "best").glob("*.index"):
        file.unlink()
    loader = ModelLoader(run)
    loader.start()
    with pytest.raises(UserError, match=r"\.index"):
        loader.wait()
    assert loader.is_done
    assert str(run / "best") in loader.failure


def test_errors_become_sentences(capsys):
    assert explain_error(UserError("no run 'x'")) == "no run 'x'"
    sentence = explain_error(PermissionError(13, "Permission denied", "/a.png"))
    assert sentence.startswith("Permission denied: /a.png")
    assert capsys.readouterr().err == ""
    sentence = explain_error(KeyError("colour"))
    assert "(KeyError: 'colour')" in sentence
    assert "terminal" in sentence
    assert "KeyError" in capsys.readouterr().err
