"""Parallel recurrences: inputs -> gates of all steps at once -> a linear recurrence, scanned in blocks -> states.

The gates see the inputs only, never the state, so that no step has to wait for the matmul of the one before.
"""

import math

import keras
import tensorflow as tf
from keras import ops

from rnnkit.layers.variants import Cell, LayerOfCell, check_units


class _GatedCell(Cell):
    """Base: one real state, each unit on its own, `state = factor * state + addend`; `gated` gives these two."""

    def __init__(
        self, units, *, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = check_units("units", units)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, shape):
        width = self.gates * self.units
        self.kernel = self.add_weight(
            (shape[-1], width), self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        self.bias = self.add_weight((width,), self.bias_initializer, name="bias")

    def call(self, inputs, states):
        factor, addend = self.recurrence(inputs)
        state = ops.cast(factor * self.joined(states) + addend, self.compute_dtype)
        return state, [state]

    def recurrence(self, inputs):
        projected = ops.tensordot(inputs, self.kernel, axes=1) + self.bias
        return self.gated(*ops.split(ops.cast(projected, _wide(self)), self.gates, axis=-1))

    def joined(self, states):
        return ops.cast(states[0], _wide(self))

    def parted(self, joined):
        return [joined]

    def read(self, states, inputs):
        return states[0]


def _wide(layer):
    # Sums over thousands of steps drown in the 8 or 11 bits of the small floats.
    return keras.backend.result_type(layer.compute_dtype, "float32")


@keras.saving.register_keras_serializable(package="rnnkit")
class MinGRUCell(_GatedCell):
    """One step of a `MinGRU`, for serving a stream: inputs `(batch, features)`, one state `(batch, units)`."""

    gates = 2

    def gated(self, update, candidate):
        return ops.sigmoid(-update), ops.sigmoid(update) * _positive(candidate)


@keras.saving.register_keras_serializable(package="rnnkit")
class MinLSTMCell(_GatedCell):
    """One step of a `MinLSTM`, for serving a stream: inputs `(batch, features)`, one state `(batch, units)`."""

    gates = 3

    def gated(self, forget, write, candidate):
        # f / (f + i) through their logarithms: both may be too small to divide.
        odds = ops.softplus(-write) - ops.softplus(-forget)
        return ops.sigmoid(odds), ops.sigmoid(-odds) * _positive(candidate)


def _positive(x):
    return ops.where(x >= 0, x + 0.5, ops.sigmoid(x))


@keras.saving.register_keras_serializable(package="rnnkit")
class LRUCell(Cell):
    """One step of an `LRU`, for serving a stream, in real numbers: inputs `(batch, features)`, two states."""

    def __init__(
        self, units, *, state_size=64, r_min=0.0, r_max=1.0, max_phase=2 * math.pi, kernel_regularizer=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.units = self.output_size = check_units("units", units)
        self.state_size = [check_units("state_size", state_size)] * 2
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(f"r_min must be below r_max, both from 0 to 1. Got {r_min} and {r_max}.")
        if not 0 < max_phase <= 2 * math.pi:
            raise ValueError(f"max_phase must be from 0 (excluded) to 2 pi. Got {max_phase}.")
        self.r_min, self.r_max, self.max_phase = r_min, r_max, max_phase
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, shape):
        # Each draws the same at each call, so gamma starts where nu puts it. The margins keep logarithms finite.
        squares = keras.initializers.RandomUniform(max(self.r_min**2, 1e-6), min(self.r_max**2, 1 - 1e-6))
        phases = keras.initializers.RandomUniform(min(1e-6, self.max_phase / 2), self.max_phase)
        self.nu = self._vector("nu", lambda shape, dtype: ops.log(-0.5 * ops.log(squares(shape, dtype))))
        self.theta = self._vector("theta", lambda shape, dtype: ops.log(phases(shape, dtype)))
        self.gamma = self._vector("gamma", lambda shape, dtype: 0.5 * ops.log(1 - squares(shape, dtype)))
        # Variances of the paper: 1 / (2 features) and 1 / state_size for each of the two parts.
        self.input_kernel = self._matrix("input_kernel", shape[-1], 2 * self.state_size[0], 0.5)
        self.output_kernel = self._matrix("output_kernel", 2 * self.state_size[0], self.units, 2.0)
        self.skip_kernel = self._matrix("skip_kernel", shape[-1], self.units, 1.0)

    def _vector(self, name, start):
        # Not in bfloat16, where a modulus of 0.999 would be 1.
        return self.add_weight((self.state_size[0],), start, dtype=_wide(self), autocast=False, name=name)

    def _matrix(self, name, rows, columns, scale):
        start = keras.initializers.VarianceScaling(scale, "fan_in", "untruncated_normal")
        return self.add_weight((rows, columns), start, regularizer=self.kernel_regularizer, name=name)

    def call(self, inputs, states):
        (factor, i_factor), (addend, i_addend) = self._factor(), self._addend(inputs)
        state, i_state = (ops.cast(part, _wide(self)) for part in states)
        parts = [factor * state - i_factor * i_state + addend, factor * i_state + i_factor * state + i_addend]
        return self.read(parts, inputs), [ops.cast(part, self.compute_dtype) for part in parts]

    def _factor(self):
        modulus, phase = ops.exp(-ops.exp(self.nu)), ops.exp(self.theta)
        return modulus * ops.cos(phase), modulus * ops.sin(phase)

    def _addend(self, inputs):
        projected = ops.cast(ops.tensordot(inputs, self.input_kernel, axes=1), _wide(self))
        return [ops.exp(self.gamma) * part for part in ops.split(projected, 2, axis=-1)]

    def recurrence(self, inputs):
        factor = tf.complex(*self._factor())
        return tf.broadcast_to(factor, [1, tf.shape(inputs)[1], self.state_size[0]]), tf.complex(*self._addend(inputs))

    def joined(self, states):
        return tf.complex(*[ops.cast(part, _wide(self)) for part in states])

    def parted(self, joined):
        return [tf.math.real(joined), tf.math.imag(joined)]

    def read(self, states, inputs):
        parts = ops.cast(ops.concatenate(states, axis=-1), self.compute_dtype)
        return ops.tensordot(parts, self.output_kernel, axes=1) + ops.tensordot(inputs, self.skip_kernel, axes=1)

    def settings(self):
        return {**super().settings(), "state_size": self.state_size[0]}


class _Parallel(LayerOfCell):
    """Base: scans the cell's recurrence over all steps, its states joined into one tensor and parted again."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        if self.go_backwards:
            sequences, mask = tf.reverse(sequences, [1]), None if mask is None else tf.reverse(mask, [1])
        factor, addend = self.cell.recurrence(sequences)
        if mask is not None:
            mask = tf.cast(mask, tf.bool)[:, :, None]
            factor, addend = tf.where(mask, factor, tf.ones_like(factor)), tf.where(mask, addend, tf.zeros_like(addend))
        states = self.cell.parted(linear_scan(factor, addend, self.cell.joined(initial_state)))
        outputs = self.cell.read(states, sequences)
        if mask is not None:
            shown = mask  # Keras gives zeros at masked steps, or only before the first real one.
            if not self.zero_output_for_mask:
                outputs, shown = self.held(outputs, mask), tf.cumsum(tf.cast(mask, tf.int32), axis=1) > 0
            outputs = tf.where(shown, outputs, tf.zeros_like(outputs))
        return outputs[:, -1], outputs, [state[:, -1] for state in states]

    def held(self, outputs, mask):
        return outputs


@keras.saving.register_keras_serializable(package="rnnkit")
class MinGRU(_Parallel):
    """A GRU whose gates do not see the state, over a whole sequence at once.

    ```
    z, k = W x + b
    h'   = (1 - sigmoid(z)) h + sigmoid(z) g(k)        g(k) = k + 0.5 if k >= 0, else sigmoid(k)
    ```

    Args:
        units: Size of the state, which is never negative unless it starts so.
        **kwargs: kernel_initializer, bias_initializer, kernel_regularizer, and those of
            `keras.layers.RNN`: return_sequences, return_state, go_backwards, stateful and so on.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: `(batch, units)`; zeros by default.
        mask: `(batch, time)`, True where a step is real; other steps carry the state.

    Feng et al. (2024), appendix B, https://arxiv.org/abs/2410.01201. Unlike there, the numbers are scanned and
    not their logarithms: nothing is divided, so a factor near 0 does no harm.
    """

    cell_type = MinGRUCell


@keras.saving.register_keras_serializable(package="rnnkit")
class MinLSTM(_Parallel):
    """An LSTM whose gates do not see the state, over a whole sequence at once.

    ```
    f, i, k = sigmoid(a_f), sigmoid(a_i), a_k          a = W x + b
    h'      = f / (f + i) h + i / (f + i) g(k)         g(k) = k + 0.5 if k >= 0, else sigmoid(k)
    ```
    Arguments, calls, source and departure are those of `MinGRU`.
    """

    cell_type = MinLSTMCell


@keras.saving.register_keras_serializable(package="rnnkit")
class LRU(_Parallel):
    """A linear recurrent unit, a diagonal complex recurrence, over a whole sequence at once.

    ```
    h' = lambda h + exp(gamma) B x        lambda = exp(-exp(nu) + i exp(theta))
    y  = Re(C h') + D x
    ```
    |lambda| stays below 1 whatever is learned; gamma starts so that states are as large as inputs.

    Args:
        units: Size of the outputs.
        state_size: Size of the complex state.
        r_min, r_max: Radii of the ring that lambda starts in; near 1 for a long memory.
        max_phase: Largest angle at the start, in radians; small for slow changes.
        **kwargs: kernel_regularizer, for B, C and D, and those of `keras.layers.RNN`.

    Calls are those of `MinGRU`, with two states, real and imaginary part, each `(batch, state_size)`.

    Orvieto et al. (2023), section 3 and appendix A, https://arxiv.org/abs/2303.06349.
    """

    cell_type = LRUCell

    def held(self, outputs, mask):
        """Returns the outputs, at masked steps those of the last real step."""
        # An output shows its own step's inputs too, so the state alone can't say what stood there before.
        real = tf.cast(mask, tf.float32)
        places = tf.range(tf.shape(real)[1], dtype=tf.float32)[None, :, None]
        last = linear_scan(1 - real, real * places, tf.zeros_like(real[:, 0]))
        return tf.gather(outputs, tf.cast(last[:, :, 0], tf.int32), batch_dims=1)


@tf.custom_gradient
def linear_scan(factor, addend, start):
    """Returns `h[t] = factor[t] * h[t - 1] + addend[t]` for all steps, real or complex.

    The sequence is cut into blocks of about sqrt(time) steps. All blocks go side by side from 0,
    then their ends are joined, then all go again from where they really start: about 3 sqrt(time)
    steps in all. keras.ops.associative_scan (Keras 3.15) needs a length known beforehand, fails
    under XLA and took 15 times as long.

    `factor` is `(batch or 1, time, units)`, `addend` and the result `(batch, time, units)`, `start`,
    h before the first step, `(batch, units)`. The gradient is exact; there is no second one.
    """
    states = _in_blocks(factor, addend, start)
    return states, lambda d_states: _gradient(d_states, factor, states, start)


@tf.custom_gradient
def _gradient(d_states, factor, states, start):
    after = tf.concat([tf.math.conj(factor[:, 1:]), tf.zeros_like(factor[:, :1])], 1)
    d_addend = tf.reverse(_in_blocks(tf.reverse(after, [1]), tf.reverse(d_states, [1]), tf.zeros_like(start)), [1])
    d_factor = d_addend * tf.math.conj(tf.concat([start[:, None], states[:, :-1]], 1))
    if factor.shape[0] == 1:
        d_factor = tf.reduce_sum(d_factor, 0, keepdims=True)

    def refuse(*_):
        raise NotImplementedError("A linear scan has no second derivative. Run the cell by keras.layers.RNN instead.")

    return (d_factor, d_addend, tf.math.conj(factor[:, 0]) * d_addend[:, 0]), refuse


def _in_blocks(factor, addend, start):
    time = tf.shape(addend)[1]
    steps = tf.cast(tf.math.ceil(tf.sqrt(tf.cast(time, tf.float32) / 2)), tf.int32)
    # Each (steps, batch, blocks, units).
    factor, addend = _blocks(factor, steps), _blocks(addend, steps)
    empty = tf.ones_like(factor[0]), tf.zeros_like(addend[0])
    ends = tf.foldl(lambda end, now: (end[0] * now[0], now[0] * end[1] + now[1]), (factor, addend), empty)
    joined = _one_by_one(*[tf.transpose(end, [1, 0, 2]) for end in ends], start)
    begins = tf.transpose(tf.concat([start[None], joined[:-1]], 0), [1, 0, 2])
    states = tf.transpose(_one_by_one(factor, addend, begins), [1, 2, 0, 3])
    return tf.reshape(states, [tf.shape(states)[0], -1, addend.shape[-1]])[:, :time]


def _blocks(x, steps):
    padded = tf.pad(x, [[0, 0], [0, -tf.shape(x)[1] % steps], [0, 0]])
    return tf.transpose(tf.reshape(padded, [tf.shape(x)[0], -1, steps, x.shape[-1]]), [2, 0, 1, 3])


def _one_by_one(factor, addend, start):
    return tf.scan(lambda state, now: now[0] * state + now[1], (factor, addend), start)
