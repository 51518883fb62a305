"""Series: stamps, values and categories as they come -> the core's tensors; and forecasts back to the user's units.

time, values, categories -> Clock -> Place -> Fill -> Scale -> values, known; Carry -> CategoryIds -> ids; Calendar
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence

import keras
import tensorflow as tf

from rnnkit.features.calendar import Calendar, calendar_features, day_numbers
from rnnkit.features.categories import CategoryIds
from rnnkit.features.clock import Clock
from rnnkit.features.gaps import Carry, Fill
from rnnkit.features.placing import Place
from rnnkit.features.scaling import Scale
from rnnkit.series.columns import Columns
from rnnkit.series.frequency import Frequency


def series_features(
    columns: Columns,
    frequency: Frequency,
    *,
    zone: str = "",
    gaps: str = "mask",
    window: int,
    horizon: int,
    means: Sequence[float],
    spreads: Sequence[float],
    transform: str = "none",
    category_names: Sequence[Sequence[str]] = (),
    static_means: Sequence[float] = (),
    static_spreads: Sequence[float] = (),
    static_names: Sequence[Sequence[str]] = (),
    calendar: bool = True,
    holidays: Sequence[datetime.date] = (),
) -> keras.Model:
    """Returns the model from raw rows to the core's inputs; those that the columns have no use for are left out.

    Raw: `time (batch, rows) string`, ISO 8601 or empty; `values (batch, rows, numeric columns)`, NaN where missing;
    `categories (batch, rows, category columns) string`, empty where missing; `future_values (batch, horizon, future
    columns)`; `future_categories`; `static_values (batch, static columns)`; `static_categories`.

    Core: `values` and `known (batch, window, numeric columns)`, scaled, 0 where unknown, and 1 or 0; `calendar (batch,
    window + horizon, features)`; `categories (batch, window, category columns)` ids, 0 for missing or unseen;
    `future_values`, `future_categories`, `static_values` and `static_categories`, scaled or ids too.

    Args:
        columns, frequency: Of the panel.
        zone: IANA name of the stamps' zone, or empty.
        gaps: `fill`, `interpolate`, `mask`, or `skip`: each row is a step.
        window, horizon: Steps.
        means, spreads: Of each numeric column over the train part, of a target's logarithm with transform `log`.
        transform: `none`, or `log` of the targets.
        category_names: Texts of each category column.
        static_means, static_spreads, static_names: As above, of what is static.
        calendar: Whether the core sees the calendar, where the frequency has one.
        holidays: Days off.
    """
    raw = raw_inputs(columns, horizon)
    grid = frequency.as_dict()
    clock = Clock(zone, local=bool(zone) and frequency.whole_days, name="clock")
    made = [
        Place(window, horizon, frequency=grid, closed=gaps == "skip", name="place"),
        Fill("mask" if gaps == "skip" else gaps, name="fill"),
    ]
    logarithm = [transform == "log" and name in columns.targets for name in columns.numeric]
    made.append(Scale(means, spreads, logarithm=logarithm, name="scale"))
    if names := calendar_features(grid, holidays=bool(holidays)) if calendar else ():
        made.append(Calendar(names, clock=clock.how, holidays=day_numbers(holidays), name="calendar"))
    if columns.categories:
        made += [Carry(name="carry")] if gaps not in ("mask", "skip") else []
        made.append(CategoryIds(category_names, name="category_ids"))
    if columns.future:
        ahead = len(columns.numeric) - len(columns.future)
        made.append(Scale(means[ahead:], spreads[ahead:], name="scale_future"))
    if columns.future_categories:
        made.append(CategoryIds(category_names[len(columns.past_categories) :], name="future_category_ids"))
    if columns.static:
        made.append(Scale(static_means, static_spreads, name="scale_static"))
    if columns.static_categories:
        made.append(CategoryIds(static_names, name="static_category_ids"))
    core, _ = prepared(made, raw, *clock(raw["time"]))
    return keras.Model(raw, core, name="features")


def prepared(layers: Iterable[keras.layers.Layer], raw: Mapping, seconds, readable) -> tuple[dict, dict]:
    """Applies the layers of a features model, the clock left out, by their names.

    Args:
        layers: The model's.
        raw: Its inputs; `time` isn't looked at.
        seconds, readable: `(batch, rows)`, as the clock gives them.

    Returns:
        The core's inputs, and what `Place` gave.
    """
    layer = {layer.name: layer for layer in layers}
    rows = {"seconds": seconds, "readable": readable}
    placed = layer["place"](rows | {name: raw[name] for name in ("values", "categories") if name in raw})
    scaled, known = layer["scale"](layer["fill"](placed["values"]))
    core = {"values": scaled, "known": known}
    if "calendar" in layer:
        core["calendar"] = layer["calendar"](placed["seconds"])
    if "category_ids" in layer:
        texts = placed["categories"]
        core["categories"] = layer["category_ids"](layer["carry"](texts) if "carry" in layer else texts)
    for name, of in (("future_values", "scale_future"), ("static_values", "scale_static")):
        if of in layer:
            core[name] = layer[of](raw[name])[0]
    for name, of in (("future_categories", "future_category_ids"), ("static_categories", "static_category_ids")):
        if of in layer:
            core[name] = layer[of](raw[name])
    return core, placed


def raw_inputs(columns: Columns, horizon: int) -> dict[str, keras.KerasTensor]:
    """Returns what a served model takes, in order, without what the columns have no use for."""
    sizes = {
        "time": ((None,), "string"),
        "values": ((None, len(columns.numeric)), "float32"),
        "categories": ((None, len(columns.categories)), "string"),
        "future_values": ((horizon, len(columns.future)), "float32"),
        "future_categories": ((horizon, len(columns.future_categories)), "string"),
        "static_values": ((len(columns.static),), "float32"),
        "static_categories": ((len(columns.static_categories),), "string"),
    }
    used = {name: size for name, size in sizes.items() if size[0][-1] != 0}
    return {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in used.items()}


def series_target(features: keras.Model, horizon: int, targets: int) -> keras.Model:
    """Returns the model `target (batch, horizon, targets), NaN where unknown -> (batch, horizon, targets, 2)`.

    The last axis has the scaled value, 0 where unknown, and 1 or 0, whether it is known.

    Args:
        features: As `series_features` returns it.
        horizon, targets: Sizes.
    """
    scale = features.get_layer("scale")
    parts = scale.means[:targets], scale.spreads[:targets]
    raw = keras.Input((horizon, targets), dtype="float32", name="target")
    scaled = Scale(*parts, logarithm=scale.logarithm[:targets], name="scale")(raw)
    return keras.Model(raw, keras.ops.stack(scaled, axis=-1), name="target")


def unscale(features: keras.Model, x: tf.Tensor) -> tf.Tensor:
    """Returns forecasts of the core's scale in the user's units; of a logarithm, what it is of.

    Args:
        features: As `series_features` returns it.
        x: `(batch, horizon, targets)`, or `(batch, horizon, targets, quantiles)`.
    """
    return features.get_layer("scale").restore(x, axis=2)
