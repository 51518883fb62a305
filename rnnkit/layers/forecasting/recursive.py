"""Recursive: the encoder's state -> a decoder, step after step, each from the value before it."""

import keras
import tensorflow as tf

from rnnkit.layers.attention import Attention, check_score
from rnnkit.layers.forecasting.distributions import DISTRIBUTIONS
from rnnkit.layers.forecasting.heads import results_of
from rnnkit.layers.stack import CELLS, PARALLEL_CELLS

PARTS = ("memory", "last", "location", "scale", "future", "fixed", "teacher")


@keras.saving.register_keras_serializable(package="rnnkit")
class RecursiveForecast(keras.layers.Layer):
    """Decodes a horizon one step at a time; the value of each step is an input of the next.

    The value fed back is the teacher's where there is one that is not NaN (Williams & Zipser 1989), else the
    decoder's own point forecast: the mean, with a distribution as head (Salinas et al. 2020,
    https://arxiv.org/abs/1704.04110). While training, a batch whose teacher knows every value runs all steps at
    once, but with additive attention.

    Attention `additive` looks the encoder's steps up with the state before the step, and the cell reads what it
    finds (Bahdanau et al. 2015); `multiplicative` with the state after it, on the way to the results (Luong et al.
    2015, without its input feeding).

    Args:
        horizon: Steps forecast.
        head, levels: Say how many numbers per step and target, and what is fed back.
        parts: Names of the call argument's tensors, of `PARTS`.
        cell: Key of `rnnkit.layers.stack.CELLS` or `PARALLEL_CELLS`.
        units, depth: Of the decoder's layers.
        attention: `none`, or key of `rnnkit.layers.attention.SCORES`.
        dropout: Share of the decoder's outputs dropped, the same at every step.
        settings: Further arguments of the recurrent layers.

    Call arguments:
        given: Tensors in the order of `parts`: `memory` `(batch, window, features)`, the encoder's outputs;
            `last` `(batch, 1, targets)`, the value before the first step, normalised; `location` and `scale`
            `(batch, 1, targets)`; `future` `(batch, horizon, features)`; `fixed` `(batch, features)`; `teacher`
            `(batch, horizon, targets)`, not normalised.

    Returns:
        `(batch, horizon, targets, results)`.
    """

    def __init__(
        self,
        horizon,
        head,
        levels,
        parts,
        *,
        cell="gru",
        units=64,
        depth=1,
        attention="none",
        dropout=0.0,
        settings=None,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        if attention != "none":
            check_score(attention)
        self.horizon, self.head, self.levels, self.parts = horizon, head, tuple(levels), tuple(parts)
        self.cell, self.units, self.depth, self.attention = cell, units, depth, attention
        self.share, self.settings = dropout, dict(settings or {})
        self.results = results_of(head, self.levels)
        kind = (CELLS | PARALLEL_CELLS)[cell]
        self.recurrent = [
            kind(units, return_sequences=True, name=f"{level}_{cell}", dtype="float32", **self.settings)
            for level in range(1, depth + 1)
        ]
        self.starts = [
            [keras.layers.Dense(size, activation="tanh", name=f"{level}_state_{place}") for place, size in sizes]
            for level, sizes in enumerate((enumerate(state_sizes(layer.cell)) for layer in self.recurrent), 1)
        ]
        self.looking = None if attention == "none" else Attention(attention, units, name="attention")
        self.dropping = keras.layers.Dropout(dropout, name="dropout")

    def build(self, shapes):
        shapes = dict(zip(self.parts, shapes, strict=True))
        memory, self.targets = shapes["memory"][-1], shapes["last"][-1]
        width = self.targets + sum(shapes[name][-1] for name in ("future", "fixed") if name in shapes)
        width += memory if self.attention == "additive" else 0
        for layer, starts in zip(self.recurrent, self.starts, strict=True):
            layer.build((None, self.horizon, width))
            for start in starts:
                start.build((None, memory))
            width = layer.cell.output_size
        if self.looking:
            query = state_sizes(self.recurrent[-1].cell)[0] if self.attention == "additive" else width
            self.looking.build((None, None, query), shapes["memory"])
        inner = width + (memory if self.attention == "multiplicative" else 0)
        self.predict = keras.layers.Dense(self.targets * self.results, name="predict", dtype="float32")
        self.predict.build((None, inner))

    def call(self, given, training=False):
        given = dict(zip(self.parts, given, strict=True))
        teacher = given.get("teacher")
        if not training or teacher is None or self.attention == "additive":
            return self.steps(given, training=training)
        missing = tf.reduce_any(tf.math.is_nan(teacher))
        return tf.cond(missing, lambda: self.steps(given, training=True), lambda: self._at_once(given))

    def steps(self, given, noise=None, training=False):
        """Decodes step by step; with `noise`, feeds values drawn back.

        Args:
            given: Tensors by name.
            noise: `(batch, horizon, targets)`, standard normal draws; None feeds points back.
            training: Whether dropout draws.

        Returns:
            Raw numbers `(batch, horizon, targets, results)`; with `noise`, the values drawn
            `(batch, horizon, targets)`, not normalised.
        """
        memory = given["memory"]
        fixed = {"memory": memory, "keys": self.looking.project(memory) if self.looking else None}
        first = given["last"][:, 0]
        fixed["kept"] = (
            self.dropping(tf.ones_like(memory[:, 0, :1]) * tf.ones([1, self.output_size]), training=True)
            if training
            else None
        )
        ahead = {name: tf.transpose(given[name], [1, 0, 2]) for name in ("future",) if name in given}
        if "teacher" in given:
            taught = (given["teacher"] - given["location"]) / given["scale"]
            ahead["teacher"] = tf.transpose(taught, [1, 0, 2])
        if noise is not None:
            ahead["noise"] = tf.transpose(noise, [1, 0, 2])

        def step(t, value, states):
            here = {name: tf.gather(each, t) for name, each in ahead.items()}
            raw, states = self._step(value, states, here.get("future"), given.get("fixed"), fixed)
            value = self._fed_back(raw, given, here.get("noise"))
            result = raw if noise is None else value
            if "teacher" in here:
                value = tf.where(tf.math.is_nan(here["teacher"]), value, here["teacher"])
            return result, value, states

        results = self._run(step, first, self._first_states(memory), unrolled=first.shape[0] is not None)
        if noise is not None:
            results = tf.reshape(results, [-1, self.horizon, self.targets])
            return results * given["scale"] + given["location"]
        return tf.reshape(results, [-1, self.horizon, self.targets, self.results])

    @property
    def output_size(self):
        """Size of the decoder's output at a step."""
        return self.recurrent[-1].cell.output_size

    def _run(self, step, value, states, *, unrolled):
        if unrolled:  # On a device: one row, whose steps stand one after the other.
            results = []
            for t in range(self.horizon):
                result, value, states = step(t, value, states)
                results.append(tf.reshape(result, [-1, *result.shape[1:]]))
            return tf.stack(results, 1)
        flat = tf.nest.flatten(states)

        def body(t, value, flat, written):
            result, value, states_now = step(t, value, tf.nest.pack_sequence_as(states, flat))
            return (
                t + 1,
                value,
                tf.nest.flatten(states_now),
                written.write(t, tf.reshape(result, [tf.shape(value)[0], -1])),
            )

        written = tf.TensorArray(tf.float32, self.horizon)
        *_, written = tf.while_loop(
            lambda t, *_: t < self.horizon, body, (0, value, flat, written), maximum_iterations=self.horizon
        )
        return tf.transpose(written.stack(), [1, 0, 2])

    def _first_states(self, memory):
        last = memory[:, -1]
        return [[start(last) for start in starts] for starts in self.starts]

    def _step(self, value, states, future, row, fixed):
        parts = [value, *(each for each in (future, row) if each is not None)]
        if self.attention == "additive":
            context, _ = self.looking(states[-1][0], fixed["memory"], keys=fixed["keys"])
            parts.append(context)
        x, after = tf.concat(parts, -1) if len(parts) > 1 else parts[0], []
        for layer, state in zip(self.recurrent, states, strict=True):
            x, state = layer.cell(x, state)
            after.append(list(tf.nest.flatten(state)))
        x = x if fixed["kept"] is None else x * fixed["kept"]
        if self.attention == "multiplicative":
            context, _ = self.looking(x, fixed["memory"], keys=fixed["keys"])
            x = tf.concat([x, context], -1)
        return tf.reshape(self.predict(x), [-1, self.targets, self.results]), after

    def _fed_back(self, raw, given, noise):
        """Gives the value of a step, normalised: `(batch, targets)`."""
        if self.head not in DISTRIBUTIONS:
            return raw[..., 0]
        kind, location, scale = DISTRIBUTIONS[self.head], given["location"][:, 0], given["scale"][:, 0]
        params = kind.scaled(raw, location, scale)
        value = kind.mean(params) if noise is None else kind.from_normal(params, noise)
        return (value - location) / scale

    def _at_once(self, given):
        """Gives what `steps` gives where the teacher knows every value, by the fast layers."""
        memory = given["memory"]
        taught = (given["teacher"] - given["location"]) / given["scale"]
        parts = [tf.concat([given["last"], taught[:, :-1]], 1)]
        if "future" in given:
            parts.append(given["future"])
        if "fixed" in given:
            parts.append(tf.tile(given["fixed"][:, None], [1, self.horizon, 1]))
        x = tf.concat(parts, -1)
        for layer, states in zip(self.recurrent, self._first_states(memory), strict=True):
            x = layer(x, initial_state=states, training=True)
        x = x * self.dropping(tf.ones_like(x[:, :1]), training=True)
        if self.attention == "multiplicative":
            context, _ = self.looking(x, memory)
            x = tf.concat([x, context], -1)
        raw = self.predict(tf.reshape(x, [-1, x.shape[-1]]))
        return tf.reshape(raw, [-1, self.horizon, self.targets, self.results])

    def compute_output_spec(self, given, training=False):
        last = given[self.parts.index("last")]
        return keras.KerasTensor((last.shape[0], self.horizon, last.shape[2], self.results), "float32")

    def get_config(self):
        names = ("horizon", "head", "cell", "units", "depth", "attention", "settings")
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            **{"levels": list(self.levels), "parts": list(self.parts), "dropout": self.share},
        }


def state_sizes(cell) -> list[int]:
    """Lists the sizes of a cell's states."""
    return list(tf.nest.flatten([cell.state_size]))
