"""The Hub's address, and the lines that say what its answers mean.

It imports nothing of huggingface_hub, so an error can be caught without that library.
"""

import os
from typing import Any, NoReturn

from utils.errors import UserError
from utils.hub.name import MAIN, ModelName

ENDPOINT = "https://huggingface.co"


class NoConnectionError(UserError):
    """The Hub cannot be reached."""


def find_endpoint() -> str:
    """Return the address of the Hub, which HF_ENDPOINT replaces by that of a mirror."""
    endpoint = (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
    if not endpoint.startswith(("http://", "https://")):
        raise UserError(f"HF_ENDPOINT must start with https:// (got {endpoint!r})")
    return endpoint


def explain_status(error: Any, model: ModelName, file: str | None = None) -> NoReturn:
    """Raise the line for an answer of the Hub that is an error."""
    endpoint = find_endpoint()
    page = f"{endpoint}/{model.repository}"
    status = error.response.status_code
    code = error.response.headers.get("X-Error-Code", "")
    message = error.response.headers.get("X-Error-Message", "")
    if code == "GatedRepo":
        line = (
            f"hf:{model.repository} is gated ({status}): accept its licence at {page}, then set "
            "HF_TOKEN to a token of yours, or run: .venv/bin/hf auth login"
        )
    elif status == 401 and "credentials" in message:
        line = (
            f"the Hub rejects the token in HF_TOKEN or of hf auth login ({status}); make another "
            f"one at {endpoint}/settings/tokens"
        )
    elif status in (401, 403):
        line = (
            f"hf:{model.repository} does not exist, or is private or gated ({status}): check the "
            f"name, accept the licence at {page}, and set HF_TOKEN to a token that may read it"
        )
    elif code == "RevisionNotFound":
        line = (
            f"hf:{model.repository} has no revision {model.revision or MAIN!r}; {page} lists its "
            "branches and commits"
        )
    elif status == 404 and file is not None:
        line = (
            f"hf:{model.shorten()} has no file {file} any more (404); run this again, since its "
            "revision may have moved"
        )
    elif status == 404:
        line = (
            f"no model {model.repository!r} at {endpoint} (404), and no folder of that name here; "
            "check the name"
        )
    elif status == 429:
        line = (
            f"{endpoint} allows no more requests for now (429); wait some minutes, or set HF_TOKEN"
        )
    else:
        line = f"{endpoint} answered with status {status}; the same command resumes: try it later"
    raise UserError(line) from None


def no_connection_error(endpoint: str, error: Exception) -> NoConnectionError:
    return NoConnectionError(
        f"no connection to {endpoint} ({describe(error)}); check the network, HTTPS_PROXY and "
        "HF_ENDPOINT. The same command resumes"
    )


def describe(error: Exception) -> str:
    return str(error) or type(error).__name__
