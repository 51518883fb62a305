"""Preparing: train's rows -> scales, calendar and season, as models to train and serve with; a child's."""

import keras
import numpy as np

from rnnkit.detecting.features import detection_features, width_of
from rnnkit.detecting.parts import Part
from rnnkit.features.calendar import NAMES
from rnnkit.recipe import Parent, Preparation

DAY = 86_400
SPANS = {"hour_sin": 1, "hour_cos": 1, "weekday_sin": 14, "weekday_cos": 14, "weekend": 14}
"""Days that train must span for a feature of the calendar to be learnt from it."""
MOST_PLACES = 2_000
"""Longest season that is kept in the state."""


def prepare_readings(train: Part, settings, reporter) -> Preparation:
    """Learns the scale of each sensor on the rows of train; what of the calendar they are long enough for.

    Args:
        train: Its rows.
        settings: Of `DetectorSettings`.
        reporter: Tells a person what goes on.

    Raises:
        ValueError: A season is longer than train, or too long to be kept.
    """
    means, spreads = _moments(train)
    return _preparation(train, settings, means, spreads)


def grow_readings(parent: Parent, train: Part, settings, reporter) -> Preparation:
    """Goes on from a parent's: scales are learnt anew, calendar and season stay."""
    features = parent.preparation.features
    means, spreads = _moments(train)
    place = features.get_layer("place")
    calendar = [layer.names for layer in features.layers if layer.name == "calendar"]
    made = detection_features(
        train.readings.sensors,
        means,
        spreads,
        zone=train.readings.zone,
        period=place.step,
        season=place.season,
        calendar=calendar[0] if calendar else (),
    )
    return Preparation(made, _target(), parent.preparation.facts, ("scaled",))


def _preparation(train, settings, means, spreads):
    readings = train.readings
    period, longest = max(readings.period, 1), _longest(train)
    season = _season(settings, readings, period, longest)
    calendar = _calendar(settings, readings, period, longest)
    features = detection_features(
        readings.sensors, means, spreads, zone=readings.zone, period=period, season=season, calendar=calendar
    )
    window = settings.window or int(np.diff(readings.starts).max())
    facts = {
        "sensors": len(means),
        "features": width_of(len(means), len(calendar)),
        "calendar": len(calendar),
        "season": season,
        "period": period,
        "window": window,
        "whole": int(readings.whole),
    }
    return Preparation(features, _target(), facts, ("scaled",))


def _target():
    raw = keras.Input((), dtype="string", name="label")
    return keras.Model(raw, keras.layers.Identity()(raw), name="target")


def _moments(train):
    values = train.readings.values[train.rows].astype(np.float64)
    known = np.isfinite(values)
    counts = np.maximum(known.sum(0), 1)
    means = np.where(known, values, 0).sum(0) / counts
    spreads = np.sqrt(np.where(known, np.square(values - means), 0).sum(0) / counts)
    return means.tolist(), spreads.tolist()


def _longest(train):
    """Returns the seconds of train's longest span."""
    seconds = train.readings.seconds
    return max(int(seconds[end - 1] - seconds[begin]) for _, begin, end in train.spans.tolist())


def _season(settings, readings, period, longest):
    if readings.whole or settings.season == 1:
        return 1
    season = settings.season or round(DAY / period)
    if settings.season:
        if season > MOST_PLACES:
            raise ValueError(f"season must be at most {MOST_PLACES:,} rows, as it is kept. Got {season:,}.")
        if season * period > longest:
            raise ValueError(f"season must be shorter than train, {longest // period:,} rows. Got {season:,}.")
        return season
    # A season that train has not seen twice in part is none.
    return season if 2 <= season <= MOST_PLACES and 1.5 * season * period <= longest else 1


def _calendar(settings, readings, period, longest):
    if not settings.calendar or readings.whole or not readings.columns.time:
        return ()
    fits = {name: period < DAY * (1 if name.startswith("hour") else 7) for name in SPANS}
    return tuple(name for name in NAMES if name in SPANS and fits[name] and longest >= SPANS[name] * DAY)
