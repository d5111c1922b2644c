"""Run folders without weights, for tests of what reads settings, history and scores."""

from config import Settings
from utils import runs
from utils.files import write_json

EPOCHS = [
    {
        "epoch": 1,
        "loss": 3.0,
        "val_loss": 2.5,
        "CIDEr": 0.25,
        "forced_CIDEr": 0.5,
        "Top5": 0.5,
        "seconds": 61.25,
    },
    {
        "epoch": 2,
        "loss": 2.0,
        "val_loss": 2.25,
        "CIDEr": 0.5,
        "forced_CIDEr": None,
        "Top5": 0.75,
        "seconds": 59.0,
    },
]


def saved_run(folder, given=None, *, history=(), spent=None, **more):
    """Make a run folder without weights: these settings, and `more` in its config.json."""
    settings = {"dataset": "photos/mine", "language": "en", "epochs": 8} | (given or {})
    facts = {"encoder_weights": "none", "fingerprint": {}}
    runs.write_config(folder, Settings.from_flat(settings).flat() | facts | more)
    splits = {"train": ["a.jpg"] * 1200, "val": ["b.jpg"], "test": []}
    write_json(folder / "splits.json", splits)
    runs.write_history(folder, list(history))
    (folder / "best").mkdir()
    if history:
        (folder / f"best/ckpt-{len(history)}.index").touch()
    if spent:
        write_json(folder / "spent.json", spent)
    return folder


ANALYSIS = {
    "split": "test",
    "photos": 3,
    "beam": 3,
    "sample": False,
    "beams": {
        str(beam): {"Bleu_1": 0.5, "METEOR": None, "captions_per_second": 123.4}
        for beam in (1, 3, 5)
    },
    "teacher_forced": {"loss": 2.25, "Top4": 0.75, "Bleu_2": 0.4, "NIST_2": 3.0},
    "free_running": {"loss": 4.125},
    "lengths": {"captions": {"3": 3}, "references": {"3": 4, "6": 1}},
    "vocabulary": {"captions": 1234, "references": 4321, "known": 5000, "unit": "words"},
    "novel": None,
    "distinct": 0.25,
    "best": [
        {
            "photo": "0.jpg",
            "CIDEr": 3.5,
            "caption": "a dog " * 30,
            "references": ["개가 공원에서 달린다 " * 10],
        }
    ],
    "worst": [],
}
