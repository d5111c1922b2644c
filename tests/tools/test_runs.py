"""`python -m tools.runs` lists runs, compares them, and writes them as JSON."""

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from config import Settings
from tests.helpers.scripts import ROOT, run_command, run_process
from tools import runs as run_list
from utils import runs
from utils.files import write_json, write_text

FACTS = {
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
def folder(tmp_path, monkeypatch):
    """A folder without runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def at_minute(number):
    return datetime(2026, 5, 4, 3, number).timestamp()


def make_run(name, *, minute, rows=2, kept=2, scores=SCORES, test=("a.jpg",), **changes):
    """Make a run that started at this minute; its epochs have CIDEr 0.75, 1.75 and so on."""
    run = Path(name) if "/" in name else Path("checkpoints", name)
    given = {"dataset": "photos", "language": "en", "epochs": 3} | changes
    config = Settings.from_flat(given).flat() | FACTS
    config["written"] = at_minute(minute)
    runs.write_config(run, config)
    history = []
    for epoch in range(1, rows + 1):
        history.append({"epoch": epoch} | ROW | {"CIDEr": epoch - 0.25})
        if epoch <= kept:
            write_text(run / f"best/ckpt-{epoch}.index", "")
    runs.write_history(run, history)
    write_json(run / "splits.json", {"train": ["t.jpg"], "val": ["v.jpg"], "test": list(test)})
    if scores:
        write_json(run / "scores.json", scores)
    return run


def make_classifier(name, *, minute):
    given = {"preset": "classifier", "dataset": "pets", "epochs": 1}
    config = Settings.from_flat(given).for_classifier()
    config |= {"classes": ["cat", "dog"], "image_size": 32, "encoder": "convnet"}
    config["written"] = at_minute(minute)
    run = Path("checkpoints", name)
    runs.write_config(run, config)
    row = {"epoch": 1, "loss": 0.7, "accuracy": 0.5, "val_loss": 0.6, "val_accuracy": 0.625}
    runs.write_history(run, [row])
    write_text(run / "best/ckpt-1.index", "")
    scores = {"accuracy": 0.75, "accuracy_per_class": {"cat": 1.0}, "split": "val"}
    write_json(run / "scores.json", scores)
    return run


def run_script(*words):
    """Return the lines that are printed."""
    done = run_command(run_list, *words)
    assert (done.status, done.error) == (0, "")
    return done.out.splitlines()


def get_cells(line):
    """Return the cells of a line; two spaces or more are between them."""
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def list_runs(*words):
    """Return the cells of each run in the list."""
    return [get_cells(line) for line in run_script(*words)[1:]]


def find_line(lines, title):
    return next(place for place, line in enumerate(lines) if line.startswith(title))


def test_without_runs_it_says_so():
    folder = Path.cwd() / "checkpoints"
    (line,) = run_script()
    assert line.startswith(f"no run in {folder} yet; make one with: python ")


def test_a_copy_of_a_run_keeps_its_date():
    make_run("one", minute=1)
    make_run("two", minute=2)
    shutil.copytree("checkpoints/one", "checkpoints/copy")
    assert [cells[:2] for cells in list_runs()] == [
        ["two", "2026-05-04 03:02"],
        ["one", "2026-05-04 03:01"],
        ["copy", "2026-05-04 03:01"],
    ]


def test_without_a_saved_date_it_is_the_file_s():
    make_run("one", minute=1)
    make_run("two", minute=2)
    file = Path("checkpoints/two/config.json")
    config = json.loads(file.read_text())
    del config["written"]
    write_json(file, config)
    os.utime(file, (at_minute(0), at_minute(0)))
    assert [cells[0] for cells in list_runs()] == ["one", "two"]


def test_runs_are_listed_newest_first():
    make_run("old", minute=1, dataset="datasets/mine/captions.csv")
    show_attend_tell = {"preset": "show-attend-tell", "best_by": "BLEU-4"}
    make_run("new", minute=9, kept=1, scores=SCORES | {"split": "val"}, **show_attend_tell)
    make_run("cut", minute=5, rows=1, kept=0, scores=None)
    make_classifier("pets", minute=7)
    write_text(Path("checkpoints/new/more"), "." * 20_000_000)
    Path("checkpoints/no run").mkdir()
    header = "run  date  preset  dataset  epochs  best on val  on test  size"
    assert get_cells(run_script()[0]) == get_cells(header)
    rows = list_runs()
    assert rows[0] == [
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
    assert rows[1][:-1] == [
        "pets",
        "2026-05-04 03:07",
        "classifier",
        "pets",
        "1/1",
        "accuracy 0.625",
        "accuracy 0.750 (val)",
    ]
    assert rows[2][:-1] == [
        "cut",
        "2026-05-04 03:05",
        "inception-gru",
        "photos",
        "1/3",
        "–",
        "unfinished",
    ]
    assert rows[3][:-1] == [
        "old",
        "2026-05-04 03:01",
        "inception-gru",
        "mine/captions.csv",
        "2/3",
        "CIDEr 1.750",
        "CIDEr 0.500",
        "BLEU-4 0.125",
    ]
    assert len(rows) == 4


def test_the_list_shows_the_best_epoch_and_not_the_last():
    make_run("one", minute=1, rows=3, kept=1)
    assert "CIDEr 0.750" in list_runs()[0]
    make_run("one", minute=1, rows=3, kept=1, best_by="loss")
    assert "loss 3.000" in list_runs()[0]


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"version": 2}', '{"version": 9}', '{"model_type": "x"}']
)
def test_a_damaged_run_hides_no_other(content):
    make_run("whole", minute=1)
    write_text(Path("checkpoints/bad/config.json"), content)
    done = run_command(run_list)
    assert done.status == 0
    rows = [get_cells(line) for line in done.out.splitlines()[1:]]
    assert [cells[0] for cells in rows] == ["bad", "whole"]
    assert "damaged" in rows[0]
    assert done.error.startswith("warning: ")
    assert "checkpoints/bad" in done.error
    assert done.error.count("\n") == 1


def test_a_damaged_run_cannot_be_compared():
    make_run("whole", minute=1)
    write_text(Path("checkpoints/bad/config.json"), "{")
    done = run_command(run_list, "bad", "whole")
    assert (done.status, done.out) == (1, "")
    assert "checkpoints/bad" in done.error


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("config.json", {"epochs": "many"}, ": --epochs must be a number (got many)"),
        ("config.json", {"dataset": ["a"]}, " is damaged ("),
        ("history.jsonl", [1], " is damaged ("),
    ],
)
def test_values_of_a_wrong_type_hide_no_run(file, content, reason):
    run = make_run("one", minute=2)
    make_run("other", minute=1)
    if file == "config.json":
        content = json.loads((run / file).read_text()) | content
    write_text(run / file, json.dumps(content) + "\n")
    done = run_command(run_list)
    assert done.status == 0
    assert done.error.startswith(f"warning: checkpoints/one{reason}")
    assert [get_cells(line)[0] for line in done.out.splitlines()] == ["run", "one", "other"]


def test_impossible_settings_and_damaged_scores_hide_no_run():
    run = make_run("one", minute=2)
    config = json.loads((run / "config.json").read_text())
    write_json(run / "config.json", config | {"epochs": 0})
    make_run("other", minute=1)
    write_text(Path("checkpoints/other/scores.json"), "{")
    done = run_command(run_list)
    assert done.error.startswith("warning: checkpoints/one: --epochs ")
    assert done.error.count("\n") == 1
    assert "unfinished" in done.out.splitlines()[2]


def test_runs_of_another_folder_are_listed_with_it():
    make_run("elsewhere/a", minute=1)
    make_run("here", minute=2)
    assert [cells[0] for cells in list_runs("--runs", "elsewhere")] == ["elsewhere/a"]
    assert get_cells(run_script("elsewhere/a", "here")[0]) == ["elsewhere/a", "here"]


def test_two_runs_are_compared():
    make_run("one", minute=1, units=256)
    scores = SCORES | {"CIDEr": 0.625}
    make_run("other", minute=2, dropout=0.1, scores=scores, rows=1, kept=1)
    lines = run_script("one", "other")
    settings = find_line(lines, "settings")
    best = find_line(lines, "best epoch")
    end = find_line(lines, "scores at the end")
    assert [get_cells(line) for line in lines[: settings - 1]] == [
        ["one", "other"],
        ["date", "2026-05-04 03:01", "2026-05-04 03:02"],
        ["state", "finished", "finished"],
        ["epochs", "2/3", "1/3"],
    ]
    assert [get_cells(line) for line in lines[settings + 1 : best]] == [
        ["units", "256", "512"],
        ["dropout", "0.4", "0.1"],
    ]
    assert [get_cells(line) for line in lines[best + 1 : end]] == [
        ["epoch", "2", "1"],
        ["training loss", "2.500", "2.500"],
        ["loss on val", "3.000", "3.000"],
        ["top-5 accuracy", "0.500", "0.500"],
        ["BLEU-4, teacher-forced", "0.200", "0.200"],
        ["BLEU-4", "0.250", "0.250"],
        ["CIDEr", "1.750", "0.750"],
    ]
    assert [get_cells(line) for line in lines[end + 1 :]] == [
        ["BLEU-4", "0.125", "0.125"],
        ["CIDEr", "0.500", "0.625"],
        ["images", "8", "8"],
        ["split", "test", "test"],
    ]


def test_equal_settings_are_counted_and_shown_with_all():
    make_run("one", minute=1, units=256)
    make_run("other", minute=2)
    lines = run_script("one", "other")
    all_lines = run_script("one", "other", "--all")
    hidden = len(all_lines) - len(lines)
    assert hidden > 30
    title = lines[find_line(lines, "settings")]
    assert title == f"settings ({hidden} more are the same: --all)"
    assert ["batch", "64", "64"] in [get_cells(line) for line in all_lines]


@pytest.mark.parametrize("change", [{"test": ["b.jpg"]}, {"dataset": "others"}, {"language": "ko"}])
def test_runs_scored_on_different_photos_have_a_note(change):
    make_run("one", minute=1)
    make_run("other", minute=2)
    assert "note:" not in "\n".join(run_script("one", "other"))
    make_run("other", minute=2, **change)
    assert run_script("one", "other")[-1].startswith("note: ")


def test_one_run_alone_shows_all_its_settings():
    make_run("one", minute=1, rows=0, kept=0, scores=None)
    rows = [get_cells(line) for line in run_script("one")]
    for row in (["settings"], ["beam", "3"], ["limit", "–"], ["strict", "no"]):
        assert row in rows
    assert ["encoder_weights", "cache/convnet/a.weights.h5"] in rows
    assert rows[-1] == ["from", "–"]
    assert not any(row[0] == "trunk" for row in rows)  # a classifier's


def test_a_classifier_and_a_captioner_have_different_settings():
    make_run("one", minute=1)
    make_classifier("pets", minute=2)
    lines = run_script("one", "pets")
    column = lines[0].index("pets")
    settings = {}
    for line in lines[1:]:
        name, *value = line[:column].split()
        settings[name] = (value, line[column:].split())
    assert settings["decoder"] == (["gru"], [])
    assert settings["trunk"] == ([], ["modern"])
    assert settings["preset"] == (["inception-gru"], ["classifier"])


def test_a_hugging_face_model_can_be_compared():
    make_run("one", minute=1)
    rows = [get_cells(line) for line in run_script(f"hf:{ROOT}/tests/fixtures/vit_gpt2", "one")]
    assert ["state", "–", "finished"] in rows
    assert ["decoder", "transformer", "gru"] in rows
    assert ["batch", "64"] in rows  # the run's: the model says nothing about its training


def test_json_has_everything():
    run = make_run("one", minute=1)
    write_text(Path("checkpoints/bad/config.json"), "{")
    assert run_command(run_list, "--json", "out/runs.json").status == 0
    bad, one = json.loads(Path("out/runs.json").read_text())
    assert (one["run"], one["state"], one["folder"]) == ("one", "finished", "checkpoints/one")
    assert (one["epochs"], one["best_epoch"], one["best"]["CIDEr"]) == (2, 2, 1.75)
    assert one["settings"].items() >= {"beam": 3, "dataset": "photos", "from": None}.items()
    assert one["scores"] == SCORES
    assert datetime.fromisoformat(one["date"]) == datetime(2026, 5, 4, 3, 1).astimezone()
    files = [file for file in run.rglob("*") if file.is_file()]
    assert one["bytes"] == sum(file.stat().st_size for file in files)
    assert (bad["state"], bad["settings"], bad["scores"]) == ("damaged", {}, None)


@pytest.mark.parametrize(
    ("words", "status", "parts"),
    [
        (["nothing"], 1, ["nothing"]),
        (["--all"], 2, ["--all"]),
        (["one", "--runs", "elsewhere"], 1, ["'one'", "/elsewhere yet"]),
        (["--runs", "nowhere"], 1, ["--runs", "nowhere"]),
        (["--json", "checkpoints/one/config.json/x"], 1, ["checkpoints/one/config.json"]),
    ],
)
def test_mistakes_are_rejected_in_one_line(words, status, parts):
    make_run("one", minute=1)
    done = run_command(run_list, *words)
    assert (done.status, done.out) == (status, "")
    assert done.error.startswith("error: ")
    assert done.error.count("\n") == 1
    assert all(part in done.error for part in parts)


def test_it_starts_as_a_module():
    make_run("one", minute=1)
    done = run_process("-m", "tools.runs", PYTHONPATH=str(ROOT))
    assert (done.status, done.error) == (0, "")
    assert [get_cells(line)[0] for line in done.out.splitlines()] == ["run", "one"]


def test_it_needs_no_tensorflow():
    make_run("one", minute=1)
    code = (
        "import sys; from tools import runs as run_list; sys.argv[1:] = ['one']; run_list.main(); "
        "assert 'tensorflow' not in sys.modules"
    )
    assert run_process("-c", code, PYTHONPATH=str(ROOT)).error == ""
