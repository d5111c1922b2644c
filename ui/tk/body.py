"""All that stands in demo.py's window, and where."""

import sys
import tkinter
from collections.abc import Callable
from tkinter import ttk
from typing import Any

from ui.answers import Shown
from ui.tk.controls import SearchControls
from ui.tk.widgets import Candidates, PhotoView, Words

# The key that goes with a letter: as Tk calls it, and as people read it.
MODIFIER, READ = ("Command", "⌘") if sys.platform == "darwin" else ("Control", "Ctrl+")
PAD = 12  # pixels
OPEN, COPY, SAVE, SAVE_VIEW = BUTTONS = {  # with their letters
    "Open photo…": "O",
    "Copy caption": "C",
    "Save picture…": "S",
    "Save this view…": "Shift+S",
}


class Body(ttk.Frame):
    """The photo, beside it what there is to press and to turn; below them the caption, its words, all candidates."""

    def __init__(
        self,
        parent: tkinter.Misc,
        colours: dict[str, str],
        controls: dict[str, Any],
        *,
        actions: dict[str, Callable[[], None]],
        choose_word: Callable[[int | None], None],
        turned: Callable[[], None],
    ) -> None:
        """`actions` are those of the `BUTTONS`; `turned` is called when a caption is wanted anew; `controls` are the
        run's own settings, none of a run that names classes."""
        super().__init__(parent, padding=PAD)
        self.columnconfigure(0, weight=1)
        self.warning = ttk.Label(self, style="Warning.TLabel")
        self.photo = PhotoView(self, colours)
        side = ttk.Frame(self)
        offered = {
            name: letter for name, letter in BUTTONS.items() if controls or name != SAVE_VIEW
        }
        what = "caption" if controls else "class"
        told = {
            name: f"{name.replace('caption', what)}   {READ}{letter}"
            for name, letter in offered.items()
        }
        self.buttons = {
            name: ttk.Button(side, text=text, command=actions[name]) for name, text in told.items()
        }
        for button in self.buttons.values():
            button.pack(fill="x", pady=(0, 6))
        self.controls = SearchControls(side, controls, turned) if controls else None
        if self.controls is not None:
            self.controls.pack(fill="x", pady=(8, 0))
        self.caption = ttk.Label(self, style="Caption.TLabel")
        self.words = Words(self, choose_word)
        self.note = ttk.Label(self, style="Pale.TLabel")
        self.candidates = Candidates(
            self, ("Score", "Captions") if controls else ("Probability", "Classes")
        )
        state = ttk.Frame(self)
        self.bar = ttk.Progressbar(state, maximum=1.0, length=220)
        self.state = ttk.Label(state, style="Pale.TLabel")
        self.bar.pack(side="left", padx=(0, PAD))
        self.state.pack(side="left")

        self.photo.grid(row=1, column=0, sticky="nsew")
        side.grid(row=1, column=1, sticky="ns", padx=(PAD, 0))
        self.warning.grid(row=0, column=0, columnspan=2, sticky="ew", pady=(0, 8))
        for row, widget in enumerate(
            (self.caption, self.words, self.note, self.candidates, state), start=2
        ):
            widget.grid(row=row, column=0, columnspan=2, sticky="nsew", pady=(8, 0))
        if not controls:
            self.words.grid_remove()
        # The photo has what room is left. Where there is little, it becomes no lower than what is beside it; then the
        # list does, which can be scrolled.
        self.update_idletasks()  # now it is known how high that is
        self.rowconfigure(1, weight=1000, minsize=side.winfo_reqheight())
        self.rowconfigure(5, weight=1, minsize=80)
        self.warn(None)
        self.show(None)
        self.bind("<Configure>", self._wrap)

    def show(self, shown: Shown | None, note: str = "") -> None:
        """Show what is known of a photo, and a sentence below it; nothing is known yet where that is None."""
        self.caption.configure(text=shown.caption if shown else "")
        self.words.show(shown.words if shown else [])
        self.candidates.show(shown.candidates if shown else [])
        self.note.configure(text=note)
        (self.note.grid if note else self.note.grid_remove)()
        self.offer(shown, None)

    def offer(self, shown: Shown | None, word: int | None) -> None:
        """Let those buttons be pressed for which there is something."""
        there = {OPEN: True, COPY: shown, SAVE: shown, SAVE_VIEW: word is not None}
        for name, button in self.buttons.items():
            button.state(["!disabled" if there[name] else "disabled"])

    def say(self, text: str) -> None:
        """Say at the bottom what is done."""
        self.state.configure(text=text)

    def warn(self, text: str | None) -> None:
        """Show a warning at the top, or take it away."""
        self.warning.configure(text=text or "")
        (self.warning.grid if text else self.warning.grid_remove)()

    @property
    def warned(self) -> bool:
        """Whether a warning is shown."""
        return bool(self.warning.cget("text"))

    def load(self, share: float | None) -> None:
        """Show how much is loaded; all, when that is None."""
        if share is None:
            self.bar.pack_forget()
        else:
            self.bar.configure(value=share)

    def _wrap(self, event: Any) -> None:
        for label in (self.warning, self.caption, self.note):
            label.configure(wraplength=max(event.width - 2 * PAD - 20, 100))
