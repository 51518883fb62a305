"""Toy panel: two short series with gaps, and the features of them."""

import datetime

import keras
import numpy as np
import tensorflow as tf

from rnnkit.features.series import series_features
from rnnkit.series.columns import Columns
from rnnkit.series.frequency import parse_frequency
from rnnkit.series.panel import Panel
from rnnkit.series.scales import Scales
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.windows import Windows

HOLIDAYS = [datetime.date(2011, 3, 14), datetime.date(2011, 4, 1)]
WINDOW, HORIZON = 7, 3
ALL = Columns(
    time="time",
    id="unique_id",
    targets=("a", "b"),
    past=("c",),
    future=("d", "e"),
    past_categories=("wind",),
    future_categories=("shop", "promotion"),
    static=("height",),
    static_categories=("land", "kind"),
)
PLAIN = Columns(time="ds", id="", targets=("y",))
CATEGORIES = ("N", "Südwest"), ("open", "shut", "half"), ("yes",)
STATIC = ("DE", "FR", "IT"), ("x", "y")


def panel(columns=ALL, frequency="1h", zone="", closed=False, lengths=(23, 31), seed=1):
    """A panel of two series with missing values."""
    random, grid, steps = np.random.default_rng(seed), parse_frequency(frequency), sum(lengths)
    firsts = grid.ticks(np.int64(1_300_000_000)) + np.array([0, 5])
    ticks = np.concatenate([first + np.arange(length) for first, length in zip(firsts, lengths, strict=True)])
    if closed:
        ticks = np.concatenate([np.cumsum(random.integers(1, 4, length)) + 15_000 for length in lengths])
    values = random.lognormal(size=(steps, len(columns.numeric))).astype(np.float32)
    values[random.random(values.shape) < 0.3] = np.nan
    values[3, 0] = -2
    codes = [random.integers(-1, len(names), steps) for names in CATEGORIES[: len(columns.categories)]]
    static = [random.integers(-1, len(names), 2) for names in STATIC[: len(columns.static_categories)]]
    return Panel(
        columns=columns,
        frequency=grid,
        zone=zone,
        ids=("first", "second"),
        starts=np.array([0, lengths[0], steps]),
        ticks=ticks,
        seconds=grid.seconds(ticks),
        values=values,
        categories=np.array(codes, np.int32).reshape(-1, steps).T,
        category_names=CATEGORIES[: len(columns.categories)],
        static_values=random.normal(size=(2, len(columns.static))).astype(np.float32),
        static_categories=np.array(static, np.int32).reshape(-1, 2).T,
        static_names=STATIC[: len(columns.static_categories)],
        closed=closed,
    )


def features_of(steps, *, zone=None, gaps="mask", **how):
    columns = steps.columns
    names = {"category_names": steps.category_names, "static_names": steps.static_names}
    return series_features(
        columns,
        steps.frequency,
        zone=steps.zone if zone is None else zone,
        gaps=gaps,
        window=WINDOW,
        horizon=HORIZON,
        means=np.arange(len(columns.numeric)) / 2,
        spreads=np.arange(len(columns.numeric)) + 0.5,
        static_means=[0.25] * len(columns.static),
        static_spreads=[2.0] * len(columns.static),
        **{**names, **how},
    )


def windows_of(steps, cuts, gaps="mask"):
    nothing = Scales(np.ones((2, len(steps.columns.targets))), *np.ones((2, len(steps.columns.targets))), 1)
    return Windows(steps, cuts, SeriesSettings(window=WINDOW, horizon=HORIZON, gaps=gaps), nothing)


def tensors(raw):
    return {
        name: tf.constant(array.astype(object) if array.dtype.kind == "S" else array) for name, array in raw.items()
    }


def core_of(features, targets, *, teacher=False):
    """Returns a core that heeds all inputs; its quantiles come in no order."""
    inputs = {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in features.output.items()
    }
    if teacher:
        inputs["teacher"] = keras.Input((HORIZON, targets), name="teacher")
    known = [keras.ops.nan_to_num(keras.ops.cast(x, "float32"), nan=3.0) for x in inputs.values()]
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x) for x in known])
    keras.utils.set_random_seed(1)
    x = keras.layers.Dense(HORIZON * targets * 6, kernel_initializer="glorot_normal")(x)
    return keras.Model(inputs, keras.layers.Reshape((HORIZON, targets, 6))(x), name="core")


KINDS = [
    ({}, {}),
    ({"columns": PLAIN}, {}),
    ({"columns": PLAIN, "frequency": "1y"}, {}),
    ({"zone": "Europe/Berlin"}, {"holidays": HOLIDAYS}),
    ({"frequency": "1mo"}, {"gaps": "fill"}),
    ({"frequency": "15min"}, {"gaps": "interpolate", "transform": "log"}),
    ({"frequency": "1bd"}, {"transform": "log", "calendar": False}),
    ({"frequency": "1bd", "closed": True}, {"gaps": "skip", "holidays": HOLIDAYS}),
    ({"frequency": "1d"}, {"zone": "America/New_York"}),
]
"""Panels, and features of them, that differ in what matters: columns, zone, step, gaps, calendar."""
