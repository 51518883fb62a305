"""Is it better than the random walk: the test keeps its level on overlapping errors, and finds real differences."""

import numpy as np
import pytest

from rnnkit.metrics.direction import diebold_mariano, sentence_on_random_walk, wilson_interval
from rnnkit.metrics.forecasts import score_forecasts
from rnnkit.series.truth import Truth

LEVELS = (0.1, 0.5, 0.9)


def test_the_interval_of_wilson_is_the_published_one():
    # Agresti & Coull (1998), https://doi.org/10.1080/00031305.1998.10480550: 0 of 20 and 15 of 20
    assert wilson_interval(0.0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson_interval(0.75, 20) == pytest.approx((0.5313, 0.8881), abs=1e-4)


def test_without_overlap_the_statistic_is_that_of_the_formula():
    random = np.random.default_rng(0)
    a, b = random.normal(0, 1.3, 53), random.normal(0, 1, 53)
    d = a**2 - b**2
    lags = int(4 * 0.53 ** (2 / 9))
    centred = d - d.mean()
    variance = (centred**2).sum() / 53
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * sum(centred[i] * centred[i - lag] for i in range(lag, 53)) / 53
    expected = d.mean() / np.sqrt(variance / 53) * np.sqrt((53 + 1 - 2 + 0) / 53)
    statistic, p = diebold_mariano(a, b, 1)
    assert statistic == pytest.approx(expected)
    assert 0 < p < 1
    assert diebold_mariano(b, a, 1) == pytest.approx((-statistic, p))


@pytest.mark.parametrize("horizon", [1, 5])
def test_equal_forecasts_are_told_apart_about_as_often_as_the_level_says(horizon):
    """Errors of h steps ahead are moving sums of h shocks, as those of overlapping windows are."""
    random = np.random.default_rng(horizon)
    found = 0
    for _ in range(400):
        a, b = (np.convolve(random.normal(0, 1, 250 + horizon - 1), np.ones(horizon), "valid") for _ in range(2))
        found += diebold_mariano(a, b, horizon)[1] < 0.05
    assert 0.02 < found / 400 < 0.09


def test_a_better_forecast_is_found_better():
    random = np.random.default_rng(3)
    a = random.normal(0, 1, (300, 2, 3))
    statistic, p = diebold_mariano(a, a + random.normal(0, 0.5, a.shape), 2)
    assert statistic < 0
    assert p < 0.001


def test_nothing_to_tell_apart_is_no_difference():
    errors = np.ones((9, 2))
    assert diebold_mariano(errors, errors, 2) == (0.0, 1.0)
    assert diebold_mariano(errors[:2], 2 * errors[:2], 1) == (0.0, 1.0)
    assert diebold_mariano(np.full(9, np.nan), np.ones(9), 1) == (0.0, 1.0)


def walked(seed, hold):
    """A random walk with the part `hold` of its next change known, one step ahead."""
    random = np.random.default_rng(seed)
    price = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 401)))
    last, values = price[:-1, None], price[1:, None, None]
    truth = Truth(
        values=values,
        last=last,
        scale=np.ones_like(last),
        mean=np.array([100.0]),
        spread=np.array([10.0]),
        seconds=86_400 * np.arange(400),
        series=np.zeros(400, int),
        ids=("a",),
        targets=("close",),
    )

    def scores(forecast):
        answers = {"forecast": forecast, "quantiles": np.repeat(forecast[..., None], 3, axis=-1)}
        return score_forecasts(answers, truth, levels=LEVELS, direction=True)

    noise = random.normal(0, 0.003, values.shape)
    return scores(last[:, None] + hold * (values - last[:, None]) + 100 * noise), scores(last[:, None])


def test_the_sentence_says_when_the_walk_is_beaten_and_when_it_is_not():
    ours, walk = walked(1, hold=0.5)
    said = sentence_on_random_walk(ours, {"random_walk": {"test": walk}})
    assert said.startswith("On the test windows the model beats the random walk (RMSE of log returns 0.0")
    assert "right (95 % interval" in said
    assert "better than always saying" in said
    ours, walk = walked(2, hold=0.0)
    said = sentence_on_random_walk(ours, {"random_walk": {"test": walk}})
    assert "is worse than the random walk" in said or "does not beat the random walk" in said
    assert "not told apart from always saying" in said


def test_the_random_walk_against_itself_is_a_tie():
    _, walk = walked(3, hold=0.0)
    assert walk["p_against_random_walk"] == 1.0
    assert walk["directional_accuracy"] == 0.5
    said = sentence_on_random_walk(walk, {"random_walk": {"test": walk}})
    assert "does not beat the random walk: the difference is within chance" in said


def test_overlapping_changes_widen_the_interval():
    truth_of = np.random.default_rng(4).normal(0, 1, (60, 5, 1))
    truth = Truth(
        values=truth_of,
        last=np.zeros((60, 1)),
        scale=np.ones((60, 1)),
        mean=np.zeros(1),
        spread=np.ones(1),
        seconds=np.arange(60),
        series=np.zeros(60, int),
        ids=("a",),
        targets=("y",),
    )
    answers = {"forecast": np.ones((60, 5, 1)), "quantiles": np.ones((60, 5, 1, 3))}
    scores = score_forecasts(answers, truth, levels=LEVELS, direction=True)
    independent = np.mean([60 / step for step in range(1, 6)])
    expected = wilson_interval(scores["directional_accuracy"], independent)
    assert (scores["directional_low"], scores["directional_high"]) == pytest.approx(expected)
