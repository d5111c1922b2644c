"""Build the encoder and fill the cache, on a folder of small scenes."""

import gc
from pathlib import Path
from types import SimpleNamespace

import pytest

from config import Settings
from data.photos.views import Views
from models.encoders import convnet_training, engines
from models.encoders.convnet import build_convnet
from pipeline.dataset import prepare_dataset
from pipeline.features import build_encoder, extract, make_views, report_engine
from tests.helpers.scripts import scenes_folder
from utils import runs
from utils.files import is_locked, write_json


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("features")) as folder:
        yield folder


def extract_all(**options):
    """Return dataset, encoder and features, as train.py makes them."""
    values = {
        "dataset": "drawn",
        "cache": "cache",
        "encoder": "convnet",
        "convnet_epochs": 1,
        "image_size": 80,
        "augment": 0,
        "precision": "float32",
    }
    settings = Settings.from_flat(values | options)
    dataset = prepare_dataset(settings)
    encoder = build_encoder(settings, dataset)
    features = extract(settings, dataset, encoder, make_views(settings))
    return SimpleNamespace(dataset=dataset, encoder=encoder, features=features)


def test_every_photo_has_features():
    found = extract_all(weights="none")
    for photos in found.dataset.splits.values():
        assert all(photo.hash in found.features for photo in photos)
    assert found.encoder.fingerprint() == found.features.fingerprint


def test_features_are_pooled_to_the_grid_that_is_asked_for():
    found = extract_all(weights="none", grid=3)
    assert found.encoder.grid == (3, 3)
    photo = found.dataset.splits["val"][0]
    assert found.features.get([photo.hash]).shape == (1, 9, found.encoder.depth)


def test_the_convnets_weights_are_locked_while_it_is_used(monkeypatch):
    """Until a run's config.json names them, nothing else keeps them from being pruned."""

    def train(pictures, *_, **__):
        return build_convnet(pictures.shape[1])

    monkeypatch.setattr(convnet_training, "train_convnet", train)
    found = extract_all(cache="locked_cache")
    weights = Path(found.encoder.weights)
    features = found.features.folder / "encoder.json"
    assert weights.parent == Path("locked_cache/convnet")
    assert is_locked(weights) and is_locked(features)
    del found
    gc.collect()
    assert not is_locked(weights) and not is_locked(features)


@pytest.mark.slow  # compiles the convnet's training twice
def test_a_damaged_convnet_is_trained_again_to_the_same_weights(capsys):
    before = extract_all(cache="again_cache")
    weights = Path(before.encoder.weights)
    size = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[: size // 2])
    again = extract_all(cache="again_cache")
    assert "the convnet is trained again" in capsys.readouterr().out
    assert again.encoder.fingerprint() == before.encoder.fingerprint()
    assert weights.stat().st_size == size
    assert not list(weights.parent.glob(".part-*"))


def test_weights_may_be_named_as_a_run_is():
    write_json(Path("checkpoints/trained/config.json"), {})
    find = runs.find_weights
    assert find("trained") == find("checkpoints/trained") == "checkpoints/trained"
    for name in ("imagenet", "none", "some.weights.h5", "elsewhere/trained"):
        assert find(name) == name


def test_an_encoder_that_learns_has_new_views_in_every_epoch():
    options = {"augment": 2, "epochs": 5, "seed": 3}
    assert make_views(Settings.from_flat(options)) == Views(2, 3)
    tuned = Settings.from_flat(options | {"finetune_encoder": True})
    assert make_views(tuned) == Views(10, 3)


NO_OPENVINO = "TensorFlow takes twice as long for features as OpenVINO: pip install openvino\n"


@pytest.mark.parametrize(
    ("installed", "has_bfloat16", "options", "printed"),
    [
        (True, True, {}, "products in bfloat16; features by OpenVINO in bfloat16\n"),
        (True, False, {}, "products in bfloat16; features by OpenVINO in float32\n"),
        (
            True,
            True,
            {"engine": "tensorflow"},
            "products in bfloat16; features by TensorFlow in float32\n",
        ),
        (
            True,
            True,
            {"finetune_encoder": True},
            "products in bfloat16; the encoder is trained in float32\n",
        ),
        (
            False,
            True,
            {},
            f"products in bfloat16; features by TensorFlow in float32\n{NO_OPENVINO}",
        ),
    ],
)
def test_the_engine_is_reported(monkeypatch, capsys, installed, has_bfloat16, options, printed):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: installed or None)
    monkeypatch.setattr(engines, "has_bfloat16", lambda: has_bfloat16)
    report_engine(Settings.from_flat({"precision": "bfloat16"} | options))
    assert capsys.readouterr().out == printed
