"""Features: raw stamps and values -> what is read of each row, by itself and beside those before it.

time, values -> Clock -> Scale, SeasonPlace, Calendar -> a row by itself; and before, usual, elapsed -> the core's rows
"""

import dataclasses
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnnkit.detecting.readings import Readings
from rnnkit.features.calendar import Calendar
from rnnkit.features.clock import Clock
from rnnkit.features.named import Named
from rnnkit.features.scaling import Scale
from rnnkit.features.season import SeasonPlace
from rnnkit.layers.detection.usual import MOST, usual_of_rows

LONGEST = 20.0
"""Largest logarithm of a pause that is told, in usual steps."""


def detection_features(
    names: Sequence[str],
    means: Sequence[float],
    spreads: Sequence[float],
    *,
    zone: str,
    period: int,
    season: int,
    calendar: Sequence[str],
) -> keras.Model:
    """Returns the model from raw rows to what each says by itself.

    Raw: `time (batch, rows) string`, ISO 8601, `values (batch, rows, sensors)`, NaN where missing. Out: `scaled`
    values, 0 where unknown, `known`, `place (batch, rows)` int32 in the season, `seconds` int64, `readable` bool, and
    `calendar (batch, rows, features)` where there is one.

    Args:
        names: Of the sensors.
        means, spreads: Of each over the train part.
        zone: IANA name of the stamps' zone, or empty.
        period: Usual seconds between rows.
        season: Rows of a season; 1 for none.
        calendar: Names of what is read of the calendar.
    """
    raw = {
        "time": keras.Input((None,), dtype="string", name="time"),
        "values": keras.Input((None, len(names)), dtype="float32", name="values"),
    }
    clock = Clock(zone, name="clock")
    made = [Scale(means, spreads, name="scale"), SeasonPlace(period, season, name="place")]
    if calendar:
        made.append(Calendar(calendar, clock=clock.how, name="calendar"))
    seconds, readable = clock(raw["time"])
    out = read_rows(made, seconds, Named(names, name="sensors")(raw["values"]))
    identity = keras.layers.Identity(name="readable", dtype="bool")
    # By other names than what goes in, for both may be asked for side by side.
    out = {"scaled": out.pop("values"), **out, "readable": identity(readable)}
    return keras.Model(raw, out, name="features")


def read_rows(layers: Sequence[keras.layers.Layer], seconds, values) -> dict:
    """Applies the layers of a features model, the clock left out, by their names: what each row says by itself.

    Args:
        layers: The model's.
        seconds: `(batch, rows)` int64, as the clock gives them.
        values: `(batch, rows, sensors)`, raw.
    """
    layer = {layer.name: layer for layer in layers}
    scaled, known = layer["scale"](values)
    out = {"values": scaled, "known": known, "place": layer["place"](seconds), "seconds": seconds}
    if "calendar" in layer:
        out["calendar"] = layer["calendar"](seconds)
    return out


def joined(before, fresh, usual, counts, elapsed, calendar, *, concat):
    """Puts together what the core reads of a row: NumPy arrays or tensors, `(…, sensors)` each but the last two.

    Args:
        before: Last known values, scaled, of the rows before.
        fresh: 1 where they are of the row right before.
        usual, counts: As `usual_at` gives them.
        elapsed: `(…, 1)`, see `elapsed_of`.
        calendar: `(…, features)`, or None.
        concat: `tf.concat` or `np.concatenate`.

    Returns:
        The core's `features`, `before`, `usual` and `usual_known`, by name.
    """
    parts = [before, fresh, (usual - before) * _some(counts), counts / MOST, elapsed]
    features = concat([*parts, calendar] if calendar is not None else parts, -1)
    return {"features": features, "before": before, "usual": usual, "usual_known": _some(counts)}


def _some(counts):
    """Returns 1 where a mean is of any value, else 0."""
    return counts / (counts + 1e-9)


def width_of(sensors: int, calendar: int) -> int:
    """Returns the size of the core's `features`."""
    return 4 * sensors + 1 + calendar


def elapsed_of(steps, *, log1p):
    """Returns how long a pause was: the logarithm of 1 and the usual steps left out; 0 where rows follow each other.

    Args:
        steps: Usual steps since the row before, float; 1 for the first row.
        log1p: `tf.math.log1p` or `np.log1p`.
    """
    return log1p((steps - 1 + abs(steps - 1)) / 2)


@dataclasses.dataclass(frozen=True)
class Encoded:
    """What the core reads of all rows of some readings, encoded once.

    Attributes:
        readings: They are of.
        rows: Name -> `(rows, …)`: `features`, `before`, `usual`, `usual_known`, `values`, `known`, float32.
    """

    readings: Readings
    rows: Mapping[str, np.ndarray]


def encode_readings(features: keras.Model, readings: Readings) -> Encoded:
    """Encodes all rows at once; the same numbers as row by row."""
    layers = features.layers
    own = read_rows(layers, tf.constant(readings.seconds)[None], tf.constant(readings.values)[None])
    own = {name: tensor.numpy()[0] for name, tensor in own.items()}
    season, period = features.get_layer("place").season, max(readings.period, 1)
    parts = [
        _series(own, slice(begin, end), season, period)
        for begin, end in zip(readings.starts[:-1].tolist(), readings.starts[1:].tolist(), strict=True)
    ]
    rows = {name: np.concatenate([part[name] for part in parts]).astype(np.float32) for name in parts[0]}
    return Encoded(readings, rows | {name: own[name] for name in ("values", "known")})


def _series(own, rows: slice, season: int, period: int):
    values, known = own["values"][rows], own["known"][rows]
    before, fresh = _carried(values, known)
    usual, counts = (np.zeros_like(values) for _ in range(2))
    if season > 1:
        usual, counts = usual_of_rows(own["place"][rows], values, known, season)
    seconds = own["seconds"][rows]
    steps = np.diff(seconds, prepend=seconds[:1] - period) / period
    elapsed = np.minimum(elapsed_of(steps.astype(np.float32), log1p=np.log1p), LONGEST)[:, None]
    calendar = own["calendar"][rows] if "calendar" in own else None
    return joined(before, fresh, usual, counts, elapsed, calendar, concat=np.concatenate)


def _carried(values, known):
    """Returns the last known values before each row, 0 where there are none, and whether the row before has them."""
    places = np.where(known > 0, np.arange(len(values))[:, None], -1)
    last = np.maximum.accumulate(places, 0)
    last = np.concatenate([np.full_like(last[:1], -1), last[:-1]])
    carried = np.take_along_axis(values, np.maximum(last, 0), 0)
    fresh = np.concatenate([np.zeros_like(known[:1]), known[:-1]])
    return np.where(last >= 0, carried, 0).astype(np.float32), fresh
