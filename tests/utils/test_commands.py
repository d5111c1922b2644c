"""Commands that are printed can be copied into a shell."""

import shlex

from utils.commands import format_command
from utils.prerequisites import PROJECT


def test_words_are_quoted(monkeypatch):
    monkeypatch.chdir(PROJECT)
    command = format_command("train.py", "--run", "checkpoints/my run; $HOME", "--resume")
    assert command == "python train.py --run 'checkpoints/my run; $HOME' --resume"


def test_from_another_folder_the_script_has_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(format_command("evaluate.py", "--run", "it's"))
    assert words == ["python", str(PROJECT / "evaluate.py"), "--run", "it's"]
