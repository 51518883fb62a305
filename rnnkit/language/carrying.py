"""Carrying: a core -> the model that is trained in its place, whose states go on from one batch to the next."""

import keras
import tensorflow as tf

from rnnkit.language.core import taken_apart
from rnnkit.training.kept_states import KeptStates


class Carrying(keras.Model):
    """Reads windows of a text and gives what is lost on each row: truncated back-propagation with carried states.

    Training and validation have states of their own, so that neither disturbs the other. States begin at 0 where a
    row's `begin` is 1. Mikolov et al. (2010), https://www.isca-archive.org/interspeech_2010/mikolov10_interspeech.html.

    Args:
        core: As `build_language_model` builds it.
        rows: Rows of a batch, in training and in validation.
        window: Tokens of a usual window; a row's loss counts as its length to that (Merity et al. 2017, section 5,
            scale the step size by it).

    Call arguments:
        features: `ids`, `target (batch, time)`, `begin (batch,)`.

    Returns:
        `(batch,)`, the mean loss of each row's targets, in nats.
    """

    def __init__(self, core: keras.Model, rows: tuple[int, int], window: int):
        super().__init__(name="carrying")
        self.core, self.window = core, window
        self.apart = taken_apart(core)
        self.states = KeptStates(self, self.apart.sizes, rows)
        self.built = True

    def call(self, features, training=False):
        before = self.states.before(features["begin"], training)
        read, after = self.apart.read(features["ids"], before, training=training)
        self.states.keep(after, training)
        targets, head = features["target"], self.apart.head
        losses = (head.training_losses if training else head.losses_of)(read, targets)
        real = tf.math.count_nonzero(targets, 1, dtype=losses.dtype)
        mean = tf.reduce_sum(losses, 1) / tf.maximum(real, 1)
        return mean * (tf.cast(tf.shape(targets)[1], mean.dtype) / self.window) if training else mean


def carrying(core: keras.Model, train, valid, settings) -> Carrying:
    """Makes the model that is trained in the core's place; as `Recipe.trained` says."""
    return Carrying(core, (train.columns, valid.columns), settings.window)
