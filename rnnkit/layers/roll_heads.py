"""Roll heads: hidden (batch, time, features) -> conditions of each frame -> losses of frames, and frames drawn.

x (batch, time, features) -> head(x) (batch, time, conditions) -> losses_of (batch, time), or drawn (batch, pitches)

A frame says which pitches sound in a step of time, 1 or 0. Boulanger-Lewandowski, Bengio & Vincent (2012),
https://arxiv.org/abs/1206.6392, score such heads by `losses_of`, averaged over frames.
"""

import keras
import tensorflow as tf

SELDOM = -3.0
"""What logits are about before training: one pitch in 20 sounds."""
TINY = 1e-30


@keras.saving.register_keras_serializable(package="rnnkit")
class IndependentRoll(keras.layers.Layer):
    """Foretells each pitch of a frame by itself, from what came before the frame.

    Args:
        pitches: Number of them.

    Call arguments:
        x: `(…, features)`; leading axes are usually batch and time.

    Returns:
        Conditions of `losses_of` and `drawn`: logits `(…, pitches)`, float32 whatever the precision.

    Raises:
        ValueError: A size is below 1.
    """

    def __init__(self, pitches, **kwargs):
        super().__init__(**kwargs)
        _check(pitches=pitches)
        self.supports_masking, self.pitches = True, pitches
        self.read = _reading(self, pitches)

    def build(self, shape):
        self.read.build(shape)

    def call(self, x):
        return tf.cast(self.read(x), tf.float32)

    def losses_of(self, conditions, targets):
        """Computes how surprising frames are.

        Args:
            conditions: `(…, conditions)`, what a call gave.
            targets: `(…, pitches)`; what isn't 0 sounds.

        Returns:
            `(…)` float32: the negative log-likelihood of each frame in nats.
        """
        return _surprise(conditions, _sounding(targets, self.pitches))

    def drawn(self, conditions, draws, temperature=1.0):
        """Draws a frame of each row.

        Args:
            conditions: `(batch, conditions)`, what a call gave of one step.
            draws: `(batch, pitches)` float32, uniform from 0 to 1, 1 excluded.
            temperature: From 0, a number, or `(batch, 1)`; logits are divided by it. 0 takes of each pitch what is
                more probable.

        Returns:
            `(batch, pitches)` float32, 1 where a pitch sounds and 0 where not.
        """
        return _below(draws, conditions, temperature)

    def compute_mask(self, x, mask=None):
        # A loss of frames has no use for a mask of steps: whoever sums them knows which are real.
        return None

    def compute_output_spec(self, x):
        return keras.KerasTensor((*x.shape[:-1], self.pitches), "float32")

    def get_config(self):
        return {**super().get_config(), "pitches": self.pitches}


@keras.saving.register_keras_serializable(package="rnnkit")
class NadeRoll(keras.layers.Layer):
    """Foretells the pitches of a frame one after the other, each from what came before and from those below it.

        h_i = sigmoid(hidden bias + sum of kernel_j over the pitches j < i that sound)
        P(pitch i sounds | those below, x) = sigmoid(visible bias_i + readout_i · h_i)

    Both biases depend on `x`: RNN-NADE, Boulanger-Lewandowski et al. (2012),
    https://arxiv.org/abs/1206.6392, with the distribution of Larochelle & Murray (2011),
    https://proceedings.mlr.press/v15/larochelle11a.html. All but the reading of `x` is in float32.

    The hidden units change only where a pitch sounds. So all pitches up to the next one that does are scored at once,
    and the work grows with how many sound together in the fullest frame rather than with the number of pitches.
    Measured on two cores, losses and gradients of 1,600 frames of 88 pitches with 150 hidden units: 20 ms where at most
    4 sound, 69 for 10 and 124 for 40; pitch by pitch it is 83 to 130, and more memory.

    Args:
        pitches: Number of them, scored from the first.
        hidden: Hidden units.

    Call arguments:
        x: `(…, features)`; leading axes are usually batch and time.

    Returns:
        Conditions of `losses_of` and `drawn`: the visible and the hidden biases, `(…, pitches + hidden)`, float32.

    Raises:
        ValueError: A size is below 1.
    """

    def __init__(self, pitches, hidden, **kwargs):
        super().__init__(**kwargs)
        _check(pitches=pitches, hidden=hidden)
        self.supports_masking, self.pitches, self.hidden = True, pitches, hidden
        self.read = _reading(self, pitches, hidden)

    def build(self, shape):
        self.read.build(shape)
        named = {"shape": (self.pitches, self.hidden), "dtype": "float32", "autocast": False}
        self.kernel = self.add_weight(name="kernel", **named)
        self.readout = self.add_weight(name="readout", **named)

    def call(self, x):
        return tf.cast(self.read(x), tf.float32)

    def losses_of(self, conditions, targets):
        """Computes how surprising frames are; arguments and answer as for `IndependentRoll`."""
        frames = _sounding(targets, self.pitches)
        rows = tf.reshape(conditions, [-1, self.pitches + self.hidden])
        notes = tf.reshape(frames, [-1, self.pitches])
        # Where only one of the two knows its number of rows, a loop finds that shapes change.
        rows.set_shape([notes.shape[0], None])
        notes.set_shape([rows.shape[0], None])
        added = from_those_below(rows[:, self.pitches :], *self._weights(), notes)
        losses = tf.reshape(_surprise(rows[:, : self.pitches] + added, notes), tf.shape(frames)[:-1])
        losses.set_shape(frames.shape[:-1])
        return losses

    def drawn(self, conditions, draws, temperature=1.0):
        """Draws a frame of each row, from its first pitch on; arguments and answer as for `IndependentRoll`."""
        visible, hidden = conditions[:, : self.pitches], conditions[:, self.pitches :]
        kernel, readout = self._weights()

        def until_the_next_note(undecided, notes):
            units = tf.sigmoid(hidden + tf.matmul(notes, kernel))
            logits = visible + tf.matmul(units, readout, transpose_b=True)
            sounding = undecided * _below(draws, logits, temperature)
            # Pitches after the first that sounds were scored as if it didn't.
            first = sounding * tf.cast(tf.cumsum(sounding, 1, exclusive=True) < 0.5, tf.float32)
            first.set_shape(draws.shape)
            return tf.cumsum(first, 1, exclusive=True), notes + first

        start = tf.ones_like(draws), tf.zeros_like(draws)
        return tf.while_loop(lambda undecided, _: tf.reduce_any(undecided > 0.5), until_the_next_note, start)[1]

    def compute_mask(self, x, mask=None):
        # As in `IndependentRoll`.
        return None

    def compute_output_spec(self, x):
        return keras.KerasTensor((*x.shape[:-1], self.pitches + self.hidden), "float32")

    def get_config(self):
        return {**super().get_config(), "pitches": self.pitches, "hidden": self.hidden}

    def _weights(self):
        return tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.readout)


@tf.custom_gradient
def from_those_below(bias, kernel, readout, notes):
    """Computes what the hidden units of a NADE add to the logit of each pitch.

    Its gradient computes the units anew, so that no tensor of rows, pitches and units is ever held.

    Args:
        bias: `(rows, hidden)`, of the hidden units.
        kernel: `(pitches, hidden)`, what a pitch that sounds adds to the hidden units of those after it.
        readout: `(pitches, hidden)`, what hidden units add to the logit of a pitch.
        notes: `(rows, pitches)` float32, 1 where a pitch sounds and 0 where not; has no gradient.

    Returns:
        `(rows, pitches)`.
    """
    below = tf.cumsum(tf.cast(notes, tf.int32), 1, exclusive=True)
    most = tf.reduce_max(below)

    def units(count):
        """Gives the first so many notes of each row, and the hidden units that know of these."""
        known = notes * tf.cast(below < count, tf.float32)
        return known, tf.sigmoid(bias + tf.matmul(known, kernel))

    def add(count, logits):
        own = tf.cast(tf.equal(below, count), tf.float32)
        return count + 1, logits + own * tf.matmul(units(count)[1], readout, transpose_b=True)

    _, logits = tf.while_loop(lambda count, _: count <= most, add, (0, tf.zeros_like(notes)))

    def gradient(upstream):
        def add_slopes(count, by_bias, by_kernel, by_readout):
            known, h = units(count)
            slopes = upstream * tf.cast(tf.equal(below, count), tf.float32)
            inner = tf.matmul(slopes, readout) * h * (1.0 - h)
            by_readout += tf.matmul(slopes, h, transpose_a=True)
            return count + 1, by_bias + inner, by_kernel + tf.matmul(known, inner, transpose_a=True), by_readout

        start = 0, *(tf.zeros_like(each) for each in (bias, kernel, readout))
        return *tf.while_loop(lambda count, *_: count <= most, add_slopes, start)[1:], None

    return logits, gradient


def _reading(head, pitches, others=0):
    """Makes the layer that reads what a recurrence gives: a number for each pitch, and for others."""

    def start(shape, dtype=None):
        return tf.concat([tf.fill([pitches], SELDOM), tf.zeros([others])], 0)

    return keras.layers.Dense(pitches + others, bias_initializer=start, dtype=head.dtype_policy, name="read")


def _check(**sizes):
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1. Got {size}.")


def _sounding(targets, pitches):
    targets = tf.convert_to_tensor(targets)
    if targets.shape[-1] != pitches:
        raise ValueError(f"Targets must have {pitches} pitches, as the head. Got the shape {tuple(targets.shape)}.")
    return tf.cast(tf.cast(targets, tf.bool), tf.float32)


def _surprise(logits, notes):
    return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(notes, logits), -1)


def _below(draws, logits, temperature):
    """Gives 1 where a draw is below the chance of its pitch, else 0."""
    chances = tf.sigmoid(logits / tf.maximum(tf.cast(temperature, tf.float32), TINY))
    return tf.cast(draws < chances, tf.float32)
