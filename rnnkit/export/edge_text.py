"""Text on a device: a text's preparation -> plain files by which run_text.py splits it as the graph does."""

import functools
import json
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from rnnkit.export.edge import Edge
from rnnkit.features.characters import Characters
from rnnkit.features.words import RESERVED, Words

SCRIPT = pathlib.Path(__file__).with_name("run_text.py")
PLANES = (*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0xE1000))
"""Code points that may be letters, numbers or marks; the rest is private or unassigned."""


def text_edge(features: keras.Model, labels: tuple[str, ...], function: Callable) -> Edge:
    """Describes what a classifier of texts needs on a device.

    Args:
        features: Model from `text` to `ids` and, where words are read by their letters too, `letters`.
        labels: Names of the classes in the order of their numbers.
        function: `ids (1, time)`, or `ids, letters (1, time, letters)` -> `label (1,)` int32, the class's
            number, and `probability (1, classes)`.

    Raises:
        ValueError: The text is prepared by layers that run_text.py does not know, or a name has a line break.
    """
    words, letters = _layers(features)
    if broken := [label for label in labels if "\n" in label]:
        raise ValueError(f"Labels are written one a line, and {broken[0]!r} has a line break. Rename it in the data.")
    inputs = [tf.TensorSpec([1, None], tf.int32, name="ids")]
    if letters:
        inputs.append(tf.TensorSpec([1, None, letters.letters], tf.int32, name="letters"))
    how = {
        **words.how,
        "letters": [letters.letters, letters.size] if letters else None,
        "unicode": unicode_tables(),
    }
    files = {
        # The line's number, from 0, is the id.
        "vocabulary.txt": "".join(f"{word}\n" for word in (*RESERVED.values(), *words.vocabulary)),
        "labels.txt": "".join(f"{label}\n" for label in labels),
        "preparation.json": json.dumps(how, ensure_ascii=False, separators=(",", ":")) + "\n",
    }
    return Edge(function=function, inputs=tuple(inputs), files=files, script=SCRIPT, padded=True)


def _layers(features):
    layers = [layer for layer in features.layers if not isinstance(layer, keras.layers.InputLayer)]
    words = [layer for layer in layers if type(layer) is Words]
    letters = [layer for layer in layers if type(layer) is Characters]
    other = [layer.name for layer in layers if layer not in words + letters]
    if other or len(words) != 1 or len(letters) > 1 or any(layer.words != words[0].how for layer in letters):
        names = ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in layers)
        raise ValueError(
            f"The text is prepared by {names}; on a device there is one Words layer, and one Characters layer "
            "that splits alike. Serve this bundle as a SavedModel."
        )
    return words[0], letters[0] if letters else None


@functools.cache
def unicode_tables() -> dict:
    """Asks TensorFlow what is a letter and how it is lower-cased, for Python's own tables are of another year.

    Returns:
        `word`: ranges of letters, numbers and marks, first and last of each; `lower`: character -> its
        lower-case form; `cased` and `case_ignorable`: ranges by which a Σ at the end of a word is told,
        as in the Unicode Standard, section 3.13, table 3-17, Final_Sigma; the second wins where both hold.
    """
    points = np.array(PLANES, np.int32)
    letters = tf.strings.unicode_encode(tf.constant(points)[:, None], "UTF-8")
    lower = tf.strings.lower(letters, encoding="utf-8").numpy()
    pairs = zip(points.tolist(), lower.tolist(), letters.numpy().tolist(), strict=True)
    cased = _ends_in_last_sigma(letters + "Σ")
    return {
        "word": ranges(points[tf.strings.regex_full_match(letters, r"[\p{L}\p{N}\p{M}]").numpy()]),
        # Lower-casing ends a text at a NUL, for which run_text.py has a line of its own.
        "lower": {chr(point): small.decode() for point, small, letter in pairs if small != letter and point},
        "cased": ranges(points[cased]),
        "case_ignorable": ranges(points[_ends_in_last_sigma("a" + letters + "Σ") & ~cased]),
    }


def _ends_in_last_sigma(texts):
    return tf.strings.regex_full_match(tf.strings.lower(texts, encoding="utf-8"), ".*ς").numpy()


def ranges(points):
    runs = np.split(points, np.flatnonzero(np.diff(points) > 1) + 1)
    return [[int(run[0]), int(run[-1])] for run in runs if len(run)]
