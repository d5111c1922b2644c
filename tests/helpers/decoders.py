"""Small decoders of every kind."""

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


def options_of(name, **sizes):
    """Of the sizes those that a decoder of this name is made with."""
    return {
        option: size for option, size in (SIZES | sizes).items() if option in DECODERS[name].OPTIONS
    }


def small_decoder(name, *, seed=0, vocabulary=9, locations=4, depth=3, **sizes):
    return build_decoder(
        name,
        seed=seed,
        vocabulary=vocabulary,
        locations=locations,
        depth=depth,
        **options_of(name, **sizes),
    )
