"""The token that clients must send, if there is one."""

import re
from pathlib import Path

from utils.errors import UsageError, UserError, describe_file_error
from utils.listening import is_loopback

VARIABLE = "CAPTION_TOKEN"
LEAST_LENGTH = 16
_FORM = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750
_MAKE_ONE = "make one with: python -c 'import secrets; print(secrets.token_urlsafe())'"


def find_token(typed: str | None, file: str | None, variable: str | None) -> str | None:
    """Return the token of --token, else of --token-file, else of the environment variable."""
    if typed is not None and file is not None:
        raise UsageError("--token and --token-file name the same thing; use one")
    if typed is not None:
        return _check(typed, "--token")
    if file is not None:
        return _check(_read(Path(file)), f"the token in {file}")
    if variable:
        return _check(variable, VARIABLE)
    return None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        return ""  # rejected as no token
    except OSError as error:
        reason = describe_file_error(error) or str(error)
        raise UserError(f"--token-file cannot be read ({reason})") from None


def _check(token: str, source: str) -> str:
    if len(token) < LEAST_LENGTH or not _FORM.fullmatch(token):
        raise UsageError(
            f"{source} must have at least {LEAST_LENGTH} letters, digits and ._~+/- "
            f"(got {len(token)} characters); {_MAKE_ONE}"
        )
    return token


def require_token(host: str, token: str | None) -> None:
    """Reject an address that others can reach, unless they need a token."""
    if token is None and not is_loopback(host):
        raise UsageError(
            f"--host {host} can be reached from other machines and needs --token-file FILE "
            f"or {VARIABLE}; {_MAKE_ONE}"
        )
