"""Adaptive softmax: features -> a head of frequent ids and of clusters -> the ids of each cluster, in fewer features.

Grave et al. (2017), https://arxiv.org/abs/1609.04309; unlike there, every part has a bias.
"""

import itertools

import keras
import tensorflow as tf

from rnnkit.layers.cross_entropy import cross_entropy, logits_of

LEAST = 1_000
"""Ids from which there is something to save, where no cutoffs are given."""
RESERVED = 4
"""Ids that stand for no word, which are in the head however often they occur: padding, unknown, start and end."""


def cutoffs_of(vocabulary, cutoffs=()):
    """Returns where the head and each cluster but the last end; about 10 and 40 % of the ids where none are given.

    Raises:
        ValueError: They don't rise from the reserved ids to the vocabulary, or it is too small to be cut.
    """
    if cutoffs:
        cutoffs = tuple(int(cutoff) for cutoff in cutoffs)
        if any(high <= low for low, high in itertools.pairwise((RESERVED - 1, *cutoffs, vocabulary))):
            raise ValueError(
                f"cutoffs must rise, from {RESERVED} or more to less than the vocabulary, {vocabulary}. Got {cutoffs}."
            )
        return cutoffs
    if vocabulary < LEAST:
        raise ValueError(
            f"An adaptive softmax needs a vocabulary of at least {LEAST:,}. Got {vocabulary}. Take kind full."
        )
    return tuple(int(round(share * vocabulary, -2)) for share in (0.1, 0.4))


@keras.saving.register_keras_serializable(package="rnnkit")
class AdaptiveSoftmax(keras.layers.Layer):
    """Log-probabilities of ids sorted by frequency, `(rows, features) -> (rows, vocabulary)` float32.

    Args:
        vocabulary: Number of ids, more than the last cutoff.
        cutoffs: Rising: ids below the first are in the head, the others in clusters that end before the next one.
        division: Cluster i, from 1, has `features / division**i` features, and at least one.
        kernel_initializer: Of all matrices.
    """

    def __init__(self, vocabulary, cutoffs, *, division=4.0, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.vocabulary, self.cutoffs, self.division = vocabulary, cutoffs_of(vocabulary, cutoffs), division
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, shape):
        def matrix(name, *sizes):
            # A clone: an initializer draws the same numbers again.
            return self.add_weight(shape=sizes, initializer=self.kernel_initializer.clone(), name=name)

        def bias(name, size):
            return self.add_weight(shape=(size,), initializer="zeros", dtype="float32", name=name)

        features, head = shape[-1], self.cutoffs[0] + len(self.cutoffs)
        self.head, self.head_bias = matrix("head", head, features), bias("head_bias", head)
        self.tails = []
        for place, (low, high) in enumerate(self._bounds(), start=1):
            units = max(1, int(features / self.division**place))
            projection = matrix(f"projection_{place}", features, units)
            self.tails.append(
                (projection, matrix(f"tail_{place}", high - low, units), bias(f"bias_{place}", high - low))
            )

    def call(self, x):
        head = tf.nn.log_softmax(logits_of(x, *self._ready(self.head, self.head_bias)))
        first = self.cutoffs[0]
        parts = [head[:, :first]]
        for place, (projection, table, bias) in enumerate(self.tails, start=first):
            narrow = tf.matmul(x, self._cast(projection))
            parts.append(tf.nn.log_softmax(logits_of(narrow, *self._ready(table, bias))) + head[:, place : place + 1])
        return tf.concat(parts, 1)

    def losses_of(self, x, targets):
        """Returns `-log p(target)`, `(rows,)` float32, of `x (rows, features)` and `targets (rows,)` int32.

        Only the clusters of the targets are computed, each for its rows. Their number is found on the way, so that
        XLA can't compile it.
        """
        first = self.cutoffs[0]
        clusters = sum(tf.cast(targets >= cutoff, tf.int32) for cutoff in self.cutoffs)
        in_head = tf.where(clusters == 0, targets, first - 1 + clusters)
        losses = cross_entropy(x, *self._ready(self.head, self.head_bias), in_head)
        for place, ((projection, table, bias), (low, _)) in enumerate(zip(self.tails, self._bounds(), strict=True), 1):
            rows = tf.where(clusters == place)
            narrow = tf.matmul(tf.gather_nd(x, rows), self._cast(projection))
            inside = cross_entropy(narrow, *self._ready(table, bias), tf.gather_nd(targets, rows) - low)
            losses = tf.tensor_scatter_nd_add(losses, rows, inside)
        return losses

    def compute_output_spec(self, x):
        return keras.KerasTensor((*x.shape[:-1], self.vocabulary), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary": self.vocabulary,
            "cutoffs": list(self.cutoffs),
            "division": self.division,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def _bounds(self):
        return list(itertools.pairwise((*self.cutoffs, self.vocabulary)))

    def _cast(self, weight):
        return tf.cast(weight, self.compute_dtype)

    def _ready(self, table, bias):
        return self._cast(table), tf.cast(bias, tf.float32)
