"""Write what `evaluate.py --report` adds: a longer report, pictures, and the run's page."""

from pathlib import Path

from pipeline.classifier.evaluation import ClassResult
from pipeline.evaluation import Evaluation, Result
from reports.analysis import format_analysis, write_analysis
from reports.captioner_page import write_captioner_page
from reports.class_pictures import draw_results
from reports.classifier_page import write_classifier_page
from reports.pictures import draw_captions
from utils.terminal import output


def report_captions(run: Path, evaluation: Evaluation, result: Result) -> str:
    """Print and write the report of captions; return the line that says where everything is."""
    output(format_analysis(write_analysis(run, evaluation, result)))
    pictures = draw_captions(run, result, seed=evaluation.settings.training.seed)
    page = write_captioner_page(run, evaluation, result)
    return (
        f"\n{len(pictures)} pictures of captions with attention, and report.json: "
        f"{run / 'results'}\n"
        f"all in one page: {page}"
    )


def report_classes(run: Path, result: ClassResult) -> str:
    """Draw pictures and write the page; return the line that says where everything is."""
    draw_results(run, result)
    page = write_classifier_page(run, result)
    return f"pictures: {run}/confusion.png, predictions.png; all in one page: {page}"
