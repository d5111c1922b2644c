"""The layout of demo.py's window."""

import sys
import tkinter
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import ttk
from typing import Any

from ui.answers import Answer
from ui.tk.controls import SearchControls
from ui.tk.widgets import CandidateList, PhotoView, WordButtons, show_if

# The key that goes with a letter: its name in Tk, and its name on the buttons.
if sys.platform == "darwin":
    MODIFIER, MODIFIER_LABEL = "Command", "⌘"
else:
    MODIFIER, MODIFIER_LABEL = "Control", "Ctrl+"
PADDING = 12  # pixels

OPEN = "Open photo…"
COPY = "Copy caption"
SAVE = "Save picture…"
SAVE_VIEW = "Save this view…"
BUTTON_KEYS = {OPEN: "O", COPY: "C", SAVE: "S", SAVE_VIEW: "Shift+S"}


@dataclass(frozen=True)
class Actions:
    """The functions that the window's widgets call."""

    buttons: dict[str, Callable[[], None]]  # by the names in `BUTTON_KEYS`
    choose_word: Callable[[int | None], None]
    change_settings: Callable[[], None]


class Body(ttk.Frame):
    """All of the window's widgets.

    The photo has the buttons and the search settings beside it; the caption, its words and all
    candidates are below.
    """

    def __init__(
        self,
        parent: tkinter.Misc,
        colours: dict[str, str],
        settings: dict[str, Any],
        actions: Actions,
    ) -> None:
        """Build the widgets; `settings` are the run's search settings, {} for a classifier."""
        super().__init__(parent, padding=PADDING)
        is_captioner = bool(settings)
        headings = ("Score", "Captions") if is_captioner else ("Probability", "Classes")
        self.warning = ttk.Label(self, style="Warning.TLabel")
        self.photo = PhotoView(self, colours)
        side = ttk.Frame(self)
        self.buttons = self._add_buttons(side, actions, is_captioner=is_captioner)
        self.controls: SearchControls | None = None
        if is_captioner:
            self.controls = SearchControls(side, settings, actions.change_settings)
            self.controls.pack(fill="x", pady=(8, 0))
        self.caption = ttk.Label(self, style="Caption.TLabel")
        self.words = WordButtons(self, actions.choose_word)
        self.note = ttk.Label(self, style="Pale.TLabel")
        self.candidates = CandidateList(self, headings)
        status_line = ttk.Frame(self)
        self.bar = ttk.Progressbar(status_line, maximum=1.0, length=220)
        self.status = ttk.Label(status_line, style="Pale.TLabel")
        self.bar.pack(side="left", padx=(0, PADDING))
        self.status.pack(side="left")

        self._arrange(side, status_line)
        if not is_captioner:
            self.words.grid_remove()
        self.warn(None)
        self.show(None)
        self.bind("<Configure>", self._wrap_labels)

    def _add_buttons(
        self, side: ttk.Frame, actions: Actions, *, is_captioner: bool
    ) -> dict[str, ttk.Button]:
        buttons = {}
        for name, key in BUTTON_KEYS.items():
            label = name
            if not is_captioner:
                if name == SAVE_VIEW:  # a classifier has no attention to save
                    continue
                label = name.replace("caption", "class")
            text = f"{label}   {MODIFIER_LABEL}{key}"
            buttons[name] = ttk.Button(side, text=text, command=actions.buttons[name])
            buttons[name].pack(fill="x", pady=(0, 6))
        return buttons

    def _arrange(self, side: ttk.Frame, status_line: ttk.Frame) -> None:
        self.columnconfigure(0, weight=1)
        self.warning.grid(row=0, column=0, columnspan=2, sticky="ew", pady=(0, 8))
        self.photo.grid(row=1, column=0, sticky="nsew")
        side.grid(row=1, column=1, sticky="ns", padx=(PADDING, 0))
        below = (self.caption, self.words, self.note, self.candidates, status_line)
        for row, widget in enumerate(below, start=2):
            widget.grid(row=row, column=0, columnspan=2, sticky="nsew", pady=(8, 0))
        # The photo gets all spare room. In a small window it shrinks to the height of the widgets
        # beside it; after that the list shrinks, since it can scroll.
        self.update_idletasks()  # computes that height
        self.rowconfigure(1, weight=1000, minsize=side.winfo_reqheight())
        self.rowconfigure(5, weight=1, minsize=80)

    def show(self, answer: Answer | None, note: str = "") -> None:
        """Show the answer for a photo and a note below it; with None, clear both."""
        self.caption.configure(text=answer.caption if answer else "")
        self.words.show(answer.words if answer else [])
        self.candidates.show(answer.candidates if answer else [])
        self.note.configure(text=note)
        show_if(self.note, bool(note))
        self.enable_buttons(answer, word=None)

    def enable_buttons(self, answer: Answer | None, word: int | None) -> None:
        """Enable the buttons that have something to copy or save."""
        is_enabled = {
            OPEN: True,
            COPY: answer is not None,
            SAVE: answer is not None,
            SAVE_VIEW: word is not None,
        }
        for name, button in self.buttons.items():
            button.state(["!disabled" if is_enabled[name] else "disabled"])

    def set_status(self, text: str) -> None:
        """Show at the bottom what the program does."""
        self.status.configure(text=text)

    def warn(self, text: str | None) -> None:
        """Show a warning at the top, or hide it."""
        self.warning.configure(text=text or "")
        show_if(self.warning, bool(text))

    @property
    def has_warning(self) -> bool:
        """Return whether a warning is shown."""
        return bool(self.warning.cget("text"))

    def show_loading(self, share: float) -> None:
        """Show which share of the model is loaded."""
        self.bar.configure(value=share)

    def hide_loading(self) -> None:
        """Hide the bar."""
        self.bar.pack_forget()

    def _wrap_labels(self, event: Any) -> None:
        for label in (self.warning, self.caption, self.note):
            label.configure(wraplength=max(event.width - 2 * PADDING - 20, 100))
