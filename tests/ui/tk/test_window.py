"""demo.py's window on an invisible screen, with a fake model."""

# ruff: noqa: E402 (the window's modules need Tk)

import signal
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from tests.helpers.screens import HEIGHT, WIDTH, grab_pixels, update_until

tkinter = pytest.importorskip("tkinter", reason="this Python has no Tk")

from ui.answers import Answer, Progress
from ui.tk import window as window_module
from ui.tk.body import BUTTON_KEYS, COPY, OPEN, SAVE, SAVE_VIEW
from ui.tk.colours import DARK, LIGHT
from ui.tk.window import Window
from utils.errors import UserError
from utils.predictions import Caption

RED, BLUE = (220, 30, 30), (30, 60, 220)
SETTINGS = {"beam": 3, "sample": False, "temperature": 1.0, "top_p": None}


class FakeModel:
    """Captions a photo by how red it is; it looks left at its first word, right at its second."""

    def __init__(self):
        self.calls = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, photo, **search):
        assert threading.current_thread() is not threading.main_thread()
        self.calls.append((photo.name, search))
        assert self.may_answer.wait(20)
        text = f"red {int(photo.pixels[..., 0].mean())}"
        caption = Caption(
            text,
            0.5,
            text.split(),
            np.array([[1.0, 0.0], [0.0, 1.0]]),
            (1, 2),
            [(text, 0.5), ("other", 0.25)],
        )
        return Answer(photo, text, caption.words, caption.candidates, None, caption, None)


class FakeLoader:
    """A loader that is done or not."""

    def __init__(self, model, is_done=True):
        self._model = model
        self.is_done = is_done
        self.failure = None
        self.on_start = None
        self.progress = Progress(0.3, "Loading the decoder")

    def start(self):
        if self.on_start is not None:
            self.on_start()

    def wait(self):
        return self._model


@pytest.fixture
def model():
    return FakeModel()


@pytest.fixture
def window(screen, model):
    """The window with a loaded model."""
    window = open_window(FakeLoader(model))
    yield window
    close(window)


def open_window(loader, photo=None, settings=SETTINGS, dark=False):
    window = Window("run", settings, dark=dark)
    window.begin(loader, photo)
    window.body.buttons[
        OPEN
    ].focus_force()  # there is no window manager that would give it the keyboard
    update_until(window, window.body.photo.winfo_width)
    return window


def close(window):
    if not is_closed(window):
        window.destroy()


def is_closed(window):
    try:
        return not window.winfo_exists()
    except tkinter.TclError:
        return True


@pytest.fixture
def photos(tmp_path):
    """Makes photos of one colour on the left and another on the right."""

    def make(name, left=RED, right=BLUE, size=(40, 80)):
        pixels = np.zeros((*size, 3), np.uint8)
        pixels[:, : size[1] // 2], pixels[:, size[1] // 2 :] = left, right
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / name)
        return str(tmp_path / name)

    return make


def open_and_caption(window, photo):
    window.open(photo)
    update_until(window, lambda: window.body.caption.cget("text"))


def grab_halves(window, screen):
    """Return the colours in the middle of the photo's left and right half on the screen."""
    view = window.body.photo
    update_until(window, lambda: not view.is_resizing)
    left, top, width, height = (
        view.winfo_rootx(),
        view.winfo_rooty(),
        view.winfo_width(),
        view.winfo_height(),
    )
    pixels = grab_pixels(screen, (left, top, left + width, top + height))
    quarter = view.image.width() // 4
    colours = []
    for x in (width // 2 - quarter, width // 2 + quarter):
        colours.append(tuple(pixels[height // 2, x].tolist()))
    return colours


def press(window, key):
    """Press a key in the widget that has the focus."""
    (window.focus_get() or window).event_generate(key)
    window.update()


def read_messages(window):
    """Return the status and the warning."""
    return window.body.status.cget("text"), window.body.warning.cget("text")


def test_a_photo_is_captioned_once_the_model_is_loaded(screen, model, photos):
    loader = FakeLoader(model, is_done=False)
    window = open_window(loader, photos("a.png"))
    update_until(window, lambda: window._photo)
    assert window.title() == "a.png – run"
    assert grab_halves(window, screen) == [RED, BLUE]
    assert window.body.bar.winfo_ismapped() and window.body.bar["value"] == 0.3
    update_until(window, lambda: read_messages(window) == ("Loading the decoder …", ""))
    assert model.calls == []
    loader.progress = Progress(0.8, "Loading the encoder")
    update_until(window, lambda: window.body.bar["value"] == 0.8)
    loader.is_done = True
    update_until(window, lambda: window.body.caption.cget("text"))
    assert window.body.caption.cget("text") == "red 125"
    assert not window.body.bar.winfo_ismapped()
    assert model.calls == [("a.png", {"beam": 3, "sample": False})]
    close(window)


def test_a_word_lays_its_attention_over_the_photo(window, screen, photos):
    open_and_caption(window, photos("a.png"))
    words = window.body.words
    assert [button.cget("text") for button in words.buttons] == ["Photo", "red", "125"]
    dark = [
        tuple(round(sum(colour) / 3 * 0.4 + own) for own in (14, 16, 24)) for colour in (RED, BLUE)
    ]
    for place, expected in ((1, (RED, dark[1])), (2, (dark[0], BLUE)), (0, (RED, BLUE))):
        words.buttons[place].event_generate("<Enter>")
        words.buttons[place].event_generate("<Button-1>")
        words.buttons[place].event_generate("<ButtonRelease-1>")
        window.update()
        colours = grab_halves(window, screen)
        assert np.abs(np.subtract(colours, expected)).max() <= 20, (
            place
        )  # between the peak and the middle


def test_the_tab_key_reaches_every_widget(window, photos):
    open_and_caption(window, photos("a.png"))
    window.body.controls.sampling.invoke()
    window.body.words.choose(1)
    assert window.focus_get() is window.body.buttons[OPEN]
    reached = [window.focus_get()]
    while True:
        press(window, "<Tab>")
        if window.focus_get() in reached:
            break
        reached.append(window.focus_get())
    controls = window.body.controls
    assert reached == [
        *window.body.buttons.values(),
        controls.beam,
        controls.sampling,
        controls.temperature,
        controls.top_p,
        controls.again,
        window.body.words.buttons[1],
        window.body.candidates.list,
    ]


def test_arrow_keys_choose_words_and_escape_the_plain_photo(window, photos):
    open_and_caption(window, photos("a.png"))
    words = window.body.words
    for key, place in (
        ("<Right>", 1),
        ("<Right>", 2),
        ("<Right>", 0),
        ("<Left>", 2),
        ("<Home>", 0),
        ("<End>", 2),
    ):
        press(window, key)
        assert (window.focus_get(), window._word) == (
            words.buttons[place],
            place - 1 if place else None,
        )
    press(window, "<Escape>")
    assert window._word is None
    window.body.controls.beam.focus_set()
    press(window, "<Right>")
    assert window._word is None  # there it moves in the number


def test_return_presses_a_button_like_space(window, monkeypatch):
    dialogs = []
    monkeypatch.setattr(window_module.filedialog, "askopenfilename", lambda **_: dialogs.append(1))
    for key in ("<Return>", "<space>", "<Control-o>", "<Control-O>"):
        window.body.buttons[OPEN].focus_set()
        press(window, key)
    assert len(dialogs) == 4


def test_buttons_name_their_keys_and_are_enabled_if_useful(window, photos):
    assert [button.cget("text").split()[-1] for button in window.body.buttons.values()] == [
        f"Ctrl+{letter}" for letter in BUTTON_KEYS.values()
    ]

    def offered():
        return [name for name in BUTTON_KEYS if not window.body.buttons[name].instate(["disabled"])]

    assert offered() == [OPEN]
    open_and_caption(window, photos("a.png"))
    assert offered() == [OPEN, COPY, SAVE]
    press(window, "<Right>")
    assert offered() == [OPEN, COPY, SAVE, SAVE_VIEW]


def test_changed_settings_count_once_they_settle(window, model, photos):
    open_and_caption(window, photos("a.png"))
    controls, before = window.body.controls, len(model.calls)
    for _ in range(2):
        controls.beam.event_generate("<<Increment>>")
    update_until(window, lambda: len(model.calls) > before)
    assert [search for _, search in model.calls[before:]] == [{"beam": 5, "sample": False}]
    controls.sampling.invoke()
    controls.temperature.set("0,7")
    controls.top_p.set("0.9")
    update_until(window, lambda: len(model.calls) > before + 1)
    ((_, sampled),) = model.calls[before + 1 :]
    assert {name: sampled[name] for name in ("beam", "sample", "temperature", "top_p")} == {
        "beam": 5,
        "sample": True,
        "temperature": 0.7,
        "top_p": 0.9,
    }
    update_until(window, lambda: not window._answers.is_busy)
    press(window, "<F5>")
    update_until(window, lambda: len(model.calls) > before + 2)
    assert model.calls[-1][1]["seed"] != sampled["seed"]


@pytest.mark.parametrize(
    "name, typed, warning",
    [
        ("beam", "many", "Beam width must be a whole number from 1 to 20 (got many)"),
        ("beam", "21", "Beam width must be a whole number from 1 to 20 (got 21)"),
        ("beam", "", "Beam width must be a whole number from 1 to 20 (got nothing)"),
        ("temperature", "nan", "Temperature must be a number from 0.01 to 10 (got nan)"),
        ("top_p", "0", "Likeliest share must be a number from 0.01 to 1 (got 0)"),
    ],
)
def test_a_wrong_number_is_a_warning(window, model, photos, name, typed, warning):
    open_and_caption(window, photos("a.png"))
    window.body.controls.sampling.invoke()
    getattr(window.body.controls, name).set(typed)
    update_until(window, lambda: read_messages(window)[1])
    assert read_messages(window)[1] == warning
    assert len(model.calls) == 1
    window.body.controls.beam.set("2")
    window.body.controls.temperature.set("1")
    window.body.controls.top_p.set("1")
    update_until(window, lambda: len(model.calls) == 2)
    assert read_messages(window)[1] == ""


def test_a_second_photo_while_the_first_is_captioned(window, model, photos):
    model.may_answer.clear()
    window.open(photos("a.png"))
    update_until(window, lambda: model.calls)
    window.open(photos("b.png", left=BLUE))
    update_until(window, lambda: window._photo.name == "b.png")
    update_until(window, lambda: window._answers.is_busy)
    model.may_answer.set()
    update_until(window, lambda: window.body.caption.cget("text"))
    assert window.body.caption.cget("text") == "red 30"
    assert [name for name, _ in model.calls] == ["a.png", "b.png"]


def test_a_bad_file_is_a_warning_and_the_old_photo_stays(window, model, photos, tmp_path, capsys):
    open_and_caption(window, photos("a.png"))
    for name, content, reason in (
        ("b.jpg", b"", "empty file"),
        ("c.png", b"text, no picture", "not a picture"),
    ):
        (tmp_path / name).write_bytes(content)
        window.open(str(tmp_path / name))
        update_until(window, lambda: read_messages(window)[1])
        assert read_messages(window) == ("", f"{name} cannot be read: {reason}")
        assert (window.title(), window.body.caption.cget("text")) == ("a.png – run", "red 125")
        press(window, "<Escape>")
        assert read_messages(window)[1] == ""
    window.open("nowhere.jpg")
    update_until(
        window, lambda: read_messages(window)[1] == "nowhere.jpg cannot be read: no such file"
    )
    open_and_caption(window, photos("d.png"))
    update_until(window, lambda: not read_messages(window)[1])
    assert capsys.readouterr().err == ""


def test_a_failure_to_load_is_never_hidden(screen, model, photos):
    loader = FakeLoader(model, is_done=False)
    window = open_window(loader)
    loader.failure, loader.is_done = "the checkpoint is damaged; train again", True
    update_until(window, lambda: read_messages(window)[1])
    window.open(photos("a.png"))
    update_until(window, lambda: window._photo)
    press(window, "<Escape>")
    assert read_messages(window) == ("", "the checkpoint is damaged; train again")
    assert not window.body.bar.winfo_ismapped()
    assert model.calls == []
    close(window)


def test_an_error_of_the_model_is_a_warning(window, monkeypatch, photos):
    def refuse(*_, **__):
        raise UserError("a.png cannot be read: no such file")

    monkeypatch.setattr(FakeModel, "__call__", refuse)
    window.open(photos("a.png"))
    update_until(window, lambda: read_messages(window)[1])
    assert read_messages(window) == ("", "a.png cannot be read: no such file")


def test_an_unexpected_error_is_a_warning_too(window, photos, capsys):
    open_and_caption(window, photos("a.png"))
    window.body.buttons[OPEN].configure(command=lambda: {}["colour"])
    window.body.buttons[OPEN].focus_set()
    press(window, "<space>")
    assert (
        read_messages(window)[1]
        == "unexpected error (KeyError: 'colour'); see the terminal for more"
    )
    assert "KeyError" in capsys.readouterr().err


def test_the_caption_is_copied_or_the_selected_candidate(window, photos):
    open_and_caption(window, photos("a.png"))
    press(window, "<Control-c>")
    assert window.clipboard_get() == "red 125"
    assert read_messages(window)[0] == "Copied: red 125"
    candidates = window.body.candidates.list
    rows = [candidates.item(row, "values") for row in candidates.get_children()]
    assert rows == [("0.50", "red 125"), ("0.25", "other")]
    candidates.focus_set()
    for key in ("<Down>", "<Down>"):
        press(window, key)
    press(window, "<Control-c>")
    assert window.clipboard_get() == "other"
    window.body.controls.beam.focus_set()
    window.body.controls.beam.selection_range(0, "end")
    press(window, "<Control-c>")
    assert window.clipboard_get() == "3"  # what is marked in a field


def test_pictures_are_saved_under_the_dialogs_name(window, photos, tmp_path, monkeypatch):
    options_used = {}

    def set_dialog(name):
        def ask(**options):
            options_used.update(options)
            return str(tmp_path / name)

        monkeypatch.setattr(window_module.filedialog, "asksaveasfilename", ask)

    open_and_caption(window, photos("a.png"))
    answer, saved = window._answer, []
    monkeypatch.setattr(
        window_module, "save_figure", lambda figure, path: saved.append((figure, path))
    )
    object.__setattr__(
        answer, "draw", lambda pixels, caption, true: (pixels.shape, caption.text, true)
    )
    set_dialog("all.png")
    press(window, "<Control-s>")
    update_until(window, lambda: read_messages(window)[0] == f"Saved as {tmp_path / 'all.png'}")
    assert saved == [(((40, 80, 3), "red 125", ()), tmp_path / "all.png")]
    assert options_used["initialfile"] == "a-red-125.png"
    press(window, "<Right>")
    set_dialog("view.png")
    press(window, "<Control-S>")
    update_until(window, lambda: read_messages(window)[0] == f"Saved as {tmp_path / 'view.png'}")
    with Image.open(tmp_path / "view.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), answer.draw_attention(0))
    set_dialog("view.bmp")
    press(window, "<Control-S>")
    warning = read_messages(window)[1]
    assert warning.startswith("view.bmp was not saved")
    assert ".png or .jpg" in warning
    set_dialog("no/such/folder.png")
    (tmp_path / "no").write_text("a file")
    press(window, "<Control-S>")
    update_until(window, lambda: "Not a directory" in read_messages(window)[1])


def test_a_photo_is_chosen_in_the_dialog(window, photos):
    """Drives Tk's own dialog through its widgets."""
    photo = photos("사진 {1}.png")

    def fill():
        dialog = ".__tk_filedialog"
        if not int(window.tk.call("winfo", "exists", dialog)):
            return window.after(20, fill)
        entry = f"{dialog}.contents.f2.ent"
        window.tk.call(entry, "delete", 0, "end")
        window.tk.call(entry, "insert", 0, photo)
        return window.after(50, window.tk.call, f"{dialog}.contents.f2.ok", "invoke")

    window.after(50, fill)
    press(window, "<Control-o>")
    update_until(window, lambda: window.body.caption.cget("text"))
    assert window.title() == "사진 {1}.png – run"


def test_the_first_dropped_file_is_opened(window, photos):
    assert window.body.photo._hint == "Drop a photo here or open one: Ctrl+O"
    assert window.tk.call("bind", window.body, "<<Drop>>")
    window._drop(
        window.tk.splitlist(window.tk.call("list", photos("사진 {1}.png"), photos("b.png")))
    )
    update_until(window, lambda: window.body.caption.cget("text"))
    assert window.title() == "사진 {1}.png – run"
    assert read_messages(window)[1].startswith("Only the first of 2 files")


def test_without_tkinterdnd2_the_hint_names_no_drops(screen, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinterdnd2", None)
    window = open_window(FakeLoader(model))
    assert window.body.photo._hint == "Open a photo: Ctrl+O"
    close(window)


@pytest.mark.parametrize("size", [(200, 100), (100, 200), (30, 3000)], ids=str)
def test_a_photo_fits_into_every_window(window, photos, size):
    open_and_caption(window, photos("a.png", size=size))
    view = window.body.photo
    for width, height in ((1000, 700), (780, 650)):
        window.geometry(f"{width}x{height}")
        update_until(window, lambda width=width: window.winfo_width() == width)
        update_until(
            window,
            lambda: (
                view.image.width() == view.winfo_width()
                or view.image.height() == view.winfo_height()
            ),
        )
        shown_height, shown_width = view.image.height(), view.image.width()
        assert shown_height <= view.winfo_height()
        assert shown_width <= view.winfo_width()
        scales = shown_height / size[0], shown_width / size[1]
        assert scales[0] == pytest.approx(scales[1], abs=1 / min(size))


def test_a_tiny_photo_is_enlarged_eight_times_at_most(window, photos):
    open_and_caption(window, photos("a.png", size=(8, 8)))
    assert (window.body.photo.image.width(), window.body.photo.image.height()) == (64, 64)


def test_many_long_words_fit_on_a_small_screen(window, screen, photos, monkeypatch):
    text = " ".join(["skateboarding", "on"] * 12)
    call = FakeModel.__call__

    def long(self, photo, **search):
        caption = call(self, photo, **search).prediction
        return Answer(photo, text, text.split(), [(text, 0.5)] * 10, "A note below.", caption, None)

    monkeypatch.setattr(FakeModel, "__call__", long)
    open_and_caption(window, photos("a.png"))
    update_until(window, lambda: not window._answers.is_busy)
    assert window.winfo_width() <= WIDTH and window.winfo_height() <= HEIGHT
    bottom = window.winfo_rooty() + window.winfo_height()
    right = window.winfo_rootx() + window.winfo_width()
    controls = window.body.controls
    for widget in (
        *window.body.words.buttons,
        *window.body.buttons.values(),
        controls,
        window.body.candidates,
        window.body.note,
        window.body.status,
    ):
        assert widget.winfo_rootx() + widget.winfo_width() <= right, widget
        assert widget.winfo_rooty() + widget.winfo_height() <= bottom, widget
    assert controls.winfo_height() >= controls.winfo_reqheight()
    assert window.body.candidates.winfo_height() >= 72
    assert len({button.winfo_y() for button in window.body.words.buttons}) > 1


def test_letters_without_a_font_have_a_note(window, photos, monkeypatch):
    call = FakeModel.__call__

    def korean(self, photo, **search):
        caption = call(self, photo, **search).prediction
        return Answer(photo, "빨간 개", ["빨간", "개"], [("빨간 개", 0.5)], None, caption, None)

    monkeypatch.setattr(FakeModel, "__call__", korean)
    monkeypatch.setattr(
        window_module, "suggest_font", lambda texts: f"No font for {''.join(texts)}."
    )
    open_and_caption(window, photos("a.png"))
    assert [button.cget("text") for button in window.body.words.buttons] == ["Photo", "빨간", "개"]
    assert window.body.note.cget("text") == "No font for 빨간 개."


def test_a_classifiers_window_has_classes_and_no_settings(screen, photos):
    def classes(photo, **search):
        assert search == {}
        return Answer(photo, "dog", [], [("dog", 0.75), ("cat", 0.25)], None, None, None)

    window = open_window(FakeLoader(classes), photos("a.png"), settings={})
    update_until(window, lambda: window.body.caption.cget("text") == "dog")
    assert [button.cget("text").split("  ")[0] for button in window.body.buttons.values()] == [
        "Open photo…",
        "Copy class",
        "Save picture…",
    ]
    candidates = window.body.candidates.list
    assert [candidates.heading(name, "text") for name in ("number", "text")] == [
        "Probability",
        "Classes",
    ]
    assert (window.body.controls, window.body.words.buttons) == (None, [])
    press(window, "<Right>")
    assert window._word is None
    close(window)


def test_the_window_is_dark_on_a_dark_desktop(screen, model):
    for dark, colours in ((True, DARK), (False, LIGHT)):
        window = open_window(FakeLoader(model), dark=dark)
        x, y = window.winfo_rootx() + 3, window.winfo_rooty() + 3
        assert grab_pixels(screen, (x, y, x + 1, y + 1))[0, 0].tolist() == [
            int(colours["back"][place : place + 2], 16) for place in (1, 3, 5)
        ]
        close(window)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_enough_contrast(colours):
    """By WCAG: at least 4.5 for text."""

    def luminance(colour):
        values = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in values
        ]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    for ink, ground in (
        ("ink", "back"),
        ("ink", "button"),
        ("ink", "hover"),
        ("ink", "field"),
        ("pale", "back"),
        ("on_chosen", "chosen"),
        ("on_warning", "warning"),
    ):
        light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_the_terminal_closes_it(screen, model, number):
    """Calls the signal's handler only; test_demo.py sends the signal."""
    before = signal.getsignal(number)
    loader = FakeLoader(model, is_done=False)
    timer = threading.Timer(0.2, lambda: signal.getsignal(number)(number, None))
    loader.on_start = timer.start
    with pytest.raises(KeyboardInterrupt):
        window_module.open_window(loader, None, name="run", settings=SETTINGS)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("key", ["<Control-q>", "<Control-w>"])
def test_keys_close_it_while_the_model_loads(screen, model, key):
    window = open_window(FakeLoader(model, is_done=False))
    press_last(window, key)
    assert is_closed(window)


def press_last(window, key):
    """Press a key that may close the window."""
    window.focus_get().event_generate(key)
