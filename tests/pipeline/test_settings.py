"""The makers of settings: the order of typed values, start, scenes, preset and defaults; and what
is known later.
"""

from types import SimpleNamespace

import pytest

import presets
from config import Settings
from pipeline.settings import TYPED, check_suits_workers, complete
from presets import PRESETS
from tests.helpers.settings import choose_settings
from utils.errors import UsageError
from utils.workers import ALONE, Worker


def dataset_of(language="en", photos=10, *, scenes=False):
    source = SimpleNamespace(examples=range(photos))
    train = [SimpleNamespace(captions=["a dog", "a cat"])] * photos
    return SimpleNamespace(
        language=language,
        source=source,
        splits={"train": train, "val": train},
        facts={} if scenes else None,
    )


def completed(options=None, *, scenes=False, language="en", photos=10, bfloat16=False):
    settings = choose_settings(options, scenes=scenes)
    return complete(settings, dataset_of(language, photos, scenes=scenes), has_bfloat16=bfloat16)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("scenes", [False, True])
def test_every_preset_is_chosen(preset, scenes):
    settings = choose_settings({"preset": preset}, scenes=scenes)
    assert settings.preset == preset
    is_drawn = scenes and preset != "classifier"
    expected = "convnet" if is_drawn else PRESETS[preset]["encoder"]
    assert settings.vision.encoder == expected


def test_typed_values_win_over_scenes_preset_and_defaults():
    default = Settings().training
    photographs = choose_settings().training
    assert photographs.batch == default.batch
    assert photographs.epochs == presets.PHOTOGRAPHS["epochs"] != default.epochs
    assert choose_settings(scenes=True).training.epochs == presets.SCENES["epochs"]
    assert choose_settings({"epochs": 2}, scenes=True).training.epochs == 2


def test_each_value_knows_where_it_came_from():
    settings = choose_settings({"batch": 32}, scenes=True)
    assert settings.origins["batch"] == TYPED
    assert settings.origins["epochs"] == "the scenes"
    assert settings.origins["encoder"] == "the scenes"
    assert settings.origins["attention"] == "--decoder gru"
    assert "clip" not in settings.origins
    later = complete(settings, dataset_of(), has_bfloat16=True)
    assert later.origins["language"] == later.origins["max_length"] == "the captions"
    assert later.origins["precision"] == "the processor"
    assert later.origins["batch"] == TYPED
    photographs = completed(photos=9000)
    assert photographs.origins["augment"] == "the number of photos"
    assert photographs.origins["crops"] == "preset inception-gru"


@pytest.mark.parametrize("kind", presets.LENGTHS)
def test_open_values_suit_the_captions(kind):
    options = {"batch": 32, "tokenizer": kind}
    settings = choose_settings(options)
    names = ("language", "max_length", "no_repeat", "augment", "reward_epochs", "passes", "best_by")
    assert [settings.flat()[name] for name in names] == [None] * 7
    later = complete(settings, dataset_of("ja", 9000), has_bfloat16=False)
    expected = {"language": "ja", "augment": 6, "reward_epochs": 24, "passes": 1}
    expected |= {"precision": "float32", "best_by": "CIDEr"}
    assert later.flat() == settings.flat() | expected | presets.LENGTHS[kind]
    assert complete(later, dataset_of("ja"), has_bfloat16=True) == later


@pytest.mark.parametrize(
    ("photos", "views"), [(8, 7), (8000, 7), (8001, 6), (21_333, 2), (32_000, 1), (123_000, 1)]
)
def test_few_photos_get_many_views(photos, views):
    assert completed(photos=photos).vision.augment == views
    for options, scenes, expected in (
        ({"augment": 0}, False, 0),
        ({}, True, 1),
        ({"preset": "show-attend-tell"}, False, 1),
        ({"finetune_encoder": True}, False, 1),
    ):
        assert completed(options, scenes=scenes, photos=photos).vision.augment == expected


@pytest.mark.parametrize(("photos", "epochs"), [(999, 0), (1000, 24)])
def test_few_photos_get_no_reward_epochs(photos, epochs):
    assert completed(photos=photos).training.reward_epochs == epochs


@pytest.mark.parametrize(
    ("photos", "options", "scenes", "passes"),
    [
        (1, {}, False, 40),
        (200, {}, False, 6),  # 400 captions, 6.25 steps
        (980, {}, False, 2),
        (1280, {}, False, 1),
        (200, {"batch": 32}, False, 3),
        (200, {"passes": 2}, False, 2),
        (200, {}, True, 1),
        (200, {"finetune_encoder": True}, False, 1),
    ],
)
def test_few_photos_come_several_times_in_an_epoch(photos, options, scenes, passes):
    assert completed(options, scenes=scenes, photos=photos).training.passes == passes


@pytest.mark.parametrize(
    ("photos", "options", "scenes", "best_by"),
    [
        (99, {}, False, "loss"),
        (100, {}, False, "CIDEr"),
        (99, {}, True, "CIDEr"),
        (99, {"best_by": "ROUGE-L"}, False, "ROUGE-L"),
        (99, {"preset": "vit-gpt2"}, False, "loss"),
    ],
)
def test_a_small_val_is_judged_by_its_loss(photos, options, scenes, best_by):
    assert completed(options, scenes=scenes, photos=photos).training.best_by == best_by


SOURCE = {"language": "en", "tokenizer": "words"}


def completed_from(source, photos=50, **values):
    values = {"replay": None, "keep": None} | values
    settings = choose_settings().replace("--from", **values)
    dataset = dataset_of("en", photos)
    later = complete(settings, dataset, has_bfloat16=False, source=source)
    return later.training.replay, later.training.keep


@pytest.mark.parametrize(("photos", "keep"), [(999, 0.5), (1000, 0)])
def test_a_run_to_start_from_is_not_forgotten(photos, keep):
    assert completed_from(SOURCE, photos) == (1, keep)
    assert completed_from(SOURCE, photos, replay=0.0, keep=0.25) == (0, 0.25)


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ({}, {}),
        (SOURCE | {"language": "ko"}, {}),
        (SOURCE | {"tokenizer": "bpe"}, {}),
        (SOURCE, {"vocabulary_from": "new"}),
    ],
)
def test_what_has_another_vocabulary_is_forgotten(source, values):
    assert completed_from(source, **values) == (0, 0)


def test_typed_lengths_win_over_what_suits():
    settings = completed({"max_length": 7, "no_repeat": 0}, language="ko")
    assert (settings.words.max_length, settings.search.no_repeat) == (7, 0)
    settings = completed({"no_repeat": 2}, language="zh")
    assert (settings.words.max_length, settings.search.no_repeat) == (48, 2)


def test_lengths_grow_as_tokens_get_shorter():
    assert presets.LENGTHS == {
        "words": {"max_length": 24, "no_repeat": 3},
        "characters": {"max_length": 48, "no_repeat": 6},
        "bpe": {"max_length": 36, "no_repeat": 5},
        "gpt2": {"max_length": 36, "no_repeat": 5},
        "wordpiece": {"max_length": 36, "no_repeat": 5},
    }


@pytest.mark.parametrize(
    ("precision", "bfloat16", "expected"),
    [("auto", True, "bfloat16"), ("auto", False, "float32"), ("float32", True, "float32")],
)
def test_the_precision_follows_the_processor(precision, bfloat16, expected):
    settings = completed({"precision": precision}, bfloat16=bfloat16)
    assert settings.machine.precision == expected


@pytest.mark.parametrize(
    ("options", "attention"),
    [
        ({}, "soft"),
        ({"decoder": "lstm"}, "soft"),
        ({"decoder": "luong"}, "dot"),
        ({"preset": "inception-resnet-gru"}, "dot"),
        ({"preset": "inception-resnet-gru", "attention": "additive"}, "additive"),
        ({"preset": "inception-resnet-gru", "decoder": "gru"}, "soft"),
        ({"preset": "show-attend-tell", "decoder": "luong"}, "dot"),
    ],
    ids=str,
)
def test_the_default_attention_is_the_decoders(options, attention):
    assert choose_settings(options).decoding.attention == attention


@pytest.mark.parametrize(
    ("options", "features"),
    [
        ({}, "normalised"),
        ({"decoder": "lstm"}, "raw"),
        ({"decoder": "luong"}, "raw"),
        ({"preset": "vit-gpt2"}, "raw"),
        ({"features": "raw"}, "raw"),
        ({"preset": "show-attend-tell", "decoder": "gru"}, "normalised"),
    ],
    ids=str,
)
def test_features_are_normalised_for_the_gru_alone(options, features):
    assert choose_settings(options).decoding.features == features


def test_the_penalty_of_a_preset_is_for_soft_attention():
    preset = {"preset": "show-attend-tell"}
    assert choose_settings(preset).training.penalty == 0.1
    for attention, penalty in (("soft", 0.1), ("none", 0.0), ("hard", 0.0)):
        settings = choose_settings(preset | {"attention": attention})
        assert (settings.decoding.attention, settings.training.penalty) == (attention, penalty)
    with pytest.raises(UsageError, match="--penalty"):
        choose_settings(preset | {"attention": "none", "penalty": 0.1})
    for more in ({}, {"attention": "dot"}):  # Luong attention sees all locations too
        settings = choose_settings(preset | {"decoder": "luong"} | more)
        assert settings.training.penalty == 0.1


def test_an_encoder_may_be_trained_from_the_first_epoch_on():
    """At the learning rate of any other run: the smaller one is for decoders that are trained
    already.
    """
    settings = choose_settings({"finetune_encoder": True})
    assert settings.vision.finetune_encoder
    expected = Settings.from_flat({"epochs": presets.PHOTOGRAPHS["epochs"]}).training
    assert settings.training == expected


def test_a_classifier_rejects_settings_of_captions():
    preset = {"preset": "classifier"}
    for name, value in (("beam", 3), ("units", 64), ("encoder", "convnet"), ("format", "csv")):
        with pytest.raises(UsageError, match=rf"^--{name} needs a preset that writes captions"):
            choose_settings(preset | {name: value})
    with pytest.raises(UsageError, match=r"^--augment, --best-by need a preset"):
        choose_settings(preset | {"augment": 2, "epochs": 3, "best_by": "loss"})


def test_a_captioner_rejects_settings_of_classes():
    for options in ({"trunk": "modern"}, {"alter": "none", "preset": "show-attend-tell"}):
        with pytest.raises(UsageError, match=r"^--(trunk|alter) needs --preset classifier"):
            choose_settings(options)


def test_the_tutorials_trunk_is_trained_as_there():
    options = {"preset": "classifier", "trunk": "tutorial"}
    settings = choose_settings(options)
    training = settings.training
    recipe = (training.batch, training.epochs, training.learning_rate, training.schedule)
    assert recipe == (4, 2, 0.001, "constant")
    assert (training.warmup, settings.classes.alter) == (0, "none")
    assert choose_settings(options | {"epochs": 9}).training.epochs == 9


def test_a_pretrained_transformer_keeps_its_recipe_on_drawings():
    options = {"preset": "vit-gpt2", "decoder_weights": "gpt2_base_en"}
    photos = choose_settings(options)
    drawings = choose_settings(options, scenes=True)
    assert (photos.vision.encoder, drawings.vision.encoder) == ("vit_b16", "convnet")
    assert drawings.training == photos.training
    assert drawings.training.learning_rate == 0.00005


@pytest.mark.parametrize(
    ("options", "extra_weights"),
    [
        ({"preset": "vit-gpt2"}, "none"),
        ({"preset": "vit-gpt2", "decoder_weights": "none"}, "learned"),
        ({"preset": "vit-gpt2", "extra_weights": "learned"}, "learned"),
        ({"decoder": "transformer"}, "learned"),
        ({"decoder": "transformer", "decoder_weights": "hf:models/vit-gpt2"}, "none"),
        ({}, None),
    ],
)
def test_pretrained_gpt2_stays_as_it_is(options, extra_weights):
    assert choose_settings(options).decoding.extra_weights == extra_weights


def test_a_small_transformer_is_the_default_on_drawings():
    small = choose_settings({"preset": "vit-gpt2"}, scenes=True)
    assert small.decoding.decoder_weights == "none"
    assert (small.training.learning_rate, small.decoding.layers) == (0.001, 3)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"decoder": "transformer", "embedding": 8}, ("--embedding", "--units")),
        ({"preset": "vit-gpt2", "attention_units": 8}, ("--attention-units", "--units")),
        ({"decoder": "luong", "attention_units": 8}, ("--attention-units", "dot")),
        ({"preset": "vit-gpt2", "vocabulary": 8}, ("--vocabulary", "learned from the captions")),
        (
            {"tokenizer": "gpt2", "minimum_count": 2},
            ("--minimum-count", "learned from the captions"),
        ),
        ({"look": "drawn"}, ("--look drawn", "--attention hard")),
    ],
    ids=str,
)
def test_options_that_change_nothing_are_rejected(options, named):
    with pytest.raises(UsageError) as caught:
        choose_settings(options)
    for name in named:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "inceptiongru"}, "unknown preset 'inceptiongru'; did you mean 'inception-gru'"),
        ({"encoder": "incepton"}, "unknown encoder 'incepton'; did you mean 'inception_v3'"),
        ({"decoder": "gruu"}, "unknown decoder 'gruu'; did you mean 'gru'"),
    ],
)
def test_unknown_names_are_rejected_with_the_nearest(options, message):
    with pytest.raises(UsageError, match=message):
        choose_settings(options)


def test_another_tokenizer_than_the_weights_is_rejected():
    options = {"preset": "vit-gpt2", "tokenizer": "words"}
    with pytest.raises(UsageError, match=r"--tokenizer must be that of .*got words"):
        completed(options)


def test_splitting_at_spaces_is_doubted_without_spaces(capsys):
    completed({"tokenizer": "words"}, language="zh")
    assert (
        "--tokenizer words splits captions at spaces, and Chinese has none"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "value"),
    [({"finetune_encoder": True}, "--finetune-encoder"), ({"preset": "classifier"}, "classifier")],
)
def test_what_trains_with_one_worker_is_rejected_for_several(options, value):
    settings = choose_settings(options)
    check_suits_workers(settings, ALONE)
    two = Worker(0, ("a:1", "b:1"))
    with pytest.raises(UsageError, match=r"\(got 2\)") as raised:
        check_suits_workers(settings, two)
    assert value in str(raised.value)
    check_suits_workers(choose_settings(), two)
