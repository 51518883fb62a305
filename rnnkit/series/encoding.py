"""Encoding: a panel -> the core's tensors step by step, by the layers of the features model -> windows of them."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from rnnkit.series.frequency import Frequency
from rnnkit.series.panel import Panel

CHUNK = 1 << 18
"""Steps mapped at once."""
MOST_TICKS = 1 << 20
"""Most rows of a calendar, and two for each step."""


@dataclasses.dataclass(frozen=True)
class EncodedPanel:
    """What windows are cut from: 5 bytes a step for each numeric column, 4 for each category.

    Attributes:
        window, horizon, targets, future, future_categories: Sizes of a window, and numbers of columns: of the
            numeric ones `targets` come first and `future` last, of the categories `future_categories`.
        starts: `(series + 1,)` int64, as the panel's.
        ticks: `(steps,)` int64, as the panel's.
        values: `(steps, numeric columns)` float32, scaled, 0 where unknown.
        known: The same shape, bool.
        categories: `(steps, category columns)` int32 ids.
        calendar: Of the ticks; None where the core has none.
        static_values: `(series, static)` float32, scaled.
        static_categories: `(series, static categories)` int32 ids.
        closed: As the panel's: the horizon's calendar then is of the ticks after the window's last one.
        filled: `(steps, numeric columns)` bool, where values are not the table's; None for nowhere.
        interpolated: Whether they were filled by what comes after, which a window that ends among them can't know.
    """

    window: int
    horizon: int
    targets: int
    future: int
    future_categories: int
    starts: np.ndarray
    ticks: np.ndarray
    values: np.ndarray
    known: np.ndarray
    categories: np.ndarray
    calendar: "TickCalendar | None"
    static_values: np.ndarray
    static_categories: np.ndarray
    closed: bool
    filled: np.ndarray | None = None
    interpolated: bool = False

    def inputs(self, cuts: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the core's inputs for windows, equal to the features model's for their raw rows.

        Args:
            cuts: `(n,)` int64, the first step of each horizon.
        """
        series = np.searchsorted(self.starts, cuts, side="right") - 1
        past = cuts[:, None] + np.arange(-self.window, 0)
        inside = past >= self.starts[series][:, None]
        whole = bool(inside.all())
        past = past if whole else np.maximum(past, 0)
        values, known = self.values[past], self.known[past].astype(np.float32)
        if not whole:
            values[~inside], known[~inside] = 0, 0
        if self.filled is not None and self.interpolated:
            _carry_into_open_gaps(values, known, self.filled[past] | ~inside[..., None])
        tensors = {"values": values, "known": known}
        if self.calendar is not None:
            tensors["calendar"] = self.calendar.at(self._ticks(cuts, past, inside))
        if self.categories.shape[1]:
            tensors["categories"] = self.categories[past]
            if not whole:
                tensors["categories"][~inside] = 0
        ahead = cuts[:, None] + np.arange(self.horizon)
        if self.future:
            tensors["future_values"] = self.values[ahead, -self.future :]
        if self.future_categories:
            tensors["future_categories"] = self.categories[ahead, -self.future_categories :]
        for name in ("static_values", "static_categories"):
            if (of_series := getattr(self, name)).shape[1]:
                tensors[name] = of_series[series]
        return tensors

    def target(self, cuts: np.ndarray) -> np.ndarray:
        """Returns `(n, horizon, targets, 2)` float32: the scaled value, 0 where unknown, and 1 or 0."""
        ahead = cuts[:, None] + np.arange(self.horizon)
        known = self.known[ahead, : self.targets]
        if self.filled is not None:
            known &= ~self.filled[ahead, : self.targets]
        return np.stack([np.where(known, self.values[ahead, : self.targets], 0), known], axis=-1).astype(np.float32)

    def _ticks(self, cuts, past, inside):
        last = self.ticks[cuts - 1][:, None]
        if not self.closed:
            return last + np.arange(1 - self.window, self.horizon + 1)
        # Before the first step ticks go on backwards from its own.
        first = np.argmax(inside, axis=1)[:, None]
        own = self.ticks[past]
        own = np.where(inside, own, np.take_along_axis(own, first, axis=1) + np.arange(self.window) - first)
        return np.concatenate([own, last + np.arange(1, self.horizon + 1)], axis=1)


def _carry_into_open_gaps(values, known, filled):
    """Puts the last value of the table, in place, where none comes after it in the window."""
    open = np.logical_and.accumulate(filled[:, ::-1], axis=1)[:, ::-1]
    if open.any():
        last = np.maximum(values.shape[1] - 1 - open.sum(axis=1, keepdims=True), 0)
        for array in (values, known):
            carried = np.where(open[:, :1], 0, np.take_along_axis(array, last, axis=1))
            array[:] = np.where(open, carried, array)


@dataclasses.dataclass(frozen=True)
class TickCalendar:
    """The calendar of all ticks between two, shared by all series; worked out anew where it would be too long.

    Attributes:
        layer: `seconds -> features`.
        frequency: Of the ticks.
        first: Tick of the first row.
        rows: `(ticks, features)` float32, or None.
    """

    layer: keras.layers.Layer
    frequency: Frequency
    first: int
    rows: np.ndarray | None

    def at(self, ticks: np.ndarray) -> np.ndarray:
        """Returns `(…, features)` float32."""
        if self.rows is None:
            return self.layer(tf.constant(self.frequency.seconds(ticks))).numpy()
        return self.rows[ticks - self.first]


def encode_panel(features: keras.Model, panel: Panel) -> EncodedPanel:
    """Maps the layers of a features model over all steps of a panel.

    Args:
        features: As `series_features` returns it, for the panel's columns.
        panel: Values in the user's units.
    """
    columns, place = panel.columns, features.get_layer("place")
    scale = features.get_layer("scale")
    values, known = np.zeros(panel.values.shape, np.float32), np.zeros(panel.values.shape, bool)
    for start in range(0, panel.steps, CHUNK):
        chunk = slice(start, start + CHUNK)
        scaled, real = scale(tf.constant(panel.values[chunk]))
        values[chunk], known[chunk] = scaled.numpy(), real.numpy() > 0
    static = panel.static_values
    if columns.static:
        static = features.get_layer("scale_static")(tf.constant(static))[0].numpy()
    return EncodedPanel(
        window=place.window,
        horizon=place.horizon,
        targets=len(columns.targets),
        future=len(columns.future),
        future_categories=len(columns.future_categories),
        starts=panel.starts,
        ticks=panel.ticks,
        values=values,
        known=known,
        categories=_ids(features, "category_ids", panel.categories, panel.category_names),
        calendar=_calendar(features, panel, place.window, place.horizon),
        static_values=static,
        static_categories=_ids(features, "static_category_ids", panel.static_categories, panel.static_names),
        closed=place.closed,
        filled=panel.filled,
        interpolated=features.get_layer("fill").how == "interpolate",
    )


def _ids(features, layer, codes, names):
    """Returns the ids that a layer gives to a panel's own codes, `(rows, columns)` int32."""
    ids = np.zeros(codes.shape, np.int32)
    if not codes.shape[1]:
        return ids
    layer, most = features.get_layer(layer), max(map(len, names))
    # The last row stands for code -1, a missing text.
    texts = np.full((most + 1, len(names)), b"", object)
    for column, own in enumerate(names):
        texts[: len(own), column] = [name.encode("utf-8", "surrogateescape") for name in own]
    table = layer(tf.constant(texts)).numpy()
    for column in range(codes.shape[1]):
        ids[:, column] = table[codes[:, column], column]
    return ids


def _calendar(features, panel, window, horizon):
    layer = next((layer for layer in features.layers if layer.name == "calendar"), None)
    if layer is None:
        return None
    first, end = int(panel.ticks.min()) - window, int(panel.ticks.max()) + horizon + 1
    if end - first > MOST_TICKS + 2 * panel.steps:
        return TickCalendar(layer, panel.frequency, first, None)
    rows = np.zeros((end - first, len(layer.names)), np.float32)
    for start in range(first, end, CHUNK):
        seconds = panel.frequency.seconds(np.arange(start, min(start + CHUNK, end)))
        rows[start - first : start - first + CHUNK] = layer(tf.constant(seconds)).numpy()
    return TickCalendar(layer, panel.frequency, first, rows)
