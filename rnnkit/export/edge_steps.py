"""Steps on a device: a core that reads ids one by one -> what is converted, and what its texts cost.

Language models and models of tunes have it in common: units that make ids of texts, and a core taken apart.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export.edge import Parts
from rnnkit.language.core import Apart
from rnnkit.language.generator import Generator
from rnnkit.language.units import Units
from rnnkit.layers.embedding import END, UNKNOWN

SIGNATURE = "step"
EXAMPLE_STEPS = 256
"""The place of a text's last token that int8 may be calibrated by."""


def step_parts(units: Units, apart: Apart) -> Parts:
    """Returns what is converted: `step`, one id and the states -> logits and the states after, without a loop."""
    part = _Part(units, apart)
    return Parts({SIGNATURE: Signature(part.step, part.inputs)}, part.examples)


def costs_of(generator: Generator, text) -> dict[str, tf.Tensor]:
    """Returns what texts cost, read as if nothing stood before.

    `text (batch,)` -> `nats`; `tokens`, and `unknown` and `ends` among them, `(batch,)` float64.
    """
    ids = generator.units.ids(text)
    counts = {"tokens": ids > 0, "unknown": tf.equal(ids, UNKNOWN), "ends": tf.equal(ids, END)}
    log_probability = tf.cast(generator.scored(text)["log_probability"], tf.float64)
    return {
        "nats": 0.0 - tf.reduce_sum(log_probability, 1),
        **{name: tf.reduce_sum(tf.cast(which, tf.float64), 1) for name, which in counts.items()},
    }


@dataclasses.dataclass(frozen=True)
class _Part:
    """What is converted."""

    units: Units
    apart: Apart

    @property
    def sizes(self) -> Mapping[str, int]:
        return self.apart.sizes

    @property
    def inputs(self) -> tuple[tf.TensorSpec, ...]:
        states = (tf.TensorSpec([1, size], tf.float32, name=name) for name, size in self.sizes.items())
        return (tf.TensorSpec([1], tf.int32, name="ids"), *states)

    def step(self, ids, *states):
        """Reads one id: `logits (1, vocabulary)` of the next, and the states after."""
        # Not by the core's own step, whose way with loops would stand in for the converter's.
        read, after = self.apart.read(ids[:, None], dict(zip(self.sizes, states, strict=True)))
        return {"logits": self.apart.head(read)[:, 0], **after}

    def examples(self, rows: Iterable[Mapping]) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Yields the first step of each row's `text (1,)` and later ones, each twice as late as the one before."""
        for row in rows:
            ids = self.units.ids(tf.constant(row["text"])).numpy()[0]
            before = np.concatenate([[END], ids])[:EXAMPLE_STEPS].astype(np.int32)
            states, place = self.apart.begin(1), 0
            while place < len(before):
                arrays = {name: state.numpy() for name, state in states.items()}
                yield SIGNATURE, {"ids": before[place : place + 1], **arrays}
                further = max(2 * place, 1)
                states = self._read(before[None, place:further], states)
                place = further

    @functools.cached_property
    def _read(self):
        read = self.apart.read
        return tf.function(lambda ids, states: read(ids, states)[1], autograph=False, reduce_retracing=True)
