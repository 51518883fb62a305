"""Named entities: CoNLL-2003, the sample -> `rnnkit run ner` -> F1 beside baselines; speed beside flair, on a device.

python benchmarks/ner.py quality [--seeds 0,1,2] [--minutes 60] [--settings FILE] [--extra "--units 256"]
python benchmarks/ner.py small [--seeds 0,1,2]
python benchmarks/ner.py speed [--flair PYTHON] [--parts training,answering,device] [--bundle BUNDLE] [--work DIR]
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shlex
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence

from measuring import (
    RNNKIT,
    context,
    measured,
    mib,
    print_table,
    read_results,
    real_data,
    seeds,
    some_of,
    write_results,
)
from translate import merged, work_folder

SETTINGS = pathlib.Path(__file__).resolve().parent / "settings" / "ner_conll2003.yaml"
CONLL = pathlib.Path("ner") / "conll2003"
FILES = {"data": "eng.train", "valid": "eng.testa", "test": "eng.testb"}
QUICK = ("--epochs", "1", "--steps-per-epoch", "5", "--units", "8", "--embedding-units", "8")
QUICK_SPEED = {"steps": 2, "repeats": 1, "epochs": 1, "epoch_steps": 3, "passes": 1, "sentences": 40}
QUICK_SENTENCES = 300
KEY = ("data", "variant", "seed")
PARTS = ("training", "answering", "device")
KEPT = (
    *("epochs", "best_epoch", "train_seconds", "tokens_per_second", "examples_per_second", "parameters"),
    *("per_label", "seen_unseen", "settings", "notes"),
)
SHOWN = {"entity_f1": "F1", "entity_precision": "precision", "entity_recall": "recall", "token_accuracy": "tags right"}


@dataclasses.dataclass(frozen=True)
class Figure:
    """A number that is asked for.

    Attributes:
        about: What it counts.
        least: At least, or at most where it is to stay below.
        aim: What is aimed at.
        below: Whether it is to stay below.
    """

    about: str
    least: float
    aim: float | None = None
    below: bool = False

    def line(self, value: float) -> dict[str, str]:
        """Returns the line of the table."""
        met = value <= self.least if self.below else value >= self.least
        bound = f"{'at most' if self.below else 'at least'} {self.least:g}"
        aimed = "" if self.aim is None else f"{self.aim:g}"
        return {"figure": self.about, "measured": f"{value:,.2f}", "asked": bound, "aim": aimed} | {
            "": "met" if met else "MISSED"
        }


SPEEDS = {
    "training": Figure("training, tokens/s, times flair", 1.5, 10),
    "answering": Figure("SavedModel, sentences/s, batch 32", 1_000, 3_000),
    "device": Figure("TFLite, one sentence, p50 ms", 5, 2, below=True),
}


def main() -> None:
    """Measures what the command line names; a row is written as soon as it is there."""
    arguments = _arguments()
    arguments.measure(arguments)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = parser.add_subparsers(dest="subject", required=True)
    quality = parsers.add_parser("quality", help="CoNLL-2003, English: entity F1 of testb beside baselines.")
    quality.add_argument("--minutes", type=float, default=60, help="In which each run is to end; 60 by default.")
    quality.set_defaults(measure=measure_quality)
    small = parsers.add_parser("small", help="The recipe's sample: F1 above the gazetteer's.")
    small.set_defaults(measure=measure_small)
    for each, usual in ((quality, "0,1,2"), (small, "0")):
        each.add_argument("--seeds", type=seeds, default=usual, help=f"Such as 0,1,2; {usual} by default.")
        each.add_argument("--extra", default="", help='Further flags of `rnnkit run`, in one text: "--units 64".')
    speed = parsers.add_parser("speed", help="Training beside flair, the SavedModel's answers, one sentence by run.py.")
    _speed_flags(speed)
    for each in (quality, speed):
        each.add_argument("--settings", default="", help="YAML file; settings/ner_conll2003.yaml by default.")
        each.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    for each in (quality, small, speed):
        each.add_argument("--quick", action="store_true", help="A few steps, tiny models: does the command work?")
    return parser.parse_args()


def _speed_flags(parser):
    python = os.environ.get("RNNKIT_FLAIR")
    parser.add_argument("--flair", default=python, metavar="PYTHON", help="That has flair; else RNNKIT_FLAIR.")
    parser.add_argument("--parts", type=some_of(PARTS), default=",".join(PARTS), help="Or some of them.")
    parser.add_argument("--steps", type=int, default=40, help="Gradient steps of a turn of training.")
    parser.add_argument("--repeats", type=int, default=5, help="Turns of training of each, after one to warm up.")
    parser.add_argument("--xla", choices=("yes", "no"), default="no", help="Setting of rnnkit in the part training.")
    parser.add_argument("--bundle", default="", help="That answers; by default one is trained, see --epochs.")
    parser.add_argument("--epochs", type=int, default=1, help="Passes over the train split of the model that answers.")
    parser.add_argument("--epoch-steps", type=int, default=0, help="Steps of such a pass; 0: all.")
    parser.add_argument("--passes", type=int, default=5, help="Turns of answering, after one to warm up.")
    parser.add_argument("--sentences", type=int, default=0, help="Of testb that are answered; 0: all.")
    parser.add_argument("--quantize", default="none,dynamic", help="Forms for devices, with commas.")
    parser.add_argument("--threads", type=int, default=2, help="Of each framework; on a device 1, and so many.")
    parser.add_argument("--work", help="Folder in which texts and the trained model stay for the next call.")
    parser.set_defaults(measure=measure_speed)


def measure_quality(arguments) -> None:
    """Trains on CoNLL-2003 and scores on testb."""
    with tempfile.TemporaryDirectory(prefix="rnnkit-ner-") as work:
        files = conll_files(arguments, pathlib.Path(work))
        flags = ["--config", arguments.settings or SETTINGS, *flags_of(files)]
        rows = _measure_all(arguments, "conll2003", flags, "ner_quality", given=arguments.settings)
    scores = [100 * row["scores"]["ner"]["entity_f1"] for row in rows]
    spread = f" ({min(scores):.2f} to {max(scores):.2f})" if len(scores) > 1 else ""
    mean = Figure(f"F1 of testb, mean of seeds {', '.join(str(row['seed']) for row in rows)}{spread}", 82, 86)
    limit = Figure("longest whole run, minutes", arguments.minutes, below=True)
    slowest = max(row["whole_seconds"] for row in rows) / 60
    print_table("figures", [mean.line(statistics.mean(scores)), limit.line(slowest)])


def measure_small(arguments) -> None:
    """Trains on the sample."""
    rows = _measure_all(arguments, "sample", [], "ner_small")
    above = [100 * (row["scores"]["ner"]["entity_f1"] - row["scores"]["gazetteer"]["entity_f1"]) for row in rows]
    least = Figure("F1 of the sample above the gazetteer's, least of the seeds, points", 20)
    limit = Figure("longest training, seconds", 60, below=True)
    print_table("figures", [least.line(min(above)), limit.line(max(row["train_seconds"] for row in rows))])


def conll_files(arguments, work: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the files of CoNLL-2003 by the setting that names each; with --quick their beginnings, in `work`."""
    files = {name: real_data(arguments.data_folder) / CONLL / file for name, file in FILES.items()}
    if not arguments.quick:
        return files
    for name, path in files.items():
        few = path.read_text(encoding="utf-8").split("\n\n")[:QUICK_SENTENCES]
        files[name] = work / path.name
        files[name].write_text("\n\n".join(few) + "\n", encoding="utf-8")
    return files


def flags_of(files: Mapping[str, pathlib.Path]) -> list[str]:
    """Returns the flags of `rnnkit run` that name files."""
    return [str(part) for name, path in files.items() for part in (f"--{name}", path)]


def _measure_all(arguments, data, flags, name, given=""):
    """Measures each seed; returns the rows, and those of an earlier call that differ from them by the seed alone."""
    name += "_quick" if arguments.quick else ""
    variant, rows = " ".join(filter(None, (given, arguments.extra))), []
    for seed in arguments.seeds:
        print(f"\n{data}, seed {seed}", file=sys.stderr)
        row = {"data": data, "variant": variant, "seed": seed, "context": context()}
        extra = [*(QUICK if arguments.quick else ()), *shlex.split(arguments.extra)]
        rows.append(row | measure([*flags, "--seed", seed, *extra]))
        kept = merged(read_results(name), rows, KEY)
        written = write_results(name, kept)
        show(rows[-1])
    print(written)
    return sorted((row for row in kept if _alike(row, rows[-1])), key=lambda row: row["seed"])


def _alike(row, other):
    return row["data"] == other["data"] and {**row["settings"], "seed": 0} == {**other["settings"], "seed": 0}


def measure(flags: Sequence) -> dict:
    """Runs the recipe once in a process of its own, its bundle thrown away; returns what it scored and cost."""
    with tempfile.TemporaryDirectory(prefix="rnnkit-ner-") as out:
        cost = measured([*RNNKIT, "run", "ner", *flags, "--out", out, "--json"])
    card = json.loads(cost.output.splitlines()[-1])
    return {
        "scores": {name: parts["test"] for name, parts in card["baselines"].items()} | {"ner": card["scores"]["test"]},
        "valid_scores": card["scores"]["valid"],
        "sentences": card["data"]["rows"],
        "whole_seconds": cost.seconds,
        "peak_bytes": cost.peak_bytes,
        "stages": cost.stages,
        **{name: card[name] for name in KEPT},
    }


def show(row: Mapping) -> None:
    """Prints scores and cost of one run."""
    lines = [
        {"method": method} | {title: _percent(scores[name]) for name, title in SHOWN.items()}
        for method, scores in row["scores"].items()
    ]
    title = f"{row['data']} {row['variant']}".rstrip()
    print_table(f"{title}, seed {row['seed']}: {row['sentences']['test']:,} test sentences", lines)
    lines = [
        {"label": label}
        | {name: _percent(scores[name]) for name in ("f1", "precision", "recall")}
        | {"entities": f"{scores['support']:,}"}
        for label, scores in row["per_label"].items()
    ]
    parts = row["seen_unseen"]
    for about, name in (("in train", "seen"), ("not in train", "unseen")):
        count = f"{parts[f'{name}_support']:,}"
        lines.append({"label": f"those {about}", "f1": _percent(parts[f"{name}_f1"]), "entities": count})
    print_table("ner, by label", lines)
    cost = {
        "parameters": f"{row['parameters']:,}",
        "sentences": " / ".join(f"{row['sentences'][split]:,}" for split in ("train", "valid", "test")),
        "F1 of valid": _percent(row["valid_scores"]["entity_f1"]),
        "epoch": f"{row['best_epoch']} of {row['epochs']}",
        "train s": f"{row['train_seconds']:,.1f}",
        "whole s": f"{row['whole_seconds']:,.1f}",
        "tokens/s": f"{row['tokens_per_second']:,.0f}",
        "peak memory": mib(row["peak_bytes"]),
    }
    print_table("what it took", [cost])


def _percent(share):
    return f"{100 * share:.2f}"


def measure_speed(arguments) -> None:
    """Trains rnnkit and flair by turns; answers sentences by the SavedModel, and one by one as on a device."""
    import ner_speed
    from ner_contenders import INSTALLING, Asked

    where, rows = context(), []
    if not arguments.flair and "training" in arguments.parts:
        print(
            f"flair is not measured: it lives in an environment of its own ({INSTALLING}). "
            "Pass --flair flair/bin/python, or set RNNKIT_FLAIR to it."
        )
    taken = (
        *("parts", "steps", "repeats", "xla", "bundle", "epochs", "epoch_steps", "passes", "sentences", "quantize"),
        *("threads", "flair"),
    )
    name = "ner_speed_quick" if arguments.quick else "ner_speed"
    with work_folder(arguments.work) as work:
        asked = {name: getattr(arguments, name) for name in taken} | (QUICK_SPEED if arguments.quick else {})
        asked |= {"files": conll_files(arguments, work), "work": work, "settings": arguments.settings or SETTINGS}
        for row in ner_speed.measure(Asked(**asked)):
            rows.append(row | {"context": where})
            written = write_results(name, merged(read_results(name), rows, ("part", "way")))
    if "training" in arguments.parts:
        print_table("sizes", ner_speed.size_lines())
    for part in arguments.parts:
        print_table(part, ner_speed.lines([row for row in rows if row["part"] == part]))
    asked_for = {part: ner_speed.figure([row for row in rows if row["part"] == part]) for part in arguments.parts}
    print_table("figures", [SPEEDS[part].line(value) for part, value in asked_for.items() if value is not None])
    print(written)


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"ner.py: {error.args[0] if isinstance(error, LookupError) else error}")
