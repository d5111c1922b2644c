"""What training takes over from the run that it begins from, and what may change when a run goes on."""

from pathlib import Path

import pytest

from config import Settings
from pipeline.resume import (
    finished,
    forget_scores,
    inherited,
    keep_encoder,
    refuse_other_encoder,
    resumed,
)
from utils.errors import UsageError, UserError
from utils.runs import read_config, read_making, write_config, write_history, write_making

FOUND = {
    "encoder_weights": "some.weights.h5",
    "fingerprint": {},
    "decoder": "gru",
    "dataset": "drawn",
    "encoder": "convnet",
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Makes a run folder with these settings; None leaves one out, as in a run from before there was such a setting."""
    for name in ("vocabulary.json", "best"):
        Path(tmp_path, name).touch()
    Path(tmp_path, "drawn").mkdir()
    monkeypatch.chdir(tmp_path)

    def make(**changes):
        config = Settings().flat() | FOUND | changes
        write_config(
            tmp_path,
            {
                name: value
                for name, value in config.items()
                if name not in changes or value is not None
            },
        )
        return tmp_path

    return make


def test_what_the_encoder_sees_is_taken_over(run):
    found = inherited(run(layer="stage3_1", image_size=96, grid=4), {})
    assert {
        name: found[name] for name in ("encoder", "weights", "layer", "image_size", "grid")
    } == {
        "encoder": "convnet",
        "weights": "some.weights.h5",
        "layer": "stage3_1",
        "image_size": 96,
        "grid": 4,
    }
    assert inherited(run(grid=4), {"grid": 5})["grid"] == 5


def test_a_run_from_before_there_was_a_grid_to_choose_has_none(run):
    assert inherited(run(grid=None), {})["grid"] is None


def test_an_encoder_that_was_trained_is_taken_from_its_run(run):
    assert inherited(run(), {})["weights"] == "some.weights.h5"
    assert inherited(run(finetune_encoder=True), {})["weights"] == str(run(finetune_encoder=True))


def test_attention_may_change_from_run_to_run_but_no_width(run):
    start = run(decoder="lstm", units=64)
    assert inherited(start, {})["attention"] == "soft"
    assert inherited(start, {"attention": "hard", "dropout": 0.1})["attention"] == "hard"
    with pytest.raises(
        UsageError, match=rf"^--units 32: the weights of {start} are of 64; leave it out$"
    ):
        inherited(start, {"units": 32})
    for before, now in (
        ("soft", "none"),
        ("none", "soft"),
        ("none", "hard"),
    ):  # what looks at the photo is not in both
        with pytest.raises(
            UsageError,
            match=rf"^--attention {now}: the weights of {start} are of {before}; leave it",
        ):
            inherited(run(decoder="lstm", units=64, attention=before), {"attention": now})
    for before, now in (("dot", "additive"), ("additive", "dot")):
        with pytest.raises(
            UsageError,
            match=rf"^--attention {now}: the weights of {start} are of {before}; leave it",
        ):
            inherited(run(decoder="luong", attention=before), {"attention": now})
    start = run(decoder="lstm", units=64)
    with pytest.raises(
        UsageError, match=r"^--encoder resnet101: .* was trained on what convnet sees"
    ):
        inherited(start, {"encoder": "resnet101"})


def test_another_way_of_training_keeps_the_words_and_views_of_the_run_that_it_goes_on_from(run):
    start = run(augment=3, minimum_count=2, max_length=9, tokenizer="words")
    kept = {
        "augment": 3,
        "minimum_count": 2,
        "max_length": 9,
        "tokenizer": "words",
        "vocabulary": 5000,
    }
    for way in ("scst", "finetune_encoder"):
        assert inherited(start, {way: True}).items() >= kept.items()
    assert inherited(start, {"scst": True, "max_length": 7})["max_length"] == 7
    assert not kept.keys() & inherited(start, {}).keys()
    assert "tokenizer" not in inherited(
        run(tokenizer=None), {"scst": True}
    )  # a run from before there were several


def test_another_way_of_training_keeps_the_photos_unless_others_are_typed(run):
    start = run(test_size=0.2, seed=4, cache="elsewhere", format="csv", language="ko")
    kept = {
        "dataset": "drawn",
        "test_size": 0.2,
        "seed": 4,
        "cache": "elsewhere",
        "format": "csv",
        "language": "ko",
    }
    for way in ("scst", "finetune_encoder"):
        assert inherited(start, {way: True}).items() >= kept.items()
        assert (
            not (kept.keys() - {"dataset"})
            & inherited(start, {way: True, "dataset": "other"}).keys()
        )
    assert inherited(start, {"scst": True, "seed": 5})["seed"] == 5
    assert (
        not kept.keys() & inherited(start, {}).keys()
    )  # begun from another run, to learn other photos


def test_a_run_without_best_weights_is_no_start(run):
    start = run()
    (start / "best").unlink()
    for begun in (
        lambda: inherited(start, {"scst": True}),
        lambda: resumed(str(start), {"scst": True}, None),
    ):
        with pytest.raises(
            UserError,
            match=rf"^{start} has no best: its training was stopped before its first epoch ended",
        ):
            begun()


def test_a_run_that_lost_its_best_weights_says_so(run):
    start = run()
    (start / "best").unlink()
    write_history(start, [{"epoch": 1}])
    with pytest.raises(
        UserError, match=rf"^{start} has no best, which it had after its first epoch; restore it"
    ):
        inherited(start, {"scst": True})


def test_another_preset_is_refused_and_photos_that_are_gone(run):
    start = run(preset="inception-gru", dataset="elsewhere/photos")
    with pytest.raises(
        UsageError,
        match=rf"^--preset show-attend-tell: {start} was trained as inception-gru, and",
    ):
        inherited(start, {"preset": "show-attend-tell"})
    assert inherited(start, {"preset": "inception-gru"})["preset"] == "inception-gru"
    with pytest.raises(
        UserError,
        match=rf"^{start} was trained on elsewhere/photos, which is not there .+ with --dataset$",
    ):
        inherited(start, {"scst": True})
    assert "dataset" not in inherited(start, {})


def test_an_encoder_trained_elsewhere_is_copied_and_found_where_the_run_lies(run, tmp_path):
    other, folder = tmp_path / "other", run()
    (other / "best").mkdir(parents=True)
    (other / "best/ckpt-1.index").write_text("weights")
    keep_encoder(folder, "some.weights.h5")
    assert read_config(folder)["encoder_weights"] == "some.weights.h5"
    keep_encoder(folder, str(other))
    assert (folder / "encoder/best/ckpt-1.index").read_text() == "weights"
    assert [read_config(folder)[name] for name in ("weights", "encoder_weights")] == [
        str(folder / "encoder")
    ] * 2


def test_with_a_classifier_s_trunk_goes_how_it_is_built_from_run_to_run(run, tmp_path):
    folder, other, third = run(), tmp_path / "other", tmp_path / "third"
    for each in (other, third):
        (each / "best").mkdir(parents=True)
    trunk = {"trunk": "tutorial", "image_size": 32}
    write_making(other, trunk)
    keep_encoder(folder, str(other))
    assert read_making(folder) == read_making(folder / "encoder") == trunk
    keep_encoder(third, str(folder / "encoder"))
    assert read_making(third) == trunk


def test_a_classifier_is_no_start_for_captions(run):
    start = run(preset="classifier", trunk="modern", image_size=32, classes=["a", "b"])
    with pytest.raises(
        UserError, match=rf"^{start} is a classifier: .* --encoder convnet --weights {start}$"
    ):
        inherited(start, {})


def test_cifar10_may_be_named_again_when_a_classifier_is_resumed(run):
    run(
        preset="classifier",
        dataset="datasets/cifar10",
        trunk="modern",
        image_size=32,
        classes=["a", "b"],
    )
    assert resumed(".", {"dataset": "cifar10"}, None)[1].data.dataset == "datasets/cifar10"
    with pytest.raises(UsageError, match=r"^--beam: that is for captions"):
        resumed(".", {"beam": 5}, None)
    with pytest.raises(
        UsageError, match=r"^--alter cannot change when a run is resumed: it was 'mirrored'"
    ):
        resumed(".", {"alter": "none"}, None)


DONE = 12  # epochs


@pytest.fixture
def trained(run):
    """Makes a run folder that is finished after twelve epochs."""

    def make(**changes):
        folder = run(**{"epochs": DONE, "weights": "some.weights.h5", "units": 64} | changes)
        write_history(folder, [{"epoch": number + 1} for number in range(DONE)])
        (folder / "scores.json").write_text("{}")
        return folder

    return make


def changed(folder, settings):
    """The settings that are not those of the run, which has learned from true captions."""
    before = Settings.from_flat(
        {
            "epochs": DONE,
            "weights": "some.weights.h5",
            "units": 64,
            "encoder": "convnet",
            "dataset": "drawn",
        }
    ).flat()
    return {name: value for name, value in settings.flat().items() if value != before[name]}


def test_a_run_that_is_resumed_plainly_is_as_it_was_and_is_finished(trained):
    run, settings, begun = resumed(str(trained()), {}, None)
    assert (changed(run, settings), begun) == ({}, 0)
    assert finished(run, settings, begun)
    run, settings, begun = resumed(str(run), {"epochs": 15}, None)
    assert (changed(run, settings), begun) == ({"epochs": 15}, 0)
    assert not finished(run, settings, begun)


SCST = {
    "scst": True,
    "epochs": DONE + 4,
    "batch": 120,
    "learning_rate": 0.0002,
    "warmup": 50,
    "patience": 24,
}
FINETUNE = {"finetune_encoder": True, "epochs": DONE + 3, "learning_rate": 0.0001}


def test_other_ways_of_training_add_epochs_to_those_done(trained):
    folder = trained()
    for given, wanted in (({"scst": True}, SCST), ({"finetune_encoder": True}, FINETUNE)):
        run, settings, begun = resumed(str(folder), given, None)
        assert (run, changed(run, settings), begun) == (folder, wanted, DONE)
        assert not finished(run, settings, begun)
    stopped = trained(best_by="BLEU-4", learning_rate=0.1, epochs=30)  # by its patience
    run, settings, begun = resumed(str(stopped), {"scst": True}, None)
    assert (changed(run, settings), begun) == (SCST, DONE)
    assert not finished(run, settings, begun)


def test_a_lost_history_is_no_leave_to_begin_anew(trained):
    folder = trained()
    (folder / "best").unlink()
    (folder / "best").mkdir()
    (folder / f"best/ckpt-{DONE}.index").touch()
    assert resumed(str(folder), {"scst": True}, None)[2] == DONE
    (folder / "history.jsonl").unlink()
    with pytest.raises(
        UserError,
        match="history.jsonl is missing or damaged: it tells of 0 epochs, and epoch 12 was the best"
        f";.* in a new run: --from {folder} --scst$",
    ):
        resumed(str(folder), {"scst": True}, None)


def test_what_is_typed_goes_before_what_a_way_wants(trained):
    given = {
        "epochs": 14,
        "learning_rate": 0.3,
        "warmup": 7,
        "best_by": "ROUGE-L",
        "batch": 8,
        "clip": 1.0,
        "patience": 2,
    }
    run, settings, begun = resumed(str(trained()), {"scst": True} | given, None)
    assert (changed(run, settings), begun) == (SCST | given, DONE)
    given = {"finetune_from": "stage4_1", "encoder_rate": 0.5}
    run, settings, begun = resumed(str(run), {"finetune_encoder": True} | given, None)
    assert changed(run, settings) == FINETUNE | given


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"scst": True, "units": 32}, "--units"),
        ({"scst": True, "dropout": 0.1}, "--dropout"),
        ({"finetune_encoder": True, "max_length": 3}, "--max-length"),
        ({"scst": True, "seed": 1}, "--seed"),
        ({"finetune_encoder": True, "grid": 3}, "--grid"),
        ({"learning_rate": 0.5}, "--learning-rate"),
        ({"encoder_rate": 0.5}, "--encoder-rate"),
        ({"best_by": "loss"}, "--best-by"),
        ({"batch": 8}, "--batch"),
    ],
)
def test_what_else_would_change_the_result_is_refused(trained, given, flag):
    with pytest.raises(
        UsageError,
        match=rf"^{flag} cannot change when a run is resumed: it was .+; start a new run$",
    ):
        resumed(str(trained()), given, None)


def test_a_run_that_went_on_in_another_way_goes_on_in_it(trained):
    """Resumed plainly or with the same words again; and finished when its new epochs are done and scored."""
    run, settings, begun = resumed(str(trained()), {"scst": True, "learning_rate": 0.01}, None)
    after = trained(
        **{name: value for name, value in settings.flat().items() if name != "preset"}, begun=begun
    )
    (after / "scores.json").unlink()
    for given in ({}, {"scst": True}, {"scst": True, "learning_rate": 0.01}):
        run, again, from_epoch = resumed(str(after), given, None)
        assert (again, from_epoch) == (settings, DONE)
        assert not finished(run, again, from_epoch)
    write_history(after, [{"epoch": number + 1} for number in range(DONE + 4)])
    (after / "scores.json").write_text("{}")
    assert finished(run, again, from_epoch)
    run, longer, from_epoch = resumed(str(after), {"epochs": 20}, None)
    assert (changed(run, longer), from_epoch) == (
        SCST | {"learning_rate": 0.01, "epochs": 20},
        DONE,
    )
    assert not finished(run, longer, from_epoch)
    run, tuned, from_epoch = resumed(str(after), {"finetune_encoder": True}, None)
    assert (tuned.training.scst, tuned.vision.finetune_encoder, tuned.training.epochs) == (
        False,
        True,
        DONE + 4 + 3,
    )
    assert from_epoch == DONE + 4


def test_the_baseline_ends_with_the_rewards(trained):
    _, settings, _ = resumed(
        str(trained(scst=True, baseline="greedy")), {"finetune_encoder": True}, None
    )
    assert (
        settings.training.scst,
        settings.training.baseline,
        settings.vision.finetune_encoder,
    ) == (False, "others", True)


def test_after_the_encoder_was_trained_rewards_go_on_in_a_new_run(trained):
    folder = trained(finetune_encoder=True)
    hint = (
        f"the encoder of {folder} was trained with it; go on in a new run: --from {folder} --scst"
    )
    with pytest.raises(UsageError, match=f"^{hint}$"):
        resumed(str(folder), {"scst": True}, None)


def test_both_ways_at_once_are_refused(trained):
    with pytest.raises(
        UsageError, match="--scst learns on cached features; use --finetune-encoder before it"
    ):
        resumed(str(trained()), {"scst": True, "finetune_encoder": True}, None)


@pytest.mark.parametrize("epochs", [3, DONE])
def test_another_way_of_training_in_no_epoch_more_than_are_done_is_refused(trained, epochs):
    with pytest.raises(UsageError, match=rf"--epochs {epochs}\b.*\b{DONE}\b"):
        resumed(str(trained()), {"scst": True, "epochs": epochs}, None)


def test_a_run_goes_on_from_the_run_that_it_began_from(trained):
    folder = trained(**{"from": "checkpoints/before"})
    (folder / "before").mkdir()
    with pytest.raises(
        UsageError,
        match=r"^--from cannot change when a run is resumed: it was 'checkpoints/before'",
    ):
        resumed(str(folder), {}, str(folder / "before"))


def test_the_dataset_may_be_named_again_in_other_words(trained):
    _, settings, _ = resumed(str(trained()), {"dataset": "./drawn/", "scst": True}, None)
    assert settings.data.dataset == "drawn"
    with pytest.raises(UsageError, match=r"^--dataset cannot change"):
        resumed(str(trained()), {"dataset": "other"}, None)


def test_a_run_from_before_there_was_a_precision_to_choose_goes_on_in_float32(run):
    assert resumed(str(run(precision=None)), {}, None)[1].machine.precision == "float32"
    assert (
        resumed(str(run(precision="bfloat16")), {"engine": "tensorflow"}, None)[1].machine.precision
        == "bfloat16"
    )
    assert (
        resumed(str(run(precision="bfloat16")), {"precision": "auto"}, None)[1].machine.precision
        == "bfloat16"
    )
    with pytest.raises(
        UsageError, match=r"--precision cannot change when a run is resumed: it was 'bfloat16'"
    ):
        resumed(str(run(precision="bfloat16")), {"precision": "float32"}, None)


def test_features_of_another_precision_are_told_from_another_encoder(run):
    mark = {"name": "convnet", "weights": "abc"}
    refuse_other_encoder(run(fingerprint=mark), mark)
    with pytest.raises(
        UserError,
        match=r"learned from are bfloat16, and here they would be float32; go on with the --engine",
    ):
        refuse_other_encoder(run(fingerprint=mark | {"precision": "bfloat16"}), mark)
    with pytest.raises(
        UserError, match=r"learned from are float32, and here they would be bfloat16"
    ):
        refuse_other_encoder(run(fingerprint=mark), mark | {"precision": "bfloat16"})
    with pytest.raises(UserError, match=r"other weights, or another version of Keras"):
        refuse_other_encoder(
            run(fingerprint=mark | {"precision": "bfloat16"}), mark | {"weights": "abd"}
        )


def test_a_run_that_goes_on_forgets_the_scores_of_fewer_epochs(run):
    folder = run()
    for name in ("scores.json", "results/report.json", "results/captions.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    forget_scores(folder)
    assert [file.name for file in (folder / "results").iterdir()] == ["captions.json"]
    assert not (folder / "scores.json").exists()
