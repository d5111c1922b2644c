"""Training and captioning in Chinese, Japanese and Korean from end to end, and a run begun from another; on small scenes."""

import csv
import json
from pathlib import Path

import pytest

import evaluate
import predict
import train
from config import Data, Settings
from data.photos.hashes import PhotoHashes
from data.text.loading import load_tokenizer
from data.text.tokenizer import SPECIAL_TOKENS
from models.captioner import Captioner
from pipeline import dataset as stages
from tests.helpers.scripts import SIZES, SMALL, scenes_folder, typed

OPTIONS = [
    *SMALL[2:],
    "--weights",
    "none",
    "--encoder",
    "convnet",
    "--augment",
    "0",
    "--reward-epochs",
    "0",
    "--minimum-count",
    "1",
]
OPTIONS[OPTIONS.index("--epochs") + 1] = "1"
SAID = {
    "zh": ("图中有一只狗。", "一只狗，在公园里。"),
    "ja": ("公園に犬がいる。", "犬が公園で遊んでいます。"),
}


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("languages")) as folder:
        with Path("drawn/captions.csv").open(newline="") as file:
            splits = {row["photo"]: row["split"] for row in csv.DictReader(file)}
        for language, captions in SAID.items():
            rows = [
                {"photo": f"../drawn/{photo}", "captions": captions, "split": split}
                for photo, split in splits.items()
            ]
            Path(language).mkdir()
            Path(language, "captions.jsonl").write_text(
                "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
            )
        yield folder


def trained(run, *words):
    done = typed(train, *words, *OPTIONS, "--run", run)
    assert done.status == 0, done.error
    return done, json.loads(Path("checkpoints", run, "config.json").read_text())


@pytest.fixture(scope="module")
def chinese(place):
    return trained("zh", "--dataset", "zh", "--outside-photos")


def test_chinese_is_written_by_character(chinese):
    done, config = chinese
    assert [config[name] for name in ("language", "tokenizer", "no_repeat")] == [
        "zh",
        "characters",
        6,
    ]
    letters = set("".join(SAID["zh"])) - set("，。")
    assert (
        set(load_tokenizer(Path("checkpoints/zh/vocabulary.json")).tokens[len(SPECIAL_TOKENS) :])
        == letters
    )
    photos = sum(SIZES.values())
    assert f"photos: {photos}; captions: {2 * photos}, 2 a photo\nsplits: train " in done.out
    assert (
        "\nlanguage: zh (Chinese, by its letters); captions of characters (what suits it"
        in done.out
    )
    assert f"\nvocabulary: {len(letters)} characters of the training captions" in done.out
    assert "note: scores count characters; METEOR and SPICE are for English alone" in done.out
    caption = Captioner.load("checkpoints/zh")(next(Path("drawn/photos").iterdir()))
    assert caption.text and " " not in caption.text
    assert caption.words == list(caption.text)
    assert caption.attention.shape[0] == len(caption.words)


@pytest.mark.slow  # a second training; test_warm_start.py and test_scripts_ways.py begin from others too
def test_a_run_begins_from_another_with_the_words_that_both_know(chinese):
    done, config = trained("ja", "--dataset", "ja", "--outside-photos", "--from", "zh")
    ours, theirs = (
        set(
            load_tokenizer(Path("checkpoints", run, "vocabulary.json")).tokens[
                len(SPECIAL_TOKENS) :
            ]
        )
        for run in ("ja", "zh")
    )
    told = (
        f"from checkpoints/zh: {len(ours & theirs)} characters are known there and keep their weights, "
        f"{len(ours - theirs)} start fresh, {len(theirs - ours)} of checkpoints/zh are gone"
    )
    assert ours & theirs and told in done.out
    assert (config["from"], config["language"], config["units"]) == ("checkpoints/zh", "ja", 32)
    assert config["encoder_weights"] == chinese[1]["encoder_weights"]
    again = typed(train, "--run", "ja", "--resume", "--epochs", "2", "--from", "zh")
    assert again.status == 0, again.error
    assert "keep their weights" not in again.out  # they are in the checkpoint
    refused = typed(train, "--run", "ja", "--resume", "--epochs", "3", "--from", "ja")
    assert refused.status == 2
    assert (
        refused.error
        == "error: --from cannot change when a run is resumed: it was 'checkpoints/zh'; start a new run\n"
    )


def test_a_run_cannot_begin_from_one_that_saw_otherwise(chinese):
    refused = typed(train, "--dataset", "zh", "--from", "zh", "--encoder", "inception_v3")
    assert refused.status == 2
    assert refused.error == (
        "error: --encoder inception_v3: checkpoints/zh was trained on what convnet sees; leave "
        "--encoder out\n"
    )
    refused = typed(
        train,
        "--dataset",
        "zh",
        "--outside-photos",
        "--from",
        "zh",
        "--units",
        "33",
        "--run",
        "wider",
        "--cache",
        "cache",
    )
    assert refused.status == 2
    assert (
        refused.error
        == "error: --units 33: the weights of checkpoints/zh are of 32; leave it out\n"
    )
    refused = typed(
        train,
        "--dataset",
        "zh",
        "--outside-photos",
        "--from",
        "zh",
        "--layer",
        "pool_3",
        "--run",
        "nearer",
    )
    assert refused.status != 0 and refused.error.count("\n") == 1
    assert not Path("checkpoints/wider").exists() and not Path("checkpoints/nearer").exists()


def test_photos_that_a_run_has_learned_from_are_told(chinese, capsys):
    rows = [json.loads(line) for line in Path("zh/captions.jsonl").read_text().splitlines()]
    other = {"train": "test", "test": "train", "val": "val"}
    Path("other").mkdir()
    Path("other/captions.jsonl").write_text(
        "\n".join(json.dumps(row | {"split": other[row["split"]]}) for row in rows)
    )
    done = typed(
        evaluate, "--run", "zh", "--dataset", "other", "--outside-photos", "--split", "test"
    )
    number = SIZES["train"]
    assert (
        f"note: {number} of the {number} photos were in the training of checkpoints/zh: the scores are too"
        in done.out
    )
    done = typed(evaluate, "--run", "zh", "--split", "test")
    assert "too good" not in done.out
    known = stages.prepare(
        stages.read_source(Path("other"), Data(outside_photos=True)),
        Settings(),
        PhotoHashes(Path("cache/photos.json")),
    )
    capsys.readouterr()
    stages.report_seen(known, Path("checkpoints/zh"))
    assert capsys.readouterr().err == "".join(
        f"warning: {SIZES[before]} of the {SIZES[before]} photos of {split} were in the training of checkpoints/zh; their "
        "scores will be too good\n"
        for split, before in (("val", "val"), ("test", "train"))
    )
    Path("checkpoints/zh/seen.json").rename("seen.json")
    stages.report_seen(known, Path("checkpoints/zh"))
    Path("seen.json").rename("checkpoints/zh/seen.json")
    assert capsys.readouterr().err.startswith(
        "warning: checkpoints/zh does not say which photos it learned from"
    )


@pytest.mark.slow  # a third training; pieces and words are tested by themselves in test_tokenizer.py
def test_korean_is_written_in_pieces_that_make_words(place):
    _, config = trained(
        "ko", "--dataset", "drawn", "--language", "ko", "--tokenizer", "bpe", "--vocabulary", "150"
    )
    assert (config["language"], config["tokenizer"], config["no_repeat"]) == ("ko", "bpe", 5)
    tokenizer = load_tokenizer(Path("checkpoints/ko/vocabulary.json"))
    assert (tokenizer.kind, len(tokenizer)) == ("bpe", 150 + len(SPECIAL_TOKENS))
    caption = Captioner.load("checkpoints/ko")(next(Path("drawn/photos").iterdir()))
    assert caption.text == " ".join(caption.words)
    assert caption.attention.shape[0] == len(caption.words)
    assert caption.attention.sum(axis=1) == pytest.approx(1, abs=1e-4)
    result = typed(evaluate, "--run", "ko", "--split", "test", "--json", "ko.json")
    assert "note: scores count words; METEOR and SPICE are for English alone" in result.out
    assert json.loads(Path("ko.json").read_text())["METEOR"] is None
    shown = typed(predict, "--run", "ko", "--number", "1", "--seed", "0")
    assert shown.status == 0 and "true: " in shown.out
