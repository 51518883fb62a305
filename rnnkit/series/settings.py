"""Settings of series: which column is what, the grid of time, gaps, and the windows cut out of it."""

import dataclasses

from rnnkit.settings import SourceSettings, setting

LARGE = 1_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeriesSettings(SourceSettings):
    """A table of series over time, and how it is read."""

    columns: str = setting("", "Other names of columns, as y=price,ds=day: ours, then the file's.")
    time: str = setting(
        "", "Time column; several as year,month,day,hour; 'row': there is none, see --start; empty: found."
    )
    id: str = setting("", "Column that tells series apart; empty: unique_id where there is one.")
    target: str = setting("", "Columns to forecast, with commas; empty: y, or all numbers without another role.")
    past: str = setting("", "Covariates known up to now, with commas; texts are categories.")
    future: str = setting("", "Covariates known over the horizon too, with commas.")
    static: str = setting("", "Covariates that stay the same throughout a series, with commas.")
    start: str = setting("", "Stamp of the first row with --time row, such as 1990-01-01.")
    frequency: str = setting(
        "", "Step of time, such as 15min, 1h, 1d, 1bd, 1mo; coarser than the data: means; empty: from the stamps."
    )
    time_zone: str = setting("", "Zone of stamps without an offset, such as Europe/Berlin; empty: none.")
    gaps: str = setting(
        "mask",
        "Missing values: the last one, a line between neighbours, marked as missing; skip: rows follow each other.",
        choices=("fill", "interpolate", "mask", "skip"),
    )
    duplicates: str = setting("mean", "Rows of one series and one time.", choices=("mean", "first", "last", "refuse"))
    short_series: str = setting(
        "refuse", "Series too short for one window, among others.", choices=("refuse", "leave_out")
    )
    transform: str = setting("none", "What is done to the target before it is scaled.", choices=("none", "log"))
    window: int = setting(96, "Steps looked back on.", at_least=1, at_most=LARGE)
    horizon: int = setting(24, "Steps forecast.", at_least=1, at_most=LARGE)
    stride: int = setting(1, "Steps between two windows for training.", at_least=1)
    split: str = setting(
        "", "Steps 8640,2880,2880, shares 0.6,0.2,0.2, or dates where valid and test begin; empty: by share."
    )
    season: int = setting(0, "Steps of a season, for the seasonal naive forecast; 0: from the frequency.", at_least=0)
    most_scored: int = setting(20_000, "Most windows of valid, and of test, that are scored; 0: all.", at_least=0)
