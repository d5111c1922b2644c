"""The events of demo.py's page: loading, captioning, mending, choosing a photo or a word."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ui.answers import Answer, ModelLoader, explain_error, open_photo
from ui.web.downloads import Downloads
from ui.web.layout import (
    add_components,
    candidates_html,
    errors_html,
    learning_html,
    mending_html,
    note_html,
    progress_html,
    status_html,
)
from ui.web.visit import Visit
from utils.captions_file import Columns
from utils.errors import UserError

MEGABYTE = 2**20
MAXIMUM_BYTES = 20 * MEGABYTE  # of a photo
MAXIMUM_PHOTOS = 100  # of a visitor, until the page is reloaded
MAXIMUM_VISITORS = 50  # whose photos are kept in memory
UPLOAD_SECONDS = 3600  # how long an uploaded file stays in the folder for temporary files
POLL_SECONDS = 0.5  # how often the page asks how far loading is
PLAIN_PHOTO = -1  # the value of the button that shows the photo without attention

# Calls of functions in page.js, before or after an event.
LEAVE_CAPTION = "(...values) => leaveCaption(values)"
ENTER_CAPTION = "(number) => enterCaption(number)"
SAVE_FILE = "(file) => saveFile(file)"

Upload = tuple[Path, str]  # path and original name
Updates = dict[Any, Any]  # new values by component


class Page:
    """The page of a run."""

    def __init__(
        self,
        name: str,
        settings: dict[str, Any],
        columns: Columns,
        downloads: Downloads,
        *,
        first_photo: str | None = None,
        command: str = "",
    ) -> None:
        """Build the page.

        `settings` are the run's search settings, {} for a classifier. `columns` are those of the
        table of results. Every visitor sees the `first_photo` at first. `command` is shown to
        visitors who mended captions.
        """
        self.name = name
        self.is_captioner = bool(settings)
        self.columns = columns
        self.downloads = downloads
        self.first_photo = first_photo
        self.command = command
        self.loader: ModelLoader | None = None
        title = "Captions" if self.is_captioner else "Classes"
        with gr.Blocks(
            title=f"{title} – {name}",
            analytics_enabled=False,
            delete_cache=(UPLOAD_SECONDS // 4, UPLOAD_SECONDS),
        ) as self.blocks:
            # Visitors take turns photo by photo: the model has a lock.
            self.blocks.queue(default_concurrency_limit=MAXIMUM_VISITORS)
            self.components = add_components(name, settings)
            self._connect_events()

    def _connect_events(self) -> None:
        page = self.components
        private = {"api_visibility": "private"}
        page.files.upload(
            self.add_photos,
            [page.files, page.visit, *page.settings],
            page.outputs,
            trigger_mode="multiple",  # more photos may come while others are captioned
            **private,
        )
        # An event of its own: where this field is an output that does not change, Gradio makes
        # another one of it, without the methods of `add_components`.
        page.files.upload(
            _clear, None, [page.files], trigger_mode="multiple", queue=False, **private
        )
        page.gallery.select(
            self.choose_photo,
            [page.visit, page.chosen, page.caption],
            page.answer,
            trigger_mode="always_last",
            **private,
        )
        page.words.input(
            self.choose_word, [page.visit, page.chosen, page.words], [page.view], **private
        )
        inputs = [page.visit, *page.settings]
        if page.again is not None:
            page.again.click(self.caption_again, inputs, page.outputs, **private)
            self._connect_mending()
        page.table.click(
            self.write_table,
            [page.visit, page.chosen, page.caption],
            [page.table_file, page.learning],
            **private,
        ).success(None, [page.table_file], js=SAVE_FILE, **private)
        if self.first_photo is not None:
            self.blocks.load(self.add_first_photo, inputs, page.outputs, **private)
        timer = gr.Timer(POLL_SECONDS)
        timer.tick(
            self.show_progress, None, [page.status, timer], show_progress="hidden", **private
        )

    def _connect_mending(self) -> None:
        page = self.components
        inputs = [page.visit, page.chosen, page.caption]
        quiet = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "trigger_mode": "always_last",  # no last letter is lost
        }
        page.caption.focus(self.begin_mending, [page.visit], None, **quiet)
        # Not `input`, which Gradio sends for some keys only: not for Backspace, not for Korean.
        page.caption.change(self.mend, inputs, [page.mending, page.learning], **quiet)
        # These outputs hold for whatever photo is chosen meanwhile.
        page.caption.blur(self.end_mending, inputs, [page.gallery, page.learning], **quiet)
        page.caption.submit(
            self.choose_next, inputs, [*page.answer, page.gallery], js=LEAVE_CAPTION, **quiet
        ).then(None, [page.chosen], js=ENTER_CAPTION, **quiet)

    def show_progress(self) -> tuple[str, gr.Timer]:
        """Show how far loading is, until it has ended."""
        if self.loader is None or not self.loader.is_done:
            share, text = 0.0, "Starting"
            if self.loader is not None:
                share, text = self.loader.progress.share, self.loader.progress.text
            html = progress_html(share, f"{text} … You can already add photos.")
            return html, gr.Timer(active=True)
        html = status_html("Ready.")
        if self.loader.failure:
            html = errors_html([self.loader.failure])
        return html, gr.Timer(active=False)

    def add_photos(
        self, uploads: Sequence[Upload], visit: Visit, *settings: Any
    ) -> Iterator[Updates]:
        """Caption uploaded photos one after another, and add them to the others.

        The first of them is shown at once, unless the visitor is typing a caption.
        """
        errors = []
        room = MAXIMUM_PHOTOS - len(visit.photos)
        if len(uploads) > room:
            errors.append(
                f"Skipped {len(uploads) - room} of {len(uploads)} photos: "
                f"the page holds at most {MAXIMUM_PHOTOS}; reload it to start again"
            )
            uploads = uploads[:room]
        is_first = True
        for number, (path, name) in enumerate(uploads, start=1):
            status = self._describe_work(name, number, len(uploads))
            yield self._update_photos(visit, errors, status)
            try:
                visit.add(self._answer(path, name, settings))
            except Exception as error:  # shown on the page; the other photos follow
                errors.append(explain_error(error))
                continue
            if is_first and not visit.is_typing:
                yield self._show_with_thumbnail(visit, len(visit.photos) - 1)
            is_first = False
        yield self._update_all(visit, errors)

    def add_first_photo(self, visit: Visit, *settings: Any) -> Iterator[Updates]:
        """Caption the photo of the command line."""
        path = Path(self.first_photo)
        yield from self.add_photos([(path, path.name)], visit, *settings)

    def caption_again(self, visit: Visit, *settings: Any) -> Iterator[Updates]:
        """Caption all photos again with other settings; mended captions stay."""
        errors = []
        photos = list(visit.photos)
        for number, photo in enumerate(photos, start=1):
            name = photo.answer.photo.name
            status = self._describe_work(name, number, len(photos))
            yield self._update_photos(visit, errors, status)
            try:
                photo.change_answer(self._answer(photo.source, name, settings))
            except Exception as error:  # the photo keeps its caption
                errors.append(explain_error(error))
        yield self._update_all(visit, errors)

    def _describe_work(self, name: str, number: int, of: int) -> str:
        verb = "Captioning" if self.is_captioner else "Classifying"
        return f"{verb} {name} ({number} of {of}) …"

    def _answer(self, path: Path, name: str, settings: Sequence[Any]) -> Answer:
        if not path.is_file():
            raise UserError(f"{name} is no longer on the server; add it again")
        size = path.stat().st_size
        if size > MAXIMUM_BYTES:
            raise UserError(
                f"{name} has {size / MEGABYTE:.0f} MB; "
                f"a photo may have at most {MAXIMUM_BYTES // MEGABYTE} MB"
            )
        photo = open_photo(path, name)
        return self.loader.wait()(photo, **_read_search(settings))

    def _update_photos(self, visit: Visit, errors: Sequence[str], status: str) -> Updates:
        page = self.components
        return {
            page.results: gr.Column(visible=bool(visit.photos)),
            page.gallery: _make_gallery(visit),
            page.learning: self._make_learning(visit),
            page.status: status_html(status),
            page.errors: gr.HTML(value=errors_html(errors), visible=bool(errors)),
        }

    def _update_all(self, visit: Visit, errors: Sequence[str]) -> Updates:
        """Show the captions of all photos, when the last is there.

        The photo in view comes again, as the browser may skip one of two updates that follow each
        other closely.
        """
        updates = self._update_photos(visit, errors, "Ready.")
        if visit.photos and not visit.is_typing:
            updates |= self._show_with_thumbnail(visit, visit.shown)
        return updates

    def _update_answer(self, visit: Visit, number: int) -> Updates:
        page = self.components
        photo = visit.show(number)
        answer = photo.answer
        choices = []
        if answer.words:
            choices.append(("Photo", PLAIN_PHOTO))
            choices += [(word, place) for place, word in enumerate(answer.words)]
        headings = ("Score", "Captions") if self.is_captioner else ("Probability", "Classes")
        picture = self.downloads.write_picture(photo)
        return {
            page.chosen: number,
            page.view: gr.Image(value=picture, alt_text=photo.caption, label=photo.name),
            page.caption: photo.text,
            page.mending: mending_html(photo),
            page.words: gr.Radio(
                choices=choices,
                value=PLAIN_PHOTO if choices else None,
                visible=bool(choices),
            ),
            page.candidates: note_html(answer.note) + candidates_html(answer, headings),
        }

    def _show_with_thumbnail(self, visit: Visit, number: int) -> Updates:
        """Show a photo that the visitor did not choose by its thumbnail, and frame that."""
        gallery = _make_gallery(visit, selected_index=number)
        return self._update_answer(visit, number) | {self.components.gallery: gallery}

    def _make_learning(self, visit: Visit) -> str:
        return learning_html(visit, self.command)

    def begin_mending(self, visit: Visit) -> None:
        """Keep the photo in view that the visitor types a caption for."""
        visit.is_typing = True

    def mend(self, visit: Visit, number: int, text: str) -> tuple[str, str]:
        """Keep what was typed for a photo; say what becomes of it."""
        visit.keep(number, text)
        return mending_html(visit.photos[number]), self._make_learning(visit)

    def end_mending(self, visit: Visit, number: int, text: str) -> tuple[Any, str]:
        """Keep what was typed for a photo; write it below the thumbnail."""
        visit.keep(number, text)
        visit.is_typing = False
        return _update_labels(visit), self._make_learning(visit)

    def choose_next(self, visit: Visit, number: int, text: str) -> Updates:
        """Keep what was typed for a photo, and show the next."""
        visit.keep(number, text)
        following = min(number + 1, len(visit.photos) - 1)
        return self._show_with_thumbnail(visit, following)

    def choose_photo(self, visit: Visit, number: int, text: str, event: gr.SelectData) -> Updates:
        """Keep what was typed for a photo, and show another."""
        if self.is_captioner:
            visit.keep(number, text)
        return self._update_answer(visit, event.index)

    def choose_word(self, visit: Visit, number: int, word: int) -> gr.Image:
        """Lay a word's attention over the photo, or show the plain photo."""
        photo = visit.photos[number]
        if word == PLAIN_PHOTO:
            return gr.Image(value=self.downloads.write_picture(photo), alt_text=photo.caption)
        caption = photo.answer.caption
        text = f"{caption} – bright where the network looked at “{photo.answer.words[word]}”"
        return gr.Image(value=self.downloads.write_picture(photo, word), alt_text=text)

    def write_table(self, visit: Visit, number: int, text: str) -> tuple[str, str]:
        """Write the table for the browser, with what was typed until now."""
        name = "classes.csv"
        if self.is_captioner:
            name = "captions.csv"
            visit.keep(number, text)
        file = self.downloads.write_table(name, self.columns, visit.photos)
        for photo in visit.photos:
            photo.downloaded = photo.caption
        return file, self._make_learning(visit)


def _clear() -> None:
    """Empty a component."""


def _make_gallery(visit: Visit, **options: int) -> gr.Gallery:
    """Return the photos as thumbnails; a single photo needs no choice.

    An option that is not given, such as `selected_index`, stays as it is.
    """
    for photo in visit.photos:
        photo.shown_label = photo.label
    return gr.Gallery(
        value=[(photo.thumbnail, photo.label) for photo in visit.photos],
        visible=len(visit.photos) > 1,
        **options,
    )


def _update_labels(visit: Visit) -> Any:
    """Return the thumbnails, if one of them has another label now."""
    if all(photo.label == photo.shown_label for photo in visit.photos):
        return gr.skip()
    return _make_gallery(visit)


def _read_search(settings: Sequence[Any]) -> dict[str, Any]:
    """Return the search settings from the values of the controls."""
    if not settings:
        return {}
    beam, sample, temperature, top_p = settings
    if not sample:
        return {"beam": int(beam), "sample": False}
    return {
        "beam": int(beam),
        "sample": True,
        "temperature": float(temperature),
        "top_p": float(top_p) if top_p < 1 else None,
        "seed": int.from_bytes(os.urandom(4)) >> 1,  # 31 bits
    }
