"""The events of demo.py's page: loading, captioning, choosing a photo or a word."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ui.answers import ModelLoader, explain_error, open_photo
from ui.web.downloads import CaptionedPhoto, Downloads
from ui.web.layout import (
    add_components,
    candidates_html,
    errors_html,
    note_html,
    progress_html,
    status_html,
)
from utils.captions_file import Columns
from utils.errors import UserError

MEGABYTE = 2**20
MAXIMUM_BYTES = 20 * MEGABYTE  # of a photo
MAXIMUM_PHOTOS = 100  # of a visitor, until the page is reloaded
MAXIMUM_VISITORS = 50  # whose photos are kept in memory
UPLOAD_SECONDS = 3600  # how long an uploaded file stays in the folder for temporary files
POLL_SECONDS = 0.5  # how often the page asks how far loading is
PLAIN_PHOTO = -1  # the value of the button that shows the photo without attention

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
    ) -> None:
        """Build the page.

        `settings` are the run's search settings, {} for a classifier. `columns` are those of the
        table of results. Every visitor sees the `first_photo` at first.
        """
        self.name = name
        self.is_captioner = bool(settings)
        self.columns = columns
        self.downloads = downloads
        self.first_photo = first_photo
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
            self.add_photos, [page.files, page.photos, *page.settings], page.outputs, **private
        )
        page.gallery.select(
            self.choose_photo,
            [page.photos],
            [page.chosen, page.view, page.caption, page.words, page.candidates],
            **private,
        )
        page.words.input(
            self.choose_word, [page.photos, page.chosen, page.words], [page.view], **private
        )
        inputs = [page.photos, *page.settings]
        if page.again is not None:
            page.again.click(self.caption_again, inputs, page.outputs, **private)
        if self.first_photo is not None:
            self.blocks.load(self.add_first_photo, inputs, page.outputs, **private)
        timer = gr.Timer(POLL_SECONDS)
        timer.tick(
            self.show_progress, None, [page.status, timer], show_progress="hidden", **private
        )

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
        self, uploads: Sequence[Upload], photos: list[CaptionedPhoto], *settings: Any
    ) -> Iterator[Updates]:
        """Caption uploaded photos one after another, and clear the field for files."""
        for updates in self._caption_photos(uploads, photos, settings):
            yield {self.components.files: None, **updates}

    def add_first_photo(self, photos: list[CaptionedPhoto], *settings: Any) -> Iterator[Updates]:
        """Caption the photo of the command line."""
        path = Path(self.first_photo)
        yield from self._caption_photos([(path, path.name)], photos, settings)

    def caption_again(self, photos: list[CaptionedPhoto], *settings: Any) -> Iterator[Updates]:
        """Caption all photos again with other settings."""
        uploads = [(photo.answer.photo.source, photo.name) for photo in photos]
        yield from self._caption_photos(uploads, [], settings)

    def _caption_photos(
        self, uploads: Sequence[Upload], before: list[CaptionedPhoto], settings: Sequence[Any]
    ) -> Iterator[Updates]:
        """Caption photos and add them to those before; yield what changes on the page."""
        photos = list(before)
        errors = []
        room = MAXIMUM_PHOTOS - len(photos)
        if len(uploads) > room:
            errors.append(
                f"Skipped {len(uploads) - room} of {len(uploads)} photos: "
                f"the page holds at most {MAXIMUM_PHOTOS}; reload it to start again"
            )
            uploads = uploads[:room]
        verb = "Captioning" if self.is_captioner else "Classifying"
        for number, (path, name) in enumerate(uploads, start=1):
            status = f"{verb} {name} ({number} of {len(uploads)}) …"
            yield self._update_photos(photos, errors, status)
            try:
                photos.append(self._caption_photo(path, name, settings))
            except Exception as error:  # shown on the page; the other photos follow
                errors.append(explain_error(error))
        updates = self._update_photos(photos, errors, "Ready.")
        if len(photos) > len(before):
            first_new = len(before)
            updates |= self._update_answer(photos, first_new)
            updates |= self._update_table(photos)
            updates[self.components.gallery] = _make_gallery(photos, chosen=first_new)
        yield updates

    def _caption_photo(self, path: Path, name: str, settings: Sequence[Any]) -> CaptionedPhoto:
        if not path.is_file():
            raise UserError(f"{name} is no longer on the server; add it again")
        size = path.stat().st_size
        if size > MAXIMUM_BYTES:
            raise UserError(
                f"{name} has {size / MEGABYTE:.0f} MB; "
                f"a photo may have at most {MAXIMUM_BYTES // MEGABYTE} MB"
            )
        photo = open_photo(path, name)
        answer = self.loader.wait()(photo, **_read_search(settings))
        return CaptionedPhoto.from_answer(answer)

    def _update_photos(
        self, photos: list[CaptionedPhoto], errors: Sequence[str], status: str
    ) -> Updates:
        page = self.components
        return {
            page.photos: list(photos),
            page.results: gr.Column(visible=bool(photos)),
            page.gallery: _make_gallery(photos),
            page.status: status_html(status),
            page.errors: gr.HTML(value=errors_html(errors), visible=bool(errors)),
        }

    def _update_answer(self, photos: Sequence[CaptionedPhoto], chosen: int) -> Updates:
        page = self.components
        photo = photos[chosen]
        answer = photo.answer
        choices = []
        if answer.words:
            choices.append(("Photo", PLAIN_PHOTO))
            choices += [(word, place) for place, word in enumerate(answer.words)]
        headings = ("Score", "Captions") if self.is_captioner else ("Probability", "Classes")
        picture = self.downloads.write_picture(photo)
        return {
            page.chosen: chosen,
            page.view: gr.Image(value=picture, alt_text=answer.caption, label=photo.name),
            page.caption: answer.caption,
            page.words: gr.Radio(
                choices=choices,
                value=PLAIN_PHOTO if choices else None,
                visible=bool(choices),
            ),
            page.candidates: note_html(answer.note) + candidates_html(answer, headings),
        }

    def _update_table(self, photos: Sequence[CaptionedPhoto]) -> Updates:
        name = "captions.csv" if self.is_captioner else "classes.csv"
        table = self.downloads.write_table(name, self.columns, photos)
        return {self.components.table: gr.DownloadButton(value=table)}

    def choose_photo(self, photos: list[CaptionedPhoto], event: gr.SelectData) -> Updates:
        """Show another photo."""
        return self._update_answer(photos, event.index)

    def choose_word(self, photos: list[CaptionedPhoto], chosen: int, word: int) -> gr.Image:
        """Lay a word's attention over the photo, or show the plain photo."""
        photo = photos[chosen]
        caption = photo.answer.caption
        if word == PLAIN_PHOTO:
            return gr.Image(value=self.downloads.write_picture(photo), alt_text=caption)
        text = f"{caption} – bright where the network looked at “{photo.answer.words[word]}”"
        return gr.Image(value=self.downloads.write_picture(photo, word), alt_text=text)


def _make_gallery(photos: Sequence[CaptionedPhoto], chosen: int | None = None) -> gr.Gallery:
    """Return the photos as thumbnails; a single photo needs no choice."""
    return gr.Gallery(
        value=[(photo.thumbnail, photo.answer.caption) for photo in photos],
        selected_index=chosen,
        visible=len(photos) > 1,
    )


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
