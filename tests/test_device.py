"""Where TensorFlow computes."""

import pytest

from tests.scripts import ROOT, started
from utils.device import use_device
from utils.errors import Refusal


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(Refusal, match=r"--device gpu, and TensorFlow finds no GPU here; use --device cpu"):
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
