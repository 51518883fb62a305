"""Features: raw rolls, padded with NaN -> what sounds, and which frames there are."""

import keras
import numpy as np
import tensorflow as tf


def read_roll(roll, pitches: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Reads raw rolls.

    Args:
        roll: `(batch, frames, pitches)` float32; a pitch sounds where it is above 0; NaN is silence, and frames of
            nothing but NaN at the end of a row only pad it. Rows without any frame may come without pitches.
        pitches: Number of them.

    Returns:
        What sounds, `(batch, frames, pitches)` float32, 1 or 0; and `(batch, frames)` float32, 1 where a frame is.
    """
    shape = tf.shape(roll)
    roll = tf.reshape(roll, [shape[0], shape[1], pitches])
    told = tf.reduce_any(~tf.math.is_nan(roll), 2)
    # A frame is one if it or a later one says anything.
    later = tf.cumsum(tf.cast(told, tf.int32), 1, reverse=True)
    return tf.cast(roll > 0, tf.float32), tf.cast(later > 0, tf.float32)


@keras.saving.register_keras_serializable(package="rnnkit")
class RollReading(keras.layers.Layer):
    """Reads raw rolls `(batch, frames, pitches)`, as `read_roll` does.

    Args:
        pitches: Number of them.
        lowest: The first.
        frame: Ticks of a frame; kept with the model, for whoever writes notes.
    """

    def __init__(self, pitches: int, lowest: int, frame: int, **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.pitches, self.lowest, self.frame = pitches, lowest, frame
        self.built = True

    def call(self, roll):
        return read_roll(roll, self.pitches)

    def compute_output_spec(self, roll):
        return keras.KerasTensor(roll.shape, "float32"), keras.KerasTensor(roll.shape[:2], "float32")

    def get_config(self):
        return {**super().get_config(), "pitches": self.pitches, "lowest": self.lowest, "frame": self.frame}


def roll_features(pitches: int, lowest: int, frame: int) -> keras.Model:
    """Returns the model from `roll (batch, frames, pitches)` to `frames`, what sounds, and `real (batch, frames)`."""
    raw = keras.Input((None, pitches), dtype="float32", name="roll")
    frames, real = RollReading(pitches, lowest, frame, name="reading")(raw)
    return keras.Model({"roll": raw}, {"frames": frames, "real": real}, name="features")


def roll_target(pitches: int) -> keras.Model:
    """Returns the model from the raw target, the roll itself, to what is foretold."""
    raw = keras.Input((None, pitches), dtype="float32", name="target")
    return keras.Model(raw, keras.layers.Identity()(raw), name="target")


def before(frames):
    """Returns what sounded in the frame before each, of arrays or tensors `(batch, frames, pitches)`; first silence."""
    padding = [[0, 0], [1, 0], [0, 0]]
    return (np.pad if isinstance(frames, np.ndarray) else tf.pad)(frames, padding)[:, :-1]
