"""Print, draw and write what people see of a training job: scores, pictures and the run's page."""

from pathlib import Path
from typing import Any

from config import Settings
from data.class_batches import ClassBatches
from data.preprocess import Dataset
from data.text.tokenizer import Tokenizer
from pipeline.classifier.dataset import ClassPictures
from pipeline.classifier.evaluation import ClassResult
from pipeline.evaluation import Evaluation, Result
from pipeline.run import Run
from reports.captioner_page import write_captioner_page
from reports.class_pictures import draw_results, draw_samples
from reports.classifier_page import write_classifier_page
from reports.dataset import summarise_dataset
from reports.pictures import draw_captions
from reports.scores import format_class_scores, format_scores
from utils import runs
from utils.commands import format_command
from utils.plots.classes import draw_class_history
from utils.plots.curves import draw_history
from utils.terminal import say

SAMPLES = 3  # captions printed at the end


class CaptionReporter:
    """Reports of a captioner's training."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe_dataset(
        self,
        chosen: Settings,
        settings: Settings,
        dataset: Dataset,
        tokenizer: Tokenizer,
        source: Path | None,
    ) -> str:
        """Return the dataset in a few lines; `chosen` are the settings as they were typed.

        `source` is the run whose tokens stay.
        """
        return summarise_dataset(chosen, settings, dataset, tokenizer, source)

    def write_page(self) -> None:
        """Write the run's page as far as the job has come."""
        write_captioner_page(self._folder)

    def after_epoch(self, rows: list[dict[str, Any]], best_epoch: int) -> None:
        """Draw the curves, and write the page."""
        file = self._folder / "history.png"
        best_by = runs.read_config(self._folder)["best_by"]
        draw_history(rows, file, best=best_epoch, best_by=best_by)
        self.write_page()

    def finish(self, evaluation: Evaluation, result: Result, run: Run) -> None:
        """Print the scores and some captions, draw pictures, and write the page with them."""
        folder = self._folder
        say(format_scores(result))
        pictures = draw_captions(folder, result, seed=evaluation.settings.training.seed)
        for photo, caption in result.sample(SAMPLES):
            lines = [f"\n{photo.name}", f"  says:  {caption.text}"]
            lines += [f"  true:  {text}" for text in photo.captions]
            say("\n".join(lines))
        run.lap("scoring")
        page = write_captioner_page(folder, evaluation, result)
        say(
            f"\n{len(pictures)} pictures of captions with attention: {folder / 'results'}; "
            f"all in one page: {page}\n"
            f"done in {run.seconds / 60:.1f} minutes; run folder: {folder}\n"
            f"captions for photos: {format_command('predict.py', '--run', folder)} PHOTO …"
        )


class SilentReporter:
    """Reports nothing: the reporter of all workers but worker 0."""

    def describe_dataset(self, *_: Any) -> str:
        return ""

    def write_page(self) -> None:
        return

    def after_epoch(self, _rows: list[dict[str, Any]], _best_epoch: int) -> None:
        return

    def finish(self, *_: Any) -> None:
        return


class ClassReporter:
    """Reports of a classifier's training."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def draw_samples(
        self, batches: ClassBatches, pictures: ClassPictures, settings: Settings
    ) -> None:
        """Draw some of the training pictures as the network gets them."""
        file = self._folder / "samples.png"
        draw_samples(batches, pictures, file, alter=settings.classes.alter)

    def write_page(self) -> None:
        """Write the run's page as far as the job has come."""
        write_classifier_page(self._folder)

    def after_epoch(self, rows: list[dict[str, Any]], best_epoch: int) -> None:
        """Draw the curves, and write the page."""
        draw_class_history(rows, self._folder / "history.png", best=best_epoch)
        self.write_page()

    def finish(self, _pictures: ClassPictures, result: ClassResult, run: Run) -> None:
        """Print the scores, draw pictures, and write the page with them."""
        folder = self._folder
        say(format_class_scores(result))
        draw_results(folder, result)
        run.lap("scoring")
        page = write_classifier_page(folder, result)
        say(
            f"pictures: {folder}/samples.png, history.png, confusion.png, predictions.png; "
            f"all in one page: {page}\n"
            f"done in {run.seconds / 60:.1f} minutes; run folder: {folder}\n"
            f"classes of a photo: {format_command('predict.py', '--run', folder)} PHOTO …"
        )
