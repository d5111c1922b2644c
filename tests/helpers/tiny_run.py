"""A run folder as train.py leaves it, of networks that have learned nothing: made in a second or two."""

import tensorflow as tf

from config import Settings
from data.text.loading import fit_tokenizer
from models.captioner import build_decoder_for
from models.classifier import Network
from models.encoders.encoder import Encoder
from models.training.checkpoints import make_checkpoint
from utils import runs

CAPTIONS = ["a red dog runs", "a blue dog sits", "two red cars stand by the sea"]


def captioning_run(folder, **about):
    """A run that writes words of `CAPTIONS`, and says anything of a photo."""
    encoder = Encoder("convnet", weights="none", image_size=32, grid=2)
    fingerprint = {
        name: value for name, value in encoder.fingerprint().items() if name != "weights"
    }  # any will do
    tokenizer = fit_tokenizer("words", CAPTIONS, language="en", vocabulary=50, minimum_count=1)
    settings = Settings.from_flat(
        {
            "encoder": "convnet",
            "weights": "none",
            "image_size": 32,
            "grid": 2,
            "units": 16,
            "embedding": 8,
            "attention_units": 8,
            "max_length": 6,
            "dataset": "none",
        }
    )
    # In a file: random ones are made anew at every start, and come out otherwise where another thread draws numbers too.
    weights = folder / "encoder.weights.h5"
    folder.mkdir(parents=True)
    encoder.network.save_weights(weights)
    config = settings.suited("en", "words").flat() | {
        "encoder_weights": str(weights),
        "fingerprint": fingerprint,
        **about,
    }
    runs.write_config(folder, config)
    tokenizer.save(folder / "vocabulary.json")
    decoder = build_decoder_for(config, len(tokenizer))
    decoder.words.kernel.assign(
        30 * decoder.words.kernel
    )  # else all words are as likely, and rounding decides
    _save(decoder, folder)
    return folder


def classifying_run(folder, classes=("cat", "dog", "owl")):
    """A run that names these classes, at random."""
    runs.write_config(
        folder,
        {
            "preset": "classifier",
            "dataset": "none",
            "trunk": "tutorial",
            "image_size": 32,
            "classes": list(classes),
            "alter": "none",
            "seed": 0,
        },
    )
    _save(Network("tutorial", 32, len(classes), seed=0), folder)
    return folder


def _save(network, folder):
    tf.train.CheckpointManager(make_checkpoint(network), str(folder / "best"), max_to_keep=1).save()
