"""Losses and scores by epoch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.metrics.captions import SCORE_KEYS
from utils.plots.figure import BLUE, ORANGE, PALE, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The scores by panel, each with its colour: CIDEr and NIST go far beyond 1.
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


def draw_history(
    history: list[dict[str, Any]], path: Path, *, best: int = 0, best_by: str = "CIDEr"
) -> None:
    """Draws the losses and the validation scores of each epoch into a PNG, what they have of them, the `best` epoch marked,
    where any was better than the start.

    Scores of captions written freely are solid, teacher-forced ones dashed. `best_by` is the score that chose it.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), layout="constrained")
    losses, *panels = figure.subplots(2, 2).flat
    # In self-critical epochs, which have a reward, the loss is not that of the true words.
    true_words = [row | {"loss": None} if "reward" in row else row for row in history]
    draw_curve(losses, true_words, "loss", label="training", color=BLUE)
    draw_curve(losses, history, "val_loss", label="validation", color=ORANGE)
    losses.set_title("loss, teacher-forced", loc="left")
    for axes, (title, scores) in zip(panels, SCORES.items(), strict=True):
        for name, colour in scores.items():
            draw_curve(axes, history, SCORE_KEYS[name], label=name, color=colour)
            draw_curve(
                axes,
                history,
                f"forced_{SCORE_KEYS[name]}",
                label=f"{name}, teacher-forced",
                color=colour,
                linestyle="--",
            )
        axes.set_title(f"{title} on val", loc="left")
    for key in sorted({key for row in history for key in row if key.startswith("Top")}):
        draw_curve(
            panels[0],
            history,
            key,
            label=f"top-{key.removeprefix('Top')}, teacher-forced",
            color=PALE,
            linestyle="--",
        )
    draw_curve(
        panels[1], history, "reward", label="reward, drawn captions of train", color="#b5467a"
    )
    draw_curve(panels[1], history, "greedy_reward", label="reward, greedy ones", color="#dd9dbb")
    epochs = [row["epoch"] for row in history]
    marked = (
        f"Dotted: the best epoch, {best}, by {best_by}"
        if best
        else "No epoch was better than the start"
    )
    figure.suptitle(
        "Scores, solid: captions written freely; dashed: each word foretold from the true ones before it. "
        + (marked if history else ""),
        x=0.01,
        ha="left",
        fontsize=9,
        color=PALE,
    )
    for axes in (losses, *panels):
        if best:
            axes.axvline(best, color=PALE, linestyle=":", linewidth=1.2)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
        axes.spines[["top", "right"]].set_visible(False)
        if axes is not losses:
            axes.set_ylim(0, axes.get_ylim()[1] * 1.02)  # a dot at the top is drawn whole
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.set_xlabel("epoch")
        axes.set_xlim(min(epochs, default=1) - 0.5, max(epochs, default=1) + 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    save_figure(figure, path)


def _points(history: list[dict[str, Any]], key: str) -> tuple[list[int], list[float]]:
    """Epochs and values of the rows that have the key; a score that could not be computed is None."""
    rows = [row for row in history if row.get(key) is not None]
    return [row["epoch"] for row in rows], [row[key] for row in rows]


def draw_curve(axes: "Axes", history: list[dict[str, Any]], key: str, **look: Any) -> None:
    """Adds one curve, where the history has any of it; dots where there are few, open ones on a dashed line."""
    epochs, values = _points(history, key)
    if epochs:
        look |= {"markerfacecolor": "white"} if "linestyle" in look else {}
        axes.plot(
            epochs,
            values,
            marker="o" if len(history) <= 30 or len(epochs) == 1 else None,
            markersize=4,
            **look,
        )
