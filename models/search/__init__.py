"""Searches for captions over a decoder's step."""

import models.quiet_tensorflow  # noqa: F401 (first: it loads TensorFlow)
