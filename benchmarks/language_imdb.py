"""Pretraining: IMDB's training texts -> a language model -> the sentiment recipe's encoder -> test accuracy.

Both read the same rows: what the classifier is validated on, the language model is, too, and hasn't been trained on.
Howard & Ruder (2018), https://aclanthology.org/P18-1031.
"""

import gzip
import json
import pathlib
import shlex
from collections.abc import Mapping, Sequence

from language_quality import MODEL, SETTINGS, run_model, show_model
from language_quality import QUICK as QUICK_MODEL
from measuring import RNNKIT, measured, mib, print_table
from ner import Figure, flags_of
from quality import cut_off

FOLDER = pathlib.Path("sentiment") / "imdb"
LEAST, AIM = 91.2, 92.5
"""Percent of the test reviews."""
QUICK_CLASSIFIER = (
    *("--epochs", "1", "--steps-per-epoch", "3", "--batch-size", "4", "--xla", "no", "--units", "8"),
    *("--embedding-units", "8", "--length", "50", "--ngrams", "1", "--ngram-buckets", "1024"),
)
QUICK_ROWS = 60
KEPT = ("epochs", "best_epoch", "train_seconds", "tokens_per_second", "parameters", "settings", "notes")
SHOWN = ("accuracy", "macro_f1", "calibration_error")
PRETRAINED, ALONE = "sentiment, pretrained", "sentiment, alone"


def measure(arguments, folder: pathlib.Path, seed: int, work: pathlib.Path) -> dict:
    """Trains a language model and classifiers, each in a process of its own; returns what they scored and cost."""
    files = classified(folder / FOLDER, work, quick=arguments.quick)
    model, bundle = _earlier(arguments.model) if arguments.model else _trained(arguments, files, seed, work)
    if arguments.work:
        print(f"language model  {bundle}")
    runs = {PRETRAINED: _classifier(arguments, files, seed, work, ["--encoder-from", bundle])}
    if arguments.alone:
        runs[ALONE] = _classifier(arguments, files, seed, work, ["--name", "alone"])
    both = model["whole_seconds"] + runs[PRETRAINED]["whole_seconds"]
    scores = runs[PRETRAINED]["baselines"] | {name: run["score"] for name, run in runs.items()}
    return {"scores": scores, "model": model, "classifiers": runs, "whole_seconds": both}


def classified(folder: pathlib.Path, work: pathlib.Path, *, quick: bool = False) -> dict[str, pathlib.Path]:
    """Returns the files of the classifier by the setting that names each; the last tenth of each class is valid."""
    train, test = (folder / f"{name}.tsv.gz" for name in ("train", "test"))
    if quick:
        train, test = (_shortened(path, work) for path in (train, test))
    parts = cut_off(train, work)
    return {"data": parts["--data"], "valid": parts["--valid"], "test": test}


def _shortened(table, work):
    """Writes a table of as many first rows of each class."""
    with gzip.open(table, "rt", encoding="utf-8", newline="\n") as file:
        header, *rows = file.readlines()
    classes = {}
    for row in rows:
        classes.setdefault(row.partition("\t")[0], []).append(row)
    short = work / f"short-{table.name}"
    with gzip.open(short, "wt", encoding="utf-8", newline="\n") as file:
        file.writelines([header, *(row for members in classes.values() for row in members[:QUICK_ROWS])])
    return short


def _trained(arguments, files, seed, work):
    """Trains the language model on the texts of train; every other one of valid is its test."""
    train, valid = (texts_of(files[name]) for name in ("data", "valid"))
    parts = {"data": train, "valid": valid[::2], "test": valid[1::2]}
    tables = {}
    for name, texts in parts.items():
        tables[name] = work / f"texts-{name}.jsonl"
        lines = (json.dumps({"text": text}, ensure_ascii=False) for text in texts)
        tables[name].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    settings = arguments.settings or SETTINGS / "language_imdb_model.yaml"
    extra = [*(QUICK_MODEL if arguments.quick else ()), *shlex.split(arguments.extra)]
    return run_model(["--config", settings, *flags_of(tables), "--seed", seed, *extra], work / "bundles")


def texts_of(table: pathlib.Path) -> list[str]:
    """Returns the texts of a .tsv with a column `text`, without quotes."""
    with table.open(encoding="utf-8", newline="\n") as file:
        header, *rows = file.read().removesuffix("\n").split("\n")
    place = header.split("\t").index("text")
    return [row.split("\t")[place] for row in rows]


def _earlier(path):
    """Returns what is known of a language model of an earlier call; its seconds are those of its training alone."""
    card = json.loads((pathlib.Path(path) / "assets.extra" / "card.json").read_text(encoding="utf-8"))
    told = {"scores": {MODEL: card["scores"]["test"]}, "whole_seconds": card["train_seconds"], "earlier": True}
    return told | {name: card[name] for name in KEPT}, path


def _classifier(arguments, files, seed, work, flags: Sequence) -> dict:
    """Runs the sentiment recipe once."""
    settings = arguments.classifier_settings or SETTINGS / "language_imdb_classifier.yaml"
    extra = [*(QUICK_CLASSIFIER if arguments.quick else ()), *shlex.split(arguments.classifier_extra)]
    out = ["--out", work / "bundles", "--json"]
    command = [*RNNKIT, "run", "sentiment", "--config", settings, *flags_of(files), "--seed", seed, *flags, *extra]
    cost = measured([*command, *out])
    card = json.loads(cost.output.splitlines()[-1])
    return {
        "score": card["scores"]["test"],
        "valid_scores": card["scores"]["valid"],
        "baselines": {name: parts["test"] for name, parts in card["baselines"].items()},
        "rows": card["data"]["rows"],
        "whole_seconds": cost.seconds,
        "peak_bytes": cost.peak_bytes,
        "stages": cost.stages,
        **{name: card[name] for name in KEPT},
    }


def show(row: Mapping) -> None:
    """Prints scores and cost of one run."""
    lines = [
        {"method": method} | {name.replace("_", " "): f"{scores[name]:.4f}" for name in SHOWN}
        for method, scores in row["scores"].items()
    ]
    tests = row["classifiers"][PRETRAINED]["rows"]["test"]
    print_table(f"{row['data']} {row['variant']}".rstrip() + f", seed {row['seed']}: {tests:,} test reviews", lines)
    for name, run in row["classifiers"].items():
        print_table(name, [_cost(run)])
        for note in run["notes"]:
            print(note)
    model = row["model"]
    print(f"\nlanguage model: perplexity {model['scores'][MODEL]['perplexity']:,.2f} on the other half of valid")
    if "curve" in model:
        show_model(model)


def _cost(run):
    return {
        "parameters": f"{run['parameters']:,}",
        "rows": " / ".join(f"{run['rows'][split]:,}" for split in ("train", "valid", "test")),
        "valid accuracy": f"{run['valid_scores']['accuracy']:.4f}",
        "epoch": f"{run['best_epoch']} of {run['epochs']}",
        "train s": f"{run['train_seconds']:,.1f}",
        "whole s": f"{run['whole_seconds']:,.1f}",
        "tokens/s": f"{run['tokens_per_second']:,.0f}",
        "peak memory": mib(run["peak_bytes"]),
    }


def figures(row: Mapping) -> list[dict[str, str]]:
    """Returns the lines of the table of figures of one run."""
    accuracy = 100 * row["scores"][PRETRAINED]["accuracy"]
    return [Figure("imdb, accuracy of test, pretrained, %", LEAST, AIM).line(accuracy)]
