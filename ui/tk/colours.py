"""The colours of demo.py's window, light and dark."""

import tkinter
from tkinter import font, ttk

LIGHT = {
    "back": "#f3f4f6",
    "field": "#ffffff",
    "button": "#e3e6ea",
    "hover": "#d3d8de",
    "line": "#9aa1ab",
    "ink": "#1b1e23",
    "pale": "#565d68",
    "chosen": "#1f5c99",
    "on_chosen": "#ffffff",
    "warning": "#fde8b8",
    "on_warning": "#4a3200",
}
DARK = {
    "back": "#1e2126",
    "field": "#15171b",
    "button": "#33383f",
    "hover": "#444a53",
    "line": "#646c78",
    "ink": "#eceef1",
    "pale": "#a7aeb9",
    "chosen": "#8fc1f0",
    "on_chosen": "#10151b",
    "warning": "#5a430c",
    "on_warning": "#ffe9b0",
}


def apply_colours(window: tkinter.Misc, colours: dict[str, str]) -> None:
    """Give the window and all its widgets these colours."""
    window.configure(background=colours["back"])
    style = ttk.Style(window)
    style.theme_use("clam")  # the only theme on every system whose colours can all be set
    _style_all(style, colours)
    _style_buttons(style, colours)
    style.configure("TProgressbar", background=colours["chosen"])
    usual_font = font.nametofont("TkDefaultFont", root=window)
    large_font = usual_font.copy()
    large_font.configure(size=round(usual_font.actual("size") * 1.5), weight="bold")
    window.large_font = large_font  # Tk deletes a font that nobody holds
    _style_labels(style, colours, large_font)
    _style_list(style, colours, row_height=usual_font.metrics("linespace") + 6)


def _style_all(style: ttk.Style, colours: dict[str, str]) -> None:
    style.configure(
        ".",
        background=colours["back"],
        foreground=colours["ink"],
        fieldbackground=colours["field"],
        bordercolor=colours["line"],
        lightcolor=colours["back"],
        darkcolor=colours["back"],
        troughcolor=colours["field"],
        focuscolor=colours["chosen"],
        insertcolor=colours["ink"],
        arrowcolor=colours["ink"],
        selectbackground=colours["chosen"],
        selectforeground=colours["on_chosen"],
    )
    style.map(
        ".",
        foreground=[("disabled", colours["pale"])],
        fieldbackground=[("disabled", colours["back"])],
        bordercolor=[("focus", colours["chosen"])],
    )


def _style_buttons(style: ttk.Style, colours: dict[str, str]) -> None:
    backgrounds = [
        ("selected", colours["chosen"]),
        ("disabled", colours["back"]),
        ("active", colours["hover"]),
    ]
    foregrounds = [("disabled", colours["pale"]), ("selected", colours["on_chosen"])]
    for name in ("TButton", "Word.Toolbutton"):
        style.configure(name, background=colours["button"], padding=(8, 4))
        style.map(name, background=backgrounds, foreground=foregrounds)
    style.configure("Word.Toolbutton", relief="flat", borderwidth=1)
    style.configure(
        "TCheckbutton",
        indicatorforeground=colours["on_chosen"],
        indicatorbackground=colours["field"],
    )
    style.map(
        "TCheckbutton",
        background=[("active", colours["back"])],
        indicatorbackground=[("selected", colours["chosen"]), ("!selected", colours["field"])],
    )


def _style_labels(style: ttk.Style, colours: dict[str, str], large_font: font.Font) -> None:
    style.configure("Caption.TLabel", font=large_font)
    style.configure("Pale.TLabel", foreground=colours["pale"])
    style.configure(
        "Warning.TLabel", background=colours["warning"], foreground=colours["on_warning"], padding=8
    )


def _style_list(style: ttk.Style, colours: dict[str, str], row_height: int) -> None:
    style.configure(
        "Treeview",
        background=colours["field"],
        foreground=colours["ink"],
        rowheight=row_height,
    )
    style.map(
        "Treeview",
        background=[("selected", colours["chosen"])],
        foreground=[("selected", colours["on_chosen"])],
    )
    style.configure("Treeview.Heading", background=colours["button"])
    style.map("Treeview.Heading", background=[("active", colours["button"])])
