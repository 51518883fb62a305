"""N-grams adapted: few rows leave the parent's weights, many lead to their own, labels go by name."""

import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

from rnnkit.features.growth import map_labels
from rnnkit.features.ngram_adaptation import adapt_ngrams, carried_weights
from rnnkit.features.ngrams import fit_ngrams
from rnnkit.features.words import Words

WORDS = [f"w{place}" for place in range(40)]
BUCKETS = 256
LAYER = Words(WORDS)
SIZES = {"longest": 1, "vocabulary": len(WORDS) + 3, "buckets": BUCKETS, "seed": 0}


def rows(count, truth, seed, classes=2):
    """Texts of 6 words; the class is that of the highest score, of `truth (words, classes)`."""
    random = np.random.default_rng(seed)
    drawn = [random.permutation(len(WORDS))[:6] for _ in range(count)]
    numbers = np.array([(truth[place].sum(0) + random.gumbel(size=classes)).argmax() for place in drawn])
    return [([" ".join(WORDS[place] for place in row) for row in drawn], numbers)]


def truth(seed, classes=2):
    return np.random.default_rng(seed).normal(0, 1.5, (len(WORDS), classes))


def right(weights, chunks):
    ((texts, numbers),) = chunks
    scores = weights[0][LAYER(tf.constant(texts)).numpy()[:, 1:]].sum(1) + weights[1]
    return (scores.argmax(1) == numbers).mean()


@pytest.fixture(scope="module")
def parent():
    return fit_ngrams(LAYER, rows(600, truth(0), 1), classes=2, **SIZES)


SAME = scipy.sparse.identity(2, format="csr")


def test_four_rows_leave_the_parents_weights_but_for_their_scale(parent):
    adapted = adapt_ngrams(LAYER, rows(4, truth(9), 2), parent=parent, carried=SAME, **SIZES)
    scale = (adapted[0] * parent[0]).sum() / (parent[0] ** 2).sum()
    assert 0 < scale < 1.5
    np.testing.assert_allclose(adapted[0], scale * parent[0], atol=1e-5)


def test_many_rows_of_another_truth_lead_to_what_they_alone_would(parent):
    train, test = rows(3000, truth(9), 3), rows(500, truth(9), 4)
    own = fit_ngrams(LAYER, train, classes=2, **SIZES)
    adapted = adapt_ngrams(LAYER, train, parent=parent, carried=SAME, **SIZES)
    assert right(parent, test) < 0.65
    assert right(adapted, test) > right(own, test) - 0.02 > 0.8


def test_some_rows_of_a_near_truth_beat_both_the_parent_and_themselves(parent):
    near = truth(0) + 0.8 * truth(5)
    train, test = rows(100, near, 6), rows(1000, near, 7)
    own = fit_ngrams(LAYER, train, classes=2, **SIZES)
    adapted = adapt_ngrams(LAYER, train, parent=parent, carried=SAME, **SIZES)
    assert right(adapted, test) > max(right(own, test), right(parent, test))


def test_renamed_and_swapped_labels_are_found_out_from_the_rows(parent):
    swapped = truth(0)[:, ::-1]
    adapted = adapt_ngrams(LAYER, rows(60, swapped, 8), parent=parent, carried=map_labels("ab", "xy"), **SIZES)
    assert right(adapted, rows(500, swapped, 9)) > 0.8


def test_a_third_class_joins_those_that_are_known(parent):
    more = np.concatenate([truth(0), truth(3, 1)], axis=1)
    train = rows(400, more, 10, classes=3)
    adapted = adapt_ngrams(LAYER, train, parent=parent, carried=map_labels("ab", "abc"), **SIZES)
    assert adapted[0].shape == (len(WORDS) + 3 + BUCKETS, 3)
    assert right(adapted, rows(500, more, 11, classes=3)) > 0.65


def test_three_classes_become_two():
    three = truth(0, 3)
    parent = fit_ngrams(LAYER, rows(800, three, 1, classes=3), classes=3, **SIZES)
    two = three[:, [2, 0]]
    adapted = adapt_ngrams(LAYER, rows(10, two, 2), parent=parent, carried=map_labels("abc", "ca"), **SIZES)
    assert right(adapted, rows(500, two, 3)) > 0.75


def test_the_same_rows_and_seed_give_the_same_weights(parent):
    pair = [adapt_ngrams(LAYER, rows(50, truth(2), 2), parent=parent, carried=SAME, **SIZES) for _ in range(2)]
    for mine, theirs in zip(*pair, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_rows_without_a_known_word_are_borne(parent):
    adapted = adapt_ngrams(LAYER, [(["", ""], np.array([0, 1]))], parent=parent, carried=SAME, **SIZES)
    assert np.isfinite(adapted[0]).all()


def test_hashed_runs_move_behind_new_words_and_classes_by_name():
    weights = np.arange(14, dtype=np.float32).reshape(7, 2)
    bias = np.array([5, 6], np.float32)
    moved = carried_weights([weights, bias], map_labels("ab", "bca"), vocabulary=6, buckets=4)
    np.testing.assert_array_equal(moved[0][:3], np.stack([weights[:3, 1], [0] * 3, weights[:3, 0]], 1))
    np.testing.assert_array_equal(moved[0][3:6], 0)
    np.testing.assert_array_equal(moved[0][6:, [2, 0]], weights[3:])
    np.testing.assert_array_equal(moved[1], [6, 0, 5])
