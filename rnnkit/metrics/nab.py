"""Numenta's benchmark: anomaly scores of several series, true windows -> one score, its threshold the best of all.

Lavin & Ahmad (2015), https://arxiv.org/abs/1510.03336, and the scorer of version 1.1, which its scoreboard is made by.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

PROBATION = 0.15
"""Share of a series that is not scored, in which a detector may learn."""
LONGEST = 5_000
"""Rows past which the probation does not grow."""
STEEPNESS = 5.0
FAR = 3.0
"""Widths of a window past its end, from where a false alarm costs all."""


@dataclasses.dataclass(frozen=True)
class Profile:
    """What is won and lost.

    Attributes:
        hit: For the earliest alarm that a window may have; later ones are worth less.
        alarm: Lost by an alarm far from any window; past the end of one it costs less.
        miss: Lost by a window without an alarm.
    """

    hit: float
    alarm: float
    miss: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "reward_low_FP_rate": Profile(1.0, 0.22, 1.0),
    "reward_low_FN_rate": Profile(1.0, 0.11, 2.0),
}


@dataclasses.dataclass(frozen=True)
class Scored:
    """A series as it is judged.

    Attributes:
        scores: `(rows,)`, the higher the stranger.
        windows: First and last row of each true window, in their order, apart from one another.
        probation: Rows at the beginning that are not judged.
    """

    scores: np.ndarray
    windows: Sequence[tuple[int, int]]
    probation: int = 0


def probation_of(rows: int) -> int:
    """Returns how many rows at the beginning of a series are not judged."""
    return math.floor(min(PROBATION * rows, PROBATION * LONGEST))


def sigmoid(places) -> np.ndarray:
    """Returns the worth of an alarm by its place, in widths of a window: -1 at its start, 0 at its end, then more."""
    places = np.asarray(places, np.float64)
    return np.where(places > FAR, -1.0, 2 / (1 + np.exp(STEEPNESS * np.minimum(places, FAR))) - 1)


def worth_of(rows: int, windows: Sequence[tuple[int, int]], profile: Profile) -> tuple[np.ndarray, np.ndarray]:
    """Returns what an alarm at each row is worth `(rows,)`, and the number of the window it is in, -1 outside."""
    worth, inside, ends = np.full(rows, -profile.alarm), np.full(rows, -1), [*(first for first, _ in windows), rows]
    for place, (first, last) in enumerate(windows):
        width = last - first + 1
        steps = np.arange(first, last + 1)
        worth[first : last + 1] = profile.hit * sigmoid(-(last - steps + 1) / width) / sigmoid(-1.0)
        inside[first : last + 1] = place
        after = np.arange(last + 1, ends[place + 1])
        worth[last + 1 : ends[place + 1]] = profile.alarm * sigmoid((after - last) / max(width - 1, 1))
    return worth, inside


def nab_score(series: Sequence[Scored], profile: Profile = PROFILES["standard"]) -> tuple[float, float]:
    """Scores a detector on all series at once, by the one threshold at which it scores best.

    Args:
        series: Of which at least one has a window.
        profile: What is won and lost.

    Returns:
        The score, 0 for no alarm at all and 100 for one at the first row of each window and no other, and the
        threshold: alarms are the rows whose score reaches it.

    Raises:
        ValueError: No series has a window.
    """
    totals, thresholds, windows = sweep(series, profile)
    if not windows:
        raise ValueError("A NAB score needs at least one series with a true window. Got none.")
    best = int(np.argmax(totals))
    return _normalised(float(totals[best]), windows, profile), float(thresholds[best])


def score_at(series: Sequence[Scored], threshold: float, profile: Profile = PROFILES["standard"]) -> float:
    """Returns the score at a given threshold; of some series out of many too."""
    totals, thresholds, windows = sweep(series, profile)
    place = np.flatnonzero(thresholds >= threshold)
    return _normalised(float(totals[place[-1]]), windows, profile) if windows else float("nan")


def nab_scores(series: Sequence[Scored], profiles: Mapping[str, Profile] = PROFILES) -> dict[str, float]:
    """Returns the score of each profile, each by its own best threshold, as the scoreboard has them."""
    return {f"nab_{name}": nab_score(series, profile)[0] for name, profile in profiles.items()}


def sweep(series: Sequence[Scored], profile: Profile) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns what is won in all at each threshold, from that of no alarm on downward, and the number of windows.

    Of the alarms in a window the one worth most counts; those outside are added up.
    """
    scores, gains, count = [np.zeros(0)], [np.zeros(0)], 0
    for each in series:
        found = np.asarray(each.scores, np.float64)
        if not np.isfinite(found).all():
            raise ValueError(f"Anomaly scores must be finite. Got {found[~np.isfinite(found)][0]}.")
        worth, inside = worth_of(len(found), each.windows, profile)
        order = np.argsort(-found, kind="stable")
        order = order[order >= each.probation]
        gain = np.where(inside[order] < 0, worth[order], 0.0)
        for number in range(len(each.windows)):
            own = np.flatnonzero(inside[order] == number)
            best = np.maximum.accumulate(np.concatenate([[-profile.miss], worth[order[own]]]))
            gain[own] = np.diff(best)
        scores.append(found[order])
        gains.append(gain)
        count += len(each.windows)
    scores, gains = np.concatenate(scores), np.concatenate(gains)
    order = np.argsort(-scores, kind="stable")
    scores, totals = scores[order], np.cumsum(gains[order]) - profile.miss * count
    # Rows of one score come together: the total counts at the last of them.
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True)) if len(scores) else np.zeros(0, int)
    return np.append(-profile.miss * count, totals[last]), np.append(np.inf, scores[last]), count


def _normalised(total, windows, profile):
    null, perfect = -profile.miss * windows, profile.hit * windows
    return 100 * (total - null) / (perfect - null)
