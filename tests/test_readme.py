"""The documents: commands parse, links and files exist, both READMEs agree, lengths are limited."""

import re
from collections import Counter
from pathlib import Path

import pytest

import config
import presets
from pipeline.resume import New
from pipeline.settings import (
    TYPED,
    check_belongs,
    check_names,
    check_used,
    decoder_layer,
    merge,
    preset_layers,
    values_of,
)
from tests.helpers.documents import (
    COMMANDS,
    DOCUMENTS,
    ROOT,
    document_name,
    find_code_lines,
    find_commands,
    find_headings,
    find_inline_code,
    find_links,
    find_options,
    heading_anchor,
    parse_command,
    read_document,
    remove_code_blocks,
)
from utils.errors import UsageError

PLACES = re.compile(r"(?:data|models|utils|pipeline|ui|reports|tools|tests|doc)/[\w/]*[\w.]*")
READMES = ("README.md", "README.ko.md")


def test_readme_shows_each_command():
    scripts = {command.split()[1] for document, command in find_commands() if document in READMES}
    assert scripts >= COMMANDS.keys()


@pytest.mark.parametrize(("document", "command"), find_commands(), ids=lambda value: value)
def test_command_parses_and_its_settings_fit(document, command):
    if command.endswith((" -h", "python -m data.sources")):  # the latter is named in a sentence
        return
    options = vars(parse_command(command))
    if not command.startswith("python train.py"):
        return
    setting_names = config.Settings().flat()
    typed = {}
    for name, value in options.items():
        if name in setting_names and value is not None:
            typed[name] = value
    if not options.get("resume") and not options.get("start"):
        typed = New(Path("checkpoints/new")).accept(typed)
    check_settings(typed)


def check_settings(typed):
    """Reject typed settings that do not fit each other or the preset, without a dataset."""
    preset = typed.get("preset", presets.DEFAULT_PRESET)
    check_belongs(preset, typed)
    layers = [(TYPED, typed), *preset_layers(typed, preset, scenes=False)]
    layers.append(decoder_layer(merge(layers)))
    values = values_of(merge(layers)) | {"preset": preset}
    settings = config.Settings.from_flat(values, {})
    check_names(settings)
    check_used(settings, typed)


def test_wrong_command_is_noticed():
    with pytest.raises(UsageError, match="no option --no-such-option"):
        parse_command("python train.py --no-such-option 3")
    with pytest.raises(UsageError, match="--epochs must be a whole number"):
        parse_command("python train.py --epochs many")
    assert parse_command("python train.py --epochs N  # a comment").epochs == 1


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_name)
def test_every_option_in_a_document_exists(document):
    text = document.read_text(encoding="utf-8")
    codes = find_code_lines(text) + find_inline_code(text)
    options = {re.split(r"[ |]", code)[0] for code in codes if code.startswith("--")}
    assert options - find_options() == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_name)
def test_every_linked_file_exists(document):
    missing = []
    for link in find_links(document.read_text(encoding="utf-8")):
        path = link.split("#")[0]
        if "://" not in link and path and not (document.parent / path).exists():
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_name)
def test_every_linked_heading_exists(document):
    missing = []
    for link in find_links(document.read_text(encoding="utf-8")):
        path, _, fragment = link.partition("#")
        if "://" in link or not fragment:
            continue
        target = document.parent / path if path else document
        headings = find_headings(target.read_text(encoding="utf-8"))
        if fragment not in {heading_anchor(title) for _, title in headings}:
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_name)
def test_every_path_in_a_document_exists(document):
    missing = []
    for code in find_inline_code(document.read_text(encoding="utf-8")):
        if PLACES.fullmatch(code) and "NAME" not in code and not (ROOT / code).exists():
            missing.append(code)
    assert missing == []


def test_every_make_target_in_a_document_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set()
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for code in find_code_lines(text) + find_inline_code(text):
            target = re.match(r"make ([a-z]+)", code)
            if target is not None:
                named.add(target[1])
    assert {"train", "test"} <= named <= targets


def test_architecture_names_every_top_module_and_package():
    text = read_document("doc/architecture.md")
    modules = {file.name for file in ROOT.glob("*.py")}
    packages = {f"{file.parent.name}/" for file in ROOT.glob("*/__init__.py")}
    missing = {name for name in modules | packages if f"`{name}" not in text}
    assert missing == set()


def test_every_document_is_linked_from_readme():
    links = set(find_links(read_document("README.md")))
    guides = {document_name(document) for document in DOCUMENTS if document.parent.name == "doc"}
    assert guides <= links


@pytest.mark.parametrize("name", READMES)
def test_readme_is_short(name):
    text = read_document(name)
    assert len(text.splitlines()) <= 180
    assert len(text.split()) <= 1400


def test_architecture_is_short():
    assert len(read_document("doc/architecture.md").split()) <= 1700


def summarise_readme(name):
    """Return what two READMEs in different languages have in common."""
    text = read_document(name)
    code = []
    for line in find_code_lines(text):
        without_comment = re.split(r"\s{2,}|\s*#", line.strip())[0]
        if without_comment:
            code.append(without_comment)
    links = [link for link in find_links(text) if not link.startswith(("README", "#"))]
    rows = re.findall(r"^\|.*", remove_code_blocks(text), re.MULTILINE)
    return {
        "headings": [level for level, _ in find_headings(text)],
        "code": code,
        "inline code": Counter(find_inline_code(text)),
        "links": links,
        "numbers in tables": [re.findall(r"\d+(?:[.,]\d+)*", row) for row in rows],
    }


@pytest.mark.parametrize("part", ["headings", "code", "inline code", "links", "numbers in tables"])
def test_both_readmes_agree(part):
    assert summarise_readme("README.ko.md")[part] == summarise_readme("README.md")[part]
