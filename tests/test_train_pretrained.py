"""The transformer from end to end: from random weights on drawn scenes, and from a Hugging Face model."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import evaluate
import predict
import train
from tests.helpers.scripts import scenes_folder, typed
from utils.errors import UserError
from utils.runs import read_config, read_history

FIXTURE = Path(__file__).parents[0] / "fixtures" / "vit_gpt2"
SMALL = [
    "--dataset",
    "drawn",
    "--batch",
    "40",
    "--cache",
    "cache",
    "--augment",
    "0",
    "--max-length",
    "6",
    "--epochs",
    "1",
]
SCRATCH = [
    "--preset",
    "vit-gpt2",
    *SMALL,
    "--image-size",
    "80",
    "--weights",
    "none",
    "--vocabulary",
    "60",
    "--decoder-layers",
    "1",
    "--decoder-units",
    "16",
    "--decoder-heads",
    "2",
]


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("pretrained")) as folder:
        yield folder


@pytest.fixture(scope="module")
def scratch(place):
    done = typed(train, *SCRATCH, "--run", "scratch")
    assert done.status == 0, done.error
    return done


@pytest.fixture(scope="module")
def begun(place):
    """A run that goes on from the Hugging Face model, its ViT trained too."""
    done = typed(
        train,
        "--from",
        f"hf:{FIXTURE}",
        *SMALL,
        "--finetune-encoder",
        "--encoder-rate",
        "0.01",
        "--best-by",
        "loss",
        "--run",
        "begun",
    )
    assert done.status == 0, done.error
    return done


def test_scenes_are_learned_from_random_weights_with_pieces_of_words(scratch):
    config = read_config(Path("checkpoints/scratch"))
    wanted = {
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
    assert {name: config[name] for name in wanted} == wanted
    assert "captions of pieces" in scratch.out
    assert np.isfinite(read_history(Path("checkpoints/scratch"))[0]["val_loss"])


def test_a_run_of_the_transformer_captions_and_draws_where_it_looked(scratch, tmp_path):
    done = typed(predict, "--run", "scratch", "--number", "2", "--plot", tmp_path, "--seed", "1")
    assert done.status == 0, done.error
    assert done.out.count("    true: ") == 10
    assert len(list(tmp_path.glob("*.png"))) == 2


def test_a_hugging_face_folder_captions_with_no_training(tmp_path):
    photo = next(Path("drawn/photos").glob("*.jpg"))
    done = typed(predict, "--run", f"hf:{FIXTURE}", photo, "--out", tmp_path / "captions.jsonl")
    assert done.status == 0, done.error
    (row,) = map(json.loads, (tmp_path / "captions.jsonl").read_text(encoding="utf-8").splitlines())
    assert row["caption"]
    assert f"{photo}: {row['caption']}" in done.out
    assert [file.name for file in Path("checkpoints").glob("hf*")] == []


def test_a_hugging_face_folder_is_scored_on_photos_that_are_named(tmp_path):
    done = typed(
        evaluate,
        "--run",
        f"hf:{FIXTURE}",
        "--dataset",
        "drawn",
        "--cache",
        "cache",
        "--split",
        "test",
        "--json",
        tmp_path / "scores.json",
    )
    assert done.status == 0, done.error
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert (scores["images"], scores["loss"] > 3) == (8, True)


@pytest.mark.parametrize(
    ("script", "words", "message"),
    [
        (predict, [], "has no photos of its own; name photos to caption"),
        (evaluate, [], "has no photos of its own; say by --dataset which to score"),
        (
            evaluate,
            ["--dataset", "drawn", "--report"],
            "--report is written into a run's folder, and hf:",
        ),
    ],
)
def test_a_hugging_face_folder_has_no_photos_and_no_run_folder(script, words, message):
    done = typed(script, "--run", f"hf:{FIXTURE}", *words)
    assert (done.status, done.error.count("\n")) == (1, 1)
    assert message in done.error


def test_training_goes_on_from_a_hugging_face_model(begun):
    config = read_config(Path("checkpoints/begun"))
    wanted = {
        "from": f"hf:{FIXTURE}",
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
    assert {name: config[name] for name in wanted} == wanted
    assert "the decoder begins with the weights of hf:" in begun.out
    assert "does not say which photos it learned from" in begun.error
    assert config["fingerprint"]["sizes"]["hidden_dim"] == 20


def test_a_vit_that_was_trained_is_found_in_the_run_without_the_folder_it_began_from(
    begun, monkeypatch
):
    from models import captioner, pretrained

    def gone(*_):
        raise AssertionError("the folder is asked for again")

    monkeypatch.setattr(pretrained, "load_vit_weights", gone)
    loaded = captioner.Captioner.load("checkpoints/begun")
    photo = next(Path("drawn/photos").glob("*.jpg"))
    assert loaded(photo).attention.shape[1] == 16
    monkeypatch.undo()
    start = captioner.Captioner.load(f"hf:{FIXTURE}").encoder.network
    moved = {
        one.path.split("/")[1]
        for one, other in zip(start.weights, loaded.encoder.network.weights, strict=True)
        if np.abs(one.numpy() - other.numpy()).max() > 1e-4
    }
    assert moved == {
        "transformer_block_2",
        "ln",
    }  # the last third of its blocks, and what comes after


def test_a_folder_that_was_moved_is_asked_for(begun, tmp_path):
    """Of a run whose ViT stayed as it was."""
    from models.captioner import Captioner
    from utils.runs import write_config

    config = read_config(Path("checkpoints/begun"))
    shutil.copytree("checkpoints/begun", tmp_path / "run")
    write_config(
        tmp_path / "run",
        config | {"finetune_encoder": False, "encoder_weights": f"hf:{tmp_path}/gone"},
    )
    with pytest.raises(
        UserError, match=r"encoder weights were at hf:.*/gone .*--weights hf:FOLDER"
    ):
        Captioner.load(tmp_path / "run").encoder  # noqa: B018


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--from", f"hf:{FIXTURE}", "--decoder-layers", "3"],
            "--layers 3: the weights of hf:.* are of 2; leave it out",
        ),
        (
            ["--from", f"hf:{FIXTURE}", "--embedding", "64"],
            "--embedding does not go with --decoder transformer",
        ),
        (
            ["--from", f"hf:{FIXTURE}", "--vocabulary", "64"],
            "--vocabulary is for words that are learned",
        ),
        (
            ["--from", f"hf:{FIXTURE}", "--max-length", "50"],
            "captions of 50 tokens are asked for, and .* room for 31; use",
        ),
        (
            ["--decoder", "transformer", "--max-length", "64"],
            "captions of 64 tokens are asked for, and .* room for 63; use",
        ),
        (
            [
                "--preset",
                "vit-gpt2",
                "--encoder",
                "convnet",
                "--decoder-weights",
                f"hf:{FIXTURE}",
                "--decoder-units",
                "48",
            ],
            "--decoder-units 48: hf:.* has 20; leave it out",
        ),
        (
            [
                "--preset",
                "vit-gpt2",
                "--encoder",
                "convnet",
                "--decoder-weights",
                f"hf:{FIXTURE}",
                "--tokenizer",
                "words",
            ],
            "--tokenizer words: hf:.* were trained on GPT-2's pieces; leave it out",
        ),
        (
            ["--preset", "vit-gpt2", "--decoder-weights", "gpt2_base_en", "--vocabulary", "90"],
            "GPT-2's pieces are all there",
        ),
        (
            ["--decoder", "transformer", "--embedding", "64"],
            "--embedding does not go with --decoder transformer",
        ),
        (
            ["--decoder", "transformer", "--tokenizer", "gpt2"],
            "--tokenizer gpt2 wants GPT-2's vocabulary: name a folder",
        ),
        (
            ["--decoder", "transformer", "--decoder-units", "30"],
            "--units 30 cannot be shared among --heads 8",
        ),
        (
            ["--decoder-weights", "gpt2_base_en"],
            "--decoder-weights gpt2_base_en goes with --decoder transformer",
        ),
        (["--decoder-heads", "4"], "--heads 4 goes with --decoder transformer"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_extracted(words, message):
    done = typed(train, "--dataset", "drawn", "--cache", "other", "--run", "refused", *words)
    assert done.status in (1, 2), done.out
    assert re.search(message, done.error), done.error
    assert not Path("checkpoints/refused").exists()
    assert not list(Path("other").glob("*/*.npy"))
