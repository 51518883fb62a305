"""Settings of readings: which columns are sensors, where true windows are told, and where valid and test begin."""

import dataclasses

from rnnkit.messages import listed
from rnnkit.series.roles import ROW
from rnnkit.series.settings import SeriesSettings
from rnnkit.settings import SourceSettings, setting

ROWS, LINES = "rows", "lines"
AUTO, ALL, NORMAL = "auto", "all", "normal"
NONE = "none"
OF_TABLES = ("columns", "time", "id", "sensors", "label", "windows", "start", "frequency", "time_zone")
"""Settings that lines without columns have no use for."""
SHARED = ("columns", "header", "encoding", "quoting", "skip_bad_rows", "time", "id", "start", "frequency", "time_zone")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectionSourceSettings(SourceSettings):
    """A table of sensors over time, or lines that are one example each, and how they are read."""

    columns: str = setting("", "Other names of columns, as label=is_anomaly,ds=day: ours, then the file's.")
    layout: str = setting(
        ROWS,
        "rows: each is a moment; lines: each is one example, its label first, then its values, no header.",
        choices=(ROWS, LINES),
    )
    time: str = setting(
        "", "Time column; several as year,month,day,hour; 'row': there is none, see --start; empty: found."
    )
    id: str = setting("", "Column that tells series apart; empty: unique_id where there is one.")
    sensors: str = setting("", "Columns to watch, with commas; empty: all numbers without another role.")
    label: str = setting(
        "", "Column of 0 and 1 or of kinds of anomaly; empty: label or anomaly, where there is one; 'none': none."
    )
    windows: str = setting(
        "", 'JSON file of true windows: {"file.csv" or series: [[start, end], …]}, or that list; empty: none.'
    )
    normal: str = setting(
        "", "Labels that mean normal, with commas; empty: 0, normal, false and no; of lines: the most frequent."
    )
    start: str = setting("", "Stamp of the first row with --time row, such as 1990-01-01.")
    frequency: str = setting("", "Step of time with --time row, such as 15min, 1h or 1d.")
    time_zone: str = setting("", "Zone of stamps without an offset, such as Europe/Berlin; empty: none.")
    split: str = setting(
        "", "Shares 0.12,0.03,0.85, rows 600,150,3000, or dates where valid and test begin; empty: by share."
    )
    valid_share: float = setting(0.15, "Share of the rows cut for validation.", above=0.0, below=0.5)
    test_share: float = setting(0.4, "Share of the rows cut for the test.", above=0.0, at_most=0.95)
    train_on: str = setting(
        AUTO,
        "Rows to learn from: all, or those outside of true windows; auto: all; of lines: normal.",
        choices=(AUTO, ALL, NORMAL),
    )

    def __post_init__(self):
        super().__post_init__()
        if self.valid_share + self.test_share >= 1:
            raise ValueError(
                f"valid_share and test_share must leave rows to train on. Got {self.valid_share} and {self.test_share}."
            )
        if self.layout == LINES:
            given = [f"--{name.replace('_', '-')}" for name in OF_TABLES if getattr(self, name).strip()]
            if given:
                raise ValueError(
                    f"With --layout lines there are no columns: the label stands first, then the values. "
                    f"Got {listed(given)}. Leave it out."
                )
            return
        if self.windows and self.label.strip() not in ("", NONE):
            raise ValueError(
                f"True windows can be told in one way. Got --label {self.label!r} and --windows {self.windows!r}. "
                "Leave one out."
            )
        for name in ("start", "frequency"):
            if getattr(self, name) and self.time.strip() != ROW:
                raise ValueError(
                    f"{name} makes stamps where the table has none. Got {getattr(self, name)!r} with --time "
                    f"{self.time!r}. Leave it out, or pass --time {ROW}."
                )

    @property
    def normal_only(self) -> bool:
        """Whether rows inside true windows are left out of training."""
        return self.train_on == NORMAL or (self.train_on == AUTO and self.layout == LINES)

    def of_series(self, label: str = "") -> SeriesSettings:
        """Returns the settings by which tables of series are read; the label's column stands as a covariate."""
        shared = {name: getattr(self, name) for name in SHARED}
        return SeriesSettings(**shared, target=self.sensors, past=label)
