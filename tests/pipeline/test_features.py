"""From photos in splits to an encoder and its features, on a folder of small scenes; and photos found damaged on the way."""

import gc
import shutil
from pathlib import Path

import pytest

from config import Settings
from data.photos.hashes import PhotoHashes
from data.photos.views import Views
from data.sources.base import LeftOut
from models.encoders import convnet_training as content_classifier
from models.encoders import engines
from models.encoders.convnet import build_convnet
from pipeline import dataset as stages
from pipeline import features as encoding
from tests.helpers.scripts import SIZES, scenes_folder
from utils.errors import UserError
from utils.files import is_locked, write_json


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("encoding")) as folder:
        yield folder


def have_all(name, **changes):
    """As `train.py` does."""
    settings = Settings.from_flat(
        {
            "dataset": name,
            "cache": f"{name}_cache",
            "encoder": "convnet",
            "convnet_epochs": 1,
            "image_size": 80,
            "augment": 0,
        }
        | changes
    )
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    return encoding.have_all(
        stages.read_dataset(Path(name), settings.data), settings, hashes, Views(0, 0)
    )


def test_a_photo_found_unreadable_on_the_way_leaves_the_splits_as_if_it_had_been_known(capsys):
    shutil.copytree("drawn", "faulty")
    limit = SIZES["train"] // 2
    first = have_all("faulty", limit=limit, cache="whole_cache", weights="none").prepared
    name = first.splits["train"][3].name
    Path("faulty", name).write_bytes(Path("faulty", name).read_bytes()[:3000])
    for _ in range(2):
        ready = have_all("faulty", limit=limit, weights="none")
        prepared = ready.prepared
        assert len(prepared.splits["train"]) == limit
        assert (
            len(
                {photo.name for photo in prepared.splits["train"]}
                & {photo.name for photo in first.splits["train"]}
            )
            == limit - 1
        )
        assert prepared.left_out == [LeftOut(name, "cut short")]
        assert all(
            photo.hash in ready.features for photos in prepared.splits.values() for photo in photos
        )
        assert ready.encoder.fingerprint() == ready.features.fingerprint
    stages.report_left_out(prepared.left_out)
    assert f"left out 1: {name}: cut short" in capsys.readouterr().out


def test_features_are_pooled_to_the_grid_that_is_asked_for():
    ready = have_all("drawn", weights="none", grid=3)
    assert ready.encoder.grid == (3, 3)
    photo = ready.prepared.splits["val"][0]
    assert ready.features.get([photo.hash]).shape == (1, 9, ready.encoder.depth)


def test_weights_of_a_convnet_are_held_until_a_run_can_say_that_it_needs_them(monkeypatch):
    monkeypatch.setattr(
        content_classifier,
        "train_convnet",
        lambda pictures, *_, **__: build_convnet(pictures.shape[1]),
    )
    ready = have_all("drawn", cache="held_cache")
    weights, features = Path(ready.weights), ready.features.folder / "encoder.json"
    assert weights.parent == Path("held_cache/convnet")
    assert is_locked(weights) and is_locked(features)
    del ready
    gc.collect()
    assert not is_locked(weights) and not is_locked(features)


@pytest.mark.slow  # compiles the convnet's training, as the next one does twice
def test_the_convnet_is_trained_once_although_a_fault_was_found_on_the_way():
    shutil.copytree("drawn", "again")
    photo = next(Path("again/photos").iterdir())
    photo.write_bytes(b"")
    with pytest.raises(
        UserError, match=rf"^--strict: the dataset has 1 fault: photos/{photo.name}: empty file$"
    ):
        stages.report_left_out(have_all("again").prepared.left_out, strict=True)
    assert len(list(Path("again_cache/convnet").iterdir())) == 1
    with pytest.raises(
        UserError, match="--strict: the dataset has 1 fault"
    ):  # known from the start now
        have_all("again", strict=True)


@pytest.mark.slow
def test_a_damaged_convnet_is_trained_again_to_the_same_weights(capsys):
    before = have_all("drawn")
    weights = Path(before.weights)
    size = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[: size // 2])
    again = have_all("drawn")
    assert "the convnet is trained again" in capsys.readouterr().out
    assert again.encoder.fingerprint() == before.encoder.fingerprint()
    assert weights.stat().st_size == size
    assert not list(weights.parent.glob(".part-*"))


def test_weights_may_be_named_as_a_run_is(place):
    write_json(Path("checkpoints/trained/config.json"), {})
    assert (
        encoding._place("trained")
        == encoding._place("checkpoints/trained")
        == "checkpoints/trained"
    )
    for name in ("imagenet", "none", "some.weights.h5", "elsewhere/trained"):
        assert encoding._place(name) == name


@pytest.mark.parametrize(
    ("installed", "has", "asked", "precision", "told"),
    [
        (True, True, {}, "bfloat16", "products in bfloat16, features by OpenVINO in bfloat16\n"),
        (True, False, {}, "float32", "products in float32, features by OpenVINO in float32\n"),
        (
            True,
            True,
            {"precision": "float32", "engine": "tensorflow"},
            "float32",
            "products in float32, features by TensorFlow in float32\n",
        ),
        (
            True,
            True,
            {"engine": "tensorflow"},
            "bfloat16",
            "products in bfloat16, features by TensorFlow in float32\n",
        ),
        (
            True,
            True,
            {"finetune_encoder": True},
            "bfloat16",
            "products in bfloat16, the encoder learns in float32\n",
        ),
        (
            False,
            True,
            {},
            "bfloat16",
            "products in bfloat16, features by TensorFlow in float32\nOpenVINO is not installed, and "
            "TensorFlow takes twice as long for features: pip install openvino\n",
        ),
    ],
)
def test_what_is_left_to_the_machine_is_decided_and_told(
    monkeypatch, capsys, installed, has, asked, precision, told
):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: installed or None)
    for module in (engines, encoding):
        monkeypatch.setattr(module, "has_bfloat16", lambda: has)
    settings = encoding.for_this_machine(Settings.from_flat(asked))
    assert settings.machine.precision == precision
    assert settings.machine.engine == asked.get(
        "engine", "auto"
    )  # where the run goes on, there may be another
    assert capsys.readouterr().out == told
