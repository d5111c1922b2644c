"""The widgets of demo.py's window: the photo, the words of a caption, the list of candidates."""

import tkinter
from collections.abc import Callable, Sequence
from tkinter import font, ttk
from typing import Any

import numpy as np
from PIL import Image, ImageTk

from data.photos.images import resize

MAXIMUM_SCALE = 8  # how much larger than its own size a small photo is shown

Overlay = Callable[[np.ndarray], np.ndarray]


def show_if(widget: tkinter.Widget, is_shown: bool) -> None:
    """Show a widget at its place in the grid, or hide it."""
    if is_shown:
        widget.grid()
    else:
        widget.grid_remove()


class PhotoView(tkinter.Canvas):
    """A photo as large as the room allows, or a hint if there is no photo."""

    def __init__(self, parent: tkinter.Misc, colours: dict[str, str]) -> None:
        super().__init__(
            parent, background=colours["back"], highlightthickness=0, width=320, height=200
        )
        self._hint_colour = colours["pale"]
        self._hint = ""
        self._pixels: np.ndarray | None = None
        self._overlay: Overlay | None = None
        self._timer: str | None = None
        self.bind("<Configure>", self._resize)

    def show_hint(self, text: str) -> None:
        """Show this text while there is no photo."""
        self._hint = text
        self._draw()

    def show(self, pixels: np.ndarray, overlay: Overlay | None = None) -> None:
        """Show the photo (H, W, 3) uint8; `overlay` is applied after it has been resized."""
        self._pixels = pixels
        self._overlay = overlay
        self._draw()

    @property
    def is_resizing(self) -> bool:
        """Return whether the photo is not yet drawn at the new size."""
        return self._timer is not None

    def _resize(self, _: Any) -> None:
        """Draw once the window has its new size, and not at each step on the way."""
        if self._timer is not None:
            self.after_cancel(self._timer)
        self._timer = self.after(40, self._draw)

    def _draw(self) -> None:
        self._timer = None
        self.delete("all")
        if self._pixels is None:
            self._draw_hint()
        else:
            self._draw_photo()

    def _draw_hint(self) -> None:
        width = self.winfo_width()
        self.create_text(
            width / 2,
            self.winfo_height() / 2,
            text=self._hint,
            fill=self._hint_colour,
            justify="center",
            width=max(width - 40, 40),
        )

    def _draw_photo(self) -> None:
        room_width, room_height = self.winfo_width(), self.winfo_height()
        height, width = self._pixels.shape[:2]
        scale = min(room_width / width, room_height / height, MAXIMUM_SCALE)
        size = max(round(height * scale), 1), max(round(width * scale), 1)
        pixels = resize(self._pixels, size)
        if self._overlay is not None:
            pixels = self._overlay(pixels)
        # Tk drops an image that nobody holds.
        self.image = ImageTk.PhotoImage(Image.fromarray(pixels), master=self)
        self.create_image(room_width / 2, room_height / 2, image=self.image)


class WordButtons(ttk.Frame):
    """A button for the plain photo and one for each word of a caption; arrow keys move on."""

    GAP = 4  # pixels

    def __init__(self, parent: tkinter.Misc, choose: Callable[[int | None], None]) -> None:
        """`choose` is called with the number of a word, or None for the plain photo."""
        super().__init__(parent)
        self._choose = choose
        self._chosen = tkinter.StringVar(self)
        self.buttons: list[ttk.Radiobutton] = []
        sample = ttk.Radiobutton(self, text="word", style="Word.Toolbutton")
        self._line_height = sample.winfo_reqheight()  # kept free while there are no words
        self.bind("<Configure>", lambda _: self._place_buttons())

    def show(self, words: Sequence[str]) -> None:
        """Show these words and choose the plain photo; without words, show no button at all."""
        had_focus = self.focus_get() in self.buttons
        for button in self.buttons:
            button.destroy()
        texts = ["Photo", *words] if words else []
        self.buttons = [self._make_button(place, text) for place, text in enumerate(texts)]
        self._chosen.set("0")
        self._place_buttons()
        if had_focus and self.buttons:
            self.buttons[0].focus_set()

    def choose(self, place: int) -> None:
        """Choose a button: 0 is the plain photo, 1 the first word."""
        if self.buttons:
            self._chosen.set(str(place))
            self._report()

    def step(self, step: int) -> None:
        """Choose the button that is `step` places further, and start again after the last."""
        if self.buttons:
            self._focus(int(self._chosen.get()) + step)

    def _make_button(self, place: int, text: str) -> ttk.Radiobutton:
        button = ttk.Radiobutton(
            self,
            text=text,
            variable=self._chosen,
            value=str(place),
            style="Word.Toolbutton",
            command=self._report,
            takefocus=place == 0,
        )
        for key, step in (("<Left>", -1), ("<Up>", -1), ("<Right>", 1), ("<Down>", 1)):
            button.bind(key, lambda _, step=step: self._focus(place + step))
        button.bind("<Home>", lambda _: self._focus(0))
        button.bind("<End>", lambda _: self._focus(len(self.buttons) - 1))
        return button

    def _focus(self, place: int) -> str:
        """Choose a button and give it the focus."""
        place %= len(self.buttons)
        self.choose(place)
        self.buttons[place].focus_set()
        return "break"  # Tk then ignores the key's other bindings

    def _report(self) -> None:
        chosen = int(self._chosen.get())
        for place, button in enumerate(self.buttons):
            button.configure(takefocus=place == chosen)  # the Tab key stops only here
        self._choose(None if chosen == 0 else chosen - 1)

    def _place_buttons(self) -> None:
        """Place the buttons in lines, and begin a new line when one is full."""
        room = max(self.winfo_width(), 1)
        x = y = 0
        height = self._line_height
        for button in self.buttons:
            width = button.winfo_reqwidth()
            height = button.winfo_reqheight()
            if x > 0 and x + width > room:
                x = 0
                y += height + self.GAP
            button.place(x=x, y=y, width=min(width, room))
            x += width + self.GAP
        self.configure(height=y + height)


class CandidateList(ttk.Frame):
    """A list of captions with their scores, or of classes with their probabilities."""

    LINES = 5

    def __init__(self, parent: tkinter.Misc, headings: tuple[str, str]) -> None:
        """`headings` are those of the number and of the text."""
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
        number_heading, text_heading = headings
        self.list.heading("number", text=number_heading, anchor="e")
        self.list.heading("text", text=text_heading, anchor="w")
        number_width = self._measure(number_heading) + 32
        self.list.column("number", width=number_width, stretch=False, anchor="e")
        self.list.grid(row=0, column=0, sticky="nsew")

        vertical = ttk.Scrollbar(self, orient="vertical", command=self.list.yview)
        vertical.grid(row=0, column=1, sticky="ns")
        horizontal = ttk.Scrollbar(self, orient="horizontal", command=self.list.xview)
        horizontal.grid(row=1, column=0, sticky="ew")
        self.list.configure(
            yscrollcommand=_hide_if_unneeded(vertical),
            xscrollcommand=_hide_if_unneeded(horizontal),
        )

    def show(self, candidates: Sequence[tuple[str, float]]) -> None:
        """List the candidates in their order."""
        self.list.delete(*self.list.get_children())
        longest = 0
        for text, number in candidates:
            self.list.insert("", "end", values=(f"{number:.2f}", text))
            longest = max(longest, self._measure(text))
        self.list.column("text", minwidth=longest + 24)
        if candidates:
            self.list.focus(self.list.get_children()[0])

    def get_selected(self) -> str | None:
        """Return the selected text, if the list has the focus."""
        selection = self.list.selection()
        if not selection or self.focus_get() is not self.list:
            return None
        return self.list.item(selection[0], "values")[1]

    def _measure(self, text: str) -> int:
        return font.nametofont("TkDefaultFont", root=self).measure(text)


def _hide_if_unneeded(bar: ttk.Scrollbar) -> Callable[[str, str], None]:
    """Return the function that moves a scroll bar, and hides it while everything is in view."""
    bar.grid_remove()

    def move(first: str, last: str) -> None:
        bar.set(first, last)
        show_if(bar, float(first) > 0 or float(last) < 1)

    return move
