"""Placing: rows in any order -> the window of steps that ends with the last of them, in the graph."""

import keras
import tensorflow as tf

from rnnkit.features.ticks import seconds_of, ticks_of


@keras.saving.register_keras_serializable(package="rnnkit")
class Place(keras.layers.Layer):
    """Puts rows on the last `window` ticks of a grid.

    `{seconds (batch, rows) int64, readable (batch, rows) bool, values (batch, rows, columns), and categories
    (batch, rows, categories) string} -> {values (batch, window, columns), NaN where unknown; categories, empty where
    unknown; seconds (batch, window + horizon) int64, of the window's and the horizon's ticks; any (batch,) bool,
    whether a row is readable}`.

    The last step of the window is the last readable row's tick. Rows of one tick are averaged, of their categories the
    last one counts; rows before the window are left out; NaN and infinite values are unknown. With no readable row
    nothing is known and the steps are those about 1970.

    Args:
        window, horizon: Steps.
        frequency: `kind`, `count` and `anchor`, as `Frequency.as_dict` gives them.
        closed: Whether each row is a step, in the order given, and the last readable ones make the window; the
            horizon's ticks follow on the last row's. Steps before the first row have the ticks before its own.
    """

    def __init__(self, window, horizon, *, frequency, closed=False, **kwargs):
        super().__init__(**{"dtype": "float32", "autocast": False, **kwargs})
        self.window, self.horizon, self.frequency, self.closed = window, horizon, dict(frequency), closed
        self.built = True

    def call(self, inputs):
        seconds, readable = inputs["seconds"], inputs["readable"]
        batch, ticks = tf.shape(seconds)[0], ticks_of(self.frequency, seconds)
        some = tf.reduce_any(readable, axis=1)
        if self.closed:
            cell, last = self._in_order(ticks, readable)
        else:
            last = tf.reduce_max(tf.where(readable, ticks, tf.int64.min), axis=1)
            last = tf.where(some, last, 0)
            cell = self.window - 1 - last[:, None] + ticks
        inside = readable & (cell >= 0)
        # Below 0 a row counts for no step.
        segments = tf.where(inside, tf.range(batch, dtype=tf.int64)[:, None] * self.window + cell, -1)
        segments, steps = tf.reshape(segments, [-1]), tf.cast(batch, tf.int64) * self.window
        past = last[:, None] - tf.range(self.window - 1, -1, -1, dtype=tf.int64)
        if self.closed:
            past = self._ticks_of_rows(ticks, segments, steps)
        ahead = last[:, None] + tf.range(1, self.horizon + 1, dtype=tf.int64)
        placed = {
            "values": self._averages(inputs["values"], segments, steps),
            "seconds": seconds_of(self.frequency, tf.concat([past, ahead], axis=1)),
            "any": some,
        }
        if "categories" in inputs:
            placed["categories"] = self._last_texts(inputs["categories"], segments, steps)
        return placed

    def _in_order(self, ticks, readable):
        order = tf.cumsum(tf.cast(readable, tf.int64), axis=1)
        count = tf.reduce_sum(tf.cast(readable, tf.int64), axis=1, keepdims=True)
        final = readable & (order == count)
        return self.window - 1 - count + order, tf.reduce_sum(tf.where(final, ticks, 0), axis=1)

    def _ticks_of_rows(self, ticks, segments, steps):
        own = tf.math.unsorted_segment_max(tf.reshape(ticks, [-1]), segments, steps)
        own = tf.reshape(own, [-1, self.window])
        place = tf.range(self.window, dtype=tf.int64)[None]
        empty = own == tf.int64.min
        first = tf.reduce_min(tf.where(~empty, place, self.window - 1), axis=1, keepdims=True)
        tick = tf.gather(own, first, batch_dims=1)
        # A number comes last in tf.where: as the first it is int32 in a graph.
        return tf.where(~empty, own, tf.where(tick != tf.int64.min, tick, 0) + place - first)

    def _averages(self, values, segments, steps):
        columns = values.shape[-1]
        flat = tf.cast(tf.reshape(values, [-1, columns]), tf.float64)
        finite = tf.math.is_finite(flat)
        # In float64, so that the mean of two rows is the one that NumPy finds.
        total = tf.math.unsorted_segment_sum(tf.where(finite, flat, 0), segments, steps)
        count = tf.math.unsorted_segment_sum(tf.cast(finite, tf.float64), segments, steps)
        # 0 / 0 is NaN.
        return tf.reshape(tf.cast(total / count, tf.float32), [-1, self.window, columns])

    def _last_texts(self, texts, segments, steps):
        columns = texts.shape[-1]
        flat = tf.reshape(texts, [-1, columns])
        rows = tf.range(tf.shape(flat)[0])[:, None]
        row = tf.math.unsorted_segment_max(tf.where(flat != "", rows + 1, 0), segments, steps)
        # Row 0 is an empty text, for steps that have none.
        padded = tf.concat([tf.fill([1, columns], ""), flat], axis=0)
        row = tf.maximum(row, 0)
        found = [tf.gather(padded[:, column], row[:, column]) for column in range(columns)]
        return tf.reshape(tf.stack(found, axis=1), [-1, self.window, columns])

    def compute_output_spec(self, inputs):
        batch = inputs["seconds"].shape[0]
        shape = (batch, self.window, inputs["values"].shape[-1])
        spec = {
            "values": keras.KerasTensor(shape, "float32"),
            "seconds": keras.KerasTensor((batch, self.window + self.horizon), "int64"),
            "any": keras.KerasTensor((batch,), "bool"),
        }
        if "categories" in inputs:
            spec["categories"] = keras.KerasTensor((*shape[:2], inputs["categories"].shape[-1]), "string")
        return spec

    def get_config(self):
        settings = {name: getattr(self, name) for name in ("window", "horizon", "frequency", "closed")}
        return {**super().get_config(), **settings}
