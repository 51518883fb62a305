"""Image files: bytes of a JPEG or PNG file, or a data URI -> upright red, green and blue pixels, in the graph."""

import tensorflow as tf

from rnnkit.features.image_fitting import upright
from rnnkit.features.image_orientation import jpeg_orientation, png_orientation

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


def file_of(text: tf.Tensor) -> tf.Tensor:
    """Returns the file that a data URI holds, `() string -> () string`, and what is no such text as it is.

    Raises:
        InvalidArgumentError: When run, where the text behind `base64,` is no base64.
    """

    def decoded():
        # Without that, a colon is left, which base64 has not.
        content = tf.strings.regex_replace(text, r"^(?i)[^,]*;base64,", "", replace_global=False)
        content = tf.strings.regex_replace(content, r"[\t\n\f\r =]", "")
        for plain, safe in (("\\+", "-"), ("/", "_")):
            content = tf.strings.regex_replace(content, plain, safe)
        return tf.io.decode_base64(content)

    return tf.cond(tf.strings.lower(tf.strings.substr(text, 0, 5)) == "data:", decoded, lambda: text)


def pixels_of(data: tf.Tensor, *, most_pixels: int, least: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a file, `() string -> (rows, columns, 3) uint8`, and tells whether it is one that can be decoded.

    Transparent pixels are put on white. Of 16 bits for each channel the upper 8 are taken.

    Args:
        data: The file's bytes.
        most_pixels: Columns times rows of the largest picture that is decoded; of a larger one only the header is.
        least: Rows and columns that are enough: of a JPEG file with several times as many, each pixel that is made
            is the mean of 2 x 2, 4 x 4 or 8 x 8, which takes a fraction of the time.

    Returns:
        The pixels, without any where there is no picture, and `() bool`.

    Raises:
        InvalidArgumentError: When run, where the file is damaged.
    """
    none = tf.zeros((0, 0, 3), tf.uint8), tf.constant(False)

    def decoded(size, decode, orientation):
        rows, columns = tf.cast(size[0], tf.int64), tf.cast(size[1], tf.int64)
        fits = (rows > 0) & (columns > 0) & (rows * columns <= most_pixels)
        return tf.cond(fits, lambda: (upright(decode(data), orientation(data)), tf.constant(True)), lambda: none)

    def jpeg():
        size = tf.image.extract_jpeg_shape(data)
        spare = tf.reduce_min(size[:2]) // least
        return decoded(size, lambda data: _jpeg_pixels(data, spare), jpeg_orientation)

    def png():
        header = tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.int32, little_endian=False)
        return decoded(header[::-1], _png_pixels, png_orientation)

    def other():
        return tf.cond(tf.strings.substr(data, 0, len(_PNG)) == _PNG, png, lambda: none)

    return tf.cond(tf.strings.substr(data, 0, len(_JPEG)) == _JPEG, jpeg, other)


def _jpeg_pixels(data, spare):
    def at(ratio):
        return lambda: tf.io.decode_jpeg(data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    return tf.switch_case(tf.searchsorted((2, 4, 8), spare[None], "right")[0], [at(ratio) for ratio in (1, 2, 4, 8)])


def _png_pixels(data):
    pixels = tf.io.decode_png(data)
    colours = tf.shape(pixels)[2]
    pixels = tf.cond(colours % 2 == 0, lambda: _on_white(pixels), lambda: pixels)
    return tf.cond(colours <= 2, lambda: tf.tile(pixels[..., :1], (1, 1, 3)), lambda: pixels)


def _on_white(pixels):
    """Puts colours on white as far as the last channel, their opacity, lets it through."""
    colour, opacity = tf.cast(pixels[..., :-1], tf.uint16), tf.cast(pixels[..., -1:], tf.uint16)
    # No sum is above 65,535.
    mixed = colour * opacity + 255 * (255 - opacity) + 127
    return tf.cast(mixed // 255, tf.uint8)
