"""The core: rows and states -> what each row is expected to be, and how far off; windows -> the same rebuilt."""

import dataclasses
import functools
from collections.abc import Mapping

import keras
import tensorflow as tf

from rnnkit.detecting.detector_settings import BOTH, PREDICTION, RECONSTRUCTION
from rnnkit.layers import recurrent_stack
from rnnkit.layers.cpu.choice import recurrent_loop
from rnnkit.layers.detection.heads import AtPlaces, Expected, Soft
from rnnkit.layers.detection.watch import Watch
from rnnkit.layers.exported import exported_loops
from rnnkit.layers.stack import by_level, state_names
from rnnkit.settings import RecurrentSettings

GROUPS = {"encoder": ("recurrent", "encoder"), "decoder": ("decoder",), "head": ("expected", "rebuilt")}
"""Parts that can be frozen."""
EXPECTING = ("features", "before", "usual", "usual_known")
"""What a row is foretold from, beside the states."""
NARROW = 4
"""Where the code's size is not given, it is that many times as small as the state that a window is read with."""


def sizes_of(settings) -> dict[str, int]:
    """Returns the sizes of the states by name."""
    if settings.detector == RECONSTRUCTION:
        return {}
    return state_names(cell=settings.cell, units=settings.units, depth=settings.depth)


def build_detector(facts: Mapping[str, int], settings) -> keras.Model:
    """Builds a core of one or two parts, by the setting `detector`.

    prediction: `features (batch, time, features)`, `before`, `usual`, `usual_known (batch, time, sensors)`, as
    `rnnkit.detecting.features` has them, and states -> `expected (batch, time, ahead, sensors, 2)`, mean, from
    `before` on, and spread of the row itself and of those after it, foretold before it is known; and states.
    reconstruction: `values`, `known (batch, window, sensors)` -> `rebuilt`, the values anew out of a narrow code.

    Args:
        facts: `sensors`, `features`, `window`.
        settings: Of `RecurrentSettings` and `DetectorSettings`.
    """
    inputs, outputs, sensors = {}, {}, facts["sensors"]
    if settings.detector != RECONSTRUCTION:
        widths = {"features": facts["features"], **dict.fromkeys(EXPECTING[1:], sensors)}
        inputs = {name: keras.Input((None, width), name=name) for name, width in widths.items()}
        states = {name: keras.Input((size,), name=name) for name, size in sizes_of(settings).items()}
        x = Soft(name="soft")(inputs["features"])
        x, after = recurrent_stack(x, **_stack(settings), states=by_level(states))
        if settings.output_dropout:
            x = keras.layers.Dropout(settings.output_dropout, name="output_dropout")(x)
        head = Expected(sensors, settings.ahead, name="expected")
        outputs["expected"] = head(x, *(inputs[name] for name in EXPECTING[1:]))
        outputs |= dict(zip(states, (state for level in after for state in level), strict=True))
        inputs |= states
    if settings.detector != PREDICTION:
        inputs |= {name: keras.Input((facts["window"], sensors), name=name) for name in ("values", "known")}
        outputs["rebuilt"] = _rebuilt(inputs["values"], inputs["known"], settings, sensors, facts["window"])
    # What is fitted after training rides along, so that it is saved with the core.
    first, channels = next(iter(outputs)), sensors * (2 if settings.detector == BOTH else 1)
    outputs[first] = Watch(channels, settings.distance, settings.history, name="watch")(outputs[first])
    return keras.Model(inputs, outputs, name="core")


def _stack(settings):
    stack = {field.name: getattr(settings, field.name) for field in dataclasses.fields(RecurrentSettings)}
    return stack | {"bidirectional": False}


def _rebuilt(values, known, settings, sensors, window):
    """An encoder reads the window, a decoder writes it backwards (Malhotra et al. 2016, arXiv:1607.00148)."""
    x = keras.layers.Concatenate(name="window")([Soft(name="soft_window")(values), known])
    stack = _stack(settings)
    x = recurrent_stack(x, **stack, name="encoder")[:, -1]
    size = settings.code or max(settings.units // NARROW, 1)
    code = keras.layers.Dense(size, activation="tanh", name="encoder_code")(x)
    x = keras.layers.RepeatVector(window, name="decoder_repeated")(code)
    # Told where it is, a decoder need not count rows to draw what all windows have in common.
    x = AtPlaces(settings.units, name="decoder_places")(x)
    x = recurrent_stack(x, **stack, name="decoder")
    return keras.ops.flip(AtPlaces(name="rebuilt_places")(keras.layers.Dense(sensors, name="rebuilt")(x)), axis=1)


@dataclasses.dataclass(frozen=True)
class Apart:
    """A core in its parts.

    Attributes:
        expecting: Model from features and states, by name, to `expected` and states, by name; None where there is none.
        rebuilding: Model from `values` and `known` to `rebuilt`; None where there is none.
        watch: What was fitted after training.
        sizes: Sizes of the states by name.
    """

    expecting: keras.Model | None
    rebuilding: keras.Model | None
    watch: Watch
    sizes: Mapping[str, int]

    def begin(self, rows) -> dict[str, tf.Tensor]:
        """Returns the states `(rows, …)` before a series."""
        return {name: tf.zeros([rows, size]) for name, size in self.sizes.items()}

    def expect(self, inputs: Mapping, states: Mapping, *, training: bool = False):
        """Reads rows `(batch, time, …)`: `expected (batch, time, ahead, sensors, 2)`, and the states after."""
        found = self.expecting({**inputs, **states}, training=training)
        return found["expected"], {name: tf.cast(found[name], tf.float32) for name in self.sizes}

    @functools.cached_property
    def reading(self):
        """`expect` as a traced function, for rows of any number."""

        @tf.function(reduce_retracing=True, autograph=False)
        def reading(inputs, states):
            with recurrent_loop("plain"):
                return self.expect(inputs, states)

        return reading

    @functools.cached_property
    def rebuilt(self):
        """`rebuild` as a traced function, for windows of any number."""

        @tf.function(reduce_retracing=True, autograph=False)
        def rebuilding(values, known):
            with recurrent_loop("plain"):
                return self.rebuild(values, known)

        return rebuilding

    def step(self, inputs: Mapping, states: Mapping):
        """Reads one row of each series, `(batch, …)`, without a loop: `expected (batch, ahead, sensors, 2)`, states."""
        with exported_loops([self.expecting], "unrolled"):
            expected, states = self.expect({name: tensor[:, None] for name, tensor in inputs.items()}, states)
        return expected[:, 0], states

    def rebuild(self, values, known, *, training: bool = False):
        """Rebuilds windows `(batch, window, sensors)`."""
        return tf.cast(self.rebuilding({"values": values, "known": known}, training=training), tf.float32)


def taken_apart(core: keras.Model) -> Apart:
    """Takes a core apart; its weights stay the core's."""
    outputs = dict(core.output)
    rebuilt = outputs.pop("rebuilt", None)
    expecting = rebuilding = None
    if rebuilt is not None:
        rebuilding = keras.Model({name: core.input[name] for name in ("values", "known")}, rebuilt, name="rebuilding")
    sizes = {name: output.shape[-1] for name, output in outputs.items() if name != "expected"}
    if outputs:
        expecting = keras.Model({name: core.input[name] for name in (*EXPECTING, *sizes)}, outputs, name="expecting")
    return Apart(expecting, rebuilding, core.get_layer("watch"), sizes)
