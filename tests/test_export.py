"""export.py, its folders, and who opens them."""

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import export
from exporting import verify
from exporting.client import MOST_LINES
from exporting.formats import TRANSFORMERS
from models.captioner import Captioner
from pipeline.classifier.prediction import make_class_predictor
from tests.helpers.scripts import ROOT
from tests.helpers.tiny_run import write_captioner_run, write_classifier_run
from utils.errors import UserError, run_script

pytest.importorskip("ai_edge_litert", reason="make export installs it")

# Runs a client as an environment does that has neither this project nor TensorFlow.
ALONE = """
import runpy, sys
for name in ("tensorflow", "keras", "data", "models", "utils"):
    sys.modules[name] = None
sys.path.pop(0)
sys.argv = ["client.py", *sys.argv[2:]]
runpy.run_path({client!r}, run_name="__main__")
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(0, 256, (40 + number, 60, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_captioner_run(tmp_path_factory.mktemp("runs") / "tiny", scenes=True)


def run_export(monkeypatch, *words):
    """Run the command; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["export.py", *map(str, words)])
    with pytest.raises(SystemExit) as exit:
        run_script(export.main)
    return exit.value.code or 0


def run_client(folder, *photos):
    """Run client.py where nothing of this project can be imported; return what it prints."""
    code = ALONE.format(client=str(folder / "client.py"))
    command = [sys.executable, "-c", code, "", *map(str, photos)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def exported(run, photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "deep" / "captioner"
    with pytest.MonkeyPatch.context() as patch:
        words = ("--run", run, "--to", "litert", "--out", folder, "--photos", photos)
        assert run_export(patch, *words, "--licence", "cc-by-4.0") == 0
    return folder


def test_a_folder_has_everything_that_its_user_needs(exported):
    names = {path.name for path in exported.iterdir()}
    assert names == {
        "README.md",
        "captioner.tflite",
        "client.py",
        "requirements.txt",
        "signature.json",
        "vocabulary.json",
    }
    requirements = (exported / "requirements.txt").read_text()
    assert [line.partition("==")[0] for line in requirements.splitlines()] == [
        "ai-edge-litert",
        "numpy",
        "pillow",
    ]
    card = (exported / "README.md").read_text()
    assert card.startswith('---\nlicense: "cc-by-4.0"\nlanguage: "en"\n')
    assert "# tiny\n\nWrites captions of drawn scenes in English.\n" in card
    assert "**It has seen drawn scenes only**" in card
    signature = json.loads((exported / "signature.json").read_text())
    assert signature["inputs"] == {"pixels": {"dtype": "uint8", "shape": [None, 32, 32, 3]}}
    assert signature["outputs"]["tokens"] == {"dtype": "int32", "shape": [None, 3, 7]}
    assert signature["weights_in"] == "float16"
    assert set(signature["sha256"]) == names - {"README.md", "signature.json"}
    assert str(ROOT) not in json.dumps(signature) + card


def test_its_client_needs_neither_tensorflow_nor_this_project(exported, run, photos):
    files = sorted(photos.iterdir())
    expected = Captioner.load(run, engine="tensorflow")(files)
    lines = run_client(exported, *files)
    for line, file, caption in zip(lines, files, expected, strict=True):
        assert line == f"{file}: {caption.text} ({caption.score:.2f})"


def test_captioner_opens_it_and_tensorflow_is_not_loaded(exported, run, photos):
    files = sorted(photos.iterdir())
    code = (
        "import json, sys\n"
        "from models.captioner import Captioner\n"
        "captions = Captioner.load(sys.argv[1])(sys.argv[2:])\n"
        "print(json.dumps([[c.text, c.score, c.attention.tolist()] for c in captions]))\n"
        "print('tensorflow' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(exported), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    captions, is_loaded = done.stdout.splitlines()
    assert is_loaded == "False"
    expected = Captioner.load(run, engine="tensorflow")(files)
    for (text, score, attention), caption in zip(json.loads(captions), expected, strict=True):
        assert text == caption.text
        assert score == pytest.approx(caption.score, abs=1e-3)
        np.testing.assert_allclose(attention, caption.attention, atol=1e-3)


def test_its_search_cannot_be_changed(exported, photos):
    captioner = Captioner.load(exported)
    with pytest.raises(UserError, match=r"--beam .* is fixed, here at 3 .got 5.; omit it"):
        captioner(photos / "0.jpg", beam=5)
    assert captioner(photos / "0.jpg", beam=3, seed=7).text


def test_predict_captions_with_it_and_other_commands_say_what_they_need(exported, photos, tmp_path):
    out = tmp_path / "captions.csv"
    command = [sys.executable, "predict.py", "--run", str(exported), str(photos)]
    done = subprocess.run(
        [*command, "--out", str(out)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "drawn scenes" in done.stderr  # the photos are none
    assert len(out.read_text().splitlines()) == 4
    for words, reason in (
        (["predict.py", "--run"], "has no photos of its own; name photos"),
        (["evaluate.py", "--run"], "was exported, and evaluate.py needs the run"),
        (["export.py", "--to", "onnx", "--out", "out", "--run"], "export.py needs the run"),
        (["demo.py", "--run"], "demo.py needs the run"),
        (["train.py", "--dataset", str(photos), "--from"], "--from needs the run"),
    ):
        done = subprocess.run(
            [sys.executable, *words, str(exported)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == 1
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1


def test_nothing_is_written_if_a_caption_differs(run, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(verify, "ask", lambda *_: ("another caption", 0.5))
    out = tmp_path / "out"
    words = ("--run", run, "--to", "litert", "--out", out, "--photos", photos)
    assert run_export(monkeypatch, *words, "--weights-in", "float32") == 1
    captured = capsys.readouterr()
    assert "weights in float32: identical: 0 of 3" in captured.out
    assert captured.err.endswith(f"such as {photos / '0.jpg'}\n")
    assert "scores" not in captured.out
    assert list(tmp_path.iterdir()) == []


def test_scores_may_differ_by_little(run, photos):
    comparison = verify.Comparison("float16", 3, (), 9e-4)
    comparison.check()
    assert (
        str(comparison) == "weights in float16: identical: 3 of 3; scores differ by at most 9.0e-04"
    )
    with pytest.raises(UserError, match=r"must not differ by more than 1e-05 .got 9.0e-04."):
        replace(comparison, weights_in="float32").check()


def test_photos_that_cannot_be_read_are_named_first(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    words = ("--run", run, "--to", "litert", "--out", tmp_path / "out")
    assert run_export(monkeypatch, *words, "--photos", tmp_path / "broken.jpg") == 1
    assert "broken.jpg cannot be read: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(run, photos, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    words = ("--run", run, "--to", "litert", "--out", tmp_path, "--photos", photos)
    assert run_export(monkeypatch, *words) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path} is not empty; choose another")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_classifier_names_classes(photos, tmp_path, monkeypatch, capsys):
    run = write_classifier_run(tmp_path / "classes")
    out = tmp_path / "out"
    words = ("--run", run, "--to", "litert", "--out", out, "--photos", photos)
    assert run_export(monkeypatch, *words) == 0
    assert "identical: 3 of 3" in capsys.readouterr().out
    assert (out / "labels.txt").read_text() == "cat\ndog\nowl\n"
    [line] = run_client(out, photos / "1.jpg")
    name, *shares = line.split("  ")
    assert Path(name) == photos / "1.jpg"
    assert {share.split()[0] for share in shares} == {"cat", "dog", "owl"}
    with pytest.raises(UserError, match="exported classifier"):
        Captioner.load(out)
    with pytest.raises(UserError, match="is an exported classifier: use its client"):
        make_class_predictor(out)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--to", "onxx"], "--to must be one of saved_model, litert"),
        (["--to", "litert", "--verify", "-1"], "--verify must be at least 0 (got -1)"),
        (["--to", "litert", "--verify", "5", "--photos", "a"], "--verify counts test photos"),
        (["--to", "saved_model", "--weights-in", "float16"], "stores weights in float32"),
    ],
)
def test_wrong_options_are_named(words, reason, run, tmp_path, monkeypatch, capsys):
    status = run_export(monkeypatch, "--run", run, "--out", tmp_path / "out", *words)
    assert status == 2
    assert reason in capsys.readouterr().err


@pytest.mark.slow
def test_a_saved_model_reads_photos_and_writes_sentences(run, photos, tmp_path, monkeypatch):
    import tensorflow as tf

    out = tmp_path / "out"
    words = ("--run", run, "--to", "saved_model", "--out", out, "--photos", photos)
    assert run_export(monkeypatch, *words) == 0
    loaded = tf.saved_model.load(out / "1")
    files = sorted(photos.iterdir())
    images = tf.constant([file.read_bytes() for file in files])
    answers = loaded.signatures["serving_default"](images=images)
    expected = Captioner.load(run, engine="tensorflow")(files)
    for row, caption in enumerate(expected):
        assert answers["caption"].numpy()[row].decode() == caption.text
        words = [word.decode() for word in answers["words"].numpy()[row] if word]
        assert words == caption.words
        assert answers["score"].numpy()[row] == pytest.approx(caption.score, abs=1e-6)
        texts = [text.decode() for text in answers["candidates"].numpy()[row]]
        assert [text for text in texts if text] == [text for text, _ in caption.candidates]
    again = Captioner.load(out)(files)
    assert [caption.text for caption in again] == [caption.text for caption in expected]


def test_a_hugging_face_folder_opens_as_one(tmp_path, monkeypatch, capsys):
    fixture = ROOT / "tests/fixtures/vit_gpt2"
    photos = ROOT / "tests/fixtures/pictures"
    out = tmp_path / "out"
    words = ("--run", f"hf:{fixture}", "--to", "huggingface", "--out", out, "--photos", photos)
    assert run_export(monkeypatch, *words) == 0
    assert "weights in float32: identical: 10 of 10" in capsys.readouterr().out
    assert {"README.md", "client.py", "config.json", "model.safetensors"} <= {
        path.name for path in out.iterdir()
    }
    assert len((out / "client.py").read_text().splitlines()) <= MOST_LINES
    photo = photos / "1_tiny.png"
    captions = [Captioner.load(f"hf:{folder}")(photo).text for folder in (fixture, out)]
    assert captions[0] == captions[1] != ""


def test_a_hugging_face_folder_has_the_search_that_was_typed(tmp_path, monkeypatch, capsys):
    fixture = ROOT / "tests/fixtures/vit_gpt2"
    photos = ROOT / "tests/fixtures/pictures"
    out = tmp_path / "out"
    words = ("--run", f"hf:{fixture}", "--to", "huggingface", "--out", out, "--photos", photos)
    assert run_export(monkeypatch, *words, "--beam", "1", "--max-length", "6") == 0
    generation = json.loads((out / "generation_config.json").read_text())
    assert generation["num_beams"] == 1
    assert generation["max_new_tokens"] == 6
    assert run_export(monkeypatch, *words, "--out", tmp_path / "b", "--prompt", "g") == 1
    assert "it has no prompt; omit --prompt" in capsys.readouterr().err


def test_clients_of_hugging_face_folders_need_the_packages_that_were_compared():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(TRANSFORMERS) == set(pyproject["dependency-groups"]["peers"])


def test_a_run_without_photos_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    fixture = ROOT / "tests/fixtures/vit_gpt2"
    words = ("--run", f"hf:{fixture}", "--to", "huggingface", "--out", tmp_path / "out")
    assert run_export(monkeypatch, *words) == 1
    assert (
        "has no test photos to compare captions of; name photos with --photos"
        in capsys.readouterr().err
    )
    assert run_export(monkeypatch, *words, "--verify", "0") == 0
