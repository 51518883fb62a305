"""Small forecasting cores and rows for them, shared by the tests of the forecasting layers."""

import keras
import numpy as np

from rnnkit.layers.forecasting import forecaster

WINDOW, HORIZON, TARGETS = 20, 7, 2
FACTS = {
    "window": WINDOW,
    "horizon": HORIZON,
    "targets": TARGETS,
    "covariates": 3,
    "future": 1,
    "calendar": 5,
    "static": 2,
    "category_0": 3,
    "category_1": 4,
    "future_category_0": 3,
    "static_category_0": 5,
}
SHAPES = {
    "values": (WINDOW, TARGETS + 3),
    "known": (WINDOW, TARGETS + 3),
    "calendar": (WINDOW + HORIZON, 5),
    "future_values": (HORIZON, 1),
    "static_values": (2,),
    "categories": (WINDOW, 2),
    "future_categories": (HORIZON, 1),
    "static_categories": (1,),
}


def full_core(*, teacher=False, **settings):
    """A core that takes every input there is."""
    kinds = {name: "int32" if name.endswith("categories") else "float32" for name in SHAPES}
    inputs = {name: keras.Input(shape, name=name, dtype=kinds[name]) for name, shape in SHAPES.items()}
    if teacher:
        inputs["teacher"] = keras.Input((HORIZON, TARGETS), name="teacher")
    return keras.Model(inputs, forecaster(inputs, FACTS, **settings))


def plain_core(window=WINDOW, horizon=HORIZON, targets=TARGETS, **settings):
    """A core of targets alone."""
    inputs = {name: keras.Input((window, targets), name=name) for name in ("values", "known")}
    facts = {"window": window, "horizon": horizon, "targets": targets, "covariates": 0}
    return keras.Model(inputs, forecaster(inputs, facts, **settings))


def with_random_weights(core, seed=3):
    """Gains and biases start at 1 and 0, where a mistake may not show."""
    random = np.random.default_rng(seed)
    for weight in core.weights:
        if weight.dtype == "float32" and weight.name != "shares":
            weight.assign(random.normal(0, 0.3, weight.shape))
    return core


def rows_for(core, batch, seed=5):
    """Rows of every input; a third of the values unknown, half of the teacher's."""
    random, rows = np.random.default_rng(seed), {}
    for x in core.inputs:
        shape = (batch, *x.shape[1:])
        rows[x.name] = random.normal(size=shape).astype(np.float32)
        if x.dtype == "int32":
            rows[x.name] = random.integers(0, 3, shape).astype(np.int32)
        elif x.name == "known":
            rows[x.name] = (random.random(shape) < 0.7).astype(np.float32)
        elif x.name == "teacher":
            rows[x.name][random.random(shape) < 0.5] = np.nan
    rows["values"] = rows["values"] * rows["known"]
    return rows
