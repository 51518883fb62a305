"""Listening: a core -> the model that is trained in its place, whose states go on from one window to the next."""

import keras
import tensorflow as tf

from rnnkit.polyphony.core import taken_apart
from rnnkit.training.kept_states import KeptStates


class Listening(keras.Model):
    """Reads windows of pieces and gives what is lost on each row: truncated back-propagation with carried states.

    Training and validation have states of their own; they begin at 0 where `begin` is 1.

    Args:
        core: As `build_roll_model` builds it.
        rows: Rows of a batch, in training and in validation.

    Call arguments:
        features: As `FrameBatches.batch` deals them.

    Returns:
        `(batch,)`, the mean of each row's frames, in nats.
    """

    def __init__(self, core: keras.Model, rows: tuple[int, int]):
        super().__init__(name="listening")
        self.core, self.apart = core, taken_apart(core)
        self.states = KeptStates(self, self.apart.sizes, rows)
        self.built = True

    def call(self, features, training=False):
        states = self.states.before(features["begin"], training)
        conditions, after = self.apart.read(features["frames"], states, training=training)
        self.states.keep(after, training)
        losses = self.apart.head.losses_of(conditions, features["target"]) * features["real"]
        return tf.reduce_sum(losses, 1) / tf.maximum(tf.reduce_sum(features["real"], 1), 1.0)


def listening(core: keras.Model, train, valid, settings) -> Listening:
    """Makes the model that is trained in the core's place; as `Recipe.trained` says."""
    return Listening(core, (train.columns, valid.columns))
