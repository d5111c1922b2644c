"""predict.py in this process, with a captioner that needs no training and no time."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import predict
from data.photos.reading import DEFAULT
from data.text.tokenizer import SPECIAL_TOKENS
from data.text.word_tokenizer import WordTokenizer
from models.captioner import Captioner
from models.decoders.base import check_max_length
from pipeline import prediction_writers
from utils import runs
from utils.errors import run_script
from utils.predictions import Caption


class BrightnessCaptioner:
    """Captions photos with their brightness, bright ones with a low score, and counts them."""

    image_size = 8
    reading = DEFAULT

    def __init__(self):
        self.captioned = 0
        self.scores = {}  # by brightness, where it is not the usual one

    def __call__(self, pictures, *, max_length=2, **_search):
        check_max_length(max_length, 36)
        self.captioned += len(pictures)
        return [self._caption(picture.mean(), max_length) for picture in pictures]

    def warm_up(self):
        """Load nothing."""

    def _caption(self, brightness, max_length):
        words = ["brightness", str(int(brightness))][:max_length]
        score = 0.5 if brightness < 200 else 0.25
        score = self.scores.get(int(brightness), score)
        attention = np.full((len(words), 4), 0.25)
        return Caption(" ".join(words), score, words, attention, (2, 2), [])


def install_captioner(monkeypatch):
    """Let predict.py load a BrightnessCaptioner, and let nothing take time."""
    captioner = BrightnessCaptioner()
    monkeypatch.setattr(Captioner, "load", lambda *_args, **_options: captioner)
    monkeypatch.setattr(prediction_writers, "time", SimpleNamespace(perf_counter=lambda: 0.0))
    return captioner


def make_command(monkeypatch, capsys):
    """Return a function that runs predict.py with these words and the run `r`.

    It returns the exit status, standard output and standard error.
    """

    def run_predict(*words):
        monkeypatch.setattr(sys, "argv", ["predict.py", "--run", "r", *words])
        with pytest.raises(SystemExit) as caught:
            run_script(predict.main)
        return caught.value.code, *capsys.readouterr()

    return run_predict


def write_run(**config):
    """Write the settings of the run `r`."""
    defaults = {
        "dataset": "photos",
        "language": "en",
        "encoder": "convnet",
        "decoder": "gru",
        "encoder_weights": "none",
        "fingerprint": {},
    }
    run = Path("checkpoints/r")
    runs.write_config(run, defaults | config)
    words = [*SPECIAL_TOKENS, "brightness"]
    WordTokenizer(words, "words").save(run / "vocabulary.json")


def make_photo(name, grey=100):
    """Write a photo of one grey."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (10, 10), (grey, grey, grey)).save(name)
