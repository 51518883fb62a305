"""Language models on a device: a generator -> plain files and one signature by which run_language.py writes and scores
as the graph does.

`step` reads one token, with the states in and out, and has no loop; what is drawn from its logits is the script's.
"""

import json
import pathlib

import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export import edge_text, edge_text_to_text
from rnnkit.export.edge import Edge
from rnnkit.export.edge_steps import costs_of, step_parts
from rnnkit.export.edge_text import unicode_tables
from rnnkit.features.exact_characters import ExactCharacters
from rnnkit.features.pieces import RESERVED
from rnnkit.features.words import RESERVED as WORDS_RESERVED
from rnnkit.features.words import Words
from rnnkit.language.generator import TEXT, Generator

SCRIPT = pathlib.Path(__file__).with_name("run_language.py")
WRITTEN = 16
"""Tokens written after a text when forms of the model are compared."""


def language_edge(generator: Generator) -> Edge:
    """Describes what a language model needs on a device.

    Args:
        generator: As `generator_of` puts it together.

    Raises:
        ValueError: A piece has a line break.
    """
    return Edge(
        # Compiled, for step by step in Python writing takes a hundred times as long.
        function=tf.function(parity_signature(generator).function, autograph=False, reduce_retracing=True),
        inputs=(TEXT,),
        files=_files(generator),
        script=SCRIPT,
        padded=False,
        parts=step_parts(generator.units, generator.apart),
        # A step has no axis of time.
        fixed=lambda length: language_edge(generator),
    )


def parity_signature(generator: Generator) -> Signature:
    """Returns how a bundle answers what its edge does: see `rnnkit.export.forms.PARITY`.

    `text (batch,)` -> `nats`, what its tokens cost, read as if nothing stood before; `tokens`; `unknown` and `ends`
    among them, `(batch,)` float64; and `generated (batch,)`, the most probable 16 tokens after it, one by one.
    """

    def answers(text):
        greedy = {"temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": tf.constant([0, 0])}
        return {**costs_of(generator, text), "generated": generator.written(text, WRITTEN, **greedy)["generated"]}

    return Signature(answers, (TEXT,))


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
