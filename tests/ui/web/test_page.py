"""demo.py --web as a visitor sees it: in a browser without a window, which may ask nothing of anyone but its server."""

import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image

import demo
from models.captioner import Captioner
from tests.helpers.scripts import ROOT, typed
from tests.helpers.tiny_run import captioning_run, classifying_run
from utils.captions_file import COLUMNS
from utils.errors import UserError
from utils.plots.attention import make_attention_tile

web = pytest.importorskip("ui.web.page", reason="gradio is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return captioning_run(tmp_path_factory.mktemp("runs") / "r")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two photos with names that a page must take care of, and a file that is none."""
    folder, names = tmp_path_factory.mktemp("photos"), ["=바다.png", "<b>dog & cat.png"]
    smooth = np.stack(
        [*np.meshgrid(np.linspace(0, 255, 90), np.linspace(255, 0, 60)), np.full((60, 90), 90)],
        axis=-1,
    )
    for name, channels in zip(names, ([0, 1, 2], [2, 0, 1]), strict=True):
        Image.fromarray(smooth[..., channels].astype(np.uint8)).save(folder / name)
    (folder / "notes.jpg").write_text("no photo")
    return [folder / name for name in [*names, "notes.jpg"]]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Served:
    """demo.py --web in a process of its own."""

    def __init__(self, run, *words):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}/"
        self.process = subprocess.Popen(
            [
                sys.executable,
                ROOT / "demo.py",
                "--web",
                "--port",
                str(self.port),
                "--run",
                str(run),
                *map(str, words),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        )
        self.said = self.process.stdout.readline()

    def end(self):
        """What it leaves with and prints, told to end by Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        try:
            out, error = self.process.communicate(timeout=20)
        finally:
            self.process.kill()
        return self.process.returncode, out, error


@pytest.fixture(scope="module")
def served(run):
    page = Served(run)
    yield page
    page.end()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if chromium is None:
        pytest.skip("Chromium is not installed; on Debian and Ubuntu: apt install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Opens a page; what a browser asks of others than its server is collected, and nothing may be."""
    contexts, elsewhere = [], []

    def visit(page, **options):
        contexts.append(browser.new_context(**options))
        tab = contexts[-1].new_page()
        tab.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((page.address, "data:", "blob:"))
                else elsewhere.append(request.url)
            ),
        )
        tab.goto(page.address)
        tab.wait_for_selector(
            "#state [role=status]", timeout=60_000
        )  # from here on the page hears what is done on it
        return tab

    yield visit
    for context in contexts:
        context.close()
    assert elsewhere == []


def give(tab, *photos):
    """Choose photos as by the file dialog, and wait until they are looked at."""
    tab.set_input_files("#drop input[type=file]", list(map(str, photos)))
    wait_ready(tab)


def wait_ready(tab):
    tab.wait_for_selector("#view img", timeout=60_000)
    tab.wait_for_function(
        "document.querySelector('#state').innerText.trim() == 'Ready.'", timeout=60_000
    )


def test_photos_their_captions_attention_candidates_and_the_table(
    run, photos, served, visit, tmp_path
):
    assert served.said == f"{served.address} – open it in a browser; Ctrl-C ends it\n"
    captioner = Captioner.load(run)
    wanted = [
        captioner(photo) for photo in photos[:2]
    ]  # as the page does: in company a network of chance may say others
    tab = visit(served, viewport={"width": 1200, "height": 900})
    give(tab, *photos)
    assert tab.inner_text("#faults").strip() == "notes.jpg cannot be read: not a picture"
    assert (
        tab.input_value("#caption textarea")
        == wanted[0].text
        == tab.get_attribute("#view img", "alt")
    )
    assert tab.locator("#words label").all_inner_texts() == ["Photo", *wanted[0].words]
    rows = [row.split("\t") for row in tab.inner_text("#candidates tbody").splitlines()]
    assert rows[0] == [f"{wanted[0].score:.2f}", wanted[0].text]
    assert sorted(rows) == sorted([f"{score:.2f}", text] for text, score in wanted[0].candidates)
    under = [text.strip() for text in tab.locator("#photos .caption-label").all_inner_texts()]
    assert under == [each.text for each in wanted]

    plain = tab.get_attribute("#view img", "src")
    tab.focus("#words input:checked")
    tab.keyboard.press("ArrowRight")  # to the first word
    tab.wait_for_function("src => document.querySelector('#view img').src != src", arg=plain)
    assert tab.get_attribute("#view img", "alt") == (
        f"{wanted[0].text} – lit where the network looked at “{wanted[0].words[0]}”"
    )
    picture = tmp_path / "view.png"
    picture.write_bytes(
        tab.request.get(tab.evaluate("document.querySelector('#view img').src")).body()
    )
    maps = wanted[0].attention.reshape(-1, *wanted[0].grid)
    over = make_attention_tile(np.asarray(Image.open(photos[0])), maps[0])
    assert (
        np.abs(np.asarray(Image.open(picture).convert("RGB")).astype(int) - over).mean() < 4
    )  # it was a JPEG between

    assert tab.get_attribute("#view img", "src").endswith(
        f"-{wanted[0].words[0]}.png"
    )  # what a saved picture is called

    tab.locator("#photos .thumbnail-item").nth(1).click()
    tab.wait_for_function(
        "text => document.querySelector('#caption textarea').value == text", arg=wanted[1].text
    )
    tab.wait_for_function(
        "name => document.querySelector('#view').innerText.startsWith(name)", arg="<b>dog & cat.png"
    )
    give(tab, photos[2])  # nothing is added, and nothing else is looked at
    assert tab.input_value("#caption textarea") == wanted[1].text
    with tab.expect_download() as download:
        tab.click("#table")
    assert download.value.suggested_filename == "captions.csv"
    with download.value.path().open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        list(COLUMNS),
        *(
            [name, each.text, f"{each.score:.4f}"]
            for name, each in zip(("./=바다.png", "<b>dog & cat.png"), wanted, strict=True)
        ),
    ]  # no spreadsheet takes a name for a formula


def test_photos_can_be_pasted_and_dropped_anywhere_and_large_ones_are_named(photos, served, visit):
    tab = visit(served, viewport={"width": 390, "height": 800}, color_scheme="dark")
    paste = """([kind, name, bytes]) => {
        const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
        const data = kind == "paste" ? {clipboardData: files} : {dataTransfer: files};
        const make = kind == "paste" ? ClipboardEvent : DragEvent;
        document.querySelector("#title").dispatchEvent(new make(kind, {...data, bubbles: true, cancelable: true}));
    }"""
    for number, kind in enumerate(("paste", "drop"), start=1):
        tab.evaluate(paste, [kind, f"{kind}.png", list(photos[0].read_bytes())])
        tab.wait_for_function(
            "name => document.querySelector('#view')?.innerText.startsWith(name)", arg=f"{kind}.png"
        )
        wait_ready(tab)
        assert tab.locator("#photos .thumbnail-item").count() == (
            number if number > 1 else 0
        )  # of one there is no choice
    tab.evaluate("""() => {
        const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(MOST_BYTES + 2 ** 20)], "large.png", {type: "image/png"}));
        document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: files, bubbles: true, cancelable: true}));
    }""")
    assert tab.inner_text(".large") == "large.png has 21 MB; at most 20 MB are taken"
    assert (
        tab.evaluate("document.documentElement.scrollWidth") == 390
    )  # nothing sticks out of a phone


def test_another_search_captions_all_photos_again(run, photos, served, visit):
    tab = visit(served)
    give(tab, photos[0])
    tab.click("#search button >> nth=0")
    greedy = Captioner.load(run)(photos[0], beam=1)
    end = time.monotonic() + 60
    while tab.locator("#candidates tbody tr").count() != len(greedy.candidates):
        assert time.monotonic() < end
        # In a busy browser the number falls back to what it was, where it is typed as the controls are just being made.
        tab.get_by_label("number input for Beam width").fill("1")
        tab.keyboard.press("Tab")  # it counts once it is left
        tab.click("#again")
        tab.wait_for_timeout(2000)
    tab.wait_for_function(
        "text => document.querySelector('#caption textarea').value == text", arg=greedy.text
    )


def test_a_classifier_names_classes(tmp_path, photos, visit):
    page = Served(classifying_run(tmp_path / "classes"), photos[0])
    tab = visit(page)
    wait_ready(tab)
    assert tab.locator("#words").count() == 0 or not tab.locator("#words").is_visible()
    assert len(tab.inner_text("#candidates tbody").splitlines()) == 3
    with tab.expect_download() as download:
        tab.click("#table")
    assert download.value.suggested_filename == "classes.csv"
    assert page.end() == (0, "", "")


def test_the_port_is_open_before_the_model_is_loaded_and_ctrl_c_ends_it(run):
    page = Served(run)
    with socket.create_connection(("127.0.0.1", page.port), timeout=5):
        pass
    assert page.end() == (0, "", "")


def test_only_what_was_uploaded_is_looked_at(served, photos, tmp_path):
    asked = 0

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            nonlocal asked
            asked += 1

    elsewhere = HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
    api = f"{served.address}gradio_api/"
    config = json.load(urlopen(f"{served.address}config"))
    add = next(
        each
        for each in config["dependencies"]
        if any(event == "upload" for _, event in each["targets"])
    )

    def answer(place):
        """What comes of an event that names this place as if it had been uploaded there."""
        file = {"path": str(place), "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
        told = {
            "data": [[file], None, 3, False, 1, 1],
            "fn_index": add["id"],
            "session_hash": uuid.uuid4().hex,
        }
        body = Request(
            f"{api}queue/join", json.dumps(told).encode(), {"Content-Type": "application/json"}
        )
        json.load(urlopen(body))
        for line in urlopen(f"{api}queue/data?session_hash={told['session_hash']}", timeout=30):
            message = json.loads(line.removeprefix(b"data:")) if line.startswith(b"data:") else {}
            if message.get("msg") == "process_completed":
                return message
        return None

    try:
        for place in (
            photos[0],
            "/etc/hostname",
            f"http://127.0.0.1:{elsewhere.server_port}/a.png",
            "https://example.org/a.png",
        ):
            message = answer(place)
            assert message["success"] is False and "data" not in message["output"], place
        part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n%b\r\n--x--\r\n'
        body = Request(
            f"{api}upload",
            part % photos[0].read_bytes(),
            {"Content-Type": "multipart/form-data; boundary=x"},
        )
        assert answer(json.load(urlopen(body))[0])["success"] is True
    finally:
        elsewhere.shutdown()
        elsewhere.server_close()
    assert asked == 0


def test_a_port_that_is_taken_is_told_with_one_that_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            UserError,
            match=rf"^port {port} of 127\.0\.0\.1 cannot be had \(address already in use\); take "
            r"another: --port \d+$",
        ) as refused:
            web.refuse_taken("127.0.0.1", port)
    with pytest.raises(
        UserError, match=r"^port 7860 of nonsense\.invalid cannot be had \(.*(known|resolution)"
    ):
        web.refuse_taken("nonsense.invalid", 7860)
    web.refuse_taken("127.0.0.1", int(re.search(r"\d+$", str(refused.value))[0]))


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--port", "7861"], 2, "--port goes with --web"),
        (["--web", "--port", "0"], 2, "--port is a number from 1 to 65535, not 0"),
        (["--web", "nope.jpg"], 1, "no photo nope.jpg"),
    ],
)
def test_wrong_words_are_refused(run, words, status, told):
    done = typed(demo, "--run", run, *words)
    assert (done.status, done.error) == (status, f"error: {told}\n")


def test_more_photos_than_are_kept_are_named_and_left_out(run, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "MOST_PHOTOS", 1)
    page = web.Page("r", web.controls(run), COLUMNS, tmp_path)
    page.loading = web.Loading(run)
    *_, last = page.add([(photo, photo.name) for photo in photos[:2]], [])
    assert [each.name for each in last[1]] == [photos[0].name]
    assert "1 of 2 photos were left out: at most 1 are kept on a page" in last[-1].value
    *_, again = page.again(last[1])
    assert [each.shown.caption for each in again[0]] == [each.shown.caption for each in last[1]]


def test_what_was_made_for_the_page_is_removed_once_it_is_old(tmp_path):
    page = web.Page("r", {}, COLUMNS, tmp_path)
    for name, seconds in {"new": 0, "old": 2 * web.OFFERED_SECONDS}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "view.png").touch()
        os.utime(tmp_path / name, (time.time() - seconds,) * 2)
    page.tidy()
    assert [folder.name for folder in tmp_path.iterdir()] == ["new"]


def test_what_loading_has_come_to_is_told(tmp_path):
    page = web.Page("r", {}, COLUMNS, tmp_path)
    assert "Starting" in page.follow()[0]
    page.loading = web.Loading(tmp_path / "none")
    end = time.monotonic() + 30
    while not page.loading.done and time.monotonic() < end:
        time.sleep(0.05)
    told, timer = page.follow()
    assert 'role="alert"' in told and not timer.active
