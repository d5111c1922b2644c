"""Check the processor, the GPU and the memory, and say what is chosen by them."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tools.checks.findings import HELPFUL, NEEDED, Finding
from utils import device
from utils.files import format_bytes
from utils.prerequisites import PROJECT, suggest_environment
from utils.terminal import output

# Names for people, and features; one of them is enough.
FEATURES = {
    "AVX2": {"avx2"},
    "AVX-512": {"avx512f"},
    "bfloat16": device.BFLOAT16_FEATURES,
    "AMX": {"amx_tile"},
}
# The same in `sysctl hw.optional` of macOS, which the program itself does not read.
MACOS_FEATURES = {
    "avx1_0": "avx",
    "avx2_0": "avx2",
    "avx512f": "avx512f",
    "arm.FEAT_BF16": "bf16",
}
ENGINE_NAMES = {"openvino": "OpenVINO", "tensorflow": "TensorFlow"}
NVIDIA_PLACES = (Path("/dev/nvidia0"), Path("/proc/driver/nvidia"))
# A container's limit, by both versions of Linux's control groups.
MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
MEMORY_FILE = Path("/proc/meminfo")
LEAST_MEMORY = 4e9  # bytes; training has taken 2.5 GB (doc/benchmarks.md)
TENSORFLOW_SECONDS = 60  # its first import on a slow disk takes half of that
_CHILD = "from tools.checks.machine import print_gpus; print_gpus()"


def check_processor() -> Finding:
    """Check that TensorFlow runs on the processor, and list what makes it fast."""
    features = read_features()
    found = [name for name, flags in FEATURES.items() if flags & features]
    missing = [name for name in FEATURES if name not in found]
    parts = [f"{device.describe_cores()} {_read_processor_name()}".strip()]
    if not features:
        parts.append("this system does not list its features")
    if found:
        parts.append(f"has {', '.join(found)}")
    if features and missing:
        parts.append(f"no {', '.join(missing)}")
    text = "; ".join(parts)
    facts = {"cores": device.count_cores(), "has": found, "lacks": missing}
    is_intel = platform.machine().lower() in ("x86_64", "amd64")
    if is_intel and features and "avx" not in features:
        text = f"{text}; TensorFlow's packages need AVX"
        remedy = "use another processor; a virtual machine must pass the host's one (-cpu host)"
        return Finding("processor", text, NEEDED, remedy, facts)
    return Finding("processor", text, NEEDED, facts=facts)


def read_features() -> set[str]:
    """Return the processor's features in Linux' names; empty if unknown."""
    features = device.read_processor_features()
    if features or sys.platform != "darwin":
        return features
    done = _run(["sysctl", "hw.optional"], seconds=5)
    listed = re.findall(r"^hw\.optional\.(\S+): 1$", done or "", re.MULTILINE)
    return {MACOS_FEATURES[name] for name in listed if name in MACOS_FEATURES}


def _read_processor_name() -> str:
    if device.CPU_FILE.is_file():
        text = device.CPU_FILE.read_text(encoding="utf-8", errors="replace")
        match = re.search(r"^model name\s*:(.*)$", text, re.MULTILINE)
        if match is not None:
            return f"of {match[1].strip()}"
    return ""


def check_gpu() -> list[Finding]:
    """Check that TensorFlow sees an NVIDIA GPU, if there is one; say what is then chosen.

    TensorFlow takes seconds to import. So it is asked only where there is such a GPU.
    """
    if not has_nvidia():
        text = "none from NVIDIA, so the processor computes everything"
        precision = device.choose_auto_precision(has_bfloat16=device.processor_has_bfloat16())
        engine = device.choose_auto_engine(has_gpu=False)
        choice = _describe_choice(precision, engine, has_gpu=False)
        return [Finding("GPU", text, facts={"gpus": []}), choice]
    if find_spec("tensorflow") is None:
        text = "from NVIDIA; TensorFlow, which would use it, is missing"
        return [Finding("GPU", text, HELPFUL, suggest_environment(), {"gpus": None})]

    answer = _ask_tensorflow()
    if answer is None:
        text = f"from NVIDIA; TensorFlow gave no answer in {TENSORFLOW_SECONDS} seconds"
        remedy = "python -c 'import tensorflow' shows what goes wrong"
        return [Finding("GPU", text, HELPFUL, remedy, {"gpus": None})]
    gpus = answer["gpus"]
    choice = _describe_choice(answer["precision"], answer["engine"], has_gpu=bool(gpus))
    if gpus:
        return [
            Finding("GPU", f"TensorFlow uses {', '.join(gpus)}", HELPFUL, facts={"gpus": gpus}),
            choice,
        ]
    text = "from NVIDIA, or its driver; TensorFlow sees none"
    return [Finding("GPU", text, HELPFUL, _suggest_gpu_remedy(), {"gpus": []}), choice]


def has_nvidia() -> bool:
    """Return whether there is an NVIDIA GPU or its driver."""
    if shutil.which("nvidia-smi") is not None:
        return True
    return any(place.exists() for place in NVIDIA_PLACES)


def _suggest_gpu_remedy() -> str:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return "unset CUDA_VISIBLE_DEVICES, which hides it"
    return "make setup GPU=1"


def _ask_tensorflow() -> dict[str, Any] | None:
    """Return what `print_gpus` prints in a process of its own; None if it fails or hangs."""
    command = [sys.executable, "-c", _CHILD]
    printed = _run(command, seconds=TENSORFLOW_SECONDS, folder=PROJECT)
    lines = (printed or "").splitlines()
    if not lines:
        return None
    try:
        return json.loads(lines[-1])
    except ValueError:
        return None


def print_gpus() -> None:
    """Print the GPUs that TensorFlow sees, and what is chosen with them, as JSON."""
    from utils.quiet import import_tensorflow

    import_tensorflow()
    gpus = device.list_gpu_names()
    answer = {
        "gpus": gpus,
        "precision": device.choose_auto_precision(has_bfloat16=device.has_bfloat16()),
        "engine": device.choose_auto_engine(has_gpu=bool(gpus)),
    }
    output(json.dumps(answer))


def _describe_choice(precision: str, engine: str, *, has_gpu: bool) -> Finding:
    """Return what --precision auto and --engine auto choose here."""
    facts = {"precision": precision, "engine": engine}
    text = f"precision {precision}, features by {ENGINE_NAMES[engine]}"
    is_linux_on_arm = platform.machine() == "aarch64"  # OpenVINO has no package for it
    if engine == "openvino" or has_gpu or is_linux_on_arm:
        return Finding("chosen", text, facts=facts)
    text += "; OpenVINO, twice as fast, is missing"
    return Finding("chosen", text, HELPFUL, suggest_environment(), facts)


def check_memory() -> Finding:
    """Check the memory, which a container may limit."""
    total = device.measure_memory()
    if total is None:
        return Finding("memory", "this system does not say how much there is")
    limit = min([total, *_read_memory_limits()])
    free = _read_available_memory()
    facts = {"bytes": limit, "available_bytes": free}
    text = format_bytes(limit)
    if limit < total:
        text += f" (this container's limit; the machine has {format_bytes(total)})"
    if free is not None:
        text += f", {format_bytes(min(free, limit))} of it available"
    if limit < LEAST_MEMORY:
        text += f"; {format_bytes(int(LEAST_MEMORY))} are advised"
        remedy = "raise the limit of the container or virtual machine, or use another machine"
        return Finding("memory", text, HELPFUL, remedy, facts)
    return Finding("memory", text, HELPFUL, facts=facts)


def _read_memory_limits() -> list[int]:
    limits = []
    for file in MEMORY_LIMITS:
        try:
            limits.append(int(file.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return limits


def _read_available_memory() -> int | None:
    if not MEMORY_FILE.is_file():
        return None
    match = re.search(r"^MemAvailable:\s*(\d+) kB$", MEMORY_FILE.read_text(), re.MULTILINE)
    if match is None:
        return None
    return int(match[1]) * 1024


def _run(command: list[str], *, seconds: float, folder: Path | None = None) -> str | None:
    """Return what a program prints, or None if it fails or takes too long."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    return done.stdout
