"""Watching: a core -> the model that is trained in its place, whose states go on from one window to the next."""

import keras
import tensorflow as tf

from rnnkit.detecting.core import EXPECTING, taken_apart
from rnnkit.training.kept_states import KeptStates

FREEDOM = 4.0
"""Degrees of freedom of Student's t distribution: its tails are heavy, so that strange rows of train weigh less."""


class Watching(keras.Model):
    """Reads windows of rows and gives what is lost on each: how unlikely a row was, how badly it was rebuilt.

    Training and validation have states of their own; they begin at 0 where `begin` is 1.

    Args:
        core: As `build_detector` builds it.
        rows: Rows of a batch, in training and in validation.
        head: `gaussian` or `student_t`.

    Call arguments:
        features: As `RowBatches.batch` deals them.

    Returns:
        `(batch,)`, the mean over a row's steps: negative log likelihood, and the squared error of what is rebuilt.
    """

    def __init__(self, core: keras.Model, rows: tuple[int, int], head: str):
        super().__init__(name="watching")
        self.core, self.head, self.apart = core, head, taken_apart(core)
        self.states = KeptStates(self, self.apart.sizes, rows)
        self.built = True

    def call(self, features, training=False):
        losses = 0.0
        if self.apart.expecting is not None:
            losses += self._unexpected(features, training)
        if self.apart.rebuilding is not None:
            values, known = features["values"], features["known"]
            rebuilt = self.apart.rebuild(values, known, training=training)
            losses += _mean(tf.square(rebuilt - values), known, (1, 2))
        return losses

    def _unexpected(self, features, training):
        inputs = {name: features[name] for name in EXPECTING}
        before = self.states.before(features["begin"], training)
        expected, after = self.apart.expect(inputs, before, training=training)
        self.states.keep(after, training)
        away = features["target"] - features["before"][:, :, None]
        return _mean(unlikeliness(away, expected, self.head), features["target_known"], (1, 2, 3))


def unlikeliness(values, expected, head):
    """Returns the negative log likelihood of values `(…)` by mean and spread `(…, 2)`, but for a constant."""
    mean, spread = expected[..., 0], expected[..., 1]
    squares = tf.square((values - mean) / spread)
    if head == "gaussian":
        return tf.math.log(spread) + 0.5 * squares
    return tf.math.log(spread) + 0.5 * (FREEDOM + 1) * tf.math.log1p(squares / FREEDOM)


def _mean(losses, known, axes):
    return tf.reduce_sum(losses * known, axes) / tf.maximum(tf.reduce_sum(known, axes), 1.0)


def watching(core: keras.Model, train, valid, settings) -> Watching:
    """Makes the model that is trained in the core's place; as `Recipe.trained` says."""
    return Watching(core, (train.columns, valid.columns), settings.head)
