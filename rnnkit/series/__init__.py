"""Series: tables with a time column -> panels on a grid of ticks -> windows, split by time."""

from rnnkit.series.columns import Columns
from rnnkit.series.facts import series_card
from rnnkit.series.frequency import Frequency, infer_frequency, parse_frequency
from rnnkit.series.history import History, read_history, read_windows
from rnnkit.series.panel import Panel
from rnnkit.series.settings import SeriesSettings
from rnnkit.series.splits import SeriesSplits, read_splits
from rnnkit.series.truth import Truth
from rnnkit.series.windows import Windows

__all__ = [
    "Columns",
    "Frequency",
    "History",
    "Panel",
    "SeriesSettings",
    "SeriesSplits",
    "Truth",
    "Windows",
    "infer_frequency",
    "parse_frequency",
    "read_history",
    "read_splits",
    "read_windows",
    "series_card",
]
