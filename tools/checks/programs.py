"""Check what windows, METEOR, SPICE and pictures with East Asian letters need."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tools.checks.findings import HELPFUL, Finding
from utils.metrics.java import list_missing_libraries
from utils.plots.fonts import choose_fonts, suggest_font

SECONDS = 5  # for Java and Tk to answer
# Letters of a language that a font for another one may lack.
LETTERS = {"Korean": "한글", "Chinese": "汉语漢語", "Japanese": "かなカナ"}
_IN_BROWSER = "or the browser: python demo.py --web"
_OPEN_WINDOW = "import tkinter; tkinter.Tk().destroy()"


def has_tk() -> bool:
    """Return whether this Python can import Tk."""
    try:
        importlib.import_module("tkinter")
    except ImportError:
        return False
    return True


def check_tk() -> Finding:
    """Check that Python has Tk, which the window of demo.py needs."""
    if has_tk():
        return Finding("Tk", "is installed, for the window of demo.py", HELPFUL)
    text = "this Python has none, and the window of demo.py needs it"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    remedy = f"apt install python3-tk (macOS: brew install python-tk@{version}), {_IN_BROWSER}"
    return Finding("Tk", text, HELPFUL, remedy)


def check_screen() -> Finding:
    """Check that a window can be opened; on Linux one is opened, and closed before it is seen."""
    if not sys.platform.startswith("linux"):
        return Finding("screen", "not tried on this system")
    if not os.environ.get("DISPLAY"):
        text = "none: DISPLAY is not set, so no window can be opened"
        remedy = f"use a desktop session or ssh -X, {_IN_BROWSER}"
        return Finding("screen", text, HELPFUL, remedy)
    if not has_tk():
        return Finding("screen", "DISPLAY is set; without Tk it was not tried", HELPFUL)
    problem = _try_window()
    if problem is None:
        return Finding("screen", "a window can be opened", HELPFUL)
    text = f"no window can be opened ({problem})"
    return Finding("screen", text, HELPFUL, f"set DISPLAY to a running screen, {_IN_BROWSER}")


def _try_window() -> str | None:
    """Open a window in a process of its own; return why that fails, or None."""
    command = [sys.executable, "-c", _OPEN_WINDOW]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS} seconds"
    if not done.returncode:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit status {done.returncode}"


def check_java() -> Finding:
    """Check Java, and the files of SPICE that pycocoevalcap comes without."""
    version = _read_java_version()
    if version is None:
        text = "does not run here, so METEOR and SPICE are not scored"
        remedy = "apt install default-jre-headless (macOS: brew install openjdk)"
        return Finding("Java", text, HELPFUL, remedy, {"version": None})
    facts = {"version": version, "missing_for_spice": []}
    if find_spec("pycocoevalcap") is None:
        text = f"{version}; METEOR and SPICE also need the package pycocoevalcap"
        return Finding("Java", text, HELPFUL, facts=facts)
    missing = list_missing_libraries()
    if not missing:
        return Finding("Java", f"{version}, for METEOR and SPICE", HELPFUL, facts=facts)
    facts["missing_for_spice"] = [file.name for file in missing]
    text = f"{version}, for METEOR; SPICE lacks Stanford CoreNLP 3.6.0"
    remedy = f"put {missing[0].name} and its models into {_shorten(missing[0].parent)}"
    return Finding("Java", text, HELPFUL, remedy, facts)


def _shorten(path: Path) -> Path:
    """Return the path from the current folder on, if it is below that."""
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd())
    return path


def _read_java_version() -> str | None:
    """Return the version that Java prints; None if it does not run.

    macOS has a program of that name even without Java.
    """
    program = shutil.which("java")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    match = re.search(r'version "([^"]+)"', done.stderr + done.stdout)
    return match[1] if match else "of an unknown version"


def check_fonts() -> Finding:
    """Check that matplotlib finds fonts with the letters of Korean, Chinese and Japanese."""
    fonts: list[str] = []
    missing = []
    for language, letters in LETTERS.items():
        if suggest_font([letters]) is not None:
            missing.append(language)
            continue
        for font in choose_fonts(letters)[1:]:
            if font not in fonts:
                fonts.append(font)
    facts = {"fonts": fonts, "missing": missing}
    if missing:
        text = f"none for {', '.join(missing)}: pictures show □ in their place"
        remedy = "apt install fonts-noto-cjk (macOS: brew install font-noto-sans-cjk)"
        return Finding("fonts", text, HELPFUL, remedy, facts)
    text = f"{', '.join(LETTERS)}: {', '.join(fonts)}"
    return Finding("fonts", text, HELPFUL, facts=facts)
