"""`python -m tools.cache` lists the cache, and removes what no run uses."""

import builtins
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from data.feature_cache import FeatureCache
from data.feature_names import make_feature_key, make_folder_name
from tests.helpers.scripts import ROOT, run_command, run_process
from tools import cache as cache_list
from utils import runs
from utils.files import format_bytes, size_of, write_json, write_text

CACHE = Path("datasets/cache")
USED = {"name": "convnet", "image_size": 128, "layer": None}
OTHER = {"name": "inception_v3", "image_size": 299, "layer": "mixed8", "precision": "bfloat16"}
USED_NAME, OTHER_NAME = make_folder_name(USED), make_folder_name(OTHER)
WEIGHTS, OTHER_WEIGHTS = "0123456789abcdef.weights.h5", "fedcba9876543210.weights.h5"
TWO_HOURS = 7200  # seconds; longer than a file can be in the making


def fill_features(fingerprint, photos, views=0, crops=0):
    """Make the folder of an encoder's features."""
    cache = FeatureCache(CACHE, fingerprint)
    keys = []
    for photo in range(photos):
        name = f"{photo:064x}"
        keys += [make_feature_key(name, recipe="r", view=view) for view in range(views + 1)]
        keys += [make_feature_key(name, recipe="crop", view=crop + 1) for crop in range(crops)]
    for start in range(0, len(keys), 32):
        batch = keys[start : start + 32]
        cache.put(batch, np.zeros((len(batch), 4, 2)))


def make_run(folder, **config):
    runs.write_config(Path(folder), config)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a cache, half of which one run uses."""
    monkeypatch.chdir(tmp_path)
    fill_features(USED, 40, 1)
    fill_features(OTHER, 3, crops=2)
    write_json(CACHE / "photos.json", {f"/photos/{number}.jpg": {} for number in range(1200)})
    for name in (WEIGHTS, OTHER_WEIGHTS):
        write_text(CACHE / "convnet" / name, "." * 1500)
    weights = f"/moved/convnet/{WEIGHTS}"
    make_run("checkpoints/mine", fingerprint=USED, encoder_weights=weights)
    return tmp_path


def list_names():
    """Return the names of the files in convnet/, and of the other files' first folder."""
    names = set()
    for file in CACHE.rglob("*"):
        if file.is_file() and file.parent.name == "convnet":
            names.add(file.name)
        elif file.is_file():
            names.add(file.relative_to(CACHE).parts[0])
    return names


def run_script(*words, status=0):
    done = run_command(cache_list, *words)
    assert done.status == status, done.error
    return done


def read_table(*words):
    """Return the rows of the five entries by name, and the lines below the table."""
    done = run_script(*words)
    assert done.error == ""
    lines = done.out.splitlines()
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines[1:6]}
    return rows, lines[6:]


def test_entries_are_listed_with_size_content_and_users():
    rows, _ = read_table()
    sizes = {
        name: format_bytes(size_of(CACHE / name)) for name in (USED_NAME, OTHER_NAME, "photos.json")
    }
    assert rows == {
        f"convnet/{WEIGHTS}": "1.5 kB weights of a convnet mine",
        f"convnet/{OTHER_WEIGHTS}": "1.5 kB weights of a convnet no run",
        USED_NAME: f"{sizes[USED_NAME]} 40 photos, 40 augmented views (128 pixels) mine",
        OTHER_NAME: f"{sizes[OTHER_NAME]} 3 photos, 6 crops (299 pixels, mixed8, bfloat16) no run",
        "photos.json": f"{sizes['photos.json']} hashes of 1,200 photos, by path every run",
    }


def test_the_size_of_unused_entries_is_shown():
    _, below = read_table()
    unused = size_of(CACHE / OTHER_NAME) + 1500
    assert below == [
        f"total {format_bytes(size_of(CACHE))}; "
        f"no run in checkpoints/ uses {format_bytes(unused)} of it; --prune removes it"
    ]


def test_runs_in_other_folders_are_users():
    make_run("elsewhere/deep/er", fingerprint=OTHER)
    make_run("single", encoder_weights=OTHER_WEIGHTS)
    rows, below = read_table("--runs", "elsewhere", "single")
    assert rows[OTHER_NAME].endswith(" elsewhere/deep/er")
    assert rows[f"convnet/{OTHER_WEIGHTS}"].endswith(" single")
    assert rows[USED_NAME].endswith(" mine")
    assert below[0].endswith("all of it is used by runs in checkpoints/ or elsewhere/ or single/")


def test_a_linked_run_is_a_user():
    make_run("far/away", fingerprint=OTHER)
    Path("checkpoints/linked").symlink_to(Path("far/away").absolute())
    assert read_table()[0][OTHER_NAME].endswith(" linked")


def test_of_many_users_three_are_named():
    for number in range(5):
        make_run(f"checkpoints/run{number}", fingerprint=OTHER)
    assert read_table()[0][OTHER_NAME].endswith(" run0, run1, run2 and 2 more")


def test_a_run_of_another_version_keeps_its_entries():
    write_json(Path("checkpoints/newer/config.json"), {"version": 99, "fingerprint": OTHER})
    assert read_table()[0][OTHER_NAME].endswith(" newer")


def test_nothing_is_removed_if_the_answer_is_no(monkeypatch):
    before = list_names()
    questions = []
    monkeypatch.setattr(builtins, "input", lambda text: questions.append(text) or "no")
    done = run_script("--prune")
    assert done.out.splitlines()[-1] == "nothing removed"
    assert list_names() == before
    unused = format_bytes(size_of(CACHE / OTHER_NAME) + 1500)
    assert questions[0].startswith(f"remove 2 of these, {unused}? ")
    assert questions[0].endswith(" [y/N] ")


def test_removing_a_convnet_s_weights_is_warned_of(monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda text: "no")
    error = run_script("--prune").error
    assert error.startswith("warning: ")
    assert "--runs" in error
    (CACHE / "convnet" / OTHER_WEIGHTS).unlink()
    assert run_script("--prune").error == ""


def test_without_an_answer_nothing_is_removed():
    before = list_names()
    done = subprocess.run(
        [sys.executable, "-m", "tools.cache", "--prune"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: nothing removed: ")
    assert "--yes" in last
    assert list_names() == before


@pytest.mark.parametrize("words", [["--prune"], ["--prune", "--yes"]])
def test_what_no_run_uses_is_removed(monkeypatch, words):
    monkeypatch.setattr(builtins, "input", lambda text: "Y")
    before = format_bytes(size_of(CACHE))
    done = run_script(*words)
    after = format_bytes(size_of(CACHE))
    assert done.out.splitlines()[-1] == f"removed 2; {CACHE}/ had {before} and has {after}"
    assert list_names() == {USED_NAME, WEIGHTS, "photos.json"}
    assert not (CACHE / OTHER_NAME).exists()
    cache = FeatureCache(CACHE, USED)
    assert all(f"{photo:064x}" in cache for photo in range(40))
    assert run_script("--prune").out.splitlines()[-1] == "nothing to remove"


def test_an_entry_stays_if_a_run_starts_while_asked(monkeypatch):
    def start_run(_question):
        make_run("checkpoints/new", fingerprint=OTHER, encoder_weights=OTHER_WEIGHTS)
        return "y"

    before = list_names()
    monkeypatch.setattr(builtins, "input", start_run)
    out = run_script("--prune").out
    assert out.splitlines()[-1].startswith("removed 0; ")
    assert out.count("stays: it is in use") == 2
    assert list_names() == before


def test_an_entry_stays_if_a_program_has_it_open():
    """A training without a run folder yet holds its features' folder and its convnet's weights."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom data.feature_cache import FeatureCache\n"
        f"from utils.files import open_locked\none = FeatureCache(Path('{CACHE}'), {OTHER})\n"
        f"other = open_locked(Path('{CACHE}/convnet/{OTHER_WEIGHTS}'))\n"
        "print(flush=True)\nsys.stdin.read()"
    )
    before = list_names()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as program:
        program.stdout.readline()
        out = run_script("--prune", "--yes").out
        assert list_names() == before
        kept = [CACHE / "convnet" / OTHER_WEIGHTS, CACHE / OTHER_NAME]
        assert out.splitlines()[-3:-1] == [f"{path} stays: it is in use" for path in kept]
        program.stdin.close()
        program.wait()
    run_script("--prune", "--yes")
    assert list_names() == {USED_NAME, WEIGHTS, "photos.json"}


def test_a_run_that_cannot_be_read_forbids_removing():
    before = list_names()
    write_text(Path("checkpoints/bad/config.json"), '{"fingerprint": {"name"')
    error = run_script().error
    assert error.startswith("warning: checkpoints/bad/config.json cannot be read")
    error = run_script("--prune", "--yes", status=1).error
    assert error.splitlines()[-1].startswith(
        "error: nothing removed: checkpoints/bad/config.json cannot be read"
    )
    assert list_names() == before


def test_files_of_others_stay():
    strange = [
        "notes.txt",
        "convnet/mine.weights.h5",
        "photos-0123456789abcdef/dog.jpg",
        "other/encoder.json",
    ]
    for name in strange:
        write_text(CACHE / name, "mine")
    outside = Path("outside-0123456789abcdef")
    write_text(outside / "encoder.json", "{}")
    (CACHE / outside.name).symlink_to(outside.absolute())
    assert run_script("--prune", "--yes").out.count("not of the cache") == 5
    assert all((CACHE / name).is_file() for name in strange)
    assert (outside / "encoder.json").is_file()
    assert (CACHE / outside.name).is_symlink()


def test_old_files_of_a_stopped_program_are_removed():
    young, old = CACHE / ".part-1-photos.json", CACHE / "convnet/.part-2-weights.h5"
    half = CACHE / ".removed-3-convnet-0123456789abcdef"
    for file in (young, old, half / "some.npy"):
        write_text(file, "x")
    long_ago = time.time() - TWO_HOURS
    os.utime(old, (long_ago, long_ago))
    run_script("--prune", "--yes")
    assert (young.exists(), old.exists(), half.exists()) == (True, False, False)


def test_damaged_files_are_listed():
    used = CACHE / USED_NAME
    files = [file for file in used.glob("*.json") if file.stem != "encoder"]
    assert len(files) == 3
    for file in files:
        file.write_text("{")
    (used / "encoder.json").write_text("[")
    (CACHE / "photos.json").write_text("{")
    rows = read_table()[0]
    assert rows[used.name].endswith(" 0 photos mine")
    assert " hashes of 0 photos" in rows["photos.json"]


@pytest.mark.parametrize(
    ("words", "status", "option"),
    [
        (["--yes"], 2, "--yes needs --prune"),
        (["--cache", "nowhere"], 1, "--cache must be an existing folder (got nowhere)"),
        (["--runs", "nowhere"], 1, "--runs must be an existing folder (got nowhere)"),
    ],
)
def test_mistakes_are_rejected_in_one_line(words, status, option):
    done = run_script(*words, status=status)
    assert (done.out, done.error) == ("", f"error: {option}\n")


def test_without_a_cache_it_says_so(tmp_path, monkeypatch):
    (tmp_path / "fresh").mkdir()
    monkeypatch.chdir(tmp_path / "fresh")
    assert run_script().out == "datasets/cache/ does not exist: nothing is cached yet\n"


def test_it_starts_as_a_module():
    done = run_process("-m", "tools.cache", PYTHONPATH=str(ROOT))
    assert (done.status, done.error) == (0, "")
    assert done.out.splitlines()[-1].startswith("total ")


def test_it_needs_no_tensorflow():
    code = (
        "import sys; from tools import cache as cache_list; cache_list.main(); "
        "assert 'tensorflow' not in sys.modules"
    )
    assert run_process("-c", code, PYTHONPATH=str(ROOT)).error == ""
