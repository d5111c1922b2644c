"""How a job starts: what each start takes over, and what may change when a run is resumed."""

from pathlib import Path

import pytest

import presets
from config import Settings
from pipeline.resume import FromRun, New, Request, Resumed, find_start
from pipeline.settings import choose
from utils.errors import UsageError, UserError
from utils.runs import write_config, write_history

FACTS = {
    "encoder_weights": "some.weights.h5",
    "fingerprint": {},
    "encoder": "convnet",
    "dataset": "drawn",
    "attention": "soft",
    "features": "normalised",
}
NAME = "checkpoints/before"
NEW = "checkpoints/new"


@pytest.fixture
def make_run(tmp_path, monkeypatch):
    """Return a function that makes a run folder with these settings, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    Path("drawn").mkdir()

    def make(name=NAME, **changes):
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("vocabulary.json", "best"):
            if not (folder / file).exists():
                (folder / file).touch()
        write_config(folder, Settings().flat() | FACTS | changes)
        return folder

    return make


def choose_from(options=None, *, run=NEW, start=NAME):
    """Return the settings of a run that starts from another one."""
    request = Request(options or {}, run=run, start=start)
    return choose(request, find_start(request))


def choose_resumed(options=None, *, run=NAME):
    """Return the start and the settings of a resumed run."""
    request = Request(options or {}, run=run, resume=True)
    start = find_start(request)
    return start, choose(request, start)


def test_the_start_follows_from_what_was_typed(make_run):
    make_run()
    assert find_start(Request(run=NEW)) == New(Path(NEW))
    start = find_start(Request(run=NEW, start=NAME))
    assert isinstance(start, FromRun)
    assert (start.run, start.source) == (Path(NEW), Path(NAME))
    start = find_start(Request(run=NAME, resume=True))
    assert isinstance(start, Resumed)
    assert (start.run, start.epochs_done, start.first_epoch) == (Path(NAME), 0, 0)


def test_a_new_run_is_not_an_existing_one(make_run):
    make_run()
    with pytest.raises(UserError, match=f"the run {NAME} exists; add --resume"):
        find_start(Request(run=NAME))


def test_self_critical_training_needs_a_start():
    request = Request({"scst": True, "dataset": "scenes"}, run=NEW)
    with pytest.raises(UsageError, match=r"--scst needs --from RUN"):
        choose(request, find_start(request))


# Starting from another run.


def test_the_encoder_of_the_source_is_taken_over(make_run):
    make_run(layer="stage3_1", image_size=96, grid=4)
    vision = choose_from({"dataset": "drawn"}).vision
    assert (vision.encoder, vision.weights) == ("convnet", "some.weights.h5")
    assert (vision.layer, vision.image_size, vision.grid) == ("stage3_1", 96, 4)
    assert choose_from({"dataset": "drawn", "grid": 5}).vision.grid == 5


def test_an_encoder_that_was_trained_comes_from_its_run(make_run):
    make_run(finetune_encoder=True, reward_epochs=0)
    assert choose_from({"dataset": "drawn"}).vision.weights == NAME


def test_taken_over_values_name_their_source(make_run):
    make_run(units=64)
    origins = choose_from({"dataset": "drawn"}).origins
    assert origins["units"] == f"--from {NAME}"
    assert origins["dataset"] == "command line"


def test_photos_of_the_source_are_replayed_beside_others(make_run):
    make_run()
    data = {"dataset": "drawn"}
    start = choose_from(data).training
    assert (start.replay, start.keep) == (None, None)  # by language and number
    assert choose_from(data | {"replay": 0}).training.replay == 0
    further = choose_from(data | {"scst": True}).training
    assert (further.replay, further.keep) == (0, 0)
    with pytest.raises(UsageError, match=r"^--replay does not go with --scst; omit it$"):
        choose_from(data | {"scst": True, "replay": 2})
    request = Request(data | {"replay": 1}, run=NEW)
    with pytest.raises(UsageError, match=r"^--replay needs --from RUN$"):
        choose(request, find_start(request))


def test_attention_may_change_but_no_width(make_run):
    make_run(decoder="lstm", features="raw", units=64)
    data = {"dataset": "drawn"}
    assert choose_from(data).decoding.attention == "soft"
    settings = choose_from(data | {"attention": "hard", "dropout": 0.1})
    assert (settings.decoding.attention, settings.decoding.dropout) == ("hard", 0.1)
    with pytest.raises(UsageError, match=r"^--units cannot change .* have 64 \(got 32\)$"):
        choose_from(data | {"units": 32})


@pytest.mark.parametrize(
    ("decoder", "before", "now"),
    [
        ("lstm", "soft", "none"),
        ("lstm", "none", "soft"),
        ("lstm", "none", "hard"),
        ("luong", "dot", "additive"),
        ("luong", "additive", "dot"),
    ],
)
def test_attention_of_other_weights_is_rejected(make_run, decoder, before, now):
    make_run(decoder=decoder, features="raw", attention=before)
    with pytest.raises(UsageError, match=rf"^--attention .* have {before} \(got {now}\)$"):
        choose_from({"dataset": "drawn", "attention": now})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "resnet101"}, r"--encoder cannot change .* has convnet \(got resnet101\)"),
        ({"preset": "show-attend-tell"}, r"--preset cannot change .* has inception-gru"),
    ],
)
def test_another_encoder_or_preset_is_rejected(make_run, options, message):
    make_run()
    with pytest.raises(UsageError, match=message):
        choose_from(options | {"dataset": "drawn"})
    assert choose_from({"preset": "inception-gru", "dataset": "drawn"}).preset == "inception-gru"


@pytest.mark.parametrize("way", presets.WAYS)
def test_training_further_keeps_words_and_views(make_run, way):
    make_run(augment=3, minimum_count=2, max_length=9, tokenizer="words")
    settings = choose_from({way: True})
    assert settings.vision.augment == 3
    words = settings.words
    assert (words.minimum_count, words.max_length, words.tokenizer) == (2, 9, "words")
    assert choose_from({way: True, "max_length": 7}).words.max_length == 7
    other = choose_from({"dataset": "drawn"})
    assert other.words.minimum_count == Settings().words.minimum_count


@pytest.mark.parametrize("way", presets.WAYS)
def test_training_further_keeps_the_photos(make_run, way):
    make_run(test_size=0.2, seed=4, cache="elsewhere", format="csv", language="ko")
    settings = choose_from({way: True})
    data = settings.data
    assert (data.dataset, data.test_size, data.format, data.language) == ("drawn", 0.2, "csv", "ko")
    assert (settings.training.seed, settings.vision.cache) == (4, "elsewhere")
    other = choose_from({way: True, "dataset": "photographs"})
    assert (other.data.dataset, other.data.format, other.training.seed) == ("photographs", None, 0)
    assert choose_from({way: True, "seed": 5}).training.seed == 5


def test_photos_that_are_gone_are_named(make_run):
    make_run(dataset="elsewhere/photos")
    with pytest.raises(
        UserError, match=rf"^{NAME} was trained on elsewhere/photos, which does not"
    ):
        choose_from({"scst": True})


@pytest.mark.parametrize(
    ("way", "values"),
    [
        ("scst", presets.SELF_CRITICAL),
        ("finetune_encoder", presets.FINETUNE),
    ],
)
def test_a_way_wins_over_all_but_what_is_typed(make_run, way, values):
    make_run(preset="show-attend-tell", decoder="lstm", features="raw")
    settings = choose_from({way: True, "clip": 1.0})
    flat = settings.flat()
    assert flat.items() >= values.items()
    assert flat["clip"] == 1.0
    assert settings.origins["learning_rate"] == "--" + way.replace("_", "-")
    typed = choose_from({way: True, "epochs": 9, "learning_rate": 0.5}).training
    assert (typed.epochs, typed.learning_rate) == (9, 0.5)


def test_rewards_have_no_reward_epochs_after_them(make_run):
    make_run()
    assert choose_from({"scst": True}).training.reward_epochs == 0
    with pytest.raises(UsageError, match="--reward-epochs does not go with --scst"):
        choose_from({"scst": True, "reward_epochs": 2})


def test_a_run_without_best_weights_is_no_start(make_run):
    run = make_run()
    (run / "best").unlink()
    for choose_settings in (choose_from, choose_resumed):
        with pytest.raises(UserError, match=rf"^{NAME} has no best: its training stopped"):
            choose_settings({"scst": True})


def test_a_run_that_lost_its_best_weights_says_so(make_run):
    run = make_run()
    (run / "best").unlink()
    write_history(run, [{"epoch": 1}])
    with pytest.raises(UserError, match=rf"^{NAME} has no best, which its first epoch wrote"):
        choose_from({"scst": True})


def test_a_classifier_is_no_start_for_captions(make_run):
    make_run(preset="classifier", trunk="modern", image_size=32, classes=["a", "b"])
    with pytest.raises(UserError, match=f"--encoder convnet --weights {NAME}$"):
        choose_from({"dataset": "drawn"})


# Resuming.

DONE = 12  # epochs


@pytest.fixture
def make_finished(make_run):
    """Return a function that makes a run folder which is finished after twelve epochs."""

    def make(**changes):
        values = {"epochs": DONE, "weights": "some.weights.h5", "units": 64} | changes
        folder = make_run(**values)
        write_history(folder, [{"epoch": number + 1} for number in range(DONE)])
        (folder / "scores.json").write_text("{}")
        return folder

    return make


def changed(start, settings):
    """Return the settings that are not those of the run."""
    before = Settings.from_config(start.saved).flat()
    return {name: value for name, value in settings.flat().items() if value != before[name]}


SCST = {
    "scst": True,
    "epochs": DONE + 4,
    "batch": 120,
    "learning_rate": 0.0002,
    "warmup": 50,
    "patience": 24,
}
FINETUNE = {
    "finetune_encoder": True,
    "epochs": DONE + 3,
    "learning_rate": 0.0001,
    "passes": 1,
}


def test_a_resumed_run_stays_as_it_was_and_is_finished(make_finished):
    make_finished()
    start, settings = choose_resumed()
    assert (changed(start, settings), start.first_epoch) == ({}, 0)
    assert start.is_finished(settings)
    start, settings = choose_resumed({"epochs": 15})
    assert changed(start, settings) == {"epochs": 15}
    assert not start.is_finished(settings)
    start, settings = choose_resumed({"patience": 9})
    assert start.is_finished(settings)  # all its epochs are done


def test_a_resumed_run_keeps_the_origins_of_its_values(make_finished):
    make_finished(origins={"units": "command line", "batch": "the scenes"})
    _, settings = choose_resumed({"epochs": 15})
    assert settings.origins["units"] == "command line"
    assert settings.origins["batch"] == "the scenes"
    assert settings.origins["epochs"] == "command line"


def test_more_patience_goes_on_with_a_run_that_stopped_early(make_finished):
    make_finished(epochs=30)
    start, settings = choose_resumed()
    assert start.is_finished(settings)
    start, settings = choose_resumed({"patience": 9})
    assert not start.is_finished(settings)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"scst": True}, SCST | {"best_by": "CIDEr"}), ({"finetune_encoder": True}, FINETUNE)],
)
def test_ways_of_training_add_epochs_to_those_done(make_finished, options, expected):
    make_finished()
    start, settings = choose_resumed(options)
    assert (changed(start, settings), start.first_epoch) == (expected, DONE)
    assert not start.is_finished(settings)


def test_another_way_keeps_nothing_of_an_earlier_run(make_finished):
    """Else fine-tuning would mix in weights from before."""
    make_finished(keep=0.5, replay=1.0, passes=7)
    training = choose_resumed({"finetune_encoder": True})[1].training
    assert (training.keep, training.replay, training.passes) == (0, 0, 1)
    training = choose_resumed({"scst": True})[1].training
    assert (training.keep, training.replay, training.passes) == (0, 1, 7)


def test_a_way_is_the_same_after_an_early_stop(make_finished):
    make_finished(best_by="BLEU-4", learning_rate=0.1, epochs=30)
    start, settings = choose_resumed({"scst": True})
    expected = SCST | {"best_by": "CIDEr"}
    assert (changed(start, settings), start.first_epoch) == (expected, DONE)


def test_a_lost_history_is_no_reason_to_start_over(make_finished):
    folder = make_finished()
    (folder / "best").unlink()
    (folder / "best").mkdir()
    (folder / f"best/ckpt-{DONE}.index").touch()
    start, _ = choose_resumed({"scst": True})
    assert start.first_epoch == DONE
    (folder / "history.jsonl").unlink()
    with pytest.raises(UserError) as caught:
        choose_resumed({"scst": True})
    message = str(caught.value)
    assert "history.jsonl is missing or damaged: it has 0 epochs, and epoch 12" in message
    assert message.endswith(f"--from {NAME} --scst")


def test_typed_values_win_over_a_way(make_finished):
    make_finished()
    options = {
        "epochs": 14,
        "learning_rate": 0.3,
        "warmup": 7,
        "best_by": "ROUGE-L",
        "batch": 8,
        "clip": 1.0,
        "patience": 2,
    }
    start, settings = choose_resumed({"scst": True} | options)
    assert changed(start, settings) == SCST | options
    options = {"finetune_from": "stage4_1", "encoder_rate": 0.5}
    start, settings = choose_resumed({"finetune_encoder": True} | options)
    assert changed(start, settings) == FINETUNE | options


@pytest.mark.parametrize(
    ("options", "flag"),
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
        ({"dataset": "other"}, "--dataset"),
    ],
)
def test_what_would_change_the_result_is_rejected(make_finished, options, flag):
    make_finished()
    with pytest.raises(UsageError, match=rf"^{flag} cannot change when a run is resumed: it was "):
        choose_resumed(options)


def test_a_run_continues_in_its_present_way(make_finished):
    """Resumed plainly or with the same options again; finished when its new epochs are scored."""
    make_finished()
    start, settings = choose_resumed({"scst": True, "learning_rate": 0.01})
    folder = make_finished(**settings.flat(), first_epoch=start.first_epoch)
    (folder / "scores.json").unlink()
    for options in ({}, {"scst": True}, {"scst": True, "learning_rate": 0.01}):
        start, again = choose_resumed(options)
        assert (again, start.first_epoch) == (settings, DONE)
        assert not start.is_finished(again)
    write_history(folder, [{"epoch": number + 1} for number in range(DONE + 4)])
    (folder / "scores.json").write_text("{}")
    start, again = choose_resumed()
    assert start.is_finished(again)
    start, longer = choose_resumed({"epochs": 20})
    assert (longer.training.epochs, start.first_epoch) == (20, DONE)
    assert not start.is_finished(longer)
    start, tuned = choose_resumed({"finetune_encoder": True})
    assert (tuned.training.scst, tuned.vision.finetune_encoder) == (False, True)
    assert (tuned.training.epochs, start.first_epoch) == (DONE + 4 + 3, DONE + 4)


def test_the_baseline_ends_with_the_rewards(make_finished):
    make_finished(scst=True, baseline="greedy")
    _, settings = choose_resumed({"finetune_encoder": True})
    assert (settings.training.scst, settings.training.baseline) == (False, "others")


def test_rewards_after_a_trained_encoder_need_a_new_run(make_finished):
    make_finished(finetune_encoder=True)
    with pytest.raises(UsageError, match=f"start a new run: --from {NAME} --scst$"):
        choose_resumed({"scst": True})


def test_both_ways_at_once_are_rejected(make_finished):
    make_finished()
    with pytest.raises(UsageError, match="--scst does not go with --finetune-encoder"):
        choose_resumed({"scst": True, "finetune_encoder": True})


@pytest.mark.parametrize("epochs", [3, DONE])
def test_a_way_needs_more_epochs_than_are_done(make_finished, epochs):
    make_finished()
    with pytest.raises(UsageError, match=rf"--epochs .* above {DONE} \(got {epochs}\)"):
        choose_resumed({"scst": True, "epochs": epochs})


def test_the_source_of_a_resumed_run_cannot_change(make_finished, tmp_path):
    make_finished(**{"from": "checkpoints/first"})
    (tmp_path / "another").mkdir()
    request = Request(run=NAME, resume=True, start=str(tmp_path / "another"))
    with pytest.raises(UsageError, match=r"--from cannot change .* it was checkpoints/first"):
        find_start(request)


def test_the_dataset_may_be_typed_again_in_other_words(make_finished):
    make_finished()
    _, settings = choose_resumed({"dataset": "./drawn/", "scst": True})
    assert settings.data.dataset == "drawn"


def test_cifar10_may_be_named_again_when_a_classifier_is_resumed(make_run):
    make_run(
        preset="classifier",
        dataset="datasets/cifar10",
        trunk="modern",
        image_size=32,
        classes=["a", "b"],
    )
    assert choose_resumed({"dataset": "cifar10"})[1].data.dataset == "datasets/cifar10"
    with pytest.raises(UsageError, match=r"^--beam needs a preset that writes captions"):
        choose_resumed({"beam": 5})
    with pytest.raises(UsageError, match=r"^--alter cannot change .* it was mirrored"):
        choose_resumed({"alter": "none"})


def test_the_precision_of_a_run_stays(make_run):
    make_run(precision="bfloat16")
    for options in ({"engine": "tensorflow"}, {"precision": "auto"}):
        assert choose_resumed(options)[1].machine.precision == "bfloat16"
    with pytest.raises(UsageError, match=r"--precision cannot change .* it was bfloat16"):
        choose_resumed({"precision": "float32"})
