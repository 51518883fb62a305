"""Diversity of generated texts against counts made by hand, and where there is nothing to count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnkit.metrics.generated_texts import diversity

NAMES = ["distinct_1", "distinct_2", "distinct_3", "repetition"]


def test_distinct_n_grams_are_counted_over_all_texts_and_not_across_their_ends():
    # a b, b a, a b | b b: 3 kinds of 4 pairs; a b a, b a b: 2 of 2 triples
    scores = diversity([["a", "b", "a", "b"], ["b", "b"]])
    assert scores == pytest.approx({"distinct_1": 2 / 6, "distinct_2": 3 / 4, "distinct_3": 1.0, "repetition": 0.0})


def test_repetition_is_within_a_text_and_averaged_over_the_texts_with_4_tokens():
    # 5 quadruples of a: 1 kind; 2 quadruples: 2 kinds; the third is too short; the same text twice repeats nothing
    texts = ["aaaaaaaa", "abcde", "abc", "abcde"]
    assert diversity(texts)["repetition"] == pytest.approx((4 / 5 + 0 + 0) / 3)


def test_a_text_is_its_characters():
    assert diversity(["abab", "ba"]) == diversity([list("abab"), tuple("ba")])


@pytest.mark.parametrize("texts", [[], [""], [[], []]])
def test_no_text_scores_0(texts):
    assert diversity(texts) == dict.fromkeys(NAMES, 0.0)


def test_a_single_token_has_no_pairs():
    assert diversity([["word"]]) == {"distinct_1": 1.0, "distinct_2": 0.0, "distinct_3": 0.0, "repetition": 0.0}


@given(st.lists(st.text("ab", max_size=12), max_size=5))
def test_every_score_is_a_share_and_texts_in_another_order_score_the_same(texts):
    scores = diversity(texts)
    assert list(scores) == NAMES
    assert all(0 <= score <= 1 for score in scores.values())
    assert diversity(texts[::-1]) == pytest.approx(scores)


@given(st.lists(st.text("abc", min_size=4, max_size=12), min_size=1, max_size=4))
def test_writing_all_texts_twice_halves_distinct_and_leaves_repetition(texts):
    once, twice = diversity(texts), diversity(texts * 2)
    assert twice["repetition"] == pytest.approx(once["repetition"])
    for name in NAMES[:3]:
        assert twice[name] == pytest.approx(once[name] / 2)


def test_a_text_that_is_no_list_is_refused():
    with pytest.raises(ValueError, match=r"texts must be a list of tokenised texts\. Got one text, 'ab'\."):
        diversity("ab")
