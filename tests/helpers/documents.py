"""The Markdown documents: their code blocks, the commands in them, links and headings."""

import itertools
import re
import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path
from types import ModuleType

import demo
import evaluate
import export
import image_normalization_test
import img_augmentation_test
import make_pictures
import predict
import scale_limits
import serve
import tokenizer_sample
import train
from tools import cache as cache_tool
from tools import dataset as dataset_tool
from tools import doctor as doctor_tool
from tools import models as models_tool
from tools import runs as runs_tool

ROOT = Path(__file__).parents[2]
COMMANDS = {"train.py": train, "evaluate.py": evaluate, "predict.py": predict, "demo.py": demo}
OUTWARD = {"export.py": export, "serve.py": serve}
DOC_SCRIPTS = {
    "doc/image_normalization_test.py": image_normalization_test,
    "doc/img_augmentation_test.py": img_augmentation_test,
    "doc/make_pictures.py": make_pictures,
    "doc/scale_limits.py": scale_limits,
    "doc/tokenizer_sample.py": tokenizer_sample,
}
MODULES = {
    "data.sources": dataset_tool,
    "tools.runs": runs_tool,
    "tools.cache": cache_tool,
    "tools.doctor": doctor_tool,
    "tools.models": models_tool,
}
SCRIPTS: dict[str, ModuleType] = COMMANDS | OUTWARD | DOC_SCRIPTS | MODULES
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "doc").glob("*.md"), *ROOT.glob("[!.]*/README.md")]
)

_CODE_BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(
    r"python (?:(?:train|evaluate|predict|demo|serve|doc/\w+)\.py"
    r"|-m (?:data\.sources|tools\.runs|tools\.cache|tools\.doctor|tools\.models))(?![\w.]).*"
)


def document_name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def read_document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def find_code_lines(text: str) -> list[str]:
    """Return the lines of all code blocks."""
    lines = []
    for block in _CODE_BLOCK.findall(text):
        lines.extend(block.splitlines())
    return lines


def remove_code_blocks(text: str) -> str:
    return _CODE_BLOCK.sub("", text)


def find_inline_code(text: str) -> list[str]:
    """Return the pieces of code in sentences and tables."""
    return _INLINE_CODE.findall(remove_code_blocks(text))


def find_commands() -> list[tuple[str, str]]:
    """Return every command in the documents as (name of the document, command)."""
    commands = set()
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for code in find_code_lines(text) + find_inline_code(text):
            command = _COMMAND.search(code)
            if command is not None:
                commands.add((document_name(document), command[0].strip()))
    return sorted(commands)


def split_command(command: str) -> tuple[str, list[str]]:
    """Return the script or module of a command, and its words without the comment."""
    words = shlex.split(command.removeprefix("python ").removeprefix("-m "), comments=True)
    return words[0], words[1:]


def parse_command(command: str) -> Namespace:
    """Parse a command as its script does; raise a UsageError where that fails."""
    script, words = split_command(command)
    parser = SCRIPTS[script].make_options()
    return parser.parse_args(_replace_placeholders(words, parser))


def _replace_placeholders(words: list[str], parser: ArgumentParser) -> list[str]:
    """Give every placeholder in capitals a value that its option takes."""
    actions = {}
    for action in parser._actions:
        for flag in action.option_strings:
            actions[flag] = action
    replaced = list(words)
    for position, (flag, word) in enumerate(itertools.pairwise(words), start=1):
        if flag in actions and re.fullmatch(r"[A-Z][A-Z_]*", word):
            choices = list(actions[flag].choices or ["1"])
            replaced[position] = choices[0]
    return replaced


def find_options() -> set[str]:
    """Return every option of every script."""
    options = set()
    for script in SCRIPTS.values():
        for action in script.make_options()._actions:
            options.update(action.option_strings)
    return options


def find_links(text: str) -> list[str]:
    """Return the targets of all links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", remove_code_blocks(text))


def find_headings(text: str) -> list[tuple[int, str]]:
    """Return the headings as (level, text)."""
    headings = re.findall(r"^(#+) (.*)$", remove_code_blocks(text), re.MULTILINE)
    return [(len(marks), title) for marks, title in headings]


def heading_anchor(title: str) -> str:
    """Return the fragment under which GitHub links to a heading."""
    words = re.sub(r"[^\w\- ]", "", title.lower())
    return words.replace(" ", "-")
