"""Streams: columns and windows that go on from each other, every token once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit.layers.embedding import END
from rnnkit.training import store
from rnnkit.training.streams import Stream, StreamBatches, columns_of


def stream_of(ids, pieces=3):
    stream = Stream()
    for part in np.array_split(np.asarray(ids), pieces):
        stream.append(part, np.array([len(part)]))
    stream.close()
    return stream


sizes = st.tuples(st.integers(1, 200), st.integers(1, 6), st.integers(1, 30))


@given(sizes)
@settings(deadline=None, max_examples=60)
def test_every_token_of_a_column_is_predicted_once_from_the_one_before(sizes):
    tokens, columns, window = sizes
    columns = min(columns, tokens)
    ids = np.arange(tokens) + 10
    batches = StreamBatches(stream_of(ids), columns, window)
    targets, weights = [[] for _ in range(columns)], 0
    for features, _, weight in batches.epoch(0):
        assert features["ids"].shape == features["target"].shape == (columns, window)
        for row, (read, target) in enumerate(zip(features["ids"], features["target"], strict=True)):
            real = target > 0
            first = real & (target == ids[0])
            assert (read[real & ~first] == target[real & ~first] - 1).all() and (read[first] == END).all()
            targets[row] += target[real].tolist()
        weights += weight.sum()
    expected = ids[: tokens // columns * columns].reshape(columns, -1)
    assert [each for each in targets] == expected.tolist()
    assert weights == batches.steps_in_all == expected.size
    assert len(list(batches.epoch(0))) == len(batches)


@given(sizes, st.integers(0, 3))
@settings(deadline=None, max_examples=60)
def test_drawn_windows_go_on_from_each_other_over_epochs(sizes, seed):
    tokens, columns, window = sizes
    columns = min(columns, tokens)
    batches = StreamBatches(stream_of(np.arange(tokens) + 10), columns, window, seed)
    place = 0
    for epoch in range(3):
        windows = batches.windows(epoch)
        assert len(windows) == len(batches)
        for start, stop in windows:
            assert start == place and start < stop <= batches.length
            place = stop % batches.length
    assert batches.windows(2) == StreamBatches(stream_of(np.arange(tokens) + 10), columns, window, seed).windows(2)


def test_drawn_lengths_lie_around_the_window_and_are_not_all_alike():
    batches = StreamBatches(stream_of(np.arange(100_000) + 10), 1, 70, 0)
    lengths = batches.lengths(0)
    assert 66 < lengths.mean() < 71 and len(np.unique(lengths)) > 4 and (lengths % 5 == 0).all()
    assert (lengths != batches.lengths(1)).any()


def test_a_begin_is_told_at_the_first_window_alone():
    batches = StreamBatches(stream_of(np.arange(40) + 10), 2, 8)
    begins = [features["begin"].tolist() for features, _, _ in batches.epoch(0)]
    assert begins == [[1, 1], [0, 0], [0, 0]]


@pytest.mark.parametrize("start", [0, 1, 4, 7])
def test_a_dataset_goes_on_from_any_window(start):
    batches = StreamBatches(stream_of(np.arange(50) + 10), 2, 8, 0)
    whole = [batch[0]["ids"].numpy() for batch, _ in zip(batches.dataset(repeat=True), range(12), strict=False)]
    later = [
        batch[0]["ids"].numpy()
        for batch, _ in zip(batches.dataset(repeat=True, start=start), range(12 - start), strict=False)
    ]
    assert all(np.array_equal(*pair) for pair in zip(whole[start:], later, strict=True))


def test_long_streams_are_kept_in_a_file(monkeypatch):
    monkeypatch.setattr(store, "MEMORY_LIMIT", 50)
    ids = np.arange(100)
    kept = stream_of(ids, pieces=7)
    assert kept._column._file is not None and len(kept) == 100
    assert kept.ids().tolist() == ids.tolist() and kept.ids(13, 57).tolist() == ids[13:57].tolist()
    assert kept.ids(57, 57).tolist() == []


def test_a_short_text_has_fewer_columns():
    assert [columns_of(tokens, 20, 35) for tokens in (5, 35, 80, 10_000)] == [1, 1, 2, 20]
