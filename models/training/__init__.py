"""Losses, optimizers, checkpoints and the training loop."""

import models.quiet_tensorflow  # noqa: F401 (first: it loads TensorFlow)
