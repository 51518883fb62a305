"""Quality of language models: PTB, Shakespeare -> `rnnkit run language_model` -> scores of test, valid by epoch."""

import csv
import dataclasses
import gzip
import json
import math
import pathlib
import shlex
from collections.abc import Mapping, Sequence

from measuring import RNNKIT, measured, mib, print_table
from ner import Figure, flags_of

SETTINGS = pathlib.Path(__file__).resolve().parent / "settings"
FOLDER = pathlib.Path("language_modeling")
QUICK = (
    *("--epochs", "2", "--steps-per-epoch", "3", "--batch-size", "4", "--window", "10", "--xla", "no"),
    *("--units", "8", "--embedding-units", "8", "--samples", "16", "--ngram-order", "2", "--written", "20"),
)
QUICK_LINES = 1_000
KEPT = (
    *("epochs", "best_epoch", "train_seconds", "tokens_per_second", "parameters"),
    *("samples", "diversity", "unknown", "settings", "notes"),
)
SHOWN = {"perplexity": "perplexity", "token_loss": "nats a token", "bits_per_character": "bits a character"}
MODEL = "language_model"


@dataclasses.dataclass(frozen=True)
class Text:
    """A text as `rnnkit run language_model` is to read it.

    Attributes:
        files: Setting -> file below the folder of language modelling.
        protocol: Flags by which scores can be compared with others'; they win over any settings.
        score: The one that is judged.
        most, aim: What it is to be at most, and what is aimed at.
        kneser_ney: From where to where the perplexity of the n-grams is, as published; None: not said.
    """

    files: Mapping[str, str]
    protocol: Sequence[str]
    score: str
    most: float
    aim: float
    kneser_ney: tuple[float, float] | None = None


TEXTS = {
    "ptb": Text(
        files={"data": "ptb/ptb.train.txt.gz", "valid": "ptb/ptb.valid.txt", "test": "ptb/ptb.test.txt"},
        protocol=("--lines", "own", "--tokens", "word", "--punctuation", "keep"),
        score="perplexity",
        most=105,
        aim=82.7,
        kneser_ney=(141, 148),
    ),
    "shakespeare": Text(
        files={"data": "tinyshakespeare/input.txt"},
        protocol=("--lines", "running", "--tokens", "character", "--valid-share", "0.01", "--test-share", "0.05"),
        score="token_loss",
        most=1.5,
        aim=1.4,
    ),
}


def measure(arguments, folder: pathlib.Path, seed: int, work: pathlib.Path) -> dict:
    """Trains a language model in a process of its own; returns what it scored and cost."""
    text = TEXTS[arguments.data]
    files = files_of(arguments.data, folder, work if arguments.quick else None)
    settings = arguments.settings or SETTINGS / f"language_{arguments.data}.yaml"
    extra = [*(QUICK if arguments.quick else ()), *shlex.split(arguments.extra)]
    flags = ["--config", settings, *flags_of(files), *text.protocol, "--seed", seed, *extra]
    row, bundle = run_model(flags, work / "bundles")
    if arguments.work:
        print(f"bundle  {bundle}")
    return row


def files_of(data: str, folder: pathlib.Path, short: pathlib.Path | None = None) -> dict[str, pathlib.Path]:
    """Returns the files of a text by the setting that names each; with `short`, their beginnings, written there."""
    files = {name: folder / FOLDER / file for name, file in TEXTS[data].files.items()}
    if short is None:
        return files
    for name, path in files.items():
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            lines = file.readlines()[:QUICK_LINES]
        files[name] = short / path.name.removesuffix(".gz")
        files[name].write_text("".join(lines), encoding="utf-8")
    return files


def run_model(flags: Sequence, out: pathlib.Path) -> tuple[dict, str]:
    """Runs the recipe once; returns what it scored and cost, and the path of its bundle."""
    cost = measured([*RNNKIT, "run", "language_model", *flags, "--out", out, "--json"])
    card = json.loads(cost.output.splitlines()[-1])
    scores = {name: parts["test"] for name, parts in card["baselines"].items()} | {MODEL: card["scores"]["test"]}
    cache = card.get("cache", {})
    if "test" in cache:
        scores[f"{MODEL}, cache of {cache['size']:,}"] = cache["test"]
    row = {
        "scores": scores,
        "valid_scores": card["scores"]["valid"],
        "cache": cache,
        "curve": curve_of(pathlib.Path(card["path"]) / "training" / "history.csv"),
        "passages": card["data"]["rows"],
        "whole_seconds": cost.seconds,
        "peak_bytes": cost.peak_bytes,
        "stages": cost.stages,
        **{name: card[name] for name in KEPT},
    }
    return row, card["path"]


def curve_of(history: pathlib.Path) -> list[dict[str, float]]:
    """Reads how the epochs of a training went; each has its `valid_perplexity`, too."""
    with history.open(encoding="utf-8", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return [{**row, "valid_perplexity": math.exp(min(row["valid_loss"], 700))} for row in rows]


def show(row: Mapping) -> None:
    """Prints scores, curve and cost of one run, and what the model writes."""
    lines = [
        {"method": method} | {title: f"{scores[name]:,.4f}" for name, title in SHOWN.items()}
        for method, scores in row["scores"].items()
    ]
    print_table(f"{row['data']} {row['variant']}".rstrip() + f", seed {row['seed']}: test", lines)
    if "test" in row["cache"]:
        told = row["cache"]
        print(f"cache: flatness {told['flatness']:g} and share {told['share']:g}, both chosen on valid")
    show_model(row)
    for seed, text in enumerate(row["samples"]):
        print(f"\nwritten, seed {seed}: {text}")


def show_model(row: Mapping) -> None:
    """Prints the curve of a language model by epoch, and what it took."""
    lines = [
        {
            "epoch": f"{each['epoch']:.0f}",
            "train loss": f"{each['loss']:.4f}",
            "valid loss": f"{each['valid_loss']:.4f}",
            "valid perplexity": f"{each['valid_perplexity']:,.2f}",
            "step size": f"{each['learning_rate']:.3g}",
            "s": f"{each['seconds']:,.1f}",
        }
        for each in row["curve"]
    ]
    print_table("by epoch", lines)
    cost = {
        "parameters": f"{row['parameters']:,}",
        "passages": " / ".join(f"{row['passages'][split]:,}" for split in ("train", "valid", "test")),
        "epoch": f"{row['best_epoch']} of {row['epochs']}",
        "unknown in test": f"{row['unknown']['test']:.2%}",
        "train s": f"{row['train_seconds']:,.1f}",
        "whole s": f"{row['whole_seconds']:,.1f}",
        "tokens/s": f"{row['tokens_per_second']:,.0f}",
        "peak memory": mib(row["peak_bytes"]),
    }
    print_table("what it took", [cost])


def figures(row: Mapping) -> list[dict[str, str]]:
    """Returns the lines of the table of figures of one run."""
    text = TEXTS[row["data"]]
    about = f"{row['data']}, {SHOWN[text.score]} of test"
    lines = [Figure(about, text.most, text.aim, below=True).line(row["scores"][MODEL][text.score])]
    if text.kneser_ney:
        least, most = text.kneser_ney
        value = row["scores"]["kneser_ney"]["perplexity"]
        line = Figure("Kneser-Ney, perplexity, as published", most, below=True).line(value)
        met = "met" if least <= value <= most else "MISSED"
        lines.append({**line, "asked": f"{least:g} to {most:g}", "": met})
    return lines
