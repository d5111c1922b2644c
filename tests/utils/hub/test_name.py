"""Names of models on the Hub."""

import pytest

from utils.errors import UserError
from utils.hub.name import ModelName, parse_name

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("owner/name", ModelName("owner/name")),
        ("Owner-1/name_2.b-c", ModelName("Owner-1/name_2.b-c")),
        ("owner/name@main", ModelName("owner/name", "main")),
        ("owner/name@refs/pr/12", ModelName("owner/name", "refs/pr/12")),
        ("owner/name@v1.0", ModelName("owner/name", "v1.0")),
        (f"owner/name@{COMMIT}", ModelName("owner/name", COMMIT)),
    ],
)
def test_names(text, name):
    assert parse_name(text) == name
    assert str(parse_name(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "name", "a/b/c", "owner/", "/name", "owner/na me", " owner/name", "owner/name\n",
        "../name", "owner/..", "owner/a--b", "owner/a..b", "-owner/name", "owner/name-", "~/models",
        "https://huggingface.co/owner/name", "öwner/name", f"owner/{'n' * 100}",
    ],
)  # fmt: skip
def test_names_that_the_hub_does_not_allow(text):
    with pytest.raises(UserError, match="OWNER/NAME") as caught:
        parse_name(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("revision", ["", "a b", "../x", "a//b", "/main", "main/", "a..b", "a@b"])
def test_revisions_that_do_not_exist(revision):
    with pytest.raises(UserError, match="refs/pr/NUMBER") as caught:
        parse_name(f"owner/name@{revision}")
    assert repr(revision) in str(caught.value)


def test_a_commit_is_short_on_the_screen():
    name = parse_name(f"owner/name@{COMMIT}")
    assert name.is_commit
    assert name.shorten() == "owner/name@0123456"
    assert parse_name("owner/name@refs/pr/3").shorten() == "owner/name@refs/pr/3"
    assert not parse_name("owner/name@main").is_commit
