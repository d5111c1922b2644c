"""Command lines in the house's form; options are made from settings, the fields of dataclasses."""

import argparse
from dataclasses import MISSING, Field, field, fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from utils.quiet import quieten
from utils.terminal import LEVELS, set_level


def setting(
    default: Any,
    meaning: str,
    *,
    choices: tuple[str, ...] | None = None,
    unit: str | None = None,
    also: str | None = None,
) -> Any:
    """A field with its meaning (the help text), its unit or placeholder, what it may be, and a second name of its option."""
    return field(
        default=default,
        metadata={"meaning": meaning, "choices": choices, "unit": unit, "also": also},
    )


def _plain_type(annotation: Any) -> type:
    """`int` of `int` and of `int | None`."""
    options = [option for option in get_args(annotation) if option is not NoneType]
    return options[0] if options else annotation


def add_options(
    parser: argparse.ArgumentParser, group: type, *, only: tuple[str, ...] | None = None
) -> None:
    """Add a group's settings to the command line; what is not typed is absent from the parsed names."""
    section = parser.add_argument_group(group.__doc__)
    hints = get_type_hints(group)
    for each in fields(group):
        if only is None or each.name in only:
            _add_option(section, each, _plain_type(hints[each.name]))


def _add_option(section: Any, each: Field, kind: type) -> None:
    flags = ["--" + each.name.replace("_", "-"), *filter(None, [each.metadata["also"]])]
    meaning = each.metadata["meaning"].replace("%", "%%")
    if kind is bool:
        section.add_argument(*flags, action="store_true", default=argparse.SUPPRESS, help=meaning)
        return
    default = (
        "" if each.default is None or each.default is MISSING else f" (default {each.default})"
    )
    section.add_argument(
        *flags,
        type=kind,
        default=argparse.SUPPRESS,
        help=meaning + default,
        dest=each.name,
        choices=each.metadata["choices"],
        metavar=each.metadata["unit"],
    )


def parser(description: str) -> argparse.ArgumentParser:
    """A command line in the house's form: whole option names only, the script's first lines as description."""
    return argparse.ArgumentParser(
        description=description,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_screen_options(parser: argparse.ArgumentParser) -> None:
    """Add to a script's command line how much it tells."""
    screen = parser.add_argument_group("screen")
    screen.add_argument(
        "--quiet",
        action="store_true",
        help="print only what was asked for (captions, scores) and no bars; "
        "warnings and errors stay",
    )
    screen.add_argument(
        "--log-level",
        choices=tuple(LEVELS),
        default="info",
        metavar="LEVEL",
        help="tell nothing less important: info (what is being done, and bars), warning, error; or debug: "
        "also all that TensorFlow and other libraries tell, and errors with their traceback (default "
        "info)",
    )


def typed(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """What was typed, by name; but for how much is told on the screen, which is set."""
    given = vars(parser.parse_args())
    set_level(given.pop("log_level", "info"), quiet=given.pop("quiet", False))
    quieten()
    return given
