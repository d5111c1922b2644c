"""The words of `--ray`, checked before anything is loaded."""

import importlib.util
import socket
from pathlib import Path

from config import Settings
from utils import runs
from utils.addresses import is_address
from utils.errors import UsageError, UserError
from utils.hugging_face import is_hugging_face

LOCAL = "local"  # a cluster of this machine alone, for this command
RUNNING = "auto"  # the cluster to which this machine belongs
_PATIENCE = 5.0  # seconds that the head may take to answer


def check_address(address: str) -> None:
    """Raise an error if --ray is no address, Ray is missing, or nothing answers there."""
    host, _, port = address.rpartition(":")
    has_port = bool(host) and port.isascii() and port.isdecimal()
    if address not in (LOCAL, RUNNING) and not has_port:
        raise UsageError(f"--ray must be local, auto or HOST:PORT (got {address!r})")
    if importlib.util.find_spec("ray") is None:
        raise UserError(
            "--ray needs Ray, which is not installed; "
            "install it with `make ray`, or: pip install 'ray[data]'"
        )
    if has_port:
        try:
            socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
        except (OSError, OverflowError):
            raise UserError(
                f"no Ray cluster answers at {address}; start one there: ray start --head"
            ) from None


def check_has_features(settings: Settings) -> None:
    """Raise an error if training does not extract features."""
    if settings.preset == "classifier":
        raise UsageError("--ray extracts features, and a classifier has none; leave it out")
    if settings.vision.finetune_encoder:
        raise UsageError("--ray extracts features, and --finetune-encoder has none; leave it out")


def make_absolute(weights: str) -> str:
    """Return weights that are named on the command line as they are found from any folder."""
    if is_address(weights):
        return weights  # each machine fetches it
    if is_hugging_face(weights):
        return str(runs.find_run(weights))
    if Path(weights).exists():
        return str(Path(weights).absolute())
    return weights
