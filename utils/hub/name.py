"""The names of models on the Hugging Face Hub: OWNER/NAME, with @REVISION for one revision."""

import re
from dataclasses import dataclass

from utils.errors import UserError

MAIN = "main"
# The Hub's rules: letters, digits, - _ and . in each part, which starts and ends with none of - and
# the point; no -- and no two points.
_PART = r"\w(?:[\w.-]*\w)?"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LONGEST = 96  # characters of OWNER/NAME
_SHORT = 7  # characters of a commit on the screen


@dataclass(frozen=True)
class ModelName:
    """A repository, and the revision that was asked for: a branch, a tag, a commit, or None."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        if self.revision is None:
            return self.repository
        return f"{self.repository}@{self.revision}"

    @property
    def is_commit(self) -> bool:
        """Return whether the revision is a commit, whose files never change."""
        return self.revision is not None and _COMMIT.fullmatch(self.revision) is not None

    def at(self, revision: str) -> "ModelName":
        """Return the same repository at another revision."""
        return ModelName(self.repository, revision)

    def shorten(self) -> str:
        """Return the name for the screen, with the first characters of a commit."""
        if self.is_commit and self.revision is not None:
            return str(self.at(self.revision[:_SHORT]))
        return str(self)


def parse_name(text: str) -> ModelName:
    """Return the name; reject one that the Hub does not allow."""
    repository, has_revision, revision = text.partition("@")
    if not _is_repository(repository):
        raise UserError(
            f"no folder {text!r}; hf: needs the folder of a captioner, or the name of one on "
            "huggingface.co: OWNER/NAME or OWNER/NAME@REVISION"
        )
    if not has_revision:
        return ModelName(repository)
    if _REVISION.fullmatch(revision) is None or ".." in revision:
        raise UserError(
            f"hf:{repository}@ needs a branch, a tag, refs/pr/NUMBER or a commit after the @ "
            f"(got {revision!r})"
        )
    return ModelName(repository, revision)


def is_name(text: str) -> bool:
    """Return whether the text is the name of a model, with or without a revision."""
    return _is_repository(text.partition("@")[0])


def _is_repository(text: str) -> bool:
    return (
        _REPOSITORY.fullmatch(text) is not None
        and len(text) <= _LONGEST
        and "--" not in text
        and ".." not in text
    )
