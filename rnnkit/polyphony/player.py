"""Player: a roll -> what each frame cost, how probable its pitches were; the next frame; and a roll that goes on.

All of it is one graph. What is drawn depends on the seed and on the primer alone, not on what else is asked in a batch.
"""

import dataclasses

import keras
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding.draws import keys_of
from rnnkit.polyphony.core import Apart, surprise, taken_apart
from rnnkit.polyphony.features import before, read_roll
from rnnkit.recipe import Preparation

HOW = (
    tf.TensorSpec([], tf.int32, name="length"),
    tf.TensorSpec([], tf.float32, name="temperature"),
    tf.TensorSpec([2], tf.int32, name="seed"),
)


@dataclasses.dataclass(frozen=True)
class Player:
    """A model of frames as it is served.

    Attributes:
        apart: The core.
    """

    apart: Apart

    def scored(self, roll) -> dict[str, tf.Tensor]:
        """Reads rolls.

        Args:
            roll: `(batch, frames, pitches)`, as `read_roll` takes it.

        Returns:
            `nats (batch, frames)`, what each frame cost given all before it; `probability (batch, frames, pitches)`,
            how probable it was that each pitch sounds, in a NADE given those of its frame below it. Both are 0 where
            there is no frame.
        """
        frames, real = read_roll(roll, self.apart.pitches)
        count = tf.shape(frames)[1]
        # A loop over no frames at all fails: a silent one stands in for them.
        frames = tf.pad(frames, [[0, 0], [0, tf.maximum(1 - count, 0)], [0, 0]])
        conditions, _ = self.apart.read(before(frames), self.apart.begin(tf.shape(frames)[0]))
        flat, notes = tf.reshape(conditions, [-1, conditions.shape[-1]]), tf.reshape(frames, [-1, self.apart.pitches])
        logits = self.apart.logits(flat, notes)
        nats = tf.reshape(surprise(logits, notes), tf.shape(frames)[:2])
        probability = tf.reshape(tf.sigmoid(logits), tf.shape(frames))
        return {"nats": nats[:, :count] * real, "probability": probability[:, :count] * real[..., None]}

    def one(self, frame, *states) -> dict[str, tf.Tensor]:
        """Reads a frame a row, `(batch, pitches)`: `probability` of each pitch in the next, and the states after.

        The first frame read is one of silence, and the first states are zeros: so the first of a piece is foretold.
        """
        states = dict(zip(self.apart.sizes, states, strict=True))
        conditions, after = self.apart.step(tf.cast(frame > 0, tf.float32), states)
        return {"probability": self.apart.chances(conditions), **after}

    def written(self, roll, length, temperature, seed) -> dict[str, tf.Tensor]:
        """Goes on from primers.

        Args:
            roll: `(batch, frames, pitches)`, primers as `read_roll` takes them; of no frames: from silence.
            length: Frames to write.
            temperature: From 0, which takes what is more probable.
            seed: `(2,)`.

        Returns:
            `generated (batch, length, pitches)`, 1 or 0: what comes after each primer.
        """
        frames, real = read_roll(roll, self.apart.pitches)
        batch, given = tf.shape(frames)[0], tf.cast(tf.reduce_sum(real, 1), tf.int32)
        keys, length = _keys(frames, real), tf.maximum(length, 0)
        # Primers and what comes after them, which is not known yet; one frame more, so that there always is one.
        frames = tf.pad(frames, [[0, 0], [0, length + 1], [0, 0]])
        last = tf.reduce_max(tf.concat([given, [0]], 0)) + length

        def body(place, frame, states, written):
            conditions, states = self.apart.step(frame, states)
            draws = _draws(seed, place - given, keys, self.apart.pitches)
            drawn = self.apart.head.drawn(conditions, draws, temperature)
            frame = tf.where((place < given)[:, None], frames[:, place], drawn)
            frame.set_shape([None, self.apart.pitches])
            return place + 1, frame, states, written.write(place, frame)

        silence = tf.zeros(tf.stack([batch, self.apart.pitches]))
        silence.set_shape([None, self.apart.pitches])
        written = tf.TensorArray(tf.float32, last + 1, element_shape=[None, self.apart.pitches])
        loop = [0, silence, self.apart.begin(batch), written]
        *_, written = tf.while_loop(lambda place, *_: place <= last, body, loop)
        every = tf.transpose(written.stack(), [1, 0, 2])
        return {"generated": tf.gather(every, given[:, None] + tf.range(length), axis=1, batch_dims=1)}

    def signatures(self) -> dict[str, Signature]:
        """Returns the ways in which it is served.

        `serving_default`: roll -> nats, probability. `step`: frame, states -> probability of the next, states.
        `generate`: roll, length, temperature, seed -> generated.
        """
        roll = tf.TensorSpec([None, None, self.apart.pitches], tf.float32, name="roll")
        frame = tf.TensorSpec([None, self.apart.pitches], tf.float32, name="frame")
        states = [tf.TensorSpec([None, size], tf.float32, name=name) for name, size in self.apart.sizes.items()]
        return {
            "serving_default": Signature(self.scored, (roll,)),
            "step": Signature(self.one, (frame, *states)),
            "generate": Signature(self.written, (roll, *HOW)),
        }


def _keys(frames, real):
    """Returns a key for each primer, `(batch,)`, whatever pads it."""
    marks = tf.where(frames > 0, "1", "0")
    marks = tf.where(real[..., None] > 0, marks, "")
    return keys_of(tf.strings.reduce_join(tf.strings.reduce_join(marks, 2), 1))


def _draws(seed, steps, keys, pitches):
    """Draws for each row's next frame, `(batch, pitches)` from 0 to 1."""

    def of_row(row):
        step, key = row
        own = tf.random.fold_in(tf.random.fold_in(seed, step), key)
        return tf.random.stateless_uniform([pitches], own, alg="philox")

    return tf.map_fn(of_row, (steps, keys), fn_output_signature=tf.TensorSpec([pitches], tf.float32))


def player_of(preparation: Preparation, core: keras.Model, settings) -> Player:
    """Puts a player together from what a recipe has built and trained."""
    return Player(taken_apart(core))
