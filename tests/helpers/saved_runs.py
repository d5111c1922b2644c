"""Run folders without weights, for what reads settings, history and scores alone."""

import json

import presets
from utils import runs

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


def saved_run(folder, given=None, *, history=(), scenes=False, spent=None, **more):
    """A run folder as train.py leaves it, its settings those that were given and what the presets want."""
    settings = presets.resolve({"dataset": "photos/mine"} | (given or {}), scenes=scenes).suited(
        "en", "words"
    )
    runs.write_config(
        folder,
        settings.flat()
        | {"encoder_weights": "none", "fingerprint": {}, "scenes": scenes, "begun": 0}
        | more,
    )
    (folder / "splits.json").write_text(
        json.dumps({"train": ["a.jpg"] * 1200, "val": ["b.jpg"], "test": []})
    )
    runs.write_history(folder, list(history))
    (folder / "best").mkdir()
    if history:
        (folder / f"best/ckpt-{len(history)}.index").touch()
    if spent:
        (folder / "spent.json").write_text(json.dumps(spent))
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
