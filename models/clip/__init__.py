"""CLIP models with both halves, which say how well a text describes a photo."""

import models.quiet_tensorflow  # noqa: F401 (first: it loads TensorFlow)
