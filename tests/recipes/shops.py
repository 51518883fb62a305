"""Shops: a small table of two series with covariates of every role, and forecasters of it, trained for a moment."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from rnnkit import catalog, presets
from rnnkit.progress import SILENT
from rnnkit.recipe import Preparation
from rnnkit.series import SeriesSplits
from rnnkit.settings import Settings
from rnnkit.training.fit import fit

WINDOW, HORIZON = 7, 3
ROLES = {"target": "y", "past": "x,wind", "future": "promo,sky", "static": "area,land"}
SIZES = {"window": WINDOW, "horizon": HORIZON, "segment": 3, "units": 5, "epochs": 1, "steps_per_epoch": 3}
SHOPS = {**ROLES, **SIZES, "valid_share": 0.2, "test_share": 0.2}


def shops(count=90, ids=("a", "b"), start="2024-03-01", step="h", seed=0):
    """A long table: y, x and wind known up to now, promo and sky known ahead, area and land of each series."""
    random, steps, parts = np.random.default_rng(seed), np.arange(count), []
    for place, id in enumerate(ids):
        y = 10 * (place + 1) + 3 * np.sin(steps * 2 * np.pi / 6 + place) + random.normal(0, 0.3, count)
        columns = {
            "unique_id": id,
            "ds": pd.date_range(start, periods=count, freq=step),
            "y": y.round(3),
            "x": random.normal(size=count).round(3),
            "wind": random.choice(["N", "S", "SW"], count),
            "promo": (steps % 4 == 0) * 1.0,
            "sky": random.choice(["clear", "grey"], count),
            "area": 50.0 + place,
            "land": ["DE", "FR"][place % 2],
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def history(frame, rows):
    """The first rows of each series, and those of the horizon with what is known ahead."""
    number = frame.groupby("unique_id").cumcount()
    kept = frame[number < rows + HORIZON].copy()
    ahead = number[kept.index] >= rows
    for name in ("y", "x", "wind"):
        kept.loc[ahead, name] = None
    return kept


def prices(count=150):
    """Days of one stock, without weekends."""
    random = np.random.default_rng(3)
    close = (40 * np.exp(np.cumsum(random.normal(0, 0.01, count)))).round(2)
    columns = {
        "date": pd.bdate_range("2020-01-01", periods=count),
        "open": (close * 0.995).round(2),
        "high": (close * 1.01).round(2),
        "low": (close * 0.98).round(2),
        "close": close,
        "volume": random.integers(1_000, 9_000, count),
    }
    return pd.DataFrame(columns)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A model in memory, with what it was made of."""

    settings: Settings
    splits: SeriesSplits
    preparation: Preparation
    core: keras.Model
    signatures: dict

    def answers(self, windows, places=None, signature="serving_default"):
        raw = windows.raw(np.arange(len(windows)) if places is None else places)
        return ask(self.signatures[signature].function, raw)


def ask(function, raw):
    """Calls a signature on raw rows, and returns arrays."""
    tensors = {
        name: tf.constant(array.astype(object) if array.dtype.kind == "S" else array) for name, array in raw.items()
    }
    return {name: tensor.numpy() for name, tensor in function(**tensors).items()}


def split(frame, **given):
    """Returns the settings and the splits of a run."""
    recipe = catalog.load("forecast")
    settings = presets.chosen(recipe, given)
    return settings, recipe.read(frame, None, None, settings, None)


def train(frame, **given):
    """Trains the recipe for a moment, in memory."""
    recipe = catalog.load("forecast")
    settings, splits = split(frame, **given)
    keras.utils.set_random_seed(settings.seed)
    preparation = recipe.prepare(splits.train, settings, SILENT)
    core = recipe.build(preparation.facts, settings)
    batches = recipe.batches(preparation, splits, settings, SILENT)
    recipe.begin(core, *batches, settings, SILENT)
    fit(core, *batches, recipe.objective(preparation.facts, settings), settings)
    recipe.calibrate(core, batches[1], batches[0])
    return Trained(settings, splits, preparation, core, recipe.serve(preparation, core, settings))
