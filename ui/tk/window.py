"""The events of demo.py's window.

Only Tk's own thread touches a widget. Slow work runs in a `LatestJob`, and the window looks for
its result twenty times a second.
"""

import tkinter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tkinter import filedialog, ttk
from types import TracebackType
from typing import Any

from data.photos.folders import PHOTO_ENDINGS
from data.photos.images import save_picture
from ui.answers import Answer, Model, ModelLoader, ScreenPhoto, explain_error, open_photo
from ui.tk.background import LatestJob
from ui.tk.body import COPY, MODIFIER, MODIFIER_LABEL, OPEN, SAVE, SAVE_VIEW, Actions, Body
from ui.tk.colours import DARK, LIGHT, apply_colours
from ui.tk.dark_mode import is_dark
from utils.commands import format_command
from utils.errors import UserError
from utils.interrupt import Interruptible
from utils.plots.figure import save_figure
from utils.plots.fonts import suggest_font

POLL_MS = 50
SIZE = (1000, 740)  # pixels, if the screen has room
MINIMUM_SIZE = (760, 640)
DESKTOP_BARS = (24, 88)  # pixels of the screen that a desktop's own bars take


class Window(tkinter.Tk):
    """The window of a run."""

    def __init__(self, name: str, settings: dict[str, Any], *, dark: bool) -> None:
        """Open the window; `settings` are the run's search settings, {} for a classifier."""
        try:
            super().__init__(className="Captions")
        except tkinter.TclError as error:
            raise UserError(
                f"cannot open a window ({error}); use the browser: "
                f"{format_command('demo.py', '--web')}"
            ) from None
        self.withdraw()  # hidden until it is complete
        self._name = name
        self._is_captioner = bool(settings)
        self._loader: ModelLoader | None = None
        self._is_interrupted: Callable[[], bool] = bool
        self._is_loaded = False
        self._photo: ScreenPhoto | None = None
        self._answer: Answer | None = None
        self._word: int | None = None
        self._folder: str | None = None  # of the last chosen photo
        self._pending_warning: str | None = None  # shown once the photo is open
        self._photos = LatestJob()
        self._answers = LatestJob()
        self._pictures = LatestJob()

        colours = DARK if dark else LIGHT
        apply_colours(self, colours)
        buttons = {
            OPEN: self._choose_photo,
            COPY: self._copy,
            SAVE: self._save_picture,
            SAVE_VIEW: self._save_view,
        }
        actions = Actions(buttons, self._choose_word, change_settings=self._request_answer)
        self.body = Body(self, colours, settings, actions)
        self.body.pack(fill="both", expand=True)
        self._bind_keys(buttons)
        self.body.photo.bind("<Button-1>", lambda _: self._click_photo())
        self.title(name)
        self._set_size()
        self.deiconify()
        self.body.buttons[OPEN].focus_set()
        self.update()  # shows the window before slower work, and lets it accept dropped files
        hint = "Drop a photo here or open one" if self._accept_drops() else "Open a photo"
        self.body.photo.show_hint(f"{hint}: {MODIFIER_LABEL}O")

    def begin(
        self,
        loader: ModelLoader,
        photo: str | None,
        *,
        is_interrupted: Callable[[], bool] = bool,
    ) -> None:
        """Follow the loading of the model and open a photo, if there is one."""
        self._loader = loader
        self._is_interrupted = is_interrupted
        if photo is not None:
            self.open(photo)
        self._poll()

    def open(self, photo: str) -> None:
        """Open a photo and caption it; if it cannot be read, the old one stays."""
        self._pending_warning = None
        self.body.set_status("Opening a photo …")
        self._photos.submit(partial(open_photo, photo))

    def destroy(self) -> None:
        """Close the window and cancel all its timers."""
        for timer in self.tk.splitlist(self.tk.call("after", "info")):
            self.tk.call("after", "cancel", timer)
        super().destroy()

    def _set_size(self) -> None:
        screen_width, screen_height = self.winfo_screenwidth(), self.winfo_screenheight()
        room_width = screen_width - DESKTOP_BARS[0]
        room_height = screen_height - DESKTOP_BARS[1]
        width, height = min(SIZE[0], room_width), min(SIZE[1], room_height)
        self.geometry(f"{width}x{height}")
        self.minsize(min(MINIMUM_SIZE[0], room_width), min(MINIMUM_SIZE[1], room_height))

    def _bind_keys(self, buttons: dict[str, Callable[[], None]]) -> None:
        shortcuts = {
            "o": buttons[OPEN],
            "c": buttons[COPY],
            "s": buttons[SAVE],
            "q": self.destroy,
            "w": self.destroy,
        }
        for key, action in shortcuts.items():
            for each in (key, key.upper()):  # upper-case with Caps Lock on
                self.bind(f"<{MODIFIER}-{each}>", lambda _, action=action: action())
        self.bind(f"<{MODIFIER}-S>", lambda _: self._save_view())  # Shift+S
        self.bind("<Escape>", lambda _: self._escape())
        self.bind("<Left>", lambda _: self._step(-1))
        self.bind("<Right>", lambda _: self._step(1))
        if self.body.controls is not None:
            self.bind("<F5>", lambda _: self.body.controls.sample_again())
        for kind in ("TButton", "TRadiobutton", "TCheckbutton"):  # like the space key
            self.bind_class(kind, "<Return>", self._press)

    def _press(self, event: tkinter.Event) -> str:
        """Press the button with the focus."""
        # By its name in Tk: the buttons of Tk's own dialogs have no object in Python.
        self.tk.call(str(event.widget), "invoke")
        return "break"  # Tk then ignores the key's other bindings

    def _escape(self) -> None:
        """Hide the warning; without a warning, show the plain photo."""
        if self.body.has_warning:
            self._warn(None)
        else:
            self.body.words.choose(0)

    def _click_photo(self) -> None:
        if self._photo is None:
            self._choose_photo()

    def _accept_drops(self) -> bool:
        """Open files that are dropped on the window; return whether that is possible."""
        try:
            # Optional: it may be missing, or not fit this version of Tk.
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
            self._pending_warning = (
                f"Only the first of {len(photos)} files was opened; the window shows one photo"
            )

    def _choose_photo(self) -> None:
        endings = []
        for ending in PHOTO_ENDINGS:
            endings += [ending, ending.upper()]
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
        """Choose the next word, unless the arrow key has a meaning in the focused widget."""
        if not isinstance(self.focus_get(), ttk.Entry | ttk.Treeview):
            self.body.words.step(step)

    def _choose_word(self, word: int | None) -> None:
        self._word = word
        overlay = None
        if word is not None:
            overlay = partial(self._answer.draw_attention, word)
        self.body.photo.show(self._photo.pixels, overlay)
        self.body.enable_buttons(self._answer, word)

    def _copy(self) -> None:
        """Copy the selected candidate, or else the caption."""
        focus = self.focus_get()
        if self._answer is None:
            return
        if isinstance(focus, ttk.Entry) and focus.selection_present():
            return  # Tk itself copies the selected text of a field
        text = self.body.candidates.get_selected() or self._answer.caption
        self.clipboard_clear()
        self.clipboard_append(text)
        self.body.set_status(f"Copied: {text}")

    def _save_picture(self) -> None:
        """Save the photo, its caption and all attention maps as one picture."""
        if self._answer is not None:
            write = partial(_save_figure, self._answer)
            self._save(self._answer.caption[:60], (".png",), write)

    def _save_view(self) -> None:
        """Save the photo with the attention of the chosen word."""
        if self._word is not None:
            write = partial(_save_attention, self._answer, self._word)
            self._save(self._answer.words[self._word], (".png", ".jpg"), write)

    def _save(
        self, description: str, endings: tuple[str, ...], write: Callable[[Path], Path]
    ) -> None:
        """Ask for a file name and write the picture in the background."""
        letters = [letter if letter.isalnum() else " " for letter in description]
        words = "".join(letters).split()
        stem = "-".join([Path(self._photo.name).stem, *words])
        name = filedialog.asksaveasfilename(
            parent=self,
            title="Save the picture",
            defaultextension=endings[0],
            initialdir=self._folder,
            initialfile=f"{stem}{endings[0]}",
            filetypes=[(f"{ending[1:].upper()} picture", ending) for ending in endings],
        )
        if not name:
            return
        path = Path(name)
        if path.suffix.lower() not in endings:
            self.body.set_status("")
            allowed = " or ".join(endings)
            self._warn(f"{path.name} was not saved; choose a name that ends in {allowed}")
            return
        self.body.set_status("Saving …")
        self._pictures.submit(partial(write, path))

    def _request_answer(self) -> None:
        """Ask the model about the photo, if both are there."""
        if self._photo is None or not self._is_loaded or self._loader.failure:
            return
        search = {}
        if self.body.controls is not None:
            try:
                search = self.body.controls.read()
            except UserError as error:
                self._warn(str(error))
                return
        self._warn(None)
        verb = "Captioning" if self._is_captioner else "Classifying"
        self.body.set_status(f"{verb} {self._photo.name} …")
        self._answers.submit(partial(_answer, self._loader.wait(), self._photo, search))

    def _poll(self) -> None:
        """Show the results that are ready, and look again a little later."""
        if self._is_interrupted():
            self.destroy()
            return
        if not self._is_loaded:
            self._show_progress()
        self._show_result(self._photos, self._show_photo)
        self._show_result(self._answers, self._show_answer)
        self._show_result(self._pictures, self._show_saved)
        self.after(POLL_MS, self._poll)

    def _show_result(self, jobs: LatestJob, show: Callable[[Any], None]) -> None:
        job = jobs.take()
        if job is None:
            return
        error = job.exception()
        if error is not None:
            self.body.set_status("")
            self._warn(explain_error(error))
        else:
            show(job.result())

    def _show_progress(self) -> None:
        """Show how far loading is; at its end, caption the photo that was opened meanwhile."""
        progress = self._loader.progress
        self._is_loaded = self._loader.is_done
        if not self._is_loaded:
            self.body.show_loading(progress.share)
            self.body.set_status(f"{progress.text} …")
            return
        self.body.hide_loading()
        self.body.set_status("")
        if self._loader.failure:
            self._warn(None)  # shows the failure
        self._request_answer()

    def _show_photo(self, photo: ScreenPhoto) -> None:
        self._photo = photo
        self._answer = None
        self._word = None
        self.title(f"{photo.name} – {self._name}")
        self.body.set_status("")
        self._warn(None)
        self._answers.cancel()
        self.body.show(None)
        self.body.photo.show(photo.pixels)
        self._request_answer()
        if self._pending_warning:
            self._warn(self._pending_warning)

    def _show_answer(self, result: tuple[Answer, str | None]) -> None:
        answer, font_note = result
        self._answer = answer
        self._word = None
        notes = [note for note in (answer.note, font_note) if note]
        self.body.show(answer, " ".join(notes))
        self.body.photo.show(self._photo.pixels)
        status = "← and → show where the network looked at each word" if answer.words else ""
        self.body.set_status(status)

    def _show_saved(self, path: Path) -> None:
        self.body.set_status(f"Saved as {path}")

    def _warn(self, text: str | None) -> None:
        """Show a warning, or hide it; a failure to load the model is never hidden."""
        if not text and self._loader is not None:
            text = self._loader.failure
        self.body.warn(text)

    def report_callback_exception(
        self, _: type[BaseException], error: BaseException, __: TracebackType
    ) -> None:
        """Show an error in a key's or a button's function; Tk calls this by its name."""
        self._warn(explain_error(error))


def _answer(model: Model, photo: ScreenPhoto, search: dict[str, Any]) -> tuple[Answer, str | None]:
    """Return the answer for a photo, and a note if no font has its letters."""
    answer = model(photo, **search)
    texts = [text for text, _ in answer.candidates]
    if "".join(texts).isascii():
        return answer, None
    return answer, suggest_font(texts)


def _save_figure(answer: Answer, path: Path) -> Path:
    save_figure(answer.draw_figure(), path)
    return path


def _save_attention(answer: Answer, word: int, path: Path) -> Path:
    save_picture(answer.draw_attention(word), path)
    return path


def open_window(
    loader: ModelLoader, photo: str | None, *, name: str, settings: dict[str, Any]
) -> None:
    """Open the window of a run, then start loading its model; return when it is closed."""
    window = Window(name, settings, dark=is_dark())
    # Tk would print an exception that is raised in its main loop, and go on.
    with Interruptible() as is_interrupted:
        loader.start()
        window.begin(loader, photo, is_interrupted=is_interrupted)
        window.mainloop()
        if is_interrupted():
            raise KeyboardInterrupt
