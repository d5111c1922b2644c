"""The scripts from end to end on 56 scenes: what a user types, and what is then on the screen and in the folders."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

import evaluate
import predict
import train
from data.photos.images import read_photo
from models.captioner import Captioner
from tests.helpers.pages import read_page, read_rows
from tests.helpers.scripts import ROOT, SIZES, SMALL, in_terminal, scenes_folder, started, typed
from utils.errors import UserError

RUN = Path("checkpoints/e2e")


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("scripts")) as folder:
        yield folder


@pytest.fixture(scope="module")
def first(place):
    """What `train.py` said of the run e2e; `run` has its files as they were then."""
    done = started(ROOT / "train.py", *SMALL, "--run", "e2e")
    assert done.status == 0, done.error
    done.files = {file.name: file.read_bytes() for file in RUN.iterdir() if file.is_file()}
    return done


def history(run):
    return [json.loads(line) for line in (Path(run) / "history.jsonl").read_text().splitlines()]


def photos(split):
    with Path("drawn/captions.csv").open(newline="") as file:
        return sorted({row["photo"] for row in csv.DictReader(file) if row["split"] == split})


def test_a_run_folder_has_all_that_is_promised(first):
    config = json.loads(first.files["config.json"])
    assert (config["version"], config["units"], config["encoder"]) == (1, 32, "convnet")
    assert json.loads(first.files["vocabulary.json"])["words"][:4] == [
        "<pad>",
        "<unk>",
        "<start>",
        "<end>",
    ]
    splits = json.loads(first.files["splits.json"])
    assert {split: len(names) for split, names in splits.items()} == SIZES
    assert sorted(splits["test"]) == photos("test")
    rows = [json.loads(line) for line in first.files["history.jsonl"].splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    told = {"Bleu_2", "Bleu_4", "NIST_2", "NIST_4", "CIDEr"}
    told |= {f"forced_{name}" for name in told} | {"loss", "val_loss", "Top5", "seconds"}
    assert all(told < row.keys() for row in rows)
    assert rows[1]["loss"] < rows[0]["loss"]
    assert all((RUN / kind / "checkpoint").is_file() for kind in ("last", "best"))
    assert json.loads(first.files["scores.json"])["images"] == SIZES["test"]
    assert Image.open(io.BytesIO(first.files["history.png"])).format == "PNG"


def test_training_ends_with_scores_three_captions_with_references_and_the_run_folder(first):
    end = first.out[first.out.index("test: 8 photos") :]
    assert "CIDEr" in end
    assert "facts: precision" in end
    samples = re.findall(
        r"^photos/\d+\.jpg\n  says:  .+\n((?:  true:  .+\n){5})", end, re.MULTILINE
    )
    assert len(samples) == 3
    assert f"run folder: {RUN}" in end.splitlines()[-2]
    assert "Traceback" not in first.error


def test_a_run_s_page_has_its_scores_photos_words_and_what_it_took(first):
    """Eight photos, all shown; those of whose words some are."""
    Path("first.html").write_bytes(first.files["report.html"])
    page, scores = read_page(Path("first.html")), json.loads(first.files["scores.json"])
    assert page.texts("h1") == ["Run e2e"]
    assert ["CIDEr", f"{scores['CIDEr']:.3f}"] in read_rows(
        page, "At the end of training, on the 8 photos of test"
    )
    assert (
        len(page.all("p", class_="pale"))
        == 8
        == len([each for each in page.all("img") if each.get("lang") == "en"])
    )
    assert sorted(page.texts("p", class_="pale")) == photos("test")
    spent = json.loads(first.files["spent.json"])
    assert list(spent["seconds"]) == [
        "reading",
        "features",
        "preparing",
        "training",
        "validation",
        "saving",
        "scoring",
    ]
    assert spent["seconds"]["training"] == pytest.approx(
        sum(row["seconds"] for row in history(RUN)), abs=0.5
    )
    assert spent["peak_memory_bytes"] > 10**8
    told = {
        row[0].split()[0]: row[1:]
        for row in read_rows(page, "Settings that differ from the default")
    }
    assert (told["--units"], told["--batch"]) == (["32", "512"], ["40", "64"])


def test_a_second_run_extracts_nothing_and_has_the_same_losses(first):
    began = set(Path("cache").rglob("*.npy"))
    done = typed(train, *SMALL, "--run", "again")
    assert done.status == 0, done.error
    assert "nothing to extract" in done.out
    assert set(Path("cache").rglob("*.npy")) == began
    exact = [
        [(row["loss"], row["val_loss"]) for row in rows]
        for rows in (
            map(json.loads, first.files["history.jsonl"].splitlines()),
            history("checkpoints/again"),
        )
    ]
    assert exact[0] == exact[1]


def test_an_existing_run_is_refused_without_resume(first):
    done = typed(train, *SMALL, "--run", "e2e")
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("error: the run checkpoints/e2e exists")
    assert done.error.count("\n") == 1


def test_what_would_change_the_result_is_refused_on_resume(first):
    done = typed(train, "--run", "e2e", "--resume", "--units", "64")
    assert (done.status, done.out) == (2, "")
    assert "--units cannot change" in done.error


def test_changed_captions_are_refused_on_resume_and_nothing_is_overwritten(first):
    run = Path(shutil.copytree(RUN, "checkpoints/changed"))
    shutil.copytree("drawn", "edited")
    table = Path("edited/captions.csv")
    table.write_text(table.read_text().replace("dog", "hound"))
    config = json.loads(first.files["config.json"]) | {"dataset": "edited"}
    (run / "config.json").write_text(json.dumps(config))
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    done = typed(train, "--run", "changed", "--resume", "--epochs", "3")
    assert done.status == 1
    assert done.error == (
        f"error: the photos or captions of edited have changed since {run} began; start a new run\n"
    )
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_another_encoder_is_refused_on_resume(first):
    run = Path(shutil.copytree(RUN, "checkpoints/other"))
    config = json.loads(first.files["config.json"])
    config["fingerprint"]["weights"] = "0" * 64
    (run / "config.json").write_text(json.dumps(config))
    done = typed(train, "--run", "other", "--resume", "--epochs", "3")
    assert done.status == 1
    assert done.error.startswith(
        "error: the encoder is not what it was when checkpoints/other began"
    )


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--decoder", "gruu"], 2, "error: unknown decoder 'gruu'; did you mean 'gru'?"),
        (
            ["--encoder", "inception"],
            2,
            "error: unknown encoder 'inception'; did you mean 'inception_v3'",
        ),
        (["--run", "drawn/captions.csv/run"], 1, "error: cannot write to drawn/captions.csv/run: "),
        (["--cache", "drawn/facts.json"], 1, "error: cannot write to drawn/facts.json: "),
        (
            ["--minimum-count", "100000"],
            1,
            "error: no word occurs 100000 times in the training captions",
        ),
    ],
)
def test_what_cannot_be_is_told_before_a_run_folder_is_made(first, words, status, message):
    done = typed(train, *SMALL, *(["--run", "never"] if "--run" not in words else []), *words)
    assert (done.status, done.error[: len(message)]) == (status, message)
    assert not Path("checkpoints/never").exists()


def test_a_dataset_of_test_photos_alone_can_be_scored(first):
    shutil.copytree("drawn", "test_alone")
    for table in Path("test_alone").glob("captions*.csv"):
        table.write_text(
            "".join(line for line in table.open() if not line.rstrip().endswith((",train", ",val")))
        )
    done = typed(
        evaluate,
        "--run",
        "e2e",
        "--dataset",
        "test_alone",
        "--split",
        "test",
        "--cache",
        "cache",
        "--quiet",
    )
    assert (done.status, done.error) == (0, "")
    assert done.out.startswith("test: 8 photos, ")  # what was asked for, and before it nothing


def test_a_finished_run_says_so(first):
    done = typed(train, "--run", "e2e", "--resume")
    assert (done.status, done.error) == (0, "")
    assert "checkpoints/e2e is finished" in done.out


def test_a_finished_run_can_be_trained_longer(first):
    shutil.copytree(RUN, "checkpoints/longer")
    done = typed(train, "--run", "longer", "--resume", "--epochs", "3", "--quiet")
    assert (done.status, done.out, done.error) == (0, "", "")
    rows = history("checkpoints/longer")
    assert rows[:2] == [json.loads(line) for line in first.files["history.jsonl"].splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3]


SCORES = {
    "Bleu_1",
    "Bleu_2",
    "Bleu_3",
    "Bleu_4",
    "METEOR",
    "ROUGE_L",
    "CIDEr",
    "SPICE",
    "NIST_2",
    "NIST_4",
    "Top5",
    "loss",
    "forced_Bleu_2",
    "forced_Bleu_4",
    "forced_NIST_2",
    "forced_NIST_4",
    "forced_CIDEr",
    "images",
    "seconds",
    "captions_per_second",
    "facts_precision",
    "facts_recall",
    "pointing",
    "pointing_chance",
}


def test_evaluation_writes_the_promised_names_and_mends_the_cache(first):
    """Every file of the cache is cut short before it."""
    files = sorted(Path("cache").rglob("*.npy"))
    for file in files:
        file.write_bytes(file.read_bytes()[:-100])
    done = typed(
        evaluate,
        "--run",
        "e2e",
        "--split",
        "test",
        "--cache",
        "cache",
        "--json",
        "scores/test.json",
    )
    assert done.status == 0, done.error
    assert "damaged cache files found" in done.out
    assert f"{SIZES['test']} to extract" in done.out
    scores = json.loads(Path("scores/test.json").read_text())
    assert scores.keys() >= SCORES
    assert all(
        0 <= scores[name] <= 1
        for name in ("Bleu_1", "ROUGE_L", "Top5", "facts_precision", "facts_recall")
    )
    assert (scores["METEOR"], scores["SPICE"]) == (None, None)
    assert done.out.count("note: ") >= 2
    told = json.loads(first.files["scores.json"])
    for name in scores.keys() - {
        "seconds",
        "captions_per_second",
    }:  # no score: no Java, or no object that is there is named
        assert scores[name] == (told[name] and pytest.approx(told[name], rel=1e-4)), name
    assert "test: 8 photos" in done.out


def test_photos_are_scored_in_as_many_crops_as_are_asked_for(first):
    """Each has features of its own, in the cache; the loss from true words is of the photo alone."""
    scored = {}
    for crops, told in (
        (4, f"{3 * SIZES['test']} to extract, {SIZES['test']} in the cache"),
        (2, "nothing to extract"),
    ):
        done = typed(
            evaluate,
            "--run",
            "e2e",
            "--split",
            "test",
            "--cache",
            "cache",
            "--crops",
            crops,
            "--json",
            "crops.json",
        )
        assert done.status == 0, done.error
        assert told in done.out
        scored[crops] = json.loads(Path("crops.json").read_text())
    assert (
        scored[2]["loss"]
        == scored[4]["loss"]
        == pytest.approx(json.loads(first.files["scores.json"])["loss"], rel=1e-4)
    )


def test_a_report_of_a_run_made_before_there_were_reports(first):
    """On the screen, in report.json and as pictures; beside it the scores as ever."""
    run = Path(shutil.copytree(RUN, "checkpoints/older"))
    config = json.loads(first.files["config.json"])
    (run / "config.json").write_text(
        json.dumps({key: config[key] for key in config.keys() - {"top", "best_by"}})
    )
    done = typed(
        evaluate,
        "--run",
        "older",
        "--split",
        "test",
        "--cache",
        "cache",
        "--report",
        "--json",
        "older.json",
    )
    assert done.status == 0, done.error
    scores = json.loads(Path("older.json").read_text())
    told = json.loads(first.files["scores.json"])
    report = json.loads((run / "results/report.json").read_text())
    assert (
        done.out.index("test: 8 photos")
        < done.out.index("beam 1")
        < done.out.index("the worst by CIDEr")
    )
    assert (
        scores["CIDEr"] == report["beams"]["5"]["CIDEr"] == pytest.approx(told["CIDEr"], rel=1e-4)
    )
    assert report["beams"].keys() == {"1", "3", "5"}
    assert all(
        {"Bleu_4", "NIST_2", "facts_recall", "captions_per_second"} < row.keys()
        for row in report["beams"].values()
    )
    assert report["teacher_forced"] == {
        "loss": scores["loss"],
        "Top5": scores["Top5"],
        **{
            name: scores[f"forced_{name}"]
            for name in ("Bleu_2", "Bleu_4", "NIST_2", "NIST_4", "CIDEr")
        },
    }
    assert scores["loss"] == pytest.approx(told["loss"], rel=1e-5)
    assert 0 < report["free_running"]["loss"] < 10
    assert [sum(report["lengths"][kind].values()) for kind in ("captions", "references")] == [8, 40]
    assert 0 <= report["novel"] <= 1
    named = [row["photo"] for row in report["best"] + report["worst"]]
    assert sorted(named) == photos("test")
    assert (report["dataset"], report["split"], report["photos"], report["beam"]) == (
        "drawn",
        "test",
        8,
        5,
    )
    pictures = json.loads((run / "results/captions.json").read_text())
    assert (
        len(list((RUN / "results").glob("*.png"))) == 8
    )  # drawn at the end of training, in a process of its own
    assert {file.name for file in (run / "results").iterdir()} == {
        "01.png",
        "02.png",
        "captions.json",
        "report.json",
    }
    page = read_page(run / "report.html")
    assert len(read_rows(page, "Scores by beam width, on the 8 photos of test, drawn")) > 10
    assert page.texts("figcaption")[-1].startswith("Accuracy on val") and "Run older" in page.texts(
        "h1"
    )
    assert len({row["photo"] for row in pictures}) == 2
    says = {row["photo"]: row["caption"] for row in report["best"] + report["worst"]}
    for number, row in enumerate(pictures, start=1):
        assert (row["picture"], row["caption"]) == (f"{number:02}.png", says[row["photo"]])
        assert Image.open(run / "results" / row["picture"]).format == "PNG"


def test_a_dataset_without_a_test_split_is_scored_on_val(first):
    shutil.copytree("drawn", "no_test")
    for table in Path("no_test").glob("captions*.csv"):
        table.write_text(
            "".join(line for line in table.open() if not line.rstrip().endswith(",test"))
        )
    done = typed(
        evaluate, "--run", "e2e", "--dataset", "no_test", "--split", "test", "--cache", "cache"
    )
    assert done.status == 0, done.error
    assert "val: 8 photos" in done.out
    assert "no test split: val is scored in its place" in done.out


def test_predict_captions_random_test_photos_beside_the_true_captions(first):
    """In a terminal, and nothing else is seen there."""
    done = in_terminal(ROOT / "predict.py", "--run", "e2e", "--number", "3")
    assert done.status == 0, done.raw
    told = "".join(f"{line}\n" for line in done.lines)
    names = re.findall(
        r"^drawn/(photos/\d+\.jpg): .+  \(0\.\d\d\)\n(?:    true: .+\n){5}", told, re.MULTILINE
    )
    assert (len(set(names)), len(done.lines)) == (3, 18), done.raw
    assert set(names) <= set(photos("test"))


def test_predict_writes_goes_on_draws_and_names_what_is_broken(first):
    Path("holiday").mkdir()
    for number, name in enumerate(photos("test")[:3]):
        shutil.copy(Path("drawn", name), f"holiday/{number}.jpg")
    Path("holiday/broken.jpg").write_bytes(Path("holiday/0.jpg").read_bytes()[:3000])
    words = ["--run", "e2e", "--plot", "drawings", "--out", "out.csv"]
    done = typed(predict, "holiday/0.jpg", *words, "--log-level", "error")
    assert (done.status, done.error) == (0, "")
    assert re.fullmatch(r"holiday/0\.jpg: .+  \(0\.\d\d\)\n", done.out)
    done = typed(predict, "holiday", *words)
    assert done.status == 1
    assert done.out.startswith("1 of 4 photos skipped: already in out.csv\n")
    assert done.error.splitlines()[-2:] == [
        "skipped: holiday/broken.jpg: cut short",
        "error: 1 of 4 photos could not be read",
    ]
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    assert [row["path"] for row in rows] == [f"holiday/{number}.jpg" for number in range(3)]
    assert all(row["caption"] and 0 < float(row["score"]) <= 1 for row in rows)
    assert sorted(file.name for file in Path("drawings").iterdir()) == ["0.png", "1.png", "2.png"]
    assert all(Image.open(file).format == "PNG" for file in Path("drawings").iterdir())


def test_encoder_weights_that_are_not_where_the_user_says_are_refused(first):
    done = typed(predict, "drawn", "--run", "e2e", "--weights", "none.weights.h5")
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("error: no weights file none.weights.h5")


@pytest.fixture(scope="module")
def captioner(first):
    return Captioner.load(RUN)


@pytest.mark.parametrize("changes", [{}, {"sample": True, "seed": 3}], ids=["beam", "sample"])
def test_from_python_a_photo_is_captioned_alike_alone_in_company_and_in_any_form(
    captioner, changes
):
    files = [Path("drawn", name) for name in photos("test")[:4]]
    together = captioner(files, **changes)
    for file, wanted in zip(files, together, strict=True):
        for form in (str(file), file.read_bytes(), read_photo(file)):
            caption = captioner(form, **changes)
            assert (caption.text, caption.words) == (wanted.text, wanted.words)
            assert caption.score == pytest.approx(wanted.score, rel=1e-3)
    assert wanted.text == " ".join(wanted.words)
    assert wanted.grid[0] * wanted.grid[1] == wanted.attention.shape[1]
    assert wanted.attention.sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert wanted.candidates[0][0] == wanted.text


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
def test_a_checkpoint_cut_short_is_refused_in_one_line(first, ending, tmp_path):
    run = Path(shutil.copytree(RUN, tmp_path / "cut"))
    for file in (run / "best").glob(f"*{ending}"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UserError, match=r"checkpoint .* is damaged") as refused:
        Captioner.load(run)
    assert "\n" not in str(refused.value)


def test_what_is_no_run_or_of_another_version_is_refused(first, tmp_path):
    with pytest.raises(UserError, match="not a run folder"):
        Captioner.load("drawn")
    with pytest.raises(UserError, match=r"no run 'none' in /.*/checkpoints; there are: \w+, "):
        Captioner.load("none")
    run = Path(shutil.copytree(RUN, tmp_path / "old"))
    (run / "config.json").write_text(
        json.dumps(json.loads(first.files["config.json"]) | {"version": 0})
    )
    with pytest.raises(UserError, match="of version 0; this program reads version 1"):
        Captioner.load(run)
