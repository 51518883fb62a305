"""Features of pictures for baselines: pixels -> mean colours of blocks, histograms of colours -> nearest pictures."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

AT_ONCE = 64
"""Pictures that are decoded at once."""
BLOCKS = 8
"""Blocks a side of which `colours` takes the mean colour."""
LEVELS = {1: 16, 3: 4}
"""Channels -> levels of each by which `colours` counts pixels."""
NEAREST_AT_ONCE = 4_000_000
"""Distances held in memory."""
ROUNDING = 1e-5
"""Share of the largest squared lengths that a distance can be wrong by in 32 bits; closer ones are computed in 64."""


def decoded_pictures(rows, preparation, advance: Callable[[int], None] = lambda done: None) -> Iterator[np.ndarray]:
    """Yields the pixels of a split, `(batch, height, width, channels)` uint8, some pictures at a time.

    Args:
        rows: Its chunks hold encoded pictures, bytes or data URIs, under `image`.
        preparation: Its `features` turn those into `pixels`.
        advance: Told the number of pictures done.
    """

    decoded = tf.function(lambda image: preparation.features({"image": image})["pixels"], autograph=False)
    decoded = decoded.get_concrete_function(tf.TensorSpec([None], tf.string))
    done = 0
    for chunk in rows.chunks():
        for start in range(0, len(chunk["image"]), AT_ONCE):
            encoded = chunk["image"][start : start + AT_ONCE]
            # In bytes all, for a tensor can't be made from both.
            encoded = [image.encode() if isinstance(image, str) else image for image in encoded]
            yield decoded(tf.constant(encoded, tf.string)).numpy()
            done += len(encoded)
            advance(done)


def block_means(pixels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Shrinks pictures by taking means of blocks that are equal but for a pixel.

    Args:
        pixels: `(batch, height, width, channels)`.
        rows, columns: Most blocks down and across; a picture with fewer pixels keeps them.

    Returns:
        `(batch, min(rows, height), min(columns, width), channels)` float32.
    """
    out = np.asarray(pixels, np.float32)
    for axis, most in ((1, rows), (2, columns)):
        edges = np.linspace(0, out.shape[axis], min(most, out.shape[axis]) + 1).astype(int)
        sizes = np.diff(edges).astype(np.float32)
        out = np.add.reduceat(out, edges[:-1], axis=axis) / sizes.reshape(-1, *[1] * (3 - axis))
    return out


def colours(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns where colours are and how frequent they are.

    Args:
        pixels: `(batch, height, width, channels)` uint8, 1 or 3 channels.

    Returns:
        `(batch, blocks * blocks * channels)`, the mean colours of 8 x 8 blocks, 0 to 1; and `(batch, bins)`, the square
        root of the share of pixels of each colour: of 4 levels of red, green and blue, or of 16 of grey.
    """
    channels = pixels.shape[-1]
    levels = LEVELS[channels]
    bins = (np.asarray(pixels, np.int64) * levels // 256) @ (levels ** np.arange(channels))
    count = levels**channels
    flat = bins.reshape(len(bins), -1) + count * np.arange(len(bins))[:, None]
    shares = np.bincount(flat.ravel(), minlength=count * len(bins)).reshape(-1, count) / flat.shape[1]
    means = block_means(pixels, BLOCKS, BLOCKS).reshape(len(pixels), -1) / 255
    return means, np.sqrt(shares).astype(np.float32)


def standardised(parts: list[np.ndarray], like: list[np.ndarray]) -> np.ndarray:
    """Joins groups of features so that each group counts the same in a distance.

    Args:
        parts: `(rows, features)` each.
        like: The same groups of the train split, whose mean and deviation are taken. What never varies there counts 0.

    Returns:
        `(rows, all features)` float32.
    """
    joined = []
    for part, train in zip(parts, like, strict=True):
        deviation = train.std(axis=0, dtype=np.float64)
        varied = deviation > 1e-6
        scale = np.where(varied, 1 / np.where(varied, deviation, 1.0), 0.0) / np.sqrt(max(varied.sum(), 1))
        joined.append(((part - train.mean(axis=0, dtype=np.float64)) * scale).astype(np.float32))
    return np.concatenate(joined, axis=1)


def nearest(rows: np.ndarray, train: np.ndarray, advance: Callable[[int], None] = lambda done: None) -> np.ndarray:
    """Finds the row of `train` with the least Euclidean distance to each of `rows`; of equal ones the first.

    Args:
        rows: `(rows, features)`.
        train: `(train rows, features)`, at least 1.
        advance: Told the number of rows done.

    Returns:
        Places in `train`, `(rows,)`.
    """
    train = np.asarray(train, np.float32)
    lengths = np.square(train, dtype=np.float64).sum(axis=1)
    places = np.zeros(len(rows), np.int64)
    size = max(1, NEAREST_AT_ONCE // len(train))
    for start in range(0, len(rows), size):
        block = np.asarray(rows[start : start + size], np.float32)
        # The square of a row's own length is the same for all.
        distances = lengths - 2.0 * (block @ train.T)
        slack = ROUNDING * (lengths.max() + np.square(block, dtype=np.float64).sum(axis=1))
        close = distances <= (distances.min(axis=1) + slack)[:, None]
        for row, candidates in enumerate(map(np.flatnonzero, close)):
            apart = (
                np.square(train[candidates].astype(np.float64) - block[row]).sum(axis=1) if candidates[1:].size else 0
            )
            places[start + row] = candidates[np.argmin(apart)]
        advance(min(start + size, len(rows)))
    return places
