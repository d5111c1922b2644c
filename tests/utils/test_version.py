"""The version of this program."""

import tomllib

from tests.helpers.documents import ROOT
from utils.version import VERSION


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
