"""Tags on a device: a tagger -> plain files and a signature by which run_tags.py marks a text as the graph does.

The file holds the recurrence, from what was read of the tokens to the score of each tag; the script splits the text
before, and after finds the best tags and how likely each is. In the file that would be loops, which the converter makes
int8 too: and no scale of 256 steps has room for both a score and what may never be.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export.edge import Edge, Parts
from rnnkit.export.edge_text import PLANES, ranges, unicode_tables
from rnnkit.features import token_windows, tokens
from rnnkit.features.character_classes import class_table
from rnnkit.features.token_features import LETTER_IDS, SHAPES, TAIL, Tokens
from rnnkit.features.words import RESERVED
from rnnkit.tagger.serving import LAYER, Tagger

SCRIPT = pathlib.Path(__file__).with_name("run_tags.py")
SIGNATURE = "tags"
TEXT = tf.TensorSpec([None], tf.string, name="text")


def tagger_edge(tagger: Tagger, length: int | None = None) -> Edge:
    """Describes what a tagger needs on a device.

    Args:
        tagger: As `tagger_of` puts it together.
        length: Fixes the time axis: at most so many tokens are read, and what is missing is padding.

    Raises:
        ValueError: A tag has a line break.
    """
    if length is not None:
        tagger = dataclasses.replace(tagger, tokens=_shorter(tagger.tokens, length))
    if broken := [tag for tag in tagger.tags if "\n" in tag]:
        raise ValueError(f"Tags are written one a line, and {broken[0]!r} has a line break. Rename it in the data.")
    scores, moves = tagger.apart()
    part = _Part(tagger, scores, length)
    return Edge(
        # Compiled, for step by step in Python the decoding takes a hundred times as long.
        function=tf.function(tagger.answer, autograph=False, reduce_retracing=True),
        inputs=(TEXT,),
        files=_files(tagger, moves),
        script=SCRIPT,
        padded=True,
        parts=Parts({SIGNATURE: Signature(part.tags, part.inputs)}, part.examples),
        fixed=functools.partial(tagger_edge, tagger),
    )


def _shorter(layer, length):
    how = {**layer.how, "length": min(layer.how["length"], length)}
    shorter = Tokens(layer.vocabulary, **how, name=LAYER)
    shorter.set_weights(layer.get_weights())
    return shorter


@dataclasses.dataclass(frozen=True)
class _Part:
    """What is converted."""

    tagger: Tagger
    scores: keras.Model
    length: int | None

    @property
    def inputs(self) -> tuple[tf.TensorSpec, ...]:
        further = {"letters": (self.tagger.tokens.how["letters"],), "windows": (token_windows.COUNT,)}
        return tuple(
            tf.TensorSpec([1, self.length, *further.get(name, ())], tf.int32, name=name)
            for name in self.tagger.sequences
        )

    def tags(self, *tensors):
        """Gives the score of each tag at each token, `(1, time, tags)`, but for what is common to a token's.

        Args:
            tensors: As `inputs`: of real tokens alone, or, where the length is fixed, padded with 0 on the right.
        """
        return {"scores": self.scores(dict(zip(self.tagger.sequences, tensors, strict=True)), training=False)}

    def examples(self, rows: Iterable[Mapping]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Yields what is read of each row's `text (1,)`, where it has tokens."""
        for row in rows:
            read = self.tagger.tokens(tf.constant(row["text"]))
            if read["ids"].numpy().any():
                yield SIGNATURE, {name: self._filled(read[name].numpy()) for name in self.tagger.sequences}

    def _filled(self, array):
        missing = max((self.length or 0) - array.shape[1], 0)
        return np.pad(array, [(0, 0), (0, missing), *[(0, 0)] * (array.ndim - 2)])


def _files(tagger, moves):
    layer = tagger.tokens
    read_windows = "windows" in tagger.sequences
    words = [*RESERVED.values(), *layer.vocabulary]
    how = {
        **layer.how,
        "tail": min(TAIL, layer.how["letters"] // 2),
        "letter_ids": LETTER_IDS,
        "entities": tagger.entities,
        "scheme": tagger.scheme,
        "windows": _window_tables(layer.how["letters"]) if read_windows else None,
        **{name: x.tolist() for name, x in zip(("moves", "begin", "end"), moves, strict=True)},
        "token": tokens.TOKEN,
        "ending": tokens.ENDING,
        "between": tokens.BETWEEN,
        "shapes": [expression for _, expression in SHAPES],
        "classes": character_runs(),
        "digit": digit_ranges(),
        "lowered": {name: unicode_tables()[name] for name in ("lower", "cased", "case_ignorable")},
        # A word with a line break in it has an empty line.
        "on_several_lines": {word: number for number, word in enumerate(words) if "\n" in word},
    }
    return {
        # The line's number, from 0, is the id, or the number.
        "vocabulary.txt": "".join(f"{'' if chr(10) in word else word}\n" for word in words),
        "tags.txt": "".join(f"{tag}\n" for tag in tagger.tags),
        "preparation.json": json.dumps(how, ensure_ascii=False, separators=(",", ":")) + "\n",
        **({"windows.txt": _known_windows(layer.windows)} if read_windows else {}),
    }


def _window_tables(letters):
    """Returns by what windows are hashed; see `token_windows`."""
    templates, slots = token_windows.TEMPLATES, token_windows.SLOTS
    return {
        "templates": [[[offset, slots.index(slot)] for offset, slot in template] for template in templates],
        "readings": token_windows.READINGS.tolist(),
        "powers": token_windows.letter_powers(letters).tolist(),
        "prime": token_windows.PRIME,
        "step": token_windows.PART_STEP,
    }


def _known_windows(layer):
    """Returns the known keys, a line for each: by how much it is more than the one before."""
    keys = layer.known.numpy()
    return "".join(f"{more}\n" for more in np.diff(keys[keys < token_windows.NO_KEY], prepend=0).tolist())


@functools.cache
def character_runs() -> dict:
    """Returns `class_table` as `firsts`, code points where another class begins, and `kinds`, those classes."""
    blocks, rows = class_table()
    classes = rows[blocks].ravel()
    firsts = np.flatnonzero(np.diff(classes, prepend=classes[0] ^ 1))
    return {"firsts": firsts.tolist(), "kinds": bytes(classes[firsts]).decode("ascii")}


@functools.cache
def digit_ranges() -> list:
    """Asks TensorFlow what is a decimal digit: ranges of code points, first and last of each."""
    points = np.array(PLANES, np.int32)
    letters = tf.strings.unicode_encode(tf.constant(points)[:, None], "UTF-8")
    return ranges(points[tf.strings.regex_full_match(letters, r"\p{Nd}").numpy()])
