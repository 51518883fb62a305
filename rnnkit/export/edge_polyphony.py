"""Rolls on a device: a player -> plain files and signatures by which run_polyphony.py goes on frame by frame."""

import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export import run_midi
from rnnkit.export.edge import Edge, Parts
from rnnkit.layers.roll_heads import NadeRoll
from rnnkit.music.pieces import TICKS
from rnnkit.polyphony.core import surprise
from rnnkit.polyphony.player import Player

SCRIPT = pathlib.Path(__file__).with_name("run_polyphony.py")
SCORE, DRAW = "score", "draw"
"""Signatures in the file."""
EXAMPLE_FRAMES = 32
"""Frames of a piece that int8 may be calibrated by."""


def roll_edge(player: Player, facts: Mapping[str, int]) -> Edge:
    """Describes what a player needs on a device.

    Args:
        player: As it is served.
        facts: `pitches`, `lowest`, `frame`.
    """
    # What draws from a NADE has a loop in it.
    parts, floats = _Parts(player), (DRAW,) if isinstance(player.apart.head, NadeRoll) else ()
    how = {"pitches": facts["pitches"], "lowest": facts["lowest"], "frame": facts["frame"], "ticks": TICKS}
    how["states"] = list(player.apart.sizes)
    midi = pathlib.Path(run_midi.__file__)
    return Edge(
        function=tf.function(player.scored, autograph=False, reduce_retracing=True),
        inputs=(tf.TensorSpec([1, None, facts["pitches"]], tf.float32, "roll"),),
        files={"preparation.json": f"{json.dumps(how)}\n", midi.name: midi.read_text("utf-8")},
        script=SCRIPT,
        padded=False,
        parts=Parts(parts.signatures(), lambda rows: parts.examples(rows, floats), floats),
    )


class _Parts:
    """The frame before and the states in; what a frame cost, or one that is drawn, and the states out."""

    def __init__(self, player):
        self.apart = player.apart
        self.states = [tf.TensorSpec([1, size], tf.float32, name) for name, size in self.apart.sizes.items()]

    def signatures(self):
        frame, other, draws = (
            tf.TensorSpec([1, self.apart.pitches], tf.float32, name) for name in ("before", "frame", "draws")
        )
        temperature = tf.TensorSpec([1, 1], tf.float32, "temperature")
        return {
            SCORE: Signature(self.score, (frame, other, *self.states)),
            DRAW: Signature(self.draw, (frame, draws, temperature, *self.states)),
        }

    def score(self, before, frame, *states):
        conditions, after = self.apart.step(before, dict(zip(self.apart.sizes, states, strict=True)))
        logits = self.apart.logits_at_once(conditions, frame)
        return {"nats": surprise(logits, frame), "probability": tf.sigmoid(logits), **after}

    def draw(self, before, draws, temperature, *states):
        conditions, after = self.apart.step(before, dict(zip(self.apart.sizes, states, strict=True)))
        return {"drawn": self.apart.head.drawn(conditions, draws, temperature), **after}

    def examples(self, rows: Iterable[Mapping], floats: tuple[str, ...]) -> Iterator[tuple[str, dict]]:
        """Yields the first frames of each piece, with the states that come to them; not of those left floats."""
        random = np.random.default_rng(0)
        for row in rows:
            frames = (row["roll"][0, :EXAMPLE_FRAMES] > 0).astype(np.float32)
            before, states = np.zeros_like(frames[:1]), [np.zeros(spec.shape, np.float32) for spec in self.states]
            for frame in frames:
                own = dict(zip(self.apart.sizes, states, strict=True))
                yield SCORE, {"before": before, "frame": frame[None], **own}
                if DRAW not in floats:
                    draws = random.random(before.shape).astype(np.float32)
                    yield DRAW, {"before": before, "draws": draws, "temperature": np.ones((1, 1), np.float32), **own}
                after = self.score(before, frame[None], *states)
                states, before = [after[name].numpy() for name in self.apart.sizes], frame[None]
