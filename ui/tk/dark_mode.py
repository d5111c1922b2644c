"""The desktop's dark mode."""

import os
import subprocess
import sys

# The command that prints the setting of each system. On Linux it is GNOME's, which other desktops
# set too.
COMMANDS = {
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
    """Return whether the desktop is in dark mode; False if it does not say."""
    theme = os.environ.get("GTK_THEME")
    if theme:
        return theme.lower().endswith("dark")
    command = COMMANDS.get(sys.platform)
    if command is None:
        return False
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    setting = process.stdout.lower()
    uses_light_theme = setting.split()[-1:]  # the last word in Windows' registry, 0x0 or 0x1
    return "dark" in setting or uses_light_theme == ["0x0"]
