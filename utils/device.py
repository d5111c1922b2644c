"""Where to compute."""

from utils.errors import Refusal


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
