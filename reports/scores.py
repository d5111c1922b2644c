"""The scores of a split as a table for the terminal."""

from pipeline.evaluation import Result
from utils.metrics.captions import SCORE_KEYS


def format_scores(result: Result) -> str:
    """The scores as lines for a terminal."""
    scores = result.scores
    top = next(key.removeprefix("Top") for key in scores if key.startswith("Top"))

    def shown(name: str) -> str:
        return "  –  " if scores.get(name) is None else f"{scores[name]:.3f}"

    lines = [
        f"{result.split}: {scores['images']} photos, {scores['captions_per_second']:.0f} captions a second",
        "  ".join(f"{name} {shown(key)}" for name, key in SCORE_KEYS.items()),
        f"teacher-forced: loss {shown('loss')}, top-{top} accuracy {shown(f'Top{top}')}",
    ]
    if "facts_precision" in scores:
        lines += [
            f"facts: precision {shown('facts_precision')}, recall {shown('facts_recall')} (references: "
            f"{shown('facts_precision_references')}, {shown('facts_recall_references')}; captions of other photos: "
            f"{shown('facts_precision_shuffled')}, {shown('facts_recall_shuffled')})",
            f"pointing: {shown('pointing')} (chance: {shown('pointing_chance')})",
        ]
    return "\n".join([*lines, *(f"note: {note}" for note in result.notes)])
