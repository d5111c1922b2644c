"""Tables: nothing is cut off, nothing is taken for markup, and a file gets no escape codes."""

import io
import sys

import pytest

from utils.tables import format_table


class Terminal(io.StringIO):
    """Standard output that is a terminal."""

    def isatty(self):
        return True


def format_in_terminal(monkeypatch, columns, rows, *, width=40):
    """Return the table for a terminal. A fixture is too early: pytest sets stdout."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    return format_table(columns, rows)


ROWS = [["one", "a dog"], ["another", "a cat"]]


def test_columns_are_as_wide_as_their_content():
    assert format_table(["run", "caption"], ROWS) == (
        "run      caption\none      a dog\nanother  a cat"
    )


def test_numbers_are_aligned_to_the_right():
    table = format_table(["run", "size"], [["a", "1"], ["b", "10 MB"]], numbers=["size"])
    assert table.splitlines() == ["run   size", "a        1", "b    10 MB"]


def test_wide_letters_take_two_columns():
    table = format_table(["dataset", "size"], [["강아지", "1"], ["dog", "2"]])
    assert table.splitlines()[1:] == ["강아지   1", "dog      2"]


def test_a_long_row_stays_one_line_in_a_file():
    words = "word " * 200
    assert len(format_table(["text"], [[words]]).splitlines()) == 2


def test_brackets_and_colons_are_no_markup():
    assert format_table(["a"], [["[bold]x[/] :smile:"]]).endswith("[bold]x[/] :smile:")


def test_a_narrow_terminal_wraps_and_cuts_nothing(monkeypatch):
    words = [f"word{number}" for number in range(30)]
    monkeypatch.delenv("NO_COLOR", raising=False)
    table = format_in_terminal(monkeypatch, ["run", "words"], [["one", " ".join(words)]])
    assert max(map(len, table.splitlines()[1:])) <= 40
    assert "…" not in table
    assert [word for word in table.split() if word.startswith("word")] == words


def test_a_terminal_gets_bold_headings_and_a_line(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    lines = format_in_terminal(monkeypatch, ["run", "caption"], ROWS).splitlines()
    assert lines[0].startswith("\033[1m")
    assert set(lines[1]) == {"─"}


def test_no_color_leaves_out_escape_codes(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in format_in_terminal(monkeypatch, ["run", "caption"], ROWS)


@pytest.mark.parametrize("width", [40, 41, 45, 60])
def test_wrapped_columns_fit_and_keep_their_last_letters(monkeypatch, width):
    """Rich alone cuts off the last column if the columns before it cannot shrink enough."""
    columns = ["run", "date", "scores", "size"]
    row = ["inception-gru", "2026-12-01 00:11", "CIDEr 0.5 BLEU-4 0.1", "90 MB"]
    lines = format_in_terminal(monkeypatch, columns, [row], width=width).splitlines()
    assert max(map(len, lines[1:])) <= width
    assert sorted(" ".join(lines[2:]).split()) == sorted(" ".join(row).split())


def test_a_word_is_never_split(monkeypatch):
    """With a word of 50 letters the table cannot fit: it is as wide as its content."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    rows = [["x" * 50, "some words that could be wrapped"]]
    lines = format_in_terminal(monkeypatch, ["run", "words"], rows).splitlines()
    assert lines[-1] == f"{'x' * 50}  some words that could be wrapped"
