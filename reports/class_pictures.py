"""Pictures of a classifier's run: training samples, confused classes, random predictions."""

import random
from pathlib import Path

import numpy as np

from data.class_batches import ClassBatches
from pipeline.classifier.dataset import ClassPictures
from pipeline.classifier.evaluation import ClassResult
from utils.plots.classes import draw_confusion, draw_picture_grid
from utils.plots.figure import save_figure

SHOWN = 40  # pictures
AUGMENTATION = {"mirrored": ", moved and mirrored", "moved": ", moved", "none": ""}


def draw_samples(batches: ClassBatches, pictures: ClassPictures, file: Path, *, alter: str) -> None:
    """Draw some training pictures of the first epoch, with their classes."""
    samples: list[tuple[np.ndarray, str, bool]] = []
    for pixels, labels in batches.epoch(0):
        for picture, label in zip(pixels, labels, strict=True):
            samples.append((picture, pictures.classes[label], False))
        if len(samples) >= SHOWN:
            break
    random.Random(0).shuffle(samples)
    size = pictures.image_size
    title = (
        f"Training pictures as the network gets them: {size} x {size} pixels{AUGMENTATION[alter]}"
    )
    save_figure(draw_picture_grid(samples[:SHOWN], title=title), file)


def draw_results(folder: Path, result: ClassResult) -> None:
    """Draw which classes are mistaken for which, and random pictures with their likeliest class."""
    scores = result.scores
    title = f"{result.split}: {scores['accuracy']:.3f} of {scores['images']:,} pictures are right"
    figure = draw_confusion(scores["confusion"], result.classes, title=title)
    save_figure(figure, folder / "confusion.png")

    number = len(result.labels)
    places = random.Random(0).sample(range(number), min(SHOWN, number))
    cells = [_predict_cell(result, place) for place in places]
    title = f"Random pictures of {result.split}, the likeliest class and its probability"
    save_figure(draw_picture_grid(cells, title=title), folder / "predictions.png")


def _predict_cell(result: ClassResult, place: int) -> tuple[np.ndarray, str, bool]:
    """Return a picture, the text under it, and whether its class is wrong."""
    probabilities = result.probabilities[place]
    predicted, true = int(probabilities.argmax()), int(result.labels[place])
    text = f"{result.classes[predicted]} {probabilities.max():.2f}"
    is_wrong = predicted != true
    if is_wrong:
        text += f"\ntrue: {result.classes[true]}"
    return result.pictures[place], text, is_wrong
