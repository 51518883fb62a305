"""Detector: preparation, core and chain -> one row and the states in, its answer and the states out; and many rows."""

import functools
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.detecting.chain import Chain
from rnnkit.detecting.core import taken_apart
from rnnkit.detecting.detector_settings import STANDARDISED
from rnnkit.detecting.features import LONGEST, elapsed_of, joined, read_rows
from rnnkit.layers.detection.usual import usual_after, usual_at
from rnnkit.recipe import Preparation

STATE = "state_{}"
ANSWERS = ("score", "alarm", "flag", "expected", "errors")


class Detector:
    """A detector as it is served.

    Its answers to a row `(batch, …)`: `score (batch,)`, how strange it is; `alarm (batch,)`, the score, or 0 in the
    quiet after a stranger row; `flag (batch,)` bool, whether the alarm reaches the threshold; `expected (batch,
    sensors)`, in the user's units; `errors (batch, sensors)`, how far each is off, in its usual errors, below 0 where
    it is lower than expected.

    Args:
        preparation: Of the bundle.
        core: Fitted.
        settings: Of the bundle.
    """

    def __init__(self, preparation: Preparation, core: keras.Model, settings):
        self.features, self.facts = preparation.features, preparation.facts
        self.apart, self.settings = taken_apart(core), settings
        self.chain = Chain(self.apart.watch, settings)
        self.clock, self.scale = (self.features.get_layer(name) for name in ("clock", "scale"))
        self.sensors, self.whole = self.facts["sensors"], bool(self.facts["whole"])

    @functools.cached_property
    def begun(self) -> dict[str, np.ndarray]:
        """What states are before a series, name -> array without the batch's axis; `rows` counts those read."""
        sensors, season, window = self.sensors, self.facts["season"], self.facts["window"]
        zeros = {"before": (sensors,), "fresh": (sensors,)}
        if self.apart.expecting is not None:
            zeros |= {name.removeprefix("state_"): (size,) for name, size in self.apart.sizes.items()}
            if season > 1:
                zeros |= {"usual": (season, sensors), "counts": (season, sensors)}
            if (ahead := self.settings.ahead) > 1:
                zeros["coming"] = (ahead - 1, ahead, sensors, 2)
            if self.whole:
                zeros |= {"total": (sensors,), "seen": (sensors,)}
        if self.apart.rebuilding is not None:
            zeros |= {"window": (window - 1, sensors), "window_known": (window - 1, sensors)}
        states = {name: np.zeros(shape, np.float32) for name, shape in zeros.items()}
        return {"rows": np.int32(0), **states, **self.chain.state()}

    def begin(self, rows) -> dict[str, tf.Tensor]:
        """Returns the states `(rows, …)` before a series."""
        return {
            name: tf.tile(tf.constant(value)[None], [rows, *[1] * np.ndim(value)]) for name, value in self.begun.items()
        }

    def advance(self, own: Mapping, states: Mapping):
        """Reads one row of each series.

        Args:
            own: `values`, scaled, 0 where unknown, and `known (batch, sensors)`; `place (batch,)` int32; `steps
                (batch,)`, usual steps since the row before; `calendar (batch, features)` where there is one.
            states: As `begun` names them; where `rows` is 0 they are taken for those before a series.

        Returns:
            Answers, `flag` excepted, and the states after.
        """
        states, after = self._from_the_start(states), {}
        values, known = own["values"], own["known"]
        errors, seen, expected = [], [], None
        if self.apart.expecting is not None:
            off, here, expected = self._unexpected(own, states, after)
            errors.append(off)
            seen.append(here)
        if self.apart.rebuilding is not None:
            off, here, rebuilt = self._misbuilt(values, known, states, after)
            errors.append(off)
            seen.append(here)
            expected = rebuilt if expected is None else expected
        errors, seen = tf.concat(errors, 1), tf.concat(seen, 1)
        names = self.chain.state()
        score, alarm, kept = self.chain.advance(self.chain.error(errors, seen), {name: states[name] for name in names})
        is_known = known > 0
        after |= {
            **kept,
            "rows": tf.minimum(states["rows"], MOST_ROWS) + 1,
            "before": tf.where(is_known, values, states["before"]),
            "fresh": known,
        }
        own_errors = (errors / self.chain.scale)[:, : self.sensors]
        answers = {"score": score, "alarm": alarm, "expected": self.scale.restore(expected), "errors": own_errors}
        return answers, {name: after[name] for name in self.begun}

    def _from_the_start(self, states):
        going_on = states["rows"] > 0
        found = {"rows": states["rows"]}
        for name, value in self.begun.items():
            if name != "rows":
                shape = [-1, *[1] * np.ndim(value)]
                found[name] = tf.where(tf.reshape(going_on, shape), states[name], tf.constant(value)[None])
        return found

    def _unexpected(self, own, states, after):
        """Returns errors and known `(batch, sensors)` of the predictions, and what was expected, scaled."""
        values, known = own["values"], own["known"]
        usual = counts = tf.zeros_like(values)
        if "usual" in self.begun:
            usual, counts = usual_at(states["usual"], states["counts"], own["place"])
            table = states["usual"], states["counts"]
            after["usual"], after["counts"] = usual_after(*table, own["place"], values, known)
        elapsed = tf.minimum(elapsed_of(own["steps"], log1p=tf.math.log1p), LONGEST)[:, None]
        inputs = joined(
            states["before"], states["fresh"], usual, counts, elapsed, own.get("calendar"), concat=tf.concat
        )
        recurrent = {name: states[name.removeprefix("state_")] for name in self.apart.sizes}
        expected, recurrent = self.apart.step(inputs, recurrent)
        after |= {name.removeprefix("state_"): state for name, state in recurrent.items()}
        before = states["before"]
        errors = self._in_spreads(values - before - expected[:, 0, :, 0], expected[:, 0, :, 1])
        if "coming" in self.begun:
            means = tf.stack([expected[..., 0] + before[:, None], expected[..., 1]], -1)
            errors = self._with_earlier(errors, values, means, states, after)
        errors *= known
        if self.whole:
            after["total"] = states["total"] + errors * errors
            after["seen"] = states["seen"] + known
            errors, known = tf.sqrt(after["total"] / tf.maximum(after["seen"], 1)), tf.minimum(after["seen"], 1)
        return errors, known, before + expected[:, 0, :, 0]

    def _with_earlier(self, errors, values, expected, states, after):
        """Returns the mean of the errors of this row's predictions, those made at rows before among them."""
        coming, ahead = states["coming"], self.settings.ahead
        count = tf.ones_like(errors[:, :1])
        for lead in range(1, ahead):
            # The newest comes last.
            earlier = coming[:, ahead - 1 - lead, lead]
            there = tf.cast(states["rows"] >= lead, tf.float32)[:, None]
            errors += there * self._in_spreads(values - earlier[..., 0], earlier[..., 1])
            count += there
        after["coming"] = tf.concat([coming[:, 1:], expected[:, None]], 1)
        return errors / count

    def _in_spreads(self, errors, spreads):
        return errors / tf.maximum(spreads, 1e-6) if self.settings.error == STANDARDISED else errors

    def _misbuilt(self, values, known, states, after):
        """Returns errors and known `(batch, sensors)` of the window that ends here, and the row rebuilt, scaled."""
        x = tf.concat([states["window"], values[:, None]], 1)
        seen = tf.concat([states["window_known"], known[:, None]], 1)
        after["window"], after["window_known"] = x[:, 1:], seen[:, 1:]
        rebuilt = self.apart.rebuild(x, seen)
        count = tf.reduce_sum(seen, 1)
        errors = tf.sqrt(tf.reduce_sum(tf.square(rebuilt - x) * seen, 1) / tf.maximum(count, 1))
        return errors, tf.minimum(count, 1), rebuilt[:, -1]

    def read(self, seconds, readable, values, states, last):
        """Reads one raw row of each series; a row without stamp and values changes nothing and gets zeros.

        Args:
            seconds, readable: `(batch,)`, as the clock gives them.
            values: `(batch, sensors)`, NaN where missing.
            states: As `begun` names them.
            last: `(batch,)` int64, seconds of the row before.

        Returns:
            Answers, states after, and the seconds of this row.
        """
        period = self.facts["period"]
        first = states["rows"] == 0
        # A row without a readable stamp is taken for the next.
        seconds = tf.where(readable, seconds, tf.where(first, seconds, last + period))
        steps = tf.where(first, 1.0, tf.cast(seconds - last, tf.float32) / period)
        own = {
            name: tensor[:, 0]
            for name, tensor in read_rows(self.features.layers, seconds[:, None], values[:, None]).items()
        }
        real = readable | tf.reduce_any(own["known"] > 0, 1)
        answers, after = self.advance({**own, "steps": steps}, states)
        answers["flag"] = answers["alarm"] >= self.chain.threshold
        answers = {name: _where(real, answers[name], tf.zeros_like(answers[name])) for name in ANSWERS}
        after = {name: _where(real, tensor, states[name]) for name, tensor in after.items()}
        return answers, after, tf.where(real, seconds, last)

    def signatures(self) -> dict[str, Signature]:
        """Returns `serving_default`, rows of series from their beginning, and `step`, one row and the states."""
        text, row = tf.TensorSpec([None, None], tf.string, "time"), [None, None, self.sensors]
        whole = (text, tf.TensorSpec(row, tf.float32, "values"))
        single = [tf.TensorSpec([None], tf.string, "time"), tf.TensorSpec(row[1:], tf.float32, "values")]
        single.append(tf.TensorSpec([None], tf.int64, STATE.format("seconds")))
        for name, value in self.begun.items():
            kind = tf.int32 if name == "rows" else tf.float32
            single.append(tf.TensorSpec([None, *np.shape(value)], kind, STATE.format(name)))
        names = [spec.name for spec in single]

        def step(*given, **named):
            return self.step({**dict(zip(names, given, strict=False)), **named})

        return {"serving_default": Signature(self.detect, whole), "step": Signature(step, tuple(single))}

    def detect(self, time, values):
        """Answers `time (batch, rows)` texts, `values (batch, rows, sensors)` row by row, `(batch, rows, …)`."""
        count = tf.shape(values)[1]
        # A loop over no rows at all has no answers to stack: an empty row stands in for them.
        missing = [[0, 0], [0, tf.maximum(1 - count, 0)]]
        time = tf.pad(time, missing, constant_values="")
        # No rows at all may come without a size of theirs.
        values = tf.reshape(values, [tf.shape(values)[0], count, self.sensors])
        values = tf.pad(values, [*missing, [0, 0]], constant_values=float("nan"))
        seconds, readable = self.clock(time)
        answers, _, _ = self.go_on(seconds, readable, values, self.begin(tf.shape(values)[0]), seconds[:, 0])
        return {name: tensor[:, :count] for name, tensor in answers.items()}

    def go_on(self, seconds, readable, values, states, last):
        """Reads rows `(batch, rows, …)` as `read` does one: answers `(batch, rows, …)`, states and last seconds."""
        count = tf.shape(values)[1]
        kinds = {name: tf.bool if name == "flag" else tf.float32 for name in ANSWERS}
        found = {name: tf.TensorArray(kind, count) for name, kind in kinds.items()}

        def body(row, states, last, found):
            answers, states, last = self.read(seconds[:, row], readable[:, row], values[:, row], states, last)
            return row + 1, states, last, {name: array.write(row, answers[name]) for name, array in found.items()}

        loop = [tf.constant(0), states, last, found]
        _, states, last, found = tf.while_loop(lambda row, *_: row < count, body, loop)
        return {name: _rows_second(array.stack()) for name, array in found.items()}, states, last

    def step(self, given: Mapping):
        """Answers one row of each series, and gives the states after it under the same names."""
        seconds, readable = self.clock(given["time"])
        states = {name: given[STATE.format(name)] for name in self.begun}
        last = given[STATE.format("seconds")]
        answers, states, last = self.read(seconds, readable, given["values"], states, last)
        kept = {STATE.format(name): tensor for name, tensor in states.items()}
        return {**answers, STATE.format("seconds"): last, **kept}


MOST_ROWS = 1 << 30
"""The count of rows stays there, that it never passes what int32 holds."""


def _where(real, these, those):
    return tf.where(tf.reshape(real, [-1, *[1] * (these.shape.rank - 1)]), these, those)


def _rows_second(tensor):
    rank = tensor.shape.rank or 3
    return tf.transpose(tensor, [1, 0, *range(2, rank)])
