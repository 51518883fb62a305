"""Moments: stamps that a person writes beside the data -> seconds since 1970, by the clock of the data."""

from collections.abc import Sequence

import numpy as np

from rnnkit.series.cells import Texts
from rnnkit.series.stamp_texts import stamp_text
from rnnkit.series.stamps import parse_one, read_stamps


def read_moments(texts: Sequence[str], zone: str, what: str) -> np.ndarray:
    """Reads stamps.

    Args:
        texts: Such as 2014-04-10 07:15.
        zone: See `Readings.zone`: that of stamps without an offset.
        what: What they are of, to begin messages.

    Returns:
        `(len(texts),)` int64.

    Raises:
        ValueError: One is no time, or has an offset where the data has no zone.
    """
    column = Texts()
    column.take(list(texts))
    stamps = read_stamps([column], (what,), zone)
    if len(stamps.bad):
        bad = [texts[row] for row in stamps.bad.tolist()]
        # Where half of them are no times, all are told to be bad.
        culprit = next((text for text in bad if parse_one(text) is None), bad[0])
        raise ValueError(f"{what}: {culprit!r} is no time. Write it as 2024-03-01 12:00:00.")
    if stamps.zone != zone:
        raise ValueError(
            f"{what} has times with an offset, such as {texts[0]!r}, and the data's have none. "
            "Write them without, or say the data's zone: --time-zone Europe/Berlin"
        )
    return stamps.seconds


def moment_text(second: int, zone: str = "") -> str:
    """Returns a moment as messages show it."""
    return stamp_text(np.array([second]), zone)[0].decode()
