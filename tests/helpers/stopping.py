"""Stop a training at a certain step, and compare what it learned."""

import json
from pathlib import Path

from utils.progress import TrainingBar


def act_at_step(epoch, step, action):
    """Return a `TrainingBar.update` that does something at this step."""
    update_bar = TrainingBar.update

    def update(self, current_epoch, current_step, *rest):
        update_bar(self, current_epoch, current_step, *rest)
        if (current_epoch, current_step) == (epoch, step):
            action()

    return update


def read_losses(run):
    """Return loss, validation loss and CIDEr of each epoch of a run in checkpoints/."""
    lines = Path("checkpoints", run, "history.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [(row["loss"], row["val_loss"], row["CIDEr"]) for row in rows]
