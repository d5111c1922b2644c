"""The search settings in demo.py's window: beam width and sampling."""

import random
import tkinter
from collections.abc import Callable
from tkinter import ttk
from typing import Any

from ui.answers import MAXIMUM_BEAM
from utils.errors import UserError

SETTLE_MS = 350  # a change counts after this pause, so that not every typed digit starts a search


class SearchControls(ttk.Frame):
    """Fields for the beam width and for sampling."""

    def __init__(
        self, parent: tkinter.Misc, settings: dict[str, Any], on_change: Callable[[], None]
    ) -> None:
        """Show the run's own `settings`; `on_change` is called after a change or "Sample again"."""
        super().__init__(parent)
        self._on_change = on_change
        self._timer: str | None = None
        self._seed = _make_seed()
        self._beam = tkinter.StringVar(self, str(settings.get("beam", 3)))
        self._sample = tkinter.BooleanVar(self, settings.get("sample", False))
        self._temperature = tkinter.StringVar(self, str(settings.get("temperature", 1.0)))
        self._top_p = tkinter.StringVar(self, str(settings.get("top_p") or 1.0))
        self.columnconfigure(0, weight=1)
        self.beam = self._add_number(
            0, "Beam width", self._beam, from_=1, to=MAXIMUM_BEAM, increment=1
        )
        self.sampling = ttk.Checkbutton(
            self,
            text="Sampling: pick words at random",
            variable=self._sample,
            command=self._change,
        )
        self.sampling.grid(row=1, column=0, columnspan=2, sticky="w", pady=(8, 2))
        self.temperature = self._add_number(
            2, "Temperature", self._temperature, from_=0.1, to=3, increment=0.1
        )
        self.top_p = self._add_number(
            3, "Likeliest share (top-p)", self._top_p, from_=0.05, to=1, increment=0.05
        )
        self.again = ttk.Button(self, text="Sample again   F5", command=self.sample_again)
        self.again.grid(row=4, column=0, columnspan=2, sticky="ew", pady=(6, 0))
        for variable in (self._beam, self._temperature, self._top_p):
            variable.trace_add("write", self._change)
        self._enable_sampling()

    def read(self) -> dict[str, Any]:
        """Return the settings of the search; reject numbers out of bounds."""
        beam = _parse_number("Beam width", self._beam.get(), (1, MAXIMUM_BEAM), whole=True)
        if not self._sample.get():
            return {"beam": int(beam), "sample": False}
        top_p = _parse_number("Likeliest share", self._top_p.get(), (0.01, 1))
        return {
            "beam": int(beam),
            "sample": True,
            "temperature": _parse_number("Temperature", self._temperature.get(), (0.01, 10)),
            "top_p": top_p if top_p < 1 else None,
            "seed": self._seed,
        }

    def sample_again(self) -> None:
        """Sample another caption, if sampling is on."""
        if self._sample.get():
            self._seed = _make_seed()
            self._on_change()

    def _add_number(
        self, row: int, name: str, variable: tkinter.StringVar, **bounds: float
    ) -> ttk.Spinbox:
        label = ttk.Label(self, text=name)
        label.grid(row=row, column=0, sticky="w", padx=(0, 8), pady=2)
        box = ttk.Spinbox(self, textvariable=variable, width=5, justify="right", **bounds)
        box.grid(row=row, column=1, sticky="e", pady=2)
        return box

    def _change(self, *_: Any) -> None:
        self._enable_sampling()
        if self._timer is not None:
            self.after_cancel(self._timer)
        self._timer = self.after(SETTLE_MS, self._on_change)

    def _enable_sampling(self) -> None:
        state = "!disabled" if self._sample.get() else "disabled"
        for widget in (self.temperature, self.top_p, self.again):
            widget.state([state])


def _make_seed() -> int:
    return random.randrange(2**31)


def _parse_number(
    name: str, text: str, bounds: tuple[float, float], *, whole: bool = False
) -> float:
    """Return the number in a field; its decimal mark may be a point or a comma."""
    lowest, highest = bounds
    try:
        number = int(text) if whole else float(text.replace(",", "."))
    except ValueError:
        number = None
    if number is None or not lowest <= number <= highest:
        kind = "a whole number" if whole else "a number"
        typed = text.strip() or "nothing"
        raise UserError(f"{name} must be {kind} from {lowest} to {highest} (got {typed})")
    return number
