"""Fonts: the ones that have the letters are used, for others there is a suggestion."""

import io
import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image

from utils.plots import fonts


@pytest.fixture
def listed(monkeypatch):
    """Return a function that replaces the list of fonts: name → file."""

    def replace(names):
        monkeypatch.setattr(fonts, "_find_fonts", lambda: names)

    # Without its cache, which would outlast the test.
    monkeypatch.setattr(fonts, "_letters_of", fonts._letters_of.__wrapped__)
    return replace


@pytest.fixture
def installed(monkeypatch):
    """Return a function that installs fonts after matplotlib made its list."""

    def install(*files):
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(file) for file in files])

    monkeypatch.setattr(
        font_manager.fontManager,
        "ttflist",
        [entry for entry in font_manager.fontManager.ttflist if "mpl-data" in entry.fname],
    )
    fonts._find_fonts.cache_clear()
    fonts._letters_of.cache_clear()
    yield install
    fonts._find_fonts.cache_clear()
    fonts._letters_of.cache_clear()


def make_font(folder, name, letters):
    """Write a font file whose letters are all the same black box."""
    builder = FontBuilder(1000)
    box = TTGlyphPen(None)
    for number, place in enumerate([(50, 0), (50, 800), (950, 800), (950, 0)]):
        (box.lineTo if number else box.moveTo)(place)
    box.closePath()
    glyph = box.glyph()
    names = [".notdef", *(f"uni{ord(letter):04X}" for letter in letters)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"uni{ord(letter):04X}" for letter in letters})
    builder.setupGlyf(dict.fromkeys(names, glyph))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(
        {
            "familyName": name,
            "styleName": "Regular",
            "fullName": name,
            "psName": name.replace(" ", ""),
        }
    )
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    builder.setupPost()
    builder.save(folder / f"{name}.ttf")
    return folder / f"{name}.ttf"


def measure_ink(text, font):
    """Return the dark share of the text's figure; a warning while drawing is an error."""
    figure, content = Figure(figsize=(2, 1)), io.BytesIO()
    figure.text(0.1, 0.3, text, fontsize=30, **font)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(content, format="png", dpi=50)
    return (np.asarray(Image.open(content).convert("L")) < 128).mean()


def test_without_a_font_it_suggests_what_to_install(listed):
    listed({})
    assert "apt install fonts-noto-cjk" in fonts.suggest_font(["안개", "낀", "호수"])
    assert fonts.suggest_font(["a", "red", "café", "Собака", "\n"]) is None
    assert fonts.suggest_font([]) is None
    assert "apt install fonts-noto-cjk" in fonts.suggest_font(["หมา 犬"])
    assert "apt install fonts-noto-core" in fonts.suggest_font(["หมา"])
    assert fonts.choose_fonts("안개 dog") == ["DejaVu Sans"]
    assert fonts.replace_missing("안개 dog\n犬", {"family": ["DejaVu Sans"]}) == "□□ dog □"


def test_a_font_that_has_the_letters_is_used(listed, monkeypatch):
    """Latin fonts are used for others, and claim to have letters."""
    listed(
        {
            name: font_manager.findfont(name)
            for name in ("DejaVu Serif", "DejaVu Sans Mono", "DejaVu Sans Display")
        }
    )
    letters, more = (
        fonts._letters_of,
        {"DejaVu Serif": {ord("개")}, "DejaVu Sans Mono": {ord("개"), ord("새")}},
    )
    monkeypatch.setattr(fonts, "_letters_of", lambda name: letters(name) | more.get(name, set()))
    assert fonts.suggest_font(["개", "새"]) is None
    assert "apt install" in fonts.suggest_font(["개", "소"])
    assert fonts.choose_fonts("dog") == ["DejaVu Sans"]
    assert fonts.choose_fonts("개 dog") == [
        "DejaVu Sans",
        "DejaVu Serif",
    ]  # the best first, no more than are needed
    assert fonts.choose_fonts("개새소") == ["DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"]
    assert fonts.choose_fonts("새") == ["DejaVu Sans", "DejaVu Sans Mono"]
    assert (
        fonts.replace_missing("  개  새소 ", {"family": ["DejaVu Sans", "DejaVu Serif"]}) == "개 □□"
    )


@pytest.mark.parametrize("letters", ["개가", "犬がー", "一只狗"])
def test_a_font_installed_later_is_found_and_drawn_with(installed, tmp_path, letters):
    installed(make_font(tmp_path, "NanumGothic", letters))
    assert fonts._find_fonts()["NanumGothic"] == str(tmp_path / "NanumGothic.ttf")
    assert fonts.suggest_font([letters]) is None
    assert "apt install" in fonts.suggest_font([letters, "새"])
    font = {"family": fonts.choose_fonts(f"dog {letters}")}
    assert font == {"family": ["DejaVu Sans", "NanumGothic"]}
    assert fonts.replace_missing(f"dog {letters}새", font) == f"dog {letters}□"
    assert (
        measure_ink(letters, font) > 2 * measure_ink("□" * len(letters), font) > 0
    )  # black boxes, not empty ones


def test_the_best_font_comes_first_and_damaged_ones_are_skipped(installed, tmp_path):
    (tmp_path / "damaged.ttf").write_bytes(b"no font")
    installed(
        tmp_path / "damaged.ttf",
        make_font(tmp_path, "UnDotum", "개犬"),
        make_font(tmp_path, "NanumGothic", "개"),
        make_font(tmp_path, "Unheard Of", "새"),
    )
    assert list(fonts._find_fonts())[:2] == ["NanumGothic", "UnDotum"]
    assert fonts.choose_fonts("개") == ["DejaVu Sans", "NanumGothic"]
    assert fonts.choose_fonts("犬") == ["DejaVu Sans", "UnDotum"]
    assert fonts.choose_fonts("새") == [
        "DejaVu Sans",
        "Unheard Of",
    ]  # any font that has the letters
    assert "apt install" in fonts.suggest_font(["소"])


def test_east_asian_letters_take_the_room_of_two():
    assert fonts.wrap("a red car by the sea", 10) == ["a red car", "by the sea"]
    assert max(map(len, fonts.wrap("빨간자동차가바닷가에서있다", 20))) == 10
    assert fonts.wrap("一只狗在草地上跑很快", 16) == ["一只狗在草地上跑", "很快"]
    assert fonts.wrap("", 10) == [""]


@pytest.mark.parametrize(
    "text",
    [
        "– a red car stands by the sea",
        "– 一只狗在草地上跑得很快而且很高兴",
        "– 빨간 차가 바닷가에 서 있다",
    ],
)
def test_lines_after_a_dash_are_indented(text):
    lines = fonts.wrap(text, 16)
    assert len(lines) > 1
    assert lines[0].startswith("– ") and all(
        line.startswith("   ") and line[3] != " " for line in lines[1:]
    )
    joint = " " if " " in text[2:] else ""
    assert joint.join([lines[0][2:], *(line[3:] for line in lines[1:])]) == text[2:]
