"""Verbs: what the command line does, as functions."""

import pathlib
from collections.abc import Mapping

from rnnkit import bundle as bundles
from rnnkit import catalog, recipe
from rnnkit.answers import answer_rows
from rnnkit.messages import few_of
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import from_mapping
from rnnkit.sources import read_rows
from rnnkit.sources.data_frames import is_data_frame


def run(
    name: str,
    data=None,
    *,
    valid=None,
    test=None,
    columns: Mapping[str, str] | str = "",
    out: str | pathlib.Path = "saved_models",
    bundle: str | None = None,
    reporter: Reporter = SILENT,
    **settings,
) -> bundles.Bundle:
    """Trains a recipe and writes a bundle.

    Args:
        name: The recipe.
        data: File, folder, `tfds:NAME` or DataFrame; the recipe's embedded sample by default.
        valid, test: The same for the other splits; cut from the data by default.
        columns: The recipe's name -> the data's name, as a mapping or as text=review,label=stars.
        out: Folder of bundles.
        bundle: Name of the bundle; the recipe's by default.
        reporter: Tells a person what goes on.
        **settings: The recipe's settings, as its flags are called, `-` written as `_`.

    Returns:
        The bundle written.

    Raises:
        LookupError: There is no such recipe, setting or column.
        ValueError: A setting or the data can't be used, as the message says.
        OSError: A file can't be read or written.
    """
    made = catalog.load(name)
    frames = {"data": data, "valid": valid, "test": test}
    paths = {key: str(value) for key, value in frames.items() if isinstance(value, (str, pathlib.Path))}
    chosen = from_mapping(made.settings, {**settings, **paths, "columns": _pairs(columns)})
    frames = {key: value for key, value in frames.items() if key not in paths}
    return recipe.run(made, chosen, **frames, out=out, name=bundle, reporter=reporter)


def _pairs(columns):
    if isinstance(columns, str):
        return columns
    return ",".join(f"{ours}={theirs}" for ours, theirs in columns.items())


def evaluate(
    bundle: bundles.Bundle | str | pathlib.Path,
    data,
    *,
    columns: Mapping[str, str] | str | None = None,
    reporter: Reporter = SILENT,
    **reading,
) -> dict[str, float]:
    """Scores a bundle on labelled rows it has not seen.

    Args:
        bundle: The bundle or its path.
        data: File, folder of texts by label, DataFrame, or `sample` for the recipe's own.
        columns: As for `run`; by default as the bundle was trained.
        reporter: Tells a person what goes on.
        **reading: Settings of reading such as `encoding`, by default as the bundle was trained, and
            `skip_bad_rows`.

    Returns:
        The recipe's scores over all rows, by the names the card uses.

    Raises:
        ValueError: A row has a label that the bundle does not know.
    """
    bundle = bundle if isinstance(bundle, bundles.Bundle) else bundles.load(bundle)
    made = catalog.load(bundle.card["recipe"])
    if columns is not None:
        reading["columns"] = _pairs(columns)
    settings = from_mapping(made.settings, {**bundle.card["settings"], "skip_bad_rows": False, **reading})
    if isinstance(data, str) and data == "sample":
        data = recipe.sample_path(made)
    with reporter.task("reading", unit="bytes") as advance:
        rows = read_rows(
            data,
            features=made.inputs,
            target=made.target,
            format=settings.format(),
            progress=lambda done, total: advance(done, total=total),
        )
    labels = bundle.card["labels"]
    unknown = sorted(set(rows.labels) - set(labels)) if labels else []
    if unknown:
        count = sum(label in unknown for label in rows.labels)
        name = "DataFrame" if is_data_frame(data) else data
        raise ValueError(
            f"{name} has {count:,} rows with labels that {bundle.path} does not know: {few_of(unknown)}. "
            f"It knows {few_of(labels)}. Leave those rows out, or train on them."
        )
    signature = bundle.model.signatures["serving_default"]
    with reporter.task("scoring", total=len(rows), unit="rows") as advance:
        answers, truth = answer_rows(signature, rows, made.inputs, made.target, advance)
    return made.judge(answers, truth, labels)
