"""Text to text on a device: pieces and an encoder-decoder -> plain files and signatures by which run_text_to_text.py
writes as the graph does.

`encode` reads a text once, `step` writes the next piece of several beginnings, and the search between is the script's.
"""

import dataclasses
import functools
import json
import pathlib
import unicodedata
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding import Controls, greedy
from rnnkit.decoding.controls import by_length
from rnnkit.export.edge import Edge, Parts
from rnnkit.export.edge_text import ranges, unicode_tables
from rnnkit.features.pieces import RESERVED, Pieces
from rnnkit.layers.attention_decoder import Opened
from rnnkit.layers.decoder_step import NEVER
from rnnkit.layers.embedding import END, START
from rnnkit.layers.encoder_decoder import Apart, taken_apart
from rnnkit.writing.writer import TEXT, Writer, limits

SCRIPT = pathlib.Path(__file__).with_name("run_text_to_text.py")
OUTPUTS = {"text": "translation", "score": "score", "cut": "cut"}
"""What is answered -> its name: the text written, its score, whether the text had more pieces than are read."""


def text_to_text_edge(
    source: Pieces,
    target: Pieces,
    core: keras.Model,
    *,
    width: int,
    controls: Controls,
    outputs: Mapping[str, str] = OUTPUTS,
    length: int | None = None,
) -> Edge:
    """Describes what a core that writes a text for a text needs on a device.

    Args:
        source, target: Pieces of what is read and of what is written.
        core: From `ids (batch, time)` and `target (batch, steps)`; its decoder has the name `decoder`.
        width: Of the beam.
        controls: What the search favours and may not write.
        outputs: As `OUTPUTS`, the names that a row is answered by.
        length: Fixes the time axis: so many ids are read, those of start and end among them. Then the rows of a step
            are `width`, and a third signature, `greedy`, answers ids by ids in one call, for micro-controllers. It is
            left out where the controls need what TFLite has no op for: a penalty of repetition or blocked n-grams.

    Raises:
        ValueError: The length leaves no place for a piece, or a piece has a line break.
    """
    if length is not None:
        source = _shorter(source, length)
    writer = Writer(source, target, taken_apart(core), controls, width)
    signatures = _Signatures(writer, length)

    def function(text):
        found = writer.write(text)
        return {outputs[name]: found[ours] for name, ours in OUTPUTS.items()}

    return Edge(
        # Compiled, for step by step in Python a search takes a hundred times as long.
        function=tf.function(function, autograph=False, reduce_retracing=True),
        inputs=(TEXT,),
        files=_files(source, target, width, controls, outputs),
        script=SCRIPT,
        padded=True,
        parts=Parts(signatures.by_name(), signatures.examples, floats=("greedy",)),
        fixed=functools.partial(_fixed, source, target, core, width, controls, outputs),
    )


def _fixed(source, target, core, width, controls, outputs, length):
    return text_to_text_edge(source, target, core, width=width, controls=controls, outputs=outputs, length=length)


def _shorter(source, length):
    reserved = 2 if source.start else 1
    if length <= reserved:
        raise ValueError(f"length must be at least {reserved + 1}, for a piece and the ids around it. Got {length}.")
    config = source.get_config()
    return Pieces.from_config({**config, "length": min(source.length, length - reserved)})


@dataclasses.dataclass(frozen=True)
class _Signatures:
    """The signatures of the file."""

    writer: Writer
    length: int | None

    @property
    def apart(self) -> Apart:
        return self.writer.apart

    @property
    def controls(self) -> Controls:
        return self.writer.controls

    def by_name(self) -> dict[str, Signature]:
        ids = (tf.TensorSpec([1, self.length], tf.int32, name="ids"),)
        made = {"encode": Signature(self.encode, ids), "step": Signature(self.step, self.step_inputs())}
        plain = self.controls.repetition_penalty == 1 and not self.controls.blocked_ngram
        if self.length and plain:
            made["greedy"] = Signature(self.greedy, ids)
        return made

    def encode(self, ids):
        """Ids `(1, time)` -> what every step sees, and the states before the first, `(1, …)` each."""
        opened, states = self.apart.begin(ids)
        return {name: getattr(opened, name) for name in self.memories()} | states

    def step(self, ids, *tensors):
        """Ids before, `(rows,)`, what `encode` gives and states -> logits, states after, and weights `(rows, time)`."""
        given = dict(zip([*self.memories(), *self.apart.decoder.state_sizes], tensors, strict=True))
        parts = {name: given.pop(name) for name in self.memories()}
        opened = Opened(**{"keys": parts["memory"], **parts})
        logits, states, weights = self.apart.step(opened)(ids, given, tf.constant(0))
        return {"logits": logits, "weights": weights, **states}

    def greedy(self, ids):
        """Ids `(1, time)`, padded with 0 -> `written (1, steps)`, padded with 0, and `score (1,)`."""
        opened, states = self.apart.begin(ids)
        step, limit, size = self.apart.step(opened), limits(ids), self.apart.decoder.vocabulary
        over = tf.where(tf.range(size) == END, 0.0, NEVER)

        def ending(ids, states, t):
            """At the text's own limit writes the end, which costs nothing; the loop has a fixed one."""
            logits, states, _ = step(ids, states, t)
            return tf.where((t >= limit)[:, None], over, logits), states, None

        # Penalties that only choose among hypotheses have nothing to do here; that of length makes the score.
        plain = Controls(banned=self.controls.banned)
        most = 2 * (self.length - (2 if self.writer.source.start else 1)) + 10
        found = greedy(ending, states, batch=1, steps=most, start=START, end=END, controls=plain)
        tokens = tf.minimum(found.lengths[:, 0] + 1, limit)
        return {"written": found.ids[:, 0], "score": by_length(found.scores[:, 0], tokens, self.controls)}

    def memories(self):
        """Names what stays the same from step to step."""
        return ["memory", *(["keys"] if self.apart.decoder.way.attention != "dot" else []), "real"]

    def step_inputs(self):
        decoder, time = self.apart.decoder, self.length
        rows = self.writer.width if time else None
        shapes = {"memory": [1, time, decoder.features], "real": [1, time]}
        if "keys" in self.memories():
            shapes["keys"] = [1, time, decoder.key_kernel.shape[1]]
        shapes = {name: shapes[name] for name in self.memories()}
        shapes |= {name: [rows, size or time] for name, size in decoder.state_sizes.items()}
        floats = (tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items())
        return (tf.TensorSpec([rows], tf.int32, name="ids"), *floats)

    def examples(self, rows):
        """Yields the calls by which texts are answered: each text's reading, and a few steps of what is written."""
        encoded = [self.writer.source(tf.constant(row["text"])) for row in rows]
        encoded = [ids for ids in encoded if limits(ids)[0]]
        # TensorFlow's calibrator takes one input of a call after the other, and breaks down where the time has
        # changed in one of them: so all steps look at texts of one length, and longer ones are cut to it.
        time = sorted(ids.shape[1] for ids in encoded)[len(encoded) // 2] if encoded else 0
        for ids in encoded:
            filled = tf.pad(ids, [[0, 0], [0, max((self.length or 0) - ids.shape[1], 0)]])
            yield "encode", {"ids": filled.numpy()}
            if self.length:
                yield from self.steps(filled)
            elif ids.shape[1] >= time:
                yield from self.steps(tf.concat([ids[:, : time - 1], [[END]]], 1))

    def steps(self, ids):
        """Yields the first step for ids `(1, time)` and later ones, each twice as late as the one before."""
        encode, step = self.compiled
        opened, names = encode(ids), [spec.name for spec in self.step_inputs()]
        width, limit = self.writer.width, int(tf.math.count_nonzero(ids)) * 2
        states = {name: tf.repeat(opened.pop(name), width, 0) for name in self.apart.decoder.state_sizes}
        now = tf.fill([width], START)
        for t in range(limit):
            inputs = {"ids": now, **opened, **states}
            if t & (t - 1) == 0:
                yield "step", {name: x.numpy() for name, x in inputs.items()}
            outputs = step(*(inputs[name] for name in names))
            states = {name: outputs[name] for name in states}
            # Each row goes another way: by what is likeliest, second and so on at the first step.
            ranks = tf.argsort(outputs["logits"], -1, "DESCENDING")
            now = tf.gather(ranks[0], tf.range(width) % ranks.shape[1]) if t == 0 else ranks[:, 0]
            if bool(tf.reduce_all(now == END)):
                return

    @functools.cached_property
    def compiled(self):
        return tuple(tf.function(each, autograph=False, reduce_retracing=True) for each in (self.encode, self.step))


def _files(source, target, width, controls, outputs):
    files, how = splitting(source)
    joint = source.pieces == target.pieces
    return {
        **files,
        **({} if joint else {"written_pieces.txt": _lines(_names(target))}),
        "preparation.json": json.dumps(
            {
                **how,
                "written": "pieces.txt" if joint else "written_pieces.txt",
                "width": width,
                **dataclasses.asdict(controls),
                "outputs": {name: outputs[name] for name in OUTPUTS},
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        + "\n",
    }


def splitting(pieces: Pieces) -> tuple[dict[str, str], dict]:
    """Returns the plain files by which run_text_to_text.py splits a text, and what it is told of them.

    Raises:
        ValueError: A piece has a line break.
    """
    scores = list(pieces.scores) + [min(pieces.scores, default=0.0)] * (len(pieces.pieces) - len(pieces.scores))
    scored = pieces.kind in ("bpe", "unigram")
    # The line's number, from 0, is the id.
    files = {"pieces.txt": _lines(_names(pieces)), **({"scores.txt": _lines(map(repr, scores))} if scored else {})}
    how = {name: getattr(pieces, name) for name in ("kind", "normalization", "lower", "length", "start")}
    return files, {**how, "unicode": {**unicode_tables(), "assigned": _assigned()}}


def _names(pieces):
    for piece in pieces.pieces:
        if "\n" in piece:
            raise ValueError(f"Pieces are written one a line, and {piece!r} has a line break. Leave it out.")
    return [*RESERVED.values(), *pieces.pieces]


def _lines(values):
    return "".join(f"{value}\n" for value in values)


@functools.cache
def _assigned():
    """Ranges of the code points that the tables of this Python, which the graph's forms were made by, have."""
    points = [point for point in range(0x110000) if unicodedata.category(chr(point)) not in ("Cn", "Cs")]
    return ranges(np.array(points))
