"""Stamps: a column of texts or instants -> seconds since 1970, in UTC or by the wall clock."""

import dataclasses
import functools
import re
import zoneinfo
from collections.abc import Sequence

import numpy as np

from rnnkit.checking.times import EPOCH, MICROSECOND, ORDERS, parsers
from rnnkit.messages import did_you_mean
from rnnkit.series.cells import Texts, is_missing
from rnnkit.series.sheet import Instants

ISO = "ISO 8601"
YEAR_MONTH = re.compile(r"\d{4}-\d\d?")
YEAR = re.compile(r"[12]\d{3}")
TIME = "time"
"""A column that was named, or found, is one of times whatever it is called, so that Unix times are read too."""
NONE = np.iinfo(np.int64).min
LOOKED_AT = 1_000


@dataclasses.dataclass(frozen=True)
class Stamps:
    """Times of rows.

    Attributes:
        seconds: `(rows,)` int64 since 1970; where `zone` is "", of the wall clock.
        bad: Rows whose stamp is missing or can't be read.
        way: How they are written, for messages.
        zone: IANA name, or "".
        notes: One-line remarks.
    """

    seconds: np.ndarray
    bad: np.ndarray
    way: str
    zone: str
    notes: tuple[str, ...]


def read_stamps(columns: Sequence[Texts | Instants], names: Sequence[str], zone: str) -> Stamps:
    """Reads the time of each row.

    Args:
        columns: One column; or several, which are the numbers year, month, day, hour, minute and
            second in that order, or texts to be joined.
        names: Theirs.
        zone: Of stamps without an offset; "" for none.

    Raises:
        ValueError: The column holds no times.
    """
    if len(columns) > 1:
        columns = [_texts_of(column) for column in columns]
        numbers = _parts(columns)
        if numbers is not None:
            micros = _from_parts(numbers)
            return _finished(micros, np.zeros(len(micros), bool), np.arange(len(micros)), "parts", zone, names)
        columns = [_joined(columns)]
    column = columns[0]
    if isinstance(column, Instants):
        micros = column.times.astype(np.int64)
        return _finished(micros, np.full(len(micros), column.aware), np.arange(len(micros)), ISO, zone, names)
    texts = column.names
    way, rivals = _way(texts)
    micros, aware = _read(texts, way)
    notes = ()
    if rivals:
        way, micros, notes = _steadier(texts, way, rivals, micros, names[0])
    return _finished(micros, aware, column.codes, way, zone, names, notes)


def check_zone(zone: str) -> None:
    """Refuses a name that is no time zone.

    Raises:
        ValueError: It isn't in the IANA data base.
    """
    try:
        if zone:
            zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = did_you_mean(zone, zoneinfo.available_timezones())
        raise ValueError(
            f"time_zone must be an IANA name such as Europe/Berlin or UTC. Got {zone!r}. {near}".rstrip()
        ) from None


def _way(texts):
    """Returns how most texts are written, and the orders of day and month that fit as well."""
    filled = [text for text in texts if not is_missing(text)]
    step = max(len(filled) // LOOKED_AT, 1)
    some = filled[::step]
    if some and all(YEAR_MONTH.fullmatch(text) for text in some):
        return "year-month", ()
    if some and all(YEAR.fullmatch(text) for text in some):
        return "year", ()
    ways = parsers(TIME)
    read = {way: sum(parse(text) is not None for text in some) for way, parse in ways.items()}
    best = max(read, key=read.get)
    if 2 * read[best] <= len(some):
        return "", ()
    return best, tuple(way for way in ORDERS if best in ORDERS and way != best and read[way] == read[best])


def _read(texts, way):
    """Returns microseconds of each text, `NONE` where it can't be read, and whether it has an offset."""
    if way in ("year-month", "year"):
        texts = [f"{text}-01-01" if way == "year" else _first_of(text) for text in texts]
        way = ISO
    if not way:
        return np.full(len(texts), NONE), np.zeros(len(texts), bool)
    if way == ISO:
        return _read_iso(texts)
    micros, aware = np.full(len(texts), NONE), np.zeros(len(texts), bool)
    parse = parsers(TIME)[way]
    for place, text in enumerate(texts):
        micros[place], aware[place] = _micros(parse(text))
    return micros, aware


def _first_of(text):
    year, _, month = text.partition("-")
    return f"{year}-{month:0>2}-01"


def _read_iso(texts):
    import pandas as pd

    cells = np.array([*texts, ""], object)[:-1]
    times = pd.to_datetime(pd.Series(cells, dtype=object), format="ISO8601", errors="coerce", utc=True)
    micros = times.dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)
    aware = np.array(
        [len(text) > 10 and (text[-1] in "Zz" or "+" in text[8:] or "-" in text[8:]) for text in texts], bool
    )
    parse = parsers(TIME)[ISO]
    for place in np.flatnonzero(micros == NONE).tolist():
        micros[place], aware[place] = _micros(parse(texts[place]))
    # pandas also reads a bare year or month, which among whole dates is a mistake.
    micros[[place for place, text in enumerate(texts) if len(text) < 8]] = NONE
    return micros, aware


def _micros(time):
    if time is None:
        return NONE, False
    offset = time.utcoffset()
    try:
        plain = time.replace(tzinfo=None) - (offset or 0 * MICROSECOND)
    except OverflowError:
        return NONE, False
    return (plain - EPOCH) // MICROSECOND, offset is not None


def _steadier(texts, way, rivals, micros, name):
    """Chooses among orders of day and month that all fit: the one whose steps are most alike."""
    best, steadiest = way, _steadiness(micros)
    for rival in rivals:
        other, _ = _read(texts, rival)
        if _steadiness(other) > steadiest:
            best, steadiest, micros = rival, _steadiness(other), other
    rest = next(other for other in (way, *rivals) if other != best)
    return best, micros, (f"column {name!r}: {best} and {rest} both fit all dates; the former is taken.",)


def _steadiness(micros):
    steps = np.diff(np.unique(micros[micros != NONE]))
    return np.unique(steps, return_counts=True)[1].max() / len(steps) if len(steps) else 0.0


def _texts_of(column):
    if isinstance(column, Texts):
        return column
    texts = Texts()
    texts.take(np.datetime_as_string(column.times, unit="D").tolist())
    return texts


def _parts(columns):
    """Returns the numbers that the columns hold, None where one holds something else."""
    numbers = []
    for column in columns:
        names = column.names
        values = [_whole(name) for name in names]
        if any(value is None and not is_missing(name) for value, name in zip(values, names, strict=True)):
            return None
        numbers.append(np.array([*(NONE if value is None else value for value in values), NONE])[column.codes])
    return numbers if len(numbers) <= 6 else None


def _whole(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value.is_integer() and abs(value) < 10_000 else None


def _from_parts(numbers):
    import pandas as pd

    known = np.all([values != NONE for values in numbers], axis=0)
    units = ("year", "month", "day", "hour", "minute", "second")
    given = dict(zip(units, numbers, strict=False))
    parts = {unit: np.where(known, given.get(unit, unit in ("month", "day")), 1).astype(np.int64) for unit in units[:3]}
    days = pd.to_datetime(pd.DataFrame(parts), errors="coerce").to_numpy("datetime64[us]").astype(np.int64)
    good = known & (days != NONE)
    micros = np.where(good, days, 0)
    for unit, size, most in (("hour", 3600, 24), ("minute", 60, 59), ("second", 1, 60)):
        if unit in given:
            good &= (given[unit] >= 0) & (given[unit] <= most)
            micros = micros + np.where(good, given[unit], 0) * size * 1_000_000
    return np.where(good, micros, NONE)


def _joined(columns):
    texts = Texts()
    names = [column.names for column in columns]
    rows = zip(*(column.codes.tolist() for column in columns), strict=True)
    texts.take([" ".join(own[code] for own, code in zip(names, row, strict=True)) for row in rows])
    return texts


def _finished(micros, aware, codes, way, zone, names, notes=()):
    """Brings stamps to one clock: UTC where there are offsets or a zone is named."""
    column = ",".join(names)
    good = micros != NONE
    counts = np.bincount(codes, minlength=len(micros))
    bare = good & ~aware
    if zone and bare.any():
        micros, remarks = _localized(micros, bare, zone, counts, column)
        notes += remarks
    elif not zone and (good & aware).any():
        zone = "UTC"
        if mixed := counts[bare].sum():
            notes += (f"column {column!r}: {mixed:,} stamps without an offset are taken as UTC, as others have one.",)
    seconds = np.where(good, np.floor_divide(micros + 500_000, 1_000_000), NONE)[codes]
    bad = np.flatnonzero(~good[codes])
    return Stamps(seconds, bad, way, zone, notes)


def _localized(micros, bare, zone, counts, column):
    import pandas as pd

    local = pd.DatetimeIndex(micros[bare].astype("datetime64[us]"))
    localize = functools.partial(local.tz_localize, zone, nonexistent="shift_forward")
    first = localize(ambiguous=np.ones(len(local), bool))
    second = localize(ambiguous=np.zeros(len(local), bool))
    missing = local.tz_localize(zone, nonexistent="NaT", ambiguous=np.ones(len(local), bool)).isna()
    micros = micros.copy()
    micros[bare] = first.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)
    notes = []
    if twice := int(counts[bare][np.asarray(first != second)].sum()):
        notes.append(
            f"column {column!r}: {twice:,} stamps are in an hour that {zone} has twice; the first one is taken. "
            "Write them with their offset to tell both apart."
        )
    if gone := int(counts[bare][missing].sum()):
        notes.append(
            f"column {column!r}: {gone:,} stamps are in an hour that {zone} has not; they are moved to its end."
        )
    return micros, tuple(notes)


def parse_one(text: str) -> int | None:
    """Returns the seconds of one ISO date or time, None where it is none."""
    micros, _ = _read_iso([text])
    return None if micros[0] == NONE else int(micros[0] // 1_000_000)
