"""Character classes: code points -> a text of ASCII that says what kind of character stands at each place.

Expressions over such a text are short, and mean the same in TensorFlow and in Python; over Unicode's own classes they
outgrow the memory that TensorFlow gives them.
"""

import functools
import unicodedata

import numpy as np
import tensorflow as tf

MARK, JOINER, INNER, ALONE, VARIANT, REGION, OTHER, UNCASED = "\x01\x02\x03\x04\x05\x06\x07\x0e"
"""A combining mark; the zero-width joiner; what may stand in a word, unseen; a character of a script without spaces
between words; what varies the emoji before; half a flag; any other sign; a letter that has no case.

Letters, digits and signs of ASCII are themselves; other capitals are A, small letters a, digits 0, ’ is ', and all
white space and what else is unseen is a space."""
SEPARATOR = "\x1f"
LAST, BLOCK = 0x110000, 256
SINGLE_SCRIPTS = (
    *((0x0E01, 0x0E2E), (0x0E2F, 0x0E30), (0x0E32, 0x0E33), (0x0E40, 0x0E46)),
    *((0x0E81, 0x0EB0), (0x0EB2, 0x0EB3), (0x0EBD, 0x0EC6), (0x1000, 0x102A), (0x1050, 0x1055), (0x1780, 0x17B3)),
    *((0x3005, 0x3007), (0x3021, 0x3029), (0x3031, 0x3035), (0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FF)),
    *((0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9D), (0x1B000, 0x1B16F)),
    *((0x20000, 0x2FA1F), (0x30000, 0x323AF)),
)
"""Letters of Thai, Lao, Myanmar, Khmer, Han, Hiragana and Katakana, first and last."""


def classes_of(points: tf.RaggedTensor) -> tf.Tensor:
    """Returns texts of code points `(batch, (characters))` as classes, `(batch,)` string, a byte a character."""
    blocks, rows = (tf.constant(table) for table in class_table())
    flat = points.flat_values
    values = tf.gather(
        tf.reshape(rows, [-1]), tf.cast(tf.gather(blocks, flat // BLOCK), tf.int32) * BLOCK + flat % BLOCK
    )
    return tf.strings.unicode_encode(points.with_flat_values(tf.cast(values, tf.int32)), "UTF-8")


@functools.cache
def class_table() -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of each block of `BLOCK` code points, and the classes of each different block.

    As `unicodedata` knows characters.
    """
    classes = np.fromiter(map(_class, map(chr, range(LAST))), np.uint8, LAST).reshape(-1, BLOCK)
    rows, blocks = np.unique(classes, axis=0, return_inverse=True)
    return blocks.ravel().astype(np.int32), rows


def _class(character):
    point, category = ord(character), unicodedata.category(character)
    if character == SEPARATOR or 0x20 < point < 0x7F:
        kind = character
    elif point in (0x2019, 0x02BC):
        kind = "'"
    elif point == 0x200D:
        kind = JOINER
    elif point in (0x200C, 0x00AD):
        kind = INNER
    elif 0x1F1E6 <= point <= 0x1F1FF:
        kind = REGION
    elif point in (0xFE0E, 0xFE0F) or 0x1F3FB <= point <= 0x1F3FF or 0xE0020 <= point <= 0xE007F:
        kind = VARIANT
    elif category[0] == "M":
        kind = MARK
    elif category[0] in "LN" and _alone(point):
        kind = ALONE
    elif category[0] in "LN":
        kind = {"Lu": "A", "Lt": "A", "Ll": "a", "Lo": UNCASED, "Lm": UNCASED}.get(category, "0")
    else:
        kind = " " if category[0] == "Z" or category in ("Cc", "Cf", "Cs") else OTHER
    return ord(kind)


def _alone(point):
    return any(first <= point <= last for first, last in SINGLE_SCRIPTS)
