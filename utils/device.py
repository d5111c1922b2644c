"""Where to compute, what the processor can do, and how much memory was taken."""

import os
import re
import sys
from pathlib import Path

from utils.errors import UserError

_CPU = Path("/proc/cpuinfo")
_STATUS = Path("/proc/self/status")
_BFLOAT16 = {
    "avx512_bf16",
    "amx_bf16",
    "bf16",
}  # what processors (Intel and AMD, Intel, ARM) call it


def use_device(name: str) -> None:
    """Let TensorFlow see a GPU or not; a GPU's memory is taken as it is needed, not all at once."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if name == "gpu" and not gpus:
        raise UserError(
            "--device gpu, and TensorFlow finds no GPU here; use --device cpu, or install its CUDA packages "
            "(pip install 'tensorflow[and-cuda]')"
        )
    if name == "cpu":
        gpus = []
        tf.config.set_visible_devices([], "GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)


def disable_graph_rewriting() -> None:
    """Have TensorFlow run graphs as they are written. Where its rewriting takes memory to be short, gradients are added up
    as they come, and the same seed gives other losses; nothing here is quicker by it (doc/benchmarks.md)."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def has_bfloat16() -> bool:
    """Whether what computes here multiplies bfloat16 itself: the GPU where there is one, else the processor."""
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        told = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return all(each.get("compute_capability", (0, 0)) >= (8, 0) for each in told)
    return bool(_BFLOAT16 & read_processor_features())


def read_processor_features() -> set[str]:
    """What the processor says that it can do; nothing where the system does not tell."""
    if not _CPU.is_file():
        return set()
    told = re.search(
        r"^(?:flags|Features)\s*:(.*)$",
        _CPU.read_text(encoding="utf-8", errors="replace"),
        re.MULTILINE,
    )
    return set(told[1].split()) if told else set()


def count_cores() -> int:
    """How many processor cores this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe_machine() -> str:
    """What computes here: how many cores, and the GPUs that TensorFlow sees."""
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "a GPU")
        for gpu in tf.config.get_visible_devices("GPU")
    ]
    return ", ".join([f"{count_cores()} core{'s' * (count_cores() > 1)}", *gpus])


def measure_peak_memory() -> int | None:
    """The most bytes of memory that this process has held so far; None where the system does not tell.

    What the system may drop at any time, such as features that are read from their files, is counted while it is held.
    """
    if _STATUS.is_file() and (
        told := re.search(r"^VmHWM:\s*(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    ):
        return int(told[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows has none
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
