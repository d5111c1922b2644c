"""The networks. Who imports them gets TensorFlow without its start-up noise."""

from utils.quiet import import_tensorflow

import_tensorflow()
