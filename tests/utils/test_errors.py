"""Errors of commands: one line and an exit status for mistakes, a traceback for our faults."""

import errno
from pathlib import Path

import numpy as np
import pytest

from utils.errors import UsageError, UserError, run_script, unknown_name_error


def run_main(capsys, error=None, status=None):
    """Run a command that raises or returns this; return its exit status and standard error."""

    def main():
        if error is not None:
            raise error
        return status

    return run_command(capsys, main)


def run_command(capsys, main):
    with pytest.raises(SystemExit) as caught:
        run_script(main)
    return caught.value.code, capsys.readouterr().err


def test_exit_statuses(capsys):
    assert run_main(capsys) == (0, "")
    assert run_main(capsys, status=130) == (130, "")
    assert run_main(capsys, UserError("no dataset at x")) == (1, "error: no dataset at x\n")
    assert run_main(capsys, UsageError("unknown decoder")) == (2, "error: unknown decoder\n")
    assert run_main(capsys, KeyboardInterrupt()) == (130, "stopped\n")


def test_an_unknown_name_is_answered_with_similar_ones():
    known = ["gru", "lstm", "transformer"]
    similar = unknown_name_error("decoder", "gur", known)
    assert isinstance(similar, UsageError)
    assert str(similar) == "unknown decoder 'gur'; did you mean 'gru'?"
    unlike = unknown_name_error("decoder", "zzz", known)
    assert str(unlike) == "unknown decoder 'zzz'; known: gru, lstm, transformer"


TENSORFLOW = "/c/ckpt-1.data-00000-of-00001.tempstate75; No space left on device [Op:SaveV2]"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "a.npy"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError("1000000 requested and 38384 written"),  # NumPy's
        RuntimeError(TENSORFLOW),
    ],
)
def test_a_full_disk_is_one_line(capsys, error):
    status, line = run_main(capsys, error)
    assert status == 1
    assert line.startswith("error: the disk is full; make room")
    assert line.count("\n") == 1


def test_a_full_disk_under_numpy_is_one_line(capsys):
    """/dev/full is a disk without room."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    def main():
        with Path("/dev/full").open("wb") as file:
            np.save(file, np.zeros(100_000))

    status, line = run_command(capsys, main)
    assert status == 1
    assert line.startswith("error: the disk is full; make room")


def test_missing_permissions_are_one_line(capsys):
    denied = PermissionError(errno.EACCES, "Permission denied", "checkpoints")
    status, line = run_main(capsys, denied)
    assert status == 1
    assert line.startswith("error: Permission denied: checkpoints; change its permissions")
    assert line.count("\n") == 1
    assert run_main(capsys, OSError(errno.EROFS, "Read-only file system", "x"))[0] == 1


@pytest.mark.parametrize("number", [errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG])
def test_an_impossible_path_is_one_line(capsys, number):
    line = "error: Not so: a/b; choose another name or folder\n"
    assert run_main(capsys, OSError(number, "Not so", "a/b")) == (1, line)


def test_a_file_that_cannot_be_made_is_one_line(capsys):
    def main():
        Path("/proc/x.csv").write_text("")

    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    status, line = run_command(capsys, main)
    assert status == 1
    assert line.startswith("error: No such file or directory: /proc/x.csv; it was removed")
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    "error", [ValueError("a fault of ours"), OSError(errno.EIO, "Input/output error")]
)
def test_a_fault_of_ours_keeps_its_traceback(error):
    def main():
        raise error

    with pytest.raises(type(error)):
        run_script(main)
