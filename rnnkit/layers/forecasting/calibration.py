"""Calibration: a trained forecaster and validation rows -> shares of its linear path, widths of its intervals.

Rows come in batches `(features, targets)` or `(features, targets, weights)`, as training has them; rows of weight 0 are
left out. Their order should be that of time.
"""

import dataclasses
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from rnnkit.layers.forecasting import conformal
from rnnkit.layers.forecasting.blend import trusted_shares
from rnnkit.layers.forecasting.linear import STRENGTHS, Moments, best_linear

MOST_NUMBERS = 30_000_000
"""Numbers of forecasts held at once; of more rows, every second or so is taken."""


@dataclasses.dataclass(frozen=True)
class LinearFit:
    """How the linear path was solved for: ridge strength, steps looked back on, mean squared error on valid, rows."""

    strength: float
    steps: int
    error: float
    rows: int


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What was set: mean shares of recurrence, linear path and last value (None without), powers of spreads, rows."""

    shares: tuple[float, ...] | None
    powers: tuple[tuple[float, ...], ...]
    rows: int


def fit_linear(core: keras.Model, train: Iterable, valid: Iterable, *, strengths=STRENGTHS) -> LinearFit | None:
    """Solves for the weights of the layer `linear` by ridge regression, and puts them in; None without such a layer.

    One pass over the rows, of which only sums are kept. The strength and the
    look-back with the lowest error on `valid` are taken.
    """
    layer = _layer(core, "linear")
    if layer is None:
        return None
    model = before(core, "linear")
    found = []
    for rows in (train, valid):
        sums = Moments(layer.kernel.shape[0])
        for (values, *further), targets in _answered(model, rows):
            last = np.asarray(values, np.float64)[:, -1:]
            answers = (targets[..., 0] - last).transpose(0, 2, 1)
            sums.add(layer.rows(values, *further), answers, targets[..., 1].transpose(0, 2, 1))
        found.append(sums)
    window = core.get_layer("filled").output.shape[1]
    weights, strength, steps, error = best_linear(*found, window, strengths)
    layer.kernel.assign(weights.astype(np.float32))
    return LinearFit(strength, steps, error, int(found[0].count.sum()))


def calibrate(core: keras.Model, valid: Iterable, train: Iterable = (), *, shares: str = "step") -> Calibration:
    """Sets the shares of the linear path, where there is one beside, and then the offsets of the quantiles.

    Args:
        core: Of `forecaster`, trained.
        valid: Batches of rows that no part was trained on; iterated twice, so no generator.
        train: Batches of training rows, in order of time; some are enough. Only how the size of errors goes with the
            window's spread is seen from them too, for validation rows may be of one season alone.
        shares: As `by` of `best_forecast_shares`.

    Raises:
        ValueError: `valid` has no rows.
    """
    reset(core)
    parts = None
    blend, layer = _layer(core, "blend"), core.get_layer("intervals")
    if blend is not None:
        outputs, targets = _collected(before(core, "blend"), valid, points=True)
        outputs = [np.broadcast_to(output, targets.shape[:-1]) for output in outputs]
        found = trusted_shares(outputs, targets, by=shares)
        blend.shares.assign(found.astype(np.float32))
        parts = tuple(found.mean((1, 2)).tolist())
    (forecast, spread), targets = _collected(before(core, "intervals"), valid, points=False)
    if not layer.levels:
        return Calibration(parts, (), len(forecast))
    typical = np.maximum(np.median(spread, 0), 1e-6)
    powers = _powers(core, (forecast, spread, targets), train, typical)
    size = conformal.sizes(spread, typical, powers)
    layer.typical.assign(typical.astype(np.float32))
    layer.powers.assign(powers.astype(np.float32))
    layer.offsets.assign(conformal.conformal_offsets(forecast, targets, layer.levels, size).astype(np.float32))
    return Calibration(parts, tuple(map(tuple, powers.tolist())), len(forecast))


def _powers(core, valid, train, typical):
    train = list(train)
    if train:
        (forecast, spread), targets = _collected(before(core, "intervals"), train, points=False)
        valid = [np.concatenate(parts) for parts in zip((forecast, spread, targets), valid, strict=True)]
    forecast, spread, targets = valid
    return conformal.best_powers(forecast, targets, core.get_layer("intervals").levels, spread, typical)


def reset(core: keras.Model) -> None:
    """Takes back what `calibrate` set: the recurrent forecast alone, its quantiles as they are."""
    blend, intervals = _layer(core, "blend"), _layer(core, "intervals")
    if blend is not None:
        blend.reset()
    if intervals is not None:
        intervals.offsets.assign(np.zeros(intervals.offsets.shape))
        intervals.powers.assign(np.zeros(intervals.powers.shape))


def before(core: keras.Model, name: str) -> keras.Model:
    """Returns the model of `core`'s inputs -> the list of inputs of its layer of that name, sharing all weights."""
    given = core.get_layer(name).input
    return keras.Model(core.inputs, list(given) if isinstance(given, (list, tuple)) else [given])


def _layer(core, name):
    return next((layer for layer in core.layers if layer.name == name), None)


def _answered(model, rows):
    """Yields a model's outputs and the targets of each batch, rows of weight 0 left out."""
    known = {}
    for features, targets, *weights in rows:
        features = {name: tf.convert_to_tensor(value) for name, value in features.items()}
        shapes = tuple(tuple(value.shape) for value in features.values())
        if shapes not in known:
            # Concrete functions, one for each shape: TensorFlow warns of functions that are traced again.
            specs = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in features.items()}
            answer = tf.function(lambda given: tf.nest.flatten(model(given, training=False)))
            known[shapes] = answer.get_concrete_function(specs)
        real = np.ones(len(targets), bool) if not weights or weights[0] is None else np.asarray(weights[0]) > 0
        yield [output.numpy()[real] for output in known[shapes](features)], np.asarray(targets)[real]


def _collected(model, rows, *, points):
    """Gives the outputs and targets of all rows, or of every second, fourth, … where there are too many."""
    kept, every, place, held = [], 1, 0, 0
    for (forecast, *others), targets in _answered(model, rows):
        taken = np.arange(-place % every, len(targets), every)
        place += len(targets)
        forecast = forecast[..., 0] if points else forecast
        kept.append([np.asarray(x)[taken] for x in (forecast, *others, targets)])
        held += sum(x.size for x in kept[-1])
        if held > MOST_NUMBERS:
            joined = [np.concatenate(parts)[::2] for parts in zip(*kept, strict=True)]
            kept, every, held = [joined], 2 * every, held / 2
    if not kept:
        raise ValueError("There are no rows to calibrate on. Got 0. Give validation rows.")
    *outputs, targets = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    return outputs, targets
