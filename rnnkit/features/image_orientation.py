"""Image orientation: bytes of a JPEG or PNG file -> number of its Exif orientation, in the graph.

Exif 2.32, section 4.6.4, and PNG third edition, section 11.3.3.5 (chunk eXIf).
"""

import tensorflow as tf

UPRIGHT = 1
_ORIENTATION, _SHORT = 0x0112, 3
_SCAN, _END_OF_IMAGE, _APPLICATION, _MARKERS = 0xDA, 0xD9, 0xE1, 1000
_STANDALONE = (0x01, *range(0xD0, 0xD9))


def jpeg_orientation(data: tf.Tensor) -> tf.Tensor:
    """Reads the orientation of a JPEG file, `() string -> () int32` from 1 to 8; 1 where there is none."""
    read = _reader(data)

    def goes_on(offset, exif, seen):
        return (exif < 0) & (offset >= 0) & (seen < _MARKERS)

    def step(offset, exif, seen):
        first, code = read(offset), read(offset + 1)
        # Any number of 0xFF may stand before a marker's code.
        filled = (first == 0xFF) & (code == 0xFF)
        size = 256 * read(offset + 2) + read(offset + 3)
        ended = (first != 0xFF) | (code == _SCAN) | (code == _END_OF_IMAGE) | (size < 2)
        alone = tf.reduce_any(code == tf.constant(_STANDALONE))
        found = (first == 0xFF) & (code == _APPLICATION) & _stands(data, offset + 4, b"Exif\0\0")
        after = tf.where(filled, offset + 1, tf.where(alone, offset + 2, tf.where(ended, -1, offset + 2 + size)))
        return after, tf.where(found, offset + 10, -1), seen + 1

    start = (tf.constant(2), tf.constant(-1), tf.constant(0))
    return _of_tiff(data, read, tf.while_loop(goes_on, step, start)[1])


def png_orientation(data: tf.Tensor) -> tf.Tensor:
    """Reads the orientation of a PNG file, `() string -> () int32` from 1 to 8; 1 where there is none."""
    read = _reader(data)

    def goes_on(offset, exif, seen):
        return (exif < 0) & (offset >= 0) & (seen < _MARKERS)

    def step(offset, exif, seen):
        high, size = read(offset), 65536 * read(offset + 1) + 256 * read(offset + 2) + read(offset + 3)
        ended = (high > 0) | _stands(data, offset + 4, b"IDAT") | _stands(data, offset + 4, b"IEND")
        after = tf.where(ended | (offset + 12 > read.size), -1, offset + 12 + size)
        return after, tf.where(_stands(data, offset + 4, b"eXIf"), offset + 8, -1), seen + 1

    start = (tf.constant(8), tf.constant(-1), tf.constant(0))
    return _of_tiff(data, read, tf.while_loop(goes_on, step, start)[1])


def _of_tiff(data, read, start):
    """Looks up the orientation in the first directory of the TIFF structure that begins at `start`, if it isn't -1."""
    little = _stands(data, start, b"II*\0")

    def number(offset, size):
        digits = [read(offset + place) for place in range(size)]
        return tf.where(little, _joined(digits[::-1]), _joined(digits))

    # An offset of more than 24 bits lies behind every Exif block, which has 64 KiB at most.
    directory = start + tf.clip_by_value(number(start + 4, 4), 0, 1 << 24)
    entries = directory + 2 + 12 * tf.range(number(directory, 2))
    right = (number(entries, 2) == _ORIENTATION) & (number(entries + 2, 2) == _SHORT)
    values = tf.boolean_mask(number(entries + 8, 2), right)
    value = tf.concat([values, [UPRIGHT]], 0)[0]
    known = (start >= 0) & (little | _stands(data, start, b"MM\0*")) & (value >= 1) & (value <= 8)
    return tf.where(known, value, UPRIGHT)


def _joined(digits):
    total = digits[0]
    for digit in digits[1:]:
        total = 256 * total + digit
    return total


def _reader(data):
    """Returns a function that gives bytes by their offsets, 0 outside of the file."""
    values = tf.io.decode_raw(data, tf.uint8)
    size = tf.size(values)

    def read(offset):
        inside = (offset >= 0) & (offset < size)
        found = tf.gather(values, tf.clip_by_value(offset, 0, tf.maximum(size - 1, 0)))
        return tf.where(inside, tf.cast(found, tf.int32), 0)

    read.size = size
    return read


def _stands(data, offset, text):
    """Tells whether a text stands at an offset."""
    size = tf.strings.length(data)
    inside = (offset >= 0) & (offset + len(text) <= size)
    return inside & (tf.strings.substr(data, tf.where(inside, offset, 0), len(text)) == text)
