"""Objectives: what training minimises, per row, so that weights and averages stay exact."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops


@dataclasses.dataclass(frozen=True)
class Objective:
    """A loss in two forms.

    Attributes:
        train: `(targets, outputs) -> (batch,)`, what the gradient follows.
        valid: The same without what only helps training, such as label smoothing.
    """

    train: Callable
    valid: Callable


def classification(classes: int, *, label_smoothing: float = 0.0) -> Objective:
    """Cross-entropy of targets `(batch,)` against logits `(batch, classes)`.

    Args:
        classes: Number of classes.
        label_smoothing: Share of the target spread evenly over all classes while training
            (Szegedy et al. 2016, section 7, https://arxiv.org/abs/1512.00567).
    """

    def smoothed(targets, logits):
        one_hot = ops.one_hot(targets, classes, dtype=logits.dtype)
        spread = one_hot * (1 - label_smoothing) + label_smoothing / classes
        return ops.categorical_crossentropy(spread, logits, from_logits=True)

    def plain(targets, logits):
        return ops.sparse_categorical_crossentropy(targets, logits, from_logits=True)

    return Objective(train=smoothed if label_smoothing else plain, valid=plain)


def given_losses() -> Objective:
    """What the model gives is the loss of each row already."""

    def given(targets, losses):
        return losses

    return Objective(train=given, valid=given)


class RowLoss(keras.losses.Loss):
    """A per-row function as a Keras loss, averaged over the weight of the rows.

    Rows that only fill up a batch weigh 0 and so change nothing.
    """

    def __init__(self, function: Callable):
        super().__init__(name="loss", reduction="mean_with_sample_weight")
        self.function = function

    def __call__(self, y_true, y_pred, sample_weight=None):
        # Without the mask of their steps that outputs may carry, which Keras would apply to rows.
        return super().__call__(y_true, keras.tree.map_structure(tf.identity, y_pred), sample_weight)

    def call(self, targets, outputs):
        return self.function(targets, outputs)
