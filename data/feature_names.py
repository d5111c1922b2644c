"""The names in the feature cache: keys of features, and folders of encoders."""

import hashlib
import json
from typing import Any

STALE_AFTER = 3600  # seconds after which nobody is writing an unfinished file any more


def make_feature_key(
    photo_hash: str, *, recipe: str | None = None, seed: int = 0, view: int = 0
) -> str:
    """Return the key of a photo's features in an encoder's folder; view 0 is the photo itself."""
    if view == 0:
        return photo_hash
    return f"{photo_hash}/{recipe}/{seed}/{view}"


def make_folder_name(fingerprint: dict[str, Any]) -> str:
    """Return the name of an encoder's folder within the cache."""
    content = json.dumps(fingerprint, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()
    return f"{fingerprint['name']}-{digest[:16]}"
