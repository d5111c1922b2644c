"""What each format makes of a run, against the run itself."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from config import ATTENTIONS, TRANSFORMERS
from exporting.formats import FORMATS
from exporting.source import load_source
from models.pretrained.families import read_run_config
from models.runtimes import load_runtime
from tests.helpers.tiny_run import write_captioner_run, write_classifier_run
from utils.errors import UserError
from utils.runs import read_config

FIXTURES = Path(__file__).parents[1] / "fixtures"
PIXELS = ("litert", "onnx", "openvino")  # formats whose models take pixels alone
DECODERS = [(name, attention) for name, kinds in ATTENTIONS.items() for attention in kinds]
# Crops, forbidden repetition and beams are each written by operations of their own.
SEARCH = {"crops": 2, "no_repeat": 2, "beam": 3, "min_length": 2}


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)


def load(folder, **settings):
    """Return a run of these settings, ready to export."""
    if settings.get("decoder") in TRANSFORMERS:
        settings |= {"layers": 2, "heads": 2}
    run = write_captioner_run(folder, settings=settings)
    return load_source(run, read_config(run), weights=None, changes={})


def write_and_run(source, format, folder, pictures, *, weights_in="float32"):
    import_module(f"exporting.{format}").write(source, folder, weights_in=weights_in)
    signature = {"format": format, "model": FORMATS[format].model}
    return load_runtime(folder, signature)(pictures)


def check_equal(answers, source, pictures, *, score=1e-5):
    """Check the answers of a model against those of the run."""
    captioner = source.model
    rows = zip(answers["tokens"], answers["scores"], answers["attention"], pictures, strict=True)
    expected = captioner(list(pictures))
    for (tokens, scores, attention, picture), caption in zip(rows, expected, strict=True):
        places = attention.reshape(len(attention), -1)
        window = captioner._find_window(picture)
        found = captioner._make_caption(tokens, scores, places, window)
        assert [text for text, _ in found.candidates] == [text for text, _ in caption.candidates]
        assert found.score == pytest.approx(caption.score, abs=score)
        np.testing.assert_allclose(found.attention, caption.attention, atol=score)


def test_litert_answers_as_the_run_does(pictures, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="make export installs it")
    source = load(tmp_path / "run", **SEARCH)
    answers = write_and_run(source, "litert", tmp_path, pictures)
    check_equal(answers, source, pictures)
    one = load_runtime(tmp_path, {"format": "litert", "model": FORMATS["litert"].model})
    np.testing.assert_array_equal(one(pictures[1:2])["tokens"][0], answers["tokens"][1])


@pytest.mark.slow
@pytest.mark.parametrize("format", PIXELS)
@pytest.mark.parametrize(("decoder", "attention"), DECODERS)
def test_every_decoder_in_every_format(decoder, attention, format, pictures, tmp_path):
    pytest.importorskip("tf2onnx", reason="make export installs it")
    source = load(tmp_path / "run", decoder=decoder, attention=attention, **SEARCH)
    check_equal(write_and_run(source, format, tmp_path, pictures), source, pictures)


@pytest.mark.slow
@pytest.mark.parametrize("format", PIXELS)
@pytest.mark.parametrize("name", ["vit_gpt2", "deit_gpt2", "blip", "git"])
def test_captioners_of_others_in_every_format(name, format, tmp_path):
    pytest.importorskip("tf2onnx", reason="make export installs it")
    run = f"hf:{FIXTURES / name}"
    source = load_source(Path(run), read_run_config(run), weights=None, changes={})
    side = source.graph.image_size
    pictures = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    check_equal(write_and_run(source, format, tmp_path, pictures), source, pictures)


@pytest.mark.slow
@pytest.mark.parametrize("format", PIXELS)
def test_prompts_and_mirrored_classifiers_in_every_format(format, pictures, tmp_path):
    pytest.importorskip("tf2onnx", reason="make export installs it")
    run = write_captioner_run(tmp_path / "run")
    source = load_source(run, read_config(run), weights=None, changes={"prompt": "two red"})
    folder = tmp_path / "captions"
    folder.mkdir()
    check_equal(write_and_run(source, format, folder, pictures), source, pictures)
    run = write_classifier_run(tmp_path / "classes", alter="mirrored")
    source = load_source(run, read_config(run), weights=None, changes={})
    folder = tmp_path / "classified"
    folder.mkdir()
    found = write_and_run(source, format, folder, pictures)["probabilities"]
    np.testing.assert_allclose(found, source.model.probabilities(pictures), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("format", PIXELS)
def test_float16_halves_the_file_and_moves_scores_little(format, pictures, tmp_path):
    pytest.importorskip("tf2onnx", reason="make export installs it")
    source = load(tmp_path / "run", units=512, **SEARCH)
    sizes = {}
    for weights_in in ("float32", "float16"):
        folder = tmp_path / weights_in
        folder.mkdir()
        answers = write_and_run(source, format, folder, pictures, weights_in=weights_in)
        check_equal(answers, source, pictures, score=1e-3)
        sizes[weights_in] = sum(file.stat().st_size for file in folder.iterdir())
    assert sizes["float16"] < 0.65 * sizes["float32"]


@pytest.mark.parametrize(
    ("change", "remedy"), [({"sample": True}, "--sample"), ({"look": "drawn"}, "--look likeliest")]
)
def test_what_is_drawn_at_random_is_refused(change, remedy, tmp_path):
    run = write_captioner_run(
        tmp_path / "run", settings={"decoder": "lstm", "attention": "hard"} | change
    )
    source = load_source(run, read_config(run), weights=None, changes={})
    with pytest.raises(UserError, match=remedy):
        _ = source.graph


def test_a_prompt_is_written_into_the_graph(pictures, tmp_path):
    run = write_captioner_run(tmp_path / "run")
    source = load_source(run, read_config(run), weights=None, changes={"prompt": "two red"})
    answers = source.graph.answer(pictures)
    expected = source.model(list(pictures), prompt="two red")
    for row, caption in enumerate(expected):
        text = source.model.tokenizer.decode(answers["tokens"].numpy()[row, 0])
        assert [word.text for word in text] == caption.words
        assert caption.words[:2] == ["two", "red"]
        assert answers["scores"].numpy()[row, 0] == pytest.approx(caption.score, abs=1e-5)
