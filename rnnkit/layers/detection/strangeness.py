"""Strangeness: the error of a row, and what was kept of those before -> how strange it is; in constant time and memory.

Each kind has a `state()`, name -> what it is before the first row, and a `score(error, state)`. Nothing but
elementwise ops, sums and `top_k`, so that a device can run it.
"""

import math

import numpy as np
import tensorflow as tf

LEAST = 1e-6
"""Errors and their spreads are taken for at least this."""
LOG_10 = math.log(10.0)
SOFT = 15.0
"""Logarithms of chances are as they are up to here, and less than twice as much past it."""


class Relative:
    """How many times its usual spread an error is above its usual size, both as train has them.

    Args:
        centre, spread: Mean and standard deviation of train's errors, smoothed as those that are scored.
    """

    def __init__(self, centre: float, spread: float):
        self.centre, self.spread = centre, max(spread, LEAST)

    def state(self) -> dict[str, np.ndarray]:
        return {}

    def score(self, error, state):
        return tf.maximum((error - self.centre) / self.spread, 0.0), {}


class Likelihood:
    """How unlikely the mean of the last few errors is beside a long past: `-log10` of a Gaussian's tail.

    Mean and spread of the long past fade with a time constant of `long` rows, where Lavin & Ahmad (2015,
    https://arxiv.org/abs/1510.03336, section 3) keep the rows themselves; they begin as train has them.

    Args:
        centre, spread: As for `Relative`.
        short, long: Rows.
    """

    def __init__(self, centre: float, spread: float, *, short: int, long: int):
        self.centre, self.spread = centre, max(spread, LEAST)
        self.short, self.fading = short, 2 / (long + 1)

    def state(self) -> dict[str, np.ndarray]:
        return {
            "short": np.full(self.short, self.centre, np.float32),
            "long_mean": np.float32(self.centre),
            "long_square": np.float32(self.spread**2),
        }

    def score(self, error, state):
        short = tf.concat([state["short"][:, 1:], error[:, None]], 1)
        mean, square = state["long_mean"], state["long_square"]
        spread = tf.sqrt(tf.maximum(square, LEAST**2))
        found = log10_tail((tf.reduce_mean(short, 1) - mean) / spread)
        away = error - mean
        after = {
            "short": short,
            "long_mean": mean + self.fading * away,
            "long_square": (1 - self.fading) * (square + self.fading * away * away),
        }
        return softened(found), after


class Rank:
    """How seldom so large an error was among the last ones: `-log10` of a conformal p-value.

    Laxhammar & Falkman (2014), https://doi.org/10.1007/s10472-013-9381-7.

    Args:
        errors: `(history,)`, the last ones of train, from which a series goes on.
    """

    def __init__(self, errors: np.ndarray):
        self.first = np.asarray(errors, np.float32)

    def state(self) -> dict[str, np.ndarray]:
        return {"history": self.first}

    def score(self, error, state):
        history = state["history"]
        as_large = tf.reduce_sum(tf.cast(history >= error[:, None], tf.float32), 1)
        found = -tf.math.log((as_large + 1) / (history.shape[1] + 1)) / LOG_10
        return found, {"history": tf.concat([history[:, 1:], error[:, None]], 1)}


class Tail:
    """How unlikely so large an error is by the tail fitted to train's largest ones: `-log10` of its chance.

    A generalised Pareto distribution past a threshold (Siffer et al. 2017, https://doi.org/10.1145/3097983.3098144);
    below it the logarithm falls evenly from 0.

    Args:
        threshold, shape, scale: Of the distribution.
        share: Of train's errors that are above the threshold.
    """

    def __init__(self, threshold: float, shape: float, scale: float, share: float):
        self.threshold, self.shape, self.scale = max(threshold, LEAST), shape, max(scale, LEAST)
        self.share = share

    def state(self) -> dict[str, np.ndarray]:
        return {}

    def score(self, error, state):
        above = tf.maximum(error - self.threshold, 0.0) / self.scale
        at_threshold = -math.log10(self.share)
        found = at_threshold * tf.minimum(error / self.threshold, 1.0) + self._fallen(above, SOFT - at_threshold)
        return softened(found), {}

    def _fallen(self, above, most):
        """Returns `-log10` of the share of the excesses that are larger; past the end of a bounded tail it goes on."""
        if abs(self.shape) < 1e-4:
            return above / LOG_10
        if self.shape > 0:
            return tf.math.log(1 + self.shape * above) / (self.shape * LOG_10)
        # The chance is 10^-most here, before the end; from there on each unit of scale is one more.
        last = (math.exp(self.shape * LOG_10 * most) - 1) / self.shape
        inside = tf.math.log(1 + self.shape * tf.minimum(above, last)) / (self.shape * LOG_10)
        return inside + tf.maximum(above - last, 0.0)


class Dynamic:
    """An error as a multiple of a threshold found anew at each row, 0 where its run is pruned.

    The threshold is the one of some above the mean of the last errors, in steps of half their spread, that takes most
    from mean and spread for the fewest rows and runs above it; a run is pruned if its highest error is hardly above the
    next highest of the others. Hundman et al. (2018), https://arxiv.org/abs/1802.04431, section 3.2.

    Args:
        errors: `(history,)`, as for `Rank`; as many are looked back on, the row's own included.
        least_drop: Share by which a run's highest error must be above the next.
    """

    MULTIPLES = np.arange(2.0, 10.01, 0.5, dtype=np.float32)
    MOST_RUNS = 5

    def __init__(self, errors: np.ndarray, *, least_drop: float = 0.13):
        self.first = np.asarray(errors, np.float32)
        self.least_drop = least_drop

    def state(self) -> dict[str, np.ndarray]:
        return {"history": self.first}

    def score(self, error, state):
        history = tf.concat([state["history"][:, 1:], error[:, None]], 1)
        threshold = self._threshold(history)
        above = history >= threshold[:, None]
        kept = self._kept(history, above)
        found = error / tf.maximum(threshold, LEAST)
        return tf.where((found >= 1) & ~kept, 0.0, found), {"history": history}

    def _threshold(self, history):
        """Returns the threshold of each row of histories, `(batch,)`."""
        count = float(history.shape[1])
        mean = tf.reduce_mean(history, 1, keepdims=True)
        spread = tf.sqrt(tf.reduce_mean(tf.square(history - mean), 1, keepdims=True))
        tried = mean + self.MULTIPLES * tf.maximum(spread, LEAST)
        above = tf.cast(history[:, None, :] >= tried[:, :, None], tf.float32)
        over = tf.reduce_sum(above, 2)
        runs = tf.reduce_sum(tf.maximum(above - tf.pad(above, [[0, 0], [0, 0], [1, 0]])[:, :, :-1], 0.0), 2)
        rest = tf.maximum(count - over, 1.0)
        below = (1 - above) * history[:, None, :]
        rest_mean = tf.reduce_sum(below, 2) / rest
        away = (1 - above) * (history[:, None, :] - rest_mean[:, :, None])
        rest_spread = tf.sqrt(tf.reduce_sum(away * away, 2) / rest)
        taken = (mean - rest_mean) / tf.maximum(mean, LEAST) + (spread - rest_spread) / tf.maximum(spread, LEAST)
        worth = taken / tf.maximum(over + runs * runs, 1.0)
        fits = (over > 0) & (runs <= self.MOST_RUNS) & (over < 0.5 * count)
        # Where none fits, nothing is strange: the highest one tried stands.
        worth = tf.where(fits, worth, -1.0)
        best = tf.one_hot(tf.argmax(worth, 1, output_type=tf.int32), len(self.MULTIPLES))
        found = tf.reduce_sum(best * tried, 1)
        return tf.where(tf.reduce_any(fits, 1), found, tried[:, -1])

    def _kept(self, history, above):
        """Says whether the run that the last error is in stays, `(batch,)`."""
        last_of_run = above & ~tf.concat([above[:, 1:], tf.zeros_like(above[:, :1])], 1)
        highest = self._run_highest(history, above)
        peaks = tf.where(last_of_run, highest, 0.0)
        normal = tf.reduce_max(tf.where(above, 0.0, history), 1, keepdims=True)
        peaks, _ = tf.math.top_k(peaks, min(self.MOST_RUNS + 1, history.shape[1]))
        falling = tf.concat([tf.maximum(peaks, normal), normal], 1)
        drops = (falling[:, :-1] - falling[:, 1:]) / tf.maximum(falling[:, :-1], LEAST)
        # A run stays if somewhere at its own peak or below comes a drop that is large enough.
        of_own = falling[:, :-1] <= highest[:, -1:]
        return tf.reduce_any(of_own & (drops > self.least_drop), 1)

    @staticmethod
    def _run_highest(history, above):
        """Returns at each error the highest so far of its run, `(batch, history)`; any value outside of runs."""
        starts = above & ~tf.concat([tf.zeros_like(above[:, :1]), above[:, :-1]], 1)
        run = tf.cumsum(tf.cast(starts, tf.float32), 1) * tf.cast(above, tf.float32)
        highest, reach = history, 1
        while reach < history.shape[1]:
            earlier = tf.pad(highest, [[0, 0], [reach, 0]])[:, :-reach]
            same = tf.pad(run, [[0, 0], [reach, 0]], constant_values=-1.0)[:, :-reach] == run
            highest = tf.where(same & above, tf.maximum(highest, earlier), highest)
            reach *= 2
        return highest


def softened(found):
    """Returns scores past `SOFT`, where no chance is told from another, in their order on the way to twice as much."""
    beyond = tf.maximum(found - SOFT, 0.0)
    return tf.minimum(found, SOFT) + SOFT * beyond / (beyond + SOFT)


def log10_tail(distances):
    """Returns `-log10` of the chance that a standard Gaussian is above, of any size without underflow.

    By the approximation of the complementary error function to 1.2e-7 of its value in Press et al. (1992),
    Numerical Recipes, section 6.2.
    """
    x = tf.abs(distances) / math.sqrt(2.0)
    t = 1 / (1 + 0.5 * x)
    series = tf.zeros_like(t)
    for factor in reversed(TAIL):
        series = series * t + factor
    above = -(tf.math.log(t) - x * x + series - math.log(2.0)) / LOG_10
    # Below the mean nearly all is above: 1 - Q there.
    inside = -tf.math.log(tf.maximum(1 - tf.pow(10.0, -above), LEAST)) / LOG_10
    return tf.where(distances >= 0, above, inside)


TAIL = (
    *(-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806),
    *(0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277),
)
