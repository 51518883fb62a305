"""Augmenting: pixels of a batch and a seed -> the same pictures moved, grown, mirrored and lit otherwise."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How much pictures vary while training.

    Attributes:
        flip: Whether half of them are mirrored, left to right.
        shift: Most that they are moved each way, in sides.
        zoom: Most by which they grow or shrink, as a share.
        brighten: Most by which contrast varies, as a share, and brightness, as a share of the whole range.
    """

    flip: bool
    shift: float
    zoom: float
    brighten: float

    def __bool__(self):
        return bool(self.flip or self.shift or self.zoom or self.brighten)

    def apply(self, pixels, seed):
        """Returns `pixels (batch, height, width, channels)` uint8 varied, the same for the same `seed (2,)` int32."""
        shape = tf.shape(pixels)
        draws = tf.random.stateless_uniform([6, shape[0]], seed, -1.0, 1.0)
        out = tf.cast(pixels, tf.float32)
        if self.flip or self.shift or self.zoom:
            out = self._moved(out, draws)
        if self.brighten:
            contrast, light = (1 + self.brighten * draws[4]), 255 * self.brighten * draws[5]
            middle = tf.reduce_mean(out, [1, 2, 3], keepdims=True)
            out = (out - middle) * contrast[:, None, None, None] + middle + light[:, None, None, None]
        return tf.cast(tf.clip_by_value(tf.round(out), 0, 255), tf.uint8)

    def _moved(self, out, draws):
        height, width = (tf.cast(tf.shape(out)[axis], tf.float32) for axis in (1, 2))
        scale = 1 / (1 + self.zoom * draws[0])
        mirrored = tf.where((draws[1] < 0) & self.flip, -1.0, 1.0)
        # About the middle of the picture: what the pixel at (x, y) of the result was before.
        across, down = scale * mirrored, scale
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        left = middle_x - across * middle_x + self.shift * width * draws[2]
        top = middle_y - down * middle_y + self.shift * height * draws[3]
        zero = tf.zeros_like(scale)
        transforms = tf.stack([across, zero, left, zero, down, top, zero, zero], 1)
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=out,
            transforms=transforms,
            output_shape=tf.shape(out)[1:3],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="NEAREST",
        )


def augmentation(settings) -> Augmentation:
    """Returns what the settings ask for."""
    return Augmentation(settings.flip, settings.shift, settings.zoom, settings.brighten)
