"""The core: frames and states -> recurrence, forwards -> conditions of the frame after each, and states; taken apart.

frames (batch, time, pitches), states -> conditions (batch, time, conditions), states -> chances, losses, frames drawn
"""

import dataclasses
from collections.abc import Mapping

import keras
import tensorflow as tf

from rnnkit.layers import recurrent_stack
from rnnkit.layers.exported import exported_loops
from rnnkit.layers.roll_heads import IndependentRoll, NadeRoll, from_those_below
from rnnkit.layers.stack import by_level, state_names
from rnnkit.polyphony.settings import NADE
from rnnkit.settings import RecurrentSettings

GROUPS = {"encoder": ("recurrent",), "head": ("head",)}
"""Parts that can be frozen."""
HEAD, CONDITIONS = "head", "conditions"
IMAGINED = 16
"""Frames drawn from a NADE, whose mean chances stand for those of the next frame."""


def build_roll_model(facts: Mapping[str, int], settings) -> keras.Model:
    """Builds a core from `frames (batch, time, pitches)` and states to `conditions (batch, time, …)` and states.

    Args:
        facts: `pitches`.
        settings: Of `RecurrentSettings` and `RollSettings`.
    """
    frames = keras.Input((None, facts["pitches"]), name="frames")
    sizes = state_names(cell=settings.cell, units=settings.units, depth=settings.depth)
    states = {name: keras.Input((size,), name=name) for name, size in sizes.items()}
    stack = {field.name: getattr(settings, field.name) for field in dataclasses.fields(RecurrentSettings)}
    x, after = recurrent_stack(frames, **stack, states=by_level(states))
    if settings.output_dropout:
        x = keras.layers.Dropout(settings.output_dropout, name="output_dropout")(x)
    nade = settings.head == NADE
    head = (
        NadeRoll(facts["pitches"], settings.hidden, name=HEAD) if nade else IndependentRoll(facts["pitches"], name=HEAD)
    )
    last = dict(zip(states, (state for level in after for state in level), strict=True))
    return keras.Model({"frames": frames, **states}, {CONDITIONS: head(x), **last}, name="core")


@dataclasses.dataclass(frozen=True)
class Apart:
    """A core as training, scoring and writing need it.

    Attributes:
        body: The core.
        head: Its head.
        sizes: Sizes of the states by name.
    """

    body: keras.Model
    head: IndependentRoll | NadeRoll
    sizes: Mapping[str, int]

    @property
    def pitches(self) -> int:
        """Of a frame."""
        return self.head.pitches

    def begin(self, rows) -> dict[str, tf.Tensor]:
        """Returns the states `(rows, …)` before a piece."""
        return {name: tf.zeros([rows, size]) for name, size in self.sizes.items()}

    def read(self, frames, states, *, training: bool = False):
        """Reads frames `(batch, time, pitches)`: the conditions of the frame after each, and the states after."""
        found = self.body({"frames": frames, **states}, training=training)
        return found[CONDITIONS], {name: tf.cast(found[name], tf.float32) for name in self.sizes}

    def step(self, frame, states):
        """Reads one frame a row, `(batch, pitches)`, without a loop: conditions `(batch, …)` of the next, states."""
        with exported_loops([self.body], "unrolled"):
            conditions, states = self.read(frame[:, None], states)
        return conditions[:, 0], states

    def logits(self, conditions, frames):
        """Returns the logit of each pitch `(rows, pitches)`, from those of its frame below it in a NADE."""
        if isinstance(self.head, IndependentRoll):
            return conditions
        visible, hidden = conditions[:, : self.pitches], conditions[:, self.pitches :]
        kernel, readout = (tf.convert_to_tensor(each) for each in (self.head.kernel, self.head.readout))
        return visible + from_those_below(hidden, kernel, readout, frames)

    def logits_at_once(self, conditions, frames):
        """Returns what `logits` does, without a loop: for few rows alone, for it holds rows, pitches and units."""
        if isinstance(self.head, IndependentRoll):
            return conditions
        visible, hidden = conditions[:, : self.pitches], conditions[:, self.pitches :]
        added = tf.cumsum(frames[:, :, None] * tf.convert_to_tensor(self.head.kernel), 1, exclusive=True)
        units = tf.sigmoid(hidden[:, None] + added)
        return visible + tf.reduce_sum(units * tf.convert_to_tensor(self.head.readout), 2)

    def likely(self, conditions):
        """Returns frames `(rows, pitches)`: from below, of each pitch what is more probable after those before it."""
        return self.head.drawn(conditions, tf.fill(tf.stack([tf.shape(conditions)[0], self.pitches]), 0.5))

    def chances(self, conditions):
        """Returns how probable it is that each pitch sounds, `(rows, pitches)`.

        Of a NADE it is a mean over 16 frames, drawn by the same chance for all rows: of each pitch the chance after
        those below it.
        """
        if isinstance(self.head, IndependentRoll):
            return tf.sigmoid(conditions)
        rows = tf.shape(conditions)[0]
        draws = tf.random.stateless_uniform([IMAGINED, self.pitches], [0, 0], alg="philox")
        many = tf.repeat(conditions, IMAGINED, axis=0)
        frames = self.head.drawn(many, tf.tile(draws, tf.stack([rows, 1])))
        return tf.reduce_mean(tf.reshape(tf.sigmoid(self.logits(many, frames)), [rows, IMAGINED, self.pitches]), 1)


def surprise(logits, frames):
    """Returns nats of frames `(…)`, by the logits of their pitches `(…, pitches)`."""
    return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(frames, logits), -1)


def taken_apart(core: keras.Model) -> Apart:
    """Takes a core apart; its weights stay the core's."""
    sizes = {name: output.shape[-1] for name, output in core.output.items() if name != CONDITIONS}
    return Apart(core, core.get_layer(HEAD), sizes)
