"""Peaks over a threshold: errors of train -> how probable an error as large as any is, as a logarithm.

Siffer, Fouque, Termier & Largouet (2017), section 3, https://doi.org/10.1145/3097983.3098144, but fitted once, to train
alone.
"""

import dataclasses
import math

import numpy as np

SHARE = 0.02
MOST = 0.5
"""Share past the threshold at most."""
FEWEST = 10
"""Excesses that a shape is fitted to; with fewer it is 0."""
SHAPES = (-1.5, 2.0)
"""Outside of which a fitted shape is taken for a failure."""
LEAST_SHAPE = 1e-6
LEAST_SCALE = 1e-6
"""Of the threshold: smaller excesses are rounding."""
SOFT = 15.0
"""Where a tail has an end, chances below 10**-15 are squeezed into those above 10**-30."""


@dataclasses.dataclass(frozen=True)
class Tail:
    """How probable large errors are: up to the threshold by their share, past it generalised Pareto.

    Attributes:
        threshold: At least 0, in the units of the errors.
        shape: Of the distribution of what goes past it: 0 exponential, above 0 heavier, below 0 with an end.
        scale: Above 0, in the units of the errors.
        share: Of errors past the threshold.
    """

    threshold: float
    shape: float
    scale: float
    share: float

    def log10_chance(self, errors) -> np.ndarray:
        """Returns the logarithm, base 10, of the chance that an error is larger: at most 0, never rising, of one shape.

        With y = (error - threshold) / scale it is log10(share) plus

            -y / ln(10)                             for shape 0
            -ln(1 + shape * y) / (shape * ln(10))   for another one.

        Up to the threshold it falls in a line from 0 at error 0 to log10(share); where the threshold is 0 it is 0 at
        error 0 and log10(share) just past it. Below shape 0 the chance would be 0 from an end on, and errors past it
        equally strange. There the logarithm is as above down to -15, reached at y', and from there on
        -15 - 15 * (1 - 1 / (1 + z)) with z = y - y': still falling, to -30.

        Args:
            errors: Of any shape, finite, at least 0; NaN, an error that is not known, has the chance 1.
        """
        errors = np.nan_to_num(np.asarray(errors, np.float64), nan=0.0)
        if self.threshold > 0.0:
            below = np.clip(errors, 0.0, self.threshold) / self.threshold
        else:
            below = (errors > 0.0).astype(np.float64)
        past = np.maximum(errors - self.threshold, 0.0) / self.scale
        return math.log10(self.share) * below + self._fallen(past)

    def _fallen(self, past):
        """Returns how far the logarithm falls past the threshold, by scales past it."""
        if self.shape == 0.0:
            return -past / math.log(10)
        slope = self.shape * math.log(10)
        if self.shape > 0.0:
            return -np.log1p(self.shape * past) / slope
        # What is left of 1 + shape * y where the chance is 10**-15.
        left = math.exp(slope * (SOFT + math.log10(self.share)))
        further = np.maximum(past - (1.0 - left) / -self.shape, 0.0)
        return -np.log(np.maximum(1.0 + self.shape * past, left)) / slope - SOFT * (1.0 - 1.0 / (1.0 + further))


def fit_tail(errors, *, share: float = SHARE) -> Tail:
    """Fits a tail to the errors that are past the quantile 1 - `share`.

    Where these are fewer than 10, or the fit fails, the tail is exponential by their mean excess. Of so few errors that
    fewer than 10 can be past the quantile, `share` is raised to 10 of them, at most one half: a mean of one or two
    excesses says nothing. Where nothing is past it, as when all errors are equal, the scale is the threshold, or 1 if
    that is 0.

    Args:
        errors: Of train, at least 0, of any shape; those that aren't finite are left out.
        share: Of them that makes the tail, above 0, at most 0.5.

    Returns:
        The tail, with the share it was fitted to.

    Raises:
        ValueError: `share` is out of its range, an error is below 0, or none is finite.
    """
    if not 0.0 < share <= MOST:
        raise ValueError(f"share must be above 0 and at most {MOST}. Got {share}.")
    errors = np.asarray(errors, np.float64)
    known = errors[np.isfinite(errors)]
    if not known.size:
        raise ValueError(f"A tail is fitted to at least one finite error. Got none in {errors.size:,}.")
    if known.min() < 0.0:
        raise ValueError(f"Errors must be at least 0 for a tail to be fitted. Got {known.min()}. Take their size.")
    few = known.size * share < FEWEST
    if few:
        share = min(FEWEST / known.size, MOST)
    threshold = float(np.quantile(known, 1.0 - share))
    excesses = known[known > threshold] - threshold
    if not excesses.size:
        return Tail(threshold, 0.0, threshold if threshold > 0.0 else 1.0, share)
    shape, scale = 0.0, float(excesses.mean())
    if not few and excesses.size >= FEWEST:
        shape, scale = fit_pareto(excesses)
        if not (SHAPES[0] <= shape <= SHAPES[1] and 0.0 < scale < math.inf):
            shape, scale = 0.0, float(excesses.mean())
    if abs(shape) < LEAST_SHAPE:
        shape = 0.0
    return Tail(threshold, shape, max(scale, LEAST_SCALE * threshold), share)


def fit_pareto(excesses: np.ndarray) -> tuple[float, float]:
    """Fits a generalised Pareto distribution: its shape and scale, neither checked.

    The mean of shape / scale over its likelihood on a grid, and the best shape given that. Unlike the maximum of the
    likelihood it is there for tails with an end too, and needs no search.

    Args:
        excesses: `(n,)`, above 0.

    Zhang & Stephens (2009), https://doi.org/10.1198/tech.2009.08017, with 30 + sqrt(n) points on the grid.
    """
    excesses = np.sort(excesses)
    count, points = len(excesses), 30 + math.isqrt(len(excesses))
    quartile = excesses[max(int(count / 4 + 0.5) - 1, 0)]
    steps = 1.0 - np.sqrt(points / (np.arange(points) + 0.5))
    # Each is -shape / scale.
    grid = 1.0 / excesses[-1] + steps / (3.0 * quartile)
    shapes = np.array([np.log1p(-ratio * excesses).mean() for ratio in grid])
    # Towards the exponential distribution both are 0, and their ratio is one over the mean.
    rates = np.divide(-grid, shapes, out=np.full(points, 1.0 / excesses.mean()), where=shapes != 0.0)
    likelihood = count * (np.log(rates) - shapes - 1.0)
    weights = np.exp(likelihood - likelihood.max())
    ratio = float((grid * weights).sum() / weights.sum())
    shape = float(np.log1p(-ratio * excesses).mean())
    return shape, -shape / ratio if ratio != 0.0 else float(excesses.mean())
