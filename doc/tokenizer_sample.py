"""Fit a tokenizer on captions, save it, load it again, and show two captions as words, as numbers, and back.

python doc/tokenizer_sample.py                              captions of the built-in scenes
python doc/tokenizer_sample.py FILE|FOLDER                  your own, in any format that train.py takes
python doc/tokenizer_sample.py --tokenizer bpe              pieces of words
python doc/tokenizer_sample.py --caption "a dog on skis"    of a caption of your own
python doc/tokenizer_sample.py --out words.png              also as a picture (where there is a screen: in a window)
"""

import argparse
import sys
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import config
import showing
from data import sources
from data.scenes import dataset as scenes
from data.scenes.layout import compose_scene
from data.text import loading
from data.text.language import (
    SPLITTERS,
    choose_unit,
    describe_wrong_language,
    detect_language,
    normalize_language,
)
from data.text.tokenizer import SPECIAL_TOKENS, UNKNOWN, Tokenizer
from utils import command_line
from utils.errors import UsageError, run_script
from utils.files import check_writable
from utils.plots.figure import INK, ORANGE, PALE, has_screen
from utils.plots.fonts import choose_fonts, replace_missing, suggest_font, wrap
from utils.terminal import say, warn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCENES = 200  # whose captions are taken: their words are all there, and nothing has to be drawn
LINE = 100  # letters on the screen


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "path",
        nargs="?",
        default="scenes",
        metavar="FILE|FOLDER",
        help="a captions file, or its folder; the photos need not be there (default: captions of the "
        "built-in scenes)",
    )
    parser.add_argument(
        "--caption",
        action="append",
        metavar="TEXT",
        help="a caption to show, in place of two from the file; may be given again",
    )
    parser.add_argument(
        "--tokenizer",
        choices=config.FITTED,
        help="what captions are made of (default: what suits the language)",
    )
    parser.add_argument(
        "--minimum-count",
        type=int,
        default=1,
        metavar="TIMES",
        help="words seen fewer times are unknown (default 1; of train.py 3)",
    )
    parser.add_argument("--save", metavar="FILE.json", help="keep the tokenizer there")
    showing.add_out(parser)
    command_line.add_options(parser, config.Words, only=("vocabulary",))
    command_line.add_options(parser, config.Data, only=("format", "language"))
    return parser


def main() -> int:
    """Fit, save, load, show."""
    given = vars(options().parse_args())
    data, words = (
        group(**{name: given[name] for name in given.keys() & names})
        for group, names in (
            (config.Data, {"format", "language"}),
            (config.Words, {"tokenizer", "vocabulary", "minimum_count"}),
        )
    )
    kept = json_file(given["save"])
    out = showing.file_for(given["out"])

    said, language = read(given["path"], data)
    captions = [caption for each in said.values() for caption in each]
    say(f"captions: {len(captions):,} of {len(said):,} photos, language {language}")
    kind = loading.choose_kind(language, words.tokenizer)
    fitted = loading.fit_tokenizer(
        kind,
        captions,
        language=language,
        vocabulary=words.vocabulary,
        minimum_count=words.minimum_count,
    )
    say(
        f"fitted: {len(fitted) - len(SPECIAL_TOKENS):,} {fitted.token_name}, after {', '.join(SPECIAL_TOKENS)}; the first of them "
        f"{', '.join(fitted.tokens[len(SPECIAL_TOKENS) :][:8])}"
    )

    with tempfile.TemporaryDirectory() as folder:
        file = kept or Path(folder) / "vocabulary.json"
        fitted.save(file)
        loaded = loading.load_tokenizer(file)
        say(
            f"saved: {kept or 'a temporary file (--save FILE.json keeps it)'}, {file.stat().st_size:,} bytes; loaded again: "
            f"{len(loaded):,} tokens"
        )

    shown = given["caption"] or two_of(said)
    samples = [(caption, fitted.encode(caption)) for caption in shown]
    for caption, numbers in samples:
        say(
            f"\ncaption: {caption}\nwords:   {' '.join(SPLITTERS[choose_unit(language) if kind == 'bpe' else kind](caption))}"
        )
        say(
            "\n".join(
                f"{'':9}{line}"
                for line in aligned([loaded.tokens[number] for number in numbers], numbers)
            )
        )
        say(f"back:    {back(numbers, loaded)}")
    if out or has_screen():
        showing.show(drawn(samples, loaded), out, __file__)
    return 0


def json_file(name: str | None) -> Path | None:
    """The file that --save names."""
    if name is None:
        return None
    if Path(name).suffix.lower() != ".json" or Path(name).is_dir():
        raise UsageError(f"--save wants the name of a file that ends in .json, not {name}")
    check_writable(Path(name).parent)
    return Path(name)


def read(path: str, data: config.Data) -> tuple[dict[str, list[str]], str]:
    """The captions by their photos' names, and their language."""
    if path != "scenes":
        said = sources.read_captions(Path(path), language=data.language, format=data.format)
        some = [
            caption
            for captions in list(said.values())[:: len(said) // 100 + 1]
            for caption in captions
        ]
        wrong = describe_wrong_language(path, data.language, detect_language(some))
        if wrong:
            warn(wrong)
        return said, data.language or detect_language(some)
    language = normalize_language(data.language or "en")
    if language not in scenes.LANGUAGES:
        raise UsageError(
            f"the built-in scenes have captions in {' and '.join(scenes.LANGUAGES)}, not {language}; name a "
            "captions file"
        )
    return {
        f"scene {number}": scenes.caption_scene(compose_scene(number), language)
        for number in range(SCENES)
    }, language


def two_of(said: dict[str, list[str]]) -> list[str]:
    """Captions of two photos; of one, where there are no more."""
    photos = list(said.values())
    return list(dict.fromkeys([photos[0][0], photos[len(photos) // 2][0], *photos[0]]))[:2]


def back(numbers: Sequence[int], loaded: Tokenizer) -> str:
    """The sentence that the numbers stand for."""
    return loaded.join_words([word.text for word in loaded.decode(numbers)])


def aligned(tokens: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Lines of tokens, and under each its number."""
    lines = ["", ""]
    for token, number in zip(tokens, numbers, strict=True):
        if len(lines[-1]) > LINE - 12:
            lines += ["", ""]
        wide = len(token) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in token)
        room = max(wide, len(str(number))) + 2
        lines[-2] += token + " " * (room - wide)
        lines[-1] += f"{number:<{room}}"
    return [line.rstrip() for line in lines]


def drawn(samples: Sequence[tuple[str, Sequence[int]]], loaded: Tokenizer) -> "Figure":
    """Each caption over its tokens, these over their numbers, and what comes back."""
    from matplotlib.figure import Figure

    columns, width, margin, line = 10, 12.0, 0.3, 0.28  # tokens a row; inches
    text = [
        *loaded.tokens,
        *(each for caption, numbers in samples for each in (caption, back(numbers, loaded))),
    ]
    font = {"family": choose_fonts("".join(text)), "parse_math": False}
    placed = []  # what is written, inches from the left and from the top
    down = margin
    for caption, numbers in samples:
        for each in wrap(replace_missing(caption, font), 90):
            placed.append((margin, down, each, {"color": INK, "fontsize": 12, "weight": "bold"}))
            down += line
        for place, number in enumerate(numbers):
            left = margin + place % columns * (width - 2 * margin) / columns
            token, colour = (
                loaded.tokens[number],
                ORANGE if number == UNKNOWN else PALE if number < len(SPECIAL_TOKENS) else INK,
            )
            placed.append(
                (
                    left,
                    down,
                    replace_missing(token, font),
                    {"color": colour, "fontsize": min(11, 110 / len(token))},
                )
            )
            placed.append((left, down + 0.8 * line, str(number), {"color": PALE, "fontsize": 9}))
            down += 2.4 * line * (place % columns == columns - 1 or place == len(numbers) - 1)
        for each in wrap("back: " + replace_missing(back(numbers, loaded), font), 110):
            placed.append((margin, down, each, {"color": PALE, "fontsize": 10}))
            down += line
        down += 1.5 * line
    placed.append((margin, down, suggest_font(text) or "", {"color": PALE, "fontsize": 8.5}))
    figure = Figure(figsize=(width, down + line))
    for left, top, each, look in placed:
        figure.text(left / width, 1 - top / (down + line), each, va="top", **font | look)
    return figure


if __name__ == "__main__":
    run_script(main)
