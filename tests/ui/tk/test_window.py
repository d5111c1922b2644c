"""demo.py's window on a screen that nobody sees, with a model that needs no training: what it shows and what it is told."""

# ruff: noqa: E402 (without Tk nothing of it can be imported)

import signal
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from tests.helpers.screens import HEIGHT, WIDTH, seen, until

tkinter = pytest.importorskip("tkinter", reason="this Python has no Tk")

from models.captioner import Caption
from ui.answers import Progress, Shown
from ui.tk import window as demo_window
from ui.tk.body import BUTTONS, COPY, OPEN, SAVE, SAVE_VIEW
from ui.tk.widgets import DARK, LIGHT
from ui.tk.window import Window
from utils.errors import UserError

RED, BLUE = (220, 30, 30), (30, 60, 220)
OWN = {"beam": 3, "sample": False, "temperature": 1.0, "top_p": None}


class Invented:
    """A model whose caption says how red a photo is; before its first word it looks left, before its second right."""

    def __init__(self):
        self.asked = []
        self.may = threading.Event()
        self.may.set()

    def __call__(self, photo, **search):
        assert threading.current_thread() is not threading.main_thread()
        self.asked.append((photo.name, search))
        assert self.may.wait(20)
        text = f"red {int(photo.pixels[..., 0].mean())}"
        answer = Caption(
            text,
            0.5,
            text.split(),
            np.array([[1.0, 0.0], [0.0, 1.0]]),
            (1, 2),
            [(text, 0.5), ("other", 0.25)],
        )
        return Shown(photo, text, answer.words, answer.candidates, None, answer, None)


class Loaded:
    """What stands for a loading, at its end or not."""

    def __init__(self, model, done=True):
        self._model, self.done, self.failure = model, done, None
        self.progress = Progress(0.3, "Loading the decoder")

    def model(self):
        return self._model


@pytest.fixture
def model():
    return Invented()


@pytest.fixture
def window(screen, model):
    """The window, its model there."""
    opened = opened_with(Loaded(model))
    yield opened
    close(opened)


def opened_with(loading, photo=None, controls=OWN, dark=False):
    window = Window("run", controls, dark=dark)
    window.begin(loading, photo)
    window.body.buttons[
        OPEN
    ].focus_force()  # there is no window manager that would give it the keyboard
    until(window, window.body.photo.winfo_width)
    return window


def close(window):
    if not gone(window):
        window.destroy()


def gone(window):
    try:
        return not window.winfo_exists()
    except tkinter.TclError:
        return True


@pytest.fixture
def photos(tmp_path):
    """Makes photos that are of one colour at the left and of another at the right."""

    def make(name, left=RED, right=BLUE, size=(40, 80)):
        pixels = np.zeros((*size, 3), np.uint8)
        pixels[:, : size[1] // 2], pixels[:, size[1] // 2 :] = left, right
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / name)
        return str(tmp_path / name)

    return make


def captioned(window, photo):
    window.open(photo)
    until(window, lambda: window.body.caption.cget("text"))


def halves(window, screen):
    """The colours that stand in the middle of the photo's left and of its right half, on the screen."""
    view = window.body.photo
    until(window, lambda: not view.waits)
    left, top, width, height = (
        view.winfo_rootx(),
        view.winfo_rooty(),
        view.winfo_width(),
        view.winfo_height(),
    )
    pixels = seen(screen, (left, top, left + width, top + height))
    shown = view.image.width()
    at = [pixels[height // 2, width // 2 + side * shown // 4] for side in (-1, 1)]
    return [tuple(int(value) for value in each) for each in at]


def press(window, key):
    """A key, as it reaches the widget that has the keyboard."""
    (window.focus_get() or window).event_generate(key)
    window.update()


def text_of(window):
    return window.body.state.cget("text"), window.body.warning.cget("text")


def test_it_opens_at_once_shows_the_photo_and_captions_it_when_the_model_is_there(
    screen, model, photos
):
    loading = Loaded(model, done=False)
    window = opened_with(loading, photos("a.png"))
    until(window, lambda: window._opened)
    assert window.title() == "a.png – run"
    assert halves(window, screen) == [RED, BLUE]
    assert window.body.bar.winfo_ismapped() and window.body.bar["value"] == 0.3
    until(window, lambda: text_of(window) == ("Loading the decoder …", ""))
    assert model.asked == []
    loading.progress = Progress(0.8, "Loading the encoder")
    until(window, lambda: window.body.bar["value"] == 0.8)
    loading.done = True
    until(window, lambda: window.body.caption.cget("text"))
    assert window.body.caption.cget("text") == "red 125"
    assert not window.body.bar.winfo_ismapped()
    assert model.asked == [("a.png", {"beam": 3, "sample": False})]
    close(window)


def test_a_word_lays_its_attention_over_the_photo(window, screen, photos):
    captioned(window, photos("a.png"))
    words = window.body.words
    assert [button.cget("text") for button in words.buttons] == ["Photo", "red", "125"]
    dark = [
        tuple(round(sum(colour) / 3 * 0.4 + own) for own in (14, 16, 24)) for colour in (RED, BLUE)
    ]
    for place, wanted in ((1, (RED, dark[1])), (2, (dark[0], BLUE)), (0, (RED, BLUE))):
        words.buttons[place].event_generate("<Enter>")
        words.buttons[place].event_generate("<Button-1>")
        words.buttons[place].event_generate("<ButtonRelease-1>")
        window.update()
        found = halves(window, screen)
        assert np.abs(np.subtract(found, wanted)).max() <= 20, (
            place
        )  # between the peak and the middle


def test_all_that_can_be_done_is_reached_by_the_tab_key(window, photos):
    captioned(window, photos("a.png"))
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


def test_arrow_keys_go_from_word_to_word_and_escape_takes_attention_away(window, photos):
    captioned(window, photos("a.png"))
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


def test_return_presses_a_button_as_space_does(window, monkeypatch):
    asked = []
    monkeypatch.setattr(demo_window.filedialog, "askopenfilename", lambda **_: asked.append(1))
    for key in ("<Return>", "<space>", "<Control-o>", "<Control-O>"):
        window.body.buttons[OPEN].focus_set()
        press(window, key)
    assert len(asked) == 4


def test_buttons_say_their_keys_and_are_there_when_there_is_something_for_them(window, photos):
    assert [button.cget("text").split()[-1] for button in window.body.buttons.values()] == [
        f"Ctrl+{letter}" for letter in BUTTONS.values()
    ]

    def offered():
        return [name for name in BUTTONS if not window.body.buttons[name].instate(["disabled"])]

    assert offered() == [OPEN]
    captioned(window, photos("a.png"))
    assert offered() == [OPEN, COPY, SAVE]
    press(window, "<Right>")
    assert offered() == [OPEN, COPY, SAVE, SAVE_VIEW]


def test_what_is_turned_counts_once_it_has_settled(window, model, photos):
    captioned(window, photos("a.png"))
    controls, before = window.body.controls, len(model.asked)
    for _ in range(2):
        controls.beam.event_generate("<<Increment>>")
    until(window, lambda: len(model.asked) > before)
    assert [search for _, search in model.asked[before:]] == [{"beam": 5, "sample": False}]
    controls.sampling.invoke()
    controls.temperature.set("0,7")
    controls.top_p.set("0.9")
    until(window, lambda: len(model.asked) > before + 1)
    ((_, sampled),) = model.asked[before + 1 :]
    assert {name: sampled[name] for name in ("beam", "sample", "temperature", "top_p")} == {
        "beam": 5,
        "sample": True,
        "temperature": 0.7,
        "top_p": 0.9,
    }
    until(window, lambda: not window._answers.busy)
    press(window, "<F5>")
    until(window, lambda: len(model.asked) > before + 2)
    assert model.asked[-1][1]["seed"] != sampled["seed"]


@pytest.mark.parametrize(
    "name, typed, warning",
    [
        ("beam", "many", "Beam width is a whole number from 1 to 20, not many"),
        ("beam", "21", "Beam width is a whole number from 1 to 20, not 21"),
        ("beam", "", "Beam width is a whole number from 1 to 20, not nothing"),
        ("temperature", "nan", "Temperature is a number from 0.01 to 10, not nan"),
        ("top_p", "0", "Likeliest share is a number from 0.01 to 1, not 0"),
    ],
)
def test_what_is_no_number_that_can_be_is_a_warning(window, model, photos, name, typed, warning):
    captioned(window, photos("a.png"))
    window.body.controls.sampling.invoke()
    getattr(window.body.controls, name).set(typed)
    until(window, lambda: text_of(window)[1])
    assert text_of(window)[1] == warning
    assert len(model.asked) == 1
    window.body.controls.beam.set("2")
    window.body.controls.temperature.set("1")
    window.body.controls.top_p.set("1")
    until(window, lambda: len(model.asked) == 2)
    assert text_of(window)[1] == ""


def test_a_second_photo_while_the_first_is_captioned(window, model, photos):
    model.may.clear()
    window.open(photos("a.png"))
    until(window, lambda: model.asked)
    window.open(photos("b.png", left=BLUE))
    until(window, lambda: window._opened.name == "b.png")
    until(window, lambda: window._answers.busy)
    model.may.set()
    until(window, lambda: window.body.caption.cget("text"))
    assert window.body.caption.cget("text") == "red 30"
    assert [name for name, _ in model.asked] == ["a.png", "b.png"]


def test_a_bad_file_is_a_message_and_leaves_what_is_shown(window, model, photos, tmp_path, capsys):
    captioned(window, photos("a.png"))
    for name, content, reason in (
        ("b.jpg", b"", "empty file"),
        ("c.png", b"text, no picture", "not a picture"),
    ):
        (tmp_path / name).write_bytes(content)
        window.open(str(tmp_path / name))
        until(window, lambda: text_of(window)[1])
        assert text_of(window) == ("", f"{name} cannot be read: {reason}")
        assert (window.title(), window.body.caption.cget("text")) == ("a.png – run", "red 125")
        press(window, "<Escape>")
        assert text_of(window)[1] == ""
    window.open("nowhere.jpg")
    until(window, lambda: text_of(window)[1] == "nowhere.jpg cannot be read: no such file")
    captioned(window, photos("d.png"))
    until(window, lambda: not text_of(window)[1])
    assert capsys.readouterr().err == ""


def test_that_there_is_no_model_stays_said(screen, model, photos):
    loading = Loaded(model, done=False)
    window = opened_with(loading)
    loading.failure, loading.done = "the checkpoint is damaged; train again", True
    until(window, lambda: text_of(window)[1])
    window.open(photos("a.png"))
    until(window, lambda: window._opened)
    press(window, "<Escape>")
    assert text_of(window) == ("", "the checkpoint is damaged; train again")
    assert not window.body.bar.winfo_ismapped()
    assert model.asked == []
    close(window)


def test_a_model_that_refuses_is_a_message(window, monkeypatch, photos):
    def refuse(*_, **__):
        raise UserError("a.png cannot be read: no such file")

    monkeypatch.setattr(Invented, "__call__", refuse)
    window.open(photos("a.png"))
    until(window, lambda: text_of(window)[1])
    assert text_of(window) == ("", "a.png cannot be read: no such file")


def test_a_fault_of_ours_is_a_message_too(window, photos, capsys):
    captioned(window, photos("a.png"))
    window.body.buttons[OPEN].configure(command=lambda: {}["colour"])
    window.body.buttons[OPEN].focus_set()
    press(window, "<space>")
    assert (
        text_of(window)[1]
        == "something went wrong that should not have (KeyError: 'colour'); the terminal says more"
    )
    assert "KeyError" in capsys.readouterr().err


def test_the_caption_is_copied_or_the_candidate_that_is_marked(window, photos):
    captioned(window, photos("a.png"))
    press(window, "<Control-c>")
    assert window.clipboard_get() == "red 125"
    assert text_of(window)[0] == "Copied: red 125"
    candidates = window.body.candidates.list
    listed = [candidates.item(each, "values") for each in candidates.get_children()]
    assert listed == [("0.50", "red 125"), ("0.25", "other")]
    candidates.focus_set()
    for key in ("<Down>", "<Down>"):
        press(window, key)
    press(window, "<Control-c>")
    assert window.clipboard_get() == "other"
    window.body.controls.beam.focus_set()
    window.body.controls.beam.selection_range(0, "end")
    press(window, "<Control-c>")
    assert window.clipboard_get() == "3"  # what is marked in a field


def test_pictures_are_saved_where_the_dialog_says(window, photos, tmp_path, monkeypatch):
    asked = {}

    def answer(name):
        monkeypatch.setattr(
            demo_window.filedialog,
            "asksaveasfilename",
            lambda **options: asked.update(options) or str(tmp_path / name),
        )

    captioned(window, photos("a.png"))
    shown, saved = window._shown, []
    monkeypatch.setattr(
        demo_window, "save_figure", lambda figure, path: saved.append((figure, path))
    )
    object.__setattr__(
        shown, "draw", lambda pixels, answer, true: (pixels.shape, answer.text, true)
    )
    answer("all.png")
    press(window, "<Control-s>")
    until(window, lambda: text_of(window)[0] == f"Saved as {tmp_path / 'all.png'}")
    assert saved == [(((40, 80, 3), "red 125", ()), tmp_path / "all.png")]
    assert asked["initialfile"] == "a-red-125.png"
    press(window, "<Right>")
    answer("view.png")
    press(window, "<Control-S>")
    until(window, lambda: text_of(window)[0] == f"Saved as {tmp_path / 'view.png'}")
    with Image.open(tmp_path / "view.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), shown.over(0))
    answer("view.bmp")
    press(window, "<Control-S>")
    assert (
        text_of(window)[1] == "view.bmp was not saved: the name of a picture ends in .png or .jpg"
    )
    answer("no/such/folder.png")
    (tmp_path / "no").write_text("a file")
    press(window, "<Control-S>")
    until(window, lambda: "Not a directory" in text_of(window)[1])


def test_a_photo_is_chosen_in_the_dialog(window, photos):
    """The dialog of Tk itself, filled in and left by its own widgets."""
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
    until(window, lambda: window.body.caption.cget("text"))
    assert window.title() == "사진 {1}.png – run"


def test_what_is_dropped_is_opened_the_first_of_several(window, photos):
    assert window.body.photo._hint == "Drop a photo here, or choose one: Ctrl+O"
    assert window.tk.call("bind", window.body, "<<Drop>>")
    window._drop(
        window.tk.splitlist(window.tk.call("list", photos("사진 {1}.png"), photos("b.png")))
    )
    until(window, lambda: window.body.caption.cget("text"))
    assert window.title() == "사진 {1}.png – run"
    assert text_of(window)[1] == "2 files were dropped; one is shown at a time: the first"


def test_without_tkinterdnd2_it_says_only_what_can_be_done(screen, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinterdnd2", None)
    window = opened_with(Loaded(model))
    assert window.body.photo._hint == "Choose a photo: Ctrl+O"
    close(window)


@pytest.mark.parametrize("size", [(200, 100), (100, 200), (30, 3000)], ids=str)
def test_a_photo_fits_in_however_large_the_window_is(window, photos, size):
    captioned(window, photos("a.png", size=size))
    view = window.body.photo
    for width, height in ((1000, 700), (780, 650)):
        window.geometry(f"{width}x{height}")
        until(window, lambda width=width: window.winfo_width() == width)
        until(
            window,
            lambda: (
                view.image.width() == view.winfo_width()
                or view.image.height() == view.winfo_height()
            ),
        )
        shown = view.image.height(), view.image.width()
        assert shown[0] <= view.winfo_height() and shown[1] <= view.winfo_width()
        assert shown[0] / size[0] == pytest.approx(shown[1] / size[1], abs=1 / min(size))


def test_a_tiny_photo_is_shown_eight_times_as_large_at_most(window, photos):
    captioned(window, photos("a.png", size=(8, 8)))
    assert (window.body.photo.image.width(), window.body.photo.image.height()) == (64, 64)


def test_nothing_is_cut_off_on_a_small_screen_with_many_long_words(
    window, screen, photos, monkeypatch
):
    text = " ".join(["skateboarding", "on"] * 12)
    call = Invented.__call__

    def long(self, photo, **search):
        shown = call(self, photo, **search)
        return Shown(
            photo, text, text.split(), [(text, 0.5)] * 10, "A sentence below.", shown.answer, None
        )

    monkeypatch.setattr(Invented, "__call__", long)
    captioned(window, photos("a.png"))
    until(window, lambda: not window._answers.busy)
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
        window.body.state,
    ):
        assert widget.winfo_rootx() + widget.winfo_width() <= right, widget
        assert widget.winfo_rooty() + widget.winfo_height() <= bottom, widget
    assert controls.winfo_height() >= controls.winfo_reqheight()
    assert window.body.candidates.winfo_height() >= 72
    assert len({button.winfo_y() for button in window.body.words.buttons}) > 1


def test_letters_that_no_font_has_are_said(window, photos, monkeypatch):
    call = Invented.__call__

    def korean(self, photo, **search):
        shown = call(self, photo, **search)
        return Shown(photo, "빨간 개", ["빨간", "개"], [("빨간 개", 0.5)], None, shown.answer, None)

    monkeypatch.setattr(Invented, "__call__", korean)
    monkeypatch.setattr(demo_window, "suggest_font", lambda texts: f"No font for {''.join(texts)}.")
    captioned(window, photos("a.png"))
    assert [button.cget("text") for button in window.body.words.buttons] == ["Photo", "빨간", "개"]
    assert window.body.note.cget("text") == "No font for 빨간 개."


def test_a_classifier_s_window_has_classes_and_nothing_to_turn(screen, photos):
    def classes(photo, **search):
        assert search == {}
        return Shown(photo, "dog", [], [("dog", 0.75), ("cat", 0.25)], None, None, None)

    window = opened_with(Loaded(classes), photos("a.png"), controls={})
    until(window, lambda: window.body.caption.cget("text") == "dog")
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


def test_it_is_dark_on_a_dark_desktop(screen, model):
    for dark, colours in ((True, DARK), (False, LIGHT)):
        window = opened_with(Loaded(model), dark=dark)
        x, y = window.winfo_rootx() + 3, window.winfo_rooty() + 3
        assert seen(screen, (x, y, x + 1, y + 1))[0, 0].tolist() == [
            int(colours["back"][place : place + 2], 16) for place in (1, 3, 5)
        ]
        close(window)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_words_are_told_from_their_ground(colours):
    """WCAG's contrast, of which 4.5 is asked for text."""

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
def test_ctrl_c_in_the_terminal_ends_it(screen, model, number):
    """By the signal's handler alone; test_demo.py has the signal."""

    def start():
        threading.Timer(0.2, lambda: signal.getsignal(number)(number, None)).start()
        return Loaded(model, done=False)

    with pytest.raises(KeyboardInterrupt):
        demo_window.open_window(start, None, name="run", controls=OWN)
    assert signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL)


@pytest.mark.parametrize("key", ["<Control-q>", "<Control-w>"])
def test_keys_close_it_also_while_the_model_loads(screen, model, key):
    window = opened_with(Loaded(model, done=False))
    press_last(window, key)
    assert gone(window)


def press_last(window, key):
    """A key after which there may be no window to update."""
    window.focus_get().event_generate(key)
