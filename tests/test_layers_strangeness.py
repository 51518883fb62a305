"""Strangeness against plain definitions, row by row."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from rnnkit.layers.detection import strangeness
from rnnkit.layers.detection.strangeness import Dynamic, Likelihood, Rank, Relative, Tail, log10_tail


def run(kind, errors):
    """Returns the scores of errors `(rows,)`, one by one."""
    state = {name: tf.constant(value, tf.float32)[None] for name, value in kind.state().items()}

    @tf.function(autograph=False)
    def step(error, state):
        score, after = kind.score(error[None], state)
        return score[0], {**state, **after}

    scores = []
    for error in np.asarray(errors, np.float32):
        score, state = step(tf.constant(error), state)
        scores.append(float(score))
    return np.array(scores)


@pytest.fixture
def errors():
    random = np.random.default_rng(3)
    found = np.abs(random.normal(1, 0.3, 120)).astype(np.float32)
    found[[40, 41, 90]] = 5, 4.5, 9
    return found


def test_the_logarithm_of_a_gaussian_tail_is_right_where_the_tail_itself_is_0():
    distances = np.array([-9, -3, -0.5, 0, 0.1, 1, 3, 8, 40, 1000], np.float32)
    expected = -scipy.stats.norm.logsf(distances.astype(float)) / np.log(10)
    np.testing.assert_allclose(log10_tail(tf.constant(distances)), expected, rtol=2e-5, atol=2e-6)


def test_relative_says_how_many_spreads_an_error_is_above_the_mean(errors):
    np.testing.assert_allclose(run(Relative(1.0, 0.5), errors), np.maximum((errors - 1) / 0.5, 0), rtol=1e-6)


def test_the_likelihood_is_that_of_the_last_mean_beside_a_fading_past(errors):
    mean, square, fading, short = 1.0, 0.25, 2 / 51, [1.0] * 3
    expected = []
    for error in errors.tolist():
        short = [*short[1:], error]
        expected.append(-scipy.stats.norm.logsf((np.mean(short) - mean) / np.sqrt(square)) / np.log(10))
        away = error - mean
        mean, square = mean + fading * away, (1 - fading) * (square + fading * away**2)
    found = run(Likelihood(1.0, 0.5, short=3, long=50), errors)
    beyond = np.maximum(np.array(expected) - 15, 0)
    expected = np.minimum(expected, 15) + 15 * beyond / (beyond + 15)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_a_rank_is_the_share_of_the_last_errors_that_are_as_large(errors):
    history = np.linspace(0.2, 2, 30).astype(np.float32)
    rows = np.concatenate([history, errors])
    expected = [-np.log10(((rows[place : place + 30] >= error).sum() + 1) / 31) for place, error in enumerate(errors)]
    np.testing.assert_allclose(run(Rank(history), errors), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [0.0, 0.3, -0.4])
def test_a_tail_is_that_of_the_fitted_distribution(shape):
    errors = np.linspace(0, 4, 50)
    chance = 0.02 * scipy.stats.genpareto.sf(errors, shape, loc=1.5, scale=0.8)
    expected = -np.log10(np.maximum(chance, 1e-300))
    found = run(Tail(1.5, shape, 0.8, 0.02), errors)
    past = (errors > 1.5) & (expected < 15)
    np.testing.assert_allclose(found[past], expected[past], rtol=1e-3)
    assert (np.diff(found) >= 0).all() and np.isfinite(found).all() and found[0] == 0
    below = errors <= 1.5
    np.testing.assert_allclose(found[below], -np.log10(0.02) * errors[below] / 1.5, rtol=1e-4, atol=1e-6)


def test_past_the_end_of_a_bounded_tail_the_larger_error_is_still_the_stranger():
    found = run(Tail(1.5, -0.5, 0.8, 0.02), [3.0, 3.2, 4.0, 10.0, 100.0])
    assert (np.diff(found) > 0).all() and found[-1] <= 30


def dynamic(history, least_drop=0.13):
    """Hundman et al. (2018): threshold and whether the last error's run stays, in loops."""
    best, threshold = -1.0, history.mean() + 10 * history.std()
    for multiple in np.arange(2, 10.01, 0.5):
        tried = history.mean() + multiple * history.std()
        above = history >= tried
        runs = runs_of(above)
        if not above.any() or len(runs) > 5 or above.sum() >= 0.5 * len(history):
            continue
        rest = history[~above]
        taken = (history.mean() - rest.mean()) / history.mean() + (history.std() - rest.std()) / history.std()
        if (worth := taken / (above.sum() + len(runs) ** 2)) > best:
            best, threshold = worth, tried
    above = history >= threshold
    if not above[-1]:
        return threshold, False
    peaks = sorted((history[first : last + 1].max() for first, last in runs_of(above)), reverse=True)
    falling = [*peaks, history[~above].max()]
    own = max(history[first : last + 1].max() for first, last in runs_of(above) if last == len(history) - 1)
    drops = [(one - next_) / one > least_drop for one, next_ in zip(falling, falling[1:], strict=False)]
    return threshold, any(drop for drop, peak in zip(drops, falling, strict=False) if peak <= own)


def runs_of(above):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], above.astype(int), [0]])))
    return [(first, last - 1) for first, last in edges.reshape(-1, 2).tolist()]


@pytest.mark.parametrize("seed", range(4))
def test_the_dynamic_threshold_is_that_of_the_plain_definition(seed):
    random = np.random.default_rng(seed)
    history = np.abs(random.normal(1, 0.3, 60)).astype(np.float32)
    errors = np.abs(random.normal(1, 0.3, 80)).astype(np.float32)
    errors[random.integers(0, 80, 6)] += random.uniform(1, 6, 6).astype(np.float32)
    found, rows, alarms = run(Dynamic(history), errors), np.concatenate([history, errors]).astype(float), 0
    for place, error in enumerate(errors):
        threshold, kept = dynamic(rows[place + 1 : place + 61])
        expected = error / threshold if error < threshold or kept else 0.0
        assert found[place] == pytest.approx(expected, rel=1e-3), place
        alarms += kept
    assert alarms


def test_errors_that_are_all_the_same_are_never_strange():
    same = np.ones(20, np.float32)
    for kind in (Relative(1.0, 0.0), Likelihood(1.0, 0.0, short=2, long=10), Dynamic(same)):
        assert (run(kind, same) < 1).all() and np.isfinite(run(kind, same)).all()
    assert strangeness.LEAST > 0
