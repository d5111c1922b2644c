"""Captions a second: the tutorial's loop, this project greedy and with beam 3; and one photo.

    python -m benchmarks.decoding

Weights are random, features have 64 locations x 2,048, the vocabulary 5,000 words. The end of a
caption is so unlikely that all captions have twelve words. The tutorial's loop captions 50 photos
one at a time; this project captions 500 photos by `Captioner.from_features`. One photo goes from
the bytes of a JPEG file through InceptionV3 at 299 pixels to a caption with attention, by beam 3;
everything is loaded and compiled before.
"""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import synthetic_data
from benchmarks.extraction import build_encoder, choose_network
from benchmarks.measuring import Figures, Measures, Options, Row, Turn, measure, run_benchmark
from config import Settings
from data.text.tokenizer import END, SPECIAL_TOKENS, START
from data.text.word_tokenizer import WordTokenizer

if TYPE_CHECKING:
    from models.trained_captioner import TrainedCaptioner

WORDS = 12  # of every caption
NEVER = -30.0  # the bias of the end's logit
SEARCH_SETTINGS = (
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


@dataclass(frozen=True)
class Sizes:
    """The numbers of photos and the sizes of the networks."""

    one_by_one: int = 50  # photos of the tutorial's loop
    together: int = 500  # photos of this project
    side: int = 8  # rows and columns of locations
    depth: int = 2048
    vocabulary: int = 5000
    encoder: str = "inception_v3"  # for one photo
    image_size: int = 299
    single: int = 20  # turns with one photo
    settings: dict[str, Any] | None = None  # of the decoder; None for the defaults


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


def build_captioner(
    sizes: Sizes, grid: tuple[int, int], depth: int, encoder: Any = None
) -> "TrainedCaptioner":
    """Build a captioner with random weights and default search, whose captions never end early."""
    # They load TensorFlow.
    from models.saved_networks import build_decoder_for
    from models.trained_captioner import TrainedCaptioner

    config = Settings.from_flat(sizes.settings or {}).flat()
    config |= {
        "max_length": WORDS,
        "no_repeat": 3,
        "fingerprint": {"grid": grid, "depth": depth},
    }
    decoder = build_decoder_for(config, sizes.vocabulary)
    forbid_end(decoder)
    words = [f"word{number}" for number in range(sizes.vocabulary - len(SPECIAL_TOKENS))]
    return TrainedCaptioner(
        encoder=lambda: encoder,
        decoder=decoder,
        tokenizer=WordTokenizer([*SPECIAL_TOKENS, *words]),
        grid=grid,
        image_size=sizes.image_size,
        settings={name: config[name] for name in SEARCH_SETTINGS},
    )


def forbid_end(decoder: Any) -> None:
    """Make the end of a caption so unlikely that every caption has its maximum length."""
    bias = decoder.words.bias.numpy()
    bias[END] = NEVER
    decoder.words.bias.assign(bias)


def _prepare_tutorial(sizes: dict[str, Any], photo: str, network: dict[str, Any]) -> Turn:
    from benchmarks import tutorial  # loads TensorFlow

    sizes = Sizes(**sizes)
    features = synthetic_data.make_features(sizes.one_by_one, sizes.side, sizes.depth)
    features = features.astype("float32")
    decoder = tutorial.build_decoder(sizes.vocabulary, sizes.side**2, sizes.depth)
    forbid_end(decoder)

    def caption_photos(photos: int) -> dict[str, Any]:
        words = 0
        for photo_features in features[:photos]:
            tokens, _ = tutorial.caption(
                decoder, photo_features, start=START, end=END, max_length=WORDS
            )
            words += len(tokens)
        return {"captions": photos, "words": words}

    caption_photos(2)
    return partial(caption_photos, sizes.one_by_one)


def _prepare_ours(sizes: dict[str, Any], photo: str, network: dict[str, Any], beam: int) -> Turn:
    sizes = Sizes(**sizes)
    features = synthetic_data.make_features(sizes.together, sizes.side, sizes.depth)
    captioner = build_captioner(sizes, (sizes.side, sizes.side), sizes.depth)

    def turn() -> dict[str, Any]:
        captions = captioner.from_features(features, beam=beam)
        words = sum(len(caption.words) for caption in captions)
        return {"captions": len(captions), "words": words}

    turn()
    return turn


def _prepare_one_photo(sizes: dict[str, Any], photo: str, network: dict[str, Any]) -> Turn:
    encoder = build_encoder(network)
    content = Path(photo).read_bytes()
    captioner = build_captioner(Sizes(**sizes), encoder.grid, encoder.depth, encoder)

    def turn() -> dict[str, Any]:
        caption = captioner(content, beam=3)
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
    "tutorial": _prepare_tutorial,
    "greedy": partial(_prepare_ours, beam=1),
    "beam 3": partial(_prepare_ours, beam=3),
    "one photo": _prepare_one_photo,
}


def run(folder: Path, options: Options) -> Figures:
    """Return `decoding_ratio`, `beam3_over_greedy`, `one_photo_seconds`, and their parts."""
    sizes = TOY if options.toy else Sizes()
    photo = synthetic_data.make_photos(1, folder, options.photos)[0]
    arguments = {
        "sizes": asdict(sizes),
        "photo": str(photo),
        "network": choose_network(sizes, options),
    }
    module = "benchmarks.decoding"
    parts = measure(module, ["tutorial", "greedy", "beam 3"], options.rounds, **arguments)
    parts |= measure(module, ["one photo"], sizes.single, **arguments)
    tutorial_speed = _compute_speed(parts["tutorial"])
    return {
        "decoding_ratio": _compute_speed(parts["greedy"]) / tutorial_speed,
        "beam3_over_greedy": parts["beam 3"]["seconds"] / parts["greedy"]["seconds"],
        "one_photo_seconds": parts["one photo"]["seconds"],
        "decoding": parts,
    }


def _compute_speed(part: Figures) -> float:
    """Return captions a second."""
    return part["captions"] / part["seconds"]


def make_rows(figures: Figures) -> list[Row]:
    """Return the rows of the table."""
    parts = figures["decoding"]
    tutorial, greedy, beam = parts["tutorial"], parts["greedy"], parts["beam 3"]
    one_photo = parts["one photo"]
    words = tutorial["words"] // tutorial["captions"]
    ratio = figures["decoding_ratio"]
    beam_over_greedy = figures["beam3_over_greedy"]
    seconds = figures["one_photo_seconds"]
    engine = f"{one_photo['engine']}, {one_photo['precision']}"
    return [
        Row(
            f"captions of {words} words from cached features: the tutorial's loop",
            f"{_compute_speed(tutorial):.1f} captions a second",
            megabytes=tutorial["megabytes"],
        ),
        Row(
            "the same: ours, greedy",
            f"{_compute_speed(greedy):.0f} captions a second: {ratio:.0f} times the tutorial",
            "at least 50 times",
            ratio >= 50,
            greedy["megabytes"],
        ),
        Row(
            "the same: ours, beam 3",
            f"{_compute_speed(beam):.0f} captions a second: "
            f"{beam_over_greedy:.2f} times greedy's time",
            "at most 3 times",
            beam_over_greedy <= 3,
            beam["megabytes"],
        ),
        Row(
            f"one photo, bytes to caption with attention, warm, beam 3 ({engine})",
            f"{seconds * 1000:.0f} ms",
            "under 150 ms",
            seconds < 0.15,
            one_photo["megabytes"],
        ),
    ]


if __name__ == "__main__":
    run_benchmark(__doc__, run, make_rows, MEASURES)
