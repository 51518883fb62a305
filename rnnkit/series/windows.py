"""Windows: places in a panel -> look-back, horizon and what is known of it, cut out only when asked for."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from rnnkit.series.panel import Panel
from rnnkit.series.scales import Scales
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.stamp_texts import stamp_text
from rnnkit.series.truth import Truth

KEPT_TEXTS = 1_000_000
"""Most ticks whose stamps are kept as texts."""


class Windows:
    """The windows of one split.

    Args:
        panel: Their steps.
        cuts: `(n,)` int64, the step of the panel that each horizon begins at.
        settings: Say `window` and `horizon`.
        scales: Of the train part.
        part: Ticks at which the split begins and ends; None for all.

    Attributes:
        target: Key of the truth in `chunks`.
        notes: One-line remarks, where they were read by themselves.
        card: Where they come from, then.
    """

    target = "target"
    notes: tuple[str, ...] = ()
    card: dict | None = None

    def __init__(
        self,
        panel: Panel,
        cuts: np.ndarray,
        settings: SeriesSettings,
        scales: Scales,
        part: tuple[int, int] | None = None,
    ):
        self.panel, self.cuts, self.scales, self.part = panel, np.asarray(cuts, np.int64), scales, part
        self.settings = settings
        self.window, self.horizon = settings.window, settings.horizon

    def __len__(self):
        return len(self.cuts)

    @property
    def series(self) -> np.ndarray:
        """`(n,)` the series of each window."""
        return self.panel.series_of(self.cuts)

    @property
    def inside(self) -> np.ndarray:
        """`(steps,)` bool, the panel's steps in this split, to learn scalers from."""
        if self.part is None:
            return np.ones(self.panel.steps, bool)
        return (self.panel.ticks >= self.part[0]) & (self.panel.ticks < self.part[1])

    def arrays(self, places: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        """Cuts out some windows; in the user's units, NaN and -1 where unknown.

        Returns:
            `seconds` `(n, window)` int64; `values` `(n, window, numeric columns)`; `categories`
            `(n, window, …)` int32; `future_values`, `future_categories` `(n, horizon, …)`;
            `static_values`, `static_categories` `(n, …)`; `target` `(n, horizon, targets)`, NaN where
            the table had no value, whatever gaps are filled with.
        """
        panel, columns = self.panel, self.panel.columns
        cuts = self.cuts[places]
        back = cuts[:, None] + np.arange(-self.window, 0)
        ahead = cuts[:, None] + np.arange(self.horizon)
        series = panel.series_of(cuts)
        future = slice(len(columns.targets) + len(columns.past), None)
        target = panel.values[ahead, : len(columns.targets)]
        if panel.filled is not None:
            target[panel.filled[ahead, : len(columns.targets)]] = np.nan
        return {
            "seconds": panel.seconds[back],
            "values": self._values(back),
            "categories": panel.categories[back],
            "future_values": panel.values[ahead, future],
            "future_categories": panel.categories[ahead, len(columns.past_categories) :],
            "static_values": panel.static_values[series],
            "static_categories": panel.static_categories[series],
            "target": target,
        }

    def _values(self, back):
        values = self.panel.values[back]
        if self.panel.filled is None or self.settings.gaps != "interpolate":
            return values
        # A gap that is open at the cut was interpolated towards what comes after: carry the last value instead.
        filled = self.panel.filled[back]
        open = np.logical_and.accumulate(filled[:, ::-1], axis=1)[:, ::-1]
        if not open.any():
            return values
        last = np.maximum(self.window - 1 - open.sum(axis=1, keepdims=True), 0)
        carried = np.where(open[:, :1], np.float32(np.nan), np.take_along_axis(values, last, axis=1))
        return np.where(open, carried, values)

    def raw(self, places: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        """Returns some windows as the served model takes them, without the inputs it has no use for."""
        arrays = self.arrays(places)
        arrays["time"] = self._texts(self.cuts[places][:, None] + np.arange(-self.window, 0))
        return raw_inputs(self.panel, arrays)

    def _texts(self, steps):
        table = self._stamp_table
        if table is None:
            return stamp_text(self.panel.seconds[steps], self.panel.zone)
        return table[self.panel.ticks[steps] - self._first_tick]

    @functools.cached_property
    def _first_tick(self):
        return int(self.panel.ticks.min())

    @functools.cached_property
    def _stamp_table(self):
        """The text of every tick, which the series share; None where they are too many."""
        ticks = np.arange(self._first_tick, self.panel.ticks.max() + 1)
        if len(ticks) > KEPT_TEXTS:
            return None
        return stamp_text(self.panel.frequency.seconds(ticks), self.panel.zone)

    def chunks(self, size: int = 1024) -> Iterator[dict[str, np.ndarray]]:
        """Yields the windows in order as `raw` does, with the truth `(n, horizon, targets)` under `target`."""
        for start in range(0, len(self), size):
            places = np.arange(start, min(start + size, len(self)))
            yield {**self.raw(places), self.target: self.arrays(places)["target"]}

    def truth(self) -> Truth:
        """Returns what came after each window."""
        panel, targets = self.panel, self.panel.columns.targets
        values = np.empty((len(self), self.horizon, len(targets)))
        known = ~np.isnan(panel.values[:, : len(targets)])
        if panel.filled is not None:
            known &= ~panel.filled[:, : len(targets)]
        last = np.empty((len(self), len(targets)))
        series = self.series
        ahead = self.cuts[:, None] + np.arange(self.horizon)
        for place in range(len(targets)):
            values[..., place] = np.where(known[ahead, place], panel.values[ahead, place], np.nan)
            before = np.maximum.accumulate(np.where(known[:, place], np.arange(panel.steps), -1))[self.cuts - 1]
            usable = (before >= 0) & (before >= panel.starts[series])
            last[:, place] = np.where(usable, panel.values[before, place], self.scales.mean[place])
        return Truth(
            values=values,
            last=last,
            scale=self.scales.scale[series],
            mean=self.scales.mean,
            spread=self.scales.spread,
            seconds=panel.seconds[self.cuts],
            series=series,
            ids=panel.ids,
            targets=targets,
        )


def raw_inputs(panel: Panel, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns arrays as the served model takes them: categories as texts, unused inputs left out."""
    columns = panel.columns
    raw = {"time": arrays["time"], "values": arrays["values"]}
    if columns.categories:
        raw["categories"] = _named(arrays["categories"], panel.category_names)
    if columns.future:
        raw["future_values"] = arrays["future_values"]
    if columns.future_categories:
        names = panel.category_names[len(columns.past_categories) :]
        raw["future_categories"] = _named(arrays["future_categories"], names)
    if columns.static:
        raw["static_values"] = arrays["static_values"]
    if columns.static_categories:
        raw["static_categories"] = _named(arrays["static_categories"], panel.static_names)
    return raw


def _named(codes, names):
    """Returns UTF-8 texts of type S, empty where the code is -1."""
    tables = [np.array([*(name.encode() for name in column), b""]) for column in names]
    return np.stack([table[codes[..., place]] for place, table in enumerate(tables)], axis=-1)
