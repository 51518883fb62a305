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

    def of_units(targets, logits):
        targets = tf.cast(targets, tf.int32)
        # One kernel with its own gradient: no table of targets, no second pass over the vocabulary.
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return targets, losses, tf.cast(targets > 0, logits.dtype)

    def plain(targets, logits):
        _, losses, real = of_units(targets, logits)
        return _mean(losses, real)

    def smoothed(targets, logits):
        targets, losses, real = of_units(targets, logits)
        # The mean over all units of -log p, less that of the target: only the logits differ.
        of_target = tf.gather(logits, targets, batch_dims=2)
        losses += label_smoothing * (of_target - tf.reduce_mean(logits, -1))
        return _mean(losses, real)

    return Objective(train=smoothed if label_smoothing else plain, valid=plain)


def _mean(losses, real):
    return tf.reduce_sum(losses * real, 1) / tf.maximum(tf.reduce_sum(real, 1), 1)
