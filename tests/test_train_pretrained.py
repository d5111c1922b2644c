"""The transformer from end to end: from random weights on scenes, and from a Hugging Face model."""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

import evaluate
import predict
import train
from models.captioner import Captioner
from models.pretrained import loading
from tests.helpers.hub_server import use_hub
from tests.helpers.scripts import ROOT, run_command, scenes_folder
from utils.errors import UserError
from utils.runs import read_config, read_history, write_config

FIXTURE = ROOT / "tests/fixtures/vit_gpt2"
MODEL = f"hf:{FIXTURE}"
CLIP = f"hf:{ROOT / 'tests/fixtures/clip'}"
SMALL = shlex.split(
    "--dataset drawn --batch 100 --cache cache --augment 0 --max-length 6 --epochs 1"
)
SCRATCH = shlex.split(
    "--preset vit-gpt2 --image-size 80 --weights none --vocabulary 60 --layers 1 "
    "--units 16 --heads 2"
)
SCRATCH_RUN = Path("checkpoints/scratch")
TUNED_RUN = Path("checkpoints/tuned")


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("pretrained")) as folder:
        yield folder


@pytest.fixture(scope="module")
def scratch(place):
    """Train a small transformer from random weights."""
    done = run_command(train, *SMALL, *SCRATCH, "--run", "scratch")
    assert done.status == 0, done.error
    return done


@pytest.fixture(scope="module")
def tuned(place):
    """Fine-tune the Hugging Face model, with its ViT."""
    words = shlex.split("--finetune-encoder --encoder-rate 0.01 --best-by loss --run tuned")
    done = run_command(train, "--from", MODEL, *SMALL, *words)
    assert done.status == 0, done.error
    return done


def any_photo():
    return next(Path("drawn/photos").glob("*.jpg"))


def check_config(run, expected):
    config = read_config(run)
    assert {name: config[name] for name in expected} == expected


# From random weights.


def test_a_transformer_trains_from_random_weights(scratch):
    expected = {
        "encoder": "convnet",
        "decoder": "transformer",
        "decoder_weights": "none",
        "tokenizer": "bpe",
        "layers": 1,
        "units": 16,
        "heads": 2,
        "beam": 5,
        "no_repeat": 3,
        "weight_decay": 0.01,
        "dropout": 0.1,
    }
    check_config(SCRATCH_RUN, expected)
    assert "captions of pieces" in scratch.out
    assert np.isfinite(read_history(SCRATCH_RUN)[0]["val_loss"])


def test_a_transformer_captions_and_draws_attention(scratch, tmp_path):
    words = shlex.split("--run scratch --number 2 --seed 1 --plot")
    done = run_command(predict, *words, tmp_path)
    assert done.status == 0, done.error
    assert done.out.count("    true: ") == 10
    assert len(list(tmp_path.glob("*.png"))) == 2


# A Hugging Face model as it is.


def test_a_hugging_face_folder_captions_without_training(tmp_path):
    photo = any_photo()
    file = tmp_path / "captions.jsonl"
    done = run_command(predict, "--run", MODEL, photo, "--out", file)
    assert done.status == 0, done.error
    (row,) = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert row["caption"]
    assert f"{photo}: {row['caption']}" in done.out
    assert list(Path("checkpoints").glob("hf*")) == []


def test_a_hugging_face_folder_is_scored_on_a_dataset(tmp_path):
    file = tmp_path / "scores.json"
    words = shlex.split("--dataset drawn --cache cache --split test --objects references --json")
    done = run_command(evaluate, "--run", MODEL, *words, file, "--clip", CLIP)
    assert done.status == 0, done.error
    scores = json.loads(file.read_text())
    assert scores["images"] == 8
    assert scores["loss"] > 3
    assert scores["CLIP_model"] == CLIP
    for name in ("CLIPScore", "RefCLIPScore"):
        assert 0 <= scores[name] <= 2.5
        assert f"{name} {scores[name]:.3f}" in " ".join(done.out.split())
    assert f"by {CLIP}" in done.out
    assert 0 <= scores["CHAIRs"] <= 1
    assert "CHAIRi" in scores
    assert "the true captions say which are there" in done.out


@pytest.mark.parametrize(
    ("script", "words", "parts"),
    [
        (predict, [], ["has no photos of its own", "name"]),
        (evaluate, [], ["has no photos of its own", "--dataset"]),
        (evaluate, ["--dataset", "drawn", "--report"], ["--report", "hf:"]),
        (evaluate, ["--dataset", "drawn", "--clip", MODEL], ["--clip", "text tower"]),
        (evaluate, ["--dataset", "drawn", "--objects", "no.csv"], ["--objects", "no.csv"]),
        (evaluate, ["--dataset", "drawn", "--clip", "no"], ["--clip", "hf:no", "hf:OWNER/NAME"]),
    ],
)
def test_a_hugging_face_folder_has_no_photos_or_run(script, words, parts):
    done = run_command(script, "--run", MODEL, *words)
    assert (done.status, done.error.count("\n")) == (1, 1)
    for part in parts:
        assert part in done.error


# A Hugging Face model trained further.


def test_training_starts_from_a_hugging_face_model(tuned):
    expected = {
        "from": MODEL,
        "preset": "vit-gpt2",
        "encoder": "vit_b16",
        "tokenizer": "gpt2",
        "units": 20,
        "layers": 2,
        "heads": 4,
        "inner": 80,
        "positions": 32,
        "beam": 4,
        "max_length": 6,
        "learning_rate": 0.0001,
    }
    check_config(TUNED_RUN, expected)
    assert "the decoder starts with the weights of hf:" in tuned.out
    assert "does not say which photos it was trained on" in tuned.error
    assert read_config(TUNED_RUN)["fingerprint"]["sizes"]["hidden_dim"] == 20


def test_a_trained_vit_is_loaded_from_the_run_alone(tuned, monkeypatch):
    """The Hugging Face folder is not needed. The last third of the blocks has been trained."""

    def fail(*_):
        raise AssertionError("the Hugging Face folder was read")

    with monkeypatch.context() as patch:
        patch.setattr(loading, "load_encoder_weights", fail)
        loaded = Captioner.load(TUNED_RUN)
        assert loaded(any_photo()).attention.shape[1] == 16
    start = Captioner.load(MODEL).encoder.network
    changed = set()
    for before, after in zip(start.weights, loaded.encoder.network.weights, strict=True):
        if np.abs(before.numpy() - after.numpy()).max() > 1e-4:
            changed.add(before.path.split("/")[1])
    assert changed == {"transformer_block_2", "ln"}


def test_a_hugging_face_folder_that_was_moved_is_an_error(tuned, tmp_path):
    """If the run has not trained the ViT itself."""
    run = Path(shutil.copytree(TUNED_RUN, tmp_path / "run"))
    changes = {"finetune_encoder": False, "encoder_weights": f"hf:{tmp_path}/gone"}
    write_config(run, read_config(TUNED_RUN) | changes)
    captioner = Captioner.load(run)
    message = r"encoder weights were at hf:.*/gone .*--weights hf:FOLDER"
    with pytest.raises(UserError, match=message):
        captioner.encoder  # noqa: B018


def test_training_starts_from_a_model_by_name(place, monkeypatch):
    """The run names the model and its commit, and has its encoder."""
    files = {file.name: file.read_bytes() for file in FIXTURE.iterdir()}
    home = place / "home"
    with use_hub(monkeypatch, home) as hub:
        commit = hub.add("owner/captioner", files)
        words = [*SMALL, "--run", "by-name", "--device", "cpu"]
        done = run_command(train, "--from", "hf:owner/captioner", *words)
        assert done.status == 0, done.error
        name = f"hf:owner/captioner@{commit}"
        check_config(Path("checkpoints/by-name"), {"from": name, "decoder_weights": name})
        assert f"the weights of owner/captioner@{commit[:7]}" in done.out
        shutil.rmtree(home)
        assert Captioner.load("by-name")(any_photo()).attention.shape[1] == 16
        assert not home.exists()


@pytest.fixture(scope="module")
def further(place):
    """Train the decoder alone further, from a copy of the model that is deleted afterwards."""
    copy = shutil.copytree(FIXTURE, place / "downloaded")
    words = shlex.split("--learning-rate 0.01 --best-by loss --run further")
    done = run_command(train, "--from", f"hf:{copy}", *SMALL, *words)
    assert done.status == 0, done.error
    shutil.rmtree(copy)
    return done


def test_a_model_is_scored_before_and_after_it_is_trained(further):
    before = float(re.search(r"before the first epoch: val loss ([\d.]+)", further.out)[1])
    assert read_history(Path("checkpoints/further"))[0]["val_loss"] < before
    assert "CIDEr" in further.out.split("scoring", 1)[1]


@pytest.mark.slow
def test_a_run_does_not_need_the_model_that_it_started_from(further):
    photo = any_photo()
    loaded = Captioner.load("checkpoints/further")
    np.testing.assert_allclose(
        loaded.encoder(np.zeros((1, 32, 32, 3), np.uint8)),
        Captioner.load(MODEL).encoder(np.zeros((1, 32, 32, 3), np.uint8)),
        atol=1e-6,
    )
    assert loaded(photo).text
    done = run_command(train, "--run", "further", "--resume", "--epochs", "2")
    assert done.status == 0, done.error
    assert len(read_history(Path("checkpoints/further"))) == 2
    done = run_command(train, "--from", "further", "--scst", "--epochs", "1", "--run", "rewarded")
    assert done.status == 0, done.error
    assert Captioner.load("checkpoints/rewarded")(photo).words


# Rejected settings.

PRETRAINED = f"--preset vit-gpt2 --encoder convnet --decoder-weights {MODEL}"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (f"--from {MODEL} --layers 3", ["layers", "have 2 (got 3)"]),
        (f"--from {MODEL} --embedding 64", ["--embedding"]),
        (f"--from {MODEL} --vocabulary 64", ["--vocabulary"]),
        (f"--from {MODEL} --max-length 50", ["50", "31"]),
        ("--decoder transformer --max-length 64", ["64", "63"]),
        (f"{PRETRAINED} --units 48", ["units", "must be 20", "got 48"]),
        (
            f"{PRETRAINED} --tokenizer words",
            ["--tokenizer", "that of --decoder-weights", "got words"],
        ),
        ("--preset vit-gpt2 --decoder-weights gpt2_base_en --vocabulary 90", ["--vocabulary"]),
        ("--decoder transformer --embedding 64", ["--embedding", "--decoder transformer"]),
        ("--decoder transformer --tokenizer gpt2", ["--tokenizer gpt2", "vocabulary"]),
        ("--decoder transformer --units 30", ["units", "30", "heads", "8"]),
        ("--decoder-weights gpt2_base_en", ["--decoder-weights", "--decoder transformer"]),
        ("--heads 4", ["heads", "4", "--decoder transformer"]),
        ("--preset blip", ["--preset blip", "--from hf:"]),
    ],
)
def test_wrong_settings_are_found_before_extraction(words, parts):
    common = shlex.split("--dataset drawn --cache other --run refused")
    done = run_command(train, *common, *shlex.split(words))
    assert done.status in (1, 2), done.out
    for part in parts:
        assert part in done.error
    assert not Path("checkpoints/refused").exists()
    assert not list(Path("other").glob("*/*.npy"))


# Encoders that learned from captions or from pictures alone.


@pytest.mark.parametrize(
    ("encoder", "folder", "words"),
    [
        ("clip_vit_b16", "clip", ""),
        ("siglip_base", "siglip", "--decoder git --layers 1 --units 16 --heads 2"),
        ("dinov2_base", "dinov2", "--image-size 80 --grid 4 --decoder lstm"),
    ],
)
def test_a_decoder_trains_on_features_of_an_encoder_of_others(encoder, folder, words, tmp_path):
    weights = f"hf:{ROOT / 'tests/fixtures' / folder}"
    sizes = shlex.split("--reward-epochs 0 --vocabulary 60 --run")
    options = ["--encoder", encoder, "--weights", weights, *shlex.split(words), *sizes, encoder]
    done = run_command(train, *SMALL, *options)
    assert done.status == 0, done.error
    run = Path("checkpoints") / encoder
    check_config(run, {"encoder": encoder, "encoder_weights": str(run / "encoder")})
    assert np.isfinite(read_history(run)[0]["val_loss"])
    caption = Captioner.load(run)(any_photo())
    assert (caption.grid, caption.attention.shape[1]) == ((4, 4), 16)


@pytest.mark.slow
def test_an_encoder_of_others_is_trained_too():
    """A run holds its trained weights, and needs those of others no more."""
    words = shlex.split(
        "--encoder clip_vit_b16 --finetune-encoder --vocabulary 60 --run clip_tuned"
    )
    weights = f"hf:{ROOT / 'tests/fixtures/clip'}"
    done = run_command(train, *SMALL, *words, "--weights", weights)
    assert done.status == 0, done.error
    encoder = Captioner.load("checkpoints/clip_tuned").encoder
    trained = {layer.name for layer in encoder.network.layers}
    assert {"embedding", "encoder_block_1", "layer_norm"} <= trained


@pytest.mark.slow
def test_git_is_trained_further(place):
    """The run keeps its reading of photos, and needs the downloaded folder no more."""
    copy = shutil.copytree(ROOT / "tests/fixtures/git", place / "git")
    words = shlex.split("--learning-rate 0.01 --best-by loss --run git")
    done = run_command(train, "--from", f"hf:{copy}", *SMALL, *words)
    assert done.status == 0, done.error
    shutil.rmtree(copy)
    run = Path("checkpoints/git")
    expected = {"encoder": "clip_vit_b16", "decoder": "git", "tokenizer": "wordpiece", "units": 20}
    check_config(run, expected | {"positions": 24, "learning_rate": 0.01, "preset": "git"})
    losses = [row["val_loss"] for row in read_history(run)]
    assert np.isfinite(losses).all()
    captioner = Captioner.load(run)
    assert captioner.reading.fit == "crop"
    caption = captioner(any_photo())
    assert (caption.grid, caption.attention.shape[1]) == ((4, 4), 16)


def test_blip_is_trained_further(place):
    """The run keeps pieces and positions, and needs the downloaded folder no more."""
    copy = shutil.copytree(ROOT / "tests/fixtures/blip", place / "blip")
    words = shlex.split("--learning-rate 0.01 --best-by loss --run blip")
    done = run_command(train, "--from", f"hf:{copy}", *SMALL, *words)
    assert done.status == 0, done.error
    shutil.rmtree(copy)
    run = Path("checkpoints/blip")
    check_config(run, {"encoder": "vit_b16", "decoder": "bert", "tokenizer": "wordpiece"})
    check_config(run, {"units": 24, "positions": 24, "learning_rate": 0.01, "preset": "blip"})
    assert np.isfinite([row["val_loss"] for row in read_history(run)]).all()
    captioner = Captioner.load(run)
    assert captioner.reading.resample == "bicubic"
    caption = captioner(any_photo(), prompt="a red")
    assert caption.text.startswith("a red")
    assert (caption.grid, caption.attention.shape[1]) == ((4, 4), 16)


RULES = ("beam", "length_penalty", "no_repeat", "min_length", "allow_cut", "early_stopping")


@pytest.fixture(scope="module")
def deit(place):
    """Train a DeiT captioner further that says its own rules of the search."""
    copy = shutil.copytree(ROOT / "tests/fixtures/deit_gpt2", place / "deit")
    file = copy / "generation_config.json"
    rules = {"min_length": 5, "early_stopping": "never", "num_beams": 2}
    file.write_text(json.dumps(json.loads(file.read_text()) | rules))
    options = ["--best-by", "loss", "--runs", "deits"]
    done = run_command(train, "--from", f"hf:{copy}", *SMALL, *options)
    assert done.status == 0, done.error
    (run,) = Path("deits").iterdir()
    return copy, run


@pytest.mark.slow
def test_a_run_searches_as_the_captioner_it_started_from(deit):
    """The first run is named by its preset; a run from that run keeps all rules, too."""
    copy, run = deit
    assert run.name.startswith("vit-gpt2-")
    model, trained = Captioner.load(f"hf:{copy}").settings, Captioner.load(run).settings
    assert [model[name] for name in RULES] == [2, 2.0, 3, 4, True, "never"]
    assert [trained[name] for name in RULES] == [model[name] for name in RULES]
    assert trained["forbidden"] == model["forbidden"]
    assert len(model["forbidden"]) == 3
    options = shlex.split("--scst --epochs 1 --batch 100 --beam 3 --run again")
    done = run_command(train, "--from", run, *options)
    assert done.status == 0, done.error
    again = Captioner.load("checkpoints/again").settings
    assert [again[name] for name in RULES] == [3, 2.0, 3, 4, True, "never"]
    assert again["forbidden"] == model["forbidden"]


@pytest.mark.slow
def test_rules_of_the_search_can_be_typed(deit, tmp_path):
    _, run = deit
    words = shlex.split("--min-length 6 --early-stopping usually --out")
    file = tmp_path / "captions.jsonl"
    done = run_command(predict, "--run", run, any_photo(), *words, file)
    assert done.status == 0, done.error
    done = run_command(predict, "--run", run, any_photo(), "--min-length", "7")
    assert (done.status, done.error.count("\n")) == (1, 1)
    assert "--max-length" in done.error
    assert "7 (got 6)" in done.error


def test_a_header_of_two_gigabytes_is_one_line(tmp_path):
    copy = shutil.copytree(FIXTURE, tmp_path / "copy")
    with (copy / "model.safetensors").open("wb") as file:
        file.write((2 * 2**30).to_bytes(8, "little") + b"{")
        file.truncate(2 * 2**30 + 16)
    for script, words in (
        (predict, ["--run", f"hf:{copy}", any_photo()]),
        (train, ["--from", f"hf:{copy}", *SMALL]),
    ):
        done = run_command(script, *words)
        assert done.status == 1
        assert "model.safetensors cannot be read" in done.error.splitlines()[-1]
