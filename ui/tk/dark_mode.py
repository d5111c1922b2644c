"""What the desktop is set to."""

import os
import subprocess
import sys

_ASKED = {  # what tells on each system; of Linux the setting that GNOME, and others for its programs, keep
    "darwin": ("defaults", "read", "-g", "AppleInterfaceStyle"),
    "linux": ("gsettings", "get", "org.gnome.desktop.interface", "color-scheme"),
    "win32": (
        "reg",
        "query",
        r"HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize",
        "/v",
        "AppsUseLightTheme",
    ),
}


def is_dark() -> bool:
    """Whether programs are wanted dark; no where nothing tells."""
    if os.environ.get("GTK_THEME"):
        return os.environ["GTK_THEME"].lower().endswith("dark")
    try:
        told = subprocess.run(
            _ASKED[sys.platform], capture_output=True, text=True, timeout=2, check=True
        ).stdout
    except (KeyError, OSError, subprocess.SubprocessError):
        return False
    return "dark" in told.lower() or told.split()[-1:] == ["0x0"]
