"""A run folder that is being written, and what makes resuming it impossible."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from config import Settings
from pipeline.resume import New, Resumed
from pipeline.run import Run
from utils import runs
from utils.errors import UserError
from utils.runs import read_config, read_encoder_construction, write_encoder_construction

FACTS = {
    "encoder_weights": "some.weights.h5",
    "fingerprint": {},
    "encoder": "convnet",
    "dataset": "drawn",
    "captions": "abc",
}


@pytest.fixture
def folder(tmp_path):
    run = tmp_path / "run"
    runs.write_config(run, Settings().flat() | FACTS)
    return run


def resumed(folder, **saved):
    return Run(folder, Resumed(folder, FACTS | saved, 0))


def dataset_of(names, digest):
    return SimpleNamespace(names=lambda: names, digest=lambda: digest)


def test_settings_are_saved_with_facts_and_origins(folder):
    run = Run(folder, New(folder))
    settings = Settings().replace("the captions", language="ko")
    run.save_config(settings, FACTS)
    config = read_config(folder)
    assert (config["language"], config["fingerprint"]) == ("ko", {})
    assert config["origins"] == {"language": "the captions"}
    assert Settings.from_config(config).data.language == "ko"


def test_other_photos_or_captions_are_rejected(folder):
    names = {"train": ["a"], "val": ["b"], "test": []}
    runs.write_json(folder / "splits.json", names)
    run = resumed(folder)
    run.check_photos(dataset_of(names, "abc"))
    for dataset in (dataset_of(names, "abd"), dataset_of({**names, "test": ["c"]}, "abc")):
        with pytest.raises(UserError, match="the photos or captions of drawn have changed"):
            run.check_photos(dataset)
    Run(folder, New(folder)).check_photos(dataset_of({}, "other"))  # a new run has none


def test_another_encoder_is_rejected(folder):
    mark = {"name": "convnet", "weights": "abc"}
    half = mark | {"precision": "bfloat16"}
    resumed(folder, fingerprint=mark).check_encoder(mark, is_tuned=False)
    with pytest.raises(UserError, match=r"trained on bfloat16 features, and .* would be float32"):
        resumed(folder, fingerprint=half).check_encoder(mark, is_tuned=False)
    with pytest.raises(UserError, match=r"trained on float32 features, and .* would be bfloat16"):
        resumed(folder, fingerprint=mark).check_encoder(half, is_tuned=False)
    with pytest.raises(UserError, match=r"other weights, or another version of Keras"):
        resumed(folder, fingerprint=half).check_encoder(mark | {"weights": "abd"}, is_tuned=False)


def test_an_encoder_that_learns_may_have_another_precision(folder):
    mark = {"name": "convnet", "weights": "abc"}
    half = mark | {"precision": "bfloat16"}
    resumed(folder, fingerprint=half).check_encoder(mark, is_tuned=True)
    with pytest.raises(UserError, match="other weights"):
        resumed(folder, fingerprint=mark).check_encoder(mark | {"weights": "b"}, is_tuned=True)


def frozen(weights):
    """Return the facts of an encoder that is not trained here."""
    return SimpleNamespace(weights=str(weights), network=SimpleNamespace(trainable=False))


def test_an_encoder_trained_elsewhere_is_copied(folder, tmp_path):
    other = tmp_path / "other"
    (other / "best").mkdir(parents=True)
    (other / "best/ckpt-1.index").write_text("weights")
    run = Run(folder, New(folder))
    run.copy_encoder(frozen("some.weights.h5"))
    assert read_config(folder)["encoder_weights"] == "some.weights.h5"
    run.copy_encoder(frozen(other))
    assert (folder / "encoder/best/ckpt-1.index").read_text() == "weights"
    config = read_config(folder)
    assert config["weights"] == config["encoder_weights"] == str(folder / "encoder")


def test_a_classifiers_trunk_is_copied_with_how_it_is_built(folder, tmp_path):
    other, third = tmp_path / "other", tmp_path / "third"
    for each in (other, third):
        (each / "best").mkdir(parents=True)
    trunk = {"trunk": "tutorial", "image_size": 32}
    write_encoder_construction(other, trunk)
    Run(folder, New(folder)).copy_encoder(frozen(other))
    assert read_encoder_construction(folder) == trunk
    assert read_encoder_construction(folder / "encoder") == trunk
    Run(third, New(third)).copy_encoder(frozen(folder / "encoder"))
    assert read_encoder_construction(third) == trunk


def test_a_resumed_run_loses_the_scores_of_fewer_epochs(folder):
    for name in ("scores.json", "results/report.json", "results/captions.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    resumed(folder).save_dataset(dataset_of({}, "abc"))
    assert [file.name for file in (folder / "results").iterdir()] == ["captions.json"]
    assert not (folder / "scores.json").exists()


def test_a_folder_that_cannot_be_written_is_rejected(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file"):
        Run.open(New(tmp_path / "file" / "run"), Path(tmp_path))
