"""Rows of the settings section: values, defaults, meanings, and where values came from."""

import pytest

from config import Settings
from reports.settings_table import list_settings, select_settings
from tests.helpers.pages import read_rows, render
from tests.helpers.saved_runs import saved_run
from utils import runs


def read_config(folder, given=None, **more):
    """Return the config.json of a run with these settings."""
    return runs.read_config(saved_run(folder, given, **more))


def show(saved):
    return render('{% include "settings.html" %}', content=list_settings(saved))


@pytest.fixture
def saved(tmp_path):
    return read_config(tmp_path, {"units": 64, "strict": True, "dropout": 0.2})


def test_settings_that_differ_are_shown_with_the_default(saved):
    rows = {row.option: (row.value, row.default) for row in list_settings(saved)["changed"]}
    assert rows["--dataset"] == ("photos/mine", "–")
    assert rows["--strict"] == ("yes", "no")
    assert rows["--units"] == ("64", "512")
    assert rows["--dropout"] == ("0.2", "0.4")


def test_every_setting_is_shown_once(saved):
    rows = list_settings(saved)
    options = [row.option for kind in ("changed", "unchanged") for row in rows[kind]]
    known = Settings().flat().keys() - {"trunk", "alter"}  # these two are a classifier's
    assert len(options) == len(set(options))
    assert set(options) == {"--" + name.replace("_", "-") for name in known}
    unchanged = {row.option: row.value for row in rows["unchanged"]}
    assert (unchanged["--batch"], unchanged["--limit"]) == ("64", "–")


def test_the_origin_of_a_value_is_shown(saved):
    saved["origins"] = {"units": "command line", "batch": "preset <b>"}
    rows = list_settings(saved)
    changed = {row.option: row.origin for row in rows["changed"]}
    unchanged = {row.option: row.origin for row in rows["unchanged"]}
    assert (changed["--units"], changed["--dropout"]) == ("command line", "")
    assert unchanged["--batch"] == "preset <b>"
    page = show(saved)
    shown = read_rows(page, "Settings that differ from the default")
    values = {row[0].split()[0]: row[1] for row in shown[1:]}
    assert (values["--units"], values["--dropout"]) == ("64 command line", "0.2")
    assert ["--batch", "64 preset <b>"] in read_rows(page, "Settings with their default")


def test_the_page_shows_what_a_setting_means(saved):
    row = next(row for row in list_settings(saved)["changed"] if row.option == "--strict")
    assert row.meaning in show(saved).texts("small")


def test_a_run_with_default_settings_has_no_table_of_changes():
    page = show({"preset": "inception-gru"})
    assert page.texts("p") == ["All settings are the default."]


def test_a_classifier_has_no_settings_of_captions():
    given = {"preset": "classifier", "dataset": "colours", "trunk": "tutorial", "batch": 4}
    saved = Settings.from_flat(given).for_classifier()
    settings = select_settings(saved)
    assert "beam" not in settings
    assert settings["trunk"] == "tutorial"
    rows = {row.option: (row.value, row.default) for row in list_settings(saved)["changed"]}
    assert rows["--batch"] == ("4", "64")


def test_a_captioner_has_no_settings_of_classes(saved):
    assert "trunk" not in select_settings(saved)
