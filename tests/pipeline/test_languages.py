"""Training in Chinese, Japanese and Korean from end to end, on small scenes."""

import csv
import json
import shlex
from pathlib import Path

import pytest

import evaluate
import predict
import train
from config import Data, Settings
from data.text.loading import load_tokenizer
from data.text.tokenizer import SPECIAL_TOKENS
from models.captioner import Captioner
from pipeline import dataset as dataset_step
from pipeline.dataset import read_source, report_seen, split_source
from tests.helpers.scripts import SIZES, SMALL, run_command, scenes_folder

# All but the dataset of SMALL; an encoder with random weights needs no training.
OPTIONS = [
    *SMALL[2:],
    *shlex.split(
        "--encoder convnet --weights none --epochs 1 --augment 0 --reward-epochs 0 "
        "--minimum-count 1"
    ),
]
CAPTIONS = {
    "zh": ("图中有一只狗。", "一只狗，在公园里。"),
    "ja": ("公園に犬がいる。", "犬が公園で遊んでいます。"),
}
CHINESE_RUN = Path("checkpoints/zh")


def write_captions(folder, rows):
    Path(folder).mkdir()
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    Path(folder, "captions.jsonl").write_text("\n".join(lines))


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """Make the current directory, with scenes and a folder of captions for each language."""
    with scenes_folder(tmp_path_factory.mktemp("languages")) as folder:
        with Path("drawn/captions.csv").open(newline="") as file:
            splits = {row["photo"]: row["split"] for row in csv.DictReader(file)}
        for language, captions in CAPTIONS.items():
            rows = []
            for photo, split in splits.items():
                rows.append({"photo": f"../drawn/{photo}", "captions": captions, "split": split})
            write_captions(language, rows)
        yield folder


def run_training(run, *words):
    """Train a run; return what was printed, and its config.json."""
    done = run_command(train, *words, *OPTIONS, "--run", run)
    assert done.status == 0, done.error
    return done, json.loads(Path("checkpoints", run, "config.json").read_text())


def read_tokens(run):
    """Return the tokens of a run's vocabulary, without the special ones."""
    tokenizer = load_tokenizer(Path("checkpoints", run, "vocabulary.json"))
    return set(tokenizer.tokens[len(SPECIAL_TOKENS) :])


def any_photo():
    return next(Path("drawn/photos").iterdir())


@pytest.fixture(scope="module")
def chinese(place):
    return run_training("zh", "--dataset", "zh", "--outside-photos")


def test_chinese_is_written_by_character(chinese):
    done, config = chinese
    assert (config["language"], config["tokenizer"], config["no_repeat"]) == ("zh", "characters", 6)
    letters = set("".join(CAPTIONS["zh"])) - set("，。")
    assert read_tokens("zh") == letters
    number = sum(SIZES.values())
    assert f"photos: {number}; captions: {2 * number}, 2 a photo\nsplits: train " in done.out
    assert "\nlanguage: zh (Chinese, by its letters); captions of characters" in done.out
    assert f"\nvocabulary: {len(letters)} characters" in done.out
    assert "scores count characters; METEOR and SPICE are for English alone" in done.out
    caption = Captioner.load(CHINESE_RUN)(any_photo())
    assert caption.text
    assert " " not in caption.text
    assert caption.words == list(caption.text)
    assert caption.attention.shape[0] == len(caption.words)


@pytest.mark.slow  # a second training; test_warm_start.py and test_train_ways.py do it too
def test_a_run_starts_with_the_words_that_another_knows(chinese):
    done, config = run_training("ja", *shlex.split("--dataset ja --outside-photos --from zh"))
    new, known = read_tokens("ja"), read_tokens("zh")
    line = (
        f"from checkpoints/zh: {len(known)} characters keep their weights, "
        f"{len(new - known)} are new, 0 of checkpoints/zh are gone"
    )
    assert known < new
    assert line in done.out
    assert (config["from"], config["language"], config["units"]) == ("checkpoints/zh", "ja", 32)
    assert config["encoder_weights"] == chinese[1]["encoder_weights"]
    done = run_command(train, *shlex.split("--run ja --resume --epochs 2 --from zh"))
    assert done.status == 0, done.error
    assert "keep their weights" not in done.out  # they are in the checkpoint
    done = run_command(train, *shlex.split("--run ja --resume --epochs 3 --from ja"))
    assert done.status == 2
    assert done.error.startswith("error: --from cannot change")
    assert "it was checkpoints/zh;" in done.error


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("--encoder inception_v3", ["--encoder cannot change", "convnet (got inception_v3)"]),
        ("--units 33", ["--units cannot change", "have 32 (got 33)"]),
        ("--layer pool_3", []),
    ],
)
def test_another_encoder_or_size_is_rejected_with_from(chinese, words, parts):
    common = shlex.split("--dataset zh --outside-photos --from zh --run never --cache cache")
    done = run_command(train, *common, *shlex.split(words))
    assert done.status == 2
    assert done.error.count("\n") == 1
    for part in parts:
        assert part in done.error
    assert not Path("checkpoints/never").exists()


def test_photos_of_the_training_are_noted_in_a_dataset(chinese, capsys):
    """Evaluation has a note, and training from the run a warning."""
    lines = Path("zh/captions.jsonl").read_text().splitlines()
    exchanged = {"train": "test", "test": "train", "val": "val"}
    rows = []
    for row in map(json.loads, lines):
        rows.append(row | {"split": exchanged[row["split"]]})
    write_captions("other", rows)
    words = shlex.split("--run zh --split test")
    done = run_command(evaluate, *words, "--dataset", "other", "--outside-photos")
    number = SIZES["train"]
    line = f"note: {number} of the {number} photos were in the training of checkpoints/zh"
    assert f"{line}: the scores are too good" in done.out
    done = run_command(evaluate, *words)
    assert "too good" not in done.out

    source = read_source(Path("other"), Data(outside_photos=True))
    dataset = split_source(source, Settings.from_flat({"cache": "cache"}))
    capsys.readouterr()
    report_seen(dataset, CHINESE_RUN)
    warnings = capsys.readouterr().err.splitlines()
    for warning, (split, before) in zip(warnings, [("val", "val"), ("test", "train")], strict=True):
        number = SIZES[before]
        line = f"{number} of the {number} photos of {split} were in the training of checkpoints/zh"
        assert warning.startswith(f"warning: {line}")
    seen = (CHINESE_RUN / "seen.json").rename("seen.json")
    report_seen(dataset, CHINESE_RUN)
    seen.rename(CHINESE_RUN / "seen.json")
    warning = capsys.readouterr().err
    assert warning.startswith("warning: checkpoints/zh does not say which photos")


def test_evaluation_does_not_search_for_look_alikes(chinese, monkeypatch):
    """Only training does: the search takes long."""

    def fail(_dataset):
        raise AssertionError("photos were compared")

    monkeypatch.setattr(dataset_step, "find_look_alikes", fail)
    done = run_command(evaluate, "--run", "zh", "--split", "test")
    assert done.status == 0, done.error


@pytest.mark.slow  # a third training; test_byte_pairs.py tests pieces and words by themselves
def test_korean_is_written_in_pieces_that_make_words(place):
    words = "--dataset drawn --language ko --tokenizer bpe --vocabulary 150"
    _, config = run_training("ko", *shlex.split(words))
    assert (config["language"], config["tokenizer"], config["no_repeat"]) == ("ko", "bpe", 5)
    tokenizer = load_tokenizer(Path("checkpoints/ko/vocabulary.json"))
    assert (tokenizer.kind, len(tokenizer)) == ("bpe", 150 + len(SPECIAL_TOKENS))
    caption = Captioner.load("checkpoints/ko")(any_photo())
    assert caption.text == " ".join(caption.words)
    assert caption.attention.shape[0] == len(caption.words)
    assert caption.attention.sum(axis=1) == pytest.approx(1, abs=1e-4)
    done = run_command(evaluate, *shlex.split("--run ko --split test --json ko.json"))
    assert "scores count words; METEOR and SPICE are for English alone" in done.out
    assert json.loads(Path("ko.json").read_text())["METEOR"] is None
    done = run_command(predict, *shlex.split("--run ko --number 1 --seed 0"))
    assert done.status == 0
    assert "true: " in done.out
