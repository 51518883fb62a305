"""Forecasts that learn nothing: window or history -> last value, last season, drift."""

import numpy as np

MOST_SEASONS = 12  # looked back for a value that is known


def last_known(values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Returns the last finite value along time.

    Args:
        values: `(windows, time, targets)`, NaN where unknown.
        otherwise: `(targets,)`, for windows in which none is known.

    Returns:
        `(windows, targets)`, float64.
    """
    known = np.isfinite(values)
    place = values.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    last = np.take_along_axis(values, place[:, None], axis=1)[:, 0].astype(np.float64)
    return np.where(known.any(axis=1), last, otherwise)


class LastValue:
    """Forecasts the last known value of the window for every step."""

    def __init__(self, targets: int, mean: np.ndarray):
        self.targets, self.mean = targets, mean

    def forecast(self, windows, places, arrays) -> np.ndarray:
        last = last_known(arrays["values"][..., : self.targets], self.mean)
        return np.repeat(last[:, None], windows.horizon, axis=1)


class _OfHistory(LastValue):
    """Looks at whole series, in the table's own values: a gap drawn over from both sides would look ahead."""

    def __init__(self, targets: int, mean: np.ndarray):
        super().__init__(targets, mean)
        self.panel = None

    def _look_at(self, panel):
        if self.panel is not panel:
            self.panel, self.known = panel, panel.known_values()[:, : self.targets]
            self.first = np.stack([_first_known(panel, column) for column in self.known.T], axis=-1)


class SeasonalNaive(_OfHistory):
    """Forecasts the last known value of the same place in the season, from the whole history of the series.

    Where 12 seasons back hold none it is the last known value of the window.
    """

    def __init__(self, targets: int, mean: np.ndarray, season: int):
        super().__init__(targets, mean)
        self.season = season

    def forecast(self, windows, places, arrays) -> np.ndarray:
        self._look_at(windows.panel)
        cuts, steps = windows.cuts[places], np.arange(windows.horizon)
        begin = windows.panel.starts[windows.panel.series_of(windows.cuts[places])]
        out = np.full((len(cuts), windows.horizon, self.targets), np.nan)
        for back in range(1, MOST_SEASONS + 1):
            row = cuts[:, None] + steps - self.season * (steps // self.season + back)
            reached = row >= begin[:, None]
            seen = self.known[np.where(reached, row, 0)]
            out = np.where(np.isnan(out) & reached[..., None], seen, out)
            if not np.isnan(out).any():
                break
        return np.where(np.isnan(out), super().forecast(windows, places, arrays), out)


class Drift(_OfHistory):
    """Goes on from the last known value at the mean change per step since the first known value of the series.

    Hyndman & Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section 5.2, https://otexts.com/fpp3.
    """

    def forecast(self, windows, places, arrays) -> np.ndarray:
        self._look_at(windows.panel)
        level = super().forecast(windows, places, arrays)
        known = np.isfinite(arrays["values"][..., : self.targets])
        # How many steps of the window come after the last known value.
        after = known[:, ::-1].argmax(axis=1)
        first = self.first[windows.panel.series_of(windows.cuts[places])]
        begun = self.known[np.maximum(first, 0), np.arange(self.targets)]
        age = windows.cuts[places][:, None] - 1 - after - first
        usable = (first >= 0) & known.any(axis=1) & (age > 0)
        slope = np.where(usable, (level[:, 0] - np.where(usable, begun, 0.0)) / np.maximum(age, 1), 0.0)
        return level + slope[:, None] * (1 + np.arange(windows.horizon)[None, :, None] + after[:, None])


def _first_known(panel, column):
    """Returns `(series,)`: the panel's row of the first known value of each series, -1 where there is none."""
    known = np.flatnonzero(np.isfinite(column))
    row = np.append(known, -1)[np.searchsorted(known, panel.starts[:-1])]
    return np.where((row >= panel.starts[:-1]) & (row < panel.starts[1:]), row, -1)
