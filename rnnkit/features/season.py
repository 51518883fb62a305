"""Season: seconds -> the place in a day, or in whatever comes again, in steps."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnnkit")
class SeasonPlace(keras.layers.Layer):
    """Says which step of a season a moment is nearest to.

    `seconds (…) int64 -> (…) int32`, from 0 to `season` - 1.

    Args:
        step: Seconds of a step.
        season: Steps of a season; with 1, all places are 0.
    """

    def __init__(self, step, season, **kwargs):
        super().__init__(**kwargs)
        self.step, self.season = int(step), int(season)
        self.built = True

    def call(self, seconds):
        return tf.cast((seconds + self.step // 2) // self.step % self.season, tf.int32)

    def compute_output_spec(self, seconds):
        return keras.KerasTensor(seconds.shape, "int32")

    def get_config(self):
        return {**super().get_config(), "step": self.step, "season": self.season}
