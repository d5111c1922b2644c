"""Settings: bounds, rules, and the command lines made of them."""

import re
from dataclasses import MISSING, fields

import pytest

import config
import evaluate
import predict
import presets
import train
from config import ATTENTIONS, Settings
from models.decoders import DECODERS
from models.encoders import ENCODERS
from tests.helpers.scripts import ROOT, run_command, run_process
from tests.helpers.settings import choose_settings
from utils.command_line import option_name
from utils.errors import UsageError

SCRIPTS = {"train.py": train, "evaluate.py": evaluate, "predict.py": predict}


def test_names_are_unique_and_each_has_a_help_text():
    names = [each.name for group in config.GROUPS for each in fields(group)]
    assert len(names) == len(set(names))
    assert all(each.metadata["help"] for group in config.GROUPS for each in fields(group))
    assert set(names) >= config.RESUMABLE
    assert {*names, "preset"} == config.SETTING_NAMES


def test_help_texts_are_short():
    """At most 90 characters, with the default."""
    long = []
    for group in config.GROUPS:
        for each in fields(group):
            text = each.metadata["help"]
            if each.default not in (None, False, True, MISSING):
                text += f" (default {each.default})"
            if len(text) > 90:
                long.append(f"{each.name}: {len(text)}")
    assert long == []


def test_the_names_of_networks_are_those_of_the_registries():
    assert set(config.ENCODERS) == set(ENCODERS)
    assert ATTENTIONS.keys() == DECODERS.keys() == presets.DECODERS.keys()
    for name, ways in ATTENTIONS.items():
        assert presets.DECODERS[name]["attention"] == ways[0]


def test_settings_survive_config_json():
    settings = choose_settings({"batch": 32, "top_k": 5, "sample": True}, scenes=True)
    again = Settings.from_config(settings.flat() | {"fingerprint": "abc"})
    assert again == settings
    saved = settings.flat() | {"origins": dict(settings.origins)}
    assert Settings.from_config(saved).origins == settings.origins


def test_replaced_values_know_where_they_came_from():
    settings = Settings().replace("the captions", language="ko", max_length=9)
    assert (settings.data.language, settings.words.max_length) == ("ko", 9)
    assert settings.origins == {"language": "the captions", "max_length": "the captions"}
    assert settings.replace("run a", language="ja").origins["language"] == "run a"


@pytest.mark.parametrize(
    ("options", "option", "bounds", "value"),
    [
        ({"batch": 0}, "--batch", "at least 1", "0"),
        ({"test_size": 0.7}, "--test-size", "above 0 and below 0.5", "0.7"),
        ({"beam": 0}, "--beam", "at least 1", "0"),
        ({"dropout": 1.0}, "--dropout", "at least 0 and below 1", "1.0"),
        ({"limit": 0}, "--limit", "at least 1", "0"),
        ({"top": 0}, "--top", "at least 1", "0"),
        ({"best_by": "BLEU"}, "--best-by", "one of CIDEr, BLEU-4", "BLEU"),
        ({"augment": -1}, "--augment", "at least 0", "-1"),
        ({"grid": 0}, "--grid", "at least 1", "0"),
        ({"crops": 3}, "--crops", "one of 1, 2, 4", "3"),
        ({"top_p": 1.5, "sample": True}, "--top-p", "above 0 and at most 1", "1.5"),
        ({"max_length": 0}, "--max-length", "at least 1", "0"),
        ({"no_repeat": -1}, "--no-repeat", "at least 0", "-1"),
        ({"vocabulary": 0}, "--vocabulary", "at least 1", "0"),
        ({"minimum_count": 0}, "--minimum-count", "at least 1", "0"),
        ({"length_penalty": float("nan")}, "--length-penalty", "at least 0", "nan"),
        ({"learning_rate": float("inf")}, "--learning-rate", "above 0", "inf"),
        ({"seed": 2**32}, "--seed", "at least 0 and at most 4294967295", "4294967296"),
        ({"language": "english"}, "--language", "a code such as en, ko or zh", "english"),
        ({"features": "new"}, "--features", "one of normalised, raw", "new"),
        ({"finetune_encoder": True, "encoder_rate": -0.1}, "--encoder-rate", "at least 0", "-0.1"),
        ({"decoder": "lstm", "layers": 0}, "--layers", "at least 1", "0"),
        ({"penalty": -1.0}, "--penalty", "at least 0", "-1.0"),
        ({"epochs": "many"}, "--epochs", "a number", "many"),
        ({"image_size": 74, "encoder": "inception_v3"}, "--image-size", "at least 75", "74"),
        ({"image_size": 15, "encoder": "convnet"}, "--image-size", "at least 16", "15"),
    ],
)
def test_a_value_out_of_bounds_is_rejected(options, option, bounds, value):
    with pytest.raises(UsageError) as caught:
        Settings.from_flat(options)
    message = str(caught.value)
    assert message.startswith(f"{option} must be {bounds}")
    assert message.endswith(f"(got {value})")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"top_k": 3}, ("--top-k", "--sample")),
        ({"temperature": 2.0}, ("--temperature", "--sample")),
        ({"attention": "hard"}, ("--attention hard", "--decoder gru", "soft")),
        ({"attention": "soft", "decoder": "luong"}, ("--attention soft", "dot or additive")),
        ({"features": "normalised", "decoder": "luong"}, ("--features normalised", "gru")),
        ({"attention": "none", "decoder": "lstm", "penalty": 1.0}, ("--penalty", "none")),
        ({"finetune_from": "mixed7"}, ("--finetune-from", "--finetune-encoder")),
        ({"encoder_rate": 0.5}, ("--encoder-rate", "--finetune-encoder")),
        ({"layers": 2}, ("--layers 2", "lstm or transformer")),
        ({"heads": 2}, ("--heads 2", "transformer")),
        ({"decoder_weights": "gpt2_base_en"}, ("--decoder-weights", "transformer")),
        ({"extra_weights": "none"}, ("--extra-weights none", "transformer")),
        ({"decoder": "transformer", "units": 30, "heads": 8}, ("--units", "--heads", "30", "8")),
        ({"baseline": "greedy"}, ("--baseline greedy", "--scst", "--reward-epochs")),
        ({"scst": True, "finetune_encoder": True}, ("--scst", "--finetune-encoder")),
        ({"reward_epochs": 2, "finetune_encoder": True}, ("--reward-epochs", "--finetune")),
    ],
    ids=str,
)
def test_settings_that_do_not_go_together_are_rejected(options, named):
    with pytest.raises(UsageError) as caught:
        Settings.from_flat(options)
    for name in named:
        assert name in str(caught.value)


def test_the_smallest_picture_depends_on_the_encoder():
    for encoder, smallest in (("convnet", 16), ("resnet101", 75)):
        options = {"encoder": encoder, "image_size": smallest}
        assert Settings.from_flat(options).vision.image_size == smallest


def test_an_unknown_setting_is_rejected_with_the_nearest():
    with pytest.raises(UsageError, match="unknown setting 'bath'; did you mean 'batch'"):
        Settings.from_flat({"bath": 3})


def test_a_classifier_keeps_its_own_settings():
    settings = choose_settings({"preset": "classifier", "image_size": 32, "alter": "moved"})
    assert (settings.classes.trunk, settings.classes.alter) == ("modern", "moved")
    own = settings.for_classifier()
    assert own.keys() == config.CLASSIFIER_SETTINGS
    assert Settings.from_flat(own | {"encoder": "convnet"}).for_classifier() == own
    for_classes = {each.name for each in fields(config.Classes)}
    assert for_classes < config.CLASSIFIER_SETTINGS < config.SETTING_NAMES


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_shows_text_unit_and_default(script):
    done = run_command(SCRIPTS[script], "-h")
    assert (done.status, done.error) == (0, "")
    text = " ".join(done.out.split())
    default = "5" if script == "train.py" else "the run's own"
    assert f"--beam WIDTH width of the beam search; 1 is greedy (default: {default})" in text
    if script == "train.py":
        for group in config.GROUPS:
            assert f"\n{group.__doc__}:\n" in done.out
            for each in fields(group):
                assert option_name(each.name) in done.out


def read_help(script):
    """Return the help of each option, on one line, by its name."""
    parts = re.split(r"^  (?=--[a-z])", run_command(SCRIPTS[script], "-h").out, flags=re.MULTILINE)
    return {part.split()[0]: " ".join(part.split()) for part in parts[1:]}


def test_help_says_what_photographs_and_scenes_get():
    texts = read_help("train.py")
    for option, default in {
        "--epochs": "photographs 8; scenes 5",
        "--crops": "photographs 4; scenes 1",
        "--encoder": "photographs inception_v3; scenes convnet",
        "--augment": "photographs 1 to 7 by number; scenes 1",
        "--learning-rate": "photographs 0.001; scenes 0.002",
        "--attention-units": "128",
        "--beam": "5",
    }.items():
        assert f"(default: {default})" in texts[option]
    assert "(default 64)" in texts["--batch"]


@pytest.mark.parametrize("scenes", [False, True])
def test_the_defaults_in_the_help_are_those_of_a_run(scenes):
    chosen = choose_settings({}, scenes=scenes).flat()
    kind = "scenes" if scenes else "photographs"
    for name, text in presets.describe_defaults(Settings().flat()).items():
        parts = dict(part.split(" ", 1) for part in text.split("; ") if ";" in text)
        if chosen[name] is not None:  # None follows from the number of photos
            assert str(chosen[name]) == parts.get(kind, text), name


@pytest.mark.parametrize("script", ["evaluate.py", "predict.py"])
def test_help_shows_no_default_that_the_run_does_not_use(script):
    texts = read_help(script)
    for each in fields(config.Search):
        assert "(default: the run's own)" in texts[option_name(each.name)]
    if script == "evaluate.py":
        for option in ("--dataset", "--cache", "--format"):
            assert "(default: the run's own)" in texts[option]


def test_help_says_what_scores_need_java(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    text = " ".join(run_command(evaluate, "-h").out.split())
    assert "METEOR and SPICE need Java on the PATH (here: not found)" in text
    assert "SPICE also needs stanford-corenlp-3.6.0.jar and" in text
    assert "/pycocoevalcap/spice/lib" in text


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (["train.py", "--batch", "many"], 2, "--batch must be a whole number (got many)"),
        (["train.py", "--bath", "64"], 2, "no option --bath; did you mean --batch?"),
        (
            ["train.py", "--decoder-units", "64"],
            2,
            "no option --decoder-units; did you mean --decoder?",
        ),
        (["train.py", "--batch", "0"], 2, "error: --batch must be at least 1 (got 0)"),
        (["train.py", "--scst"], 2, "error: --scst needs --from RUN, or --run RUN with --resume"),
        (["train.py", "--preset", "inception-gruu"], 2, "did you mean 'inception-gru'"),
        (["train.py", "--run", "no-such-run", "--resume"], 1, "error: no run 'no-such-run'"),
        (["evaluate.py", "--run", "no-such-run"], 1, "error: no run 'no-such-run'"),
        (["predict.py", "--run", "tests"], 1, "is not a run folder: it has no config.json"),
        (["predict.py", "--out", "captions.txt"], 2, "--out must end in .jsonl or .csv"),
    ],
)
def test_mistakes_are_one_line_on_standard_error(command, status, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    script, *words = command
    done = run_command(SCRIPTS[script], *words)
    assert done.status == status
    assert message in done.error
    assert done.error.count("\n") == 1


def test_a_mistake_ends_the_process_with_its_status():
    done = run_process(ROOT / "train.py", "--batch", "0")
    assert done.status == 2
    assert done.error == "error: --batch must be at least 1 (got 0)\n"
