"""Tails of errors: against distributions whose tail is known, and where there is hardly a tail to be fitted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import genpareto

from rnnkit.metrics.tail_fits import FEWEST, Tail, fit_pareto, fit_tail

SHAPES = st.one_of(st.just(0.0), st.floats(1e-6, 2.0), st.floats(-1.5, -1e-6))
TAILS = st.builds(Tail, st.floats(0.0, 1e6), SHAPES, st.floats(1e-6, 1e6), st.floats(1e-6, 0.5))
KNOWN = pytest.mark.parametrize(
    ("quantile", "shape", "scale"),
    [
        (lambda chance: -np.log(chance), 0.0, 1.0),
        (lambda chance: 1.0 - chance, -1.0, 0.02),
        (lambda chance: chance ** (-1 / 3), 1 / 3, 0.02 ** (-1 / 3) / 3),
    ],
    ids=["exponential", "uniform", "pareto"],
)
"""Error by the chance of a larger one; shape and scale of what goes past the largest 2 %."""


@KNOWN
def test_known_tails_are_found_in_an_even_sample(quantile, shape, scale):
    tail = fit_tail(quantile((np.arange(20_000) + 0.5) / 20_000))
    assert tail.threshold == pytest.approx(quantile(0.02), rel=1e-3)
    assert tail.shape == pytest.approx(shape, abs=0.05)
    assert tail.scale == pytest.approx(scale, rel=0.05)
    assert tail.share == 0.02
    np.testing.assert_allclose(tail.log10_chance(quantile(np.array([0.02, 0.01, 0.001]))), [-1.699, -2, -3], atol=0.02)


@KNOWN
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_known_tails_are_found_in_a_drawn_sample(quantile, shape, scale, seed):
    tail = fit_tail(quantile(1.0 - np.random.default_rng(seed).random(20_000)))
    assert tail.shape == pytest.approx(shape, abs=0.2)
    assert tail.scale == pytest.approx(scale, rel=0.25)
    assert tail.log10_chance(quantile(1e-4)) == pytest.approx(-4.0, abs=0.6)


def test_the_unit_of_the_errors_does_not_matter():
    errors = np.random.default_rng(4).gamma(2.0, 1.0, 3_000)
    one, other = fit_tail(errors), fit_tail(1_000.0 * errors)
    assert (other.threshold, other.scale) == pytest.approx((1_000.0 * one.threshold, 1_000.0 * one.scale))
    assert other.shape == pytest.approx(one.shape)
    np.testing.assert_allclose(other.log10_chance(1_000.0 * errors), one.log10_chance(errors), rtol=1e-6)


@pytest.mark.parametrize("shape", [0.0, 0.3, -0.3, -1.0])
def test_past_the_threshold_the_chance_is_the_generalised_pareto(shape):
    tail = Tail(threshold=3.0, shape=shape, scale=0.7, share=0.05)
    errors = np.array([3.0, 3.1, 3.35, 3.6])
    expected = np.log10(0.05 * genpareto.sf(errors - 3.0, shape, scale=0.7))
    np.testing.assert_allclose(tail.log10_chance(errors), expected, rtol=1e-9)


def test_up_to_the_threshold_the_logarithm_falls_in_a_line():
    tail = Tail(threshold=4.0, shape=0.2, scale=1.0, share=0.01)
    np.testing.assert_allclose(tail.log10_chance([0.0, 1.0, 2.0, 4.0]), [0.0, -0.5, -1.0, -2.0], atol=1e-12)


def test_the_answer_has_the_shape_of_the_errors_and_one_that_is_unknown_is_not_strange():
    tail = Tail(threshold=4.0, shape=0.0, scale=1.0, share=0.01)
    chances = tail.log10_chance([[np.nan, 4.0, 0.0], [4.0 + math.log(10), 2.0, np.nan]])
    np.testing.assert_allclose(chances, [[0.0, -2.0, 0.0], [-3.0, -1.0, 0.0]], atol=1e-12)
    assert np.shape(tail.log10_chance(2.0)) == ()


@given(TAILS, st.lists(st.floats(0.0, 1e30), min_size=2, max_size=30))
def test_a_larger_error_is_never_more_probable(tail, errors):
    errors = np.sort([*errors, 0.0, tail.threshold, tail.threshold + tail.scale])
    chances = tail.log10_chance(errors)
    assert np.isfinite(chances).all()
    assert chances[0] == 0.0
    assert (np.diff(chances) <= 0.0).all()
    assert tail.shape >= 0.0 or chances.min() >= -30.0 - 1e-9


@given(TAILS)
def test_the_chance_does_not_jump_at_the_threshold(tail):
    at, past = tail.log10_chance([tail.threshold, tail.threshold + 1e-9 * tail.scale])
    if tail.threshold > 0.0:
        assert at == pytest.approx(math.log10(tail.share))
    assert past == pytest.approx(math.log10(tail.share), abs=1e-6)


@pytest.mark.parametrize("shape", [-0.2, -0.5, -1.0, -1.5])
def test_errors_past_the_end_of_a_tail_still_differ(shape):
    tail = Tail(threshold=1.0, shape=shape, scale=0.5, share=0.02)
    end = 1.0 + 0.5 / -shape
    chances = tail.log10_chance([end, end + 0.1, end + 1.0, end + 100.0, 1e9])
    assert chances[1] < -15.0
    assert (np.diff(chances) < 0.0).all()
    assert chances[-1] == pytest.approx(-30.0, abs=1e-6)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([3.0] * 50, Tail(3.0, 0.0, 3.0, 0.2)),
        ([0.0] * 50, Tail(0.0, 0.0, 1.0, 0.2)),
        ([4.0], Tail(4.0, 0.0, 4.0, 0.5)),
        ([1.0, 2.0, 3.0], Tail(2.0, 0.0, 1.0, 0.5)),
        ([0.0] * 600 + [1.0] * 11, Tail(0.0, 0.0, 1.0, 0.02)),
        ([1.0] * 600 + [2.0] * 5, Tail(1.0, 0.0, 1.0, 0.02)),
    ],
    ids=["all equal", "all zero", "one", "three", "equal excesses", "few excesses"],
)
def test_without_a_tail_to_be_fitted_it_is_exponential(errors, expected):
    tail = fit_tail(errors)
    assert (tail.threshold, tail.shape, tail.scale) == (expected.threshold, expected.shape, expected.scale)
    assert tail.share == pytest.approx(expected.share)
    assert np.isfinite(tail.log10_chance([0.0, 1.0, 5.0, 1e6])).all()


def test_of_few_errors_ten_make_the_tail():
    errors = np.random.default_rng(6).exponential(1.0, 40)
    tail = fit_tail(errors)
    largest = np.sort(errors)[-FEWEST:]
    assert tail.share == 0.25 and tail.shape == 0.0
    assert np.sort(errors)[-FEWEST - 1] <= tail.threshold < largest[0]
    assert tail.scale == pytest.approx((largest - tail.threshold).mean())


def test_excesses_that_are_rounding_do_not_make_the_scale():
    errors = np.concatenate([np.ones(600), 1.0 + 1e-12 * np.arange(1, 13)])
    assert fit_tail(errors).scale == pytest.approx(1e-6)


def test_what_is_not_finite_is_left_out():
    errors = np.random.default_rng(5).exponential(1.0, (700, 3))
    with_gaps = np.concatenate([errors.ravel(), [np.nan, np.inf, np.nan]])
    assert fit_tail(with_gaps) == fit_tail(errors)


def test_pareto_fit_survives_excesses_whose_grid_meets_zero():
    # Of 100 equal excesses a point of the grid is 0, the exponential distribution.
    shape, scale = fit_pareto(np.ones(100))
    assert not math.isnan(shape) and not math.isnan(scale)


@pytest.mark.parametrize("share", [0.0, -0.1, 0.6, math.nan])
def test_a_share_out_of_its_range_is_refused_with_its_value(share):
    with pytest.raises(ValueError, match=rf"share must be above 0 and at most 0\.5\. Got {share}\."):
        fit_tail([1.0, 2.0], share=share)


def test_errors_below_zero_are_refused_with_their_value():
    with pytest.raises(ValueError, match=r"Errors must be at least 0 for a tail to be fitted\. Got -1\.5\."):
        fit_tail([1.0, -1.5, 2.0])


@pytest.mark.parametrize(("errors", "count"), [([], 0), ([math.nan, math.inf], 2)])
def test_no_finite_error_is_refused(errors, count):
    with pytest.raises(ValueError, match=rf"at least one finite error\. Got none in {count}\."):
        fit_tail(errors)
