"""Findings of the doctor, as one screen or as data."""

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEEDED = "needed"
HELPFUL = "helpful"
INFORMATION = "information"

WIDTH = 100  # columns
_MARK_WIDTH, _NAME_WIDTH = 7, 15
_INDENT = " " * (_MARK_WIDTH + _NAME_WIDTH)
_ROOM = WIDTH - len(_INDENT)


@dataclass(frozen=True)
class Finding:
    """A fact about this machine. Only a finding that is not well has a remedy."""

    name: str
    text: str
    level: str = INFORMATION
    remedy: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        return self.remedy is None

    @property
    def is_failure(self) -> bool:
        """Return whether something needed is missing."""
        return self.level == NEEDED and not self.is_well


def format_screen(findings: Sequence[Finding]) -> str:
    """Return a line for each finding, and the remedy below each one that is not well."""
    lines = []
    for finding in findings:
        text = hide_home(" ".join(finding.text.split()))
        start = f"{_choose_mark(finding):{_MARK_WIDTH}}{finding.name:{_NAME_WIDTH}}"
        lines.append(start + textwrap.shorten(text, _ROOM, placeholder=" …"))
        if finding.remedy is not None:
            lines += _wrap_remedy(hide_home(finding.remedy))
    return "\n".join(lines)


def _choose_mark(finding: Finding) -> str:
    if finding.is_failure:
        return "error"
    if not finding.is_well:
        return "note"
    if finding.level == INFORMATION:
        return "info"
    return "ok"


def _wrap_remedy(remedy: str) -> list[str]:
    """Return the remedy after an arrow. It is never cut, so that commands can be copied."""
    return textwrap.wrap(
        remedy,
        WIDTH,
        initial_indent=f"{_INDENT}→ ",
        subsequent_indent=f"{_INDENT}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def format_json(findings: Sequence[Finding]) -> str:
    """Return the same as JSON, with the facts of each finding."""
    rows = []
    for finding in findings:
        row = {
            "name": finding.name,
            "level": finding.level,
            "is_well": finding.is_well,
            "text": finding.text,
            "remedy": finding.remedy,
            "facts": finding.facts,
        }
        rows.append(_hide_home_within(row))
    data = {"status": choose_status(findings), "findings": rows}
    return json.dumps(data, indent=2, ensure_ascii=False)


def _hide_home_within(value: Any) -> Any:
    """Return a value of JSON with ~ for the home folder in all its texts."""
    if isinstance(value, str):
        return hide_home(value)
    if isinstance(value, dict):
        return {hide_home(name): _hide_home_within(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_hide_home_within(each) for each in value]
    return value


def choose_status(findings: Sequence[Finding]) -> int:
    """Return the exit status: 1 if something needed is missing."""
    return int(any(finding.is_failure for finding in findings))


def hide_home(text: str) -> str:
    """Return the text with ~ for the user's home folder, whose name may be a person's."""
    home = find_home()
    if home is None or home == home.parent:
        return text
    return re.sub(re.escape(str(home)) + r"(?![\w.-])", "~", text)


def find_home() -> Path | None:
    """Return the user's home folder; None where there is none, as in some containers."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def join_some(words: Sequence[str], most: int = 4) -> str:
    """Return the first words as a list, and the number of the others."""
    text = ", ".join(words[:most])
    if len(words) > most:
        text += f" and {len(words) - most} more"
    return text
