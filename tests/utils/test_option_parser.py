"""Mistakes on a command line are one line, with the option that was probably meant."""

import pytest

from utils.command_line import make_parser
from utils.errors import UsageError
from utils.option_parser import suggest_options

OPTIONS = [
    "-h",
    "--help",
    "--dataset",
    "--epochs",
    "--batch",
    "--minimum-count",
    "--learning-rate",
    "--length-penalty",
    "--layer",
    "--engine",
    "--encoder",
    "--encoder-rate",
]


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("--epoch", ["--epochs"]),
        ("--datset", ["--dataset"]),
        ("--batch_size", ["--batch"]),
        ("--minimum_count", ["--minimum-count"]),
        ("--Epochs", ["--epochs"]),
        ("-epochs", ["--epochs"]),
        ("--lr", ["--learning-rate"]),
        ("--learn", ["--learning-rate"]),
        ("--en", ["--engine", "--encoder", "--encoder-rate"]),
        ("--e", []),
        ("--xyzzy", []),
    ],
)
def test_the_likeliest_options_are_suggested(typed, suggested):
    assert suggest_options(typed, OPTIONS) == suggested


@pytest.fixture
def parser():
    parser = make_parser("About.")
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--split", choices=("val", "test"))
    parser.add_argument("--runs", nargs="+")
    parser.add_argument("--all", action="store_true")
    return parser


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("p --epoch 3", "no option --epoch; did you mean --epochs? (-h lists all)"),
        ("p --epoch=3", "no option --epoch; did you mean --epochs? (-h lists all)"),
        ("--epoch 3", "no option --epoch; did you mean --epochs? (-h lists all)"),
        ("p --zzz --qqq", "no option --zzz (-h lists all)"),
        ("p --epochs", "--epochs needs a value"),
        ("p --runs", "--runs needs at least one value"),
        ("p --epochs 1.5", "--epochs must be a whole number (got 1.5)"),
        ("p --rate fast", "--rate must be a number (got fast)"),
        ("p --split dev", "--split must be one of val, test (got dev)"),
        ("p --all=yes", "--all takes no value (got yes)"),
        ("--all", "missing: PATH (-h lists all)"),
        ("p other", "unexpected: other (-h lists all)"),
    ],
)
def test_a_mistake_is_one_line(parser, words, message):
    with pytest.raises(UsageError) as caught:
        parser.parse_args(words.split())
    assert str(caught.value) == message
    assert caught.value.status == 2


def test_negative_numbers_and_what_follows_two_dashes_are_no_options(parser):
    typed = parser.parse_args(["--epochs", "-3", "--rate", "-0.5", "--", "--epoch"])
    assert (typed.epochs, typed.rate, typed.path) == (-3, -0.5, "--epoch")


def test_options_are_not_abbreviated(parser):
    """An abbreviation may be another option after the next version."""
    with pytest.raises(UsageError, match="no option --epo; did you mean --epochs"):
        parser.parse_args(["p", "--epo", "3"])
