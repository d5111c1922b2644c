"""The documents: every command line in them parses, every file they link to is there."""

import itertools
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest

import config
import demo
import evaluate
import image_normalization_test
import img_augmentation_test
import make_pictures
import predict
import presets
import tokenizer_sample
import train
from tools import cache as cache_list
from tools import dataset as summary
from tools import runs as run_list

ROOT = Path(__file__).parents[1]
SCRIPTS = {"train.py": train, "evaluate.py": evaluate, "predict.py": predict, "demo.py": demo}
IN_DOC = {
    f"doc/{script.__name__}.py": script
    for script in (image_normalization_test, img_augmentation_test, make_pictures, tokenizer_sample)
}
MODULES = {"data.sources": summary, "tools.runs": run_list, "tools.cache": cache_list}
PARSERS = SCRIPTS | IN_DOC | MODULES
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "doc").glob("*.md"), *ROOT.glob("[!.]*/README.md")]
)
FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"python (?:(?:train|evaluate|predict|demo|doc/\w+)\.py|-m (?:data\.sources|utils\.runs|"
    r"data\.feature_extraction))\b.*"
)


def name_of(document):
    return document.relative_to(ROOT).as_posix()


def code_in(document):
    """Lines of code blocks, and pieces of code in sentences."""
    text = document.read_text(encoding="utf-8")
    blocks = FENCE.findall(text)
    return [
        *(line for block in blocks for line in block.splitlines()),
        *re.findall(r"`([^`\n]+)`", FENCE.sub("", text)),
    ]


def commands():
    found = {
        (name_of(document), match[0].strip())
        for document in DOCUMENTS
        for code in code_in(document)
        if (match := COMMAND.search(code))
    }
    return sorted(found)


def with_values(words, parser):
    """The words of a command with placeholders, all capitals, as values that their options take."""
    kinds = {flag: action for action in parser._actions for flag in action.option_strings}
    filled = list(words)
    for place, (flag, word) in enumerate(itertools.pairwise(words), start=1):
        action = kinds.get(flag)
        if action is not None and re.fullmatch(r"[A-Z][A-Z_]*", word):
            filled[place] = next(iter(action.choices or ()), "1")
    return filled


def parsed(command):
    """The options of a command line, by name; argparse leaves with SystemExit where it does not parse."""
    script, *words = shlex.split(command.removeprefix("python ").removeprefix("-m "), comments=True)
    parser = PARSERS[script].options()
    return vars(parser.parse_args(with_values(words, parser)))


def test_the_readme_shows_each_script():
    shown = {command.split()[1] for document, command in commands() if document == "README.md"}
    assert shown >= SCRIPTS.keys()


@pytest.mark.parametrize(("document", "command"), commands(), ids=lambda value: value)
def test_every_command_line_parses(document, command):
    if command.endswith((" -h", "python -m data.sources")):  # the latter where it is spoken of
        return
    given = parsed(command)
    settings = {
        name: value
        for name, value in given.items()
        if name in config.Settings().flat() and value is not None
    }
    continued = bool(given.get("resume") or given.get("start"))
    presets.resolve(
        settings, scenes=False, continued=continued
    )  # and what it sets may be set, together


def test_a_command_line_that_does_not_parse_is_noticed(capsys):
    with pytest.raises(SystemExit):
        parsed("python train.py --no-such-option 3")
    with pytest.raises(SystemExit):
        parsed("python train.py --epochs many")
    assert parsed("python train.py --epochs N  # a comment")["epochs"] == 1


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_option_that_is_named_exists(document):
    known = {
        flag
        for script in PARSERS.values()
        for action in script.options()._actions
        for flag in action.option_strings
    }
    named = {code.split()[0] for code in code_in(document) if code.startswith("--")}
    assert named <= known


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_linked_file_exists(document):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
    files = [link for link in links if "://" not in link]
    assert [link for link in files if not (document.parent / link).exists()] == []


def test_every_make_target_that_is_named_exists():
    targets = set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    named = {
        match[1]
        for document in DOCUMENTS
        for code in code_in(document)
        if (match := re.match(r"make ([a-z]+)", code))
    }
    assert {"train", "test"} <= named <= targets


def test_the_drawing_of_rooms_names_every_module():
    text = (ROOT / "doc/architecture.md").read_text(encoding="utf-8")
    files = [file for room in (".",) for file in (ROOT / room).glob("*.py")]
    modules = {file.relative_to(ROOT).as_posix() for file in files if file.name != "__init__.py"}
    assert {module for module in modules if f"`{module}`" not in text} == set()
    named = set(re.findall(r"`((?:data|models|utils|pipeline|ui|reports|tools)/[\w/]+\.py)`", text))
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def outline(name):
    """What two READMEs in different languages have in common: levels of headings, code without its comments, pieces of code
    in sentences, links, pictures, and numbers in tables."""
    text = (ROOT / name).read_text(encoding="utf-8")
    outside = FENCE.sub("", text)
    code = [
        re.split(r"\s{2,}|\s*#", line.strip())[0]
        for block in FENCE.findall(text)
        for line in block.splitlines()
    ]
    return {
        "headings": [len(mark) for mark in re.findall(r"^(#+) ", outside, re.MULTILINE)],
        "code": list(filter(None, code)),
        "pieces": Counter(re.findall(r"`([^`\n]+)`", outside)),
        "links": [
            link for link in re.findall(r"\]\(([^)#]+)\)", outside) if not link.startswith("README")
        ],
        "numbers": [
            re.findall(r"\d+(?:[.,]\d+)*", row)
            for row in re.findall(r"^\|.*", outside, re.MULTILINE)
        ],
    }


@pytest.mark.parametrize("what", ["headings", "code", "pieces", "links", "numbers"])
def test_both_readmes_say_the_same(what):
    assert outline("README.ko.md")[what] == outline("README.md")[what]
