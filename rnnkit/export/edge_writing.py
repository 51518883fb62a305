"""Writing on a device: what an encoder reads and an attention decoder -> the signatures that a search goes by.

`encode` reads once, `step` writes the next piece of several beginnings, and the search between is run_search.py's.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding import Controls, greedy
from rnnkit.decoding.controls import by_length
from rnnkit.features.pieces import RESERVED, Pieces
from rnnkit.layers.attention_decoder import Opened
from rnnkit.layers.decoder_step import NEVER
from rnnkit.layers.embedding import END, START

SEARCH = pathlib.Path(__file__).with_name("run_search.py")
"""Lies beside the script of an edge that writes."""


@dataclasses.dataclass(frozen=True)
class WritingSteps:
    """Signatures of a core in parts, for one text or picture.

    Attributes:
        apart: `begin(read) -> (Opened, states)`, `step` and `decoder`, as of `encoder_decoder.Apart`.
        reads: Spec of what `begin` takes, `(1, …)`, with a name.
        controls: What the search favours.
        width: Of the beam.
        time: Steps of the memory; None where they are free.
        fixed: Whether a step has `width` rows, for micro-controllers, and not any number.
    """

    apart: Any
    reads: tf.TensorSpec
    controls: Controls
    width: int
    time: int | None = None
    fixed: bool = False

    @property
    def plain(self) -> bool:
        """Whether greedy search has all the ops of TFLite: no penalty of repetition, no blocked n-grams."""
        return self.controls.repetition_penalty == 1 and not self.controls.blocked_ngram

    def by_name(self) -> dict[str, Signature]:
        """Returns `encode` and `step`."""
        return {"encode": Signature(self.encode, (self.reads,)), "step": Signature(self.step, self.step_inputs())}

    def encode(self, read) -> dict[str, tf.Tensor]:
        """Returns what every step sees, and the states before the first, `(1, …)` each."""
        opened, states = self.apart.begin(read)
        return {name: getattr(opened, name) for name in self.memories()} | states

    def step(self, ids, *tensors) -> dict[str, tf.Tensor]:
        """Ids before, `(rows,)`, what `encode` gives and states -> logits, states after, and weights `(rows, time)`."""
        given = dict(zip([*self.memories(), *self.apart.decoder.state_sizes], tensors, strict=True))
        parts = {name: given.pop(name) for name in self.memories()}
        opened = Opened(**{"keys": parts["memory"], **parts})
        logits, states, weights = self.apart.step(opened)(ids, given, tf.constant(0))
        return {"logits": logits, "weights": weights, **states}

    def greedily(self, read, limit, most: int) -> dict[str, tf.Tensor]:
        """Writes in one call.

        Args:
            read: As `encode` takes it.
            limit: `(1,)`, most pieces.
            most: The steps of the loop, not fewer.

        Returns:
            `written (1, steps)`, padded with 0, and `score (1,)`.
        """
        opened, states = self.apart.begin(read)
        step, size = self.apart.step(opened), self.apart.decoder.vocabulary
        over = tf.where(tf.range(size) == END, 0.0, NEVER)

        def ending(ids, states, t):
            """At the row's own limit writes the end, which costs nothing; the loop has a fixed one."""
            logits, states, _ = step(ids, states, t)
            return tf.where((t >= limit)[:, None], over, logits), states, None

        # Penalties that only choose among hypotheses have nothing to do here; that of length makes the score.
        plain = Controls(banned=self.controls.banned)
        found = greedy(ending, states, batch=1, steps=most, start=START, end=END, controls=plain)
        tokens = tf.minimum(found.lengths[:, 0] + 1, limit)
        return {"written": found.ids[:, 0], "score": by_length(found.scores[:, 0], tokens, self.controls)}

    def memories(self) -> list[str]:
        """Names what stays the same from step to step."""
        return ["memory", *(["keys"] if self.apart.decoder.way.attention != "dot" else []), "real"]

    def step_inputs(self) -> tuple[tf.TensorSpec, ...]:
        """Returns the inputs of `step`."""
        decoder, time = self.apart.decoder, self.time
        rows = self.width if self.fixed else None
        shapes = {"memory": [1, time, decoder.features], "real": [1, time]}
        if "keys" in self.memories():
            shapes["keys"] = [1, time, decoder.key_kernel.shape[1]]
        shapes = {name: shapes[name] for name in self.memories()}
        shapes |= {name: [rows, size or time] for name, size in decoder.state_sizes.items()}
        floats = (tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items())
        return (tf.TensorSpec([rows], tf.int32, name="ids"), *floats)

    def examples(self, read, limit: int) -> Iterator[tuple[str, dict]]:
        """Yields the first step for what was read, `(1, …)`, and later ones, each twice as late as the one before."""
        encode, step = self.compiled
        opened, names = encode(read), [spec.name for spec in self.step_inputs()]
        states = {name: tf.repeat(opened.pop(name), self.width, 0) for name in self.apart.decoder.state_sizes}
        now = tf.fill([self.width], START)
        for t in range(limit):
            inputs = {"ids": now, **opened, **states}
            if t & (t - 1) == 0:
                yield "step", {name: x.numpy() for name, x in inputs.items()}
            outputs = step(*(inputs[name] for name in names))
            states = {name: outputs[name] for name in states}
            # Each row goes another way: by what is likeliest, second and so on at the first step.
            ranks = tf.argsort(outputs["logits"], -1, "DESCENDING")
            now = tf.gather(ranks[0], tf.range(self.width) % ranks.shape[1]) if t == 0 else ranks[:, 0]
            if bool(tf.reduce_all(now == END)):
                return

    @functools.cached_property
    def compiled(self) -> tuple:
        """`encode` and `step` for examples."""
        return tuple(tf.function(each, autograph=False, reduce_retracing=True) for each in (self.encode, self.step))


def pieces_file(pieces: Pieces) -> str:
    """Returns the pieces one a line: the number of a line, from 0, is the id.

    Raises:
        ValueError: A piece has a line break.
    """
    for piece in pieces.pieces:
        if "\n" in piece:
            raise ValueError(f"Pieces are written one a line, and {piece!r} has a line break. Leave it out.")
    return lines_of([*RESERVED.values(), *pieces.pieces])


def lines_of(values) -> str:
    """Returns values one a line."""
    return "".join(f"{value}\n" for value in values)
