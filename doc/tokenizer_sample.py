"""Fit a tokenizer, save and load it, and show captions as words, as token numbers, and back.

python doc/tokenizer_sample.py                              captions of the built-in scenes
python doc/tokenizer_sample.py FILE|FOLDER                  your own, in any format of train.py
python doc/tokenizer_sample.py --tokenizer bpe              pieces of words
python doc/tokenizer_sample.py --caption "a dog on skis"    a caption of your own
python doc/tokenizer_sample.py --out words.png              also as a picture
"""

import argparse
import sys
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import config
import showing
from data import sources
from data.scenes import dataset as scenes
from data.scenes.layout import compose_scene
from data.text import loading
from data.text.kinds import choose_kind
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

SCENES = 200  # enough to have all words of the scenes
LINE_LETTERS = 100  # on the screen
COLUMNS = 10  # tokens a row of the picture
WIDTH, MARGIN, LINE = 12.0, 0.3, 0.28  # inches


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command_line.make_parser(__doc__)
    parser.add_argument(
        "path",
        nargs="?",
        default="scenes",
        metavar="FILE|FOLDER",
        help="a captions file or its folder, with or without photos (default: built-in scenes)",
    )
    parser.add_argument(
        "--caption",
        action="append",
        metavar="TEXT",
        help="a caption to show, once or several times (default: two of the file)",
    )
    parser.add_argument(
        "--tokenizer",
        choices=config.FITTED_TOKENIZERS,
        help="the kind of tokens (default: by the language)",
    )
    parser.add_argument(
        "--minimum-count",
        type=int,
        default=1,
        metavar="TIMES",
        help="rarer words become unknown (default 1; train.py: 3)",
    )
    parser.add_argument("--save", metavar="FILE.json", help="keep the tokenizer in this file")
    showing.add_out_option(parser)
    command_line.add_options(parser, config.Words, only=("vocabulary",))
    command_line.add_options(parser, config.Data, only=("format", "language"))
    return parser


@dataclass(frozen=True)
class Sample:
    """A caption with the numbers of its tokens."""

    caption: str
    numbers: list[int]


def main() -> None:
    """Fit, save, load, show."""
    arguments = vars(make_options().parse_args())
    data = config.Data(**pick(arguments, "format", "language"))
    words = config.Words(**pick(arguments, "tokenizer", "vocabulary", "minimum_count"))
    json_file = check_json_file(arguments["save"])
    out = showing.check_out_file(arguments["out"])

    captions, language = read_captions(arguments["path"], data)
    texts = [text for photo_texts in captions.values() for text in photo_texts]
    say(f"captions: {len(texts):,} of {len(captions):,} photos, language {language}")
    kind = choose_kind(language, words.tokenizer)
    tokenizer = loading.fit_tokenizer(
        kind,
        texts,
        language=language,
        vocabulary=words.vocabulary,
        minimum_count=words.minimum_count,
    )
    describe_tokenizer(tokenizer)
    tokenizer = save_and_load(tokenizer, json_file)

    unit = choose_unit(language) if kind == "bpe" else kind
    samples = []
    for caption in arguments["caption"] or choose_captions(captions):
        sample = Sample(caption, tokenizer.encode(caption))
        samples.append(sample)
        print_sample(sample, tokenizer, SPLITTERS[unit](caption))
    if out or has_screen():
        showing.show_or_save(draw(samples, tokenizer), out, __file__)


def pick(arguments: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return these arguments, without those that were not typed."""
    return {name: arguments[name] for name in names if name in arguments}


def check_json_file(name: str | None) -> Path | None:
    """Return the file of --save; reject one that cannot be written."""
    if name is None:
        return None
    file = Path(name)
    if file.suffix.lower() != ".json" or file.is_dir():
        raise UsageError(f"--save must be the name of a .json file (got {name})")
    check_writable(file.parent)
    return file


def read_captions(path: str, data: config.Data) -> tuple[dict[str, list[str]], str]:
    """Return the captions by photo name, and their language."""
    if path == "scenes":
        language = normalize_language(data.language or "en")
        if language not in scenes.LANGUAGES:
            languages = " or ".join(scenes.LANGUAGES)
            raise UsageError(
                f"--language must be {languages} for the built-in scenes (got {language}); "
                "name a captions file for another language"
            )
        captions = {}
        for number in range(SCENES):
            scene = compose_scene(number)
            captions[f"scene {number}"] = scenes.caption_scene(scene, language)
        return captions, language
    captions = sources.read_captions(Path(path), language=data.language, format=data.format)
    some_texts = []
    for texts in list(captions.values())[:: len(captions) // 100 + 1]:
        some_texts += texts
    detected = detect_language(some_texts)
    warning = describe_wrong_language(path, data.language, detected)
    if warning:
        warn(warning)
    return captions, data.language or detected


def describe_tokenizer(tokenizer: Tokenizer) -> None:
    """Print the size of the vocabulary and its first tokens."""
    fitted = tokenizer.tokens[len(SPECIAL_TOKENS) :]
    say(
        f"fitted: {len(fitted):,} {tokenizer.token_name}, after {', '.join(SPECIAL_TOKENS)}; "
        f"the first of them {', '.join(fitted[:8])}"
    )


def save_and_load(tokenizer: Tokenizer, json_file: Path | None) -> Tokenizer:
    """Save the tokenizer and load it again."""
    with tempfile.TemporaryDirectory() as folder:
        file = json_file or Path(folder) / "vocabulary.json"
        tokenizer.save(file)
        loaded = loading.load_tokenizer(file)
        size = file.stat().st_size
    name = json_file or "a temporary file (--save FILE.json keeps it)"
    say(f"saved: {name}, {size:,} bytes; loaded again: {len(loaded):,} tokens")
    return loaded


def choose_captions(captions: dict[str, list[str]]) -> list[str]:
    """Return captions of two photos, or two of the only photo."""
    photos = list(captions.values())
    first = photos[0]
    middle = photos[len(photos) // 2]
    different = dict.fromkeys([first[0], middle[0], *first])
    return list(different)[:2]


def print_sample(sample: Sample, tokenizer: Tokenizer, words: Sequence[str]) -> None:
    """Print a caption, its words, its tokens above their numbers, and the decoded caption."""
    say(f"\ncaption: {sample.caption}\nwords:   {' '.join(words)}")
    tokens = [tokenizer.tokens[number] for number in sample.numbers]
    for line in align(tokens, sample.numbers):
        say(f"{'':9}{line}")
    say(f"back:    {decode(sample.numbers, tokenizer)}")


def decode(numbers: Sequence[int], tokenizer: Tokenizer) -> str:
    """Return the sentence of these token numbers."""
    return tokenizer.join_words([word.text for word in tokenizer.decode(numbers)])


def align(tokens: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Return pairs of lines: tokens, and their numbers below."""
    lines = ["", ""]
    for token, number in zip(tokens, numbers, strict=True):
        if len(lines[-1]) > LINE_LETTERS - 12:
            lines += ["", ""]
        wide_letters = sum(unicodedata.east_asian_width(letter) in "WF" for letter in token)
        token_width = len(token) + wide_letters  # a wide letter takes two columns of a terminal
        width = max(token_width, len(str(number))) + 2
        lines[-2] += token + " " * (width - token_width)
        lines[-1] += f"{number:<{width}}"
    return [line.rstrip() for line in lines]


class Page:
    """Collects texts from top to bottom, and draws them once its height is known."""

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts` are all that will be drawn: the fonts are chosen for their letters."""
        self.font = {"family": choose_fonts("".join(texts)), "parse_math": False}
        self.down = MARGIN  # inches from the top
        self._placed: list[tuple[float, float, str, dict[str, Any]]] = []

    def add(self, text: str, left: float = MARGIN, below: float = 0.0, **look: Any) -> None:
        """Add a text at `left`, and `below` inches under the current line."""
        self._placed.append((left, self.down + below, text, look))

    def add_lines(self, text: str, letters: int, **look: Any) -> None:
        """Add a text in lines of at most `letters` letters."""
        for line in wrap(replace_missing(text, self.font), letters):
            self.add(line, **look)
            self.down += LINE

    def draw(self) -> "Figure":
        """Draw all texts."""
        from matplotlib.figure import Figure  # takes a second, which -h and mistakes do without

        height = self.down + LINE
        figure = Figure(figsize=(WIDTH, height))
        for left, top, text, look in self._placed:
            look = {**self.font, **look}
            figure.text(left / WIDTH, 1 - top / height, text, va="top", **look)
        return figure


def draw(samples: Sequence[Sample], tokenizer: Tokenizer) -> "Figure":
    """Draw each caption, its tokens above their numbers, and the decoded caption."""
    texts = list(tokenizer.tokens)
    for sample in samples:
        texts += [sample.caption, decode(sample.numbers, tokenizer)]
    page = Page(texts)
    for sample in samples:
        page.add_lines(sample.caption, 90, color=INK, fontsize=12, weight="bold")
        add_tokens(page, sample.numbers, tokenizer)
        decoded = decode(sample.numbers, tokenizer)
        page.add_lines(f"back: {decoded}", 110, color=PALE, fontsize=10)
        page.down += 1.5 * LINE
    page.add(suggest_font(texts) or "", color=PALE, fontsize=8.5)
    return page.draw()


def add_tokens(page: Page, numbers: Sequence[int], tokenizer: Tokenizer) -> None:
    """Add rows of tokens, with their numbers below."""
    for start in range(0, len(numbers), COLUMNS):
        for column, number in enumerate(numbers[start : start + COLUMNS]):
            left = MARGIN + column * (WIDTH - 2 * MARGIN) / COLUMNS
            token = tokenizer.tokens[number]
            size = min(11, 110 / len(token))
            text = replace_missing(token, page.font)
            page.add(text, left, color=choose_colour(number), fontsize=size)
            page.add(str(number), left, below=0.8 * LINE, color=PALE, fontsize=9)
        page.down += 2.4 * LINE


def choose_colour(number: int) -> str:
    """Return a token's colour: orange if unknown, pale if special."""
    if number == UNKNOWN:
        return ORANGE
    if number < len(SPECIAL_TOKENS):
        return PALE
    return INK


if __name__ == "__main__":
    run_script(main)
