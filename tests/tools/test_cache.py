"""What `python -m tools.cache` tells of the cache, and what it removes of it."""

import builtins
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from data.feature_cache import FeatureCache, make_feature_key, make_folder_name
from tests.helpers.scripts import ROOT, started, typed
from tools import cache as cache_list
from utils import runs
from utils.files import format_bytes, open_locked, size_of, write_json, write_text

CACHE = Path("datasets/cache")
USED = {"name": "convnet", "image_size": 128, "layer": None}
OTHER = {"name": "inception_v3", "image_size": 299, "layer": "mixed8", "precision": "bfloat16"}
WEIGHTS, OTHERS_WEIGHTS = "0123456789abcdef.weights.h5", "fedcba9876543210.weights.h5"


def filled(fingerprint, photos, views=0, crops=0):
    """The folder of an encoder's features."""
    cache = FeatureCache(CACHE, fingerprint)
    keys = [
        make_feature_key(f"{photo:064x}", recipe="r", view=view)
        for photo in range(photos)
        for view in range(views + 1)
    ]
    keys += [
        make_feature_key(f"{photo:064x}", recipe="crop", view=crop + 1)
        for photo in range(photos)
        for crop in range(crops)
    ]
    for start in range(0, len(keys), 32):
        batch = keys[start : start + 32]
        cache.put(batch, np.zeros((len(batch), 4, 2)))
    return cache.folder


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A cache of which one run uses half."""
    monkeypatch.chdir(tmp_path)
    filled(USED, 40, 1)
    filled(OTHER, 3, crops=2)
    write_json(CACHE / "photos.json", {f"/photos/{number}.jpg": {} for number in range(1200)})
    for name in (WEIGHTS, OTHERS_WEIGHTS):
        write_text(CACHE / "convnet" / name, "." * 1500)
    run("checkpoints/mine", fingerprint=USED, encoder_weights=f"/moved/convnet/{WEIGHTS}")
    return tmp_path


def run(folder, **config):
    runs.write_config(Path(folder), config)


def files():
    return {
        file.relative_to(CACHE).as_posix().partition("/")[0]
        if file.parent.name != "convnet"
        else file.name
        for file in CACHE.rglob("*")
        if file.is_file()
    }


def rows(*words):
    """The table of a call that goes well, by what stands first in a line; and the rest of what is printed."""
    done = typed(cache_list, *words)
    assert (done.status, done.error) == (0, "")
    lines = done.out.splitlines()
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines[1:6]}, lines[6:]


def test_what_is_there_and_whose_it_is():
    told, rest = rows()
    sizes = {
        path: format_bytes(size_of(CACHE / path))
        for path in (make_folder_name(USED), make_folder_name(OTHER), "photos.json")
    }
    assert told == {
        f"convnet/{WEIGHTS}": "1.5 kB weights of a convnet mine",
        f"convnet/{OTHERS_WEIGHTS}": "1.5 kB weights of a convnet no run",
        make_folder_name(
            USED
        ): f"{sizes[make_folder_name(USED)]} 40 photos, 40 altered views (128 pixels) mine",
        make_folder_name(
            OTHER
        ): f"{sizes[make_folder_name(OTHER)]} 3 photos, 6 crops (299 pixels, mixed8, bfloat16) no run",
        "photos.json": f"{sizes['photos.json']} what is known of 1,200 photos, by path every run",
    }
    unused = size_of(CACHE / make_folder_name(OTHER)) + 1500
    assert rest == [
        f"in all {format_bytes(size_of(CACHE))}; no run in checkpoints/ uses {format_bytes(unused)} of that; "
        "--prune removes it"
    ]


def test_runs_elsewhere_are_users_too():
    run("elsewhere/deep/er", fingerprint=OTHER)
    run("single", encoder_weights=OTHERS_WEIGHTS)
    told, rest = rows("--runs", "elsewhere", "single")
    assert told[make_folder_name(OTHER)].endswith(" elsewhere/deep/er")
    assert told[f"convnet/{OTHERS_WEIGHTS}"].endswith(" single")
    assert told[make_folder_name(USED)].endswith(" mine")
    assert rest == [
        f"in all {format_bytes(size_of(CACHE))}; runs in checkpoints/ or elsewhere/ or single/ use all that "
        "could be removed"
    ]


def test_a_run_that_is_linked_to_is_a_user():
    run("far/away", fingerprint=OTHER)
    Path("checkpoints/linked").symlink_to(Path("far/away").absolute())
    assert rows()[0][make_folder_name(OTHER)].endswith(" linked")


def test_of_many_users_some_are_named():
    for number in range(5):
        run(f"checkpoints/run{number}", fingerprint=OTHER)
    assert rows()[0][make_folder_name(OTHER)].endswith(" run0, run1, run2 and 2 more")


def test_nothing_is_removed_without_a_word(monkeypatch):
    before = files()
    asked = []
    monkeypatch.setattr(builtins, "input", lambda question: asked.append(question) or "no")
    done = typed(cache_list, "--prune")
    assert (done.status, done.out.splitlines()[-1], files()) == (0, "nothing removed", before)
    unused = size_of(CACHE / make_folder_name(OTHER)) + 1500
    assert asked == [
        f"remove 2 of these, {format_bytes(unused)}? Features are extracted again where they are wanted. [y/N] "
    ]
    assert done.error == (
        "warning: a run in another folder cannot do without its convnet's weights; such folders are "
        "named by --runs\n"
    )


def test_nothing_is_removed_where_nobody_answers():
    before = files()
    done = subprocess.run(
        [sys.executable, "-m", "tools.cache", "--prune"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1]
        == "error: nothing removed: no answer came; --yes removes without asking"
    )
    assert files() == before


@pytest.mark.parametrize("words", [["--prune"], ["--prune", "--yes"]])
def test_what_no_run_uses_is_removed(monkeypatch, words):
    monkeypatch.setattr(builtins, "input", lambda question: "Y")
    before = size_of(CACHE)
    done = typed(cache_list, *words)
    assert done.status == 0
    assert files() == {make_folder_name(USED), WEIGHTS, "photos.json"}
    assert not (CACHE / make_folder_name(OTHER)).exists()
    assert done.out.splitlines()[-1] == (
        f"removed 2; datasets/cache/ had {format_bytes(before)} and has {format_bytes(size_of(CACHE))}"
    )
    again = FeatureCache(CACHE, USED)
    assert all(f"{photo:064x}" in again for photo in range(40))
    assert typed(cache_list, "--prune").out.splitlines()[-1] == "nothing to remove"


def test_what_has_come_into_use_while_the_question_stood_stays(monkeypatch):
    def answer(_question):
        run("checkpoints/new", fingerprint=OTHER, encoder_weights=OTHERS_WEIGHTS)
        return "y"

    before = files()
    monkeypatch.setattr(builtins, "input", answer)
    done = typed(cache_list, "--prune")
    assert done.out.splitlines()[-1].startswith("removed 0; ")
    assert done.out.count("stays: it is in use just now") == 2
    assert files() == before


def test_what_another_program_has_in_hand_stays():
    """A training that has not begun its run holds its features' folder and its convnet's weights."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom data.feature_cache import FeatureCache\n"
        f"from utils.files import open_locked\none = FeatureCache(Path('{CACHE}'), {OTHER})\n"
        f"other = open_locked(Path('{CACHE}/convnet/{OTHERS_WEIGHTS}'))\nprint(flush=True)\nsys.stdin.read()"
    )
    before = files()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as program:
        program.stdout.readline()
        done = typed(cache_list, "--prune", "--yes")
        assert (done.status, files()) == (0, before)
        stay = [CACHE / "convnet" / OTHERS_WEIGHTS, CACHE / make_folder_name(OTHER)]
        assert done.out.splitlines()[-3:-1] == [
            f"{path} stays: it is in use just now" for path in stay
        ]
        program.stdin.close()
        program.wait()
    typed(cache_list, "--prune", "--yes")
    assert files() == {make_folder_name(USED), WEIGHTS, "photos.json"}


def test_a_run_that_cannot_be_read_forbids_all_removing():
    before = files()
    write_text(Path("checkpoints/bad/config.json"), '{"fingerprint": {"name"')
    done = typed(cache_list)
    assert (done.status, done.error) == (
        0,
        "warning: checkpoints/bad/config.json cannot be read: what that run uses is not known\n",
    )
    done = typed(cache_list, "--prune", "--yes")
    assert (done.status, files()) == (1, before)
    assert done.error.splitlines()[-1].startswith(
        "error: nothing removed: checkpoints/bad/config.json cannot be read"
    )


def test_a_run_of_another_version_keeps_what_it_uses():
    write_json(Path("checkpoints/newer/config.json"), {"version": 99, "fingerprint": OTHER})
    assert rows()[0][make_folder_name(OTHER)].endswith(" newer")


def test_what_is_not_of_the_cache_stays():
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
    done = typed(cache_list, "--prune", "--yes")
    assert done.out.count("not of the cache") == 5
    assert all((CACHE / name).is_file() for name in strange)
    assert (outside / "encoder.json").is_file() and (CACHE / outside.name).is_symlink()


def test_what_a_stopped_program_left_is_removed_when_old():
    young, old = CACHE / ".part-1-photos.json", CACHE / "convnet/.part-2-weights.h5"
    half = CACHE / ".removed-3-convnet-0123456789abcdef"
    for file in (young, old, half / "some.npy"):
        write_text(file, "x")
    long_ago = time.time() - 4000
    os.utime(old, (long_ago, long_ago))
    typed(cache_list, "--prune", "--yes")
    assert (young.exists(), old.exists(), half.exists()) == (True, False, False)


def test_damaged_files_of_the_cache_are_listed_all_the_same():
    used = CACHE / make_folder_name(USED)
    sidecars = [file for file in used.glob("*.json") if file.stem != "encoder"]
    assert len(sidecars) == 3
    for sidecar in sidecars:
        sidecar.write_text("{")
    (used / "encoder.json").write_text("[")
    (CACHE / "photos.json").write_text("{")
    told = rows()[0]
    assert told[used.name].endswith(" 0 photos mine")
    assert " what is known of 0 photos" in told["photos.json"]


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--yes"], 2, "error: --yes goes with --prune\n"),
        (["--cache", "nowhere"], 1, "error: no folder nowhere\n"),
        (["--runs", "nowhere"], 1, "error: no folder nowhere\n"),
    ],
)
def test_mistakes_are_refused_in_one_line(words, status, told):
    done = typed(cache_list, *words)
    assert (done.status, done.out, done.error) == (status, "", told)


def test_a_fresh_clone_has_no_cache(tmp_path, monkeypatch):
    (tmp_path / "fresh").mkdir()
    monkeypatch.chdir(tmp_path / "fresh")
    done = typed(cache_list)
    assert (done.status, done.out) == (0, "datasets/cache/ is not there: nothing is cached yet\n")


def test_it_is_typed_as_a_module_and_needs_no_tensorflow():
    done = started("-m", "tools.cache", PYTHONPATH=str(ROOT))
    assert (done.status, done.error) == (0, "")
    assert done.out.splitlines()[-1].startswith("in all ")
    code = "import sys; from tools import cache as cache_list; cache_list.main(); assert 'tensorflow' not in sys.modules"
    assert started("-c", code, PYTHONPATH=str(ROOT)).error == ""


def test_a_file_that_is_held_is_so_until_it_is_closed(place):
    file = CACHE / "photos.json"
    assert not cache_list.is_locked(file)
    one, other = open_locked(file), open_locked(file)
    one.close()
    assert cache_list.is_locked(file)
    other.close()
    assert not cache_list.is_locked(file)
