"""Image fitting: pixels of any size -> upright pixels of one size, in the graph."""

import tensorflow as tf

FITS = ("squash", "pad", "crop")
_LUMA = (19595, 38470, 7471)
"""Shares of red, green and blue in grey, of 65,536: ITU-R BT.601."""
WHOLE = 65536


def upright(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns and mirrors pixels `(rows, columns, channels)` as an Exif orientation from 1 to 8 asks."""
    kept = [None, None, None]

    def as_is(x):
        return x

    def across(x):
        return tf.transpose(x, (1, 0, 2))

    turns = (
        as_is,
        lambda x: x[:, ::-1],
        lambda x: x[::-1, ::-1],
        lambda x: x[::-1],
        across,
        lambda x: across(x)[:, ::-1],
        lambda x: across(x)[::-1, ::-1],
        lambda x: across(x)[::-1],
    )

    def branch(turn):
        return lambda: tf.ensure_shape(turn(pixels), kept)

    return tf.switch_case(orientation - 1, [branch(turn) for turn in turns])


def fitted(pixels: tf.Tensor, *, height: int, width: int, fit: str) -> tf.Tensor:
    """Brings pixels `(rows, columns, channels) uint8` to `(height, width, channels) float32`, not yet rounded.

    A smaller picture is weighed by triangles over all the pixels that it is made of, a larger one is
    interpolated linearly.
    """
    # A picture of one row may have many millions of columns.
    rows, columns, _ = tf.unstack(tf.shape(pixels, tf.int64))
    height, width = tf.constant(height, tf.int64), tf.constant(width, tf.int64)
    if fit == "crop":
        # The largest part of the wanted proportions.
        tall = tf.minimum(rows, tf.maximum(columns * height // width, 1))
        wide = tf.minimum(columns, tf.maximum(rows * width // height, 1))
        top, left = (rows - tall) // 2, (columns - wide) // 2
        pixels = tf.slice(pixels, [top, left, 0], [tall, wide, -1])
    if fit == "pad":
        tall = tf.minimum(height, tf.maximum((2 * rows * width + columns) // (2 * columns), 1))
        wide = tf.minimum(width, tf.maximum((2 * columns * height + rows) // (2 * rows), 1))
        top, left = (height - tall) // 2, (width - wide) // 2
        small = _resized(pixels, [tall, wide])
        return tf.pad(small, [(top, height - tall - top), (left, width - wide - left), (0, 0)])
    return _resized(pixels, [height, width])


def _resized(pixels, size):
    return tf.image.resize(pixels, tf.cast(tf.stack(size), tf.int32), "bilinear", antialias=True)


def rounded(pixels: tf.Tensor, channels: int) -> tf.Tensor:
    """Rounds red, green and blue `(…, 3) float32` to `(…, channels) uint8`, 3 channels or 1 of grey."""
    if channels == 1:
        pixels = tf.reduce_sum(pixels * tf.constant(_LUMA, tf.float32), -1, keepdims=True)
        pixels = tf.floor((pixels + WHOLE // 2) / WHOLE)
    return tf.cast(tf.clip_by_value(tf.round(pixels), 0, 255), tf.uint8)
