"""Unicode forms: raw texts -> NFC or NFKC, in the graph, with core TensorFlow ops.

text -> is every character plain? as it is : code points -> decomposed -> marks in order -> composed -> text

Unicode Standard Annex 15, https://www.unicode.org/reports/tr15. The tables are those of Python's unicodedata.
"""

import functools
import unicodedata

import numpy as np
import tensorflow as tf

FORMS = ("none", "nfc", "nfkc")
SYLLABLES, LEADING, VOWELS, TRAILING = 0xAC00, 0x1100, 0x1161, 0x11A7
"""Hangul: the first syllable, leading consonant and vowel, and the one before the first trailing consonant."""
LEADING_COUNT, VOWEL_COUNT, TRAILING_COUNT = 19, 21, 28
SYLLABLE_COUNT = LEADING_COUNT * VOWEL_COUNT * TRAILING_COUNT
LAST, CHANGED = 0x110000, 0x30000
"""One past the last code point, and past the last that any form changes, orders or composes."""
BLOCK = 128


@tf.autograph.experimental.do_not_convert
def normalized(text, form: str):
    """Brings texts into a Unicode form, as `unicodedata.normalize` does.

    Args:
        text: `(batch,)` string. Bytes that aren't UTF-8 become U+FFFD.
        form: One of `FORMS`; none changes nothing but such bytes.

    Returns:
        `(batch,)` string. Rows whose characters can't change are found by one regular expression and passed on.

    Raises:
        ValueError: There is no such form.
    """
    if form not in FORMS:
        raise ValueError(f"normalization must be one of {', '.join(FORMS)}. Got {form!r}.")
    if form == "none":
        return tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    plain = tf.strings.regex_full_match(text, plain_characters(form))

    def changed():
        places = tf.where(~plain)
        points = tf.strings.unicode_decode(tf.gather_nd(text, places), "UTF-8", errors="replace")
        rows = tf.strings.unicode_encode(normalized_points(points, form), "UTF-8")
        return tf.tensor_scatter_nd_update(text, places, rows)

    return tf.cond(tf.reduce_all(plain), lambda: tf.identity(text), changed)


def normalized_points(points: tf.RaggedTensor, form: str) -> tf.RaggedTensor:
    """Brings code points `(batch, (characters))` int32 into a form, nfc or nfkc."""
    # Made constants once, for each stands in the graph.
    tables = {name: tf.constant(table) for name, table in (_tables(form) | _pair_tables()).items()}
    values, rows = _decomposed(points.flat_values, points.value_rowids(), tables)
    classes = _properties(values, tables) % 256
    starts = (classes == 0) | _changes(rows)
    # Marks of one character come in the order of their classes; the sort is stable.
    order = tf.argsort(tf.cumsum(tf.cast(starts, tf.int64)) * 256 + tf.cast(classes, tf.int64), stable=True)
    values = _composed(tf.gather(values, order), rows, tables)
    kept = values >= 0
    return tf.RaggedTensor.from_value_rowids(
        tf.boolean_mask(values, kept), tf.boolean_mask(rows, kept), points.nrows(), validate=False
    )


def _decomposed(values, rows, tables):
    """Returns the full decompositions of code points, and their rows."""
    syllables = values - SYLLABLES
    hangul = (syllables >= 0) & (syllables < SYLLABLE_COUNT)
    number = _properties(values, tables) // 512
    counts = tf.where(hangul, tf.where(syllables % TRAILING_COUNT == 0, 2, 3), tf.gather(tables["counts"], number))
    parents = tf.repeat(tf.range(tf.size(values)), counts)
    nth = tf.range(tf.size(parents)) - tf.gather(tf.cumsum(counts, exclusive=True), parents)
    number, syllables, hangul = (tf.gather(x, parents) for x in (number, syllables, hangul))
    parts = tf.gather(tables["parts"], tf.gather(tables["offsets"], number) + tf.where(number > 0, nth, 0))
    letters = tf.stack(
        [
            LEADING + syllables // (VOWEL_COUNT * TRAILING_COUNT),
            VOWELS + syllables % (VOWEL_COUNT * TRAILING_COUNT) // TRAILING_COUNT,
            TRAILING + syllables % TRAILING_COUNT,
        ],
        axis=1,
    )
    letters = tf.gather(letters, tf.where(hangul, nth, 0), batch_dims=1)
    whole = tf.where(number > 0, parts, tf.gather(values, parents))
    return tf.where(hangul, letters, whole), tf.gather(rows, parents)


def _composed(values, rows, tables):
    """Composes code points in their places; those taken up by an earlier one become -1."""
    properties = _properties(values, tables)
    # No character but these can be joined to an earlier one, so that the stretches between are read side by side.
    begins = (properties % 512 == 0) | _changes(rows)
    firsts = tf.cast(tf.where(begins)[:, 0], tf.int32)
    lengths = tf.concat([firsts[1:], [tf.size(values)]], 0) - firsts

    def step(nth, values, firsts, lengths, last):
        """Reads the nth character of each stretch: `firsts` has its last starter, `last` the class read before."""
        going = lengths > nth
        starters, ends, lengths, last = (tf.boolean_mask(x, going) for x in (firsts, ends_of(firsts), lengths, last))
        places = ends + nth
        points, before = tf.gather(values, places), tf.gather(values, starters[:, 0])
        classes = _properties(points, tables) % 256
        whole = _pairs(before, points, tables)
        joined = (whole >= 0) & ((last < classes) | (last < 0))
        values = tf.tensor_scatter_nd_update(
            values,
            tf.concat([starters[:, :1], places[:, None]], 0),
            tf.concat([tf.where(joined, whole, before), tf.where(joined, -1, points)], 0),
        )
        begun = ~joined & (classes == 0)
        starters = tf.stack([tf.where(begun, places, starters[:, 0]), ends], axis=1)
        last = tf.where(joined, last, tf.where(begun, -1, classes))
        return nth + 1, values, starters, lengths, last

    def ends_of(firsts):
        return firsts[:, 1]

    free = tf.TensorShape([None])
    state = 1, values, tf.stack([firsts, firsts], axis=1), lengths, tf.fill(tf.shape(firsts), -1)
    shapes = tf.TensorShape([]), free, tf.TensorShape([None, 2]), free, free
    return tf.while_loop(lambda nth, v, f, lengths, c: tf.reduce_any(lengths > nth), step, state, shapes)[1]


def _pairs(before, points, tables):
    """Returns the code point that two make together, -1 where they don't."""
    sought = tf.cast(before, tf.int64) * LAST + tf.cast(points, tf.int64)
    places = tf.minimum(tf.searchsorted(tables["pairs"], sought), tf.size(tables["pairs"]) - 1)
    found = tf.where(tf.gather(tables["pairs"], places) == sought, tf.gather(tables["wholes"], places), -1)
    leading, vowel, trailing, syllable = before - LEADING, points - VOWELS, points - TRAILING, before - SYLLABLES
    opens = (leading >= 0) & (leading < LEADING_COUNT) & (vowel >= 0) & (vowel < VOWEL_COUNT)
    closes = (syllable >= 0) & (syllable < SYLLABLE_COUNT) & (syllable % TRAILING_COUNT == 0)
    closes &= (trailing > 0) & (trailing < TRAILING_COUNT)
    found = tf.where(opens, SYLLABLES + (leading * VOWEL_COUNT + vowel) * TRAILING_COUNT, found)
    return tf.where(closes, before + trailing, found)


def _changes(rows):
    """Tells where a row begins, `(characters,)`."""
    return tf.concat([tf.ones_like(rows[:1], tf.bool), rows[1:] != rows[:-1]], 0)


def _properties(values, tables):
    """Returns of each code point: its combining class + 256 if it can be second in a pair + 512 * its decomposition."""
    return tf.gather(tables["blocks"], tf.gather(tables["places"], values // BLOCK) * BLOCK + values % BLOCK)


@functools.cache
def _tables(form):
    """Returns the properties of all code points, in blocks of which equal ones stand once, and the decompositions."""
    kind = {"nfc": "NFD", "nfkc": "NFKD"}[form]
    seconds = {second for _, second in _primary_composites()}
    seconds.update(range(VOWELS, VOWELS + VOWEL_COUNT), range(TRAILING + 1, TRAILING + TRAILING_COUNT))
    properties = np.zeros(LAST, np.int32)
    parts, counts = [0], [1]
    for point in range(CHANGED):
        if SYLLABLES <= point < SYLLABLES + SYLLABLE_COUNT or 0xD800 <= point < 0xE000:
            continue
        whole = unicodedata.normalize(kind, chr(point))
        properties[point] = unicodedata.combining(chr(point)) | (point in seconds) << 8
        if whole != chr(point):
            properties[point] |= len(counts) << 9
            counts.append(len(whole))
            parts.extend(map(ord, whole))
    for point in range(0xE0000, LAST):
        properties[point] = unicodedata.combining(chr(point))
    blocks, places = np.unique(properties.reshape(-1, BLOCK), axis=0, return_inverse=True)
    counts = np.array(counts, np.int32)
    return {
        "blocks": blocks.ravel(),
        "places": places.ravel().astype(np.int32),
        "counts": counts,
        "offsets": np.cumsum(counts, dtype=np.int32) - counts,
        "parts": np.array(parts, np.int32),
    }


@functools.cache
def _primary_composites():
    """Returns (first, second) -> what they are composed to."""
    pairs = {}
    for point in range(CHANGED):
        parts = unicodedata.decomposition(chr(point)).split()
        if len(parts) == 2 and not parts[0].startswith("<") and unicodedata.is_normalized("NFC", chr(point)):
            pairs[int(parts[0], 16), int(parts[1], 16)] = point
    return pairs


@functools.cache
def _pair_tables():
    pairs = sorted((first * LAST + second, whole) for (first, second), whole in _primary_composites().items())
    keys, wholes = zip(*pairs, strict=True)
    return {"pairs": np.array(keys, np.int64), "wholes": np.array(wholes, np.int32)}


@functools.cache
def plain_characters(form: str) -> str:
    """Returns a regular expression of the texts that a form surely leaves as they are.

    They hold only characters that stay, have combining class 0 and are never joined to an earlier one.
    """
    properties = _tables(form)
    points = np.arange(LAST)
    known = properties["blocks"][properties["places"][points // BLOCK] * BLOCK + points % BLOCK]
    plain = known == 0
    plain[0xD800:0xE000] = False
    return f"[{_ranges(plain)}]*"


@functools.cache
def characters_of(categories: str) -> str:
    r"""Returns the inside of a regular expression's class: the characters of the categories with these first letters.

    TensorFlow's own classes, such as \p{L}, are those of an older Unicode than Python's.
    """
    return _ranges(np.array([unicodedata.category(chr(point))[0] in categories for point in range(LAST)]))


def _ranges(wanted):
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]))).reshape(-1, 2)
    return "".join(f"\\x{{{first:x}}}-\\x{{{stop - 1:x}}}" for first, stop in edges)
