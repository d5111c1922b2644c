"""The files that demo.py's page offers."""

import os
import time

from ui.web.downloads import KEEP_SECONDS, Downloads


def test_old_files_are_removed(tmp_path):
    downloads = Downloads(tmp_path)
    for name, age in {"new": 0, "old": 2 * KEEP_SECONDS}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "view.png").touch()
        changed = time.time() - age
        os.utime(tmp_path / name, (changed, changed))
    downloads.remove_old()
    assert [folder.name for folder in tmp_path.iterdir()] == ["new"]
