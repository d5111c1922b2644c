"""Where TensorFlow computes."""

import pytest
import tensorflow as tf

from tests.helpers.scripts import ROOT, started
from utils import device
from utils.device import use_device
from utils.errors import UserError


def test_a_gpu_that_is_not_there_is_refused():
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
# Refused once TensorFlow has taken its devices, as what use_device does for a real GPU would be.
tf.config.set_logical_device_configuration(ordinary("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
print(seen, tf.config.get_visible_devices("GPU"), len(tf.config.list_logical_devices("CPU")))
"""


@pytest.mark.parametrize(("name", "seen"), [("auto", "[('GPU:0', True)]"), ("cpu", "[]")])
def test_a_gpu_is_set_up_before_tensorflow_takes_its_devices(name, seen):
    done = started("-c", FAKE.format(name=name), PYTHONPATH=str(ROOT))
    assert (done.status, done.out.strip()) == (0, f"{seen} [] 2"), done.error


@pytest.mark.parametrize(
    ("told", "has"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 sse\nbugs\t\t: x\n", True),
        ("processor\t: 0\nflags\t\t: fpu amx_bf16\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
        ("processor\t: 0\nmodel name\t: bf16\nflags\t\t: fpu avx512f avx512_vnni\n", False),
        ("", False),
        (None, False),
    ],
)
def test_the_processor_is_asked_for_bfloat16(monkeypatch, tmp_path, told, has):
    file = tmp_path / "cpuinfo"
    if told is not None:
        file.write_text(told)
    monkeypatch.setattr(device, "CPU_FILE", file)
    assert device.has_bfloat16() == has


@pytest.mark.parametrize(("capability", "has"), [((9, 0), True), ((8, 0), True), ((7, 5), False)])
def test_a_gpu_is_asked_where_there_is_one(monkeypatch, tmp_path, capability, has):
    monkeypatch.setattr(device, "CPU_FILE", tmp_path / "none")
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [kind])
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": capability}
    )
    assert device.has_bfloat16() == has


@pytest.mark.parametrize(("gpus", "told"), [([], "2 cores"), (["a", "b"], "2 cores, GPU a, GPU b")])
def test_the_machine_is_told(monkeypatch, gpus, told):
    monkeypatch.setattr(device, "count_cores", lambda: 2)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: gpus)
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"device_name": f"GPU {gpu}"}
    )
    assert device.describe_machine() == told


def test_the_most_memory_held_is_that_which_the_system_tells(monkeypatch, tmp_path):
    """By what /proc tells; where it tells nothing about the same, of this process, by another way."""
    most = device.measure_peak_memory()
    assert 10**8 < most < 10**11
    monkeypatch.setattr(device, "STATUS_FILE", tmp_path / "status")
    assert device.measure_peak_memory() == pytest.approx(most, rel=0.5)
    (tmp_path / "status").write_text(
        "Name:\tpython\nVmPeak:\t 99999 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n"
    )
    assert device.measure_peak_memory() == 2 * 1024**2
