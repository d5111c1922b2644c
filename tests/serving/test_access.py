"""The token that clients must send."""

import pytest

from serving.access import find_token, require_token
from utils.errors import UsageError, UserError

TOKEN = "abcdefgh-12345678"


def test_the_command_line_goes_before_the_environment(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}-of-the-file\n")
    assert find_token(TOKEN, None, "another-token-of-the-shell") == TOKEN
    assert find_token(None, str(file), "another-token-of-the-shell") == f"{TOKEN}-of-the-file"
    assert find_token(None, None, TOKEN) == TOKEN
    assert find_token(None, None, "") is None
    assert find_token(None, None, None) is None


@pytest.mark.parametrize(
    "token", ["", "short", "a" * 15, "a token with blanks in it", "x" * 16 + "\n"]
)
def test_a_weak_token_is_rejected(token):
    with pytest.raises(UsageError, match=r"--token must have at least 16 .*secrets"):
        find_token(token, None, None)


def test_a_rejected_token_is_not_printed():
    with pytest.raises(UsageError) as caught:
        find_token("my secret", None, None)
    assert "my secret" not in str(caught.value)


def test_both_options_are_rejected():
    with pytest.raises(UsageError, match="--token and --token-file"):
        find_token(TOKEN, "file", None)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"--token-file .*nowhere"):
        find_token(None, str(tmp_path / "nowhere"), None)


def test_only_this_machine_needs_no_token():
    require_token("127.0.0.1", None)
    require_token("0.0.0.0", TOKEN)
    with pytest.raises(UsageError, match=r"--host 0\.0\.0\.0 .*--token-file"):
        require_token("0.0.0.0", None)
