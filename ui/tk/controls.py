"""What there is to turn in demo.py's window: how wide is searched, and whether words are drawn at random instead."""

import random
import tkinter
from collections.abc import Callable
from tkinter import ttk
from typing import Any

from ui.answers import WIDEST
from utils.errors import UserError

SETTLED_MS = 350  # a setting counts once it has not been changed for so long


class SearchControls(ttk.Frame):
    """Beam width and sampling; `changed` is called once a change has settled, or new draws are asked for."""

    def __init__(
        self, parent: tkinter.Misc, begin: dict[str, Any], changed: Callable[[], None]
    ) -> None:
        """`begin` are the run's own settings."""
        super().__init__(parent)
        self._changed = changed
        self._settling: str | None = None
        self._seed = random.randrange(2**31)
        self._beam = tkinter.StringVar(self, str(begin.get("beam", 3)))
        self._sample = tkinter.BooleanVar(self, begin.get("sample", False))
        self._temperature = tkinter.StringVar(self, str(begin.get("temperature", 1.0)))
        self._top_p = tkinter.StringVar(self, str(begin.get("top_p") or 1.0))
        self.columnconfigure(0, weight=1)
        self.beam = self._number(0, "Beam width", self._beam, from_=1, to=WIDEST, increment=1)
        self.sampling = ttk.Checkbutton(
            self,
            text="Sampling: words drawn at random",
            variable=self._sample,
            command=self._turned,
        )
        self.sampling.grid(row=1, column=0, columnspan=2, sticky="w", pady=(8, 2))
        self.temperature = self._number(
            2, "Temperature", self._temperature, from_=0.1, to=3, increment=0.1
        )
        self.top_p = self._number(
            3, "Likeliest share (top-p)", self._top_p, from_=0.05, to=1, increment=0.05
        )
        self.again = ttk.Button(self, text="Draw again   F5", command=self.draw_again)
        self.again.grid(row=4, column=0, columnspan=2, sticky="ew", pady=(6, 0))
        for each in (self._beam, self._temperature, self._top_p):
            each.trace_add("write", self._turned)
        self._enable()

    def settings(self) -> dict[str, Any]:
        """Settings of a search, as they stand here; refused where they are no numbers that can be."""
        found: dict[str, Any] = {
            "beam": int(_number("Beam width", self._beam.get(), least=1, most=WIDEST, whole=True)),
            "sample": self._sample.get(),
        }
        if found["sample"]:
            top_p = _number("Likeliest share", self._top_p.get(), least=0.01, most=1)
            found |= {
                "temperature": _number("Temperature", self._temperature.get(), least=0.01, most=10),
                "top_p": top_p if top_p < 1 else None,
                "seed": self._seed,
            }
        return found

    def draw_again(self) -> None:
        """Have other words drawn."""
        if self._sample.get():
            self._seed = random.randrange(2**31)
            self._changed()

    def _number(
        self, row: int, name: str, variable: tkinter.StringVar, **between: float
    ) -> ttk.Spinbox:
        ttk.Label(self, text=name).grid(row=row, column=0, sticky="w", padx=(0, 8), pady=2)
        box = ttk.Spinbox(self, textvariable=variable, width=5, justify="right", **between)
        box.grid(row=row, column=1, sticky="e", pady=2)
        return box

    def _turned(self, *_: Any) -> None:
        self._enable()
        if self._settling is not None:
            self.after_cancel(self._settling)
        self._settling = self.after(SETTLED_MS, self._changed)

    def _enable(self) -> None:
        for widget in (self.temperature, self.top_p, self.again):
            widget.state(["!disabled" if self._sample.get() else "disabled"])


def _number(name: str, text: str, *, least: float, most: float, whole: bool = False) -> float:
    """The number that was typed, with a point or a comma."""
    try:
        number = int(text) if whole else float(text.replace(",", "."))
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        kind = "a whole number" if whole else "a number"
        raise UserError(f"{name} is {kind} from {least} to {most}, not {text.strip() or 'nothing'}")
    return number
