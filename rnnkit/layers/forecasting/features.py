"""Features: covariates, calendar and categories -> a few numbers per step, shared by all decoders."""

import keras
from keras import ops


def step_features(inputs, facts, *, known=True, embedding_units=4, name="features"):
    """Joins what is known beside the targets.

    Args:
        inputs: Core inputs, Keras tensors by name.
        facts: `window`, `horizon`, `targets`, `covariates`, and the sizes of categories.
        known: Whether it enters which values of the window are known, as 0 where they are and -1 where not.
        embedding_units: Most numbers per category; fewer for few values.
        name: Start of the layers' names.

    Returns:
        Dict of `past` `(batch, window, features)`, `future` `(batch, horizon, features)` and `fixed`
        `(batch, features)`, each None where there is nothing.
    """
    window, targets = facts["window"], facts["targets"]
    past, future, fixed = [], [], []
    if facts.get("covariates"):
        past.append(inputs["values"][:, :, targets:])
    if known:
        past.append(inputs["known"] - 1)
    if "calendar" in inputs:
        past.append(inputs["calendar"][:, :window])
        future.append(inputs["calendar"][:, window:])
    if "future_values" in inputs:
        future.append(inputs["future_values"])
    if "static_values" in inputs:
        fixed.append(inputs["static_values"])
    for column, parts in (("categories", past), ("future_categories", future), ("static_categories", fixed)):
        parts.extend(_embedded(inputs.get(column), facts, column, embedding_units, name))
    return {
        "past": _joined(past, f"{name}_past"),
        "future": _joined(future, f"{name}_future"),
        "fixed": _joined(fixed, f"{name}_fixed"),
    }


def _embedded(ids, facts, column, units, name):
    if ids is None:
        return
    kind = {"categories": "category", "future_categories": "future_category", "static_categories": "static_category"}
    for place in range(ids.shape[-1]):
        fact = f"{kind[column]}_{place}"
        if fact not in facts:
            raise LookupError(f"facts has no {fact!r}, the number of values of a category. It has {', '.join(facts)}.")
        size = facts[fact]
        layer = keras.layers.Embedding(size, min(units, (size + 1) // 2), name=f"{name}_{fact}")
        yield layer(ops.take(ids, place, axis=-1))


def _joined(parts, name):
    if len(parts) < 2:
        return parts[0] if parts else None
    return keras.layers.Concatenate(name=name)(parts)


def squeezed(features, units, name):
    """Passes step features through a small dense layer, so that a window of them stays small; None stays None."""
    return None if features is None else keras.layers.Dense(units, activation="tanh", name=name)(features)
