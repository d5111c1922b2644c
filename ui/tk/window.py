"""demo.py's window: what happens in it.

Only Tk's own thread touches a widget. What takes long is asked of a `Latest`, and looked for twenty times a second.
"""

import tkinter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tkinter import filedialog, ttk
from types import TracebackType
from typing import Any

from data.photos.images import PHOTO_ENDINGS, save_picture
from ui.answers import Loading, Model, Opened, Shown, opened, sentence
from ui.tk.background import Latest
from ui.tk.body import COPY, MODIFIER, OPEN, READ, SAVE, SAVE_VIEW, Body
from ui.tk.dark_mode import is_dark
from ui.tk.widgets import DARK, LIGHT, colour
from utils.errors import UserError
from utils.interrupt import Interruptible
from utils.plots.figure import save_figure
from utils.plots.fonts import suggest_font

LOOK_MS = 50  # how often it is looked whether something is done
SIZE, LEAST = (
    (1000, 740),
    (760, 640),
)  # pixels: the window's size where the screen has room, and the smallest


class Window(tkinter.Tk):
    """The window of a run."""

    def __init__(self, name: str, controls: dict[str, Any], *, dark: bool) -> None:
        """`controls` are the run's own settings of what there is to turn; none of a run that names classes."""
        try:
            super().__init__(className="Captions")
        except tkinter.TclError as error:
            raise UserError(
                f"no window can be opened here ({error}); see the same in the browser: python demo.py --web"
            ) from None
        self.withdraw()  # until all is in it
        self._name = name
        self._loading: Loading | None = None
        self._loaded = False
        self._opened: Opened | None = None
        self._shown: Shown | None = None
        self._word: int | None = None
        self._folder: str | None = None  # where photos were chosen
        self._remark: str | None = None  # what is to be said when the photo is shown
        self._photos, self._answers, self._pictures = Latest(), Latest(), Latest()
        colours = DARK if dark else LIGHT
        colour(self, colours)
        actions = {
            OPEN: self._choose_photo,
            COPY: self._copy,
            SAVE: self._save_picture,
            SAVE_VIEW: self._save_view,
        }
        self.body = Body(
            self,
            colours,
            controls,
            actions=actions,
            choose_word=self._choose_word,
            turned=self._ask,
        )
        self.body.pack(fill="both", expand=True)
        self._bind_keys(actions)
        self.body.photo.bind("<Button-1>", lambda _: self._opened or self._choose_photo())
        self.title(name)
        room = (
            self.winfo_screenwidth() - 24,
            self.winfo_screenheight() - 88,
        )  # what a desktop's bars leave
        self.geometry("x".join(str(min(pair)) for pair in zip(SIZE, room, strict=True)))
        self.minsize(*(min(pair) for pair in zip(LEAST, room, strict=True)))
        self.deiconify()
        self.body.buttons[OPEN].focus_set()
        self.update()  # it is there before anything else takes its time, and can be told to take what is dropped
        drop = "Drop a photo here, or choose one" if self._takes_drops() else "Choose a photo"
        self.body.photo.hint(f"{drop}: {READ}O")

    def begin(
        self, loading: Loading, photo: str | None, *, stopped: Callable[[], bool] = bool
    ) -> None:
        """Follow the loading of the model, and open a photo, if one is named; until `stopped`."""
        self._loading, self._stopped = loading, stopped
        if photo is not None:
            self.open(photo)
        self._look()

    def open(self, photo: str) -> None:
        """Show a photo and have it captioned; one that cannot be read leaves all as it is."""
        self._remark = None
        self.body.say("Opening a photo …")
        self._photos.ask(partial(opened, photo))

    def destroy(self) -> None:
        """Close it; nothing that was to come later comes."""
        for each in self.tk.splitlist(self.tk.call("after", "info")):
            self.tk.call("after", "cancel", each)
        super().destroy()

    def _bind_keys(self, actions: dict[str, Callable[[], None]]) -> None:
        keys = {
            "o": actions[OPEN],
            "c": actions[COPY],
            "s": actions[SAVE],
            "S": actions[SAVE_VIEW],
            "q": self.destroy,
            "w": self.destroy,
        }
        keys = {
            key.upper(): action for key, action in keys.items()
        } | keys  # with Caps Lock too, but for S
        for key, action in keys.items():
            self.bind(f"<{MODIFIER}-{key}>", lambda _, action=action: action())
        self.bind(
            "<Escape>",
            lambda _: self._warn(None) if self.body.warned else self.body.words.choose(0),
        )
        for key, step in (("<Left>", -1), ("<Right>", 1)):
            self.bind(key, lambda _, step=step: self._step(step))
        if self.body.controls is not None:
            self.bind("<F5>", lambda _: self.body.controls.draw_again())
        for kind in ("TButton", "TRadiobutton", "TCheckbutton"):  # as the space key does
            self.bind_class(kind, "<Return>", self._press)

    def _press(self, event: tkinter.Event) -> str:
        """Press a button, also one of Tk's own dialogs, which Python knows by its name alone; nothing else is then done."""
        self.tk.call(str(event.widget), "invoke")
        return "break"

    def _takes_drops(self) -> bool:
        """Whether what is dropped on the window is opened: where tkinterdnd2 is installed and goes with this Tk."""
        try:
            from tkinterdnd2 import DND_FILES, TkinterDnD

            TkinterDnD.require(self)
        except (ImportError, RuntimeError):
            return False
        self.body.drop_target_register(DND_FILES)
        self.body.dnd_bind("<<Drop>>", lambda event: self._drop(self.tk.splitlist(event.data)))
        return True

    def _drop(self, photos: Sequence[str]) -> None:
        if photos:
            self.open(photos[0])
        if len(photos) > 1:
            self._remark = f"{len(photos)} files were dropped; one is shown at a time: the first"

    def _choose_photo(self) -> None:
        endings = [each for ending in PHOTO_ENDINGS for each in (ending, ending.upper())]
        photo = filedialog.askopenfilename(
            parent=self,
            title="Open a photo",
            initialdir=self._folder,
            filetypes=[("Photos", endings), ("All files", "*")],
        )
        if photo:
            self._folder = str(Path(photo).parent)
            self.open(photo)

    def _step(self, step: int) -> None:
        """Go on to the next word by an arrow key, where that key means nothing else."""
        if not isinstance(self.focus_get(), ttk.Entry | ttk.Treeview):
            self.body.words.step(step)

    def _choose_word(self, word: int | None) -> None:
        self._word = word
        self.body.photo.show(
            self._opened.pixels, None if word is None else partial(self._shown.over, word)
        )
        self.body.offer(self._shown, word)

    def _copy(self) -> None:
        """Copy the caption; from the list of candidates the one that is marked; in a field what is marked there."""
        focused = self.focus_get()
        if self._shown is None or (isinstance(focused, ttk.Entry) and focused.selection_present()):
            return
        text = self.body.candidates.chosen() or self._shown.caption
        self.clipboard_clear()
        self.clipboard_append(text)
        self.body.say(f"Copied: {text}")

    def _save_picture(self) -> None:
        """Save photo, caption and the attention of all words as one picture."""
        if self._shown is not None:
            self._save(self._shown.caption[:60], (".png",), partial(_save_figure, self._shown))

    def _save_view(self) -> None:
        """Save the photo with the attention of the word that is chosen."""
        if self._word is not None:
            self._save(
                self._shown.words[self._word],
                (".png", ".jpg"),
                partial(_save_over, self._shown, self._word),
            )

    def _save(self, what: str, endings: tuple[str, ...], write: Callable[[Path], Path]) -> None:
        """Ask for a file, and have it written."""
        words = "".join(letter if letter.isalnum() else " " for letter in what).split()
        path = filedialog.asksaveasfilename(
            parent=self,
            title="Save the picture",
            defaultextension=endings[0],
            initialdir=self._folder,
            initialfile=f"{'-'.join([Path(self._opened.name).stem, *words])}{endings[0]}",
            filetypes=[(f"{ending[1:].upper()} picture", ending) for ending in endings],
        )
        if path and Path(path).suffix.lower() not in endings:
            self.body.say("")
            self._warn(
                f"{Path(path).name} was not saved: the name of a picture ends in {' or '.join(endings)}"
            )
        elif path:
            self.body.say("Saving …")
            self._pictures.ask(partial(write, Path(path)))

    def _ask(self) -> None:
        """Have the photo captioned, once there are a photo and a model."""
        if self._opened is None or not self._loaded or self._loading.failure:
            return
        try:
            search = self.body.controls.settings() if self.body.controls else {}
        except UserError as refusal:
            self._warn(str(refusal))
            return
        self._warn(None)
        self.body.say(f"Looking at {self._opened.name} …")
        self._answers.ask(partial(_answer, self._loading.model(), self._opened, search))

    def _look(self) -> None:
        """See what is done, and look again a little later."""
        if self._stopped():
            self.destroy()
            return
        if not self._loaded:
            self._follow_loading()
        for latest, then in (
            (self._photos, self._take_photo),
            (self._answers, self._take_answer),
            (self._pictures, lambda path: self.body.say(f"Saved as {path}")),
        ):
            done = latest.take()
            if done is not None and done.exception() is not None:
                self.body.say("")
                self._warn(sentence(done.exception()))
            elif done is not None:
                then(done.result())
        self.after(LOOK_MS, self._look)

    def _follow_loading(self) -> None:
        """Show how far loading is; when it is done caption what was opened meanwhile."""
        progress = self._loading.progress
        self._loaded = self._loading.done
        self.body.load(None if self._loaded else progress.share)
        self.body.say("" if self._loaded else f"{progress.text} …")
        if self._loaded:
            if self._loading.failure:
                self._warn(None)  # which tells of it
            self._ask()

    def _take_photo(self, photo: Opened) -> None:
        self._opened, self._shown, self._word = photo, None, None
        self.title(f"{photo.name} – {self._name}")
        self.body.say("")
        self._warn(None)
        self._answers.forget()
        self.body.show(None)
        self.body.photo.show(photo.pixels)
        self._ask()
        if self._remark:
            self._warn(self._remark)

    def _take_answer(self, answer: tuple[Shown, str | None]) -> None:
        self._shown, lacking = answer
        self._word = None
        self.body.show(self._shown, " ".join(each for each in (self._shown.note, lacking) if each))
        self.body.photo.show(self._opened.pixels)
        self.body.say(
            "← and → show where the network looked at each word" if self._shown.words else ""
        )

    def _warn(self, text: str | None) -> None:
        """Show a warning, or take it away; that there is no model stays said."""
        self.body.warn(text or (self._loading and self._loading.failure))

    def report_callback_exception(
        self, _: type[BaseException], error: BaseException, __: TracebackType
    ) -> None:
        """Tk's own way of telling what went wrong in answer to a key or a click: here in the window."""
        self._warn(sentence(error))


def _answer(model: Model, photo: Opened, search: dict[str, Any]) -> tuple[Shown, str | None]:
    """What is shown of a photo, and the sentence that says what font is lacking for it."""
    shown = model(photo, **search)
    texts = [text for text, _ in shown.candidates]
    return shown, None if "".join(texts).isascii() else suggest_font(texts)


def _save_figure(shown: Shown, path: Path) -> Path:
    save_figure(shown.figure(), path)
    return path


def _save_over(shown: Shown, word: int, path: Path) -> Path:
    save_picture(shown.over(word), path)
    return path


def open_window(
    start: Callable[[], Loading], photo: str | None, *, name: str, controls: dict[str, Any]
) -> None:
    """Open the window of a run at once, then start loading it; until the window is closed."""
    window = Window(name, controls, dark=is_dark())
    with Interruptible() as stopped:  # Tk would tell of an exception in its midst, and go on
        window.begin(start(), photo, stopped=stopped)
        window.mainloop()
        if stopped():
            raise KeyboardInterrupt
