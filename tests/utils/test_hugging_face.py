"""Models of Hugging Face by folder or name, in place of runs."""

import json
from pathlib import Path

import pytest
from PIL import Image

import predict
from models.pretrained.families import CAPTIONERS, ENCODERS, read_run_config
from tests.helpers.hub_server import use_hub
from tests.helpers.scripts import ROOT, run_command
from tools.runs import read_run
from utils import hugging_face, runs
from utils.errors import UserError
from utils.hub.known import MODEL_TYPES

FIXTURE = ROOT / "tests" / "fixtures" / "vit_gpt2"
FILES = {file.name: file.read_bytes() for file in FIXTURE.iterdir() if file.suffix != ".npz"}
NAME = "hf:owner/captioner"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with use_hub(monkeypatch, tmp_path / "home") as server:
        yield server


def test_a_run_is_named_by_its_commit(hub):
    commit = hub.add("owner/captioner", FILES)
    run = runs.find_run(NAME)
    assert str(run) == f"{NAME}@{commit}"
    folder = hugging_face.find_folder(run)
    assert hugging_face.name_folder(folder) == f"{NAME}@{commit}"
    assert runs.find_run(f"hf:{folder}") == run
    assert hugging_face.describe(run) == f"owner/captioner@{commit[:7]}"
    assert runs.find_run(f"hf:{hugging_face.describe(run)}") == run


def test_settings_name_the_download_not_its_place(hub):
    """A run that records them finds the weights again on another machine."""
    commit = hub.add("owner/captioner", FILES)
    config = read_run_config(runs.find_run(NAME))
    for name in ("weights", "encoder_weights", "decoder_weights"):
        assert config[name] == f"{NAME}@{commit}"
    local = read_run_config(Path(f"hf:{FIXTURE}"))
    assert local["weights"] == f"hf:{FIXTURE}"
    assert local["beam"] == config["beam"]


def test_an_existing_folder_goes_before_a_name(hub, tmp_path):
    folder = tmp_path / "owner" / "captioner"
    folder.mkdir(parents=True)
    assert hugging_face.find_folder(NAME) == Path("owner/captioner")
    assert runs.find_run(NAME) == Path(f"hf:{folder}")
    assert hugging_face.describe(NAME) == NAME
    assert hub.requests == []


def test_a_folder_that_is_missing(hub):
    assert hugging_face.is_missing_folder("hf:/no/such/folder")
    assert hugging_face.is_missing_folder("hf:folder")
    assert not hugging_face.is_missing_folder("hf:.")
    assert not hugging_face.is_missing_folder(NAME)
    assert not hugging_face.is_missing_folder("imagenet")
    with pytest.raises(UserError, match=r"no folder 'a/b/c'; hf: .*OWNER/NAME"):
        runs.find_run("hf:a/b/c")


def test_runs_are_described_as_they_are(tmp_path):
    assert hugging_face.describe(Path("checkpoints/mine")) == "checkpoints/mine"
    assert hugging_face.describe(f"hf:{tmp_path}") == f"hf:{tmp_path}"
    assert hugging_face.describe("hf:owner/name@refs/pr/3") == "owner/name@refs/pr/3"


def test_predict_downloads_a_captioner_once(hub, tmp_path):
    hub.add("owner/captioner", FILES)
    Image.new("RGB", (40, 30), "teal").save("photo.png")
    command = (predict, "photo.png", "--run", NAME, "--device", "cpu", "--out", "captions.jsonl")
    done = run_command(*command)
    assert (done.status, done.error) == (0, "")
    assert "downloading owner/captioner (" in done.out
    [line] = (tmp_path / "captions.jsonl").read_text().splitlines()
    first = json.loads(line)
    assert first["caption"]
    (tmp_path / "captions.jsonl").unlink()
    hub.requests.clear()
    done = run_command(*command)
    assert done.status == 0
    assert "downloading" not in done.out
    assert json.loads((tmp_path / "captions.jsonl").read_text()) == first
    assert hub.requests == []


def test_predict_without_photos_shows_the_short_name(hub):
    commit = hub.add("owner/captioner", FILES)
    done = run_command(predict, "--run", NAME)
    assert done.status == 1
    assert f"owner/captioner@{commit[:7]} has no photos of its own" in done.error


def test_the_size_of_a_download_is_that_of_its_files(hub):
    commit = hub.add("owner/captioner", FILES)
    summary = read_run(runs.find_run(NAME))
    wanted = [len(content) for name, content in FILES.items() if name != "README.md"]
    assert summary.name == f"owner/captioner@{commit[:7]}"
    assert summary.size == sum(wanted)


def test_each_family_can_be_downloaded():
    assert {*CAPTIONERS, *ENCODERS} <= set(MODEL_TYPES)
