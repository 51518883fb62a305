"""Distributions: raw numbers -> parameters -> density, mean and quantiles, all in closed form.

Parameters stand on the last axis, the location (or mean) first.
"""

import math

import numpy as np
import tensorflow as tf
from scipy.special import ndtri

LEAST_SCALE = 1e-4


class Gaussian:
    """Location and standard deviation."""

    parameters = 2

    @staticmethod
    def scaled(raw, location, scale):
        """Makes parameters of raw numbers, and moves them from location 0 and scale 1 to those given.

        Args:
            raw: `(…, parameters)`.
            location, scale: `(…)`, broadcast to the axes before.
        """
        return tf.stack([raw[..., 0] * scale + location, positive(raw[..., 1]) * scale], -1)

    @staticmethod
    def log_prob(params, y):
        """Returns the logarithm of the density (or probability) of `y` `(…)`."""
        location, spread = params[..., 0], params[..., 1]
        apart = (y - location) / spread
        return -0.5 * apart * apart - tf.math.log(spread) - 0.5 * math.log(2 * math.pi)

    @staticmethod
    def mean(params):
        """Returns the mean `(…)`."""
        return params[..., 0]

    @staticmethod
    def moved(params, shift):
        """Returns the parameters with the location moved by `shift` `(…)`."""
        return tf.concat([params[..., :1] + shift[..., None], params[..., 1:]], -1)

    @staticmethod
    def from_normal(params, z):
        """Maps standard normal draws (a number, or `(…)`) to draws, and so quantiles to quantiles: it rises with z."""
        return params[..., 0] + params[..., 1] * z


class Student(Gaussian):
    """Location, scale and degrees of freedom above 2 (so that there is a variance), at most 100."""

    parameters = 3

    @staticmethod
    def scaled(raw, location, scale):
        freedom = 2.0 + 98.0 * tf.sigmoid(raw[..., 2] - 2.5) + 0.01
        return tf.stack([raw[..., 0] * scale + location, positive(raw[..., 1]) * scale, freedom], -1)

    @staticmethod
    def log_prob(params, y):
        location, spread, freedom = params[..., 0], params[..., 1], params[..., 2]
        apart = (y - location) / spread
        constant = (
            tf.math.lgamma((freedom + 1) / 2) - tf.math.lgamma(freedom / 2) - 0.5 * tf.math.log(math.pi * freedom)
        )
        return constant - tf.math.log(spread) - (freedom + 1) / 2 * tf.math.log1p(apart * apart / freedom)

    @staticmethod
    def from_normal(params, z):
        return params[..., 0] + params[..., 1] * student_from_normal(params[..., 2], z)


def student_from_normal(freedom, z):
    """Returns the quantile of Student's t where the standard normal has `z`.

    Hill (1970), Algorithm 396, https://doi.org/10.1145/355598.355600; relative error below 2e-3 from 2
    degrees of freedom on, 1e-5 from 3 on.

    Args:
        freedom: `(…)`, at least 2.
        z: A number, or a tensor that is broadcast.
    """
    n, size = freedom, abs(z) if isinstance(z, float) else tf.abs(z)
    # What the normal leaves outside of -z .. z; known before the graph runs where z is a number.
    outside = math.erfc(size / math.sqrt(2)) if isinstance(z, float) else tf.math.erfc(size / math.sqrt(2))
    a = 1 / (n - 0.5)
    b = 48 / (a * a)
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * tf.sqrt(a * math.pi / 2) * n
    y = tf.exp(2 / n * tf.math.log(tf.maximum(d * outside, 1e-30)))
    far = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (
        n + 2
    ) + 1 / y
    x = -size
    c = c + tf.where(n < 5, 0.3 * (n - 4.5) * (x + 0.6), tf.zeros_like(n))
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
    near = x * x
    near = (((((0.4 * near + 6.3) * near + 36) * near + 94.5) / c - near - 3) / b + 1) * x
    near = tf.exp(tf.minimum(a * near * near, 60.0)) - 1
    size = tf.sqrt(tf.maximum(n * tf.where(y > 0.05 + a, near, far), 0.0))
    return math.copysign(1.0, z) * size if isinstance(z, float) else tf.sign(z) * size


class NegativeBinomial:
    """Mean and alpha: variance mean + alpha mean^2. For counts as they are; its location must be 0.

    Salinas et al. (2020), section 3.1, https://arxiv.org/abs/1704.04110.
    """

    parameters = 2

    @staticmethod
    def scaled(raw, location, scale):
        mean = (positive(raw[..., 0]) + location) * scale
        return tf.stack([mean, positive(raw[..., 1]) / tf.sqrt(scale)], -1)

    @staticmethod
    def log_prob(params, y):
        mean, alpha = params[..., 0], params[..., 1]
        r = 1 / alpha
        y = tf.maximum(y, 0)
        ways = tf.math.lgamma(y + r) - tf.math.lgamma(y + 1) - tf.math.lgamma(r)
        return ways - r * tf.math.log1p(alpha * mean) + y * (tf.math.log(alpha * mean) - tf.math.log1p(alpha * mean))

    @staticmethod
    def mean(params):
        return params[..., 0]

    @staticmethod
    def moved(params, shift):
        return tf.concat([tf.maximum(params[..., :1] + shift[..., None], LEAST_SCALE), params[..., 1:]], -1)

    @staticmethod
    def from_normal(params, z):
        # The gamma distribution of the same mean and variance, by Wilson & Hilferty (1931): unlike Cornish & Fisher's
        # expansion it rises with z however far alpha is from 0.
        mean, alpha = params[..., 0], params[..., 1]
        shape = mean / (1 + alpha * mean)
        root = tf.maximum(1 - 1 / (9 * shape) + z / (3 * tf.sqrt(shape)), 0.0)
        return mean * root * root * root


def positive(x):
    """Returns softplus of `x`, a little above 0."""
    # Not tf.nn.softplus, which TFLite has no op for.
    return tf.nn.relu(x) + tf.math.log(1 + tf.exp(-tf.abs(x))) + LEAST_SCALE


DISTRIBUTIONS = {"gaussian": Gaussian, "student": Student, "negative_binomial": NegativeBinomial}


def normal_quantiles(levels) -> tuple[float, ...]:
    """Returns the standard normal's quantiles at some levels."""
    return tuple(float(z) for z in np.atleast_1d(ndtri(np.asarray(levels, np.float64))))
