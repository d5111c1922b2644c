"""The settings of a run for its page, each with where its value came from."""

from dataclasses import dataclass, fields
from typing import Any

import config
from config import Settings
from utils import runs
from utils.tables import format_setting


@dataclass(frozen=True)
class SettingRow:
    """A setting as the page shows it; `origin` is what chose the value, empty if not known."""

    option: str
    meaning: str
    value: str
    default: str
    origin: str = ""


def list_settings(saved: dict[str, Any]) -> dict[str, list[SettingRow]]:
    """Return rows for the settings of a config.json: `changed` and `unchanged` ones."""
    defaults = Settings().flat()
    meanings = {"preset": "the system that is trained"}
    for group in config.GROUPS:
        for each in fields(group):
            meanings[each.name] = each.metadata["help"]
    origins = saved.get("origins", {})

    rows: dict[str, list[SettingRow]] = {"changed": [], "unchanged": []}
    for name, value in select_settings(saved).items():
        row = SettingRow(
            "--" + name.replace("_", "-"),
            meanings[name],
            format_setting(value),
            format_setting(defaults[name]),
            origins.get(name, ""),
        )
        kind = "unchanged" if value == defaults[name] else "changed"
        rows[kind].append(row)
    return rows


def select_settings(saved: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that the run uses; captioners and classifiers have different ones."""
    settings = Settings.from_config(saved)
    if runs.is_classifier(saved):
        return settings.for_classifier()
    of_classes = {each.name for each in fields(config.Classes)}
    selected = {}
    for name, value in settings.flat().items():
        if name in saved and name not in of_classes:
            selected[name] = value
    return selected
