"""Findings: what was seen in the data -> a value with how bad it is, where, and what mends it."""

import array
import dataclasses
from collections.abc import Iterable, Sequence

from rnnkit.messages import few_of

SEVERITIES = ("note", "warning", "error")
PLACES = 3
"""Places kept of each finding."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing worth knowing before the training.

    Attributes:
        kind: In lower snake case, such as `leakage`.
        severity: `note`, `warning`, or `error` where `run` would refuse.
        message: One sentence or two, with counts and places.
        places: The first of them: lines, rows, positions or files, as the table counts.
        mend: What to do about it, with the flag to use; empty where there is nothing to do.
    """

    kind: str
    severity: str
    message: str
    places: tuple[int | str, ...] = ()
    mend: str = ""


class Tally:
    """Counts something and keeps the first places it was seen at."""

    def __init__(self):
        self.count, self.places = 0, []

    def add(self, place: int | str) -> None:
        """Counts one place."""
        self.count += 1
        if len(self.places) < PLACES:
            self.places.append(place)

    def where(self, unit: str) -> str:
        """Returns the places as `line 7` or `lines 7, 9, 12, …`."""
        return where(unit, self.places, self.count)


class Places:
    """The places of many rows: 8 bytes each where they are numbers."""

    def __init__(self, places: Iterable[int | str] = ()):
        self._kept = array.array("q")
        self.extend(places)

    def extend(self, places: Iterable[int | str]) -> None:
        """Adds the places of some rows."""
        places = list(places)
        if type(self._kept) is not list and any(type(place) is not int for place in places):
            self._kept = list(self._kept)
        self._kept.extend(places)

    def __len__(self):
        return len(self._kept)

    def __getitem__(self, row):
        return self._kept[row]


def where(unit: str, places: Sequence[int | str], count: int) -> str:
    """Returns the first places of `count` as `line 7` or `lines 7, 9, 12, …`; what has no places as an empty text."""
    shown = ", ".join(map(str, places[:PLACES]))
    return f"{unit}{'s' if count > 1 else ''} {shown}{', …' if count > len(places[:PLACES]) else ''}" if shown else ""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Returns `1 row`, `2,000 rows`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def percent(part: float, whole: float) -> str:
    """Returns a share as `4.2%`; what is not nothing is never shown as 0.0%."""
    share = 100 * part / max(whole, 1)
    return "<0.1%" if 0 < share < 0.05 else f"{share:.1f}%"


def quoted(texts: Sequence[str], most: int = 5) -> str:
    """Returns the first texts, quoted and cut short, and how many more there are."""
    return few_of(list(texts), most)


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Returns the findings with the worst first, else in their order."""
    return sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))
