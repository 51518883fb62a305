"""Quality: data sets x seeds -> `rnnkit run`, each in a process of its own -> scores beside baselines, seconds, memory.

python benchmarks/quality.py sentiment [--data-folder DIR] [--only sst2] [--seeds 0,1,2] [--extra "--ngrams 0"]
"""

import argparse
import dataclasses
import gzip
import json
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
    write_results,
)

SETTINGS = pathlib.Path(__file__).resolve().parent / "settings"
SHOWN = ("accuracy", "macro_f1", "calibration_error")
KEY = ("data", "variant", "seed")


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A data set as `rnnkit run` is to read it.

    Attributes:
        files: Flag -> file below the folder of data sets; none for the embedded sample.
        flags: Further flags.
        settings: File in `settings/`; empty for the defaults.
        cut: Cut the validation rows off the end of each class, for rows that stand in groups which must not straddle.
        seeds: Those of a full benchmark.
    """

    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    flags: tuple[str, ...] = ()
    settings: str = ""
    cut: bool = False
    seeds: tuple[int, ...] = (0,)


RECIPES = {
    "sentiment": {
        "sample": DataSet(),
        "sst2": DataSet(
            files={
                f"--{split}": f"sentiment/sst2/{name}.tsv"
                for split, name in zip(("data", "valid", "test"), ("train", "dev", "test"), strict=True)
            },
            flags=("--columns", "text=0,label=1"),
            settings="sst2.yaml",
            seeds=(0, 1, 2),
        ),
        "imdb": DataSet(
            files={"--data": "sentiment/imdb/train.tsv.gz", "--test": "sentiment/imdb/test.tsv.gz"},
            settings="imdb.yaml",
            # Reviews of one film have neighbouring ids, and the films of train and test are different ones: rows drawn
            # at random would have validation praise what test can't have, the names of train's films.
            cut=True,
        ),
    }
}


def main() -> None:
    """Runs what the command line names; a run's row is written as soon as it ends."""
    arguments = _arguments()
    sets = RECIPES[arguments.recipe]
    chosen = [arguments.only] if arguments.only else list(sets)
    folder = real_data(arguments.data_folder) if any(sets[name].files for name in chosen) else None
    extra, name, rows = shlex.split(arguments.extra), f"quality_{arguments.recipe}", []
    for data in chosen:
        for seed in arguments.seeds or sets[data].seeds:
            print(f"\n{data} {arguments.extra} seed {seed}", file=sys.stderr)
            row = {"data": data, "variant": arguments.extra, "seed": seed, "context": context()}
            rows.append(row | measure(arguments.recipe, sets[data], folder, seed=seed, extra=extra))
            written = write_results(name, merged(read_results(name), rows))
    print_table(f"{arguments.recipe}: test split", [line for row in rows for line in lines_of(row)] + means(rows))
    print(written)


def _arguments():
    parser = argparse.ArgumentParser(description="Scores a recipe on its data sets.", allow_abbrev=False)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    names = sorted({name for sets in RECIPES.values() for name in sets})
    parser.add_argument("--only", choices=names, help="One data set instead of all.")
    parser.add_argument("--seeds", type=_seeds, help="Such as 0,1,2; by default 0,1,2 for sst2 and 0 for the others.")
    parser.add_argument("--extra", default="", help='Further flags of `rnnkit run`, in one text: "--ngrams 0".')
    arguments = parser.parse_args()
    if arguments.only and arguments.only not in RECIPES[arguments.recipe]:
        parser.error(f"{arguments.recipe} has no data set {arguments.only!r}. It has {', '.join(names)}.")
    return arguments


def _seeds(text):
    return tuple(int(part) for part in text.split(","))


def measure(recipe: str, data: DataSet, folder: pathlib.Path | None, *, seed: int, extra: Sequence[str]) -> dict:
    """Runs a recipe once, its bundle thrown away, and returns what it scored and cost."""
    flags = ["--config", SETTINGS / data.settings] if data.settings else []
    files = {flag: folder / file for flag, file in data.files.items()}
    with tempfile.TemporaryDirectory(prefix="rnnkit-quality-") as out:
        if data.cut:
            files |= cut_off(files["--data"], pathlib.Path(out))
        flags += [part for pair in files.items() for part in pair]
        command = [*RNNKIT, "run", recipe, *flags, *data.flags, "--seed", seed, "--out", out, "--json", *extra]
        cost = measured(command)
    card = json.loads(cost.output.splitlines()[-1])
    kept = ("baselines", "epochs", "best_epoch", "tokens_per_second", "parameters", "notes", "settings")
    methods = {name: scores["test"] for name, scores in card["baselines"].items()}
    return {
        "scores": methods | {recipe: card["scores"]["test"]},
        "valid_scores": card["scores"]["valid"],
        "train_seconds": card["train_seconds"],
        "whole_seconds": cost.seconds,
        "peak_bytes": cost.peak_bytes,
        "stages": cost.stages,
        "rows": card["data"]["rows"],
        **{name: card[name] for name in kept if name != "baselines"},
    }


def cut_off(table: pathlib.Path, folder: pathlib.Path, share: float = 0.1) -> dict[str, pathlib.Path]:
    """Writes the last rows of each class of a .tsv.gz as validation rows, the rest as train; returns the flags."""
    with gzip.open(table, "rt", encoding="utf-8", newline="\n") as file:
        header, *rows = file.readlines()
    place = header.rstrip("\n").split("\t").index("label")
    classes = {}
    for row in rows:
        classes.setdefault(row.split("\t")[place], []).append(row)
    parts = {"--data": [header], "--valid": [header]}
    for members in classes.values():
        end = round(len(members) * (1 - share))
        parts["--data"] += members[:end]
        parts["--valid"] += members[end:]
    files = {flag: folder / f"{flag.strip('-')}.tsv" for flag in parts}
    for flag, lines in parts.items():
        files[flag].write_text("".join(lines), encoding="utf-8", newline="\n")
    return files


def merged(earlier: Sequence[dict], rows: Sequence[dict]) -> list[dict]:
    """Returns the earlier rows that are not measured anew, then the new ones."""
    new = {tuple(row[name] for name in KEY) for row in rows}
    return [row for row in earlier if tuple(row[name] for name in KEY) not in new] + list(rows)


def lines_of(row: Mapping) -> list[dict[str, str]]:
    """Returns a line for each method of one run; the run's cost stands in the recipe's."""
    lines = [_line(row, row["seed"], method, scores) for method, scores in row["scores"].items()]
    lines[-1] |= {
        "train s": f"{row['train_seconds']:.1f}",
        "whole s": f"{row['whole_seconds']:.1f}",
        "peak memory": mib(row["peak_bytes"]),
    }
    return lines


def means(rows: Sequence[Mapping]) -> list[dict[str, str]]:
    """Returns a line for each method of a data set that was run with several seeds: the mean of its scores."""
    lines = []
    for data in dict.fromkeys(row["data"] for row in rows):
        runs = [row for row in rows if row["data"] == data]
        for method in runs[0]["scores"] if len(runs) > 1 else ():
            averages = {name: statistics.mean(run["scores"][method][name] for run in runs) for name in SHOWN}
            lines.append(_line(runs[0], f"mean of {len(runs)}", method, averages))
    return lines


def _line(row, seed, method, scores):
    shown = {name.replace("_", " "): f"{scores[name]:.4f}" for name in SHOWN}
    return {"data": f"{row['data']} {row['variant']}".rstrip(), "seed": seed, "method": method, **shown}


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError) as error:
        sys.exit(f"quality.py: {error.args[0] if isinstance(error, LookupError) else error}")
