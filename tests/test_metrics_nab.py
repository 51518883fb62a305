"""Numenta's score against its definition, row by row, and against the figures that its scoreboard has."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.metrics.nab import PROFILES, Profile, Scored, nab_score, nab_scores, probation_of, score_at

SEEDS = st.integers(0, 2**32 - 1)
EVERY_PROFILE = pytest.mark.parametrize("profile", [*PROFILES.values(), Profile(0.7, 0.3, 1.3)])
PUBLISHED = {"nab_standard": 39.65, "nab_reward_low_FP_rate": 20.87, "nab_reward_low_FN_rate": 47.41}


def drawn(seed):
    """Two to four series of few distinct scores; windows lie apart, some in the probation, some of one row."""
    random = np.random.default_rng(seed)
    series = []
    for _ in range(random.integers(1, 4)):
        rows = int(random.integers(4, 30))
        cuts = np.sort(random.choice(rows, 2 * int(random.integers(0, 3)), replace=False)).tolist()
        windows = list(zip(cuts[::2], cuts[1::2], strict=True))
        if random.random() < 0.3:
            windows = [(first, first) for first, _ in windows]
        scores = random.integers(0, 6, rows) / 5
        series.append(Scored(scores, windows, int(random.integers(0, rows // 2))))
    return [*series, Scored(np.array([0.2, 0.6, 0.0, 0.4]), [(1, 2)])]


def looped(series, threshold, profile):
    """The score at a threshold, one row after the other."""

    def sigmoid(place):
        return -1.0 if place > 3 else 2 / (1 + math.exp(5 * place)) - 1

    total, count = 0.0, 0
    for each in series:
        won = [-profile.miss for _ in each.windows]
        for row in range(each.probation, len(each.scores)):
            if each.scores[row] < threshold:
                continue
            before = None
            for number, (first, last) in enumerate(each.windows):
                if first <= row <= last:
                    worth = profile.hit * sigmoid(-(last - row + 1) / (last - first + 1)) / sigmoid(-1)
                    won[number] = max(won[number], worth)
                    break
                if last < row:
                    before = first, last
            else:
                place = math.inf if before is None else (row - before[1]) / max(before[1] - before[0], 1)
                total += profile.alarm * sigmoid(place)
        total += sum(won)
        count += len(each.windows)
    return 100 * (total + profile.miss * count) / ((profile.hit + profile.miss) * count)


def at_the_starts(series):
    """A detector that finds each window at its first row and says nothing else."""
    found = []
    for each in series:
        scores = np.zeros(len(each.scores))
        scores[[first for first, _ in each.windows]] = 1.0
        found.append(Scored(scores, each.windows))
    return found


@EVERY_PROFILE
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_the_score_is_the_best_of_all_thresholds(profile, seed):
    series = drawn(seed)
    thresholds = np.unique(np.concatenate([each.scores[each.probation :] for each in series]))
    by_hand = {threshold: looped(series, threshold, profile) for threshold in [*thresholds, math.inf]}
    score, threshold = nab_score(series, profile)
    assert score == pytest.approx(max(by_hand.values()), abs=1e-9)
    assert by_hand[threshold] == pytest.approx(score, abs=1e-9)


@EVERY_PROFILE
@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_any_threshold_is_scored_as_defined_also_one_between_two_scores(profile, seed):
    series = drawn(seed)
    for threshold in (-1.0, 0.0, 0.1, 0.2, 0.4, 0.55, 0.6, 1.0, 7.0, math.inf):
        assert score_at(series, threshold, profile) == pytest.approx(looped(series, threshold, profile), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_only_the_order_of_scores_counts_and_not_that_of_the_series(seed):
    series, levels = drawn(seed), np.array([-9.0, -8.5, 0.0, 0.1, 3.0, 1e6])
    changed = [Scored(levels[np.rint(5 * each.scores).astype(int)], each.windows, each.probation) for each in series]
    changed.reverse()
    assert nab_score(changed)[0] == pytest.approx(nab_score(series)[0], abs=1e-9)


@EVERY_PROFILE
@pytest.mark.parametrize("seed", range(5))
def test_a_perfect_detector_has_100_and_one_that_never_speaks_has_0(profile, seed):
    perfect = at_the_starts(drawn(seed))
    assert nab_score(perfect, profile) == (pytest.approx(100.0), 1.0)
    assert score_at(perfect, math.inf, profile) == pytest.approx(0.0, abs=1e-9)


def test_a_score_that_never_changes_flags_all_rows_or_none():
    quiet = Scored(np.zeros(90), [(40, 44)])
    assert nab_score([quiet]) == (0.0, math.inf)
    short = Scored(np.zeros(7), [(0, 6)])
    assert nab_score([short]) == (pytest.approx(100.0), 0.0)


def test_rows_of_one_score_come_together():
    scores = np.zeros(10)
    scores[[0, 4]] = 0.5
    score, threshold = nab_score([Scored(scores, [(4, 5)])])
    assert threshold == 0.5
    assert score == pytest.approx(100 * (1 - 0.11 + 1) / 2)


@pytest.mark.parametrize(("row", "widths"), [(4, None), (5, 1), (6, 2), (7, 3)])
def test_a_window_of_one_row_is_found_there_and_missed_one_row_later(row, widths):
    scores = np.zeros(9)
    scores[row] = 1.0
    found = score_at([Scored(scores, [(4, 4)])], 1.0)
    late = 0.0 if widths is None else 100 * 0.11 * (2 / (1 + math.exp(5 * widths)) - 1) / 2
    assert found == pytest.approx(100.0 if widths is None else late)


def test_an_early_alarm_is_worth_more_than_a_late_one_and_a_second_one_nothing():
    def score(*rows):
        scores = np.zeros(20)
        scores[list(rows)] = 1.0
        return score_at([Scored(scores, [(6, 11)])], 1.0)

    inside = [score(row) for row in range(6, 12)]
    assert inside == sorted(inside, reverse=True) and len(set(inside)) == 6
    assert score(6, 7, 8, 9, 10, 11) == pytest.approx(score(6)) == pytest.approx(100.0)
    assert score(5) < score(19) < score(12) < 0 < score(11)


def test_rows_in_the_probation_are_not_judged():
    scores = np.zeros(20)
    scores[[1, 9]] = 1.0
    assert nab_score([Scored(scores, [(9, 12)], 2)])[0] == pytest.approx(100.0)
    assert score_at([Scored(scores, [(1, 5)], 2)], 1.0) < 0


@pytest.mark.parametrize(("rows", "probation"), [(0, 0), (6, 0), (7, 1), (1_000, 150), (5_000, 750), (22_695, 750)])
def test_the_probation_is_a_share_of_up_to_5000_rows(rows, probation):
    assert probation_of(rows) == probation


def test_without_a_window_there_is_no_score():
    quiet = Scored(np.zeros(5), [])
    assert math.isnan(score_at([quiet], 0.5))
    with pytest.raises(ValueError, match=r"needs at least one series with a true window\. Got none\."):
        nab_score([quiet])


def test_scores_that_are_no_number_are_refused():
    with pytest.raises(ValueError, match=r"Anomaly scores must be finite\. Got nan\."):
        nab_score([Scored(np.array([0.0, math.nan, 1.0]), [(1, 1)])])


@pytest.fixture(scope="module")
def corpus(real_data):
    """Name -> values and windows of each of Numenta's 58 files."""
    folder = real_data / "anomaly" / "nab"
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    read = {}
    for name in sorted(labels):
        table = pd.read_csv(folder / "data" / name)
        stamps = pd.to_datetime(table["timestamp"]).to_numpy()
        # Of rows of one stamp the first, as Numenta's scorer finds it.
        ends = [[int(np.flatnonzero(stamps == np.datetime64(stamp))[0]) for stamp in window] for window in labels[name]]
        read[name] = table["value"].to_numpy(np.float64), ends
    assert len(read) == 58 and sum(len(values) for values, _ in read.values()) == 365_558
    return read


@pytest.fixture(scope="module")
def gaussian(corpus):
    """Name -> scores of the windowed Gaussian."""
    from rnnkit.metrics.detection_baselines import windowed_gaussian

    return {name: windowed_gaussian(values) for name, (values, _) in corpus.items()}


def test_the_windowed_gaussian_has_the_scores_of_the_scoreboard(corpus, gaussian):
    series = [
        # The digits that Numenta's files of results have; the 13th would part rows that are equal there.
        Scored(np.array([float(f"{score:.12g}") for score in gaussian[name]]), windows, probation_of(len(values)))
        for name, (values, windows) in corpus.items()
    ]
    assert {name: round(score, 2) for name, score in nab_scores(series).items()} == PUBLISHED


def test_the_windowed_gaussian_is_the_published_one(real_data, corpus, gaussian):
    # These have 9 decimals, which makes 0.9999999996 equal to 1, so that they themselves score 32.68, 3.78, 43.91.
    stored = pd.read_csv(real_data / "anomaly" / "nab" / "detector_scores" / "windowedGaussian.csv.gz")
    scores = {name: rows["anomaly_score"].to_numpy() for name, rows in stored.groupby("file")}
    assert scores.keys() == corpus.keys()
    for name, published in scores.items():
        np.testing.assert_allclose(gaussian[name], published, rtol=0, atol=1e-9, err_msg=name)
