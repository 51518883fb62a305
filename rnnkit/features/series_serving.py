"""Serving of series: raw rows -> forecast and quantiles in the user's units; and row by row, with the state."""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.features.series import prepared, unscale

EMPTY = tf.int64.min
"""Time of a row of the state that there isn't."""
ROWS = ("time", "values", "categories")
"""Inputs with a row for each step; the others are as they are over the horizon, or throughout."""


def serve_series(
    features: keras.Model, core: keras.Model, levels: Sequence[float], *, nonnegative: bool = False
) -> dict[str, Signature]:
    """Returns the signatures of a forecaster.

    serving_default: raw inputs as `series_features` takes them -> `time (batch, horizon) string`, empty where no
    row is readable; `forecast (batch, horizon, targets)`; `quantiles (batch, horizon, targets, levels)`, which
    never cross.

    step: one row `time (batch,)`, `values (batch, columns)`, `categories (batch, columns)`, the inputs that have no
    rows as above, and the state `state_time (batch, window) int64`, `state_values (batch, window, columns)`,
    `state_categories` -> the same answers, and the new state under the same names. The state holds the last rows by
    time, the latest at its end, seconds as the `Clock` layer gives them; the lowest int64 stands for none. A row that
    isn't readable leaves it as it is.

    Args:
        features: As `series_features` returns it.
        core: Its outputs, and `teacher (batch, horizon, targets)` if there is such an input -> `(batch, horizon,
            targets, 1 + levels + …)`, scaled: forecast, quantiles.
        levels: Of the quantiles.
        nonnegative: Whether what is below 0 is answered as 0.
    """
    names = list(features.input)
    clock, place = features.get_layer("clock"), features.get_layer("place")

    def answered(raw, seconds, readable):
        inputs, placed = prepared(features.layers, raw, seconds, readable)
        forecast, quantiles = user_forecast(features, core, inputs, len(levels), nonnegative=nonnegative)
        time = clock.stamps(placed["seconds"][:, place.window :])
        time = tf.where(placed["any"][:, None], time, "")
        return {"time": time, "forecast": forecast, "quantiles": quantiles}

    def forecast(*given, **named):
        raw = {**dict(zip(names, given, strict=False)), **named}
        return answered(raw, *clock(raw["time"]))

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, name=name) for name, tensor in features.input.items()]
    own = [name for name in ROWS if name in names]
    step_specs = [_one_row(spec) if spec.name in own else spec for spec in specs]
    step_specs += [_window(spec, place.window) for spec in specs if spec.name in own]
    step_names = [spec.name for spec in step_specs]

    def step(*given, **named):
        given = {**dict(zip(step_names, given, strict=False)), **named}
        seconds, readable = clock(given["time"])
        row = {name: given[name] for name in own} | {"time": tf.where(readable, seconds, EMPTY)}
        rows = {name: tf.concat([given[f"state_{name}"], row[name][:, None]], axis=1) for name in own}
        order = tf.argsort(_age(rows["time"], place.closed), axis=1, stable=True)[:, 1:]
        rows = {name: tf.gather(tensor, order, batch_dims=1) for name, tensor in rows.items()}
        kept = {f"state_{name}": tensor for name, tensor in rows.items()}
        readable = rows["time"] != EMPTY
        seconds = tf.where(readable, rows["time"], 0)
        return answered({**given, **rows}, seconds, readable) | kept

    return {
        "serving_default": Signature(forecast, tuple(specs)),
        "step": Signature(step, tuple(step_specs)),
    }


def user_forecast(features, core, inputs: Mapping[str, tf.Tensor], levels: int, *, nonnegative: bool = False):
    """Returns forecast `(batch, horizon, targets)` and quantiles, rising along the last axis, in the user's units.

    Args:
        features, core, nonnegative: As for `serve_series`.
        inputs: Of the core; without `teacher`.
        levels: Number of quantiles.
    """
    inputs = {name: tensor for name, tensor in inputs.items() if name in core.input}
    if "teacher" in core.input:
        # Not told any step ahead, it goes on from its own forecasts.
        batch = inputs["values"].shape[0] or tf.shape(inputs["values"])[0]
        shape = [batch, *core.input["teacher"].shape[1:]]
        inputs["teacher"] = tf.fill(shape, tf.constant(float("nan")))
    outputs = tf.cast(core(inputs, training=False), tf.float32)
    forecast, quantiles = outputs[..., 0], tf.sort(outputs[..., 1 : 1 + levels], axis=-1)
    least = 0.0 if nonnegative else tf.float32.min
    return tuple(tf.maximum(unscale(features, x), least) for x in (forecast, quantiles))


def _age(seconds, closed):
    """Returns what sorts rows that are to go first to the front."""
    # Closed up, rows follow each other in the order they came.
    return tf.cast(seconds != EMPTY, tf.int32) if closed else seconds


def _one_row(spec):
    return tf.TensorSpec([spec.shape[0], *spec.shape[2:]], spec.dtype, name=spec.name)


def _window(spec, window):
    dtype = tf.int64 if spec.name == "time" else spec.dtype
    return tf.TensorSpec([spec.shape[0], window, *spec.shape[2:]], dtype, name=f"state_{spec.name}")
