"""Numenta's benchmark: each of its files by itself -> a detector trained on its first rows -> scores of all its rows.

A detector sees nothing of what comes after the probation, and of no other file: it is trained on the first four fifths
of the probation, its training is stopped by the last, and from there it goes on row by row.
"""

import concurrent.futures
import dataclasses
import json
import multiprocessing
import os
import pathlib
import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np
import yaml
from measuring import print_table
from ner import Figure

SETTINGS = pathlib.Path(__file__).resolve().parent / "settings" / "anomaly_nab.yaml"
FOLDER = pathlib.Path("anomaly") / "nab"
TRAIN = 0.8
"""Share of the probation that is trained on."""
FIGURE = Figure("NAB, standard profile", 50, 70.1)
RECIPE = "anomaly"
QUICK = {"epochs": 2}
QUICK_FILES = 20
"""Every so many files are looked at."""


def measure(arguments, folder: pathlib.Path, seed: int) -> dict:
    """Scores all files; returns scores by profile and category of the recipe and of baselines, and what they cost."""
    windows = json.loads((folder / FOLDER / "labels" / "combined_windows.json").read_text("utf-8"))
    names = sorted(windows)[:: QUICK_FILES if arguments.quick else 1]
    settings = yaml.safe_load(pathlib.Path(arguments.settings or SETTINGS).read_text("utf-8"))
    asked = {**settings, "seed": seed, **_pairs(arguments.extra), **(QUICK if arguments.quick else {})}
    begun, found = time.perf_counter(), {}
    paths = [folder / FOLDER / "data" / name for name in names]
    with _workers(arguments.processes) as pool:
        jobs = {pool.submit(detect_file, path, asked): name for path, name in zip(paths, names, strict=True)}
        for number, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            name = jobs[job]
            found[name] = job.result() | {"windows": windows[name]}
            spent = time.perf_counter() - begun
            left = spent / number * (len(names) - number)
            print(f"{number} of {len(names)} files, {spent:,.0f} s, {left:,.0f} s left", file=sys.stderr, flush=True)
    found = {name: _placed(found[name]) for name in names}
    if arguments.work:
        _keep(pathlib.Path(arguments.work), found)
    return {
        "scores": {method: scored(found, method) for method in found[names[0]]["scores"]},
        "files": {name: {key: each[key] for key in ("rows", "seconds", "epochs")} for name, each in found.items()},
        "rows": sum(each["rows"] for each in found.values()),
        "whole_seconds": round(time.perf_counter() - begun, 1),
    }


def _pairs(flags: Sequence[str]) -> dict[str, object]:
    """Returns flags `--name value` as settings, of the types that their defaults have."""
    from rnnkit import catalog

    kinds = {field.name: type(field.default) for field in dataclasses.fields(catalog.load(RECIPE).settings)}
    found = {}
    for flag, value in zip(flags[::2], flags[1::2], strict=True):
        name = flag.removeprefix("--").replace("-", "_")
        found[name] = kinds.get(name, str)(value)
    return found


def _workers(count):
    os.environ |= dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1")
    fresh = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(count, mp_context=fresh)


def detect_file(path: pathlib.Path, asked: Mapping) -> dict:
    """Trains on the probation of one file and scores all of its rows, in the file's order."""
    import keras

    from rnnkit import catalog, presets
    from rnnkit.detecting.answering import answer_part
    from rnnkit.detecting.comparing import series_baselines
    from rnnkit.detecting.detector import Detector
    from rnnkit.detecting.parts import Part
    from rnnkit.metrics.nab import probation_of
    from rnnkit.running import trained_parts

    begun, recipe = time.perf_counter(), catalog.load(RECIPE)
    with path.open(encoding="utf-8") as lines:
        stamps = [line.partition(",")[0] for line in lines][1:]
    probation = probation_of(len(stamps))
    train = int(TRAIN * probation)
    split = f"{train},{probation - train},{len(stamps) - probation}"
    settings = presets.chosen(recipe, {"data": str(path), "split": split, **asked})
    splits = recipe.read(path, None, None, settings, lambda done, total: None)
    keras.backend.clear_session()
    parts = trained_parts(recipe, settings, splits)
    readings = splits.train.readings
    whole = Part(readings, readings.spans())
    answers = answer_part(Detector(parts.preparation, parts.core, settings), whole)
    seconds = time.perf_counter() - begun
    # Rows that were sorted by time go back to where the file has them.
    order = np.argsort(readings.places, kind="stable")
    scores = {RECIPE: answers["alarm"]} | series_baselines(splits.train, whole, parts.preparation.facts, settings)
    return {
        "scores": {name: each[order] for name, each in scores.items()},
        "stamps": stamps,
        "probation": probation,
        "rows": len(stamps),
        "seconds": round(seconds, 2),
        "epochs": len(parts.history.epochs),
        "answers": {name: answers[name][order] for name in ("score", "errors", "expected")},
    }


def _placed(each):
    """Returns what was found with windows as first and last rows."""
    windows = [tuple(each["stamps"].index(stamp[:19]) for stamp in window) for window in each["windows"]]
    return each | {"windows": windows}


def _keep(folder, found):
    folder.mkdir(parents=True, exist_ok=True)
    for name, each in found.items():
        arrays = {**each["answers"], **each["scores"], "windows": np.array(each["windows"]).reshape(-1, 2)}
        np.savez(folder / f"{name.replace('/', '-').removesuffix('.csv')}.npz", **arrays)


def scored(found: Mapping, method: str) -> dict:
    """Returns the score of each profile, over all files, and the standard one by category at the common threshold."""
    from rnnkit.metrics import nab

    series = {
        name: nab.Scored(each["scores"][method], each["windows"], each["probation"]) for name, each in found.items()
    }
    _, threshold = nab.nab_score(list(series.values()))
    categories = sorted({name.partition("/")[0] for name in series})
    own = {category: [each for name, each in series.items() if name.startswith(category)] for category in categories}
    return {
        **nab.nab_scores(list(series.values())),
        "threshold": threshold,
        "by_category": {category: category_score(each, threshold) for category, each in own.items()},
    }


def category_score(series: Sequence, threshold: float) -> dict[str, float]:
    """Returns windows, those found, rows of false alarms and the standard score of some files at a given threshold."""
    from rnnkit.metrics import nab

    windows = sum(len(each.windows) for each in series)
    found = alarms = 0
    for each in series:
        flagged = np.asarray(each.scores) >= threshold
        flagged[: each.probation] = False
        for first, last in each.windows:
            found += int(flagged[first : last + 1].any())
            flagged[first : last + 1] = False
        alarms += int(flagged.sum())
    standard = nab.score_at(series, threshold) if windows else None
    return {"windows": windows, "found": found, "false_alarms": alarms, "standard": standard}


def show(row: Mapping) -> None:
    """Prints scores by profile and by category."""
    profiles = [name for name in row["scores"][RECIPE] if name.startswith("nab_")]
    ranked = sorted(row["scores"].items(), key=lambda item: -item[1][profiles[0]])
    lines = [
        {"method": method} | {name.removeprefix("nab_"): f"{scores[name]:.2f}" for name in profiles}
        for method, scores in ranked
    ]
    print_table(f"NAB, seed {row['seed']}: {len(row['files'])} files, {row['rows']:,} rows", lines)
    lines = [
        {
            "category": category,
            **{name.replace("_", " "): str(each[name]) for name in ("windows", "found", "false_alarms")},
            "standard": "" if each["standard"] is None else f"{each['standard']:.2f}",
        }
        for category, each in row["scores"][RECIPE]["by_category"].items()
    ]
    print_table("by category, at the common threshold", lines)
