"""Stores and batches: every row once an epoch, padded little, in an order that the seed alone decides."""

import keras
import numpy as np
import pytest

from rnnkit.training import store as stores
from rnnkit.training.batches import Batches, bucket_lengths, outputs_of

LENGTHS = (3, 9, 1, 14, 9, 2, 30, 5, 11, 4, 1)


def chunk(lengths, first=0):
    """Rows whose ids tell the row: row r holds r + 1 at each real step."""
    ids = np.zeros((len(lengths), max(lengths)), np.int32)
    for row, length in enumerate(lengths):
        ids[row, :length] = first + row + 1
    letters = np.repeat(ids[:, :, None], 4, axis=2)
    return {"ids": ids, "letters": letters, "size": np.arange(first, first + len(lengths), dtype=np.float32)}


def made(chunks=(LENGTHS[:4], LENGTHS[4:])):
    encoded, first = [], 0
    for lengths in chunks:
        targets = np.arange(first, first + len(lengths), dtype=np.int32) % 3
        encoded.append((chunk(lengths, first), targets))
        first += len(lengths)
    return stores.write(encoded, ("ids", "letters"))


@pytest.mark.parametrize("limit", [1 << 20, 0, 100], ids=["memory", "disk", "first memory, then disk"])
def test_rows_come_back_as_they_were_from_memory_and_from_disk(limit, monkeypatch):
    monkeypatch.setattr(stores, "MEMORY_LIMIT", limit)
    store = made()
    assert len(store) == len(LENGTHS)
    np.testing.assert_array_equal(store.lengths, LENGTHS)
    for row in np.random.default_rng(0).permutation(len(LENGTHS)):
        np.testing.assert_array_equal(store.sequences["ids"].row(row), [row + 1] * LENGTHS[row])
        assert store.sequences["letters"].row(row).shape == (LENGTHS[row], 4)
    np.testing.assert_array_equal(store.fixed["size"], np.arange(len(LENGTHS)))


def dealt(batches, epoch=0):
    """The rows of an epoch by their ids, one list per batch, fillers left out."""
    return [features["ids"][weights > 0, 0] - 1 for features, _, weights in batches.epoch(epoch)]


@pytest.mark.parametrize("budget", [0, 24])
@pytest.mark.parametrize("seed", [None, 7])
def test_every_row_comes_once_an_epoch(budget, seed):
    batches = Batches(made(), 4, budget, seed)
    rows = np.concatenate(dealt(batches))
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(LENGTHS)))
    assert len(batches) == len(dealt(batches)) == len(dealt(batches, epoch=3))


def test_the_seed_and_the_epoch_decide_the_order():
    first, again, other = (np.concatenate(dealt(Batches(made(), 2, 0, seed))) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != np.concatenate(dealt(Batches(made(), 2, 0, 7), epoch=1))).any()


def test_a_batch_holds_its_rows_padded_on_the_right_and_fillers_of_weight_zero():
    store = made()
    for features, targets, weights in Batches(store, 4, 0, 7).epoch(0):
        assert features["ids"].shape[0] == len(targets) == len(weights) == 4
        for place in range(4):
            row = features["ids"][place, 0] - 1
            expected = np.zeros(features["ids"].shape[1])
            expected[: LENGTHS[row]] = row + 1
            np.testing.assert_array_equal(features["ids"][place], expected)
            np.testing.assert_array_equal(features["letters"][place, :, 2], expected)
            assert features["size"][place] == row and targets[place] == row % 3


def test_no_batch_exceeds_the_token_budget_unless_a_single_row_does():
    for features, _, _ in Batches(made(), 8, 24, 7).epoch(0):
        rows, steps = features["ids"].shape
        assert rows * steps <= 24 or rows == 1


def test_class_weights_weigh_rows_by_their_target():
    weighted = Batches(made(), 4, 0, 7, np.array([1.0, 2.0, 5.0], np.float32))
    for _, targets, weights in weighted.epoch(0):
        real = weights > 0
        np.testing.assert_array_equal(weights[real], np.array([1, 2, 5])[targets[real]])


def test_buckets_never_cut_and_waste_little():
    lengths = np.arange(1, 500)
    padded = bucket_lengths(lengths)
    assert (padded >= lengths).all() and padded.max() == lengths.max()
    long = lengths > 16
    assert (padded[long] / lengths[long]).max() < 1.25
    assert len(np.unique(padded)) < 30


def test_the_dataset_gives_the_epochs_one_after_the_other():
    batches = Batches(made(), 4, 0, 7)
    taken = [features["ids"].numpy() for features, _, _ in batches.dataset(repeat=True).take(2 * len(batches))]
    expected = [features["ids"] for epoch in (0, 1) for features, _, _ in batches.epoch(epoch)]
    for mine, theirs in zip(taken, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_outputs_of_a_model_come_with_their_targets_and_without_fillers():
    ids = keras.Input((None,), dtype="int32", name="ids")
    letters = keras.Input((None, 4), dtype="int32", name="letters")
    size = keras.Input((), name="size")
    model = keras.Model({"ids": ids, "letters": letters, "size": size}, [size * 2, size + 1])
    (doubled, plus), targets = outputs_of(model, Batches(made(), 4))
    assert sorted(doubled / 2) == list(range(len(LENGTHS)))
    np.testing.assert_array_equal(doubled / 2, plus - 1)
    np.testing.assert_array_equal(doubled / 2 % 3, targets)
