"""Growth: old words and labels keep their places, new ones begin from what they resemble."""

import numpy as np
import pytest

from rnnkit.features.growth import grow_vocabulary, label_notes, map_labels, similar_words
from rnnkit.metrics.alignment import align_labels

OLD = ["the", "film", "wonderful", "boring", "wonder", "b", "!"]


def test_old_words_keep_their_ids_and_new_ones_follow_in_their_order():
    words, carried = grow_vocabulary(OLD, ["zebra", "film", "films", "the"], most=9, reserved=3, unknown=1)
    assert words == [*OLD, "zebra", "films"]
    assert carried.shape == (12, 10)
    np.testing.assert_array_equal(carried[:10].toarray(), np.eye(10))


def test_a_new_word_is_a_mixture_of_those_spelled_like_it():
    _, carried = grow_vocabulary(OLD, ["wonderfully", "films"], most=9, reserved=3, unknown=1)
    rows = carried[10:].toarray()
    np.testing.assert_allclose(rows.sum(1), 1)
    assert set(np.flatnonzero(rows[0])) <= {3 + OLD.index("wonderful"), 3 + OLD.index("wonder")}
    assert rows[0].argmax() == 3 + OLD.index("wonderful")
    assert np.flatnonzero(rows[1]).tolist() == [3 + OLD.index("film")]


@pytest.mark.parametrize(("unknown", "expected"), [(1, [1]), (None, range(3, 10))])
def test_a_word_like_no_other_begins_as_the_unknown_one_or_the_mean(unknown, expected):
    _, carried = grow_vocabulary(OLD, ["zzqx"], most=9, reserved=3, unknown=unknown)
    row = carried[10].toarray()[0]
    assert np.flatnonzero(row).tolist() == list(expected)
    assert row.sum() == pytest.approx(1)


def test_the_mean_of_many_words_is_that_of_some_so_that_rows_stay_short():
    _, carried = grow_vocabulary([f"w{n}" for n in range(5000)], ["ééé"], most=9, reserved=3, unknown=None)
    assert carried[5003].nnz == 200


def test_no_more_than_most_words_join_and_none_is_no_fault():
    words, carried = grow_vocabulary(OLD, ["one", "two", "six"], most=2, reserved=3, unknown=1)
    assert words[len(OLD) :] == ["one", "two"] and carried.shape == (12, 10)
    words, carried = grow_vocabulary(OLD, ["film"], most=2, reserved=3, unknown=1)
    assert words == OLD and carried.shape == (10, 10)


@pytest.mark.parametrize("old", [[], ["!"], ["a", "b"]])
def test_words_too_short_to_compare_have_no_neighbours(old):
    assert similar_words(old, ["film", "!"]).shape == (2, len(old))
    _, carried = grow_vocabulary(old, ["film"], most=2, reserved=3, unknown=1)
    assert carried.shape == (4 + len(old), 3 + len(old))


def test_many_words_are_compared_block_by_block_as_one_by_one():
    random = np.random.default_rng(0)
    old, new = (["".join(random.choice(list("abcde"), 6)) for _ in range(count)] for count in (400, 300))
    whole = similar_words(old, new)
    for place in (0, 255, 256, 299):
        np.testing.assert_allclose(whole[place].toarray(), similar_words(old, [new[place]]).toarray(), atol=1e-6)
    assert np.diff(whole.indptr).max() <= 5


class TestLabels:
    def test_labels_are_mapped_by_their_exact_names(self):
        matrix = map_labels(["bad", "good"], ["good", "so so", "bad"]).toarray()
        np.testing.assert_array_equal(matrix, [[0, 1], [0, 0], [1, 0]])
        assert map_labels(["a"], ["b", "c"]).nnz == 0

    def test_a_label_written_otherwise_is_told(self):
        (note,) = label_notes(["pos", "neg"], ["Pos ", "neg", "other"])
        assert "'Pos '" in note and "'pos'" in note

    def test_a_parents_answers_are_those_for_the_labels_it_shares(self):
        answers = {"label": np.array(["a", "b"]), "probability": np.array([[0.5, 0.2, 0.3], [0.0, 1.0, 0.0]])}
        aligned = align_labels(answers, ["a", "b", "c"], ["c", "new", "a"])
        np.testing.assert_allclose(aligned["probability"], [[0.375, 0, 0.625], [0.5, 0, 0.5]])
        assert aligned["label"].tolist() == ["a", "c"]

    def test_the_same_labels_in_another_order_change_only_the_order(self):
        probability = np.random.default_rng(0).dirichlet(np.ones(3), 5)
        aligned = align_labels({"probability": probability}, ["a", "b", "c"], ["b", "c", "a"])
        np.testing.assert_allclose(aligned["probability"], probability[:, [1, 2, 0]])

    def test_with_no_label_in_common_all_are_as_likely(self):
        aligned = align_labels({"probability": np.eye(2)}, ["a", "b"], ["c", "d", "e"])
        np.testing.assert_allclose(aligned["probability"], np.full((2, 3), 1 / 3))
