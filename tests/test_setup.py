"""What `make setup` installs: the locks agree with pyproject.toml and refuse changed packages."""

import hashlib
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.helpers.documents import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted(ROOT.glob("requirements*.lock"))

# The part of pyproject.toml that each lock holds, with everything that it needs.
DIRECT = {
    "requirements.lock": [
        *PYPROJECT["project"]["dependencies"],
        *PYPROJECT["project"]["optional-dependencies"]["cpu"],
    ],
    "requirements-gpu.lock": [
        *PYPROJECT["project"]["dependencies"],
        *PYPROJECT["project"]["optional-dependencies"]["gpu"],
    ],
    "requirements-test.lock": PYPROJECT["dependency-groups"]["test"],
    "requirements-setup.lock": PYPROJECT["dependency-groups"]["setup"],
    "requirements-audit.lock": PYPROJECT["dependency-groups"]["audit"],
    "requirements-ray.lock": PYPROJECT["dependency-groups"]["ray"],
    "requirements-addresses.lock": PYPROJECT["dependency-groups"]["addresses"],
    "requirements-export.lock": PYPROJECT["dependency-groups"]["export"],
    "requirements-peers.lock": PYPROJECT["dependency-groups"]["peers"],
}


def read_entries(name: str) -> list[str]:
    """Return the entries of a lock: pin, hashes and the comment that names who requires it."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]


def read_requirement(entry: str) -> Requirement:
    return Requirement(entry.partition("\\")[0].strip())


def name_versions(requirements: list[Requirement]) -> set[str]:
    return {f"{requirement.name}{requirement.specifier}" for requirement in requirements}


def test_each_lock_has_its_part_of_pyproject():
    assert [path.name for path in LOCKS] == sorted(DIRECT)


@pytest.mark.parametrize("name", DIRECT)
def test_the_lock_is_not_stale(name):
    """After a change of pyproject.toml: make lock."""
    direct = []
    for entry in read_entries(name):
        if "image-captioning (pyproject.toml" in entry or "pyproject.toml:" in entry:
            direct.append(read_requirement(entry))
    wanted = [Requirement(line) for line in DIRECT[name]]
    assert name_versions(direct) == name_versions(wanted), "the lock is stale; run: make lock"


@pytest.mark.parametrize("name", DIRECT)
def test_every_package_is_pinned_with_hashes_and_no_address(name):
    entries = read_entries(name)
    assert entries
    for entry in entries:
        assert re.fullmatch(r"==[^,*]+", str(read_requirement(entry).specifier)), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}$", entry, re.MULTILINE), entry
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text


def test_packages_that_nothing_imports_are_not_installed():
    dropped = {"imagecorruptions-imaug", "numba", "llvmlite", "libclang"}
    dropped |= {"opencv-python", "tensorflow-text"}
    for name in ("requirements.lock", "requirements-gpu.lock", "requirements-test.lock"):
        locked = {read_requirement(entry).name for entry in read_entries(name)}
        assert not locked & dropped


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize(
    ("system", "machine", "tensorflow", "has_openvino"),
    [
        ("linux", "x86_64", "tensorflow-cpu", True),
        ("linux", "aarch64", "tensorflow", False),
        ("darwin", "arm64", "tensorflow", True),
    ],
)
def test_each_platform_gets_one_version_of_each_package(
    system, machine, tensorflow, has_openvino, version
):
    platform = {
        "sys_platform": system,
        "platform_machine": machine,
        "python_version": version,
        "python_full_version": f"{version}.4",
    }
    names = []
    for entry in read_entries("requirements.lock"):
        requirement = read_requirement(entry)
        if requirement.marker.evaluate(platform):
            names.append(requirement.name)
    assert len(names) == len(set(names))
    assert [name for name in names if re.fullmatch("tensorflow(-cpu)?", name)] == [tensorflow]
    assert ("openvino" in names) is has_openvino
    assert {"keras", "keras-hub", "numpy", "pillow", "gradio"} < set(names)


def test_tests_and_extras_run_with_the_packages_that_users_get():
    locked = {}
    for entry in read_entries("requirements.lock"):
        requirement = read_requirement(entry)
        locked.setdefault(requirement.name, set()).add(str(requirement.specifier))
    added = []
    for part in ("test", "ray", "addresses", "export"):
        added += read_entries(f"requirements-{part}.lock")
    for entry in added:
        requirement = read_requirement(entry)
        if requirement.name in locked:
            assert str(requirement.specifier) in locked[requirement.name]


def write_wheel(folder: Path, answer: int = 42) -> Path:
    """Write a wheel of one module, `tiny.py`."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", f"ANSWER = {answer}\n")
        wheel.writestr(
            "tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        wheel.writestr(
            "tiny-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\n")
    return path


def install(lock: Path, wheels: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Install a lock as `make setup` does, from a folder of wheels in place of an index."""
    uv = ROOT / ".venv" / "bin" / "uv"
    if not uv.exists():
        pytest.skip("no .venv/bin/uv: the environment was not made by make setup")
    command = [uv, "pip", "sync", "--require-hashes", "--no-index", "--no-cache"]
    command += ["--find-links", wheels, "--target", target, lock]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_changed_byte_in_a_wheel_is_refused(tmp_path):
    wheel = write_wheel(tmp_path)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"tiny==1.0 --hash=sha256:{digest}\n", encoding="utf-8")
    assert install(lock, tmp_path, tmp_path / "whole").returncode == 0
    assert (tmp_path / "whole" / "tiny.py").exists()

    write_wheel(tmp_path, answer=43)
    result = install(lock, tmp_path, tmp_path / "changed")
    assert result.returncode != 0
    assert "Hash mismatch" in result.stderr
    assert digest in result.stderr
    assert not (tmp_path / "changed" / "tiny.py").exists()


def test_a_package_without_a_hash_is_refused(tmp_path):
    write_wheel(tmp_path)
    lock = tmp_path / "requirements.lock"
    lock.write_text("tiny==1.0\n", encoding="utf-8")
    result = install(lock, tmp_path, tmp_path / "target")
    assert result.returncode != 0
    assert "hash" in result.stderr.lower()
    assert not (tmp_path / "target" / "tiny.py").exists()


def test_make_refuses_another_python(tmp_path):
    """The message comes before anything is installed."""
    for name in ("Makefile", "requirements-setup.lock", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python3.10"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.9\nexit 1\n')
    old.chmod(0o755)
    result = subprocess.run(
        ["make", "setup", f"PYTHON={old}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "Python 3.11 to 3.13 is needed" in result.stderr
    assert "Python 3.10.9" in result.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_conda_environment_installs_the_lock():
    text = (ROOT / "environment.yaml").read_text(encoding="utf-8")
    assert "pip install --no-deps --require-hashes -r requirements.lock" in text
    assert re.search(r"^  - python=3\.1[123]$", text, re.MULTILINE)
