"""Captioners and encoders of others: a file a family, which says how its folders become ours."""

import models.quiet_tensorflow  # noqa: F401 (first: it loads TensorFlow)
