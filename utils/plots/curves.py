"""Losses and scores by epoch."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.metrics.captions import SCORE_KEYS
from utils.plots.figure import BLUE, ORANGE, PALE, make_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Sequence[dict[str, Any]]

# The panels of scores, each score with its colour: CIDEr and NIST go far beyond 1.
SCORES = {
    "BLEU, ROUGE-L, accuracy": {
        "BLEU-1": "#8fb8de",
        "BLEU-2": "#3a8f5c",
        "BLEU-4": BLUE,
        "ROUGE-L": "#8a5fb0",
    },
    "CIDEr": {"CIDEr": ORANGE},
    "NIST": {"NIST-2": "#3a8f5c", "NIST-4": BLUE},
}
_REWARD, _GREEDY_REWARD = "#b5467a", "#dd9dbb"
_MOST_DOTS = 30  # epochs


def draw_history(history: History, path: Path, *, best: int = 0, best_by: str = "CIDEr") -> None:
    """Draw the losses and validation scores of each epoch into a PNG.

    Scores of generated captions are solid, teacher-forced ones dashed. The `best` epoch, if any
    was better than the start, is marked; `best_by` is the score that chose it.
    """
    figure = make_figure(12, 7, layout="constrained")
    losses, *panels = figure.subplots(2, 2).flat
    _draw_losses(losses, history)
    for axes, (title, scores) in zip(panels, SCORES.items(), strict=True):
        _draw_scores(axes, history, scores)
        axes.set_title(f"{title} on val", loc="left")
    _draw_accuracies(panels[0], history)
    draw_curve(panels[1], history, "reward", label="reward, sampled captions", color=_REWARD)
    draw_curve(
        panels[1], history, "greedy_reward", label="reward, greedy captions", color=_GREEDY_REWARD
    )
    note = "Scores, solid: of generated captions; dashed: with the true words before each word. "
    if history and best:
        note += f"Dotted: the best epoch, {best}, by {best_by}"
    elif history:
        note += "No epoch was better than the start"
    figure.suptitle(note, x=0.01, ha="left", fontsize=9, color=PALE)
    for axes in (losses, *panels):
        finish_panel(axes, history, best)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
        if axes is not losses:
            axes.set_ylim(0, axes.get_ylim()[1] * 1.02)  # room for a dot at the top
        axes.ticklabel_format(axis="y", useOffset=False)
    save_figure(figure, path)


def draw_curve(axes: "Axes", history: History, key: str, **look: Any) -> None:
    """Draw the values of one key, with dots if there are few; a dashed line has open dots.

    Epochs without the key, or where the score could not be computed (None), are skipped.
    """
    rows = [row for row in history if row.get(key) is not None]
    if not rows:
        return
    if "linestyle" in look:
        look["markerfacecolor"] = "white"
    has_dots = len(history) <= _MOST_DOTS or len(rows) == 1
    axes.plot(
        [row["epoch"] for row in rows],
        [row[key] for row in rows],
        marker="o" if has_dots else None,
        markersize=4,
        **look,
    )


def finish_panel(axes: "Axes", history: History, best: int) -> None:
    """Give a panel its axis of epochs and mark the best one, if there is any."""
    epochs = [row["epoch"] for row in history]
    axes.set_xlabel("epoch")
    axes.set_xlim(min(epochs, default=1) - 0.5, max(epochs, default=1) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.spines[["top", "right"]].set_visible(False)
    if best:
        axes.axvline(best, color=PALE, linestyle=":", linewidth=1.2)


def _draw_losses(axes: "Axes", history: History) -> None:
    # The loss of a self-critical epoch, which has a reward, is not cross-entropy.
    with_true_words = [row for row in history if "reward" not in row]
    draw_curve(axes, with_true_words, "loss", label="training", color=BLUE)
    draw_curve(axes, history, "val_loss", label="validation", color=ORANGE)
    axes.set_title("loss, teacher-forced", loc="left")


def _draw_scores(axes: "Axes", history: History, scores: dict[str, str]) -> None:
    for name, colour in scores.items():
        key = SCORE_KEYS[name]
        forced_name = f"{name}, teacher-forced"
        draw_curve(axes, history, key, label=name, color=colour)
        draw_curve(axes, history, f"forced_{key}", label=forced_name, color=colour, linestyle="--")


def _draw_accuracies(axes: "Axes", history: History) -> None:
    """Draw the teacher-forced accuracies: keys like Top3."""
    keys = {key for row in history for key in row if key.startswith("Top")}
    for key in sorted(keys):
        label = f"top-{key.removeprefix('Top')}, teacher-forced"
        draw_curve(axes, history, key, label=label, color=PALE, linestyle="--")
