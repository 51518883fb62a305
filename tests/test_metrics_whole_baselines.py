"""Baselines for series that are judged as wholes, against what they say they are."""

import numpy as np
import pytest

from rnnkit.metrics.detection_baselines import whole_scores

NAMES = ["distance_to_mean", "principal_components", "isolation_forest"]


def beats(count, *, seed=4, noise=0.1):
    """`(count, 17, 2)`, of one form each, a little larger or smaller."""
    random, steps = np.random.default_rng(seed), np.arange(17)[:, None]
    form = np.concatenate([np.sin(steps / 3.0), 5.0 * np.exp(-((steps - 8.0) ** 2) / 6.0)], axis=1)
    return form * random.normal(1.0, 0.05, (count, 1, 1)) + random.normal(0.0, noise, (count, 17, 2))


def test_a_whole_that_comes_late_is_the_strangest():
    values = beats(6, seed=9)
    values[4] = np.roll(values[4], 5, axis=0)
    found = whole_scores(beats(40), values, 3)
    assert list(found) == NAMES
    for name, scores in found.items():
        assert scores.shape == (6,) and scores.argmax() == 4, name


def test_distance_to_mean_matches_a_loop_with_gaps():
    train, values, random = beats(30), beats(5, seed=9), np.random.default_rng(1)
    for examples in (train, values):
        examples[random.random(examples.shape) < 0.2] = np.nan
    mean, spread = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    expected = [np.sqrt(np.nanmean(((example - mean) / spread) ** 2)) for example in values]
    np.testing.assert_allclose(whole_scores(train, values, 3)["distance_to_mean"], expected, rtol=1e-9)


def test_principal_components_leave_nothing_of_what_train_consists_of():
    form, other = np.random.default_rng(2).normal(0.0, 1.0, (2, 17, 2))
    train = form * np.random.default_rng(3).normal(1.0, 0.2, (20, 1, 1))
    scores = whole_scores(train, np.stack([3.0 * form, -form, other]), 0)["principal_components"]
    np.testing.assert_allclose(scores[:2], 0.0, atol=1e-9)
    assert scores[2] > 0.5


def test_wholes_are_scored_each_by_itself_and_one_that_is_unknown_is_not_strange():
    train, values = beats(30), beats(7, seed=9)
    values[2] = np.nan
    values[3, 9:] = np.nan
    found, part = whole_scores(train, values, 3), whole_scores(train, values[2:5], 3)
    for name in NAMES:
        assert np.isfinite(found[name]).all() and found[name][2] == 0.0, name
        np.testing.assert_allclose(part[name], found[name][2:5], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("train", [beats(1), np.zeros((9, 17, 2)), np.full((9, 17, 2), np.nan)])
def test_wholes_of_a_train_that_hardly_differs_have_finite_scores(train):
    for name, scores in whole_scores(train, beats(4, seed=9), 3).items():
        assert scores.shape == (4,) and np.isfinite(scores).all(), name
