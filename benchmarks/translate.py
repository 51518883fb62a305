"""Translation: Multi30k, the sample, dates -> `rnnkit run translate` -> scores beside baselines; speed beside JoeyNMT.

python benchmarks/translate.py quality [--minutes 75] [--settings FILE] [--seeds 0,1,2] [--extra "--units 256"]
python benchmarks/translate.py small [--only sample|dates] [--seeds 0,1,2]
python benchmarks/translate.py speed [--joeynmt PYTHON] [--parts training,translation] [--work DIR]
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence

from measuring import RNNKIT, context, measured, mib, print_table, read_results, real_data, seeds, write_results

SETTINGS = pathlib.Path(__file__).resolve().parent / "settings" / "translate_multi30k.yaml"
MULTI30K = pathlib.Path("translation") / "multi30k"
QUICK = ("--epochs", "1", "--steps-per-epoch", "5", "--units", "8", "--embedding-units", "8", "--scored-pairs", "20")
QUICK_SPEED = {"steps": 2, "repeats": 1, "epochs": 1, "epoch_steps": 3, "passes": 1, "sentences": 20, "xla": "no"}
KEY = ("data", "variant", "seed")
SHOWN = {"bleu": "BLEU", "chrf": "chrF", "exact_match": "exact match"}


@dataclasses.dataclass(frozen=True)
class Figure:
    """A number that is asked for.

    Attributes:
        data: Whose.
        name: Of the score; or `train_seconds`, which is to stay below.
        least: At least, or at most where it is below.
        aim: What is aimed at.
    """

    data: str
    name: str
    least: float
    aim: float | None = None

    def line(self, row: Mapping) -> dict[str, str]:
        """Returns the line of the table for one run."""
        below = self.name.endswith("seconds")
        value = row[self.name] if below else row["scores"]["translate"][self.name]
        met = value <= self.least if below else value >= self.least
        aimed = "" if self.aim is None else f"{self.aim:g}"
        bound = f"{'at most' if below else 'at least'} {self.least:g}"
        told = {"figure": f"{self.data} {self.name.replace('_', ' ')}", "measured": f"{value:.4g}", "asked": bound}
        return told | {"aim": aimed, "": "met" if met else "MISSED"}


FIGURES = (
    Figure("multi30k", "bleu", 32, 38),
    Figure("sample", "exact_match", 0.9, 0.99),
    Figure("sample", "train_seconds", 60),
    Figure("dates", "exact_match", 0.98, 0.999),
)
SPEEDS = {"training": (1.0, 3.0), "translation": (2.0, 5.0)}
"""Times JoeyNMT: at least, and aimed at."""


def main() -> None:
    """Measures what the command line names; a row is written as soon as it is there."""
    arguments = _arguments()
    arguments.measure(arguments)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = parser.add_subparsers(dest="subject", required=True)
    quality = parsers.add_parser("quality", help="Multi30k, English to German: BLEU and chrF beside baselines.")
    quality.add_argument("--minutes", type=float, default=75, help="In which the training is to end; 75 by default.")
    quality.add_argument("--settings", default="", help="YAML file; settings/translate_multi30k.yaml by default.")
    quality.set_defaults(measure=measure_quality)
    small = parsers.add_parser("small", help="The recipe's sample, and --preset dates: exact match and seconds.")
    small.add_argument("--only", choices=("sample", "dates"), help="One of the two.")
    small.set_defaults(measure=measure_small)
    for each in (quality, small):
        each.add_argument("--seeds", type=seeds, default=[0], help="Such as 0,1,2; 0 by default.")
        each.add_argument("--extra", default="", help='Further flags of `rnnkit run`, in one text: "--units 64".')
    speed = parsers.add_parser("speed", help="Tokens/s of training, sentences/s of translating, beside JoeyNMT.")
    _speed_flags(speed)
    for each in (quality, speed):
        each.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    for each in (quality, small, speed):
        each.add_argument("--quick", action="store_true", help="A few steps, tiny models: does the command work?")
    return parser.parse_args()


def _speed_flags(parser):
    python = os.environ.get("RNNKIT_JOEYNMT")
    parser.add_argument("--joeynmt", default=python, metavar="PYTHON", help="That has JoeyNMT; else RNNKIT_JOEYNMT.")
    parser.add_argument("--parts", default="training,translation", help="Or one of them.")
    parser.add_argument("--steps", type=int, default=40, help="Gradient steps of a turn.")
    parser.add_argument("--repeats", type=int, default=5, help="Turns of training of each, after one to warm up.")
    parser.add_argument("--epochs", type=int, default=2, help="Passes over all pairs of the models that translate.")
    parser.add_argument("--epoch-steps", type=int, default=0, help="Steps of such a pass; 0: all.")
    parser.add_argument("--passes", type=int, default=3, help="Turns of translating, after one to warm up.")
    parser.add_argument("--sentences", type=int, default=0, help="Test sentences that are translated; 0: all.")
    parser.add_argument("--threads", type=int, default=2, help="Of each framework.")
    parser.add_argument("--xla", choices=("auto", "yes", "no"), default="yes", help="Setting of rnnkit while training.")
    parser.add_argument("--work", help="Folder in which texts and trained models stay for the next call.")
    parser.set_defaults(measure=measure_speed)


def measure_quality(arguments) -> None:
    """Trains on Multi30k and scores on test_2016_flickr."""
    folder = real_data(arguments.data_folder) / MULTI30K
    sides = {
        flag: ",".join(str(folder / f"{file}.{language}.gz") for language in ("en", "de"))
        for flag, file in (("--data", "train"), ("--valid", "val"), ("--test", "test_2016_flickr"))
    }
    flags = ["--config", arguments.settings or SETTINGS, *(part for pair in sides.items() for part in pair)]
    limit = Figure("multi30k", "train_seconds", arguments.minutes * 60)
    _measure_all(arguments, {"multi30k": flags}, (*FIGURES, limit), "translate_quality", given=arguments.settings)


def measure_small(arguments) -> None:
    """Trains on what needs no data set."""
    sets = {"sample": [], "dates": ["--preset", "dates"]}
    chosen = {arguments.only: sets[arguments.only]} if arguments.only else sets
    _measure_all(arguments, chosen, FIGURES, "translate_small")


def _measure_all(arguments, sets, figures, name, given=""):
    name += "_quick" if arguments.quick else ""
    variant, rows = " ".join(filter(None, (given, arguments.extra))), []
    for data, flags in sets.items():
        for seed in arguments.seeds:
            print(f"\n{data}, seed {seed}", file=sys.stderr)
            row = {"data": data, "variant": variant, "seed": seed, "context": context()}
            extra = [*(QUICK if arguments.quick else ()), *shlex.split(arguments.extra)]
            rows.append(row | measure([*flags, "--seed", seed, *extra]))
            written = write_results(name, merged(read_results(name), rows, KEY))
            show(rows[-1], figures)
    print(written)


def measure(flags: Sequence) -> dict:
    """Runs the recipe once in a process of its own, its bundle thrown away; returns what it scored and cost."""
    with tempfile.TemporaryDirectory(prefix="rnnkit-translate-") as out:
        cost = measured([*RNNKIT, "run", "translate", *flags, "--out", out, "--json"])
    card = json.loads(cost.output.splitlines()[-1])
    kept = ("epochs", "best_epoch", "train_seconds", "tokens_per_second", "examples_per_second", "parameters", "notes")
    return {
        "scores": {name: parts["test"] for name, parts in card["baselines"].items()}
        | {"translate": card["scores"]["test"]},
        "valid_scores": card["scores"]["valid"],
        "signatures": card["metrics"],
        "losses": card["losses"],
        "pairs": card["data"]["rows"],
        "examples": card["examples"],
        "whole_seconds": cost.seconds,
        "peak_bytes": cost.peak_bytes,
        "stages": cost.stages,
        "settings": card["settings"],
        **{name: card[name] for name in kept},
    }


def show(row: Mapping, figures: Sequence[Figure]) -> None:
    """Prints scores, cost and figures of one run."""
    lines = [
        {"method": method} | {title: f"{scores[name]:.4g}" for name, title in SHOWN.items() if name in scores}
        for method, scores in row["scores"].items()
    ]
    title = f"{row['data']} {row['variant']}".rstrip()
    print_table(f"{title}, seed {row['seed']}: {row['pairs']['test']:,} test pairs", lines)
    for name, signature in row["signatures"].items():
        print(f"{SHOWN.get(name, name)}: {signature}")
    cost = {
        "parameters": f"{row['parameters']:,}",
        "pairs": " / ".join(f"{row['pairs'][split]:,}" for split in ("train", "valid", "test")),
        "perplexity of a piece": f"{row['losses']['test']['perplexity']:,.2f}",
        "epoch": f"{row['best_epoch']} of {row['epochs']}",
        "train s": f"{row['train_seconds']:,.1f}",
        "whole s": f"{row['whole_seconds']:,.1f}",
        "target tokens/s": f"{row['tokens_per_second']:,.0f}",
        "peak memory": mib(row["peak_bytes"]),
    }
    print_table("what it took", [cost])
    asked = [figure.line(row) for figure in figures if figure.data == row["data"]]
    print_table("figures", asked)
    for example in row["examples"]:
        print("", *(f"{name + ':':12} {text}" for name, text in example.items()), sep="\n")


def merged(earlier: Sequence[dict], rows: Sequence[dict], key: Sequence[str]) -> list[dict]:
    """Returns the earlier rows that are not measured anew, then the new ones."""
    new = {tuple(row[name] for name in key) for row in rows}
    return [row for row in earlier if tuple(row[name] for name in key) not in new] + list(rows)


def measure_speed(arguments) -> None:
    """Trains and translates with rnnkit and JoeyNMT by turns."""
    import translate_speed
    from translate_contenders import INSTALLING, Asked

    data, where, rows = real_data(arguments.data_folder) / MULTI30K, context(), []
    if not arguments.joeynmt:
        print(
            f"JoeyNMT is not measured: it wants another protobuf than TensorFlow, and so an environment of its own "
            f"({INSTALLING}). Pass --joeynmt joey/bin/python, or set RNNKIT_JOEYNMT to it."
        )
    taken = ("steps", "repeats", "epochs", "epoch_steps", "passes", "sentences", "threads", "xla", "joeynmt")
    parts, name = _parts(arguments.parts), "translate_speed_quick" if arguments.quick else "translate_speed"
    with work_folder(arguments.work) as work:
        asked = {name: getattr(arguments, name) for name in taken} | (QUICK_SPEED if arguments.quick else {})
        for row in translate_speed.measure(Asked(data=data, work=work, parts=parts, **asked)):
            rows.append(row | {"context": where})
            written = write_results(name, merged(read_results(name), rows, ("part", "way")))
    print_table("sizes", translate_speed.size_lines())
    for part in parts:
        lines = translate_speed.lines([row for row in rows if row["part"] == part])
        least, aim = SPEEDS[part]
        print_table(f"{part}: at least {least:g} times JoeyNMT are asked for, {aim:g} aimed at", lines)
    print(written)


def _parts(text):
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if part not in SPEEDS:
            raise LookupError(f"There is no part {part!r}. Known: {', '.join(SPEEDS)}.")
    return parts


@contextlib.contextmanager
def work_folder(named: str | None) -> Iterator[pathlib.Path]:
    """Makes the folder of work: the one named, or one that is thrown away."""
    if named:
        path = pathlib.Path(named).resolve()
        path.mkdir(parents=True, exist_ok=True)
        yield path
    else:
        with tempfile.TemporaryDirectory(prefix="rnnkit-translate-") as path:
            yield pathlib.Path(path)


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"translate.py: {error.args[0] if isinstance(error, LookupError) else error}")
