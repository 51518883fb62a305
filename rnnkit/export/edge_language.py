"""Language models on a device: a generator -> plain files and one signature by which run_language.py writes and scores
as the graph does.

`step` reads one token, with the states in and out, and has no loop; what is drawn from its logits is the script's.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export import edge_text, edge_text_to_text
from rnnkit.export.edge import Edge, Parts
from rnnkit.export.edge_text import unicode_tables
from rnnkit.features.exact_characters import ExactCharacters
from rnnkit.features.pieces import RESERVED
from rnnkit.features.words import RESERVED as WORDS_RESERVED
from rnnkit.features.words import Words
from rnnkit.language.generator import TEXT, Generator
from rnnkit.layers.embedding import END, UNKNOWN

SCRIPT = pathlib.Path(__file__).with_name("run_language.py")
SIGNATURE = "step"
WRITTEN = 16
"""Tokens written after a text when forms of the model are compared."""
EXAMPLE_STEPS = 256
"""The place of a text's last token that int8 may be calibrated by."""


def language_edge(generator: Generator) -> Edge:
    """Describes what a language model needs on a device.

    Args:
        generator: As `generator_of` puts it together.

    Raises:
        ValueError: A piece has a line break.
    """
    part = _Part(generator)
    return Edge(
        # Compiled, for step by step in Python writing takes a hundred times as long.
        function=tf.function(parity_signature(generator).function, autograph=False, reduce_retracing=True),
        inputs=(TEXT,),
        files=_files(generator),
        script=SCRIPT,
        padded=False,
        parts=Parts({SIGNATURE: Signature(part.step, part.inputs)}, part.examples),
        # A step has no axis of time.
        fixed=lambda length: language_edge(generator),
    )


def parity_signature(generator: Generator) -> Signature:
    """Returns how a bundle answers what its edge does: see `rnnkit.export.forms.PARITY`.

    `text (batch,)` -> `nats`, what its tokens cost, read as if nothing stood before; `tokens`; `unknown` and `ends`
    among them, `(batch,)` float64; and `generated (batch,)`, the most probable 16 tokens after it, one by one.
    """

    def answers(text):
        ids = generator.units.ids(text)
        counts = {"tokens": ids > 0, "unknown": tf.equal(ids, UNKNOWN), "ends": tf.equal(ids, END)}
        log_probability = tf.cast(generator.scored(text)["log_probability"], tf.float64)
        greedy = {"temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": tf.constant([0, 0])}
        return {
            "nats": 0.0 - tf.reduce_sum(log_probability, 1),
            **{name: tf.reduce_sum(tf.cast(which, tf.float64), 1) for name, which in counts.items()},
            "generated": generator.written(text, WRITTEN, **greedy)["generated"],
        }

    return Signature(answers, (TEXT,))


@dataclasses.dataclass(frozen=True)
class _Part:
    """What is converted."""

    generator: Generator

    @property
    def sizes(self) -> Mapping[str, int]:
        return self.generator.apart.sizes

    @property
    def inputs(self) -> tuple[tf.TensorSpec, ...]:
        states = (tf.TensorSpec([1, size], tf.float32, name=name) for name, size in self.sizes.items())
        return (tf.TensorSpec([1], tf.int32, name="ids"), *states)

    def step(self, ids, *states):
        """Reads one id: `logits (1, vocabulary)` of the next, and the states after."""
        # Not by the core's own step, whose way with loops would stand in for the converter's.
        read, after = self.generator.apart.read(ids[:, None], dict(zip(self.sizes, states, strict=True)))
        return {"logits": self.generator.apart.head(read)[:, 0], **after}

    def examples(self, rows: Iterable[Mapping]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Yields the first step of each row's `text (1,)` and later ones, each twice as late as the one before."""
        for row in rows:
            ids = self.generator.units.ids(tf.constant(row["text"])).numpy()[0]
            before = np.concatenate([[END], ids])[:EXAMPLE_STEPS].astype(np.int32)
            states, place = self.generator.apart.begin(1), 0
            while place < len(before):
                arrays = {name: state.numpy() for name, state in states.items()}
                yield SIGNATURE, {"ids": before[place : place + 1], **arrays}
                further = max(2 * place, 1)
                states = self._read(before[None, place:further], states)
                place = further

    @functools.cached_property
    def _read(self):
        read = self.generator.apart.read
        return tf.function(lambda ids, states: read(ids, states)[1], autograph=False, reduce_retracing=True)


def _files(generator):
    layer = generator.units.layer
    split, files = (
        _characters(layer)
        if isinstance(layer, ExactCharacters)
        else _words(layer)
        if isinstance(layer, Words)
        else _pieces(layer)
    )
    names = ("temperature", "top_k", "top_p", "seed")
    controls = {name: getattr(generator.controls, name) for name in ("repetition_penalty", "blocked_ngram", "banned")}
    how = {
        **split,
        "states": dict(generator.apart.sizes),
        "writing": {
            "length": generator.how["written"],
            **{name: generator.how[name] for name in names},
            "stops": generator.stops,
        },
        "prompt": generator.how["prompt"],
        "controls": controls,
        "compared": WRITTEN,
    }
    text = json.dumps(how, ensure_ascii=False, separators=(",", ":"))
    return {**files, "preparation.json": f"{text}\n"}


def _characters(layer):
    # Any character may be one, a line break too; its place in the list, from 0, is the id.
    names = json.dumps([*RESERVED.values(), *layer.characters], indent=0)
    return {"tokens": "character"}, {"characters.json": f"{names}\n"}


def _words(layer):
    split = {"tokens": "word", **layer.how, "unicode": unicode_tables()}
    # The line's number, from 0, is the id, here and below.
    words = [*WORDS_RESERVED.values(), *layer.vocabulary]
    return split, {"vocabulary.txt": _lines(words), **_beside(edge_text.SCRIPT)}


def _pieces(layer):
    files, how = edge_text_to_text.splitting(layer)
    return {"tokens": layer.kind, **how}, {**files, **_beside(edge_text_to_text.SCRIPT)}


def _lines(values):
    return "".join(f"{value}\n" for value in values)


def _beside(script):
    """Returns a script whose way to split texts run_language.py takes, under its own name."""
    return {script.name: script.read_text("utf-8")}
