"""Loads TensorFlow quietly, with graph rewriting off. Whatever needs TensorFlow imports this first.

`models/captioner.py` opens exported captioners without TensorFlow, so the package itself does not.
"""

from utils.device import disable_graph_rewriting
from utils.quiet import import_tensorflow

import_tensorflow()
disable_graph_rewriting()
