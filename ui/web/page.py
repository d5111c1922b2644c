"""demo.py's page in the browser: several photos, their captions, where the network looked at each word.

Gradio serves it. Nothing is loaded from elsewhere and nobody is told; what a visitor gives is shown to that visitor alone.
"""

import io
import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.photos.images import read_photo, save_picture
from ui.answers import WIDEST, Loading, Shown, controls, opened, sentence
from utils.captions_file import CaptionsFile, Columns
from utils.errors import UserError
from utils.interrupt import Interruptible
from utils.plots.figure import shrink
from utils.terminal import say, warn

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before Gradio is imported

import gradio as gr

HERE = Path(__file__).parent
MOST_BYTES = 20 * 2**20  # of a photo
MOST_PHOTOS = 100  # of a visitor, until the page is loaded anew
VISITORS = 50  # whose photos are remembered at a time
KEPT_SECONDS = 3600  # how long what was uploaded stays in the folder for temporary files
THUMBNAIL = 480  # pixels of the longer side
OFFERED_SECONDS = (
    60  # how long a file that was made for the page stays: Gradio has copied it by then
)
LOOK_SECONDS = 0.5  # how often the page asks how far loading is
FONTS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "sans-serif",
)  # the system's own; Gradio's would come from elsewhere


@dataclass(frozen=True)
class Kept:
    """A photo of a visitor with what is shown of it."""

    shown: Shown  # its photo without pixels
    picture: bytes  # they are here, as JPEG
    thumbnail: np.ndarray  # (h, w, 3) uint8

    @property
    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8."""
        return read_photo(self.picture)

    @property
    def name(self) -> str:
        """The photo's."""
        return self.shown.opened.name


class Page:
    """The page of a run; what happens on it."""

    def __init__(
        self,
        name: str,
        own: dict[str, Any],
        columns: Columns,
        folder: Path,
        photo: str | None = None,
    ) -> None:
        """`own` are the run's own settings of what there is to turn, none of a run that names classes; `folder` is for
        files that are offered; `photo` is shown to every visitor at first."""
        self.name, self.own, self.columns, self.folder, self.photo = (
            name,
            own,
            columns,
            folder,
            photo,
        )
        self.loading: Loading | None = None
        self.blocks = self._built()

    def _built(self) -> gr.Blocks:
        what = "caption" if self.own else "class"
        private = {"api_visibility": "private"}
        with gr.Blocks(
            title=f"{what.capitalize()}s – {self.name}",
            analytics_enabled=False,
            delete_cache=(KEPT_SECONDS // 4, KEPT_SECONDS),
        ) as blocks:
            blocks.queue(
                default_concurrency_limit=VISITORS
            )  # visitors take turns photo by photo: the model has a lock
            kept, chosen = gr.State([]), gr.State(0)
            gr.Markdown(
                f"# {'Captions' if self.own else 'Classes'} by {escape(self.name)}", elem_id="title"
            )
            state = gr.HTML(elem_id="state")
            faults = gr.HTML(elem_id="faults", visible=False)
            files = gr.File(
                file_count="multiple",
                file_types=["image"],
                label="Photos: drop, paste or choose them",
                elem_id="drop",
                height=160,
            )
            # Set like this, for Gradio writes a file beside a module with a class of its own.
            files.preprocess, files.async_move_resource_to_block_cache = _named, _uploaded
            turned, again = self._controls()
            with gr.Column(visible=False) as found:
                photos = gr.Gallery(
                    label="Photos",
                    columns=6,
                    height="auto",
                    allow_preview=False,
                    elem_id="photos",
                    object_fit="cover",
                    buttons=[],
                    interactive=False,
                )
                with gr.Row():
                    with gr.Column(scale=3, min_width=320):
                        view = gr.Image(
                            label="Photo",
                            elem_id="view",
                            interactive=False,
                            buttons=["download"],
                            format="png",
                        )
                    with gr.Column(scale=2, min_width=320):
                        caption = gr.Textbox(
                            label=what.capitalize(),
                            elem_id="caption",
                            buttons=["copy"],
                            interactive=False,
                            lines=2,
                        )
                        words = gr.Radio(
                            label="Where it looked at each word",
                            elem_id="words",
                            visible=bool(self.own),
                        )
                        candidates = gr.HTML(elem_id="candidates")
                table = gr.DownloadButton(
                    f"Download all {'captions' if self.own else 'classes'} (CSV)",
                    elem_id="table",
                    variant="primary",
                )
            everything = [
                kept,
                chosen,
                found,
                photos,
                view,
                caption,
                words,
                candidates,
                table,
                state,
                faults,
            ]
            files.upload(self.add, [files, kept, *turned], [files, *everything], **private)
            photos.select(
                self.choose, [kept], [chosen, view, caption, words, candidates], **private
            )
            words.input(self.look, [kept, chosen, words], [view], **private)
            if again is not None:
                again.click(self.again, [kept, *turned], everything, **private)
            if self.photo is not None:
                blocks.load(self.begin, [kept, *turned], everything, **private)
            timer = gr.Timer(LOOK_SECONDS)
            timer.tick(self.follow, None, [state, timer], show_progress="hidden", **private)
        return blocks

    def _controls(self) -> tuple[list[gr.components.Component], gr.Button | None]:
        """Beam width and sampling, and what has all photos captioned so; nothing of a run that names classes."""
        if not self.own:
            return [], None
        with gr.Accordion("Search: beam width, sampling", open=False, elem_id="search"):
            turned = [
                gr.Slider(1, WIDEST, self.own.get("beam", 3), step=1, label="Beam width"),
                gr.Checkbox(self.own.get("sample", False), label="Sampling: words drawn at random"),
                gr.Slider(
                    0.1,
                    3,
                    self.own.get("temperature", 1.0),
                    step=0.1,
                    label="Temperature, in sampling",
                ),
                gr.Slider(
                    0.05,
                    1,
                    self.own.get("top_p") or 1.0,
                    step=0.05,
                    label="Likeliest share, in sampling",
                ),
            ]
            return turned, gr.Button(
                "Caption all photos again, with these settings", elem_id="again"
            )

    def follow(self) -> tuple[str, gr.Timer]:
        """How far loading is; asked again until it is done."""
        if self.loading is None or not self.loading.done:
            share, text = (
                (self.loading.progress.share, self.loading.progress.text)
                if self.loading
                else (0.0, "Starting")
            )
            return (
                f'<progress value="{share:.2f}" aria-label="loading"></progress>'
                f'<span role="status">{escape(text)} … Photos can be given already.</span>'
            ), gr.Timer(active=True)
        failure = self.loading.failure
        return (_faults([failure]) if failure else '<span role="status">Ready.</span>'), gr.Timer(
            active=False
        )

    def add(
        self, photos: Sequence[tuple[Path, str]], kept: list[Kept], *turned: Any
    ) -> Iterator[list[Any]]:
        """Caption photos that were given, one after the other; the field is empty again."""
        for changes in self._captioned(photos, kept, turned):
            yield [None, *changes]

    def begin(self, kept: list[Kept], *turned: Any) -> Iterator[list[Any]]:
        """Caption the photo that was named on the command line."""
        yield from self._captioned([(Path(self.photo), Path(self.photo).name)], kept, turned)

    def again(self, kept: list[Kept], *turned: Any) -> Iterator[list[Any]]:
        """Caption all photos anew."""
        yield from self._captioned(
            [(each.shown.opened.photo, each.name) for each in kept], [], turned
        )

    def _captioned(
        self,
        photos: Sequence[tuple[Path, str]],
        before: list[Kept],
        turned: Sequence[Any],
    ) -> Iterator[list[Any]]:
        """What changes on the page as photos are captioned, after those that are there."""
        kept, faults = list(before), []
        room = MOST_PHOTOS - len(kept)
        if len(photos) > room:
            faults.append(
                f"{len(photos) - room} of {len(photos)} photos were left out: at most {MOST_PHOTOS} are kept on a "
                "page; load it anew for others"
            )
        for number, (path, name) in enumerate(photos[:room], start=1):
            yield self._changes(
                kept, faults, state=f"Looking at {name} ({number} of {len(photos[:room])}) …"
            )
            try:
                kept.append(self._kept(path, name, turned))
            except Exception as error:
                faults.append(sentence(error))
        yield self._changes(
            kept, faults, chosen=len(before) if len(kept) > len(before) else None, state="Ready."
        )

    def _kept(self, path: Path, name: str, turned: Sequence[Any]) -> Kept:
        """The photo captioned; refused where it cannot be."""
        if not path.is_file():
            raise UserError(f"{name} is no longer here; give it again")
        if path.stat().st_size > MOST_BYTES:
            raise UserError(
                f"{name} has {path.stat().st_size / 2**20:.0f} MB; at most {MOST_BYTES >> 20} MB are taken"
            )
        photo = opened(path, name)
        shown = self.loading.model()(photo, **_search(turned))
        written = io.BytesIO()
        Image.fromarray(photo.pixels).save(written, "JPEG", quality=92)
        return Kept(
            replace(shown, opened=replace(photo, pixels=photo.pixels[:0])),
            written.getvalue(),
            shrink(photo.pixels, THUMBNAIL),
        )

    def _changes(
        self, kept: list[Kept], faults: Sequence[str], *, state: str, chosen: int | None = None
    ) -> list[Any]:
        """What is new on the page; the photo that is looked at where another is chosen."""
        gallery = gr.Gallery(
            value=[(each.thumbnail, each.shown.caption) for each in kept],
            selected_index=chosen,
            visible=len(kept) > 1,
        )
        looked_at = (
            self._looked_at(kept, chosen) if chosen is not None and kept else [gr.skip()] * 4
        )
        table = (
            gr.DownloadButton(value=str(self._table(kept)))
            if chosen is not None and kept
            else gr.skip()
        )
        place = gr.skip() if chosen is None else max(chosen, 0)
        return [
            list(kept),
            place,
            gr.Column(visible=bool(kept)),
            gallery,
            *looked_at,
            table,
            f'<span role="status">{escape(state)}</span>',
            gr.HTML(value=_faults(faults), visible=bool(faults)),
        ]

    def _looked_at(self, kept: Sequence[Kept], chosen: int) -> list[Any]:
        """The photo, its caption, its words, its candidates."""
        shown = kept[chosen].shown
        words = (
            [("Photo", -1), *((word, place) for place, word in enumerate(shown.words))]
            if shown.words
            else []
        )
        note = f"<p>{escape(shown.note)}</p>" if shown.note else ""
        return [
            gr.Image(
                value=self._picture(kept[chosen]), alt_text=shown.caption, label=kept[chosen].name
            ),
            shown.caption,
            gr.Radio(choices=words, value=-1 if words else None, visible=bool(words)),
            note
            + _candidates(shown, ("Score", "Captions") if self.own else ("Probability", "Classes")),
        ]

    def choose(self, kept: list[Kept], event: gr.SelectData) -> list[Any]:
        """Look at another photo."""
        return [event.index, *self._looked_at(kept, event.index)]

    def look(self, kept: list[Kept], chosen: int, word: int) -> gr.Image:
        """Lay a word's attention over the photo, or none."""
        one = kept[chosen]
        if word < 0:
            return gr.Image(value=self._picture(one), alt_text=one.shown.caption)
        return gr.Image(
            value=self._picture(one, word),
            alt_text=f"{one.shown.caption} – lit where the network looked at “{one.shown.words[word]}”",
        )

    def _picture(self, one: Kept, word: int | None = None) -> str:
        """The photo, with a word's attention over it, as a file; by its name it is known when it is saved."""
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        stem = Path(one.name).stem[:60]
        file = (
            folder
            / f"{stem if word is None else f'{stem}-{one.shown.words[word]}'}.png".replace("/", "-")
        )
        save_picture(one.pixels if word is None else one.shown.over(word, one.pixels), file)
        return str(file)

    def tidy(self) -> None:
        """Remove what was made for the page some time ago."""
        for folder in self.folder.iterdir():
            if time.time() - folder.stat().st_mtime > OFFERED_SECONDS:
                shutil.rmtree(folder)

    def _table(self, kept: Sequence[Kept]) -> Path:
        """All captions as a file, as predict.py writes it."""
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        file = folder / ("captions.csv" if self.own else "classes.csv")
        with CaptionsFile(file, self.columns) as table:
            for each in kept:
                table.write(_no_formula(each.name), *each.shown.record)
        return file


def _no_formula(name: str) -> str:
    """A file's name as a path that no spreadsheet takes for a formula."""
    return f"./{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name


def _named(given: Any) -> list[tuple[Path, str]]:
    """Where each photo lies, and its name as it was; Gradio takes from that what it does not like."""
    return [(Path(file.path), file.orig_name or Path(file.path).name) for file in given or ()]


async def _uploaded(place: str) -> str:
    """The place of a file that was uploaded, which Gradio has made sure of; an address it would fetch from anywhere."""
    if "://" in place:
        raise UserError(f"{place} is an address; give the photo itself")
    return place


def _search(turned: Sequence[Any]) -> dict[str, Any]:
    """Settings of a search, as the controls stand."""
    if not turned:
        return {}
    beam, sample, temperature, top_p = turned
    drawn = (
        {
            "temperature": float(temperature),
            "top_p": float(top_p) if top_p < 1 else None,
            "seed": int.from_bytes(os.urandom(4)) >> 1,
        }
        if sample
        else {}
    )
    return {"beam": int(beam), "sample": bool(sample)} | drawn


def _script() -> str:
    return f"<script>const MOST_BYTES = {MOST_BYTES};\n{(HERE / 'page.js').read_text(encoding='utf-8')}</script>"


def _faults(faults: Sequence[str]) -> str:
    return "".join(f'<p class="fault" role="alert">{escape(fault)}</p>' for fault in faults)


def _candidates(shown: Shown, headings: tuple[str, str]) -> str:
    rows = "".join(
        f"<tr><td>{number:.2f}</td><td>{escape(text)}</td></tr>"
        for text, number in shown.candidates
    )
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def refuse_taken(host: str, port: int) -> None:
    """Refuse a port that is taken, or a host that is none of this machine's; another port that is free is named."""
    try:
        with _listening(host, port):
            return
    except OSError as error:
        unknown = isinstance(error, socket.gaierror)
        reason = (
            error.strerror if unknown else os.strerror(error.errno) if error.errno else str(error)
        ).lower()
    for other in range(port + 1, min(port + 50, 65536)):
        try:
            with _listening(host, other):
                raise UserError(
                    f"port {port} of {host} cannot be had ({reason}); take another: --port {other}"
                )
        except OSError:
            continue
    raise UserError(
        f"port {port} of {host} cannot be had ({reason}); choose another --host or --port"
    )


def _listening(host: str, port: int) -> socket.socket:
    socket.getaddrinfo(
        host, port, family=socket.AF_INET
    )  # for its reason; Gradio does without the longer addresses
    return socket.create_server((host, port))


def serve(
    start: Callable[[], Loading],
    *,
    run: Path,
    columns: Columns,
    host: str,
    port: int,
    photo: str | None = None,
) -> None:
    """Serve the page of a run at once, then start loading it; until Ctrl-C."""
    refuse_taken(host, port)
    if host not in ("127.0.0.1", "localhost"):
        warn(
            f"everyone who reaches {host} can use the page, and have photos looked at on this machine"
        )
    with tempfile.TemporaryDirectory(prefix="captions-") as folder, Interruptible() as stopped:
        page = Page(run.name, controls(run), columns, Path(folder), photo)
        theme = gr.themes.Default(
            primary_hue="blue", font=list(FONTS), font_mono=["ui-monospace", "monospace"]
        )
        _, address, _ = page.blocks.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            footer_links=[],
            ssr_mode=False,
            max_file_size=MOST_BYTES,
            state_session_capacity=VISITORS,
            theme=theme,
            css_paths=HERE / "page.css",
            head=_script(),
        )
        say(f"{address} – open it in a browser; Ctrl-C ends it")
        page.loading = start()
        while not stopped():
            page.tidy()
            time.sleep(0.1)
        page.blocks.close(verbose=False)
