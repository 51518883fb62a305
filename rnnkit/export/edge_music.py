"""Tunes on a device: a composer -> plain files and one signature by which run_music.py composes and scores as the graph
does.

`step` reads one event, with the states in and out, and has no loop; what may come next, and what is drawn of it, is the
script's.
"""

import json
import pathlib

import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export.edge import Edge
from rnnkit.export.edge_steps import costs_of, step_parts
from rnnkit.language.generator import TEXT
from rnnkit.music.composer import MOST_EVENTS, Composer
from rnnkit.music.events import shift_of
from rnnkit.music.pieces import MODES, NAMES, QUALITIES

SCRIPT = pathlib.Path(__file__).with_name("run_music.py")
BESIDE = tuple(SCRIPT.with_name(name) for name in ("run_events.py", "run_midi.py"))
"""Scripts that it runs."""
COMPARED_EVENTS, COMPARED_BARS = 24, 4
"""Of a text, those that tunes begin with when forms of the model are compared; and the bars of these tunes."""


def music_edge(composer: Composer) -> Edge:
    """Describes what a model of tunes needs on a device.

    Args:
        composer: As `composer_of` puts it together.
    """
    return Edge(
        # Compiled, for step by step in Python composing takes a hundred times as long.
        function=tf.function(parity_signature(composer).function, autograph=False, reduce_retracing=True),
        inputs=(TEXT,),
        files=_files(composer),
        script=SCRIPT,
        padded=False,
        parts=step_parts(composer.units, composer.apart),
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
        return {**costs_of(composer.reading, text), "generated": _likeliest(composer, text)}

    return Signature(answers, (TEXT,))


def _likeliest(composer, text):
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    words = tf.strings.split(tf.strings.regex_replace(text, r"[\s\v\p{Z}]+", " "))
    primers = tf.strings.reduce_join(words[:, :COMPARED_EVENTS], axis=-1, separator=" ")
    none = tf.fill(tf.shape(text), "")
    rules = [composer.how[name] for name in ("right_bars", "in_key", "on_tonic")]
    how = (COMPARED_BARS, 0.0, 1.0, tf.constant([0, 0]), *rules)
    return composer.tunes(primers, none, none, none, tf.zeros(tf.shape(text), tf.int32), *how)["generated"]


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
