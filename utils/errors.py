"""Mistakes of the user: one clear line on standard error and an exit status, no traceback."""

import difflib
import errno
import re
import sys
from collections.abc import Callable

from utils.terminal import fail, note


class UserError(Exception):
    """A mistake that the user can mend; its text says what was wanted, what came and what to do."""

    status = 1


class UsageError(UserError):
    """A mistake in what was typed; commands exit with 2, as argparse does."""

    status = 2


def require(condition: bool, message: str) -> None:
    """Raise a UsageError if the condition is false."""
    if not condition:
        raise UsageError(message)


def unknown_name_error(kind: str, name: str, known: list[str]) -> UsageError:
    """Return the error of an unknown name, which suggests similar ones."""
    similar = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    if similar:
        hint = f"did you mean {' or '.join(map(repr, similar))}?"
    else:
        hint = f"known: {', '.join(sorted(known))}"
    return UsageError(f"unknown {kind} {name!r}; {hint}")


def run_script(main: Callable[[], int | None]) -> None:
    """Run `main` and exit with the status that it returns.

    A UserError, a full disk and missing permissions become one line and status 1 or 2.
    """
    try:
        status = main() or 0
    except UserError as error:
        fail(str(error))
        status = error.status
    except KeyboardInterrupt:
        note("stopped")
        status = 130  # shells expect it after Ctrl-C
    except BrokenPipeError:  # `python predict.py … | head`
        sys.stderr.close()
        status = 1
    except Exception as error:
        line = describe_file_error(error)
        if line is None:
            raise
        fail(line)
        status = 1
    sys.exit(status)


# A full disk in the words of the system and TensorFlow, whose errors are no OSError; h5py; NumPy,
# whose error has no number.
_FULL = re.compile(r"No space left on device|Disk quota exceeded|\d+ requested and \d+ written")


def describe_file_error(error: Exception) -> str | None:
    """Return a line about a full disk, missing permissions or an impossible path, else None."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT) or _FULL.search(str(error)):
        return (
            "the disk is full; make room, or choose another folder, then run the same command again"
        )
    if number in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG):
        return f"{error.strerror}: {error.filename or 'a file'}; choose another name or folder"
    if number == errno.ENOENT and error.filename:
        return (
            f"{error.strerror}: {error.filename}; "
            "it was removed meanwhile, or nothing can be made there"
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{error.strerror}: {error.filename or 'a file'}; "
            "change its permissions, or choose another folder"
        )
    return None
