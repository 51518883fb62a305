"""Facts: what a model must know of the panel it was trained on, as plain JSON, to read other data the same way."""

import numpy as np

from rnnkit.series.panel import Panel
from rnnkit.series.scales import Scales
from rnnkit.series.windows import Windows

MOST_SERIES = 2_000
"""Series whose own scales are kept; of more, only their mean."""


def series_card(train: Windows) -> dict:
    """Returns what `read_windows` and `read_history` need of a trained model.

    Keys: `columns, frequency, zone, closed, category_names, static_names, season, scale (targets,),
    mean, spread, scales {id: (targets,)}, window, horizon`.
    """
    panel, scales = train.panel, train.scales
    own = dict(zip(panel.ids, scales.scale.tolist(), strict=True)) if len(panel.ids) <= MOST_SERIES else {}
    return {
        "columns": panel.columns.as_dict(),
        "frequency": panel.frequency.as_dict(),
        "zone": panel.zone,
        "closed": panel.closed,
        "category_names": [list(names) for names in panel.category_names],
        "static_names": [list(names) for names in panel.static_names],
        "season": scales.season,
        "scale": scales.pooled().tolist(),
        "mean": scales.mean.tolist(),
        "spread": scales.spread.tolist(),
        "scales": own,
        "window": train.window,
        "horizon": train.horizon,
    }


def scales_for(facts: dict, panel: Panel) -> Scales:
    """Returns the train part's scales for the series of another panel; those it didn't have get the mean."""
    pooled = facts["scale"]
    scale = np.array([facts["scales"].get(id, pooled) for id in panel.ids], np.float64)
    return Scales(scale, np.array(facts["mean"]), np.array(facts["spread"]), facts["season"])
