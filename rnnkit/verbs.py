"""Verbs: what the command line does, as functions."""

import pathlib
from collections.abc import Mapping

from rnnkit import bundle as bundles
from rnnkit import catalog, finetuning, presets, running
from rnnkit.answers import answer_rows
from rnnkit.checking.check import Report
from rnnkit.checking.check import check as check_data
from rnnkit.messages import few_of
from rnnkit.parts import load_parts
from rnnkit.predicting import Summary, predict_file, trained_format
from rnnkit.predicting.by_recipe import has_own_way, predict_by_recipe
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import from_mapping
from rnnkit.sources import read_rows
from rnnkit.sources.data_frames import is_data_frame

OF_OTHER_DATA = {"skip_bad_rows": False, "images": ""}
"""Settings of reading that are not as a bundle was trained: what was given then was of other data."""


def run(
    name: str,
    data=None,
    *,
    valid=None,
    test=None,
    columns: Mapping[str, str] | str = "",
    out: str | pathlib.Path = "saved_models",
    bundle: str | None = None,
    resume: bool = False,
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
        resume: Go on with the newest interrupted run of that name, on the same data with the same settings.
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
    frames, paths = _tables(data=data, valid=valid, test=test)
    chosen = presets.chosen(made, {**settings, **paths, **_pairs_if_any(columns)})
    return running.run(made, chosen, running.Order(**frames, out=out, name=bundle, resume=resume), reporter)


def check(
    name: str,
    data=None,
    *,
    valid=None,
    test=None,
    columns: Mapping[str, str] | str = "",
    reporter: Reporter = SILENT,
    **settings,
) -> Report:
    """Reads the data a run would have, once, and says what is in the way and how long it will take.

    Takes what `run` takes.

    Returns:
        The report: `findings`, `refusal` (what `run` would raise, or None), `estimate`, `verdict()`.

    Raises:
        LookupError: There is no such recipe or setting.
        ValueError: A setting is out of range.
        OSError: There is no such file.
    """
    made = catalog.load(name)
    frames, paths = _tables(data=data, valid=valid, test=test)
    chosen = presets.chosen(made, {**settings, **paths, **_pairs_if_any(columns)})
    return check_data(made, chosen, **frames, reporter=reporter)


def finetune(
    parent: bundles.Bundle | str | pathlib.Path,
    data,
    *,
    valid=None,
    test=None,
    columns: Mapping[str, str] | str = "",
    out: str | pathlib.Path | None = None,
    bundle: str | None = None,
    scratch: bool = True,
    resume: bool = False,
    reporter: Reporter = SILENT,
    **settings,
) -> bundles.Bundle:
    """Goes on from a bundle's weights and preparation on other rows, and writes its next version.

    New words of the rows join the vocabulary. The labels are those of the rows; what stood for a
    label that the parent knows is kept.

    Args:
        parent: The bundle or its path.
        data, valid, test, columns: As for `run`.
        out: Folder of bundles; the parent's by default.
        bundle: Name of the bundle; the parent's by default.
        scratch: Also train a model anew on the same rows, to see what the parent is worth.
        resume: As for `run`.
        reporter: Tells a person what goes on.
        **settings: As for `run`; what is not given is as in `finetuning.child_defaults`.

    Returns:
        The bundle written; its card has `parent` and `scratch` with their scores on the same test rows.

    Raises:
        LookupError, ValueError, OSError: As for `run`; also for a setting that the parent's weights fix.
    """
    parent = parent if isinstance(parent, bundles.Bundle) else bundles.load(parent)
    frames, paths = _tables(data=data, valid=valid, test=test)
    given = {**settings, **paths, "columns": _pairs(columns)}
    out = parent.path.absolute().parent.parent if out is None else out
    order = running.Order(**frames, out=out, name=bundle, resume=resume)
    return finetuning.finetune(parent, given, order, scratch=scratch, reporter=reporter)


def _tables(**tables):
    """Parts tables into those given as such, and paths, which are settings."""
    paths = {key: str(value) for key, value in tables.items() if isinstance(value, (str, pathlib.Path))}
    return {key: value for key, value in tables.items() if key not in paths}, paths


def _pairs_if_any(columns):
    return {"columns": _pairs(columns)} if columns else {}


def _pairs(columns):
    if isinstance(columns, str):
        return columns
    return ",".join(f"{ours}={theirs}" for ours, theirs in columns.items())


def predict(
    bundle: bundles.Bundle | str | pathlib.Path,
    data,
    output: str | pathlib.Path,
    *,
    columns: Mapping[str, str] | str | None = None,
    signature: str = "serving_default",
    prefix: str = "",
    images: str = "",
    resume: bool = False,
    reporter: Reporter = SILENT,
    **reading,
) -> Summary:
    """Writes a table's rows with the answers to them, in constant memory; see `predicting.predict_file`.

    A forecaster writes what comes after each series instead, a row a step.

    Args:
        bundle: The bundle or its path.
        data: File of rows or of text lines, or DataFrame.
        output: Ends in .csv, .jsonl, either also .gz, or .parquet.
        columns: As for `run`; by default as the bundle was trained.
        signature, prefix, images, resume, reporter: As for `predicting.predict_file`.
        **reading: As for `evaluate`.

    Returns:
        How many rows were read, answered and not, and what is wrong with those.

    Raises:
        LookupError, ValueError, OSError, Interrupted: As `predicting.predict_file`.
    """
    bundle = bundle if isinstance(bundle, bundles.Bundle) else bundles.load(bundle)
    if columns is not None:
        reading["columns"] = _pairs(columns)
    if has_own_way(bundle):
        how = {"signature": signature, "resume": resume, "prefix": prefix}
        return predict_by_recipe(bundle, data, output, reading, **how, reporter=reporter)
    format = trained_format(bundle, reading)
    how = {"signature": signature, "prefix": prefix, "images": images, "resume": resume}
    return predict_file(bundle, data, output, format=format, **how, reporter=reporter)


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
            `skip_bad_rows`; of pictures `images` too, beside the data by default.

    Returns:
        The recipe's scores over all rows, by the names the card uses.

    Raises:
        ValueError: A row has a label that the bundle does not know.
    """
    bundle = bundle if isinstance(bundle, bundles.Bundle) else bundles.load(bundle)
    made = catalog.load(bundle.card["recipe"])
    if columns is not None:
        reading["columns"] = _pairs(columns)
    trained = bundle.card["settings"]
    anew = {name: value for name, value in OF_OTHER_DATA.items() if name in trained}
    settings = from_mapping(made.settings, {**trained, **anew, **reading})
    if isinstance(data, str) and data == "sample":
        data = running.sample_path(made, settings)
    with reporter.task("reading", unit="bytes") as advance:
        rows = _reread(made, data, settings, bundle.card, lambda done, total: advance(done, total=total))
    labels = bundle.card["labels"]
    unknown = sorted(set(rows.labels) - set(labels)) if labels else []
    if unknown:
        count = sum(label in unknown for label in rows.labels)
        name = "DataFrame" if is_data_frame(data) else data
        raise ValueError(
            f"{name} has {count:,} rows with labels that {bundle.path} does not know: {few_of(unknown)}. "
            f"It knows {few_of(labels)}. Leave those rows out, or train on them."
        )
    with reporter.task("scoring", total=len(rows), unit="rows") as advance:
        if made.answer:
            answers = made.answer(*load_parts(bundle, made), rows, settings, advance)
        else:
            answers = answer_rows(bundle.model.signatures["serving_default"], rows, bundle.card["inputs"], advance)
    return made.judge(answers, rows.truth(), labels, settings)


def _reread(recipe, data, settings, card, progress):
    if recipe.reread:
        return recipe.reread(data, settings, card, progress)
    return read_rows(data, features=recipe.inputs, target=recipe.target, format=settings.format(), progress=progress)
