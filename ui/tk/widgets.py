"""What demo.py's window is made of: its colours, a photo that fits itself in, words as buttons in lines."""

import tkinter
from collections.abc import Callable, Sequence
from tkinter import font, ttk
from typing import Any

import numpy as np
from PIL import Image, ImageTk

from data.photos.images import resize

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
LARGEST = 8  # times its own size that a small photo is shown

Laying = Callable[[np.ndarray], np.ndarray]


def colour(window: tkinter.Misc, colours: dict[str, str]) -> None:
    """Give the window, and all widgets that will come into it, these colours."""
    style = ttk.Style(window)
    style.theme_use("clam")  # the one theme of every system whose colours can all be set
    window.configure(background=colours["back"])
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
    shades = [
        ("selected", colours["chosen"]),
        ("disabled", colours["back"]),
        ("active", colours["hover"]),
    ]
    for name in ("TButton", "Word.Toolbutton"):
        style.configure(name, background=colours["button"], padding=(8, 4))
        style.map(
            name,
            background=shades,
            foreground=[("disabled", colours["pale"]), ("selected", colours["on_chosen"])],
        )
    style.configure("Word.Toolbutton", relief="flat", borderwidth=1)
    style.map(
        "TCheckbutton",
        background=[("active", colours["back"])],
        indicatorbackground=[("selected", colours["chosen"]), ("!selected", colours["field"])],
    )
    style.configure(
        "TCheckbutton",
        indicatorforeground=colours["on_chosen"],
        indicatorbackground=colours["field"],
    )
    style.configure("TProgressbar", background=colours["chosen"])
    style.configure("Pale.TLabel", foreground=colours["pale"])
    style.configure(
        "Warning.TLabel", background=colours["warning"], foreground=colours["on_warning"], padding=8
    )
    usual = font.nametofont("TkDefaultFont", root=window)
    large = usual.copy()
    large.configure(size=round(usual.actual("size") * 1.5), weight="bold")
    window.large = large  # a font that nobody holds is gone
    style.configure("Caption.TLabel", font=large)
    style.configure(
        "Treeview",
        background=colours["field"],
        foreground=colours["ink"],
        rowheight=usual.metrics("linespace") + 6,
    )
    style.map(
        "Treeview",
        background=[("selected", colours["chosen"])],
        foreground=[("selected", colours["on_chosen"])],
    )
    style.configure("Treeview.Heading", background=colours["button"])
    style.map("Treeview.Heading", background=[("active", colours["button"])])


class PhotoView(tkinter.Canvas):
    """A photo as large as there is room for, or a hint where there is none."""

    def __init__(self, parent: tkinter.Misc, colours: dict[str, str]) -> None:
        super().__init__(
            parent, background=colours["back"], highlightthickness=0, width=320, height=200
        )
        self._ink = colours["pale"]
        self._pixels: np.ndarray | None = None
        self._lay: Laying | None = None
        self._hint = ""
        self._later: str | None = None
        self.bind("<Configure>", self._resize)

    def hint(self, text: str) -> None:
        """Show these words, where there is no photo."""
        self._hint = text
        self._draw()

    def show(self, pixels: np.ndarray, lay: Laying | None = None) -> None:
        """Show the photo (H, W, 3) uint8, with what `lay` lays over it once it has the size of the screen."""
        self._pixels, self._lay = pixels, lay
        self._draw()

    def _resize(self, _: Any) -> None:
        """Draw anew when the window has its new size, not on the way there."""
        if self._later is not None:
            self.after_cancel(self._later)
        self._later = self.after(40, self._draw)

    @property
    def waits(self) -> bool:
        """Whether it has a new size, and is not drawn in it yet."""
        return self._later is not None

    def _draw(self) -> None:
        self._later = None
        self.delete("all")
        room = self.winfo_width(), self.winfo_height()
        middle = room[0] / 2, room[1] / 2
        if self._pixels is None:
            self.create_text(
                *middle,
                text=self._hint,
                fill=self._ink,
                justify="center",
                width=max(room[0] - 40, 40),
            )
            return
        height, width = self._pixels.shape[:2]
        scale = min(room[0] / width, room[1] / height, LARGEST)
        fitting = resize(
            self._pixels, (max(round(height * scale), 1), max(round(width * scale), 1))
        )
        image = Image.fromarray(fitting if self._lay is None else self._lay(fitting))
        self.image = ImageTk.PhotoImage(image, master=self)  # one that nobody holds is gone
        self.create_image(*middle, image=self.image)


class Words(ttk.Frame):
    """The words of a caption as buttons, after one for the photo alone; the arrow keys go from one to the next."""

    GAP = 4  # pixels

    def __init__(self, parent: tkinter.Misc, choose: Callable[[int | None], None]) -> None:
        """`choose` is told the number of the word that was chosen, or None for the photo alone."""
        super().__init__(parent)
        self._choose = choose
        self._chosen = tkinter.StringVar(self)
        self.buttons: list[ttk.Radiobutton] = []
        self._line = ttk.Radiobutton(
            self, text="word", style="Word.Toolbutton"
        ).winfo_reqheight()  # kept free for words
        self.bind("<Configure>", lambda _: self._flow())

    def show(self, words: Sequence[str]) -> None:
        """Show these words, the photo alone chosen; nothing at all where there are none."""
        focused = self.focus_get() in self.buttons
        for button in self.buttons:
            button.destroy()
        self.buttons = [
            self._button(place, text)
            for place, text in enumerate(["Photo", *words] if words else [])
        ]
        self._chosen.set("0")
        self._flow()
        if focused and self.buttons:
            self.buttons[0].focus_set()

    def choose(self, place: int) -> None:
        """Choose a button: 0 is the photo alone, 1 the first word."""
        if self.buttons:
            self._chosen.set(str(place))
            self._tell()

    def step(self, step: int) -> None:
        """Choose the next button, or the one before."""
        if self.buttons:
            self._go(int(self._chosen.get()) + step)

    def _button(self, place: int, text: str) -> ttk.Radiobutton:
        button = ttk.Radiobutton(
            self,
            text=text,
            variable=self._chosen,
            value=str(place),
            style="Word.Toolbutton",
            command=self._tell,
            takefocus=place == 0,
        )
        for key, step in (("<Left>", -1), ("<Up>", -1), ("<Right>", 1), ("<Down>", 1)):
            button.bind(key, lambda _, step=step: self._go(place + step))
        button.bind("<Home>", lambda _: self._go(0))
        button.bind("<End>", lambda _: self._go(len(self.buttons) - 1))
        return button

    def _go(self, place: int) -> str:
        """Choose a button and give it the keyboard; nothing else is then done at the key."""
        place %= len(self.buttons)
        self.choose(place)
        self.buttons[place].focus_set()
        return "break"

    def _tell(self) -> None:
        chosen = int(self._chosen.get())
        for place, button in enumerate(self.buttons):  # one stop for the Tab key: the chosen one
            button.configure(takefocus=place == chosen)
        self._choose(chosen - 1 if chosen else None)

    def _flow(self) -> None:
        """Put the buttons into lines, as many to each as there is room for."""
        x = y = line = 0
        for button in self.buttons:
            width, line = button.winfo_reqwidth(), button.winfo_reqheight()
            if x and x + width > self.winfo_width():
                x, y = 0, y + line + self.GAP
            button.place(x=x, y=y, width=min(width, max(self.winfo_width(), 1)))
            x += width + self.GAP
        self.configure(height=y + line if self.buttons else self._line)


class Candidates(ttk.Frame):
    """Captions with their scores, or classes with their probabilities."""

    LINES = 5

    def __init__(self, parent: tkinter.Misc, headings: tuple[str, str]) -> None:
        """`headings` are those of the numbers and of what they belong to."""
        super().__init__(parent)
        self.columnconfigure(0, weight=1)
        self.rowconfigure(0, weight=1)
        self.list = ttk.Treeview(
            self,
            columns=("number", "text"),
            show="headings",
            height=self.LINES,
            selectmode="browse",
        )
        wide = font.nametofont("TkDefaultFont", root=self).measure(headings[0]) + 32
        self.list.column("number", width=wide, stretch=False, anchor="e")
        for name, heading, side in zip(("number", "text"), headings, ("e", "w"), strict=True):
            self.list.heading(name, text=heading, anchor=side)
        self.list.grid(row=0, column=0, sticky="nsew")
        for way, place in (
            ("vertical", {"row": 0, "column": 1, "sticky": "ns"}),
            ("horizontal", {"row": 1, "column": 0, "sticky": "ew"}),
        ):
            view = self.list.yview if way == "vertical" else self.list.xview
            bar = ttk.Scrollbar(self, orient=way, command=view)
            bar.grid(**place)
            bar.grid_remove()
            self.list.configure(
                **{f"{'y' if way == 'vertical' else 'x'}scrollcommand": _where_needed(bar)}
            )

    def show(self, candidates: Sequence[tuple[str, float]]) -> None:
        """List these, the best first."""
        self.list.delete(*self.list.get_children())
        for text, number in candidates:
            self.list.insert("", "end", values=(f"{number:.2f}", text))
        measure = font.nametofont("TkDefaultFont", root=self).measure
        self.list.column(
            "text", minwidth=max([measure(text) for text, _ in candidates], default=0) + 24
        )
        if candidates:
            self.list.focus(self.list.get_children()[0])

    def chosen(self) -> str | None:
        """The text that is marked while the list has the keyboard."""
        marked = self.list.selection()
        return (
            self.list.item(marked[0], "values")[1]
            if marked and self.focus_get() is self.list
            else None
        )


def _where_needed(bar: ttk.Scrollbar) -> Callable[[str, str], None]:
    """What sets a scroll bar, and hides it where all is seen."""

    def follow(first: str, last: str) -> None:
        bar.set(first, last)
        (bar.grid_remove if float(first) <= 0 and float(last) >= 1 else bar.grid)()

    return follow
