"""The kind of tokenizer follows from the language and from what is typed."""

import pytest

from data.text.kinds import choose_kind
from utils.errors import UsageError


@pytest.mark.parametrize(
    ("language", "kind"),
    [
        ("en", "words"),
        ("ko", "words"),
        ("und", "words"),
        ("fr", "words"),
        ("zh", "characters"),
        ("ja", "characters"),
        ("th", "characters"),
    ],
)
def test_the_default_kind_suits_the_language(language, kind):
    assert choose_kind(language, None) == kind
    assert choose_kind(language, "bpe") == "bpe"
    assert choose_kind(language, "words") == "words"


def test_a_folder_means_gpt2(tmp_path):
    assert choose_kind("en", str(tmp_path)) == "gpt2"
    assert choose_kind("en", "gpt2") == "gpt2"
    assert choose_kind("en", "some/where") == "gpt2"


def test_unsuitable_and_unknown_kinds_are_rejected():
    with pytest.raises(UsageError, match=r"--tokenizer characters .* \(ko\) use words or bpe"):
        choose_kind("ko", "characters")
    with pytest.raises(UsageError, match="unknown tokenizer 'bpee'; did you mean 'bpe'"):
        choose_kind("en", "bpee")
