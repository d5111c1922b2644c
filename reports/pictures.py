"""Pictures of captions with attention, drawn at the end of training and by evaluate.py --report."""

import random
from pathlib import Path

from data.photos.images import UnreadablePhoto, read_photo
from pipeline.evaluation import Result
from utils.files import write_json
from utils.plots.attention import draw_attention
from utils.plots.figure import save_figure

PICTURES = 8


def draw_captions(
    run: Path, result: Result, *, number: int | None = None, seed: int = 0
) -> list[Path]:
    """Draw random photos with caption and attention by word, as results/01.png and so on.

    Pictures of an earlier call are removed. A photo that cannot be read is replaced by another one.
    results/captions.json has a row for each picture. Return the pictures' files.
    """
    number = PICTURES if number is None else number
    folder = run / "results"
    for old in folder.glob("*.png"):
        if old.stem.isdigit():
            old.unlink()

    files, rows = [], []
    for index in random.Random(seed).sample(range(len(result.photos)), len(result.photos)):
        if len(files) == number:
            break
        photo, caption = result.photos[index], result.captions[index]
        try:
            pixels = read_photo(photo.path)
        except UnreadablePhoto:
            continue
        file = folder / f"{len(files) + 1:02}.png"
        references = list(photo.captions)
        figure = draw_attention(
            pixels,
            caption.words,
            caption.attention,
            grid=caption.grid,
            title=caption.text,
            references=references,
        )
        save_figure(figure, file)
        row = {
            "picture": file.name,
            "photo": photo.name,
            "caption": caption.text,
            "score": caption.score,
            "references": references,
        }
        files.append(file)
        rows.append(row)
    write_json(folder / "captions.json", rows)
    return files
