"""Forecaster: prepared windows -> normalised -> encoder and decoder -> head -> forecast with quantiles."""

import keras

from rnnkit.layers.forecasting.blend import ForecastBlend
from rnnkit.layers.forecasting.direct import direct, encoded
from rnnkit.layers.forecasting.features import squeezed, step_features
from rnnkit.layers.forecasting.filling import Filled
from rnnkit.layers.forecasting.heads import ForecastHead, check_head, results_of
from rnnkit.layers.forecasting.intervals import Intervals, Spread
from rnnkit.layers.forecasting.linear import LinearForecast
from rnnkit.layers.forecasting.normalization import Normalized, WindowLevel
from rnnkit.layers.forecasting.recursive import RecursiveForecast
from rnnkit.layers.forecasting.segments import SegmentForecast
from rnnkit.layers.forecasting.smoothing import Smoothed
from rnnkit.layers.stack import INITIALIZERS

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
DECODERS = ("segments", "direct", "recursive")
LINEAR = ("none", "beside", "residual")


def forecaster(
    inputs,
    facts,
    *,
    decoder="segments",
    head="point",
    levels=LEVELS,
    normalization="last",
    affine=False,
    recent=1,
    cell="gru",
    units=128,
    depth=1,
    dropout=0.1,
    segment=24,
    attention="none",
    pooling="last",
    linear="none",
    linear_per_target=False,
    linear_steps=24,
    input_noise=0.0,
    smoothing=0.0,
    smoothing_learned=False,
    known_inputs=True,
    level_inputs=False,
    feature_units=8,
    embedding_units=4,
    **stack,
):
    """Forecasts all steps of a horizon from a window of prepared values.

    Args:
        inputs: Keras tensors by name: `values`, `known` `(batch, window, columns)`, targets first, and where there
            are any `calendar` `(batch, window + horizon, features)`, `categories`, `future_values`,
            `future_categories`, `static_values`, `static_categories`; for decoder `recursive` also `teacher`
            `(batch, horizon, targets)`, the values fed back where they are not NaN.
        facts: `window`, `horizon`, `targets`, `covariates`, and the number of values of each category.
        decoder: One of `DECODERS`. `segments`: each target by itself, in pieces (SegRNN). `direct`: one encoder over
            all columns, all steps at once. `recursive`: step after step, each from the forecast before; with a
            distribution as head that is DeepAR.
        head: One of `rnnkit.layers.forecasting.heads.HEADS`.
        levels: Of the quantiles, rising.
        normalization: Key of `NORMALIZATIONS`; `negative_binomial` always takes `mean`, and values as counted.
        affine: A learnt factor and shift per target after normalising.
        recent: Steps of the mean for normalization `recent`.
        cell, units, depth: Of the recurrent layers.
        dropout: Share dropped between layers and before the results.
        segment: Steps of a segment, for `segments`.
        attention: `none`, `additive` or `multiplicative` over the encoder's steps, for `recursive`.
        pooling: Of the encoder's steps, for `direct`: `last`, `attention`, `mean` or `max`, joined by `+`.
        linear: A linear forecast besides: `none`; `beside`, blended in after training; `residual`, to whose errors
            the recurrent part is trained, once its weights are set.
        linear_per_target: Linear weights for each target apart.
        linear_steps: The last steps of covariates that the linear forecast sees; 0 leaves them out.
        input_noise: Standard deviation of noise on the normalised window, while training.
        smoothing, smoothing_learned: See `Smoothed`; 0 and not learned leaves it out.
        known_inputs: Whether the decoders see which values are known; without, it's as if all were.
        level_inputs: Whether they see location and scale of the window.
        feature_units: Numbers that calendar and covariates of a step are squeezed into.
        embedding_units: Most numbers per category.
        stack: Further settings of `rnnkit.layers.recurrent_stack`.

    Returns:
        `(batch, horizon, targets, 1 + levels + parameters)` float32: the point forecast, quantiles, parameters.
        The layers `intervals` and, with `linear`, `linear` and `blend` are set after training: see
        `rnnkit.layers.forecasting.calibration`.

    Raises:
        ValueError: A setting out of range, or that the decoder doesn't have.
    """
    levels = tuple(float(level) for level in levels)
    _check(decoder, head, levels, linear)
    if head == "negative_binomial":
        normalization, affine = "mean", False
    targets, horizon = facts["targets"], facts["horizon"]
    values, known = _of_targets(inputs, targets)
    filled = Filled(name="filled")(values, known)
    window = filled
    if smoothing or smoothing_learned:
        window = Smoothed(smoothing, smoothing_learned, name="smoothed")(window)
    location, scale = WindowLevel(normalization, recent, name="level")(window, known)
    features = step_features(inputs, facts, known=known_inputs, embedding_units=embedding_units)
    if level_inputs:
        features["fixed"] = _with_levels(features["fixed"], location, scale)
    x, location, scale = Normalized(affine, name="normalized")([window, location, scale])
    if input_noise:
        x = keras.layers.GaussianNoise(input_noise, name="noise")(x)
    raw = _decoded(
        x,
        features,
        inputs.get("teacher"),
        (location, scale),
        decoder=decoder,
        horizon=horizon,
        head=head,
        levels=levels,
        feature_units=feature_units,
        own={"segment": segment, "attention": attention, "pooling": pooling},
        cell=cell,
        units=units,
        depth=depth,
        dropout=dropout,
        stack=stack,
    )
    straight = None
    if linear != "none":
        further = linear_features(inputs, facts, linear_steps)
        layer = LinearForecast(horizon, linear_per_target, name="linear")
        straight = layer(filled) if further is None else layer(filled, further)
    base = straight if linear == "residual" else location
    forecast = ForecastHead(head, levels, name="head")(raw, base, scale)
    if linear == "beside":
        forecast = ForecastBlend(head, levels, name="blend")(forecast, straight, filled[:, -1:])
    least = 0.0 if head == "negative_binomial" else None
    return Intervals(levels, least, name="intervals")(forecast, Spread(name="spread")(filled, known))


def _check(decoder, head, levels, linear):
    if decoder not in DECODERS:
        raise ValueError(f"decoder must be one of {', '.join(DECODERS)}. Got {decoder!r}.")
    if linear not in LINEAR:
        raise ValueError(f"linear must be one of {', '.join(LINEAR)}. Got {linear!r}.")
    check_head(head, levels)
    if linear == "residual" and (decoder == "recursive" or head == "negative_binomial"):
        what = f"decoder {decoder!r}" if decoder == "recursive" else f"head {head!r}"
        raise ValueError(f"linear 'residual' does not go with {what}. Take linear 'beside' or 'none'.")


def _of_targets(inputs, targets):
    if inputs["values"].shape[-1] == targets:
        return inputs["values"], inputs["known"]
    return inputs["values"][:, :, :targets], inputs["known"][:, :, :targets]


def _with_levels(fixed, location, scale):
    parts = [keras.ops.squeeze(location, 1), keras.ops.log(keras.ops.squeeze(scale, 1))]
    return keras.layers.Concatenate(name="fixed_and_levels")([*([] if fixed is None else [fixed]), *parts])


def _decoded(x, features, teacher, level, *, decoder, horizon, head, levels, feature_units, own, stack, **sizes):
    results = results_of(head, levels)
    if decoder == "direct":
        return direct(x, features, horizon=horizon, results=results, pooling=own["pooling"], **stack, **sizes)
    if decoder == "recursive":
        return _recursive(x, features, teacher, level, horizon, head, levels, own["attention"], stack, **sizes)
    past = squeezed(features["past"], feature_units, "past_features")
    future = squeezed(features["future"], feature_units, "future_features")
    given = {"past": past, "future": future, "fixed": features["fixed"]}
    settings = segment_settings(stack)
    layer = SegmentForecast(horizon, results, segment=own["segment"], settings=settings, name="segments", **sizes)
    return layer(x, **{name: each for name, each in given.items() if each is not None})


def _recursive(x, features, teacher, level, horizon, head, levels, attention, stack, *, cell, units, depth, dropout):
    memory = encoded(x, features, cell=cell, units=units, depth=depth, dropout=dropout, **stack)
    given = {"memory": memory, "last": x[:, -1:], "location": level[0], "scale": level[1]}
    given |= {"future": features["future"], "fixed": features["fixed"], "teacher": teacher}
    given = {name: each for name, each in given.items() if each is not None}
    layer = RecursiveForecast(
        horizon,
        head,
        levels,
        tuple(given),
        cell=cell,
        units=units,
        depth=depth,
        attention=attention,
        dropout=dropout,
        settings=cell_settings(stack),
        name="recursive",
    )
    return layer(list(given.values()))


def cell_settings(stack: dict) -> dict:
    """Keeps of a recurrent stack's settings what a single layer has, by the layer's names."""
    weights = stack.get("recurrent_weight_dropout")
    found = {"weight_dropout": weights} if weights else {}
    for name in ("kernel_initializer", "recurrent_initializer"):
        if stack.get(name):
            found[name] = INITIALIZERS[stack[name]]
    return found | ({"activation": stack["activation"]} if stack.get("activation", "tanh") != "tanh" else {})


def segment_settings(stack: dict) -> dict:
    """Returns the settings of the segment decoder's recurrent layers.

    Raises:
        ValueError: A setting that it doesn't have is given.
    """
    for name in ("bidirectional", "residual", "layer_normalization", "variational_dropout", "l1", "l2"):
        if stack.get(name):
            raise ValueError(f"decoder 'segments' has no {name}. Got {stack[name]!r}. Leave it out, or take 'direct'.")
    return cell_settings(stack)


def linear_features(inputs, facts, steps):
    """Lays out side by side what the linear forecast sees beside the targets: `(batch, features)`, or None.

    The last `steps` of the covariates, the calendar of the first step forecast, numbers known over the
    horizon, and static ones.
    """
    found = []
    flat = keras.layers.Flatten
    if steps and facts.get("covariates"):
        found.append(flat(name="linear_covariates")(inputs["values"][:, -steps:, facts["targets"] :]))
    if "calendar" in inputs:
        found.append(inputs["calendar"][:, facts["window"]])
    if "future_values" in inputs:
        found.append(flat(name="linear_future")(inputs["future_values"]))
    if "static_values" in inputs:
        found.append(inputs["static_values"])
    if len(found) < 2:
        return found[0] if found else None
    return keras.layers.Concatenate(name="linear_features")(found)
