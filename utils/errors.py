"""What a script does with a mistake of its user: one clear line on standard error, exit status 1, no traceback."""

import errno
import sys
from collections.abc import Callable


class Refusal(Exception):
    """A mistake that the user can mend; its text says what was wanted, what came and what to do."""

    status = 1


class WrongArgument(Refusal):
    """A mistake in what was typed; scripts leave with 2, as argparse does."""

    status = 2


def nearest(kind: str, name: str, known: list[str]) -> WrongArgument:
    """The refusal of an unknown name, with the nearest known ones."""
    import difflib

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"known: {', '.join(sorted(known))}"
    return WrongArgument(f"unknown {kind} {name!r}; {hint}")


def run_script(main: Callable[[], int | None]) -> None:
    """Run `main` and leave with its exit status; a refusal or a full disk becomes one line and status 1."""
    try:
        status = main() or 0
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        status = refusal.status
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        status = 130  # what shells expect after Ctrl-C
    except BrokenPipeError:  # `python predict.py … | head`
        sys.stderr.close()
        status = 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        print(f"error: {error.strerror}: {error.filename or 'while writing'}; free some space or choose another "
              "folder, then run the same command again", file=sys.stderr)
        status = 1
    sys.exit(status)
