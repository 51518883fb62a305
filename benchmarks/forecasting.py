"""Forecasting: a data set by its published protocol -> `rnnkit run forecast` -> scores beside baselines and figures.

python benchmarks/forecasting.py etth1|etth1_ot|pm25|exchange_24|exchange_96|temperature|apple [--settings FILE]
    [--seeds 0,1,2] [--data-folder DIR] [--extra "--units 64"] [--quick]
"""

import argparse
import json
import pathlib
import shlex
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence

import yaml
from forecasting_figures import FIGURES, reached
from measuring import RNNKIT, context, measured, mib, print_table, read_results, real_data, write_results

SETTINGS = pathlib.Path(__file__).resolve().parent / "settings"
FILES = {
    "etth1": "etth1/ETTh1.csv",
    "etth1_ot": "etth1/ETTh1.csv",
    "pm25": "beijing_pm25/pollution.csv",
    "exchange_24": "exchange_rate/exchange_rate.txt.gz",
    "exchange_96": "exchange_rate/exchange_rate.txt.gz",
    "temperature": "daily_min_temperatures/daily-min-temperatures.csv",
    "apple": "stock_apple/finance-charts-apple.csv",
}
PROTOCOL = ("time", "start", "frequency", "target", "split", "horizon", "most_scored", "direction", "season", "header")
"""Settings by which a number can be compared with others; a file given with --settings has them as the shipped one."""
QUICK = {"epochs": 2, "steps_per_epoch": 5, "units": 8}
ASKED = ("figure", "measured", "bound", "kind", "met")
KEY = ("data", "variant", "seed")
SHOWN = {
    "mse_standardized": "mse std",
    "mae_standardized": "mae std",
    "mase": "mase",
    "mae": "mae",
    "rmse": "rmse",
    "crps": "crps",
    "coverage_80": "in 80 %",
    "coverage_95": "in 95 %",
    "directional_accuracy": "direction",
    "directional_low": "from",
    "directional_high": "to",
    "rmse_returns": "rmse returns",
    "p_against_random_walk": "p",
}


def main() -> None:
    """Runs what the command line names; a run's row is written as soon as it ends."""
    arguments = _arguments()
    data = real_data(arguments.data_folder) / "forecasting" / FILES[arguments.data]
    chosen = settings_of(arguments.data, arguments.settings) | (QUICK if arguments.quick else {})
    variant = " ".join(filter(None, (arguments.settings, arguments.extra)))
    name = "forecasting_quick" if arguments.quick else "forecasting"
    rows = []
    for seed in arguments.seeds:
        print(f"\n{arguments.data}, seed {seed}", file=sys.stderr)
        row = {"data": arguments.data, "variant": variant, "seed": seed, "context": context()}
        rows.append(row | measure(arguments.data, data, chosen, seed, shlex.split(arguments.extra)))
        written = write_results(name, merged(read_results(name), rows))
        show(rows[-1])
    if len(rows) > 1:
        print_table(f"{arguments.data}: mean of {len(rows)} seeds", means(rows))
    print(written)


def _arguments():
    parser = argparse.ArgumentParser(description="Scores the forecast recipe on a data set.", allow_abbrev=False)
    parser.add_argument("data", choices=FILES)
    parser.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    parser.add_argument("--settings", default="", help="YAML file; settings/forecast_DATA.yaml by default.")
    parser.add_argument("--seeds", type=_seeds, default=[0], help="Such as 0,1,2; 0 by default.")
    parser.add_argument("--extra", default="", help='Further flags of `rnnkit run`, in one text: "--units 64".')
    parser.add_argument("--quick", action="store_true", help="A few steps of a tiny model: does the command work?")
    return parser.parse_args()


def _seeds(text):
    return [int(part) for part in text.split(",")]


def settings_of(data: str, file: str = "") -> dict[str, object]:
    """Returns the settings of a data set: of a file of one's own, with the protocol of the shipped one.

    Raises:
        ValueError: The file has another protocol.
        OSError: It isn't there.
    """
    shipped = yaml.safe_load((SETTINGS / f"forecast_{data}.yaml").read_text(encoding="utf-8"))
    if not file:
        return shipped
    protocol = {name: shipped[name] for name in PROTOCOL if name in shipped}
    given = yaml.safe_load(pathlib.Path(file).read_text(encoding="utf-8")) or {}
    for name, value in protocol.items():
        if str(given.get(name, value)) != str(value):
            raise ValueError(f"{file}: {name} is {given[name]!r}. The protocol of {data} has {value!r}; leave it out.")
    return given | protocol


def measure(data: str, path: pathlib.Path, settings: Mapping, seed: int, extra: Sequence[str]) -> dict:
    """Runs the recipe once in a process of its own, its bundle thrown away; returns what it scored and cost."""
    with tempfile.TemporaryDirectory(prefix="rnnkit-forecasting-") as out:
        config = pathlib.Path(out) / "settings.yaml"
        config.write_text(yaml.safe_dump(dict(settings), sort_keys=False), encoding="utf-8")
        command = [*RNNKIT, "run", "forecast", "--config", config, "--data", path, "--seed", seed]
        cost = measured([*command, "--out", out, "--json", *extra])
    card = json.loads(cost.output.splitlines()[-1])
    kept = ("epochs", "best_epoch", "train_seconds", "examples_per_second", "parameters", "notes", "settings")
    row = {
        "scores": {name: parts["test"] for name, parts in card["baselines"].items()}
        | {"forecast": card["scores"]["test"]},
        "valid_scores": card["scores"]["valid"],
        "windows": card["data"]["rows"],
        "whole_seconds": cost.seconds,
        "peak_bytes": cost.peak_bytes,
        "stages": cost.stages,
        "findings": card.get("findings", []),
        "by_step": card["by_step"],
        **{name: card[name] for name in kept},
    }
    return row | {"figures": [dict(zip(ASKED, each, strict=True)) for each in reached(data, row)]}


def merged(earlier: Sequence[dict], rows: Sequence[dict]) -> list[dict]:
    """Returns the earlier rows that are not measured anew, then the new ones."""
    new = {tuple(row[name] for name in KEY) for row in rows}
    return [row for row in earlier if tuple(row[name] for name in KEY) not in new] + list(rows)


def show(row: Mapping) -> None:
    """Prints scores, cost and figures of one run."""
    lines = [_line(method, scores) for method, scores in row["scores"].items()]
    print_table(f"{row['data']} {row['variant']}: {row['windows']['test']:,} test windows", lines)
    print_table("what it took", [_cost(row)])
    for finding in row["findings"]:
        print(finding)
    figures = [
        {
            "figure": each["figure"],
            "measured": f"{each['measured']:.4f}",
            "at most": f"{each['bound']:.4f}",
            "asked": each["kind"],
            "": "met" if each["met"] else "MISSED",
        }
        for each in row["figures"]
    ]
    print_table(f"figures: {FIGURES[row['data']].about}", figures)


def _line(method, scores):
    return {"method": method, **{title: _number(scores.get(name)) for name, title in SHOWN.items() if name in scores}}


def _number(value):
    return f"{value:.4f}" if abs(value) < 1_000 else f"{value:,.1f}"


def _cost(row):
    return {
        "look-back": f"{row['settings']['window']:,}",
        "horizon": f"{row['settings']['horizon']:,}",
        "parameters": f"{row['parameters']:,}",
        "windows": " / ".join(f"{row['windows'][split]:,}" for split in ("train", "valid", "test")),
        "epoch": f"{row['best_epoch']} of {row['epochs']}",
        "train s": f"{row['train_seconds']:.1f}",
        "whole s": f"{row['whole_seconds']:.1f}",
        "windows/s": f"{row['examples_per_second']:,.0f}",
        "peak memory": mib(row["peak_bytes"]),
    }


def means(rows: Sequence[Mapping]) -> list[dict[str, str]]:
    """Returns a line for each method: the mean of its scores over the runs, and how far they lie apart."""
    lines = []
    for method, scores in rows[0]["scores"].items():
        of_all = {name: [row["scores"][method].get(name, float("nan")) for row in rows] for name in scores}
        lines.append(_line(method, {name: statistics.mean(values) for name, values in of_all.items()}))
        first = of_all["mse_standardized"]
        lines[-1]["mse std, spread"] = f"{max(first) - min(first):.4f}"
    return lines


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"forecasting.py: {error.args[0] if isinstance(error, LookupError) else error}")
