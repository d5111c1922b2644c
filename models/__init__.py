"""The networks. Who imports them gets TensorFlow without its start-up noise, whose graphs run as they are written."""

from utils.device import disable_graph_rewriting
from utils.quiet import import_tensorflow

import_tensorflow()
disable_graph_rewriting()
