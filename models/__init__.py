"""The networks. Importing them loads TensorFlow quietly, with graph rewriting off."""

from utils.device import disable_graph_rewriting
from utils.quiet import import_tensorflow

import_tensorflow()
disable_graph_rewriting()
