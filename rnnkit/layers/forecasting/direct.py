"""Direct: all columns of a window -> one encoder -> its last state -> all steps of the horizon at once."""

import keras

from rnnkit.layers.pooling import pool
from rnnkit.layers.stack import recurrent_stack


def encoded(x, features, *, bidirectional=False, name="encoder", **settings):
    """Reads the targets together with all that is known beside them.

    Args:
        x: `(batch, window, targets)`, normalised.
        features: `past` `(batch, window, features)` and `fixed` `(batch, features)`, each or None.
        bidirectional: Read the window backwards too.
        name: Start of the layers' names.
        settings: Of `rnnkit.layers.recurrent_stack`.

    Returns:
        `(batch, window, units)`.
    """
    parts = [x, *([] if features["past"] is None else [features["past"]])]
    if features["fixed"] is not None:
        parts.append(keras.layers.RepeatVector(x.shape[1], name=f"{name}_fixed")(features["fixed"]))
    x = parts[0] if len(parts) == 1 else keras.layers.Concatenate(name=f"{name}_inputs")(parts)
    return recurrent_stack(x, bidirectional=bidirectional, name=name, **settings)


def direct(x, features, *, horizon, results, units, dropout, pooling, bidirectional=False, **settings):
    """Forecasts all steps from one vector, and from what is known of each step beforehand.

    Args:
        x: `(batch, window, targets)`, normalised.
        features: `past`, `future` `(batch, horizon, features)` and `fixed`, each or None.
        horizon: Steps forecast.
        results: Numbers per step and target.
        units: Of the encoder, and of the layer that joins its state with each step's features.
        dropout: Share dropped between layers and of the state.
        pooling: Of the encoder's steps: see `rnnkit.layers.pool`.
        bidirectional, settings: Of the encoder.

    Returns:
        `(batch, horizon, targets, results)`.
    """
    targets = x.shape[-1]
    steps = encoded(x, features, units=units, dropout=dropout, bidirectional=bidirectional, **settings)
    if pooling == "last" and not bidirectional:
        # Every step of a window is real: no need to look for the last one.
        state = steps[:, -1]
    else:
        state = pool(steps, by=pooling, bidirectional=bidirectional, units=units)
    if features["fixed"] is not None:
        state = keras.layers.Concatenate(name="state_and_fixed")([state, features["fixed"]])
    if dropout:
        state = keras.layers.Dropout(dropout, name="state_dropout")(state)
    raw = keras.layers.Dense(horizon * targets * results, name="steps")(state)
    raw = keras.layers.Reshape((horizon, targets, results), name="by_step")(raw)
    if features["future"] is None:
        return raw
    # The same small network at every step: what is known of the step, in the light of the window.
    context = keras.layers.RepeatVector(horizon, name="state_per_step")(
        keras.layers.Dense(units, name="context")(state)
    )
    inner = keras.layers.Dense(units, use_bias=False, name="future")(features["future"])
    inner = keras.layers.Activation("relu", name="joined")(keras.layers.Add(name="step")([context, inner]))
    more = keras.layers.Dense(targets * results, name="of_future")(inner)
    more = keras.layers.Reshape((horizon, targets, results), name="of_future_by_step")(more)
    return keras.layers.Add(name="all_steps")([raw, more])
