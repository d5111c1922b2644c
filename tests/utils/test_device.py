"""The choice of the device, and facts about the machine."""

import pytest
import tensorflow as tf

from tests.helpers.scripts import ROOT, run_process
from utils import device
from utils.device import use_device
from utils.errors import UserError


def test_a_missing_gpu_is_rejected():
    with pytest.raises(UserError, match=r"--device gpu .*use --device cpu"):
        use_device("gpu")


FAKE = """
from utils.quiet import import_tensorflow
import_tensorflow()
import tensorflow as tf
from utils.device import use_device
ordinary, seen = tf.config.list_physical_devices, []
tf.config.list_physical_devices = lambda kind=None: ["GPU:0"] if kind == "GPU" else ordinary(kind)
tf.config.experimental.set_memory_growth = lambda gpu, grows: seen.append((gpu, grows))
use_device({name!r})
# An error once TensorFlow has taken its devices, as use_device would be for a real GPU.
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(ordinary("CPU")[0], two)
print(seen, tf.config.get_visible_devices("GPU"), len(tf.config.list_logical_devices("CPU")))
"""


@pytest.mark.parametrize(("name", "seen"), [("auto", "[('GPU:0', True)]"), ("cpu", "[]")])
def test_a_gpu_is_set_up_before_tensorflow_takes_its_devices(name, seen):
    done = run_process("-c", FAKE.format(name=name), PYTHONPATH=str(ROOT))
    assert (done.status, done.out.strip()) == (0, f"{seen} [] 2"), done.error


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 sse\nbugs\t\t: x\n", True),
        ("processor\t: 0\nflags\t\t: fpu amx_bf16\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
        ("processor\t: 0\nmodel name\t: bf16\nflags\t\t: fpu avx512f avx512_vnni\n", False),
        ("", False),
        (None, False),
    ],
)
def test_bfloat16_comes_from_the_processors_features(monkeypatch, tmp_path, text, has):
    file = tmp_path / "cpuinfo"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(device, "CPU_FILE", file)
    assert device.has_bfloat16() == has


@pytest.mark.parametrize(("capability", "has"), [((9, 0), True), ((8, 0), True), ((7, 5), False)])
def test_bfloat16_comes_from_the_gpus_if_there_are_any(monkeypatch, tmp_path, capability, has):
    monkeypatch.setattr(device, "CPU_FILE", tmp_path / "none")
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": capability}
    )
    assert device.has_bfloat16() == has


@pytest.mark.parametrize(("gpus", "text"), [([], "2 cores"), (["a", "b"], "2 cores, GPU a, GPU b")])
def test_describe_machine_lists_cores_and_gpus(monkeypatch, gpus, text):
    monkeypatch.setattr(device, "count_cores", lambda: 2)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: gpus)
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"device_name": f"GPU {gpu}"}
    )
    assert device.describe_machine() == text


def test_peak_memory_comes_from_proc_or_the_system_call(monkeypatch, tmp_path):
    """Without /proc the system call gives about the same."""
    most = device.measure_peak_memory()
    assert 10**8 < most < 10**11
    monkeypatch.setattr(device, "STATUS_FILE", tmp_path / "status")
    assert device.measure_peak_memory() == pytest.approx(most, rel=0.5)
    (tmp_path / "status").write_text(
        "Name:\tpython\nVmPeak:\t 99999 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n"
    )
    assert device.measure_peak_memory() == 2 * 1024**2
