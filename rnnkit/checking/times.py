"""Times: a column of texts -> whether it holds times, how they are written, and their microseconds since 1970."""

import collections
import dataclasses
import datetime
import email.utils
import re
from collections.abc import Sequence

import numpy as np

from rnnkit.checking.findings import Finding, Places, Tally, counted
from rnnkit.checking.steps import LEAST, step_findings

MICROSECOND = datetime.timedelta(microseconds=1)
EPOCH = datetime.datetime(1970, 1, 1)
ISO = re.compile(r"\d{4}-\d\d-\d\d|\d{8}(T\d|$)")
NUMERIC = re.compile(
    r"(\d{1,4})([/.-])(\d{1,2})\2(\d{1,4})(?:[ T,]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,6})\d*)?)?\s*([AaPp][Mm])?)?"
)
ORDERS = {"year/month/day": (0, 1, 2), "day/month/year": (2, 1, 0), "month/day/year": (2, 0, 1)}
NAMED = re.compile(r"time|date|stamp|epoch|(^|_)ts($|_)", re.IGNORECASE)
UNITS = {10: 1_000_000, 13: 1_000, 16: 1}
"""Digits of a Unix time of our days -> its microseconds."""


def parse_iso(text: str) -> datetime.datetime | None:
    """Reads ISO 8601, such as 2024-03-01, 2024-03-01 12:00:00+01:00 or 20240301."""
    if not ISO.match(text):
        return None
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None


def parse_numeric(text: str, order: str) -> datetime.datetime | None:
    """Reads dates of three numbers with `/`, `.` or `-` between, in one of `ORDERS`, perhaps with a time of day."""
    found = NUMERIC.fullmatch(text)
    if not found:
        return None
    parts = [found[1], found[3], found[4]]
    year, month, day = (parts[place] for place in ORDERS[order])
    if len(year) not in (2, 4) or len(month) > 2 or len(day) > 2:
        return None
    if len(year) == 2:
        if order == "year/month/day":
            return None
        year = int(year) + (2000 if int(year) < 69 else 1900)
    hour, half = int(found[5] or 0), (found[9] or "").lower()
    if half:
        hour = hour % 12 + 12 * (half == "pm")
    rest = (hour, int(found[6] or 0), int(found[7] or 0), int((found[8] or "0").ljust(6, "0")))
    try:
        return datetime.datetime(int(year), int(month), int(day), *rest)
    except ValueError:
        return None


def parse_mail(text: str) -> datetime.datetime | None:
    """Reads dates with the month's name, such as 5 Jan 2024 10:00:00 +0000."""
    if not any(map(str.isalpha, text)):
        return None
    try:
        return email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None


def parse_unix(text: str) -> datetime.datetime | None:
    """Reads seconds, milliseconds or microseconds since 1970, by how many digits there are."""
    if not text.isdecimal() or len(text) not in UNITS:
        return None
    return EPOCH + datetime.timedelta(microseconds=int(text) * UNITS[len(text)])


def parsers(name: str) -> dict:
    """Returns the ways to read a column of that name; whole numbers are times only where the name says so."""
    ways = {"ISO 8601": parse_iso}
    for order in ORDERS:
        ways[order] = lambda text, order=order: parse_numeric(text, order)
    ways["month by name"] = parse_mail
    if NAMED.search(name):
        ways["Unix time"] = parse_unix
    return ways


class TimeColumn:
    """Reads a column as times as long as most of it can be read so: 8 bytes a row.

    Args:
        name: The column's.
        unit: What places are counted in.

    Attributes:
        way: How they are written; None where these are no times.
        unread: Cells that hold something else.
        offsets: Offset from UTC, or None, -> how often.
    """

    def __init__(self, name: str, unit: str = "row"):
        self.name, self.unit = name, unit
        self.way: str | None = None
        self.unread = Tally()
        self.offsets = collections.Counter()
        self._parse, self._times, self._places, self._off, self._rivals = None, [], Places(), False, []
        self._first: list[tuple[str, int | str]] = []

    def take(self, cells: Sequence[str], places: Sequence[int | str]) -> None:
        """Adds some cells; empty ones are passed over."""
        if self._off:
            return
        filled = [(cell.strip(), place) for cell, place in zip(cells, places, strict=True) if cell and cell.strip()]
        if self._parse is None:
            self._first += filled
            if len(self._first) < LEAST:
                return
            filled, self._first = self._first, []
            self._choose([cell for cell, _ in filled[:1_000]])
        if not self._off:
            self._read(filled)

    def _choose(self, cells):
        if not any(map(str.isdigit, "".join(cells[:LEAST]))):
            self._off = True
            return
        read = {}
        for way, parse in parsers(self.name).items():
            read[way] = sum(parse(cell) is not None for cell in cells)
        best = max(read, key=read.get)
        if read[best] <= len(cells) / 2:
            self._off = True
            return
        self.way, self._parse = best, parsers(self.name)[best]
        self._rivals = [way for way in ORDERS if best in ORDERS and way != best and read[way] == read[best]]

    def _settle(self, cells):
        """Decides between two orders of day and month as soon as a cell fits one of them alone."""
        rival = self._rivals[0]
        mine = sum(self._parse(cell) is not None for cell in cells)
        theirs = sum(parse_numeric(cell, rival) is not None for cell in cells)
        if mine != theirs:
            self._rivals = []
        if theirs > mine:
            self.way, self._parse = rival, parsers(self.name)[rival]
            self._times = [np.array([_swapped(time) for time in part.tolist()], np.int64) for part in self._times]

    def _read(self, filled):
        if self._rivals:
            self._settle([cell for cell, _ in filled])
        times = np.zeros(len(filled), np.int64)
        kept = np.zeros(len(filled), bool)
        for row, (cell, place) in enumerate(filled):
            time = self._parse(cell)
            if time is None:
                self.unread.add(place)
                continue
            offset = time.utcoffset()
            self.offsets[offset] += 1
            if offset is not None:
                try:
                    time = time.replace(tzinfo=None) - offset
                except OverflowError:
                    self.unread.add(place)
                    continue
            times[row], kept[row] = (time - EPOCH) // MICROSECOND, True
        self._times.append(times[kept])
        self._places.extend(place for (_, place), keep in zip(filled, kept.tolist(), strict=True) if keep)
        if self.unread.count > len(self._places):
            self._off, self.way = True, None

    @property
    def times(self) -> np.ndarray:
        """Microseconds since 1970 in UTC, in the order of the rows."""
        return np.concatenate(self._times) if self._times else np.zeros(0, np.int64)

    def findings(self, *, read: bool = True) -> list[Finding]:
        """Returns what is odd about the times; nothing where the column holds no times.

        Args:
            read: Whether the recipe reads the column; if not, there is nothing to mend.
        """
        if self.way is None:
            return []
        found = [*self._writing(), *step_findings(self.times, self._places, name=self.name, unit=self.unit)]
        return found if read else [dataclasses.replace(finding, severity="note", mend="") for finding in found]

    def _writing(self):
        findings, name = [], f"column {self.name!r}"
        if self.unread.count:
            message = f"{name}: {counted(self.unread.count, 'cell')} can't be read as times, as the others are"
            message = f"{message} ({self.unread.where(self.unit)})."
            mend = f"Write all times of {self.name!r} in one way, best 2024-03-01T12:00:00."
            findings.append(Finding("times_unread", "warning", message, tuple(self.unread.places), mend))
        if self._rivals:
            message = f"{name}: {self.way} and {self._rivals[0]} both fit all of its dates; the former is taken here."
            mend = f"Write the dates of {self.name!r} as 2024-03-01."
            findings.append(Finding("times_ambiguous", "warning", message, mend=mend))
        if None in self.offsets and len(self.offsets) > 1:
            bare = self.offsets[None]
            message = (
                f"{name}: {counted(bare, 'time')} without a time zone among {sum(self.offsets.values()) - bare:,} "
            )
            message += "with one; the former are taken as UTC here."
            mend = f"Write the time zone of all times of {self.name!r}, or of none."
            findings.append(Finding("time_zones_mixed", "warning", message, mend=mend))
        elif len(self.offsets) > 1:
            zones = ", ".join(_zone(offset) for offset in sorted(self.offsets)[:5])
            message = f"{name}: times of {len(self.offsets)} offsets from UTC ({zones}); they are compared in UTC."
            findings.append(Finding("time_zones", "note", message))
        return findings


def _swapped(microseconds):
    """Returns a time with day and month exchanged, where both orders fit."""
    moment = EPOCH + datetime.timedelta(microseconds=microseconds)
    return (moment.replace(month=moment.day, day=moment.month) - EPOCH) // MICROSECOND


def _zone(offset):
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
