"""Pooling over time: one output per step -> one vector, padding left out."""

import keras
from keras import ops


def pool(x, *, by, bidirectional=True, units=64, name="pooling"):
    """Reduces a sequence to one vector.

    Args:
        x: `(batch, time, features)` with its Keras mask, if any.
        by: Keys of `POOLINGS` joined by `+`, such as `attention+max`; their results are joined.
        bidirectional: Whether the halves of the features come from two directions, for `last`.
        units: Size of the attention's inner layer.
        name: Start of the layers' names; the attention's layer is called `<name>_attention`.

    Returns:
        `(batch, features * number of keys)`. A row that is all padding gives zeros.

    Raises:
        ValueError: `by` holds an unknown key.
    """
    check_pooling(by)
    results = []
    for kind in by.split("+"):
        if kind == "attention":
            results.append(AdditiveAttentionPooling(units, name=f"{name}_attention")(x)[0])
        elif kind == "last":
            results.append(LastStep(bidirectional, name=f"{name}_last")(x))
        else:
            results.append(POOLINGS[kind](name=f"{name}_{kind}")(x))
    return results[0] if len(results) == 1 else keras.layers.Concatenate(name=name)(results)


def check_pooling(by: str) -> None:
    """Raises ValueError unless `by` is made of known poolings, each once."""
    kinds = by.split("+")
    if set(kinds) - POOLINGS.keys() or len(set(kinds)) < len(kinds):
        raise ValueError(f"pooling must be of {', '.join(POOLINGS)}, joined by '+', each once. Got {by!r}.")


class _Pooling(keras.layers.Layer):
    """Base: hands `(batch, time, 1)` reality, 1.0 or 0.0, to `reduce`, and lets no mask out."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        # Not [..., None], which TFLite has no op for where neither batch nor time is known.
        real = ops.ones_like(x[..., :1]) if mask is None else ops.expand_dims(ops.cast(mask, x.dtype), -1)
        return self.reduce(x, real)

    def compute_mask(self, x, mask=None):
        return None


@keras.saving.register_keras_serializable(package="rnnkit")
class LastStep(_Pooling):
    """Takes each half of the features where its direction has read everything.

    `(batch, time, features) -> (batch, features)`: the first half at the last real step, the
    second half at the first real step, as the two directions of a bidirectional layer end.
    For one direction set `bidirectional=False`: all features at the last real step.
    """

    def __init__(self, bidirectional=True, **kwargs):
        super().__init__(**kwargs)
        self.bidirectional = bidirectional

    def reduce(self, x, real):
        after = ops.cumsum(real[:, ::-1], axis=1)[:, ::-1]
        last = ops.sum(x * real * ops.cast(after == 1, x.dtype), axis=1)
        if not self.bidirectional:
            return last
        before = ops.cumsum(real, axis=1)
        first = ops.sum(x * real * ops.cast(before == 1, x.dtype), axis=1)
        half = x.shape[-1] // 2
        return ops.concatenate([last[:, :half], first[:, half:]], axis=-1)

    def get_config(self):
        return {**super().get_config(), "bidirectional": self.bidirectional}


@keras.saving.register_keras_serializable(package="rnnkit")
class MeanOverTime(_Pooling):
    """Averages the real steps: `(batch, time, features) -> (batch, features)`."""

    def reduce(self, x, real):
        return ops.sum(x * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1)


@keras.saving.register_keras_serializable(package="rnnkit")
class MaxOverTime(_Pooling):
    """Takes each feature's largest real value: `(batch, time, features) -> (batch, features)`."""

    def reduce(self, x, real):
        # The lowest finite number rather than -inf, whose gradient is NaN times zero.
        lowest = -6e4 if x.dtype == "float16" else -1e30
        highest = ops.max(ops.where(real > 0, x, ops.full_like(x, lowest)), axis=1)
        return ops.where(ops.any(real > 0, axis=1), highest, ops.zeros_like(highest))


@keras.saving.register_keras_serializable(package="rnnkit")
class AdditiveAttentionPooling(_Pooling):
    """Averages the steps, weighted by how much each says.

    weight = softmax(score . tanh(kernel x + bias)) over the real steps.

    Call arguments:
        x: `(batch, time, features)`, with its mask.

    Returns:
        The average `(batch, features)` and the weights `(batch, time)`; each row of weights
        sums to 1 and is 0 where masked, or is all 0 where nothing is real.

    Yang et al. (2016), eq. 5-7, https://aclanthology.org/N16-1174.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.score = self.add_weight(shape=(self.units, 1), name="score")

    def reduce(self, x, real):
        scores = ops.matmul(ops.tanh(ops.matmul(x, self.kernel) + self.bias), self.score)
        # Softmax by hand: with every step masked it must give zeros, not 1 / time.
        highest = ops.max(ops.where(real > 0, scores, ops.full_like(scores, -6e4)), axis=1, keepdims=True)
        weights = ops.exp(ops.minimum(scores - ops.stop_gradient(highest), 0)) * real
        weights = weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-6)
        return ops.sum(x * weights, axis=1), weights[..., 0]

    def compute_mask(self, x, mask=None):
        return [None, None]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


POOLINGS = {"last": LastStep, "mean": MeanOverTime, "max": MaxOverTime, "attention": AdditiveAttentionPooling}
