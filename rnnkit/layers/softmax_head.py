"""Softmax head: hidden (batch, time, features) -> logits of the next id (batch, time, vocabulary), and their losses.

Training asks it for losses rather than for logits: those of many ids are large, and need not all be computed.
"""

import keras
import tensorflow as tf

from rnnkit.layers.adaptive_softmax import AdaptiveSoftmax, cutoffs_of
from rnnkit.layers.cross_entropy import cross_entropy, drawn_ids, logits_of, sampled_cross_entropy

KINDS = ("full", "sampled", "adaptive")


@keras.saving.register_keras_serializable(package="rnnkit")
class SoftmaxHead(keras.layers.Layer):
    """Scores every id as the one that comes next, by one of three ways to learn that.

    Args:
        vocabulary: Number of ids; 0 is padding.
        kind: `full`, a softmax over all ids; `sampled`, the same layer, trained on the target and some drawn ids
            (Jean et al. 2015, https://arxiv.org/abs/1412.2007); `adaptive`, seldom ids in clusters (`AdaptiveSoftmax`).
            The last two want ids sorted by frequency.
        tied: Whether the vectors of the ids are given, those of the inputs (Press & Wolf 2017,
            https://arxiv.org/abs/1608.05859). Features of another number than theirs are projected first, without bias.
        samples: For `sampled`, ids drawn at each training step, for all positions.
        cutoffs: For `adaptive`, ids below the first are in the head, the others in clusters up to the next;
            empty for about 10 and 40 % of the vocabulary.
        division: For `adaptive`, by how much a cluster has fewer features than the one before.
        kernel_initializer: Of all matrices.
        seed: Of the draws.

    Call arguments:
        hidden: `(…, features)`, or if tied `[hidden, table]`, the table `(vocabulary, units)` as `TableEmbedding` gives
            it. Leading axes are usually batch and time.

    Returns:
        Logits `(…, vocabulary)`, float32 whatever the precision; of `adaptive` they are log-probabilities.

    Raises:
        ValueError: A value out of range, a table that doesn't fit, or a tied adaptive softmax.
    """

    def __init__(
        self,
        vocabulary,
        *,
        kind="full",
        tied=False,
        samples=512,
        cutoffs=(),
        division=4.0,
        kernel_initializer="glorot_uniform",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        _check(vocabulary, kind, tied, samples, division)
        self.supports_masking = True
        self.vocabulary, self.kind, self.tied, self.samples = vocabulary, kind, tied, samples
        self.cutoffs = cutoffs_of(vocabulary, cutoffs) if kind == "adaptive" else tuple(cutoffs)
        self.division, self.seed = division, seed
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        if kind == "sampled":
            self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, shape):
        hidden, table = shape if self.tied else (shape, None)
        features = hidden[-1]
        if self.kind == "adaptive":
            named = {"division": self.division, "kernel_initializer": self.kernel_initializer, "name": "adaptive"}
            self.adaptive = AdaptiveSoftmax(self.vocabulary, self.cutoffs, dtype=self.dtype_policy, **named)
            self.adaptive.build((None, features))
            return
        self.bias = self.add_weight(shape=(self.vocabulary,), initializer="zeros", dtype="float32", name="bias")
        self.projection = None
        if not self.tied:
            # A row per id, as in a table of inputs: a sampled softmax looks rows up.
            self.kernel = self._matrix((self.vocabulary, features), "kernel")
        elif table[0] != self.vocabulary:
            raise ValueError(f"The table must have a row for each of {self.vocabulary} ids. Got the shape {table}.")
        elif table[1] != features:
            self.projection = self._matrix((features, table[1]), "projection")

    def call(self, inputs):
        hidden = inputs[0] if self.tied else inputs
        if self.kind == "adaptive":
            logits = self.adaptive(self._rows(inputs))
        else:
            logits = logits_of(*self._parts(inputs))
        return _shaped(logits, hidden, self.vocabulary)

    def losses_of(self, inputs, targets):
        """Computes the exact cross-entropy of targets.

        Args:
            inputs: As for a call.
            targets: `(…)` int32, the id that comes next at each position; 0 where there is none.

        Returns:
            `(…)` float32, in nats; 0 where the target is 0.
        """
        flat = _flat(targets)
        if self.kind == "adaptive":
            losses = self.adaptive.losses_of(self._rows(inputs), flat)
        else:
            losses = cross_entropy(*self._parts(inputs), flat)
        return _masked(losses, targets)

    def training_losses(self, inputs, targets):
        """Computes what training lowers: as `losses_of`, but for kind `sampled` among the target and drawn ids."""
        if self.kind != "sampled":
            return self.losses_of(inputs, targets)
        drawn = drawn_ids(self.vocabulary, self.samples, self.seed_generator)
        return _masked(sampled_cross_entropy(*self._parts(inputs), _flat(targets), drawn), targets)

    def compute_mask(self, inputs, mask=None):
        # A loss of positions has no use for a mask of steps: the targets tell which are real.
        return None

    def compute_output_spec(self, inputs):
        hidden = inputs[0] if self.tied else inputs
        return keras.KerasTensor((*hidden.shape[:-1], self.vocabulary), "float32")

    def get_config(self):
        names = ("vocabulary", "kind", "tied", "samples", "division", "seed")
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "cutoffs": list(self.cutoffs),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def _matrix(self, shape, name):
        return self.add_weight(shape=shape, initializer=self.kernel_initializer, name=name)

    def _rows(self, inputs):
        hidden = tf.cast(inputs[0] if self.tied else inputs, self.compute_dtype)
        # In two axes: TensorFlow multiplies a batch of matrices more slowly than one.
        return tf.reshape(hidden, [-1, hidden.shape[-1]])

    def _parts(self, inputs):
        """Gives `(rows, units)`, `(vocabulary, units)` and the bias."""
        x = self._rows(inputs)
        table = tf.cast(inputs[1] if self.tied else self.kernel, self.compute_dtype)
        if self.projection is not None:
            x = tf.matmul(x, tf.cast(self.projection, self.compute_dtype))
        return x, table, tf.cast(self.bias, tf.float32)


def _check(vocabulary, kind, tied, samples, division):
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}. Got {kind!r}.")
    if vocabulary < 1:
        raise ValueError(f"vocabulary must be at least 1. Got {vocabulary}.")
    if kind == "adaptive" and tied:
        raise ValueError(
            "An adaptive softmax can't be tied: its clusters have fewer features. Take kind full or sampled."
        )
    if kind == "adaptive" and division < 1:
        raise ValueError(f"division must be at least 1. Got {division}.")
    if kind == "sampled" and not 1 <= samples < vocabulary:
        raise ValueError(
            f"samples must be from 1 to less than the vocabulary, {vocabulary}. Got {samples}. "
            "Draw fewer, or take kind full."
        )


def _flat(targets):
    return tf.reshape(tf.cast(targets, tf.int32), [-1])


def _shaped(rows, like, size):
    """Gives rows the leading axes of another tensor."""
    sizes = [tf.shape(like)[axis] if known is None else known for axis, known in enumerate(like.shape[:-1])]
    return tf.reshape(rows, [*sizes, size])


def _masked(losses, targets):
    losses = tf.reshape(losses, tf.shape(targets))
    losses.set_shape(targets.shape)
    return tf.where(tf.not_equal(targets, 0), losses, 0.0)
