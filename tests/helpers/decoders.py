"""Small decoders of every kind."""

import numpy as np

from models.decoders import DECODERS, build_decoder

SIZES = {
    "units": 8,
    "embedding": 8,
    "attention_units": 8,
    "dropout": 0.5,
    "heads": 2,
    "layers": 1,
    "features": "normalised",
}
# The photos and captions of the fixtures `features` and `tokens`.
PHOTOS, CAPTIONS, LOCATIONS, DEPTH, STEPS, VOCABULARY = 3, 2, 9, 7, 5, 11


def select_options(name, **sizes):
    """Return the sizes that a decoder of this name takes."""
    options = {}
    for option, size in (SIZES | sizes).items():
        if option in DECODERS[name].OPTIONS:
            options[option] = size
    return options


def small_decoder(name, *, seed=0, vocabulary=9, locations=4, depth=3, **sizes):
    """Build a decoder of a few units."""
    return build_decoder(
        name,
        seed=seed,
        vocabulary=vocabulary,
        locations=locations,
        depth=depth,
        **select_options(name, **sizes),
    )


def fitting_decoder(name="gru", seed=0, **sizes):
    """Build a decoder for the fixtures `features` and `tokens`."""
    defaults = {
        "units": 16,
        "attention_units": 6,
        "dropout": 0.3,
        "layers": 2 if name in ("transformer", "bert") else 1,
    }
    return small_decoder(
        name,
        seed=seed,
        vocabulary=VOCABULARY,
        locations=LOCATIONS,
        depth=DEPTH,
        **(defaults | sizes),
    )


def sigmoid(values):
    return 1 / (1 + np.exp(-values))
