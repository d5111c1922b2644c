"""Where to compute, and what the processor can do."""

import os
import re
from pathlib import Path

from utils.errors import Refusal

_CPU = Path("/proc/cpuinfo")
_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # what processors (Intel and AMD, Intel, ARM) call it


def use_device(name: str) -> None:
    """Let TensorFlow see a GPU or not; a GPU's memory is taken as it is needed, not all at once."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if name == "gpu" and not gpus:
        raise Refusal("--device gpu, and TensorFlow finds no GPU here; use --device cpu, or install its CUDA packages "
                      "(pip install 'tensorflow[and-cuda]')")
    if name == "cpu":
        gpus = []
        tf.config.set_visible_devices([], "GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)


def has_bfloat16() -> bool:
    """Whether what computes here multiplies bfloat16 itself: the GPU where there is one, else the processor."""
    import tensorflow as tf

    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        told = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return all(each.get("compute_capability", (0, 0)) >= (8, 0) for each in told)
    return bool(_BFLOAT16 & processor_features())


def processor_features() -> set[str]:
    """What the processor says that it can do; nothing where the system does not tell."""
    if not _CPU.is_file():
        return set()
    told = re.search(r"^(?:flags|Features)\s*:(.*)$", _CPU.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return set(told[1].split()) if told else set()


def cores() -> int:
    """How many processor cores this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
