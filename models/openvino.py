"""The package openvino, which is optional: without its telemetry, and with one core."""

import sys
from functools import cache
from typing import Any


def import_openvino() -> Any:
    """Import the package without its telemetry, which reports every import to its makers."""
    sys.modules.setdefault("openvino_telemetry", None)  # so it seems not installed
    import openvino  # the package is optional

    return openvino


@cache
def get_core() -> Any:
    """Return the process's only OpenVINO core.

    Each core sets a stack for signals, and restores the one before at its end. If two end in
    another order, the next signal (Ctrl-C) meets a stack that is gone, and the process crashes.
    """
    return import_openvino().Core()
