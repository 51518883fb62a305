"""Features of pictures against loops, and nearest pictures against all distances."""

import types

import numpy as np
import pytest
import tensorflow as tf

from rnnkit.metrics import picture_features as module
from rnnkit.metrics.picture_features import block_means, colours, decoded_pictures, nearest, standardised


def pictures(count, height, width, channels, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)


def test_means_of_blocks_are_those_of_equal_parts():
    pixels = pictures(3, 6, 4, 2)
    expected = pixels.reshape(3, 2, 3, 2, 2, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(block_means(pixels, 2, 2), expected, rtol=1e-6)


@pytest.mark.parametrize("height, width, rows, columns", [(7, 5, 3, 2), (2, 9, 4, 4), (1, 1, 8, 8), (5, 3, 5, 3)])
def test_blocks_of_any_size_cover_each_pixel_once(height, width, rows, columns):
    pixels = pictures(2, height, width, 3)
    found = block_means(pixels, rows, columns)
    rows, columns = min(rows, height), min(columns, width)
    assert found.shape == (2, rows, columns, 3)
    down, across = (
        [size * part // parts for part in range(parts + 1)] for size, parts in ((height, rows), (width, columns))
    )
    for row in range(rows):
        for column in range(columns):
            block = pixels[:, down[row] : down[row + 1], across[column] : across[column + 1]]
            np.testing.assert_allclose(found[:, row, column], block.mean(axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize("channels, levels, bins", [(1, 16, 16), (3, 4, 64)])
def test_colours_are_counted_by_levels(channels, levels, bins):
    pixels = pictures(2, 11, 9, channels)
    means, shares = colours(pixels)
    assert means.shape == (2, 8 * 8 * channels) and shares.shape == (2, bins)
    assert 0 <= means.min() and means.max() <= 1
    for picture, found in zip(pixels, shares, strict=True):
        expected = np.zeros([levels] * channels)
        for pixel in picture.reshape(-1, channels):
            expected[tuple(pixel[::-1] // (256 // levels))] += 1 / (11 * 9)
        np.testing.assert_allclose(found**2, expected.ravel(), atol=1e-6)


def test_each_group_of_features_counts_the_same_and_constant_ones_nothing():
    rng = np.random.default_rng(3)
    wide, narrow = rng.normal(5, 9, (400, 6)), rng.normal(0, 0.01, (400, 2))
    wide[:, 4] = 7.0
    joined = standardised([wide, narrow], [wide, narrow])
    np.testing.assert_allclose(np.square(joined[:, :6]).sum(axis=1).mean(), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.square(joined[:, 6:]).sum(axis=1).mean(), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(joined[:, 4], 0.0)
    np.testing.assert_array_equal(standardised([wide[:3] + 1], [wide])[:, 4], 0.0)


def test_the_nearest_row_is_exact_whatever_the_block(monkeypatch):
    rng = np.random.default_rng(1)
    # Far from the origin and close together, where lengths and products in 32 bits would choose wrongly.
    train = (1000 + rng.normal(0, 0.1, (50, 3))).astype(np.float32)
    rows = (1000 + rng.normal(0, 0.1, (17, 3))).astype(np.float32)
    expected = np.square(rows[:, None].astype(float) - train[None]).sum(axis=2).argmin(axis=1)
    told = []
    for most in (1, 120, 10**6):
        monkeypatch.setattr(module, "NEAREST_AT_ONCE", most)
        np.testing.assert_array_equal(nearest(rows, train, told.append), expected)
    assert told[-1] == 17 and told[:3] == [1, 2, 3]


def test_of_equally_near_rows_the_first_is_taken():
    train = np.array([[5.0, 5.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(nearest(np.array([[0.0, 0.0], [1.0, 0.1]]), train), [1, 1])


def test_pictures_are_decoded_some_at_a_time_and_texts_may_stand_for_bytes(monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 2)
    rows = types.SimpleNamespace(chunks=lambda: iter([{"image": [b"abcd", "efgh", b"ijkl"]}, {"image": ["mnop"]}]))
    preparation = types.SimpleNamespace(
        features=lambda inputs: {"pixels": tf.reshape(tf.io.decode_raw(inputs["image"], tf.uint8), (-1, 2, 2, 1))}
    )
    told = []
    parts = list(decoded_pictures(rows, preparation, told.append))
    assert [len(part) for part in parts] == told[:1] + [1, 1] == [2, 1, 1]
    assert told == [2, 3, 4]
    assert np.concatenate(parts).tobytes() == b"abcdefghijklmnop"
