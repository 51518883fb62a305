"""A simulated share: calm and stormy regimes, clustered volatility, breaks of drift and jumps -> one row a trading day.

Returns are drawn anew each day, but for a drift too small to see: nobody can beat the random walk here other than by
chance. How far the price may move, though, can be forecast: storms last.
"""

import datetime
import math

START = datetime.date(2014, 1, 2)
HEADER = ["date", "open", "high", "low", "close", "volume"]
DRIFTS = (0.0006, -0.0004, 0.0007, 0.0)  # per day, one after the other
JUMPS = {0.31: -0.17, 0.74: 0.11}  # place in the whole: log return overnight
# regime: long-run daily volatility, chance to stay another day
REGIMES = {"calm": (0.009, 0.993), "storm": (0.023, 0.975)}
PERSISTENCE, SHOCK, LEVERAGE = 0.87, 0.05, 0.07
FREEDOM = 5
INTRADAY = 26
OVERNIGHT = 0.25  # share of a day's variance that falls between close and open


def prices(rng, *, days):
    """Yields rows of texts as in `HEADER`.

    Glosten, Jagannathan & Runkle (1993), https://doi.org/10.1111/j.1540-6261.1993.tb05128.x, with Student-t shocks and
    a long-run variance that switches between two regimes.
    """
    close, regime, variance = 40.0, "calm", REGIMES["calm"][0] ** 2
    jumps = {round(place * days): size for place, size in JUMPS.items()}
    for number, day in enumerate(_trading_days(rng, days)):
        level, stay = REGIMES[regime]
        if rng.random() > stay:
            regime = "storm" if regime == "calm" else "calm"
        volatility = math.sqrt(variance)
        gap = _shock(rng) * volatility * math.sqrt(OVERNIGHT) + jumps.get(number, 0.0)
        drift = DRIFTS[number * len(DRIFTS) // days]
        path = _intraday(rng, drift, volatility * math.sqrt(1 - OVERNIGHT))
        levels = [close * math.exp(gap + step) for step in path]
        move = math.log(levels[-1] / close) - drift
        volume = 1.1e6 * math.exp(0.9 * math.log(volatility / 0.01) + 7 * abs(move) + rng.gauss(0, 0.22))
        shown = (levels[0], max(levels), min(levels), levels[-1])
        yield [day.isoformat(), *(f"{price:.2f}" for price in shown), str(round(volume, -2)).split(".")[0]]
        close = levels[-1]
        shock = min(move**2, 36 * variance)
        variance = (
            (1 - PERSISTENCE - SHOCK - LEVERAGE / 2) * level**2
            + PERSISTENCE * variance
            + (SHOCK + LEVERAGE * (move < 0)) * shock
        )


def _shock(rng):
    """Draws from Student's t with `FREEDOM` degrees of freedom, of variance 1."""
    square = sum(rng.gauss(0, 1) ** 2 for _ in range(FREEDOM))
    return rng.gauss(0, 1) * math.sqrt((FREEDOM - 2) / square)


def _intraday(rng, drift, volatility):
    """Returns log prices since the open, from 0 to the close; one shock sets the pace of the whole day."""
    pace = abs(_shock(rng)) / math.sqrt(2 / math.pi) * 0.6 + 0.4
    steps = [drift / INTRADAY + rng.gauss(0, volatility * pace / math.sqrt(INTRADAY) * 0.92) for _ in range(INTRADAY)]
    path = [0.0]
    for step in steps:
        path.append(path[-1] + step)
    return path


def _trading_days(rng, days):
    """Yields weekdays from `START` on; the exchange is closed at New Year, Christmas, May Day and two days a year."""
    day, made = START, 0
    closed = {(year, rng.randrange(40, 330)) for year in range(START.year, START.year + 15) for _ in range(2)}
    while made < days:
        holiday = (day.month, day.day) in {(1, 1), (5, 1), (12, 25), (12, 26)}
        if day.weekday() < 5 and not holiday and (day.year, day.timetuple().tm_yday) not in closed:
            yield day
            made += 1
        day += datetime.timedelta(days=1)
