"""Images: encoded pictures -> pixels of one size, in the graph."""

import keras
import tensorflow as tf

from rnnkit.features.image_files import file_of, pixels_of
from rnnkit.features.image_fitting import FITS, fitted, rounded

_AT_ONCE = 8
"""Pictures that are decoded at the same time, as far as there are threads."""


@keras.saving.register_keras_serializable(package="rnnkit")
class DecodeImages(keras.layers.Layer):
    """Decodes JPEG and PNG files and brings them to one size.

    `image (batch,) string -> pixels (batch, height, width, channels) uint8`. An image is a file's bytes or a
    data URI, `data:image/png;base64,…`. It is turned as its Exif orientation asks, transparent parts are put
    on white, and a picture that has the wanted size already stays as it is; of a JPEG file that is several
    times larger, each decoded pixel is the mean of 2 x 2, 4 x 4 or 8 x 8. No bytes raise an error: what
    can't be decoded, as a file that was cut, gives black pixels, and `inspected` tells so.

    Args:
        height: Rows of the pixels that are given.
        width: Columns.
        channels: 3 for red, green and blue, or 1 for grey (ITU-R BT.601).
        fit: How other proportions are brought to these: "squash" stretches the picture, "pad" keeps all of it
            with black beside it, "crop" keeps its middle.
        most_pixels: Width times height of the largest picture that is decoded; larger ones can't be.

    Raises:
        ValueError: A size is below 1, or there is no such number of channels or fit.
    """

    def __init__(self, height, width, channels=3, fit="squash", most_pixels=50_000_000, **kwargs):
        super().__init__(**kwargs)
        _check(height, width, channels, fit, most_pixels)
        self.height, self.width, self.channels = height, width, channels
        self.fit, self.most_pixels = fit, most_pixels
        # Traced once for all graphs that it is part of.
        images = [tf.TensorSpec([None], tf.string)]
        self.__dict__["_decode"] = tf.function(self._decoding, input_signature=images, autograph=False)
        self.built = True

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of what is given."""
        return self.height, self.width, self.channels

    def call(self, image):
        return self.inspected(image)[0]

    def inspected(self, image) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the pixels, and `(batch,) bool`, whether each picture could be decoded."""
        image = tf.convert_to_tensor(image, tf.string)
        pixels, readable = self._decode(image)
        return tf.ensure_shape(pixels, (image.shape[0], *self.shape)), tf.ensure_shape(readable, image.shape)

    def _decoding(self, image):
        count = tf.shape(image, tf.int64)[0]
        numbers = tf.data.Dataset.range(count)
        decoded = numbers.map(self._numbered(image), num_parallel_calls=_AT_ONCE, deterministic=False)
        # A decoder's error leaves its picture out, which is the only way for a graph to go on after one.
        decoded = decoded.ignore_errors()
        none = tf.data.Dataset.from_tensors((count, tf.zeros(self.shape, tf.uint8), False))
        # With a row more, so that the batch is never empty.
        rows, pixels, readable = decoded.concatenate(none).batch(count + 1).get_single_element()
        order, pixels = rows[:-1, None], pixels[:-1]
        pixels = tf.scatter_nd(order, pixels, tf.stack([count, *self.shape]))
        readable = tf.scatter_nd(order, tf.cast(readable[:-1], tf.int32), count[None]) > 0
        return pixels, readable

    def _numbered(self, image):
        @tf.autograph.experimental.do_not_convert
        def one(number):
            return number, *self._one(image[number])

        return one

    def _one(self, text):
        found, readable = pixels_of(file_of(text), most_pixels=self.most_pixels, least=2 * max(self.height, self.width))

        def sized():
            small = fitted(found, height=self.height, width=self.width, fit=self.fit)
            return tf.ensure_shape(rounded(small, self.channels), self.shape)

        return tf.cond(readable, sized, lambda: tf.zeros(self.shape, tf.uint8)), readable

    def compute_output_spec(self, image):
        return keras.KerasTensor((*image.shape, *self.shape), "uint8")

    def get_config(self):
        sizes = {"height": self.height, "width": self.width, "channels": self.channels}
        return {**super().get_config(), **sizes, "fit": self.fit, "most_pixels": self.most_pixels}


def _check(height, width, channels, fit, most_pixels):
    for name, value in (("height", height), ("width", width), ("most_pixels", most_pixels)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1. Got {value!r}. Give the number of pixels.")
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (colour). Got {channels!r}. Give one of them.")
    if fit not in FITS:
        raise ValueError(f"fit must be one of {', '.join(FITS)}. Got {fit!r}. Give one of them.")
