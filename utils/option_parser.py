"""Parse command lines, and answer a mistake in one line instead of the whole usage."""

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from utils.errors import UsageError

LISTS_ALL = "(-h lists all)"
_MOST_SUGGESTIONS = 3
_LEAST_SIMILARITY = 0.6  # of 0 to 1; `difflib` says that names above it are close

# What argparse says, and how this program says it.
_WORDINGS = (
    (r"argument (\S+): expected one argument", r"\1 needs a value"),
    (r"argument (\S+): expected at least one argument", r"\1 needs at least one value"),
    (r"argument (\S+): ignored explicit argument '(.*)'", r"\1 takes no value (got \2)"),
    (r"argument (\S+): invalid int value: '(.*)'", r"\1 must be a whole number (got \2)"),
    (r"argument (\S+): invalid float value: '(.*)'", r"\1 must be a number (got \2)"),
    (r"argument (\S+): (.*)", r"\1: \2"),
    (r"the following arguments are required: (.*)", rf"missing: \1 {LISTS_ALL}"),
    (r"unrecognized arguments: (.*)", rf"unexpected: \1 {LISTS_ALL}"),
)
_CHOICE = re.compile(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)


class OptionParser(argparse.ArgumentParser):
    """A parser whose mistakes are UsageErrors of one line. Options are typed as whole names."""

    def __init__(self, description: str) -> None:
        super().__init__(
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """Parse the words, by default those of the command line."""
        words = sys.argv[1:] if args is None else list(args)
        reject_unknown_options(words, list(self._option_string_actions))
        return super().parse_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError in place of argparse's usage and exit."""
        raise UsageError(_reword(message))


def reject_unknown_options(words: Iterable[str], known: Sequence[str]) -> None:
    """Raise a UsageError that names the first unknown option and what was probably meant.

    argparse would not name it where a value or a PATH is missing too.
    """
    for word in words:
        if word == "--":
            return
        name = word.partition("=")[0]
        if _is_option(word) and name not in known:
            raise UsageError(f"{_describe_unknown(name, known)} {LISTS_ALL}")


def _is_option(word: str) -> bool:
    """Return whether argparse takes a word for an option."""
    if not word.startswith("-") or word == "-" or " " in word:
        return False
    try:
        float(word)
    except ValueError:
        return True
    return False


def _describe_unknown(name: str, known: Sequence[str]) -> str:
    suggestions = suggest_options(name, known)
    if not suggestions:
        return f"no option {name}"
    return f"no option {name}; did you mean {' or '.join(suggestions)}?"


def suggest_options(typed: str, known: Sequence[str]) -> list[str]:
    """Return the options that a mistyped one may mean, the likeliest first.

    These are, in this order: the same name in another spelling, the option with these initials
    (`--lr`), longer and shorter names (`--batch-size` for `--batch`), and similar names.
    """
    name = typed.lstrip("-").replace("_", "-").lower()
    options = {option.lstrip("-"): option for option in known if option.startswith("--")}
    if name in options:
        return [options[name]]
    if len(name) < 2:
        return []
    initials = {"".join(part[0] for part in each.split("-")): each for each in options}
    if name in initials:
        return [options[initials[name]]]

    longer = [each for each in options if each.startswith(name)]
    shorter = [each for each in options if name.startswith(f"{each}-")]
    similar = difflib.get_close_matches(name, options, n=1, cutoff=_LEAST_SIMILARITY)
    found = longer or shorter or similar
    return [options[each] for each in found[:_MOST_SUGGESTIONS]]


def _reword(message: str) -> str:
    """Return argparse's message in the words of this program."""
    choice = _CHOICE.fullmatch(message)
    if choice is not None:
        option, typed, names = choice.groups()
        return f"{option} must be one of {names.replace(chr(39), '')} (got {typed})"
    for pattern, wording in _WORDINGS:
        if re.fullmatch(pattern, message, re.DOTALL):
            return re.sub(pattern, wording, message, flags=re.DOTALL)
    return message
