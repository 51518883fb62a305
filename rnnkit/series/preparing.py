"""Preparing: the train windows -> scalers, categories and calendar, as models to train and serve with; a child's."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse

from rnnkit.features.calendar import read_holidays
from rnnkit.features.series import series_features, series_target
from rnnkit.messages import few_of
from rnnkit.recipe import Parent, Preparation
from rnnkit.series.windows import Windows
from rnnkit.sources.format import parse_columns

CATEGORY = "category_{}"


def prepare_series(train: Windows, settings, *, counts: bool = False) -> Preparation:
    """Learns scalers and categories on the steps of the train split.

    Args:
        train: Its windows.
        settings: `SeriesSettings` with `calendar` and `holidays`.
        counts: Leave targets as they are, neither moved nor scaled: they are counted.

    Raises:
        ValueError: Targets are to be counts, and one is below 0.
        ValueError, OSError: The file of holidays can't be read.
    """
    panel, inside = train.panel, train.inside
    columns, targets = panel.columns, len(panel.columns.targets)
    values = panel.known_values()[inside].astype(np.float64)
    if settings.transform == "log":
        positive = values[:, :targets] > 0
        values[:, :targets] = np.log(np.where(positive, values[:, :targets], np.nan))
    means, spreads = _moments(values)
    if counts:
        _check_counts(columns.targets, panel.known_values()[:, :targets])
        means[:targets], spreads[:targets] = 0, 1
    of_series = np.unique(panel.series()[inside])
    static_means, static_spreads = _moments(panel.static_values[of_series].astype(np.float64))
    names = _met(panel.categories[inside], panel.category_names)
    static_names = _met(panel.static_categories[of_series], panel.static_names)
    features = series_features(
        columns,
        panel.frequency,
        zone=settings.time_zone or panel.zone,
        gaps="skip" if panel.closed else settings.gaps,
        window=train.window,
        horizon=train.horizon,
        means=means.tolist(),
        spreads=spreads.tolist(),
        transform=settings.transform,
        category_names=names,
        static_means=static_means.tolist(),
        static_spreads=static_spreads.tolist(),
        static_names=static_names,
        calendar=settings.calendar,
        holidays=read_holidays(settings.holidays) if settings.holidays else (),
    )
    core = features.output
    facts = {
        "window": train.window,
        "horizon": train.horizon,
        "targets": targets,
        "covariates": len(columns.numeric) - targets,
        "future": len(columns.future),
        "calendar": core["calendar"].shape[-1] if "calendar" in core else 0,
        "static": len(columns.static),
        "gaps": int(np.isnan(values).any()),
    }
    ahead = names[len(columns.past_categories) :]
    for kind, parts in (("category", names), ("future_category", ahead), ("static_category", static_names)):
        facts |= {f"{kind}_{place}": len(part) + 1 for place, part in enumerate(parts)}
    return Preparation(features, series_target(features, train.horizon, targets), facts, ("values",))


def _check_counts(targets, values):
    for name, own in zip(targets, values.T, strict=True):
        if (own < 0).any():
            raise ValueError(
                f"Column {name!r} must be 0 or above for --head negative_binomial, which counts. "
                f"Its least value is {np.nanmin(own):g}. Take another --head."
            )


def _moments(values):
    """Returns mean and standard deviation of each column's known values, 0 and 1 where there are none."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, values, 0).sum(axis=0) / count
    spreads = np.sqrt(np.where(known, (values - means) ** 2, 0).sum(axis=0) / count)
    return means, np.where(spreads > 0, spreads, 1.0)


def _met(codes, names):
    """Returns those texts of each category that the train split has."""
    met = [np.unique(codes[:, place]) for place in range(codes.shape[1])]
    return [[own[code] for code in found if code >= 0] for own, found in zip(names, met, strict=True)]


def grow_series(parent: Parent, train: Windows, settings, *, counts: bool = False) -> Preparation:
    """Prepares a child: scalers and categories anew, and which column and category was which of the parent's.

    Raises:
        ValueError: The child's step of time is another than the parent's.
    """
    facts = parent.bundle.card["series"]
    _check_step(parent, facts, train)
    made = prepare_series(train, settings, counts=counts)
    theirs = facts["columns"]
    ours = renamed(train.panel.columns.as_dict(), settings.columns)
    numeric = ours["past"] + ours["future"], theirs["past"] + theirs["future"]
    carried = {"targets": _same(ours["targets"], theirs["targets"]), "covariates": _same(*numeric)}
    notes = [_changed("targets", ours["targets"], theirs["targets"]), _changed("covariates", *numeric)]
    kinds = {
        "category": ("category_ids", ("past_categories", "future_categories")),
        "future_category": ("future_category_ids", ("future_categories",)),
        "static_category": ("static_category_ids", ("static_categories",)),
    }
    for kind, (layer, parts) in kinds.items():
        mine, others = ([name for part in parts for name in columns[part]] for columns in (ours, theirs))
        notes.append(_changed(f"{kind} columns".replace("_", " "), mine, others) if kind != "future_category" else "")
        for place, name in enumerate(mine):
            known = parent.preparation.features.get_layer(layer).names[others.index(name)] if name in others else []
            now = made.features.get_layer(layer).names[place]
            # Number 0 is a missing or unseen one, of which each has its vector.
            carried[f"{kind}_{place}"] = _same(["", *now], ["", *known])
    return Preparation(
        made.features, made.target, made.facts, made.sequences, notes=tuple(filter(None, notes)), carried=carried
    )


def _check_step(parent, facts, train):
    path, step, own = parent.bundle.path, facts["frequency"], train.panel.frequency
    if (own.kind, own.count) != (step["kind"], step["count"]):
        theirs = type(own).from_dict(step).text
        raise ValueError(
            f"The steps of these data are {own.text}, and {path} forecasts steps of {theirs}. "
            f"Bring them to it with --frequency {theirs} where that is coarser, or train anew: rnnkit run."
        )


def renamed(columns: dict, pairs: str) -> dict:
    """Returns columns by role under our names, where `pairs` says how the file calls them."""
    ours = {theirs: name for name, theirs in parse_columns(pairs).items()}
    return {
        role: ours.get(names, names) if isinstance(names, str) else [ours.get(name, name) for name in names]
        for role, names in columns.items()
    }


def _same(names: Sequence[str], others: Sequence[str]) -> scipy.sparse.csr_matrix:
    matrix = scipy.sparse.lil_matrix((len(names), len(others)))
    places = {name: place for place, name in enumerate(others)}
    for place, name in enumerate(names):
        if name in places:
            matrix[place, places[name]] = 1
    return matrix.tocsr()


def _changed(what, names, others):
    new, gone = [name for name in names if name not in others], [name for name in others if name not in names]
    parts = [f"{few_of(new)} begin anew"] if new else []
    parts += [f"{few_of(gone)} of the parent are left out"] if gone else []
    return f"{what}: {'; '.join(parts)}." if parts else ""
