"""Make command lines from settings, and reject wrong values in one wording."""

import argparse
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from utils.errors import UsageError
from utils.option_parser import OptionParser
from utils.places import HOME
from utils.quiet import quieten
from utils.terminal import LEVELS, set_level

_DEFAULT_IN_HELP = re.compile(r" \(default[^()]*\)$")


@dataclass(frozen=True)
class Bounds:
    """The values that a number may have. A bound that is None does not apply."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    def describe(self) -> str:
        """Return the bounds in words, such as `above 0 and at most 1`."""
        parts = []
        if self.at_least is not None:
            parts.append(f"at least {self.at_least:g}")
        if self.above is not None:
            parts.append(f"above {self.above:g}")
        if self.at_most is not None:
            parts.append(f"at most {self.at_most:,}".replace(",", ""))
        if self.below is not None:
            parts.append(f"below {self.below:g}")
        return " and ".join(parts) or "a finite number"

    def contain(self, value: float) -> bool:
        """Return whether the value is finite and within the bounds."""
        if not math.isfinite(value):
            return False
        if self.at_least is not None and value < self.at_least:
            return False
        if self.at_most is not None and value > self.at_most:
            return False
        if self.above is not None and value <= self.above:
            return False
        return self.below is None or value < self.below


def setting(
    default: Any,
    help: str,
    *,
    make_default: Callable[[], Any] | None = None,
    unit: str | None = None,
    choices: tuple[Any, ...] | None = None,
    **bounds: float,
) -> Any:
    """Return a dataclass field with its help text, its unit, and the values that it may have.

    Args:
        make_default: makes the default where it depends on the environment; `default` is then None.
        unit: the placeholder in the help, such as PIXELS.
        choices: the only values allowed.
        bounds: `at_least`, `at_most`, `above` and `below`, for numbers.
    """
    metadata = {"help": help, "unit": unit, "choices": choices, "bounds": Bounds(**bounds)}
    if make_default is not None:
        return field(default_factory=make_default, metadata=metadata)
    return field(default=default, metadata=metadata)


def option_name(name: str) -> str:
    """Return a setting's option, such as `--top-k` for `top_k`."""
    return "--" + name.replace("_", "-")


def require(condition: bool, message: str) -> None:
    """Raise a UsageError with this message unless the condition holds."""
    if not condition:
        raise UsageError(message)


def check_values(group: Any) -> None:
    """Raise a UsageError if a value of a settings group is outside its choices or bounds."""
    for each in fields(group):
        value = getattr(group, each.name)
        if value is not None:
            check_value(each, value)


def check_value(each: Field, value: Any) -> None:
    """Raise a UsageError if the value is outside the field's choices or bounds."""
    option = option_name(each.name)
    choices = each.metadata["choices"]
    if choices is not None:
        names = ", ".join(map(str, choices))
        require(value in choices, f"{option} must be one of {names} (got {value})")
    elif _is_number(value):
        bounds = each.metadata["bounds"]
        require(bounds.contain(value), f"{option} must be {bounds.describe()} (got {value})")
    else:  # only a damaged config.json has a text here
        require(not _is_number(each.default), f"{option} must be a number (got {value})")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def add_options(
    parser: argparse.ArgumentParser,
    group: type,
    *,
    only: tuple[str, ...] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> None:
    """Add the settings of a group as options. An option that is not typed is absent from the parsed
    names.

    Args:
        only: the names of the settings to add; None is all.
        defaults: for the help, the defaults that differ from the fields' own, in words, by name.
    """
    section = parser.add_argument_group(group.__doc__)
    types = get_type_hints(group)
    for each in fields(group):
        if only is None or each.name in only:
            help_text = _write_help(each, (defaults or {}).get(each.name))
            _add_option(section, each, _value_type(types[each.name]), help_text)


def _value_type(annotation: Any) -> type:
    """Return `int` for `int` and for `int | None`."""
    options = [option for option in get_args(annotation) if option is not NoneType]
    return options[0] if options else annotation


def _write_help(each: Field, default: str | None) -> str:
    """Return a setting's help with its default last, or with `default` instead."""
    text = each.metadata["help"].replace("%", "%%")
    if default is not None:
        return f"{_DEFAULT_IN_HELP.sub('', text)} (default: {default})"
    is_shown = each.default is not None and each.default is not MISSING
    if is_shown and not isinstance(each.default, bool):
        return f"{text} (default {each.default})"
    return text


def _add_option(section: Any, each: Field, value_type: type, help_text: str) -> None:
    option = option_name(each.name)
    if value_type is bool:
        section.add_argument(option, action="store_true", default=argparse.SUPPRESS, help=help_text)
        return
    choices = each.metadata["choices"]
    if value_type is not str:
        choices = None  # numbers are checked with the other bounds
    section.add_argument(
        option,
        dest=each.name,
        type=value_type,
        choices=choices,
        metavar=each.metadata["unit"],
        default=argparse.SUPPRESS,
        help=help_text,
    )


def make_parser(description: str) -> OptionParser:
    """Return a parser that takes whole option names only and shows the description as it is."""
    return OptionParser(description)


def add_runs_option(parser: Any) -> None:
    """Add the option for the folder of runs."""
    parser.add_argument(
        "--runs",
        metavar="DIR",
        help=f"folder of runs (default: checkpoints, in the folder {HOME} if that is set)",
    )


def add_run_options(parser: Any) -> None:
    """Add the options for a run that answers for photos, and for the folder of runs."""
    parser.add_argument(
        "--run",
        metavar="NAME|DIR",
        help="the run, or s3://BUCKET/RUN, hf:FOLDER or hf:OWNER/NAME (default: the newest)",
    )
    add_runs_option(parser)


def add_weights_option(parser: Any) -> None:
    """Add the option for the present place of the encoder's weights."""
    parser.add_argument(
        "--weights",
        metavar="FILE|hf:FOLDER",
        help="the encoder's weights, if they were moved; also s3://BUCKET/FILE",
    )


def add_max_length_option(parser: Any) -> None:
    """Add the option for the longest caption, which is a setting of training, too."""
    parser.add_argument(
        "--max-length",
        type=int,
        default=argparse.SUPPRESS,
        metavar="WORDS",
        help="longest caption in words, characters or pieces (default: the run's own)",
    )


def add_screen_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for how much a command prints."""
    screen = parser.add_argument_group("screen")
    screen.add_argument(
        "--quiet",
        action="store_true",
        help="print only results (captions, scores), warnings and errors; no progress bars",
    )
    screen.add_argument(
        "--log-level",
        choices=tuple(LEVELS),
        default="info",
        metavar="LEVEL",
        help="debug (also the libraries' messages), info, warning or error (default info)",
    )


def parse_typed(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Parse the command line; return what was typed by name, without the screen options, which are
    applied.
    """
    typed = vars(parser.parse_args())
    set_level(typed.pop("log_level", "info"), quiet=typed.pop("quiet", False))
    quieten()
    return typed
