"""Objective of what is written unit by unit: cross-entropy of each, averaged over the real ones of a row."""

import tensorflow as tf

from rnnkit.training.objectives import Objective


def writing(*, label_smoothing: float = 0.0) -> Objective:
    """Cross-entropy of targets `(batch, steps)`, 0 where padded, against logits `(batch, steps, vocabulary)`.

    A row's loss is the mean over its units; weighed by their number, as `PairBatches` does, a batch's is the mean
    over all of its units.

    Args:
        label_smoothing: Share of each target spread evenly over all units while training
            (Szegedy et al. 2016, section 7, https://arxiv.org/abs/1512.00567).
    """

    def loss(targets, logits, smoothing):
        targets = tf.cast(targets, tf.int32)
        return mean_cross_entropy(targets, logits, targets > 0, smoothing)

    return Objective(
        train=lambda targets, logits: loss(targets, logits, label_smoothing),
        valid=lambda targets, logits: loss(targets, logits, 0.0),
    )


def mean_cross_entropy(targets, logits, real, label_smoothing: float = 0.0):
    """Returns the mean cross-entropy of each row's real units, `(batch,)`; 0 for a row without any.

    Args:
        targets: `(batch, steps)` int32, from 0; any that there is where a unit isn't real.
        logits: `(batch, steps, classes)`.
        real: `(batch, steps)` booleans.
        label_smoothing: As for `writing`.
    """
    # One kernel with its own gradient: no table of targets, no second pass over the vocabulary.
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    if label_smoothing:
        # The mean over all units of -log p, less that of the target: only the logits differ.
        of_target = tf.gather(logits, targets, batch_dims=2)
        losses += label_smoothing * (of_target - tf.reduce_mean(logits, -1))
    real = tf.cast(real, logits.dtype)
    return tf.reduce_sum(losses * real, 1) / tf.maximum(tf.reduce_sum(real, 1), 1)
