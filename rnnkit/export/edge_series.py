"""Series on a device: a forecaster's preparation -> plain files by which run_series.py prepares rows alike."""

import json
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from rnnkit.export.edge import Edge
from rnnkit.features.calendar import Calendar
from rnnkit.features.categories import CategoryIds
from rnnkit.features.clock import Clock
from rnnkit.features.gaps import Carry, Fill
from rnnkit.features.placing import Place
from rnnkit.features.scaling import Scale
from rnnkit.features.series_serving import user_forecast

SCRIPT = pathlib.Path(__file__).with_name("run_series.py")
KINDS = {
    "clock": Clock,
    "place": Place,
    "fill": Fill,
    "carry": Carry,
    "calendar": Calendar,
    "scale": Scale,
    "scale_future": Scale,
    "scale_static": Scale,
    "category_ids": CategoryIds,
    "future_category_ids": CategoryIds,
    "static_category_ids": CategoryIds,
}
SCALES = {"scale": "values", "scale_future": "future_values", "scale_static": "static_values"}
IDS = {
    "category_ids": "categories",
    "future_category_ids": "future_categories",
    "static_category_ids": "static_categories",
}


def series_edge(
    features: keras.Model, core: keras.Model, levels: Sequence[float], *, nonnegative: bool = False
) -> Edge:
    """Describes what a forecaster needs on a device: the model takes the core's inputs and answers in the user's units.

    Args:
        features, core, levels, nonnegative: As for `serve_series`.

    Raises:
        ValueError: The rows are prepared by layers that run_series.py does not know.
    """
    names = [name for name in features.output if name in core.input]
    specs = [
        tf.TensorSpec([1, *features.output[name].shape[1:]], features.output[name].dtype, name=name) for name in names
    ]

    def forecast(*tensors):
        prepared = dict(zip(names, tensors, strict=True))
        parts = user_forecast(features, core, prepared, len(levels), nonnegative=nonnegative)
        return dict(zip(("forecast", "quantiles"), parts, strict=True))

    how = json.dumps(_preparation(features), ensure_ascii=False, separators=(",", ":"))
    return Edge(
        function=forecast,
        inputs=tuple(specs),
        files={"preparation.json": how + "\n"},
        script=SCRIPT,
        padded=False,
    )


def _preparation(features):
    layers = _layers(features)
    place, calendar = layers["place"], layers.get("calendar")
    return {
        "inputs": list(features.input),
        "window": place.window,
        "horizon": place.horizon,
        "closed": place.closed,
        "gaps": layers["fill"].how,
        "frequency": place.frequency,
        "clock": layers["clock"].how,
        "calendar": calendar.names if calendar else [],
        "holidays": calendar.holidays if calendar else [],
        "scales": {name: _scale(layers[layer]) for layer, name in SCALES.items() if layer in layers},
        "ids": {name: layers[layer].names for layer, name in IDS.items() if layer in layers},
    }


def _scale(layer):
    means, spreads = (np.asarray(column, np.float64).tolist() for column in layer.columns)
    return {"means": means, "spreads": spreads, "logarithm": layer.logarithm}


def _layers(features):
    layers = [layer for layer in features.layers if not isinstance(layer, keras.layers.InputLayer)]
    known = {layer.name: layer for layer in layers if type(layer) is KINDS.get(layer.name)}
    missing = [name for name in ("clock", "place", "fill", "scale") if name not in known]
    other = [layer for layer in layers if layer.name not in known]
    if missing or other:
        names = ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in layers)
        raise ValueError(
            f"The rows are prepared by {names}; on a device there are those of series_features only. "
            "Serve this bundle as a SavedModel."
        )
    return known
