"""Names of scores for people, and their digits."""

from utils.metrics.captions import SCORE_KEYS

# Scores of what captions say of photographs, in the order of tables.
CONTENT_SCORES = ("CLIPScore", "RefCLIPScore", "CHAIRi", "CHAIRs")
_NAMES = {key: name for name, key in SCORE_KEYS.items()}
_VAL_NAMES = {"val_loss": "loss on val", "val_accuracy": "accuracy on val"}


def get_score_name(key: str) -> str:
    """Return the name for people of a score, or of another number in history.jsonl."""
    if key.startswith("forced_"):
        return f"{get_score_name(key.removeprefix('forced_'))}, teacher-forced"
    if key.startswith("val_Top"):
        return f"{get_score_name(key.removeprefix('val_'))} on val"
    if key.startswith("Top"):
        return f"top-{key.removeprefix('Top')} accuracy"
    if key in _VAL_NAMES:
        return _VAL_NAMES[key]
    return _NAMES.get(key, key.replace("_", " "))


def format_score(value: float | None, digits: int = 3) -> str:
    """Return a score as a table shows it: a dash if it could not be computed."""
    if value is None:
        return "–"
    return f"{value:,.{digits}f}"
