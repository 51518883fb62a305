"""The continuous cache against a loop over positions, over whole vocabularies, and where it can and can't help."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.metrics import neural_cache as module
from rnnkit.metrics.neural_cache import cached_log_probabilities, tuned

VOCABULARY = 6


def drawn(tokens, features, seed, scale=1.0):
    """States, targets and log-probabilities of the targets; `(tokens, VOCABULARY)` of all tokens last."""
    random = np.random.default_rng(seed)
    hidden = (scale * random.uniform(-1, 1, (tokens, features))).astype(np.float32)
    targets = random.integers(0, VOCABULARY, tokens)
    logits = random.normal(0, 2, (tokens, VOCABULARY))
    every = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return hidden, targets, every[np.arange(tokens), targets], every


def by_loops(hidden, targets, log_probabilities, *, size, flatness, share, boundaries):
    """Eq. 2-5 of Grave et al., a position at a time, in Python's floats."""
    found = []
    for here, (target, model) in enumerate(zip(targets, log_probabilities, strict=True)):
        begin = max([place for place in boundaries if place <= here], default=0)
        before = range(max(begin, here - size), here)
        if not before:
            found.append(model)
            continue
        exponents = [flatness * math.fsum(map(float.__mul__, hidden[here], hidden[place])) for place in before]
        weights = [math.exp(exponent - max(exponents)) for exponent in exponents]
        same = [weight for weight, place in zip(weights, before, strict=True) if targets[place] == target]
        found.append(math.log((1 - share) * math.exp(model) + share * math.fsum(same) / math.fsum(weights)))
    return found


@settings(max_examples=60, deadline=None)
@given(
    tokens=st.integers(1, 40),
    features=st.integers(1, 5),
    size=st.integers(1, 45),
    flatness=st.sampled_from([0.0, 0.3, 1.7]),
    share=st.sampled_from([0.0, 0.1, 0.9]),
    boundaries=st.lists(st.integers(0, 39), max_size=4),
    scale=st.sampled_from([0.1, 1.0, 30.0, 1e4]),
    rows=st.sampled_from([1, 3, 256]),
    seed=st.integers(0, 99),
)
def test_it_equals_a_loop_over_positions(tokens, features, size, flatness, share, boundaries, scale, rows, seed):
    hidden, targets, model, _ = drawn(tokens, features, seed, scale)
    chosen = {"size": size, "flatness": flatness, "share": share}
    chosen["boundaries"] = [place for place in boundaries if place < tokens]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROWS", rows)
        found = cached_log_probabilities(hidden, targets, model, **chosen)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, by_loops(hidden.astype(float).tolist(), targets, model, **chosen), atol=2e-4)


@pytest.mark.parametrize("size", [1, 4, 100])
def test_the_probabilities_of_all_tokens_sum_to_1(size):
    hidden, targets, _, every = drawn(23, 7, seed=3)
    last = len(targets) - 1
    for here in (0, 1, 9, last):
        sums = 0.0
        for token in range(VOCABULARY):
            changed = targets.copy()
            changed[here] = token
            found = cached_log_probabilities(
                hidden, changed, every[np.arange(len(changed)), changed], size=size, share=0.4
            )
            sums += np.exp(found[here])
        assert sums == pytest.approx(1.0, abs=1e-6)


def test_only_what_came_before_counts():
    hidden, targets, model, _ = drawn(19, 3, seed=1)
    whole = cached_log_probabilities(hidden, targets, model, size=5)
    for tokens in (0, 1, 12):
        part = cached_log_probabilities(hidden[:tokens], targets[:tokens], model[:tokens], size=5)
        np.testing.assert_allclose(part, whole[:tokens], atol=1e-6)


def test_texts_with_boundaries_between_them_are_as_if_each_stood_alone():
    hidden, targets, model, _ = drawn(19, 3, seed=2)
    ends = [0, 7, 8, 19]
    alone = [
        cached_log_probabilities(hidden[start:end], targets[start:end], model[start:end])
        for start, end in zip(ends, ends[1:], strict=False)
    ]
    found = cached_log_probabilities(hidden, targets, model, boundaries=[8, 7])
    np.testing.assert_allclose(found, np.concatenate(alone), atol=1e-6)
    assert found[[0, 7, 8]] == pytest.approx(model[[0, 7, 8]])


def test_many_blocks_equal_one(monkeypatch):
    hidden, targets, model, _ = drawn(700, 3, seed=4)
    found = cached_log_probabilities(hidden, targets, model, size=90)
    monkeypatch.setattr(module, "CELLS", 2000)
    np.testing.assert_allclose(cached_log_probabilities(hidden, targets, model, size=90), found, atol=1e-5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e3, 1e15, 3e37])
def test_large_products_neither_overflow_nor_warn(scale):
    hidden, targets, model, _ = drawn(31, 5, seed=5, scale=scale)
    for flatness in (0.0, 1.0):
        found = cached_log_probabilities(hidden, targets, model, flatness=flatness, share=0.25)
        assert np.isfinite(found).all()
        # At worst the cache remembers nothing of the token.
        assert (found >= model + np.log(0.75) - 1e-6).all()


@pytest.mark.filterwarnings("error")
def test_a_token_that_the_model_held_impossible_is_helped_where_it_is_remembered():
    hidden, targets = np.ones((3, 2), np.float32), np.array([4, 4, 5])
    found = cached_log_probabilities(hidden, targets, np.full(3, -np.inf), share=0.25)
    assert found == pytest.approx([-np.inf, np.log(0.25), -np.inf])


def repeating(tokens=400, states=5):
    """A state that tells the token for sure, which the model doesn't know."""
    random = np.random.default_rng(7)
    targets = random.integers(0, states, tokens)
    return 3 * np.eye(states, dtype=np.float32)[targets], targets, np.full(tokens, -np.log(50))


def test_a_sharp_and_large_cache_is_tuned_where_it_helps_and_none_where_it_harms():
    hidden, targets, model = repeating()
    assert tuned(hidden, targets, model) == (1.0, 0.5)
    random = np.random.default_rng(8)
    fresh, sure = np.arange(400), np.full(400, np.log(0.9))
    flatness, share = tuned(random.normal(0, 1, (400, 5)).astype(np.float32), fresh, sure)
    assert share == 0.0 and 0 <= flatness <= 1


def test_what_is_tuned_is_the_best_of_the_grid():
    hidden, targets, model, _ = drawn(150, 3, seed=6, scale=2.0)
    hidden += np.random.default_rng(9).normal(0, 1, (VOCABULARY, 3)).astype(np.float32)[targets]
    grid = {"flatnesses": (0.0, 0.2, 0.9), "shares": (0.05, 0.3, 0.6)}
    losses = {
        (flatness, share): -cached_log_probabilities(
            hidden, targets, model, size=40, flatness=flatness, share=share, boundaries=[60]
        ).mean()
        for flatness in grid["flatnesses"]
        for share in grid["shares"]
    }
    assert tuned(hidden, targets, model, size=40, boundaries=[60], **grid) == min(losses, key=losses.get)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 0}, r"size must be at least 1\. Got 0\."),
        ({"share": 1.0}, r"share must be from 0 to below 1\. Got 1\.0\."),
        ({"share": -0.1}, r"Got -0\.1\."),
        ({"flatness": -1.0}, r"flatness must be a number from 0\. Got -1\.0\."),
        ({"flatness": math.nan}, r"Got nan\."),
        ({"boundaries": [3, 9]}, r"positions from 0 to below 9\. Got 9\."),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    hidden, targets, model, _ = drawn(9, 3, seed=0)
    with pytest.raises(ValueError, match=message):
        cached_log_probabilities(hidden, targets, model, **changes)


def test_arrays_that_do_not_fit_are_refused():
    hidden, targets, model, _ = drawn(9, 3, seed=0)
    with pytest.raises(ValueError, match=r"hidden must have the shape \(9, features\), .* Got \(8, 3\)\."):
        cached_log_probabilities(hidden[1:], targets, model)
    with pytest.raises(ValueError, match=r"one log-probability for each of 9 targets\. Got \(8,\)\."):
        cached_log_probabilities(hidden, targets, model[1:])
    with pytest.raises(ValueError, match=r"must be at most 0\. Got .*\. Losses in nats must be negated\."):
        cached_log_probabilities(hidden, targets, -model)
    hidden[5, 1] = np.nan
    with pytest.raises(ValueError, match=r"hidden must be finite\. Got nan at position 5\."):
        cached_log_probabilities(hidden, targets, model)
    with pytest.raises(ValueError, match=r"at least 1 token to tune the cache\. Got 0\."):
        tuned(hidden[:0], targets[:0], model[:0])
    with pytest.raises(ValueError, match=r"at least 1 share to tune"):
        tuned(hidden, targets, model, shares=())
