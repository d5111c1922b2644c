"""What a script does with a mistake of its user: one clear line on standard error, exit status 1, no traceback."""

import errno
import re
import sys
from collections.abc import Callable

from utils.terminal import fail, note


class UserError(Exception):
    """A mistake that the user can mend; its text says what was wanted, what came and what to do."""

    status = 1


class UsageError(UserError):
    """A mistake in what was typed; scripts leave with 2, as argparse does."""

    status = 2


def require(condition: bool, message: str) -> None:
    """Refuse what was typed, where it does not hold."""
    if not condition:
        raise UsageError(message)


def unknown_name_error(kind: str, name: str, known: list[str]) -> UsageError:
    """The refusal of an unknown name, with the nearest known ones."""
    import difflib

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = (
        f"did you mean {' or '.join(map(repr, close))}?"
        if close
        else f"known: {', '.join(sorted(known))}"
    )
    return UsageError(f"unknown {kind} {name!r}; {hint}")


def run_script(main: Callable[[], int | None]) -> None:
    """Run `main` and leave with its exit status; a refusal, a full disk or missing rights become a line and status 1."""
    try:
        status = main() or 0
    except UserError as refusal:
        fail(str(refusal))
        status = refusal.status
    except KeyboardInterrupt:
        note("stopped")
        status = 130  # what shells expect after Ctrl-C
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


# A full disk in the words of the system, TensorFlow (whose error is no OSError) and h5py; and of NumPy, without a number.
_FULL = re.compile(r"No space left on device|Disk quota exceeded|\d+ requested and \d+ written")


def describe_file_error(error: Exception) -> str | None:
    """What to tell of a full disk, missing rights and places where nothing is or can be; None of any other error."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT) or _FULL.search(str(error)):
        return (
            "the disk is full; make room, or choose another folder, then run the same command again"
        )
    if number in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG):
        return f"{error.strerror}: {error.filename or 'a file'}; choose another name or folder"
    if number == errno.ENOENT and error.filename:
        return f"{error.strerror}: {error.filename}; it was removed meanwhile, or nothing can be made there"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.strerror}: {error.filename or 'a file'}; change its rights, or choose another folder"
    return None
