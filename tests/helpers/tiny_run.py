"""Write run folders like those of train.py, with untrained networks, in a second or two."""

import tensorflow as tf

from config import Settings
from data.text.loading import fit_tokenizer
from models.classifier import Network
from models.encoders.encoder import Encoder
from models.saved_networks import build_decoder_for
from models.training.checkpoints import make_checkpoint
from pipeline.settings import fill_in
from presets import DECODERS, LENGTHS
from utils import runs

CAPTIONS = ["a red dog runs", "a blue dog sits", "two red cars stand by the sea"]


def write_captioner_run(folder, *, settings=None, **facts):
    """Write an untrained captioner's run, which writes any words of `CAPTIONS`.

    `settings` replace the usual ones. Return the folder.
    """
    encoder = Encoder("convnet", weights="none", image_size=32, grid=2)
    fingerprint = encoder.fingerprint()
    del fingerprint["weights"]  # any weights are accepted
    tokenizer = fit_tokenizer("words", CAPTIONS, language="en", vocabulary=50, minimum_count=1)
    # The weights are in a file: random ones would differ at the next load if another thread draws
    # numbers too.
    weights = folder / "encoder.weights.h5"
    folder.mkdir(parents=True)
    encoder.network.save_weights(weights)
    settings = Settings.from_flat(
        DECODERS.get((settings or {}).get("decoder"), {})
        | {
            "encoder": "convnet",
            "weights": "none",
            "image_size": 32,
            "grid": 2,
            "units": 16,
            "embedding": 8,
            "attention_units": 8,
            "max_length": 6,
            "dataset": "none",
            "language": "en",
            "tokenizer": "words",
            "augment": 1,
            "reward_epochs": 0,
        }
        | (settings or {})
    )
    settings = fill_in(settings, "the captions", LENGTHS["words"])
    config = settings.flat()
    config |= {"encoder_weights": str(weights), "fingerprint": fingerprint, **facts}
    runs.write_config(folder, config)
    tokenizer.save(folder / "vocabulary.json")
    decoder = build_decoder_for(config, len(tokenizer))
    # Without this all words would be about equally likely, and rounding would choose.
    for variable in find_logit_weights(decoder):
        variable.assign(30 * variable)
    _save(decoder, folder)
    return folder


def find_logit_weights(decoder):
    """Return the weights by which words differ in their logits."""
    if hasattr(decoder, "words"):
        return [decoder.words.kernel]
    return [variable for variable, _ in decoder.find_token_variables()]


def write_classifier_run(folder, classes=("cat", "dog", "owl"), alter="none"):
    """Write an untrained classifier's run, which predicts any of these classes.

    Return the folder.
    """
    runs.write_config(
        folder,
        {
            "preset": "classifier",
            "dataset": "none",
            "trunk": "tutorial",
            "image_size": 32,
            "classes": list(classes),
            "alter": alter,
            "seed": 0,
        },
    )
    _save(Network("tutorial", 32, len(classes), seed=0), folder)
    return folder


def _save(network, folder):
    tf.train.CheckpointManager(make_checkpoint(network), str(folder / "best"), max_to_keep=1).save()
