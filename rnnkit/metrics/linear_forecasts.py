"""Linear forecasts: window less its last value -> ridge, fitted on train, its strength chosen on valid -> horizon."""

from collections.abc import Iterator

import numpy as np

from rnnkit.metrics.naive_forecasts import last_known
from rnnkit.metrics.ridge import NormalEquations, best_fit

MOST_ROWS = 400_000  # windows times targets that are learnt from; more are drawn by chance
MOST_VALID_ROWS = 50_000
PIECE = 1 << 22  # numbers looked at together
LAST_STEPS = 4  # of the covariates that are read
MOST_NAMES = 32  # of a category that get a feature each


def pieces(windows, places=None) -> Iterator[tuple[np.ndarray, dict]]:
    """Yields places of windows and their arrays, few enough at a time to be small in memory."""
    places = np.arange(len(windows)) if places is None else places
    size = max(1, PIECE // ((windows.window + windows.horizon) * windows.panel.values.shape[1]))
    for start in range(0, len(places), size):
        part = places[start : start + size]
        yield part, windows.arrays(part)


def drawn(windows, most: int, seed: int) -> np.ndarray:
    """Draws places of at most `most` windows by chance, in order."""
    if len(windows) <= most:
        return np.arange(len(windows))
    return np.sort(np.random.default_rng(seed).choice(len(windows), most, replace=False))


class Linear:
    """NLinear in closed form: the window's values less the last one, divided by the series' scale, for each target.

    All targets and series share the weights; the strength is the one with the lowest squared error
    on valid. Unknown values of a window are filled with the one before.

    Zeng, Chen, Zhang & Xu (2023), section 4, https://arxiv.org/abs/2205.13504; least squares with a penalty here.
    """

    def __init__(self, splits, mean: np.ndarray, seed: int):
        self.targets, self.mean = len(splits.train.panel.columns.targets), mean
        self._learn(splits)
        self._fit(splits, seed)

    def _learn(self, splits):
        """Learns what the features need."""

    def _fit(self, splits, seed):
        train, valid = splits.train, splits.valid
        places = drawn(train, max(1, MOST_ROWS // self.targets), seed)
        equations = None
        for rows in self._rows(train, places):
            equations = equations or [NormalEquations(x.shape[1], y.shape[1]) for x, y in rows]
            for equation, (x, y) in zip(equations, rows, strict=True):
                equation.add(x, y)
        fits = [equation.solve() for equation in equations]
        places = drawn(valid, max(1, MOST_VALID_ROWS // self.targets), seed)
        # One strength for all outputs of a solution.
        chosen = [best_fit(fit, (rows[place] for rows in self._rows(valid, places))) for place, fit in enumerate(fits)]
        self.weights = [fit[place] for fit, place in zip(fits, chosen, strict=True)]

    def _rows(self, windows, places):
        """Yields, for each piece of the windows, a list of features and outputs, one for each set of weights."""
        for part, arrays in pieces(windows, places):
            last, scale, features = self._features(windows, part, arrays)
            y = (arrays["target"] - last[:, None]) / scale[:, None]
            yield self._sides(features, y.transpose(0, 2, 1))

    def _sides(self, features, y):
        return [(features.reshape(-1, features.shape[-1]), y.reshape(-1, y.shape[-1]))]

    def _features(self, windows, places, arrays):
        """Returns the last value and scale `(windows, targets)` and features `(windows, targets, features)`."""
        values = arrays["values"][..., : self.targets].astype(np.float64)
        last = last_known(values, self.mean)
        scale = windows.scales.scale[windows.panel.series_of(windows.cuts[places])]
        filled = fill_forward((values - last[:, None]) / scale[:, None])
        return last, scale, filled.transpose(0, 2, 1)

    def forecast(self, windows, places, arrays) -> np.ndarray:
        last, scale, features = self._features(windows, places, arrays)
        if len(self.weights) == 1:
            weights, intercept = self.weights[0]
            said = features @ weights + intercept
        else:
            said = np.stack([features[:, i] @ w + b for i, (w, b) in enumerate(self.weights)], axis=1)
        return last[:, None] + said.transpose(0, 2, 1) * scale[:, None]


class LinearCovariates(Linear):
    """As `Linear`, with weights for each target and more features.

    These are the last 4 values of every other column, what is known of the horizon, and the last name of
    each category.
    """

    def _learn(self, splits):
        panel, columns = splits.train.panel, splits.train.panel.columns
        self.middle, self.width = moments(panel.values[splits.train.inside])
        self.future = len(columns.future)
        met = [np.unique(codes) for codes in panel.categories[splits.train.inside].T]
        self.names = [
            [own[code] for code in found if code >= 0][:MOST_NAMES]
            for own, found in zip(panel.category_names, met, strict=True)
        ]

    def _sides(self, features, y):
        return [(features[:, target], y[:, target]) for target in range(self.targets)]

    def _features(self, windows, places, arrays):
        last, scale, own = super()._features(windows, places, arrays)
        values = (arrays["values"].astype(np.float64) - self.middle) / self.width
        recent = fill_forward(values)[:, -LAST_STEPS:]
        parts = [np.nan_to_num(recent).reshape(len(recent), -1)]
        if self.future:
            side = slice(len(self.middle) - self.future, None)
            ahead = (arrays["future_values"].astype(np.float64) - self.middle[side]) / self.width[side]
            parts.append(np.nan_to_num(fill_forward(ahead)).reshape(len(ahead), -1))
        for place, names in enumerate(self.names):
            code = last_known(_codes(windows.panel, arrays, place, names), np.full(1, -1.0))
            parts.append((code == np.arange(len(names))).astype(np.float64))
        others = np.repeat(np.concatenate(parts, axis=1)[:, None], self.targets, axis=1)
        return last, scale, np.concatenate([own, others], axis=-1)


def _codes(panel, arrays, place, names):
    """Returns `(windows, time, 1)`: a category's places in `names`, NaN for what isn't there."""
    number = {name: code for code, name in enumerate(names)}
    table = np.array([*(number.get(name, np.nan) for name in panel.category_names[place]), np.nan])
    return table[arrays["categories"][..., place]][..., None]


def fill_forward(values: np.ndarray) -> np.ndarray:
    """Fills NaN of `(windows, time, columns)` with the value before, at the start with the one after; 0 if none."""
    known = np.isfinite(values)
    if known.all():
        return values
    time = np.arange(values.shape[1])[:, None]
    before = np.maximum.accumulate(np.where(known, time, -1), axis=1)
    first = np.where(known.any(axis=1), known.argmax(axis=1), 0)
    filled = np.take_along_axis(values, np.where(before < 0, first[:, None], before), axis=1)
    return np.where(np.isfinite(filled), filled, 0.0)


def moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and spread of each column of `(rows, columns)`, NaN left out; 0 and 1 where there are none."""
    known = np.isfinite(values)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0, dtype=np.float64) / counts
    spread = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / counts)
    return mean, np.where(spread > 0.0, spread, 1.0)
