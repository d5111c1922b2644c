"""The benchmark of the first caption, with fake scripts and a fake TensorFlow."""

import json

import pytest

from benchmarks import first_caption
from benchmarks.measuring import Options
from utils.errors import UserError


def test_the_first_caption_is_timed(tmp_path, monkeypatch):
    root, folder = tmp_path / "root", tmp_path / "folder"
    root.mkdir()
    folder.mkdir()
    (root / "train.py").write_text(
        "import json, os, sys\n"
        "folder = sys.argv[sys.argv.index('--run') + 1]\n"
        "os.mkdir(folder)\n"
        "json.dump(sys.argv[1:], open(folder + '/words.json', 'w'))"
    )
    (root / "predict.py").write_text(
        "import sys, time; time.sleep(0.2)\n"
        "print(f'{sys.argv[3]}: a dog  (0.50)', flush=True); time.sleep(0.5)"
    )
    (root / "tensorflow.py").write_text("")
    monkeypatch.setattr(first_caption, "ROOT", root)
    figures = first_caption.run(folder, Options(rounds=1, layer="mixed8"))
    parts = figures["first_caption"]
    seconds = parts["predict"]["seconds"]
    assert figures["first_caption_seconds"] == seconds
    assert 0.2 < seconds < 0.7
    assert figures["first_caption_more"] == seconds - parts["import"]["seconds"]
    assert 5 < parts["predict"]["megabytes"] < 100
    words = " ".join(json.loads((folder / "run/words.json").read_text()))
    assert words.endswith("--encoder inception_v3 --weights none --layer mixed8")
    lines = (folder / "captions.csv").read_text().splitlines()
    assert lines[:2] + lines[-1:] == [
        "photo,caption,split",
        "photos/000000.jpg,photo 0 of a few,val",
        "photos/000009.jpg,photo 9 of a few,train",
    ]
    figures |= {"first_caption_seconds": 9.04, "first_caption_more": 5.04}
    (row,) = first_caption.make_rows(figures)
    assert row.measured == "9.0 s: 5.0 s more than `import tensorflow`"
    assert (row.is_met, row.megabytes) == (False, parts["predict"]["megabytes"])
    (root / "train.py").write_text("print('one')\nprint('error: too few')\nraise SystemExit(1)")
    with pytest.raises(UserError, match=r"^train\.py failed on 1 photos: error: too few$"):
        first_caption.train_run(folder, [folder / "photos/000000.jpg"], Options())
    (root / "predict.py").write_text("print('error')")
    with pytest.raises(RuntimeError, match=r"got 'error"):
        first_caption.time_prediction(folder / "run", folder / "photos/000000.jpg")
