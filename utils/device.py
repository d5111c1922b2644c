"""Choose the device for TensorFlow; find what the machine can do and how much memory was used.

TensorFlow is imported within functions: importing it takes seconds, and some callers need only
the number of cores or the memory.
"""

import importlib.util
import os
import re
import sys
from pathlib import Path

from utils.errors import UserError

CPU_FILE = Path("/proc/cpuinfo")
STATUS_FILE = Path("/proc/self/status")
# The names of bfloat16 on Intel and AMD, on Intel's matrix units, and on ARM.
BFLOAT16_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}
BFLOAT16_CAPABILITY = (8, 0)  # of an NVIDIA GPU


def use_device(name: str) -> None:
    """Hide GPUs from TensorFlow for cpu; otherwise let it take GPU memory as needed, not all."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if name == "gpu" and not gpus:
        raise UserError(
            "--device gpu needs a GPU, and TensorFlow finds none; use --device cpu, "
            "or install the CUDA packages (pip install 'tensorflow[and-cuda]')"
        )
    if name == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)


def disable_graph_rewriting() -> None:
    """Make TensorFlow run graphs as they are written.

    When memory seems short, its rewriting changes the order in which gradients are summed. Then
    equal seeds give different losses. Rewriting made nothing faster here (doc/benchmarks.md).
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def has_bfloat16() -> bool:
    """Return whether the GPUs, or without any the processor, multiply bfloat16 in hardware."""
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    if not gpus:
        return processor_has_bfloat16()
    for gpu in gpus:
        details = tf.config.experimental.get_device_details(gpu)
        if details.get("compute_capability", (0, 0)) < BFLOAT16_CAPABILITY:
            return False
    return True


def processor_has_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 in hardware."""
    return bool(BFLOAT16_FEATURES & read_processor_features())


def choose_auto_precision(*, has_bfloat16: bool) -> str:
    """Return the precision for `--precision auto`."""
    if has_bfloat16:
        return "bfloat16"
    return "float32"


def choose_auto_engine(*, has_gpu: bool) -> str:
    """Return the engine for `--engine auto`: the faster one that is installed here."""
    if has_gpu or importlib.util.find_spec("openvino") is None:
        return "tensorflow"
    return "openvino"


def read_processor_features() -> set[str]:
    """Return the features that Linux lists for the processor; empty on other systems."""
    if not CPU_FILE.is_file():
        return set()
    text = CPU_FILE.read_text(encoding="utf-8", errors="replace")
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    if match is None:
        return set()
    return set(match[1].split())


def count_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_machine() -> str:
    """Return the number of cores and the names of the GPUs that TensorFlow sees."""
    return ", ".join([describe_cores(), *list_gpu_names()])


def describe_cores() -> str:
    """Return the number of cores in words."""
    cores = count_cores()
    return "1 core" if cores == 1 else f"{cores} cores"


def list_gpu_names() -> list[str]:
    """Return the names of the GPUs that TensorFlow sees."""
    import tensorflow as tf

    names = []
    for gpu in tf.config.get_visible_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        names.append(details.get("device_name", "a GPU"))
    return names


def measure_memory() -> int | None:
    """Return the bytes of memory that the machine has, or None if unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def measure_peak_memory() -> int | None:
    """Return the most bytes of memory that this process has held, or None if unknown.

    They include memory that the system may free at any time, such as mapped files of features.
    """
    if STATUS_FILE.is_file():
        match = re.search(r"^VmHWM:\s*(\d+) kB$", STATUS_FILE.read_text(), re.MULTILINE)
        if match is not None:
            return int(match[1]) * 1024
    try:
        import resource  # Windows has none
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
