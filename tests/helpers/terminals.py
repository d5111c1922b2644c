"""Streams that claim to be terminals."""

import contextlib
import io


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self):
        return True


@contextlib.contextmanager
def make_terminal():
    """Make standard output and standard error terminals."""
    with (
        contextlib.redirect_stdout(Terminal()) as out,
        contextlib.redirect_stderr(Terminal()) as error,
    ):
        yield out, error
