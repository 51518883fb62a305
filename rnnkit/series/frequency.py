"""Frequency: stamps in seconds <-> ticks of an even grid, in seconds, months or business days."""

import dataclasses
import re

import numpy as np

DAY = 86_400
MONDAY = 4 * DAY
"""The first Monday after the epoch, which is a Thursday."""
UNITS = {"s": 1, "min": 60, "h": 3600, "d": DAY, "w": 7 * DAY}
MONTHS = {"mo": 1, "q": 3, "y": 12}
NAMES = {
    "t": "min",
    "m": "min",
    "b": "bd",
    "ms": "mo",
    "me": "mo",
    "qs": "q",
    "qe": "q",
    "ys": "y",
    "ye": "y",
    "a": "y",
}
"""Other ways to write a unit, such as those of pandas."""
PATTERN = re.compile(r"\s*(\d*)\s*([A-Za-z]+)\s*")
EXAMPLES = "30s, 15min, 1h, 1d, 1w, 1mo, 1q, 1y or 1bd (business days)"


@dataclasses.dataclass(frozen=True)
class Frequency:
    """An even grid of time.

    Attributes:
        kind: `seconds`, `months` or `business_days`.
        count: Seconds or months of a step; 1 for business days.
        anchor: Seconds by which the grid is off: for `seconds` from the epoch, for `months` after
            the start of each span of `count` months or, if negative, before its end (so -86400 is its
            last day), for `business_days` after midnight.
    """

    kind: str
    count: int
    anchor: int = 0

    def ticks(self, seconds: np.ndarray) -> np.ndarray:
        """Returns the tick of each stamp, int64.

        The nearest one for `seconds`; else that of its span of months, or of its day, where
        Saturdays and Sundays count as the Friday before.
        """
        seconds = np.asarray(seconds, np.int64)
        if self.kind == "seconds":
            return np.floor_divide(2 * (seconds - self.anchor) + self.count, 2 * self.count)
        if self.kind == "months":
            return np.floor_divide(_months(seconds), self.count)
        weeks, weekday = np.divmod(np.floor_divide(seconds, DAY) + 3, 7)
        return 5 * weeks + np.minimum(weekday, 4)

    def seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Returns the stamp of each tick, int64 seconds."""
        ticks = np.asarray(ticks, np.int64)
        if self.kind == "seconds":
            return ticks * self.count + self.anchor
        if self.kind == "months":
            return month_start((ticks + (self.anchor < 0)) * self.count) + self.anchor
        weeks, weekday = np.divmod(ticks, 5)
        return (7 * weeks + weekday - 3) * DAY + self.anchor

    @property
    def text(self) -> str:
        """The step as it is written, such as 1h."""
        if self.kind == "business_days":
            return f"{self.count}bd"
        units = UNITS if self.kind == "seconds" else MONTHS
        unit = max((name for name in units if self.count % units[name] == 0), key=units.get)
        return f"{self.count // units[unit]}{unit}"

    @property
    def length(self) -> float:
        """Seconds of a step, on average."""
        return {"seconds": 1.0, "months": 365.2425 * DAY / 12, "business_days": 1.4 * DAY}[self.kind] * self.count

    @property
    def season(self) -> int:
        """Steps of the usual season: a day, a week or a year; 1 where none is."""
        if self.kind == "business_days":
            return 5
        if self.kind == "months":
            return 12 // self.count if 12 % self.count == 0 else 1
        if self.count < DAY:
            return max(round(DAY / self.count), 1)
        return {DAY: 7, 7 * DAY: 52}.get(self.count, 1)

    @property
    def whole_days(self) -> bool:
        """Whether steps are days or longer, so that their clock is the local one."""
        return self.kind != "seconds" or self.count % DAY == 0

    def as_dict(self) -> dict:
        """Returns plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Frequency":
        """Makes a frequency of what `as_dict` gave."""
        return cls(**values)


def month_start(months: np.ndarray) -> np.ndarray:
    """Returns the seconds at which months begin that are counted from year 0: 12 * year + month - 1."""
    return (np.asarray(months) - 12 * 1970).astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)


def _months(seconds):
    return np.asarray(seconds).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) + 12 * 1970


def parse_frequency(text: str) -> Frequency:
    """Reads 15min, 1h, d, 1w, 1mo, 1q, 1y or 1bd; weeks begin on Monday, months on the first.

    Raises:
        ValueError: It is none of these.
    """
    found = PATTERN.fullmatch(text)
    if found:
        count, unit = int(found[1] or 1), found[2].lower()
        unit = NAMES.get(unit, unit)
        if count and unit in UNITS:
            seconds = count * UNITS[unit]
            return Frequency("seconds", seconds, MONDAY if seconds % (7 * DAY) == 0 else 0)
        if count and unit in MONTHS:
            return Frequency("months", count * MONTHS[unit])
        if unit == "bd" and count == 1:
            return Frequency("business_days", 1)
    raise ValueError(f"frequency must be a whole number and a unit, such as {EXAMPLES}. Got {text!r}.")


def infer_frequency(seconds: np.ndarray, name: str = "time", steps: np.ndarray | None = None) -> Frequency:
    """Finds the grid that stamps lie on.

    Args:
        seconds: int64 stamps.
        name: The time column's, for messages.
        steps: Steps forward within the series; by default those between one stamp and the next.

    Raises:
        ValueError: There is none within a tenth of a step for nine stamps of ten.
    """
    seconds = np.asarray(seconds, np.int64)
    steps = np.diff(seconds) if steps is None else steps
    steps = steps[steps > 0]
    if not len(steps):
        raise ValueError(
            f"The frequency can't be inferred from column {name!r}: it has one stamp for each series only. "
            "Give it, such as --frequency 1h."
        )
    for candidate in (*_calendar(seconds, steps), *_even(seconds, steps)):
        if misfit(seconds, candidate) <= MOST_OFF:
            return candidate
    low, middle, high = (duration(value) for value in np.quantile(steps, (0, 0.5, 1)))
    raise ValueError(
        f"The frequency can't be inferred from column {name!r}: its steps are between {low} and {high}, half of them "
        f"up to {middle}. Give a grid to bring them to, such as --frequency 1h, or number the rows: --time row."
    )


MOST_OFF = 0.1
"""Most share of stamps that may be off the grid by more than this share of a step."""


def misfit(seconds: np.ndarray, frequency: Frequency) -> float:
    """Returns the share of stamps that are off the grid by more than a tenth of a step."""
    return float(np.mean(np.abs(seconds - frequency.seconds(frequency.ticks(seconds))) > MOST_OFF * frequency.length))


def anchored(frequency: Frequency, seconds: np.ndarray) -> Frequency:
    """Returns the same step with the anchor that fits most stamps."""
    if frequency.kind == "months":
        spans = frequency.ticks(seconds)
        start, starts = _mode(seconds - month_start(spans * frequency.count))
        end, ends = _mode(seconds - month_start((spans + 1) * frequency.count))
        return dataclasses.replace(frequency, anchor=int(start if starts >= ends else end))
    step = DAY if frequency.kind == "business_days" else frequency.count
    phase = np.mod(seconds, step)
    anchor, often = _mode(phase)
    if 2 * often < len(phase):
        angle = np.angle(np.exp(2j * np.pi * phase / step).mean())
        anchor = round(angle / (2 * np.pi) * step) % step
    return dataclasses.replace(frequency, anchor=int(anchor))


def _calendar(seconds, steps):
    days = steps / DAY
    for count, least, most in ((1, 28, 31), (3, 89, 92), (6, 181, 184), (12, 365, 366)):
        fits = (days >= least) & (days <= most)
        if 2 * fits.sum() > len(steps) and (count == 12 or len(np.unique(steps[fits])) > 1):
            yield anchored(Frequency("months", count), seconds)
    weekday = (seconds // DAY + 3) % 7
    if np.median(steps) == DAY and weekday.max() < 5 and (np.isin(days, (3, 4))).any():
        yield anchored(Frequency("business_days", 1), seconds)


def _even(seconds, steps):
    usual, median = _mode(steps)[0], int(np.median(steps))
    nice = min(NICE, key=lambda step: abs(np.log(step / max(median, 1))))
    shared = int(np.gcd.reduce(steps))
    several = [usual, nice, median]
    span = int(steps.sum())
    # A grid as fine as the greatest common divisor fits always; one that is mostly holes is none.
    if span // shared <= 3 * len(steps):
        several.append(shared)
    for step in dict.fromkeys(step for step in several if step > 0):
        yield anchored(Frequency("seconds", int(step)), seconds)


NICE = [*(1, 2, 5, 10, 15, 20, 30), *(60 * n for n in (1, 2, 3, 5, 10, 15, 20, 30))]
NICE += [*(3600 * n for n in (1, 2, 3, 4, 6, 8, 12)), DAY, 7 * DAY]


def _mode(values):
    values, counts = np.unique(values, return_counts=True)
    return values[np.argmax(counts)], counts.max()


def duration(seconds: float) -> str:
    """Returns a span in its largest fitting unit."""
    for unit, name in ((DAY, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} s"
