"""Settings, presets, and the command lines made of them."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import config
import presets
from config import ATTENTIONS, LENGTHS, Settings
from models.decoders import DECODERS
from presets import PRESETS, refuse_idle, resolve
from utils.errors import UsageError

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("scenes", [False, True])
def test_every_preset_resolves(preset, scenes):
    settings = resolve({"preset": preset}, scenes=scenes)
    assert settings.preset == preset
    assert settings.vision.encoder == ("convnet" if scenes else PRESETS[preset]["encoder"])


def test_what_is_typed_goes_before_scenes_before_preset_before_defaults():
    assert resolve({}, scenes=False).training.batch == Settings().training.batch
    assert (
        resolve({}, scenes=False).training.epochs
        == presets.PHOTOGRAPHS["epochs"]
        != Settings().training.epochs
    )
    assert resolve({}, scenes=True).training.epochs == presets.SCENES["epochs"]
    assert resolve({"epochs": 2}, scenes=True).training.epochs == 2


def test_settings_survive_the_way_to_config_json_and_back():
    settings = resolve({"batch": 32, "top_k": 5, "sample": True}, scenes=True)
    assert Settings.from_flat(settings.flat()) == settings


@pytest.mark.parametrize("tokenizer", LENGTHS)
def test_what_is_left_open_suits_the_captions(tokenizer):
    settings = resolve({"batch": 32}, scenes=False)
    left = ("language", "tokenizer", "max_length", "no_repeat", "augment", "reward_epochs")
    assert [settings.flat()[name] for name in left] == [None] * 6
    suited = settings.suited("ja", tokenizer, photos=9000)
    wanted = {
        "language": "ja",
        "tokenizer": tokenizer,
        "augment": 6,
        "reward_epochs": 24,
    } | LENGTHS[tokenizer]
    assert suited.flat() == settings.flat() | wanted
    assert suited.suited("ja", tokenizer) == suited
    assert Settings.of_run(suited.flat() | {"fingerprint": "abc"}) == suited


@pytest.mark.parametrize(
    ("photos", "views"), [(8, 7), (8000, 7), (8001, 6), (21_333, 2), (32_000, 1), (123_000, 1)]
)
def test_of_few_photos_there_are_many_views(photos, views):
    assert resolve({}, scenes=False).suited("en", "words", photos).vision.augment == views
    for given, scenes, typed in (
        ({"augment": 0}, False, 0),
        ({}, True, 1),
        ({"preset": "show-attend-tell"}, False, 1),
        ({"finetune_encoder": True}, False, 1),
    ):
        assert resolve(given, scenes=scenes).suited("en", "words", photos).vision.augment == typed


def test_what_is_typed_goes_before_what_suits():
    settings = resolve({"max_length": 7, "no_repeat": 0}, scenes=False).suited("ko", "words")
    assert (settings.words.max_length, settings.search.no_repeat) == (7, 0)
    settings = resolve({"no_repeat": 2}, scenes=False).suited("zh", "characters")
    assert (settings.words.max_length, settings.search.no_repeat) == (48, 2)


def test_lengths_grow_as_tokens_get_shorter():
    assert LENGTHS == {
        "words": {"max_length": 24, "no_repeat": 3},
        "characters": {"max_length": 48, "no_repeat": 6},
        "bpe": {"max_length": 36, "no_repeat": 5},
        "gpt2": {"max_length": 36, "no_repeat": 5},
    }


def test_the_settings_of_captions_and_photos():
    given = {
        "format": "coco",
        "language": "ko",
        "outside_photos": True,
        "strict": True,
        "tokenizer": "bpe",
    }
    settings = resolve(given, scenes=False)
    assert (
        settings.data.format,
        settings.data.language,
        settings.data.outside_photos,
        settings.data.strict,
    ) == ("coco", "ko", True, True)
    assert settings.words.tokenizer == "bpe"
    usual = resolve({}, scenes=False).data
    assert (usual.format, usual.language, usual.outside_photos, usual.strict) == (
        None,
        None,
        False,
        False,
    )
    assert (
        not {"format", "language", "tokenizer", "strict", "max_length"} & config.RESUMABLE
    )  # they change the result


def test_names_are_unique_over_all_groups_and_each_has_a_meaning():
    names = [each.name for group in config.GROUPS for each in fields(group)]
    assert len(names) == len(set(names))
    assert all(each.metadata["meaning"] for group in config.GROUPS for each in fields(group))
    assert set(names) >= config.RESUMABLE


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch": 0}, "--batch is at least 1, not 0"),
        ({"test_size": 0.7}, "--test-size is a share between 0 and 0.5"),
        ({"beam": 0}, "--beam is at least 1"),
        ({"dropout": 1.0}, "--dropout is a share"),
        ({"limit": 0}, "--limit is a number of photos from 1"),
        ({"top": 0}, "--top is at least 1, not 0"),
        ({"best_by": "BLEU"}, "--best-by is one of CIDEr, BLEU-4, .*, loss, not BLEU"),
        ({"augment": -1}, "--augment is a number of views from 0"),
        ({"grid": 0}, "--grid is a number of rows and columns from 1, not 0"),
        ({"top_k": 3}, "go with --sample"),
        ({"crops": 3}, "^--crops is one of 1, 2, 4, not 3$"),
        ({"top_p": 1.5, "sample": True}, "--top-p is a share"),
        ({"max_length": 0}, "--max-length is at least 1 word, not 0"),
        ({"no_repeat": -1}, "--no-repeat is a number of words from 0, not -1"),
        ({"vocabulary": 0}, "--vocabulary is at least 1 word, not 0"),
        ({"minimum_count": 0}, "--minimum-count is at least 1, not 0"),
        ({"length_penalty": float("nan")}, "--length-penalty is a number from 0, not nan"),
        ({"language": "english"}, "--language is a code such as en, ko or zh, not 'english'"),
        ({"preset": "inceptiongru"}, "unknown preset 'inceptiongru'; did you mean 'inception-gru'"),
        ({"attention": "hard"}, "^--attention hard does not go with --decoder gru; that has soft$"),
        (
            {"attention": "soft", "preset": "inception-resnet-gru"},
            "^--attention soft does not go with --decoder luong; that has dot or additive$",
        ),
        (
            {"features": "normalised", "decoder": "luong"},
            "^--features normalised goes with --decoder gru$",
        ),
        ({"features": "new"}, "^--features is normalised or raw, not new$"),
        (
            {"attention": "none", "decoder": "lstm", "penalty": 1.0},
            "^--penalty is on attention, and --attention none has none; leave it out$",
        ),
        (
            {"scst": True},
            "^--scst goes on from what was learned from true captions: --from RUN, or --run RUN --resume$",
        ),
        ({"finetune_from": "mixed7"}, "^--finetune-from goes with --finetune-encoder$"),
        (
            {"finetune_encoder": True, "encoder_rate": -0.1},
            r"^--encoder-rate is a learning rate from 0, not -0\.1$",
        ),
    ],
)
def test_wrong_values_are_refused_with_the_option_as_typed(given, message):
    with pytest.raises(UsageError, match=message):
        resolve(given, scenes=False)


def run(*command):
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("script", ["train.py", "evaluate.py", "predict.py"])
def test_help_is_grouped_and_tells_meaning_unit_and_default(script):
    done = run(script, "-h")
    assert done.returncode == 0
    assert "captions kept alive while searching; 1 is greedy" in " ".join(done.stdout.split())
    assert "(default 3)" in done.stdout
    assert "--beam WIDTH" in done.stdout
    if script == "train.py":
        for group in config.GROUPS:
            assert f"\n{group.__doc__}:\n" in done.stdout
            for each in fields(group):
                assert "--" + each.name.replace("_", "-") in done.stdout


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (["train.py", "--batch", "many"], 2, "invalid int value: 'many'"),
        (["train.py", "--bath", "64"], 2, "unrecognized arguments: --bath"),
        (["train.py", "--batch", "0"], 2, "error: --batch is at least 1, not 0"),
        (
            ["train.py", "--scst"],
            2,
            "error: --scst goes on from what was learned from true captions",
        ),
        (["train.py", "--preset", "inception-gruu"], 2, "did you mean 'inception-gru'"),
        (["train.py", "--run", "no-such-run", "--resume"], 1, "error: no run 'no-such-run'"),
        (["evaluate.py", "--run", "no-such-run"], 1, "error: no run 'no-such-run'"),
        (["predict.py", "--run", "tests"], 1, "is not a run folder: it has no config.json"),
        (["predict.py", "--out", "captions.txt"], 2, "--out writes .jsonl or .csv"),
    ],
)
def test_mistakes_are_one_line_on_standard_error(command, status, message):
    done = run(*command)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    if status == 1:
        assert done.stderr.count("\n") == 1


def test_layers_go_with_the_decoder_that_has_them():
    assert resolve({"decoder": "lstm", "layers": 2}, scenes=False).decoding.layers == 2
    with pytest.raises(UsageError, match=r"^--layers 2 goes with --decoder lstm or transformer$"):
        resolve({"layers": 2}, scenes=False)
    with pytest.raises(UsageError, match=r"^--layers is at least 1, not 0$"):
        resolve({"decoder": "lstm", "layers": 0}, scenes=False)
    with pytest.raises(UsageError, match=r"^--penalty is a weight from 0, not -1\.0$"):
        resolve({"penalty": -1.0}, scenes=False)


def test_every_decoder_has_its_ways_of_attention():
    assert ATTENTIONS.keys() == DECODERS.keys()
    for decoder, ways in ATTENTIONS.items():
        assert [
            Settings.from_flat({"decoder": decoder, "attention": way}).decoding.attention
            for way in ways
        ] == list(ways)


@pytest.mark.parametrize(
    ("given", "attention"),
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
def test_attention_left_out_is_the_decoder_s_usual_one(given, attention):
    settings = resolve(given, scenes=False)
    assert settings.decoding.attention == attention
    assert Settings.of_run(settings.flat()) == settings
    older = {name: value for name, value in settings.flat().items() if name != "attention"}
    assert Settings.of_run(older).decoding.attention == (
        attention if "attention" not in given else "dot"
    )


@pytest.mark.parametrize(
    ("given", "features"),
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
def test_features_are_normalised_for_the_gru_and_were_raw_in_older_runs(given, features):
    settings = resolve(given, scenes=False)
    assert settings.decoding.features == features
    older = {name: value for name, value in settings.flat().items() if name != "features"}
    assert Settings.of_run(older).decoding.features == "raw"


def test_an_unknown_decoder_is_left_to_who_knows_them_all():
    assert (
        resolve({"decoder": "gruu", "attention": "hard"}, scenes=False).decoding.decoder == "gruu"
    )


def test_the_penalty_of_a_preset_is_soft_attention_s():
    assert resolve({"preset": "show-attend-tell"}, scenes=False).training.penalty == 0.1
    for attention, penalty in (("soft", 0.1), ("none", 0.0), ("hard", 0.0)):
        settings = resolve({"preset": "show-attend-tell", "attention": attention}, scenes=False)
        assert (settings.decoding.attention, settings.training.penalty) == (attention, penalty)
    with pytest.raises(UsageError, match=r"^--penalty is on attention"):
        resolve({"preset": "show-attend-tell", "attention": "none", "penalty": 0.1}, scenes=False)
    other = {
        "preset": "show-attend-tell",
        "decoder": "luong",
    }  # which sees all locations too, asked for by name or not
    assert [
        resolve(other | more, scenes=False).training.penalty for more in ({}, {"attention": "dot"})
    ] == [0.1, 0.1]


@pytest.mark.parametrize(
    ("way", "wanted"),
    [
        (
            "scst",
            {"epochs": 4, "batch": 120, "learning_rate": 0.0002, "warmup": 50, "best_by": "CIDEr"},
        ),
        ("finetune_encoder", {"epochs": 3, "learning_rate": 0.0001}),
    ],
)
def test_what_a_way_of_going_on_wants_goes_after_what_is_typed_and_before_all_else(way, wanted):
    given = {way: True, "preset": "show-attend-tell", "clip": 1.0}
    flat = resolve(given, scenes=True, continued=True).flat()
    assert flat.items() >= wanted.items()
    assert (flat["clip"], flat["embedding"]) == (1.0, 128)  # of scenes
    typed = given | {"epochs": 9, "learning_rate": 0.5}
    assert resolve(typed, scenes=True, continued=True).flat() == flat | {
        "epochs": 9,
        "learning_rate": 0.5,
    }
    plain = resolve({}, scenes=False, continued=True)
    assert plain == resolve({}, scenes=False)


def test_an_encoder_may_be_trained_from_the_first_epoch_on():
    """At the learning rate of any other run: the smaller one is for decoders that have learned already."""
    settings = resolve({"finetune_encoder": True}, scenes=False)
    assert settings.vision.finetune_encoder
    assert (
        settings.training == Settings.from_flat({"epochs": presets.PHOTOGRAPHS["epochs"]}).training
    )
    with pytest.raises(
        UsageError, match=r"^--scst learns on cached features; use --finetune-encoder before it"
    ):
        resolve({"finetune_encoder": True, "scst": True}, scenes=False, continued=True)


def test_a_classifier_has_settings_of_its_own_and_refuses_those_of_captions():
    settings = resolve({"preset": "classifier", "image_size": 32, "alter": "moved"}, scenes=False)
    assert (settings.classes.trunk, settings.classes.alter, settings.vision.image_size) == (
        "modern",
        "moved",
        32,
    )
    assert settings.training.batch == presets.CLASSIFIER["batch"]
    told = settings.of_a_classifier()
    assert told.keys() == config.OF_A_CLASSIFIER
    assert Settings.from_flat(told | {"encoder": "convnet"}).of_a_classifier() == told
    for name, value in (
        ("beam", 3),
        ("units", 64),
        ("encoder", "convnet"),
        ("format", "csv"),
        ("clip", 5.0),
    ):
        with pytest.raises(
            UsageError,
            match=rf"^--{name}: that is for captions, and a classifier writes none; leave it",
        ):
            resolve({"preset": "classifier", name: value}, scenes=False)
    with pytest.raises(UsageError, match=r"^--augment, --best-by: that is for captions"):
        resolve(
            {"preset": "classifier", "augment": 2, "epochs": 3, "best_by": "loss"}, scenes=False
        )


def test_what_is_of_a_classifier_goes_with_its_preset():
    for given in ({"trunk": "modern"}, {"alter": "none", "preset": "show-attend-tell"}):
        with pytest.raises(UsageError, match=r"^--(trunk|alter) goes with --preset classifier$"):
            resolve(given, scenes=False)
    assert {each.name for each in fields(config.Classes)} < config.OF_A_CLASSIFIER
    assert {each.name for group in config.GROUPS for each in fields(group)} | {
        "preset"
    } > config.OF_A_CLASSIFIER


def test_the_tutorial_s_trunk_is_trained_as_there_unless_something_else_is_typed():
    given = {"preset": "classifier", "trunk": "tutorial"}
    training = resolve(given, scenes=False).training
    assert (
        training.batch,
        training.epochs,
        training.learning_rate,
        training.schedule,
        training.warmup,
    ) == (4, 2, 0.001, "constant", 0)
    assert resolve(given | {"epochs": 9}, scenes=False).training.epochs == 9
    assert resolve(given, scenes=False).classes.alter == "none"


@pytest.mark.parametrize(
    ("given", "least"), [({"encoder": "convnet"}, 16), ({"preset": "classifier"}, 16), ({}, 75)]
)
def test_the_smallest_pictures(given, least):
    assert resolve(given | {"image_size": least}, scenes=False).vision.image_size == least
    with pytest.raises(
        UsageError, match=rf"^--image-size is at least {least} pixels, not {least - 1}$"
    ):
        resolve(given | {"image_size": least - 1}, scenes=False)


def test_a_pretrained_transformer_keeps_its_recipe_on_drawings_and_a_small_one_has_theirs():
    typed = {"preset": "vit-gpt2", "decoder_weights": "gpt2_base_en"}
    photos, drawings = (resolve(typed, scenes=scenes) for scenes in (False, True))
    assert (photos.vision.encoder, drawings.vision.encoder) == ("vit_b16", "convnet")
    assert drawings.training == photos.training
    assert drawings.training.learning_rate == 0.00005
    small = resolve({"preset": "vit-gpt2"}, scenes=True)
    assert (
        small.decoding.decoder_weights,
        small.training.learning_rate,
        small.decoding.layers,
    ) == ("none", 0.001, 3)
    laptop = resolve({"preset": "vit-gpt2", "decoder_weights": "none"}, scenes=False)
    assert (laptop.training.learning_rate, laptop.words.tokenizer, laptop.search.beam) == (
        0.0005,
        "bpe",
        4,
    )


def test_another_decoder_takes_nothing_of_gpt2_s_from_the_preset():
    settings = resolve({"preset": "vit-gpt2", "decoder": "gru"}, scenes=False)
    assert (settings.vision.encoder, settings.search.beam) == ("vit_b16", 4)
    assert settings.decoding == Settings.from_flat({"decoder": "gru"}).decoding
    assert settings.training == Settings().training


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"decoder": "luong", "attention_units": 8},
            "--attention-units does not go with --attention dot",
        ),
        (
            {"decoder": "transformer", "attention_units": 8},
            "--attention-units does not go with --decoder transformer",
        ),
        (
            {"tokenizer": "some/folder", "minimum_count": 2},
            "--minimum-count is for words that are learned from the captions",
        ),
    ],
)
def test_what_would_change_nothing_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        refuse_idle(resolve(given, scenes=False), given)
    additive = resolve({"decoder": "luong", "attention": "additive"}, scenes=False)
    refuse_idle(additive, ["attention_units"])


def test_epochs_of_rewards_follow_true_captions_alone():
    assert resolve({"reward_epochs": 2}, scenes=False).training.reward_epochs == 2
    for given, photos, wanted in (
        ({}, 1000, 24),
        ({"epochs": 2}, 99_999, 6),
        ({}, 999, 0),
        ({"reward_epochs": 2}, 9, 2),
    ):
        assert (
            resolve(given, scenes=False).suited("en", "words", photos).training.reward_epochs
            == wanted
        )
    for given, scenes in (
        ({}, True),
        ({"preset": "show-attend-tell"}, False),
        ({"finetune_encoder": True}, False),
    ):
        assert resolve(given, scenes=scenes).training.reward_epochs == 0
    assert resolve({"scst": True}, scenes=False, continued=True).training.reward_epochs == 0
    with pytest.raises(UsageError, match="--reward-epochs follow epochs on true captions"):
        resolve({"scst": True, "reward_epochs": 2}, scenes=False, continued=True)
