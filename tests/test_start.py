"""Help, mistakes and lists are answered before anything heavy is loaded."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.predict_command import make_photo, write_run
from tests.helpers.scripts import ROOT
from utils.captions_file import compute_mark

# Each of these takes from a tenth of a second to several seconds to import.
HEAVY = {
    "cv2",
    "fastapi",
    "gradio",
    "imgaug",
    "jinja2",
    "keras",
    "keras_hub",
    "matplotlib",
    "nltk",
    "numpy",
    "openvino",
    "PIL",
    "pydantic",
    "pycocoevalcap",
    "rich",
    "scipy",
    "skimage",
    "sklearn",
    "tensorflow",
    "tkinter",
    "tokenizers",
    "tqdm",
    "uvicorn",
}
# Runs a command as Python does, then prints the packages that it has loaded.
RUN = """
import runpy, sys
command, *sys.argv = {words!r}
sys.path.insert(0, {root!r})
status = 0
try:
    if command == "-m":
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [command, *sys.argv]
        runpy.run_path({root!r} + "/" + command, run_name="__main__")
except SystemExit as exit:
    status = exit.code
print()
print("loaded", status, *sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


def run_and_list_modules(command, folder):
    """Run a command in a folder; return its exit status and the packages that it has loaded."""
    code = RUN.format(words=shlex.split(command), root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    word, status, *names = done.stdout.splitlines()[-1].split()
    assert word == "loaded", done.stderr
    return int(status), set(names)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("train.py -h", 0),
        ("evaluate.py -h", 0),
        ("predict.py -h", 0),
        ("demo.py -h", 0),
        ("export.py -h", 0),
        ("serve.py -h", 0),
        ("-m tools.runs -h", 0),
        ("-m tools.cache -h", 0),
        ("-m tools.merge -h", 0),
        ("-m tools.doctor -h", 0),
        ("-m tools.doctor --netwrk", 2),
        ("-m data.sources -h", 0),
        ("train.py --epoch 3", 2),
        ("train.py --epochs 0", 2),
        ("train.py --preset inception", 2),
        ("train.py --dataset scenes --encoder inception", 2),
        ("train.py --dataset scenes --decoder gruu", 2),
        ("train.py --dataset scenes --tokenizer letters", 2),
        ("train.py --dataset nowhere", 1),
        ("train.py --run nobody --resume", 1),
        ("evaluate.py --run nobody", 1),
        ("evaluate.py --beam 0", 2),
        ("predict.py --run nobody", 1),
        ("predict.py --number 0", 2),
        ("demo.py --port 80", 2),
        ("demo.py --run nobody", 1),
        ("export.py --to onxx --out new", 2),
        ("export.py --to litert --out new --run nobody", 1),
        ("serve.py --host 0.0.0.0", 2),
        ("serve.py --run nobody", 1),
        ("-m tools.merge none.csv --out all.csv", 1),
        ("predict.py --shard 9/8 in", 2),
        ("predict.py --ray nowhere in", 2),
        ("-m tools.runs", 0),
        ("-m tools.runs nobody", 1),
        ("-m tools.cache", 0),
        ("-m tools.cache --yes", 2),
        ("-m data.sources nowhere", 1),
    ],
)
def test_nothing_heavy_is_loaded(tmp_path, command, status):
    found, names = run_and_list_modules(command, tmp_path)
    assert found == status
    assert names & HEAVY == set()


def test_a_list_of_runs_needs_rich_alone(tmp_path):
    run = tmp_path / "checkpoints/one"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    status, names = run_and_list_modules("-m tools.runs", tmp_path)
    assert status == 0
    assert names & HEAVY == {"rich"}


def test_a_photo_that_is_not_there_is_named_at_once(tmp_path):
    run = tmp_path / "checkpoints/one"
    run.mkdir(parents=True)
    config = (
        '{"version": 2, "decoder": "gru", "dataset": "photos", "encoder_weights": "none", '
        '"fingerprint": {}}'
    )
    (run / "config.json").write_text(config)
    status, names = run_and_list_modules("predict.py nobody.jpg", tmp_path)
    assert status == 1
    assert names & HEAVY == set()


@pytest.fixture
def captioned(tmp_path, monkeypatch):
    """A folder with a run, and a photo whose caption is in captions.csv."""
    monkeypatch.chdir(tmp_path)
    write_run(language="en", scenes=False)
    make_photo("in/a.png")
    mark = compute_mark(Path("in/a.png"))
    Path("captions.csv").write_text(
        f"path,caption,mark,score\nin/a.png,brightness 100,{mark},0.5\n"
    )
    return tmp_path


def test_captions_in_the_file_are_copied_without_tensorflow(captioned):
    command = "predict.py --run r in --out captions.csv --write-metadata copies --max-length 1"
    for _ in range(2):  # the second time, the copy is there too
        status, names = run_and_list_modules(command, captioned)
        assert status == 0
        assert names & {"tensorflow", "keras", "matplotlib", "cv2", "openvino"} == set()
        assert b"brightness 100" in Path("copies/a.png").read_bytes()


def test_copies_that_exist_need_no_tensorflow(captioned):
    shutil.copytree("in", "copies", copy_function=shutil.copy2)
    command = "predict.py --run r in --write-metadata copies"
    status, names = run_and_list_modules(command, captioned)
    assert status == 0
    assert names & {"tensorflow", "keras", "matplotlib", "cv2", "openvino"} == set()


def test_the_modules_that_are_loaded_are_noticed(tmp_path):
    """The list of modules is not empty because of a mistake in this test."""
    (tmp_path / "captions.csv").write_text("photo,caption\na.jpg,A dog.\n")
    status, names = run_and_list_modules("-m data.sources captions.csv", tmp_path)
    assert status == 1
    assert "numpy" in names
    assert "tensorflow" not in names
