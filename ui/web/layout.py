"""The components of demo.py's page, and the pieces of HTML in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ui.answers import MAXIMUM_BEAM, Answer
from ui.web.visit import CaptionedPhoto, Visit
from utils.errors import UserError


@dataclass(frozen=True)
class Components:
    """The components that events read and change."""

    visit: gr.State  # the visitor's `Visit`
    # The number of the photo that is shown. The browser holds it, and sends it with the caption's
    # text: so what is typed reaches its photo, even if another one is chosen at that moment.
    chosen: gr.Number
    status: gr.HTML
    errors: gr.HTML
    files: gr.File
    settings: list[gr.components.Component]  # of the search; none for a classifier
    again: gr.Button | None
    results: gr.Column
    gallery: gr.Gallery
    view: gr.Image
    caption: gr.Textbox
    mending: gr.HTML
    words: gr.Radio
    candidates: gr.HTML
    learning: gr.HTML
    table: gr.Button
    table_file: gr.DownloadButton  # fetched by the browser as soon as it is written

    @property
    def outputs(self) -> list[gr.components.Component]:
        """Return the components that new captions change."""
        return [
            self.status,
            self.errors,
            self.results,
            self.gallery,
            self.learning,
            *self.answer,
        ]

    @property
    def answer(self) -> list[gr.components.Component]:
        """Return the components that show one photo with its caption."""
        return [
            self.chosen,
            self.view,
            self.caption,
            self.mending,
            self.words,
            self.candidates,
        ]


def add_components(name: str, settings: dict[str, Any]) -> Components:
    """Add all components to the page, from top to bottom.

    `name` is the run's; `settings` are its search settings, {} for a classifier.
    """
    is_captioner = bool(settings)
    kinds = "captions" if is_captioner else "classes"
    visit = gr.State(Visit())
    chosen = gr.Number(0, precision=0, visible="hidden")
    gr.Markdown(f"# {kinds.capitalize()} by {escape(name)}", elem_id="title")
    status = gr.HTML(elem_id="status")
    errors = gr.HTML(elem_id="errors", visible=False)
    files = _add_file_field()
    controls, again = _add_search_controls(settings) if is_captioner else ([], None)
    with gr.Column(visible=False) as results:
        gallery = gr.Gallery(
            label="Photos",
            columns=6,
            height="auto",
            allow_preview=False,
            elem_id="photos",
            object_fit="cover",
            format="jpeg",  # a thumbnail takes 1 ms; webp, the default, takes 20
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
                    label="Caption: type to mend it" if is_captioner else "Class",
                    elem_id="caption",
                    buttons=["copy"],
                    interactive=is_captioner,
                    lines=1,  # Enter ends the caption
                    max_lines=6,
                )
                mending = gr.HTML(elem_id="mending")
                words = gr.Radio(
                    label="Where the network looked at each word",
                    elem_id="words",
                    visible=is_captioner,
                )
                candidates = gr.HTML(elem_id="candidates")
        learning = gr.HTML(elem_id="learning")
        table = gr.Button(f"Download all {kinds} (CSV)", elem_id="table", variant="primary")
        table_file = gr.DownloadButton(elem_id="table-file")  # which the style hides
    return Components(
        visit=visit,
        chosen=chosen,
        status=status,
        errors=errors,
        files=files,
        settings=controls,
        again=again,
        results=results,
        gallery=gallery,
        view=view,
        caption=caption,
        mending=mending,
        words=words,
        candidates=candidates,
        learning=learning,
        table=table,
        table_file=table_file,
    )


def _add_file_field() -> gr.File:
    files = gr.File(
        file_count="multiple",
        file_types=["image"],
        label="Drop, paste or choose photos",
        elem_id="drop",
        height=160,
    )
    # Methods are replaced, because Gradio writes a file beside the module of a subclass.
    files.preprocess = _list_uploads
    files.async_move_resource_to_block_cache = _reject_address
    return files


def _add_search_controls(
    settings: dict[str, Any],
) -> tuple[list[gr.components.Component], gr.Button]:
    beam = settings.get("beam", 3)
    sample = settings.get("sample", False)
    temperature = settings.get("temperature", 1.0)
    top_p = settings.get("top_p") or 1.0
    with gr.Accordion("Search: beam width, sampling", open=False, elem_id="search"):
        controls = [
            gr.Slider(1, MAXIMUM_BEAM, beam, step=1, label="Beam width"),
            gr.Checkbox(sample, label="Sampling: pick words at random"),
            gr.Slider(0.1, 3, temperature, step=0.1, label="Temperature (sampling only)"),
            gr.Slider(0.05, 1, top_p, step=0.05, label="Likeliest share, top-p (sampling only)"),
        ]
        again = gr.Button("Caption all photos again with these settings", elem_id="again")
    return controls, again


def _list_uploads(files: Any) -> list[tuple[Path, str]]:
    """Return path and original name of each file; Gradio drops some letters from the path."""
    uploads = []
    for file in files or ():
        path = Path(file.path)
        uploads.append((path, file.orig_name or path.name))
    return uploads


async def _reject_address(path: str) -> str:
    """Return the path of an uploaded file; reject an address, which Gradio would download."""
    if "://" in path:
        raise UserError(f"{path} is a web address; upload the photo itself")
    return path


def progress_html(share: float, text: str) -> str:
    """Return a progress bar with a text beside it."""
    bar = f'<progress value="{share:.2f}" aria-label="loading"></progress>'
    return f"{bar}{status_html(text)}"


def status_html(text: str) -> str:
    """Return a line that says what the page does."""
    return f'<span role="status">{escape(text)}</span>'


def errors_html(errors: Sequence[str]) -> str:
    """Return one paragraph for each error."""
    return "".join(f'<p class="page-error" role="alert">{escape(error)}</p>' for error in errors)


def note_html(note: str | None) -> str:
    """Return the note below a caption, or nothing."""
    return f"<p>{escape(note)}</p>" if note else ""


def mending_html(photo: CaptionedPhoto) -> str:
    """Return what is kept of the text in the caption's field, if it is not the model's caption."""
    kept = f"The table has “{escape(photo.caption)}”."
    if photo.fault:
        return f'<p class="page-error" role="alert">{escape(photo.fault)}. {kept}</p>'
    if photo.is_mended:
        return (
            f'<p role="status">✎ Mended. The network wrote “{escape(photo.answer.caption)}”; '
            "empty the field to take that again.</p>"
        )
    return ""


def learning_html(visit: Visit, command: str) -> str:
    """Return how many captions are mended, and how the network learns from them."""
    mended = visit.mended
    if not mended:
        return ""
    state = "unsaved" if visit.has_unsaved else "saved"
    verb = "is" if len(mended) == 1 else "are"
    html = (
        f'<p class="{state}"><b>{len(mended)} of {len(visit.photos)} captions {verb} mended.</b> '
        "Put the table into the folder of the photos. The network learns from the mended captions "
        f"with this command (two or more are needed):</p><code>{escape(command)}</code>"
    )
    renamed = [photo.name for photo in mended if photo.was_renamed]
    if renamed:
        names = ", ".join(escape(name) for name in renamed)
        html += f"<p>Rename these photos’ files too, whose names others had first: {names}</p>"
    return html


def candidates_html(answer: Answer, headings: tuple[str, str]) -> str:
    """Return the candidates as a table under these two headings."""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    rows = ""
    for text, number in answer.candidates:
        rows += f"<tr><td>{number:.2f}</td><td>{escape(text)}</td></tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
