"""What `python -m tools.runs` tells of runs: a list, two side by side, JSON."""

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from config import Settings
from tests.helpers.scripts import ROOT, started, typed
from tools import runs as run_list
from utils import runs
from utils.files import format_bytes, write_json, write_text

FOUND = {
    "fingerprint": {"name": "convnet"},
    "encoder_weights": "cache/convnet/a.weights.h5",
    "from": None,
}
ROW = {
    "loss": 2.5,
    "val_loss": 3.0,
    "Top5": 0.5,
    "forced_Bleu_4": 0.2,
    "Bleu_4": 0.25,
    "CIDEr": 0.75,
}
SCORES = {"Bleu_4": 0.125, "CIDEr": 0.5, "METEOR": None, "images": 8, "split": "test"}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder where no run is yet."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def minute(number):
    return datetime(2026, 5, 4, 3, number).timestamp()


def made(name, *, at, rows=2, kept=2, scores=SCORES, test=("a.jpg",), **changes):
    """A run that began at this minute of a day; its epochs have CIDEr 0.75, 1.75 …"""
    run = Path(name) if "/" in name else Path("checkpoints", name)
    settings = (
        Settings.from_flat({"dataset": "photos", "language": "en", "epochs": 3} | changes).flat()
        | FOUND
    )
    runs.write_config(run, settings | {"written": minute(at)})
    runs.write_history(
        run, [{"epoch": epoch} | ROW | {"CIDEr": epoch - 0.25} for epoch in range(1, rows + 1)]
    )
    write_json(run / "splits.json", {"train": ["t.jpg"], "val": ["v.jpg"], "test": list(test)})
    for epoch in range(1, kept + 1):
        write_text(run / f"best/ckpt-{epoch}.index", "")
    if scores:
        write_json(run / "scores.json", scores)
    return run


def classifier(name, *, at):
    saved = Settings.from_flat(
        {"preset": "classifier", "dataset": "pets", "epochs": 1}
    ).of_a_classifier()
    run = Path("checkpoints", name)
    runs.write_config(
        run,
        saved
        | {
            "classes": ["cat", "dog"],
            "image_size": 32,
            "encoder": "convnet",
            "written": minute(at),
        },
    )
    runs.write_history(
        run, [{"epoch": 1, "loss": 0.7, "accuracy": 0.5, "val_loss": 0.6, "val_accuracy": 0.625}]
    )
    write_text(run / "best/ckpt-1.index", "")
    write_json(
        run / "scores.json", {"accuracy": 0.75, "accuracy_per_class": {"cat": 1.0}, "split": "val"}
    )
    return run


def lines(*words):
    done = typed(run_list, *words)
    assert (done.status, done.error) == (0, "")
    return done.out.splitlines()


def cells(line):
    """The cells of a line, which two spaces or more divide."""
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_no_run():
    assert lines() == [
        f"no run in {Path.cwd() / 'checkpoints'} yet; make one with: python train.py"
    ]


def test_a_copy_of_a_run_has_its_date():
    made("one", at=1)
    made("two", at=2)
    shutil.copytree("checkpoints/one", "checkpoints/again")
    assert [cells(line)[:2] for line in lines()[1:]] == [
        ["two", "2026-05-04 03:02"],
        ["one", "2026-05-04 03:01"],
        ["again", "2026-05-04 03:01"],
    ]
    file = Path("checkpoints/two/config.json")
    write_json(
        file,
        {name: value for name, value in json.loads(file.read_text()).items() if name != "written"},
    )
    os.utime(file, (minute(0),) * 2)  # of an older run the file's date
    assert [cells(line)[0] for line in lines()[1:]] == ["one", "again", "two"]


def test_runs_are_listed_the_newest_first():
    made("old", at=1, dataset="datasets/mine/captions.csv")
    made(
        "new",
        at=9,
        preset="show-attend-tell",
        best_by="BLEU-4",
        kept=1,
        scores=SCORES | {"split": "val"},
    )
    made("cut", at=5, rows=1, kept=0, scores=None)
    classifier("pets", at=7)
    write_text(Path("checkpoints/new/more"), "." * 20_000_000)
    Path("checkpoints/no run").mkdir()
    told = [cells(line) for line in lines()]
    assert told[0] == [
        "run",
        "date",
        "preset",
        "dataset",
        "epochs",
        "best on val",
        "on test",
        "size",
    ]
    assert told[1] == [
        "new",
        "2026-05-04 03:09",
        "show-attend-tell",
        "photos",
        "2/3",
        "BLEU-4 0.250",
        "CIDEr 0.500",
        "BLEU-4 0.125 (val)",
        "20 MB",
    ]
    assert told[2][:-1] == [
        "pets",
        "2026-05-04 03:07",
        "classifier",
        "pets",
        "1/1",
        "accuracy 0.625",
        "accuracy 0.750 (val)",
    ]
    assert told[3][:-1] == [
        "cut",
        "2026-05-04 03:05",
        "inception-gru",
        "photos",
        "1/3",
        "–",
        "unfinished",
    ]
    assert told[4][:-1] == [
        "old",
        "2026-05-04 03:01",
        "inception-gru",
        "mine/captions.csv",
        "2/3",
        "CIDEr 1.750",
        "CIDEr 0.500",
        "BLEU-4 0.125",
    ]
    assert len(told) == 5


def test_the_list_shows_the_epoch_that_is_kept_and_not_the_last():
    made("one", at=1, rows=3, kept=1)
    assert "CIDEr 0.750" in lines()[1]
    made("one", at=1, rows=3, kept=1, best_by="loss")
    assert "loss 3.000" in lines()[1]


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"version": 1}', '{"version": 9}', '{"model_type": "x"}']
)
def test_a_damaged_run_hides_no_other(content):
    made("whole", at=1)
    write_text(Path("checkpoints/bad/config.json"), content)
    done = typed(run_list)
    assert done.status == 0
    assert [cells(line)[0] for line in done.out.splitlines()] == ["run", "bad", "whole"]
    assert "damaged" in done.out.splitlines()[1]
    assert (
        done.error.startswith("warning: ")
        and "checkpoints/bad" in done.error
        and done.error.count("\n") == 1
    )
    done = typed(run_list, "bad", "whole")
    assert (done.status, done.out) == (1, "")
    assert "checkpoints/bad" in done.error


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", {"epochs": "many"}),
        ("config.json", {"dataset": ["a"]}),
        ("history.jsonl", [1]),
    ],
)
def test_what_is_of_another_kind_than_it_should_be_hides_no_run(file, content):
    run = made("one", at=2)
    made("other", at=1)
    if file == "config.json":
        content = json.loads((run / file).read_text()) | content
    write_text(run / file, json.dumps(content) + "\n")
    done = typed(run_list)
    assert done.status == 0
    assert done.error.startswith("warning: checkpoints/one is damaged (")
    assert [cells(line)[0] for line in done.out.splitlines()] == ["run", "one", "other"]


def test_settings_that_cannot_be_and_damaged_scores_hide_no_run():
    run = made("one", at=2)
    write_json(run / "config.json", json.loads((run / "config.json").read_text()) | {"epochs": 0})
    made("other", at=1)
    write_text(Path("checkpoints/other/scores.json"), "{")
    done = typed(run_list)
    assert done.error == "warning: checkpoints/one: --epochs is at least 1, not 0\n"
    assert "unfinished" in done.out.splitlines()[2]


def test_runs_elsewhere():
    made("elsewhere/a", at=1)
    made("here", at=2)
    assert [cells(line)[0] for line in lines("--runs", "elsewhere")] == ["run", "elsewhere/a"]
    assert cells(lines("elsewhere/a", "here")[0]) == ["elsewhere/a", "here"]
    done = typed(run_list, "--runs", "nowhere")
    assert (done.status, done.error) == (
        1,
        "error: no folder nowhere; --runs names one with run folders in it\n",
    )


def test_two_runs_side_by_side():
    made("one", at=1, units=256)
    made("other", at=2, dropout=0.1, scores=SCORES | {"CIDEr": 0.625}, rows=1, kept=1)
    told = lines("one", "other")
    start, best, end = (
        next(place for place, line in enumerate(told) if line.startswith(title))
        for title in ("settings", "the best epoch, on val", "scores at the end")
    )
    assert [cells(line) for line in told[: start - 1]] == [
        ["one", "other"],
        ["date", "2026-05-04 03:01", "2026-05-04 03:02"],
        ["state", "finished", "finished"],
        ["epochs", "2/3", "1/3"],
    ]
    assert told[start].startswith(
        f"settings ({len(lines('one', 'other', '--all')) - len(told)} more are the same: --all)"
    )
    assert [cells(line) for line in told[start + 1 : best]] == [
        ["units", "256", "512"],
        ["dropout", "0.4", "0.1"],
    ]
    assert [cells(line) for line in told[best + 1 : end]] == [
        ["epoch", "2", "1"],
        ["training loss", "2.500", "2.500"],
        ["loss", "3.000", "3.000"],
        ["top-5 accuracy", "0.500", "0.500"],
        ["teacher-forced BLEU-4", "0.200", "0.200"],
        ["BLEU-4", "0.250", "0.250"],
        ["CIDEr", "1.750", "0.750"],
    ]
    assert [cells(line) for line in told[end + 1 :]] == [
        ["BLEU-4", "0.125", "0.125"],
        ["CIDEr", "0.500", "0.625"],
        ["images", "8", "8"],
        ["split", "test", "test"],
    ]


@pytest.mark.parametrize("change", [{"test": ["b.jpg"]}, {"dataset": "others"}, {"language": "ko"}])
def test_runs_that_were_scored_on_other_photos_are_told_of(change):
    made("one", at=1)
    made("other", at=2)
    assert "note:" not in "\n".join(lines("one", "other"))
    made("other", at=2, **change)
    assert lines("one", "other")[-1] == (
        "note: these runs were not scored on the same photos and captions, so their scores need not compare"
    )


def test_one_run_alone_shows_all_its_settings_and_one_begun_has_no_scores():
    made("one", at=1, rows=0, kept=0, scores=None)
    told = [cells(line) for line in lines("one")]
    assert (
        ["settings"] in told
        and ["beam", "3"] in told
        and ["limit", "–"] in told
        and ["strict", "no"] in told
    )
    assert ["encoder_weights", "cache/convnet/a.weights.h5"] in told
    assert told[-1] == ["from", "–"]
    assert not any(line[0] == "trunk" for line in told)  # a classifier's


def test_a_classifier_beside_a_captioner_has_none_of_its_settings():
    made("one", at=1)
    classifier("pets", at=2)
    told = lines("one", "pets")
    column = told[0].index("pets")
    settings = {
        line[:column].split()[0]: (line[:column].split()[1:], line[column:].split())
        for line in told[1:]
    }
    assert settings["decoder"] == (["gru"], [])
    assert settings["trunk"] == ([], ["modern"])
    assert settings["preset"] == (["inception-gru"], ["classifier"])


def test_a_model_of_hugging_face_beside_a_run():
    made("one", at=1)
    told = [cells(line) for line in lines(f"hf:{ROOT}/tests/fixtures/vit_gpt2", "one")]
    assert ["state", "–", "finished"] in told
    assert ["decoder", "transformer", "gru"] in told
    assert ["batch", "64"] in told  # the run's: of its own training the model says nothing


def test_json_has_all_of_it():
    made("one", at=1)
    write_text(Path("checkpoints/bad/config.json"), "{")
    assert typed(run_list, "--json", "out/runs.json").status == 0
    bad, one = json.loads(Path("out/runs.json").read_text())
    assert (one["run"], one["state"], one["epochs"], one["best_epoch"]) == ("one", "finished", 2, 2)
    assert one["settings"].items() >= {"beam": 3, "dataset": "photos", "from": None}.items()
    assert (
        one["best"]["CIDEr"] == 1.75
        and one["scores"] == SCORES
        and one["folder"] == "checkpoints/one"
    )
    assert datetime.fromisoformat(one["date"]) == datetime(2026, 5, 4, 3, 1).astimezone()
    assert one["bytes"] == sum(
        file.stat().st_size for file in Path("checkpoints/one").rglob("*") if file.is_file()
    )
    assert (bad["state"], bad["settings"], bad["scores"]) == ("damaged", {}, None)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["nothing"], 1, "error: no run 'nothing' in "),
        (["--all"], 2, "error: --all goes with the names of runs\n"),
        (["one", "--runs", "checkpoints"], 2, "error: --runs names a folder to list; "),
        (["--json", "checkpoints/one/config.json/x"], 1, "error: cannot write to "),
    ],
)
def test_mistakes_are_refused_in_one_line(words, status, told):
    made("one", at=1)
    done = typed(run_list, *words)
    assert (done.status, done.out) == (status, "")
    assert done.error.startswith(told) and done.error.count("\n") == 1


def test_it_is_typed_as_a_module_and_needs_no_tensorflow(place):
    made("one", at=1)
    code = (
        "import sys; from tools import runs as run_list; sys.argv[1:] = ['one']; run_list.main(); "
        "assert 'tensorflow' not in sys.modules"
    )
    assert started("-c", code, PYTHONPATH=str(ROOT)).error == ""
    done = started("-m", "tools.runs", PYTHONPATH=str(ROOT))
    assert (done.status, done.error) == (0, "")
    assert [cells(line)[0] for line in done.out.splitlines()] == ["run", "one"]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (9_960, "10 kB"),
        (58_400_000, "58 MB"),
        (999_600_000, "1.0 GB"),
        (12_345_000_000, "12 GB"),
    ],
)
def test_sizes_for_people(number, told):
    assert format_bytes(number) == told
