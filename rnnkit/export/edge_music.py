"""Tunes on a device: a composer -> plain files and one signature by which run_music.py composes and scores as the graph
does.

`step` reads one event, with the states in and out, and has no loop; what may come next, and what is drawn of it, is the
script's.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export.edge import Edge, Parts
from rnnkit.language.generator import TEXT
from rnnkit.layers.embedding import END, UNKNOWN
from rnnkit.music.composer import MOST_EVENTS, Composer
from rnnkit.music.events import shift_of
from rnnkit.music.pieces import MODES, NAMES, QUALITIES

SCRIPT = pathlib.Path(__file__).with_name("run_music.py")
BESIDE = tuple(SCRIPT.with_name(name) for name in ("run_events.py", "run_midi.py"))
"""Scripts that it runs."""
SIGNATURE = "step"
COMPARED_EVENTS, COMPARED_BARS = 24, 4
"""Of a text, those that tunes begin with when forms of the model are compared; and the bars of these tunes."""
EXAMPLE_STEPS = 256
"""The place of a text's last event that int8 may be calibrated by."""


def music_edge(composer: Composer) -> Edge:
    """Describes what a model of tunes needs on a device.

    Args:
        composer: As `composer_of` puts it together.
    """
    part = _Part(composer)
    return Edge(
        # Compiled, for step by step in Python composing takes a hundred times as long.
        function=tf.function(parity_signature(composer).function, autograph=False, reduce_retracing=True),
        inputs=(TEXT,),
        files=_files(composer),
        script=SCRIPT,
        padded=False,
        parts=Parts({SIGNATURE: Signature(part.step, part.inputs)}, part.examples),
        # A step has no axis of time.
        fixed=lambda length: music_edge(composer),
    )


def parity_signature(composer: Composer) -> Signature:
    """Returns how a bundle answers what its edge does: see `rnnkit.export.forms.PARITY`.

    `text (batch,)` -> `nats`, what its events cost, read as if nothing stood before; `tokens`; `unknown` and `ends`
    among them, `(batch,)` float64; and `generated (batch,)`, the most probable tune of 4 bars that begins with the
    text's first 24 events, by the rules of the settings, in its key.
    """

    def answers(text):
        ids = composer.units.ids(text)
        counts = {"tokens": ids > 0, "unknown": tf.equal(ids, UNKNOWN), "ends": tf.equal(ids, END)}
        log_probability = tf.cast(composer.reading.scored(text)["log_probability"], tf.float64)
        return {
            "nats": 0.0 - tf.reduce_sum(log_probability, 1),
            **{name: tf.reduce_sum(tf.cast(which, tf.float64), 1) for name, which in counts.items()},
            "generated": _likeliest(composer, text),
        }

    return Signature(answers, (TEXT,))


def _likeliest(composer, text):
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    words = tf.strings.split(tf.strings.regex_replace(text, r"[\s\v\p{Z}]+", " "))
    primers = tf.strings.reduce_join(words[:, :COMPARED_EVENTS], axis=-1, separator=" ")
    none = tf.fill(tf.shape(text), "")
    rules = [composer.how[name] for name in ("right_bars", "in_key", "on_tonic")]
    how = (COMPARED_BARS, 0.0, 1.0, tf.constant([0, 0]), *rules)
    return composer.tunes(primers, none, none, none, tf.zeros(tf.shape(text), tf.int32), *how)["generated"]


@dataclasses.dataclass(frozen=True)
class _Part:
    """What is converted."""

    composer: Composer

    @property
    def sizes(self) -> Mapping[str, int]:
        return self.composer.apart.sizes

    @property
    def inputs(self) -> tuple[tf.TensorSpec, ...]:
        states = (tf.TensorSpec([1, size], tf.float32, name=name) for name, size in self.sizes.items())
        return (tf.TensorSpec([1], tf.int32, name="ids"), *states)

    def step(self, ids, *states):
        """Reads one id: `logits (1, vocabulary)` of the next, and the states after."""
        # Not by the core's own step, whose way with loops would stand in for the converter's.
        read, after = self.composer.apart.read(ids[:, None], dict(zip(self.sizes, states, strict=True)))
        return {"logits": self.composer.apart.head(read)[:, 0], **after}

    def examples(self, rows: Iterable[Mapping]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Yields the first step of each row's `text (1,)` and later ones, each twice as late as the one before."""
        for row in rows:
            ids = self.composer.units.ids(tf.constant(row["text"])).numpy()[0]
            before = np.concatenate([[END], ids])[:EXAMPLE_STEPS].astype(np.int32)
            states, place = self.composer.apart.begin(1), 0
            while place < len(before):
                arrays = {name: state.numpy() for name, state in states.items()}
                yield SIGNATURE, {"ids": before[place : place + 1], **arrays}
                further = max(2 * place, 1)
                states = self._read(before[None, place:further], states)
                place = further

    @functools.cached_property
    def _read(self):
        read = self.composer.apart.read
        return tf.function(lambda ids, states: read(ids, states)[1], autograph=False, reduce_retracing=True)


def _files(composer):
    how = {
        "states": dict(composer.apart.sizes),
        # Their place in the list, from 4, is the id.
        "words": composer.words.pieces,
        "moved": composer.words.moved,
        "names": NAMES,
        # By how many semitones a tune is moved whose tonic is C.
        "modes": {mode: shift_of(0, mode) for mode in MODES},
        "qualities": list(QUALITIES),
        "composing": composer.how,
        "most_events": MOST_EVENTS,
        "compared": {"events": COMPARED_EVENTS, "bars": COMPARED_BARS},
        "tables": {name: np.asarray(table).tolist() for name, table in composer.grammar.tables.items()},
    }
    text = json.dumps(how, ensure_ascii=False, separators=(",", ":"))
    return {"preparation.json": f"{text}\n", **{path.name: path.read_text("utf-8") for path in BESIDE}}
