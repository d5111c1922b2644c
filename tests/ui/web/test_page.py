"""demo.py --web as a visitor sees it, in a browser without a window."""

import csv
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from data.sources import read
from models.captioner import Captioner
from tests.helpers.datasets import get_captions
from tests.helpers.screens import wait_for
from tests.helpers.tiny_run import write_captioner_run, write_classifier_run
from tests.helpers.web_pages import WebDemo, make_photos
from ui.answers import ModelLoader, read_search_settings
from ui.web.downloads import Downloads
from ui.web.visit import Visit
from utils.captions_file import CAPTION_COLUMNS, make_mark
from utils.plots.attention import make_attention_tile


@pytest.fixture(scope="module", autouse=True)
def page_module():
    """Import gradio, which takes seconds, in the process that runs these tests alone."""
    return pytest.importorskip("ui.web.page", reason="gradio is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_captioner_run(tmp_path_factory.mktemp("runs") / "r")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def web_demo(run):
    demo = WebDemo(run)
    yield demo
    demo.stop()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    paths = [path for path in map(shutil.which, names) if path]
    if not paths:
        pytest.skip("Chromium is not installed; on Debian and Ubuntu: apt install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=paths[0], args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Opens a page; afterwards no request may have gone to another server."""
    contexts, other_addresses = [], []

    def visit(demo, **options):
        def check(request):
            if not request.url.startswith((demo.address, "data:", "blob:")):
                other_addresses.append(request.url)

        contexts.append(browser.new_context(**options))
        tab = contexts[-1].new_page()
        tab.on("request", check)
        tab.goto(demo.address)
        # The page hears no event before this line is there.
        tab.wait_for_selector("#status [role=status]", timeout=60_000)
        return tab

    yield visit
    for context in contexts:
        context.close()
    assert other_addresses == []


def add_photos(tab, *photos):
    """Choose photos in the file dialog, and wait for their captions."""
    tab.set_input_files("#drop input[type=file]", [str(photo) for photo in photos])
    wait_for_work(tab)
    wait_until_ready(tab)


def wait_for_work(tab):
    """Wait until the page is at work; not for long, because little work may be done already."""
    give_up = time.monotonic() + 3
    while tab.inner_text("#status").strip() == "Ready." and time.monotonic() < give_up:
        tab.wait_for_timeout(10)


def wait_until_ready(tab):
    tab.wait_for_selector("#view img", timeout=60_000)
    tab.wait_for_function(
        "document.querySelector('#status').innerText.trim() == 'Ready.'", timeout=60_000
    )


def wait_for_caption(tab, text):
    tab.wait_for_function(
        "text => document.querySelector('#caption textarea').value == text", arg=text
    )


def wait_for_name(tab, name):
    tab.wait_for_function(
        "name => document.querySelector('#view')?.innerText.startsWith(name)", arg=name
    )


def test_photos_captions_attention_candidates_and_table(run, photos, web_demo, visit, tmp_path):
    assert web_demo.address in web_demo.first_line
    captioner = Captioner.load(run)
    # One photo at a time, like the page: an untrained network's words may depend on the batch.
    captions = [captioner(photo) for photo in photos[:2]]
    first, second = captions
    tab = visit(web_demo, viewport={"width": 1200, "height": 900})
    add_photos(tab, *photos)
    assert tab.inner_text("#errors").strip() == "notes.jpg cannot be read: not a picture"
    assert tab.input_value("#caption textarea") == first.text
    assert tab.get_attribute("#view img", "alt") == first.text
    assert tab.locator("#words label").all_inner_texts() == ["Photo", *first.words]
    rows = [row.split("\t") for row in tab.inner_text("#candidates tbody").splitlines()]
    assert rows[0] == [f"{first.score:.2f}", first.text]
    assert sorted(rows) == sorted([f"{score:.2f}", text] for text, score in first.candidates)
    labels = tab.locator("#photos .caption-label").all_inner_texts()
    assert [text.strip() for text in labels] == [caption.text for caption in captions]

    plain = tab.get_attribute("#view img", "src")
    tab.focus("#words input:checked")
    tab.keyboard.press("ArrowRight")  # to the first word
    tab.wait_for_function("src => document.querySelector('#view img').src != src", arg=plain)
    word = first.words[0]
    alt = tab.get_attribute("#view img", "alt")
    assert alt.startswith(first.text)
    assert f"“{word}”" in alt
    picture = tmp_path / "view.png"
    source = tab.evaluate("document.querySelector('#view img').src")
    picture.write_bytes(tab.request.get(source).body())
    maps = first.attention.reshape(-1, *first.grid)
    expected = make_attention_tile(np.asarray(Image.open(photos[0])), maps[0])
    difference = np.asarray(Image.open(picture).convert("RGB")).astype(int) - expected
    assert np.abs(difference).mean() < 4  # the page keeps the photo as JPEG
    assert source.endswith(f"-{word}.png")  # the name of a saved picture

    tab.locator("#photos .thumbnail-item").nth(1).click()
    wait_for_caption(tab, second.text)
    wait_for_name(tab, "<b>dog & cat.png")
    add_photos(tab, photos[2])  # adds nothing, and the shown photo stays
    assert tab.input_value("#caption textarea") == second.text
    with tab.expect_download() as download:
        tab.click("#table")
    assert download.value.suggested_filename == "captions.csv"
    with download.value.path().open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        list(CAPTION_COLUMNS),
        ["./=바다.png", first.text, make_mark(photos[0], first.text), f"{first.score:.4f}"],
        ["<b>dog & cat.png", second.text, make_mark(photos[1], second.text), f"{second.score:.4f}"],
    ]


def test_captions_are_mended_and_learned(run, photos, web_demo, visit, tmp_path):
    captioner = Captioner.load(run)
    first, second = (captioner(photo).text for photo in photos[:2])
    tab = visit(web_demo)
    add_photos(tab, *photos[:2])
    assert not tab.locator("#learning").inner_text().strip()
    field = tab.locator("#caption textarea")
    field.fill("=HYPERLINK(1)")
    tab.wait_for_selector("#mending [role=alert]")
    assert f"“{first}”" in tab.inner_text("#mending")
    field.fill("")
    field.press_sequentially('a "cat"; ')
    tab.keyboard.insert_text("고양이")  # as an input method does, without keys
    tab.keyboard.press("Enter")  # goes on with the next photo
    wait_for_caption(tab, second)
    tab.wait_for_function("document.activeElement == document.querySelector('#caption textarea')")
    labels = tab.locator("#photos .caption-label")
    assert labels.first.inner_text().strip() == '✎ a "cat"; 고양이'

    # What is typed stays with its photo when all are captioned again, and when more photos come.
    tab.click("#search button >> nth=0")
    field.fill("a fox")
    tab.click("#again")
    wait_for_work(tab)
    wait_until_ready(tab)
    assert field.input_value() == "a fox"
    add_photos(tab, photos[1])
    wait_for_caption(tab, second)
    assert labels.all_inner_texts()[1].strip() == "✎ a fox"
    with tab.expect_download() as download:
        tab.click("#table")
    tab.wait_for_selector("#learning .saved")
    assert "2 of 3 captions are mended" in tab.inner_text("#learning")
    command = f"python train.py --dataset FOLDER/captions.csv --from {run}"
    assert tab.inner_text("#learning code") == command
    for photo in photos[:2]:
        shutil.copy(photo, tmp_path)
    download.value.save_as(tmp_path / "captions.csv")
    captions = get_captions(read(tmp_path / "captions.csv"))
    assert captions == {photos[0].name: ('a "cat"; 고양이',), photos[1].name: ("a fox",)}


def test_photos_are_pasted_and_dropped_anywhere(photos, web_demo, visit):
    """Also: a photo that is too large is skipped, and nothing is wider than a phone."""
    tab = visit(web_demo, viewport={"width": 390, "height": 800}, color_scheme="dark")
    send = """([kind, name, bytes]) => {
        const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
        const data = kind == "paste" ? {clipboardData: files} : {dataTransfer: files};
        const make = kind == "paste" ? ClipboardEvent : DragEvent;
        const event = new make(kind, {...data, bubbles: true, cancelable: true});
        document.querySelector("#title").dispatchEvent(event);
    }"""
    content = list(photos[0].read_bytes())
    thumbnails = tab.locator("#photos .thumbnail-item")
    tab.evaluate(send, ["paste", "paste.png", content])
    wait_for_name(tab, "paste.png")
    wait_until_ready(tab)
    assert thumbnails.count() == 0  # a single photo needs no thumbnail
    tab.evaluate(send, ["drop", "drop.png", content])
    wait_for_name(tab, "drop.png")
    wait_until_ready(tab)
    assert thumbnails.count() == 2
    tab.evaluate("""() => {
        const files = new DataTransfer();
        const bytes = new Uint8Array(MAXIMUM_BYTES + 2 ** 20);
        files.items.add(new File([bytes], "large.png", {type: "image/png"}));
        const options = {clipboardData: files, bubbles: true, cancelable: true};
        document.dispatchEvent(new ClipboardEvent("paste", options));
    }""")
    error = tab.inner_text(".large-file")
    assert error.startswith("large.png has 21 MB")
    assert "20 MB" in error
    assert tab.evaluate("document.documentElement.scrollWidth") == 390


def test_other_settings_caption_all_photos_again(run, photos, web_demo, visit):
    tab = visit(web_demo)
    add_photos(tab, photos[0])
    tab.click("#search button >> nth=0")
    greedy = Captioner.load(run)(photos[0], beam=1)
    rows = tab.locator("#candidates tbody tr")
    end = time.monotonic() + 60
    while rows.count() != len(greedy.candidates):
        assert time.monotonic() < end
        # Repeated: on a busy machine the number falls back if it is typed before the controls
        # are ready.
        tab.get_by_label("number input for Beam width").fill("1")
        tab.keyboard.press("Tab")  # the number counts once the field has lost the focus
        tab.click("#again")
        tab.wait_for_timeout(2000)
    wait_for_caption(tab, greedy.text)


def test_a_classifiers_page_shows_classes(tmp_path, photos, visit):
    demo = WebDemo(write_classifier_run(tmp_path / "classes"), photos[0])
    tab = visit(demo)
    wait_until_ready(tab)
    assert not tab.locator("#words").is_visible()
    assert len(tab.inner_text("#candidates tbody").splitlines()) == 3
    with tab.expect_download() as download:
        tab.click("#table")
    assert download.value.suggested_filename == "classes.csv"
    assert demo.stop() == (0, "", "")


def test_photos_beyond_the_maximum_are_skipped(page_module, run, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "MAXIMUM_PHOTOS", 1)
    page = page_module.Page("r", read_search_settings(run), CAPTION_COLUMNS, Downloads(tmp_path))
    page.loader = ModelLoader(run)
    page.loader.start()
    parts = page.components
    visit = Visit()
    *_, last = page.add_photos([(photo, photo.name) for photo in photos[:2]], visit)
    assert [photo.name for photo in visit.photos] == [photos[0].name]
    assert "Skipped 1 of 2 photos" in last[parts.errors].value


def test_captioning_again_keeps_photos_and_mended_captions(page_module, run, tmp_path):
    page = page_module.Page("r", read_search_settings(run), CAPTION_COLUMNS, Downloads(tmp_path))
    page.loader = ModelLoader(run)
    page.loader.start()
    visit = Visit()
    files = make_photos(tmp_path)[:2]
    for _ in page.add_photos([(file, file.name) for file in files], visit):
        pass
    captions = [photo.caption for photo in visit.photos]
    page.mend(visit, 0, "a cat")
    files[1].unlink()  # as uploaded files are after an hour
    *_, last = page.caption_again(visit)
    assert "is no longer on the server" in last[page.components.errors].value
    assert [photo.caption for photo in visit.photos] == ["a cat", captions[1]]
    assert [photo.answer.caption for photo in visit.photos] == captions


def test_the_field_for_files_keeps_its_checks(page_module, tmp_path):
    """Gradio makes another one where it is an output that does not change: without the checks."""
    page = page_module.Page("r", {}, CAPTION_COLUMNS, Downloads(tmp_path))
    assert page.components.files not in page.components.outputs


def test_the_progress_of_loading_is_shown(page_module, tmp_path):
    page = page_module.Page("r", {}, CAPTION_COLUMNS, Downloads(tmp_path))
    assert "Starting" in page.show_progress()[0]
    page.loader = ModelLoader(tmp_path / "none")
    page.loader.start()
    wait_for(lambda: page.loader.is_done, seconds=30)
    html, timer = page.show_progress()
    assert 'role="alert"' in html
    assert not timer.active
