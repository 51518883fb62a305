"""Zones: the name of a time zone -> a table of its offsets, so that no graph needs a database of zones."""

import bisect
import datetime
import functools
import zoneinfo

from rnnkit.messages import did_you_mean

YEARS = 1900, 2100
DAY = 86_400


@functools.cache
def zone_offsets(zone: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns when a zone's offset from UTC changes, from 1900 to 2100, and the offsets.

    Args:
        zone: IANA name such as Europe/Berlin; empty for none.

    Returns:
        `changes`, UTC seconds since 1970, and `offsets`, seconds, one more: the first holds before the
        first change, and each of the rest from its change on.

    Raises:
        LookupError: There is no such zone.
    """
    if not zone:
        return (), (0,)
    offset = functools.partial(_offset, _zone(zone))
    first, last = (int(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp()) for year in YEARS)
    changes, offsets = [], [offset(first)]
    for day in range(first, last, DAY):
        if offset(day + DAY) == offsets[-1]:
            continue
        before = offsets[-1]
        place = bisect.bisect_left(range(day, day + DAY), True, key=lambda second: offset(second) != before)
        changes.append(day + place)
        offsets.append(offset(day + place))
    return tuple(changes), tuple(offsets)


def _zone(name):
    try:
        return zoneinfo.ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        near = did_you_mean(name, zoneinfo.available_timezones())
        raise LookupError(f"There is no time zone {name!r}. {near}Give a name such as Europe/Berlin or UTC.") from None


def _offset(zone, second):
    moment = datetime.datetime.fromtimestamp(second, datetime.UTC).astimezone(zone)
    return int(moment.utcoffset().total_seconds())
