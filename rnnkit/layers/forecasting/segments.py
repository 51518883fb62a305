"""Segments: a window in pieces -> one recurrent step for each -> all pieces of the horizon at once (SegRNN)."""

import keras
import tensorflow as tf

from rnnkit.layers.stack import CELLS, PARALLEL_CELLS


@keras.saving.register_keras_serializable(package="rnnkit")
class SegmentForecast(keras.layers.Layer):
    """Reads a window in segments and decodes all segments of the horizon in parallel.

    Each target goes its own way through the same weights. Window steps are cut into segments of
    `segment` steps, the earliest left out where they don't fill one; a dense layer with relu embeds each; a
    recurrent layer reads them; from its last state one more step, by the same weights, gives each segment of
    the horizon: its input is a learnt vector for the segment's place and one for the target.

    Args:
        horizon: Steps forecast.
        results: Numbers per step and target.
        segment: Steps in a segment.
        cell: Key of `rnnkit.layers.stack.CELLS` or `PARALLEL_CELLS`.
        units: Size of the state; even.
        depth: Recurrent layers, each over the states of the one below.
        dropout: Share of the last state dropped before the results.
        settings: Further arguments of the recurrent layers, such as `weight_dropout`.

    Call arguments:
        values: `(batch, window, targets)`, normalised.
        past: `(batch, window, features)` of the same steps, such as calendar and covariates; or None.
        future: `(batch, horizon, features)`; or None.
        fixed: `(batch, features)` of the row; or None.

    Returns:
        `(batch, horizon, targets, results)`.

    Lin et al. (2023), https://arxiv.org/abs/2308.11200; there without features, which come in here through a
    dense layer over a segment's steps, added to the segment's embedding.
    """

    def __init__(
        self,
        horizon,
        results,
        *,
        segment=48,
        cell="gru",
        units=512,
        depth=1,
        dropout=0.5,
        settings=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_segments(segment, cell, units, depth)
        self.horizon, self.results, self.segment, self.cell = horizon, results, segment, cell
        self.units, self.depth, self.share, self.settings = units, depth, dropout, dict(settings or {})
        self.embed = keras.layers.Dense(units, activation="relu", name="embed")
        kind = (CELLS | PARALLEL_CELLS)[cell]
        self.recurrent = [
            kind(units, return_sequences=level < depth, return_state=True, name=f"{level}_{cell}", **self.settings)
            for level in range(1, depth + 1)
        ]
        self.dropping = keras.layers.Dropout(dropout, name="dropout")
        self.predict = keras.layers.Dense(segment * results, name="predict")
        self.joined = {
            name: keras.layers.Dense(units, use_bias=False, name=name) for name in ("past", "future", "fixed")
        }
        self.pieces = -(-horizon // segment)

    def build(self, values_shape, past_shape=None, future_shape=None, fixed_shape=None):
        self.embed.build((None, self.segment))
        for layer in self.recurrent:
            layer.build((None, None, self.units))
        self.predict.build((None, self.units))
        for name, shape in {"past": past_shape, "future": future_shape}.items():
            if shape is not None:
                self.joined[name].build((None, self.segment * shape[-1]))
        if fixed_shape is not None:
            self.joined["fixed"].build(fixed_shape)
        normal = keras.initializers.RandomNormal(stddev=1.0)
        half = self.units // 2
        self.places = self.add_weight(shape=(self.pieces, half), initializer=normal, name="places")
        self.targets = self.add_weight(shape=(values_shape[-1], self.units - half), initializer=normal, name="targets")

    def call(self, values, past=None, future=None, fixed=None, training=False):
        targets = values.shape[-1]
        fixed = None if fixed is None else self.joined["fixed"](fixed)[:, None]
        x = self._read(values, self._features("past", past, fixed))
        states = []
        for layer in self.recurrent:
            x, *last = layer(x, training=training)
            states.append(last)
        x = self._starts(targets, self._features("future", future, fixed))
        for layer, last in zip(self.recurrent, states, strict=True):
            x = self._step(layer, x, last, targets)
        x = self.predict(self.dropping(tf.reshape(x, [-1, self.units]), training=training))
        x = tf.reshape(x, [-1, targets, self.pieces * self.segment, self.results])[:, :, : self.horizon]
        return tf.transpose(x, [0, 2, 1, 3])

    def _read(self, values, features):
        """Embeds the segments: `(batch * targets, segments, units)`."""
        targets = values.shape[-1]
        x = tf.reshape(self._cut(tf.transpose(values, [0, 2, 1]), 2), [-1, self.segment])
        x = self.embed(x) if features is None else self.embed.bias + tf.matmul(x, self.embed.kernel)
        count = max(values.shape[1] // self.segment, 1)
        if features is not None:
            x = tf.reshape(x, [-1, targets, count, self.units]) + features[:, None]
            x = tf.nn.relu(x)
        return tf.reshape(x, [-1, count, self.units])

    def _cut(self, x, axis):
        """Leaves the earliest steps out that fill no segment; a window below one is filled up with 0."""
        time = x.shape[axis]
        if time < self.segment:
            pads = [[0, 0]] * len(x.shape)
            return tf.pad(x, [*pads[:axis], [self.segment - time, 0], *pads[axis + 1 :]])
        over = time % self.segment
        return x[:, over:] if axis == 1 else x[:, :, over:]

    def _features(self, name, x, fixed):
        """Gives the features' share in each segment, `(batch, segments, units)`, or None."""
        if x is None:
            return fixed
        if name == "past":
            x = self._cut(x, 1)
        else:
            x = tf.pad(x, [[0, 0], [0, self.pieces * self.segment - self.horizon], [0, 0]])
        width = self.segment * x.shape[-1]
        count = x.shape[1] // self.segment
        x = tf.reshape(self.joined[name](tf.reshape(x, [-1, width])), [-1, count, self.units])
        return x if fixed is None else x + fixed

    def _starts(self, targets, features):
        """Gives the inputs of the horizon's segments, `(batch or 1, targets, segments, units)`."""
        places = tf.tile(tf.cast(self.places, self.compute_dtype)[None], [targets, 1, 1])
        channels = tf.tile(tf.cast(self.targets, self.compute_dtype)[:, None], [1, self.pieces, 1])
        x = tf.concat([places, channels], -1)[None]
        return x if features is None else x + features[:, None]

    def _step(self, layer, x, states, targets):
        """Does one step for each segment of the horizon from the same state: `(batch, targets, segments, units)`."""
        if self.cell == "gru" and layer.cell.reset_after:
            return self._gru(layer.cell, x, states[0], targets)
        if x.shape[0] == 1:
            x = x + tf.zeros_like(tf.reshape(states[0][:, :1], [-1, targets, 1, 1]))
        rows = tf.reshape(x, [-1, 1, self.units])
        states = [tf.reshape(tf.repeat(state, self.pieces, 0), [-1, state.shape[-1]]) for state in states]
        output, *_ = layer(rows, initial_state=states)
        return tf.reshape(output, [-1, targets, self.pieces, self.units])

    def _gru(self, cell, x, state, targets):
        # The state's product is the same for all segments: one matmul for them all.
        kernel, recurrent_kernel = (tf.cast(k, self.compute_dtype) for k in (cell.kernel, cell.recurrent_kernel))
        bias = tf.cast(cell.bias, self.compute_dtype)
        state = tf.cast(state, self.compute_dtype)
        new = tf.matmul(tf.reshape(x, [-1, self.units]), kernel) + bias[0]
        new = tf.reshape(new, [-1, targets, self.pieces, 3 * self.units])
        old = tf.reshape(tf.matmul(state, recurrent_kernel) + bias[1], [-1, targets, 1, 3 * self.units])
        state, gates = tf.reshape(state, [-1, targets, 1, self.units]), 2 * self.units
        update, reset = tf.split(tf.sigmoid(new[..., :gates] + old[..., :gates]), 2, -1)
        candidate = tf.tanh(new[..., gates:] + reset * old[..., gates:])
        return candidate + update * (state - candidate)

    def compute_output_spec(self, values, past=None, future=None, fixed=None, training=False):
        shape = (values.shape[0], self.horizon, values.shape[-1], self.results)
        return keras.KerasTensor(shape, self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in ("horizon", "results", "segment", "cell", "units", "depth")},
            "dropout": self.share,
            "settings": self.settings,
        }


def check_segments(segment: int, cell: str, units: int, depth: int) -> None:
    """Raises ValueError for sizes that no segment decoder has."""
    if cell not in CELLS | PARALLEL_CELLS:
        raise ValueError(f"cell must be one of {', '.join(CELLS | PARALLEL_CELLS)}. Got {cell!r}.")
    for name, value, least in (("segment", segment, 1), ("units", units, 2), ("depth", depth, 1)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}. Got {value}.")
