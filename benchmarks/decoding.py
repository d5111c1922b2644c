"""How many captions a second are written: the tutorial's loop, ours greedy and with beam 3; and how long one photo takes.

    python -m benchmarks.decoding

Random weights, features of 64 locations x 2,048, 5,000 words; the end of a caption is made so unlikely that all have
twelve words. The tutorial's loop writes one caption at a time, of the first 50 photos; ours are 500 photos' by
`Captioner.from_features`. One photo is the bytes of a JPEG file on their way to a caption with its attention, beam 3,
through InceptionV3 at 299 pixels, everything loaded and compiled before.
"""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import made_up
from benchmarks.extraction import build_encoder
from benchmarks.measuring import Given, Measures, Row, Turn, measured, script
from config import Settings
from data.text.tokenizer import END, SPECIAL_TOKENS, START
from data.text.word_tokenizer import WordTokenizer

if TYPE_CHECKING:
    from models.captioner import Captioner

WORDS = 12  # of every caption
NEVER = -30.0  # what is added to the end's logit


@dataclass(frozen=True)
class Sizes:
    """What is captioned, and by what."""

    one_by_one: int = 50  # photos of the tutorial's loop
    together: int = 500  # and of ours; the first of these are the same
    side: int = 8
    depth: int = 2048
    vocabulary: int = 5000
    encoder: str = "inception_v3"  # of the one photo
    image_size: int = 299
    single: int = 20  # turns of one photo, of which the median is taken
    settings: dict[str, Any] | None = None  # of the decoder, where they are not the default ones


TOY = Sizes(
    one_by_one=2,
    together=3,
    side=2,
    depth=6,
    vocabulary=40,
    encoder="convnet",
    image_size=32,
    single=2,
    settings={"units": 8, "embedding": 8, "attention_units": 4},
)


def captioner(sizes: Sizes, grid: tuple[int, int], depth: int, encoder: Any = None) -> "Captioner":
    """A captioner of random weights, searching as it does by default, that ends no caption before its twelfth word."""
    from models.captioner import Captioner, build_decoder_for

    flat = Settings.from_flat(sizes.settings or {}).flat() | {"max_length": WORDS, "no_repeat": 3}
    words = [f"word{number}" for number in range(sizes.vocabulary - len(SPECIAL_TOKENS))]
    decoder = build_decoder_for(
        flat | {"fingerprint": {"grid": grid, "depth": depth}}, sizes.vocabulary
    )
    bias = decoder.words.bias.numpy()
    bias[END] = NEVER
    decoder.words.bias.assign(bias)
    names = (
        "beam",
        "length_penalty",
        "no_repeat",
        "max_length",
        "sample",
        "temperature",
        "top_k",
        "top_p",
        "seed",
    )
    return Captioner(
        encoder=lambda: encoder,
        decoder=decoder,
        tokenizer=WordTokenizer([*SPECIAL_TOKENS, *words]),
        grid=grid,
        image_size=sizes.image_size,
        settings={name: flat[name] for name in names},
    )


def _tutorial(sizes: dict[str, Any], photo: str, network: dict[str, Any]) -> Turn:
    from benchmarks import tutorial

    sizes = Sizes(**sizes)
    features = made_up.features(sizes.one_by_one, sizes.side, sizes.depth).astype("float32")
    decoder = tutorial.decoder(sizes.vocabulary, sizes.side**2, sizes.depth)
    bias = decoder.words.bias.numpy()
    bias[END] = NEVER
    decoder.words.bias.assign(bias)

    def written(photos: int) -> dict[str, Any]:
        said = [
            tutorial.caption(decoder, each, start=START, end=END, max_length=WORDS)[0]
            for each in features[:photos]
        ]
        return {"captions": len(said), "words": sum(map(len, said))}

    written(2)
    return partial(written, sizes.one_by_one)


def _ours(sizes: dict[str, Any], photo: str, network: dict[str, Any], beam: int) -> Turn:
    sizes = Sizes(**sizes)
    features = made_up.features(sizes.together, sizes.side, sizes.depth)
    writing = captioner(sizes, (sizes.side, sizes.side), sizes.depth)

    def turn() -> dict[str, Any]:
        captions = writing.from_features(features, beam=beam)
        return {"captions": len(captions), "words": sum(len(each.words) for each in captions)}

    turn()
    return turn


def _one_photo(sizes: dict[str, Any], photo: str, network: dict[str, Any]) -> Turn:
    encoder, content = build_encoder(network), Path(photo).read_bytes()
    writing = captioner(Sizes(**sizes), encoder.grid, encoder.depth, encoder)

    def turn() -> dict[str, Any]:
        caption = writing(content, beam=3)
        return {
            "words": len(caption.words),
            "attention": caption.attention.shape,
            "engine": encoder.engine,
            "precision": encoder.precision,
        }

    for _ in range(3):
        turn()
    return turn


MEASURES: Measures = {
    "tutorial": _tutorial,
    "greedy": partial(_ours, beam=1),
    "beam 3": partial(_ours, beam=3),
    "one photo": _one_photo,
}


def run(folder: Path, given: Given) -> dict[str, Any]:
    """`decoding_ratio`, `beam3_over_greedy`, `one_photo_seconds`, and what these come from."""
    sizes = TOY if given.toy else Sizes()
    network = {
        "name": sizes.encoder,
        "image_size": sizes.image_size,
        "weights": given.weights,
        "layer": given.layer,
    }
    what = {
        "sizes": asdict(sizes),
        "photo": str(made_up.photos(1, folder, given.photos)[0]),
        "network": network,
    }
    found = measured("benchmarks.decoding", ["tutorial", "greedy", "beam 3"], given.rounds, **what)
    found |= measured("benchmarks.decoding", ["one photo"], sizes.single, **what)
    return {
        "decoding_ratio": _a_second(found["greedy"]) / _a_second(found["tutorial"]),
        "beam3_over_greedy": found["beam 3"]["seconds"] / found["greedy"]["seconds"],
        "one_photo_seconds": found["one photo"]["seconds"],
        "decoding": found,
    }


def _a_second(each: dict[str, Any]) -> float:
    return each["captions"] / each["seconds"]


def rows(found: dict[str, Any]) -> list[Row]:
    """The table's."""
    each = found["decoding"]
    a_second = {name: _a_second(each[name]) for name in ("tutorial", "greedy", "beam 3")}
    ratio, beam, seconds = (
        found["decoding_ratio"],
        found["beam3_over_greedy"],
        found["one_photo_seconds"],
    )
    one = each["one photo"]
    return [
        Row(
            f"captions of {each['tutorial']['words'] // each['tutorial']['captions']} words from cached features: the "
            "tutorial's loop",
            f"{a_second['tutorial']:.1f} captions a second",
            megabytes=each["tutorial"]["megabytes"],
        ),
        Row(
            "the same: ours, greedy",
            f"{a_second['greedy']:.0f} captions a second: {ratio:.0f} times the tutorial",
            "at least 50 times",
            ratio >= 50,
            each["greedy"]["megabytes"],
        ),
        Row(
            "the same: ours, beam 3",
            f"{a_second['beam 3']:.0f} captions a second: {beam:.2f} times greedy's time",
            "at most 3 times",
            beam <= 3,
            each["beam 3"]["megabytes"],
        ),
        Row(
            f"one photo, bytes to caption with attention, warm, beam 3 ({one['engine']}, {one['precision']})",
            f"{seconds * 1000:.0f} ms",
            "under 150 ms",
            seconds < 0.15,
            one["megabytes"],
        ),
    ]


if __name__ == "__main__":
    script(__doc__, run, rows, MEASURES)
