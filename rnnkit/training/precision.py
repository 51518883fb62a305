"""Precision: the number format of a training."""

import contextlib

import keras
import tensorflow as tf


@contextlib.contextmanager
def precision(choice: str):
    """Builds and trains Keras layers in the chosen format while the block runs.

    Args:
        choice: A Keras dtype policy, or `auto`: bfloat16 on a GPU of compute capability 8 or
            more, float16 from 7, else float32. Weights and losses stay in float32.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(best_for_device() if choice == "auto" else choice)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def best_for_device() -> str:
    """Returns the dtype policy that the first GPU runs fastest, `float32` without one."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return "float32"
    capability = tf.config.experimental.get_device_details(devices[0]).get("compute_capability", (0, 0))
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) else "float32"
