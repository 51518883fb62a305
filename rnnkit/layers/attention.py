"""Attention: a query, or several, against keys -> weights of the steps that are real -> a mean of the values."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="rnnkit")
class AdditiveScore(keras.layers.Layer):
    """Scores by a small network: score . tanh(query W + key U).

    Bahdanau, Cho & Bengio (2015), section A.1.2, https://arxiv.org/abs/1409.0473.

    Args:
        units: Size of the network's inner layer.

    Call arguments:
        query: `(batch, queries, features)`.
        keys: `(batch, time, units)`, from `project`, once for all queries.

    Returns:
        `(batch, queries, time)`.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, query_shape, keys_shape):
        self.query_kernel = self.add_weight(shape=(query_shape[-1], self.units), name="query_kernel")
        self.key_kernel = self.add_weight(shape=(keys_shape[-1], self.units), name="key_kernel")
        self.score = self.add_weight(shape=(self.units, 1), name="score")

    def project(self, values):
        """Gives the keys of values `(batch, time, features)`."""
        return times(values, tf.cast(self.key_kernel, values.dtype))

    def call(self, query, keys):
        inner = tf.tanh(times(query, self.query_kernel)[:, :, None] + keys[:, None])
        return tf.squeeze(times(inner, self.score), -1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="rnnkit")
class MultiplicativeScore(keras.layers.Layer):
    """Scores by a product: query . (key W), over the square root of the query's size.

    Luong, Pham & Manning (2015), eq. 8, `general`, https://arxiv.org/abs/1508.04025; the root is
    from Vaswani et al. (2017), section 3.2.1.

    Call arguments:
        query: `(batch, queries, features)`.
        keys: `(batch, time, features)`, from `project`, once for all queries.

    Returns:
        `(batch, queries, time)`.
    """

    def build(self, query_shape, keys_shape):
        self.key_kernel = self.add_weight(shape=(keys_shape[-1], query_shape[-1]), name="key_kernel")

    def project(self, values):
        """Gives the keys of values `(batch, time, features)`."""
        return times(values, tf.cast(self.key_kernel, values.dtype))

    def call(self, query, keys):
        return tf.matmul(query, keys, transpose_b=True) * query.shape[-1] ** -0.5


def times(x, kernel):
    """Multiplies the last axis of `x` by a matrix, in one product whatever the axes before."""
    flat = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel)
    sizes = [size if size is not None else tf.shape(x)[place] for place, size in enumerate(x.shape[:-1])]
    return tf.reshape(flat, [*sizes, kernel.shape[-1]])


SCORES = {"additive": AdditiveScore, "multiplicative": MultiplicativeScore}


def attend(scores, values, mask=None):
    """Averages values by the softmax of scores over the real steps.

    Args:
        scores: `(batch, queries, time)`.
        values: `(batch, time, features)`.
        mask: `(batch, time)`, True where a step is real; None for all.

    Returns:
        Contexts `(batch, queries, features)` and weights `(batch, queries, time)`; each row of weights sums to 1
        and is 0 where masked, or is all 0 where nothing is real.
    """
    if mask is None:
        weights = tf.nn.softmax(scores, -1)
        return tf.matmul(weights, values), weights
    real = tf.cast(mask, scores.dtype)[:, None]
    # Softmax by hand: with every step masked it must give zeros, not 1 / time.
    highest = tf.reduce_max(tf.where(real > 0, scores, tf.fill(tf.shape(scores), -6e4)), -1, keepdims=True)
    weights = tf.exp(tf.minimum(scores - tf.stop_gradient(highest), 0)) * real
    weights = weights / tf.maximum(tf.reduce_sum(weights, -1, keepdims=True), 1e-6)
    return tf.matmul(weights, values), weights


@keras.saving.register_keras_serializable(package="rnnkit")
class Attention(keras.layers.Layer):
    """Looks up a mean of `values` for each query.

    Args:
        score: Key of `SCORES`.
        units: Size of the additive score's inner layer.

    Call arguments:
        query: `(batch, features)`, or `(batch, queries, features)`.
        values: `(batch, time, features)`.
        mask: `(batch, time)`, True where a step is real; None for all.
        keys: What `project(values)` gave, where it is called step by step; else it's computed.

    Returns:
        Contexts and weights, as `attend`; without the axis of queries where `query` has none.

    Raises:
        ValueError: Unknown score.
    """

    def __init__(self, score="additive", units=64, **kwargs):
        super().__init__(**kwargs)
        check_score(score)
        self.score, self.units = score, units
        self.scoring = AdditiveScore(units, name="score") if score == "additive" else MultiplicativeScore(name="score")

    def build(self, query_shape, values_shape, mask_shape=None, keys_shape=None):
        self.scoring.build(query_shape, values_shape)

    def project(self, values):
        """Gives the keys of values `(batch, time, features)`, for use at every step."""
        return self.scoring.project(values)

    def call(self, query, values, mask=None, keys=None):
        keys = self.project(values) if keys is None else keys
        if len(query.shape) == 3:
            return attend(self.scoring(query, keys), values, mask)
        context, weights = attend(self.scoring(query[:, None], keys), values, mask)
        return context[:, 0], weights[:, 0]

    def compute_output_spec(self, query, values, mask=None, keys=None):
        shape = query.shape[:-1]
        sizes = (*shape, values.shape[-1]), (*shape, values.shape[1])
        return tuple(keras.KerasTensor(size, self.compute_dtype) for size in sizes)

    def get_config(self):
        return {**super().get_config(), "score": self.score, "units": self.units}


def check_score(score: str) -> None:
    """Raises ValueError for an unknown score."""
    if score not in SCORES:
        raise ValueError(f"attention must be one of {', '.join(SCORES)}. Got {score!r}.")
