"""Adaptive softmax: cutoffs, chosen or given, and sizes. What it computes stands in the tests of the softmax head."""

import pytest

from rnnkit.layers.adaptive_softmax import cutoffs_of
from rnnkit.layers.softmax_head import SoftmaxHead


@pytest.mark.parametrize("vocabulary", [1000, 10_000, 33_278, 267_735])
def test_cutoffs_are_about_a_tenth_and_two_fifths_of_the_vocabulary(vocabulary):
    first, second = cutoffs_of(vocabulary)
    assert first == pytest.approx(vocabulary / 10, abs=50) and second == pytest.approx(vocabulary * 0.4, abs=50)
    head = SoftmaxHead(vocabulary, kind="adaptive")
    assert head.get_config()["cutoffs"] == [first, second]


@pytest.mark.parametrize("cutoffs", [(3, 9), (9, 9), (12, 9), (9, 29)])
def test_cutoffs_that_do_not_rise_to_the_vocabulary_are_refused(cutoffs):
    with pytest.raises(ValueError) as error:
        SoftmaxHead(29, kind="adaptive", cutoffs=cutoffs)
    assert str(error.value) == f"cutoffs must rise, from 4 or more to less than the vocabulary, 29. Got {cutoffs}."


def test_a_vocabulary_too_small_to_be_cut_is_refused():
    with pytest.raises(ValueError, match=r"needs a vocabulary of at least 1,000\. Got 999\. Take kind full\.$"):
        SoftmaxHead(999, kind="adaptive")


@pytest.mark.parametrize("features, widths", [(200, [50, 12]), (8, [2, 1]), (3, [1, 1])])
def test_clusters_have_fewer_features_each_and_at_least_one(features, widths):
    head = SoftmaxHead(1000, kind="adaptive")
    head.build((None, None, features))
    assert [projection.shape[1] for projection, _, _ in head.adaptive.tails] == widths
