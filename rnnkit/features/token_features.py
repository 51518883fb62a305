"""Token features: tokens -> word ids, letters and shapes, in the graph, looked up once for each different token."""

import collections
from collections.abc import Iterable, Sequence

import keras
import tensorflow as tf

from rnnkit.features.character_classes import classes_of
from rnnkit.features.token_windows import COUNT, FIRST_LETTER, LETTER_IDS, WindowIds, look_around
from rnnkit.features.tokens import split_tokens
from rnnkit.features.words import RESERVED
from rnnkit.layers.embedding import PADDING, UNKNOWN

_NO_LETTER, _NO_CAPITAL = "[^A-Za-z0-9\x0e]*", "[^A-Z0-9]*"
SHAPES = (
    ("small", f"[^A-Za-z0-9]*[a-z]{_NO_CAPITAL}"),
    ("capital", f"{_NO_LETTER}[A-Z][^A-Za-z0-9]*[a-z]{_NO_CAPITAL}"),
    ("initial", f"{_NO_LETTER}[A-Z]{_NO_LETTER}"),
    ("capitals", "[^A-Za-z0-9]*[A-Z][^a-z0-9]*"),
    ("digits", "[0-9]+"),
    ("number", "[^A-Za-z0-9\x0e]*[0-9][^A-Za-z\x0e]*"),
    ("letters and digits", "(?s:.*)[0-9](?s:.*)"),
    ("mixed", "(?s:.*)[A-Z](?s:.*)"),
    ("no case", "(?s:.*)[\x0e\x04](?s:.*)"),
)
"""How a token is written, as classes of its characters: the first whose expression fits all of it; else it is a sign.
Ids begin with 1, the sign's is the last."""
SHAPE_IDS = len(SHAPES) + 2
TAIL = 8
"""Letters read at the end of a token that has more than are read."""


@keras.saving.register_keras_serializable(package="rnnkit")
class Tokens(keras.layers.Layer):
    """Splits texts into tokens as `split_tokens` does, and reads each as a word, by its letters and by its shape.

    `text (batch,) string -> ids (batch, time), letters (batch, time, letters), shapes (batch, time)`, int32, 0 is
    padding; time is at least 1. A letter's id is its code point folded into `LETTER_IDS`, so that none is unknown; of
    a token with more letters than are read, the first ones and the last `TAIL` are. With windows there are also
    `windows (batch, time, COUNT)`, as `WindowIds` gives them.

    Args:
        vocabulary: Words as `normal` gives them, most frequent first; empty until learnt.
        lower: Lower-case a word before it is looked up; its letters stay as they are.
        digits: Read each digit of a word as 0, so that all years are one word; its letters stay as they are.
        length: Tokens read of each text; the rest is cut.
        letters: Letters read of each token.
        windows: Number of known keys of windows, given by `windows.assign`; 0 reads none.

    Attributes:
        windows: The `WindowIds`, or None.
    """

    def __init__(self, vocabulary=(), *, lower=True, digits=True, length=400, letters=20, windows=0, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary = list(vocabulary)
        self.how = {"lower": lower, "digits": digits, "length": length, "letters": letters, "windows": windows}
        self.windows = WindowIds(windows, name="windows") if windows else None
        self.lookup = keras.layers.StringLookup(
            vocabulary=[*RESERVED.values(), *self.vocabulary] if self.vocabulary else None,
            mask_token=RESERVED[PADDING],
            oov_token=RESERVED[UNKNOWN],
            name="lookup",
        )
        self.built = True

    def split(self, text):
        """Returns tokens, and where they begin and end, as `split_tokens` does, at most `length` of each text."""
        return self.split_and_cut(text)[:3]

    def cut(self, text):
        """Says of each text `(batch,)` whether it has more than `length` tokens."""
        return self.split_and_cut(text)[3]

    def split_and_cut(self, text):
        """Returns what `split` does, and what `cut` does, for one splitting."""
        whole, length = split_tokens(text), self.how["length"]
        return *(part[:, :length] for part in whole), whole[0].row_lengths() > length

    def normal(self, words):
        """Returns words `(n,)` as they are looked up."""
        words = tf.strings.lower(words, encoding="utf-8") if self.how["lower"] else words
        return tf.strings.regex_replace(words, r"\p{Nd}", "0") if self.how["digits"] else words

    def read(self, tokens: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        """Returns `ids`, `letters` and `shapes`, and `windows` if there are any, of tokens `(batch, (time))`."""
        words, places = tf.unique(tokens.flat_values)
        letters = letter_ids(words, self.how["letters"])
        of_words = {
            # A token that is lower-cased to nothing, as one that begins with NUL, is no padding.
            "ids": tf.maximum(tf.cast(self.lookup(self.normal(words)), tf.int32), UNKNOWN),
            "letters": letters,
            "shapes": shape_ids(words),
        }
        found = {name: tf.gather(values, places) for name, values in of_words.items()}
        if self.windows:
            found["windows"] = look_around(letters, places, tokens.value_rowids(), made=self.windows.look_up)
        return {name: _dense(tokens, values) for name, values in found.items()}

    def window_keys(self, text):
        """Returns the key of each template at each token of texts, `(tokens, COUNT)` int64; see `token_windows`."""
        tokens = self.split(text)[0]
        words, places = tf.unique(tokens.flat_values)
        return look_around(letter_ids(words, self.how["letters"]), places, tokens.value_rowids())

    def call(self, text):
        return self.read(self.split(text)[0])

    def compute_output_spec(self, text):
        rows = text.shape[0]
        shapes = {"ids": (rows, None), "letters": (rows, None, self.how["letters"]), "shapes": (rows, None)}
        if self.windows:
            shapes["windows"] = (rows, None, COUNT)
        return {name: keras.KerasTensor(shape, "int32") for name, shape in shapes.items()}

    def get_config(self):
        return {**super().get_config(), "vocabulary": self.vocabulary, **self.how}


def _dense(tokens, values):
    """Pads what stands for each token with zeros, to one step at least."""
    dense = tokens.with_flat_values(values).to_tensor(0)
    missing = tf.maximum(1 - tf.shape(dense)[1], 0)
    return tf.pad(dense, [[0, 0], [0, missing], *[[0, 0]] * (len(values.shape) - 1)])


def letter_ids(words, letters: int):
    """Returns the letters of words `(n,)`, `(n, letters)` int32: the first and, where there are more, the last."""
    points = tf.strings.unicode_decode(words, "UTF-8")
    counts = tf.cast(points.row_lengths(), tf.int32)[:, None]
    nth = tf.range(letters)[None]
    tail = min(TAIL, letters // 2)
    nth = tf.where((counts > letters) & (nth >= letters - tail), counts - letters + nth, nth)
    real = nth < counts
    # One more, for there may be none.
    values = tf.concat([points.flat_values, [0]], 0)
    place = tf.cast(points.row_starts(), tf.int32)[:, None] + nth
    found = tf.gather(values, tf.where(real, place, 0))
    return tf.where(real, FIRST_LETTER + found % (LETTER_IDS - FIRST_LETTER), 0)


def shape_ids(words):
    """Returns how words `(n,)` are written, `(n,)` int32, from 1; see `SHAPES`."""
    kinds = classes_of(tf.strings.unicode_decode(words, "UTF-8", errors="replace"))
    fits = tf.stack([tf.strings.regex_full_match(kinds, shape) for _, shape in SHAPES], 1)
    # The first that fits; of none the sign's.
    fits = tf.pad(tf.cast(fits, tf.int32), [[0, 0], [0, 1]], constant_values=1)
    return 1 + tf.argmax(fits, 1, output_type=tf.int32)


def learn_words(layer: Tokens, sentences: Iterable[Sequence[str]], *, size: int, least: int = 1) -> list[str]:
    """Returns the most frequent words of train, equals in alphabetical order.

    Args:
        layer: Says how a word is looked up; its own vocabulary is not used.
        sentences: Tokens of each.
        size: Most ids, the reserved ones included.
        least: Fewest occurrences of a word that is kept.
    """
    counts = collections.Counter()
    for tokens in sentences:
        counts.update(tokens)
    names = list(counts)
    normal = layer.normal(tf.constant(names, tf.string)).numpy().tolist() if names else []
    merged = collections.Counter()
    for name, word in zip(names, normal, strict=True):
        merged[word.decode("utf-8", "replace")] += counts[name]
    kept = [(word, count) for word, count in merged.items() if count >= least and word not in RESERVED.values()]
    return [word for word, _ in sorted(kept, key=lambda pair: (-pair[1], pair[0]))][: size - len(RESERVED)]
