"""The commands from end to end on 56 scenes: what they print and what is in the folders."""

import csv
import io
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

import evaluate
import predict
import train
from data.photos.images import read_photo
from models.captioner import Captioner
from tests.helpers.compiling import run_compiled
from tests.helpers.pages import read_page, read_rows
from tests.helpers.scripts import (
    ROOT,
    SIZES,
    SMALL,
    run_command,
    run_in_terminal,
    run_process,
    scenes_folder,
)
from utils.errors import UserError

# Short captions of one length are compiled once.
WORDS = [*SMALL, "--max-length", "3"]
RUN = Path("checkpoints/e2e")
EVALUATE = shlex.split("--run e2e --split test --cache cache")
EPOCH_SCORES = {"Bleu_2", "Bleu_4", "NIST_2", "NIST_4", "CIDEr"}
STAGES = ["reading", "features", "preparing", "training", "validation", "saving", "scoring"]


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("scripts"), result_pictures=2) as folder:
        yield folder


@pytest.fixture(scope="module")
def first(place):
    """Train the run e2e; return what was printed, and the run's files as `files` by name."""
    done = run_process(ROOT / "train.py", *WORDS, "--run", "e2e")
    assert done.status == 0, done.error
    done.files = {file.name: file.read_bytes() for file in RUN.iterdir() if file.is_file()}
    return done


@pytest.fixture(scope="module")
def first_scores(first):
    return json.loads(first.files["scores.json"])


@pytest.fixture(scope="module")
def captioner(first):
    return Captioner.load(RUN)


def parse_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def read_history(run):
    return parse_lines((Path(run) / "history.jsonl").read_text())


def list_photos(split):
    """Return the names of a split's photos in the dataset's table."""
    with Path("drawn/captions.csv").open(newline="") as file:
        return sorted({row["photo"] for row in csv.DictReader(file) if row["split"] == split})


def copy_run(first, folder, **changes):
    """Copy the first run, with changes of its config.json."""
    run = Path(shutil.copytree(RUN, folder))
    config = json.loads(first.files["config.json"]) | changes
    (run / "config.json").write_text(json.dumps(config))
    return run


def copy_dataset(folder, *, without):
    """Copy the scenes' folder, without the captions of these splits."""
    shutil.copytree("drawn", folder)
    endings = tuple(f",{split}" for split in without)
    for table in Path(folder).glob("captions*.csv"):
        lines = table.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not line.rstrip().endswith(endings)]
        table.write_text("".join(kept))


def read_all_files(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# Training.


def test_a_run_folder_has_the_promised_files(first):
    config = json.loads(first.files["config.json"])
    assert (config["version"], config["units"], config["encoder"]) == (2, 32, "convnet")
    words = json.loads(first.files["vocabulary.json"])["words"]
    assert words[:4] == ["<pad>", "<unk>", "<start>", "<end>"]
    splits = json.loads(first.files["splits.json"])
    assert {split: len(names) for split, names in splits.items()} == SIZES
    assert sorted(splits["test"]) == list_photos("test")
    rows = parse_lines(first.files["history.jsonl"])
    assert [row["epoch"] for row in rows] == [1, 2]
    forced = {f"forced_{name}" for name in EPOCH_SCORES}
    columns = EPOCH_SCORES | forced | {"loss", "val_loss", "Top5", "seconds"}
    for row in rows:
        assert columns < row.keys()
    assert rows[1]["loss"] < rows[0]["loss"]
    for kind in ("last", "best"):
        assert (RUN / kind / "checkpoint").is_file()
    assert json.loads(first.files["scores.json"])["images"] == SIZES["test"]
    assert Image.open(io.BytesIO(first.files["history.png"])).format == "PNG"


def test_training_ends_with_scores_samples_and_the_run_folder(first):
    end = first.out[first.out.index("test: 8 photos") :]
    assert "CIDEr" in end
    assert "facts precision" in end
    sample = r"^photos/\d+\.jpg\n  says:  .+\n((?:  true:  .+\n){5})"
    assert len(re.findall(sample, end, re.MULTILINE)) == 3
    assert f"run folder: {RUN}" in end.splitlines()[-2]
    assert "Traceback" not in first.error


def test_a_run_s_page_has_scores_photos_settings_and_times(first, first_scores):
    Path("first.html").write_bytes(first.files["report.html"])
    page = read_page(Path("first.html"))
    assert page.texts("h1") == ["Run e2e"]
    rows = read_rows(page, "At the end of training, on the 8 photos of test")
    assert ["CIDEr", f"{first_scores['CIDEr']:.3f}"] in rows
    assert sorted(page.texts("p", class_="pale")) == list_photos("test")
    assert len(page.all("img", lang="en")) == SIZES["test"]
    spent = json.loads(first.files["spent.json"])
    assert list(spent["seconds"]) == STAGES
    seconds = sum(row["seconds"] for row in read_history(RUN))
    assert spent["seconds"]["training"] == pytest.approx(seconds, abs=0.5)
    assert spent["peak_memory_bytes"] > 10**8
    settings = {}
    for name, *values in read_rows(page, "Settings that differ from the default"):
        settings[name.split()[0]] = values
    assert settings["--units"] == ["32 command line", "512"]
    assert settings["--batch"] == ["40 command line", "64"]


def test_a_second_run_extracts_nothing_and_has_equal_losses(first):
    before = set(Path("cache").rglob("*.npy"))
    with run_compiled():
        done = run_command(train, *WORDS, "--run", "again")
    assert done.status == 0, done.error
    assert "nothing to extract" in done.out
    assert set(Path("cache").rglob("*.npy")) == before
    rows = parse_lines(first.files["history.jsonl"])
    for row, again in zip(rows, read_history("checkpoints/again"), strict=True):
        assert (row["loss"], row["val_loss"]) == (again["loss"], again["val_loss"])


def test_an_existing_run_is_rejected_without_resume(first):
    done = run_command(train, *WORDS, "--run", "e2e")
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("error: the run checkpoints/e2e exists")
    assert "--resume" in done.error
    assert done.error.count("\n") == 1


def test_settings_that_change_the_result_are_rejected_on_resume(first):
    done = run_command(train, "--run", "e2e", "--resume", "--units", "64")
    assert (done.status, done.out) == (2, "")
    assert "--units cannot change" in done.error
    assert "it was 32 (got 64)" in done.error


def test_changed_captions_are_rejected_on_resume(first):
    """No file of the run is touched."""
    run = copy_run(first, "checkpoints/changed", dataset="edited")
    shutil.copytree("drawn", "edited")
    table = Path("edited/captions.csv")
    table.write_text(table.read_text().replace("dog", "hound"))
    before = read_all_files(run)
    done = run_command(train, "--run", "changed", "--resume", "--epochs", "3")
    assert done.status == 1
    assert done.error.startswith("error: the photos or captions of edited have changed")
    assert str(run) in done.error
    assert done.error.count("\n") == 1
    assert read_all_files(run) == before


def test_another_encoder_is_rejected_on_resume(first):
    fingerprint = json.loads(first.files["config.json"])["fingerprint"]
    fingerprint["weights"] = "0" * 64
    copy_run(first, "checkpoints/other", fingerprint=fingerprint)
    done = run_command(train, "--run", "other", "--resume", "--epochs", "3")
    assert done.status == 1
    assert done.error.startswith("error: the encoder has changed since checkpoints/other")


@pytest.mark.parametrize(
    ("words", "status", "parts"),
    [
        (["--decoder", "gruu"], 2, ["decoder 'gruu'", "'gru'?"]),
        (["--encoder", "inception"], 2, ["encoder 'inception'", "'inception_v3'"]),
        (["--run", "drawn/captions.csv/run"], 1, ["cannot write to drawn/captions.csv/run: "]),
        (["--cache", "drawn/facts.json"], 1, ["cannot write to drawn/facts.json: "]),
        (["--minimum-count", "100000"], 1, ["no word occurs 100000 times"]),
    ],
)
def test_mistakes_are_found_before_a_run_folder_is_made(first, words, status, parts):
    done = run_command(train, *WORDS, "--run", "never", *words)
    assert done.status == status
    assert done.error.startswith("error: ")
    for part in parts:
        assert part in done.error
    assert not Path("checkpoints/never").exists()


def test_a_finished_run_has_nothing_to_do(first):
    done = run_command(train, "--run", "e2e", "--resume")
    assert (done.status, done.error) == (0, "")
    assert "checkpoints/e2e is finished" in done.out


def test_a_finished_run_can_be_trained_longer(first):
    shutil.copytree(RUN, "checkpoints/longer")
    done = run_command(train, "--run", "longer", "--resume", "--epochs", "3", "--quiet")
    assert (done.status, done.out, done.error) == (0, "", "")
    rows = read_history("checkpoints/longer")
    assert rows[:2] == parse_lines(first.files["history.jsonl"])
    assert [row["epoch"] for row in rows] == [1, 2, 3]


# Evaluation.

COCO_SCORES = {"Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "METEOR", "ROUGE_L", "CIDEr", "SPICE"}
NIST_SCORES = {"NIST_2", "NIST_4"}
TEACHER_FORCED_SCORES = {"loss", "Top5"} | {f"forced_{name}" for name in EPOCH_SCORES}
SCENE_SCORES = {"facts_precision", "facts_recall", "pointing", "pointing_chance"}
SPEED = {"images", "seconds", "captions_per_second"}
SCORES = COCO_SCORES | NIST_SCORES | TEACHER_FORCED_SCORES | SCENE_SCORES | SPEED


def test_a_dataset_of_test_photos_alone_can_be_scored(first):
    """With --quiet, nothing is printed before the scores."""
    copy_dataset("test_alone", without=["train", "val"])
    done = run_command(evaluate, *EVALUATE, "--dataset", "test_alone", "--quiet")
    assert (done.status, done.error) == (0, "")
    assert done.out.startswith("test: 8 photos, ")


def test_evaluation_writes_scores_and_mends_the_cache(first, first_scores):
    """Every file of the cache is cut short before it."""
    for file in Path("cache").rglob("*.npy"):
        file.write_bytes(file.read_bytes()[:-100])
    done = run_command(evaluate, *EVALUATE, "--json", "scores/test.json")
    assert done.status == 0, done.error
    assert "damaged cache files found" in done.out
    assert f"{SIZES['test']} to extract" in done.out
    assert "test: 8 photos" in done.out
    assert "note: scores count words as coco-caption splits English\n" in done.out
    assert "Java" not in done.out
    scores = json.loads(Path("scores/test.json").read_text())
    assert scores.keys() >= SCORES
    for name in ("Bleu_1", "ROUGE_L", "Top5", "facts_precision", "facts_recall"):
        assert 0 <= scores[name] <= 1
    assert (scores["METEOR"], scores["SPICE"]) == (None, None)  # there is no Java
    for name in scores.keys() - {"seconds", "captions_per_second"}:
        expected = first_scores[name]
        if expected is not None:
            expected = pytest.approx(expected, rel=1e-4)
        assert scores[name] == expected, name


def test_photos_are_scored_in_several_crops(first, first_scores):
    """Each crop has features of its own; the teacher-forced loss is of the whole photo alone."""
    number = SIZES["test"]
    expected_output = {
        4: f"{3 * number} to extract, {number} in the cache",
        2: "nothing to extract",
    }
    for crops, line in expected_output.items():
        done = run_command(evaluate, *EVALUATE, "--crops", crops, "--json", "crops.json")
        assert done.status == 0, done.error
        assert line in done.out
        loss = json.loads(Path("crops.json").read_text())["loss"]
        assert loss == pytest.approx(first_scores["loss"], rel=1e-4)


@pytest.fixture(scope="module")
def reported(first):
    """Score a copy of the run with --report; return what was printed, with `run` and `scores`."""
    run = copy_run(first, "checkpoints/reported")
    words = shlex.split("--run reported --split test --cache cache --report --json reported.json")
    done = run_command(evaluate, *words)
    assert done.status == 0, done.error
    done.run = run
    done.scores = json.loads(Path("reported.json").read_text())
    done.report = json.loads((run / "results/report.json").read_text())
    return done


def test_report_compares_beams_and_teacher_forcing(reported, first_scores):
    scores, report = reported.scores, reported.report
    places = [reported.out.index(text) for text in ("test: 8 photos", "beam 1", "the worst by")]
    assert places == sorted(places)
    assert scores["CIDEr"] == report["beams"]["5"]["CIDEr"]
    assert scores["CIDEr"] == pytest.approx(first_scores["CIDEr"], rel=1e-4)
    assert report["beams"].keys() == {"1", "3", "5"}
    for row in report["beams"].values():
        assert {"Bleu_4", "NIST_2", "facts_recall", "captions_per_second"} < row.keys()
    forced = {"loss": scores["loss"], "Top5": scores["Top5"]}
    for name in EPOCH_SCORES:
        forced[name] = scores[f"forced_{name}"]
    assert report["teacher_forced"] == forced
    assert scores["loss"] == pytest.approx(first_scores["loss"], rel=1e-5)
    assert 0 < report["free_running"]["loss"] < 10


def test_report_describes_captions_and_photos(reported):
    report = reported.report
    assert sum(report["lengths"]["captions"].values()) == 8
    assert sum(report["lengths"]["references"].values()) == 40
    assert 0 <= report["novel"] <= 1
    names = [row["photo"] for row in report["best"] + report["worst"]]
    assert sorted(names) == list_photos("test")
    assert (report["dataset"], report["split"]) == ("drawn", "test")
    assert (report["photos"], report["beam"]) == (8, 5)


def test_report_draws_pictures_and_writes_the_page(reported):
    results = reported.run / "results"
    names = {file.name for file in results.iterdir()}
    assert names == {"01.png", "02.png", "captions.json", "report.json"}
    pictures = json.loads((results / "captions.json").read_text())
    assert len({row["photo"] for row in pictures}) == 2
    captions = {}
    for row in reported.report["best"] + reported.report["worst"]:
        captions[row["photo"]] = row["caption"]
    for number, row in enumerate(pictures, start=1):
        assert row["picture"] == f"{number:02}.png"
        assert row["caption"] == captions[row["photo"]]
        assert Image.open(results / row["picture"]).format == "PNG"
    page = read_page(reported.run / "report.html")
    assert len(read_rows(page, "Scores by beam width, on the 8 photos of test, drawn")) > 10
    assert page.texts("figcaption")[-1].startswith("Accuracy on val")
    assert page.texts("h1") == ["Run reported"]


def test_training_draws_a_picture_of_each_test_photo(first):
    """In a process of its own, so that no test's number of pictures holds."""
    assert len(list((RUN / "results").glob("*.png"))) == 8


def test_a_dataset_without_a_test_split_is_scored_on_val(first):
    copy_dataset("no_test", without=["test"])
    done = run_command(evaluate, *EVALUATE, "--dataset", "no_test")
    assert done.status == 0, done.error
    assert "val: 8 photos" in done.out
    assert "no test split: val is scored in its place" in done.out


# Prediction.


def test_predict_captions_random_test_photos(first):
    """In a terminal, beside the true captions; nothing else is printed there."""
    done = run_in_terminal(ROOT / "predict.py", "--run", "e2e", "--number", "3")
    assert done.status == 0, done.raw
    text = "".join(f"{line}\n" for line in done.lines)
    entry = r"^drawn/(photos/\d+\.jpg): .+  \(0\.\d\d\)\n(?:    true: .+\n){5}"
    names = set(re.findall(entry, text, re.MULTILINE))
    assert (len(names), len(done.lines)) == (3, 18), done.raw
    assert names <= set(list_photos("test"))


def test_predict_writes_resumes_draws_and_names_what_is_broken(first):
    Path("holiday").mkdir()
    for number, name in enumerate(list_photos("test")[:3]):
        shutil.copy(Path("drawn", name), f"holiday/{number}.jpg")
    Path("holiday/broken.jpg").write_bytes(Path("holiday/0.jpg").read_bytes()[:3000])
    words = shlex.split("--run e2e --plot drawings --out out.csv")
    done = run_command(predict, "holiday/0.jpg", *words, "--log-level", "error")
    assert (done.status, done.error) == (0, "")
    assert re.fullmatch(r"holiday/0\.jpg: .+  \(0\.\d\d\)\n", done.out)
    done = run_command(predict, "holiday", *words)
    assert done.status == 1
    assert done.out.startswith("1 of 4 photos skipped: already in out.csv\n")
    assert done.error.splitlines()[-2:] == [
        "skipped: holiday/broken.jpg: cut short",
        "error: 1 of 4 photos could not be read",
    ]
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    assert [row["path"] for row in rows] == [f"holiday/{number}.jpg" for number in range(3)]
    for row in rows:
        assert row["caption"]
        assert 0 < float(row["score"]) <= 1
    drawings = sorted(Path("drawings").iterdir())
    assert [file.name for file in drawings] == ["0.png", "1.png", "2.png"]
    for file in drawings:
        assert Image.open(file).format == "PNG"


def test_missing_encoder_weights_are_rejected(first):
    done = run_command(predict, "drawn", "--run", "e2e", "--weights", "none.weights.h5")
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("error: --weights")
    assert "none.weights.h5" in done.error


# The captioner in Python.


@pytest.mark.parametrize("search", [{}, {"sample": True, "seed": 3}], ids=["beam", "sample"])
def test_captions_do_not_depend_on_company_or_form(captioner, search):
    """A photo alone, among others, as a path, bytes or pixels has the same caption."""
    files = [Path("drawn", name) for name in list_photos("test")[:4]]
    with run_compiled():
        together = captioner(files, **search)
    for file, expected in zip(files, together, strict=True):
        for form in (str(file), file.read_bytes(), read_photo(file)):
            with run_compiled():
                caption = captioner(form, **search)
            assert (caption.text, caption.words) == (expected.text, expected.words)
            assert caption.score == pytest.approx(expected.score, rel=1e-3)
    assert expected.text == " ".join(expected.words)
    assert expected.grid[0] * expected.grid[1] == expected.attention.shape[1]
    assert expected.attention.sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert expected.candidates[0][0] == expected.text


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
def test_a_checkpoint_cut_short_is_rejected(first, ending, tmp_path):
    run = Path(shutil.copytree(RUN, tmp_path / "cut"))
    for file in (run / "best").glob(f"*{ending}"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UserError, match=r"checkpoint .* is damaged") as raised:
        Captioner.load(run)
    assert "\n" not in str(raised.value)


def test_folders_that_are_no_runs_are_rejected(first, tmp_path):
    with pytest.raises(UserError, match="not a run folder"):
        Captioner.load("drawn")
    copy_run(first, "checkpoints/second")
    with pytest.raises(UserError, match=r"no run 'xyz' in /.*/checkpoints; there are: \w+, "):
        Captioner.load("xyz")
    run = copy_run(first, tmp_path / "old", version=0)
    with pytest.raises(UserError, match=r"version 0.* version 2"):
        Captioner.load(run)
