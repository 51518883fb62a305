"""Bar attention: what was read so far, bar by bar -> what followed at like places of bars before."""

import keras
import tensorflow as tf

FORBIDDEN = -1e9
APART = 10_000.0
"""Bars by which one piece is apart from the next."""


@keras.saving.register_keras_serializable(package="rnnkit")
class BarAttention(keras.layers.Layer):
    """Looks back at what followed in the last bars, best where the bar had come as far as now.

    An entry of the memory is an event, kept under what the recurrence held before it: so a query finds what came next
    when it was like this. After the lookback and attention recurrences of Magenta (Waite 2016,
    https://magenta.tensorflow.org/2016/07/15/lookback-rnn-attention-rnn), which see the last steps or one and two bars
    back exactly; here the bars back and the like place are learnt biases of one attention.

    Args:
        units: Of queries, keys and values.
        bars: How many bars are looked back at, this one not among them.
        events: How many events are remembered.

    Call arguments:
        hidden: `(batch, time, features)`, after each event.
        vectors: `(batch, time, vector)`, of each event.
        told: `(batch, time, 5)`, of the clock after each event.
        state: `(batch, size)`, 0 before a piece; `sizes` says what is in it.

    Returns:
        `(batch, time, units)`, 0 where there is nothing to look back at; and the state after.
    """

    def __init__(self, units, bars=8, events=192, **kwargs):
        super().__init__(**kwargs)
        self.units, self.bars, self.events = units, bars, events

    def sizes(self, features: int) -> tuple[int, ...]:
        """Returns the sizes of what is kept: keys and values of events, their places and bars, and the last hidden."""
        return kept_sizes(features, self.units, self.events)

    def build(self, hidden_shape, vectors_shape, *_):
        features, vector = hidden_shape[-1], vectors_shape[-1]
        self.query = self.add_weight(shape=(features, self.units), name="query")
        self.key = self.add_weight(shape=(features, self.units), name="key")
        self.value = self.add_weight(shape=(features + vector, self.units), name="value")
        self.back = self.add_weight(shape=(self.bars,), initializer="zeros", name="back")
        self.alike = self.add_weight(shape=(self.bars,), initializer="ones", name="alike")

    def call(self, hidden, vectors, told, state):
        batch, time, features = tf.shape(hidden)[0], tf.shape(hidden)[1], hidden.shape[-1]
        kept = tf.split(tf.cast(state, hidden.dtype), self.sizes(features), axis=1)
        # Whole numbers up to ten million: they don't fit in half precision, so they stay as they are.
        told = tf.cast(told, tf.float32)
        bars = tf.minimum(told[:, :, 1], APART / 2) + APART * told[:, :, 4]
        places = tf.stack([told[:, :, 0], bars], -1)
        last = tf.split(tf.cast(state, tf.float32), self.sizes(features), axis=1)
        before = tf.concat([kept[3][:, None, :features], hidden[:, :-1]], 1)
        places_before = tf.concat([last[3][:, None, features:], places[:, :-1]], 1)
        keys = _product(before, self.key)
        values = _product(tf.concat([before, vectors], -1), self.value)
        keys = tf.concat([tf.reshape(kept[0], [batch, self.events, self.units]), keys], 1)
        values = tf.concat([tf.reshape(kept[1], [batch, self.events, self.units]), values], 1)
        remembered = tf.concat([tf.reshape(last[2], [batch, self.events, 2]), places_before], 1)
        scores = tf.matmul(_product(hidden, self.query), keys, transpose_b=True) * self.units**-0.5
        scores = tf.cast(scores, tf.float32) + self._biases(places, remembered, time)
        # Nothing at all stands beside the entries, with score 0 and value 0.
        highest = tf.maximum(tf.reduce_max(scores, -1, keepdims=True), 0.0)
        weights = tf.exp(scores - highest)
        weights /= tf.reduce_sum(weights, -1, keepdims=True) + tf.exp(0.0 - highest)
        context = tf.matmul(tf.cast(weights, values.dtype), values)
        ends = [tf.cast(each[:, -self.events :], tf.float32) for each in (keys, values, remembered)]
        flat = [tf.reshape(each, [batch, size]) for each, size in zip(ends, self.sizes(features), strict=False)]
        latest = tf.concat([tf.cast(hidden[:, -1], tf.float32), places[:, -1]], -1)
        return context, tf.concat([*flat, latest], 1)

    def _biases(self, places, remembered, time):
        """Returns what is added to scores `(batch, time, events + time)`: never looked at: later events, far bars."""
        bars_back = tf.round(places[:, :, None, 1] - remembered[:, None, :, 1])
        alike = tf.cast(tf.abs(places[:, :, None, 0] - remembered[:, None, :, 0]) < 0.5, tf.float32)
        # However long the window, no more is seen than what is remembered from one to the next.
        later = tf.range(self.events + time)[None, :] - tf.range(time)[:, None]
        near = (later >= 0) & (later <= self.events)
        # What stands before the first bar of a piece, or is no event at all, is in bar 0.
        in_bars = tf.math.floormod(remembered[:, None, :, 1], APART) > 0.5
        there = (bars_back >= 1) & (bars_back <= self.bars) & in_bars & near[None]
        place = tf.cast(tf.clip_by_value(bars_back, 1.0, float(self.bars)), tf.int32) - 1
        found = tf.gather(tf.cast(self.back, tf.float32), place)
        found += tf.gather(tf.cast(self.alike, tf.float32), place) * alike
        return tf.where(there, found, FORBIDDEN)

    def compute_output_spec(self, hidden, vectors, told, state):
        context = keras.KerasTensor((*hidden.shape[:2], self.units), self.compute_dtype)
        return context, keras.KerasTensor(state.shape, "float32")

    def get_config(self):
        return {**super().get_config(), "units": self.units, "bars": self.bars, "events": self.events}


def kept_sizes(features: int, units: int, events: int) -> tuple[int, ...]:
    """Returns the sizes of what a `BarAttention` keeps, whose sum is that of its state."""
    return (events * units, events * units, events * 2, features + 2)


def _product(x, kernel):
    flat = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), tf.cast(kernel, x.dtype))
    return tf.reshape(flat, [tf.shape(x)[0], tf.shape(x)[1], kernel.shape[-1]])
