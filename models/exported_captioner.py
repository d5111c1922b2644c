"""A captioner that export.py wrote: pixels to tokens in one model, by the runtime of its format."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data.photos.reading import Reading, Window
from data.text.loading import load_tokenizer
from models.base_captioner import BaseCaptioner
from models.runtimes import Run, load_runtime
from utils.command_line import option_name
from utils.errors import UserError, unknown_name_error
from utils.exports import SIGNATURE, read_signature
from utils.predictions import Caption

# The seed changes nothing, as an export draws nothing at random.
IGNORED = ("seed",)


class ExportedCaptioner(BaseCaptioner):
    """Captions photos with the model of an exported folder; its search cannot be changed."""

    def __init__(self, folder: Path, signature: dict[str, Any], **others: Any) -> None:
        super().__init__(**others)
        self._folder = folder
        self._signature = signature

    @cached_property
    def _run(self) -> Run:
        return load_runtime(self._folder, self._signature)

    def warm_up(self) -> None:
        _ = self._run

    def change_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        for name, value in changes.items():
            if name in IGNORED:
                continue
            if name not in self.settings:
                raise unknown_name_error("setting", name, list(self.settings))
            if value != self.settings[name]:
                raise UserError(
                    f"{option_name(name)} of an exported captioner is fixed, here at "
                    f"{self.settings[name]} (got {value}); omit it, or export the run again"
                )
        return self.settings

    def _caption_pictures(
        self, pictures: list[np.ndarray], settings: dict[str, Any], windows: Sequence[Window]
    ) -> list[Caption]:
        answers = self._run(np.stack(pictures))
        places = answers["attention"].reshape(*answers["attention"].shape[:2], -1)
        rows = zip(answers["tokens"], answers["scores"], places, windows, strict=True)
        return [self._make_caption(*row) for row in rows]


def load_export(folder: Path) -> ExportedCaptioner:
    """Open a folder that export.py made of a captioner."""
    signature = read_signature(folder)
    if signature["kind"] != "captions":
        raise UserError(
            f"{folder} is an exported classifier and writes no captions; use its client.py"
        )
    try:
        rows, columns = signature["grid"]
        reading = Reading(**signature["reading"])
    except (TypeError, ValueError) as error:
        raise UserError(f"{folder / SIGNATURE} is damaged ({error}); export again") from None
    return ExportedCaptioner(
        folder,
        signature,
        tokenizer=load_tokenizer(folder / "vocabulary.json"),
        grid=(rows, columns),
        image_size=signature["image_size"],
        settings=signature["search"],
        reading=reading,
    )
