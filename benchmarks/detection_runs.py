"""Runs of the recipe: the sample, or heart beats in folds -> `rnnkit run anomaly` -> scores of test beside baselines.

Heart beats are lines, a label and then its values. What is normal is learnt from normal lines alone.
"""

import json
import pathlib
import statistics
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
from measuring import RNNKIT, measured, print_table
from ner import Figure

RECIPE = "anomaly"
FOLDER = pathlib.Path("healthcare")
TEXTS = {"ecg200": "ecg200/ECG200_{}", "ecg5000": "ecg5000_train_only/ECG5000_TRAIN.txt"}
FOLDS = {"ecg200": 1, "ecg5000": 5}
"""ECG200 has a test file of its own; of ECG5000 the train file alone is at hand, which is cut in five."""
VALID = 0.2
"""Share of what is left for training that training is stopped by."""
QUICK = ("--epochs", "2", "--units", "4")
KEPT = ("epochs", "best_epoch", "train_seconds", "parameters", "threshold", "settings", "notes")
BEATS = Figure("ROC-AUC, normal against not", 0.90, 0.97)
SHOWN = ("event_f1", "event_precision", "event_recall", "roc_auc", "average_precision", "alarms_per_day")


def measure(flags: Sequence) -> dict:
    """Runs the recipe once in a process of its own, its bundle thrown away; returns what it scored and cost."""
    with tempfile.TemporaryDirectory(prefix="rnnkit-anomaly-") as out:
        cost = measured([*RNNKIT, "run", RECIPE, *flags, "--out", out, "--json"])
    card = json.loads(cost.output.splitlines()[-1])
    return {
        "scores": {RECIPE: card["scores"]["test"]} | {name: each["test"] for name, each in card["baselines"].items()},
        "rows": card["data"]["rows"],
        "whole_seconds": cost.seconds,
        "peak_bytes": cost.peak_bytes,
        **{name: card[name] for name in KEPT if name in card},
    }


def measure_sample(seed: int, extra: Sequence[str]) -> dict:
    """Trains on the recipe's sample."""
    return measure(["--seed", seed, *extra])


def measure_beats(name: str, folder: pathlib.Path, seed: int, extra: Sequence[str]) -> dict:
    """Trains on normal beats and tells the others from them, fold by fold.

    Args:
        name: Key of `TEXTS`.
        folder: Of the data sets.
        seed: Draws the folds, too.
        extra: Further flags of `rnnkit run`.

    Returns:
        Scores by method, the means over folds; and each fold's.
    """
    folds = []
    with tempfile.TemporaryDirectory(prefix="rnnkit-beats-") as work:
        for number, parts in enumerate(_cut(name, folder, seed)):
            files = {part: pathlib.Path(work) / f"{number}-{part}.txt" for part in parts}
            for part, lines in parts.items():
                files[part].write_text("".join(f"{line}\n" for line in lines), "utf-8")
            given = [text for part, path in files.items() for text in (f"--{part}", path)]
            folds.append(measure(["--preset", "ecg", "--normal", "1", *given, "--seed", seed, *extra]))
    methods = folds[0]["scores"]
    means = {
        method: {score: statistics.fmean(fold["scores"][method][score] for fold in folds) for score in ("roc_auc",)}
        for method in methods
    }
    return {
        "scores": means,
        "folds": folds,
        "whole_seconds": sum(fold["whole_seconds"] for fold in folds),
        "train_seconds": sum(fold["train_seconds"] for fold in folds),
    }


def _cut(name, folder, seed):
    """Yields lines by split: ECG200 as it comes, ECG5000 in folds with all kinds in each."""
    path, random = folder / FOLDER / TEXTS[name], np.random.default_rng(seed)
    if FOLDS[name] == 1:
        train, test = (
            pathlib.Path(str(path).format(part)).read_text("utf-8").splitlines() for part in ("TRAIN", "TEST")
        )
        yield _halves(train, random) | {"test": test}
        return
    from sklearn.model_selection import StratifiedKFold

    lines = np.array(path.read_text("utf-8").splitlines())
    kinds = [float(line.split()[0]) == 1 for line in lines]
    for train, test in StratifiedKFold(FOLDS[name], shuffle=True, random_state=seed).split(lines, kinds):
        yield _halves(lines[train].tolist(), random) | {"test": lines[test].tolist()}


def _halves(lines, random):
    order = random.permutation(len(lines))
    count = round(VALID * len(lines))
    chosen = {"data": order[count:], "valid": order[:count]}
    return {part: [lines[place] for place in sorted(places)] for part, places in chosen.items()}


def show_sample(row: Mapping) -> None:
    """Prints the scores of the sample, the best first, and whether the recurrence is above every baseline."""
    scores = row["scores"]
    lines = [
        {"method": method} | {name.replace("_", " "): f"{each[name]:.3f}" for name in SHOWN if name in each}
        for method, each in sorted(scores.items(), key=lambda item: -item[1]["event_f1"])
    ]
    print_table(f"sample, seed {row['seed']}, {row['train_seconds']:.1f} s of training", lines)
    best = max(each["event_f1"] for method, each in scores.items() if method != RECIPE)
    figure = Figure("event F1 of the sample above the best baseline's", 0)
    print_table("figures", [figure.line(scores[RECIPE]["event_f1"] - best)])


def show_beats(row: Mapping) -> None:
    """Prints ROC-AUC by method, over all folds and by fold."""
    ranked = sorted(row["scores"].items(), key=lambda item: -item[1]["roc_auc"])
    lines = [
        {
            "method": method,
            "ROC-AUC": f"{each['roc_auc']:.4f}",
            "by fold": ", ".join(f"{fold['scores'][method]['roc_auc']:.3f}" for fold in row["folds"]),
        }
        for method, each in ranked
    ]
    print_table(f"{row['data']}, seed {row['seed']}, {row['train_seconds']:.1f} s of training", lines)
