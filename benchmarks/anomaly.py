"""Anomalies: Numenta's benchmark, the sample, heart beats -> the recipe's scores beside baselines; rows/s of a stream.

python benchmarks/anomaly.py nab [--seeds 0] [--minutes 45] [--settings FILE] [--extra "--units 32"] [--work DIR]
python benchmarks/anomaly.py small|ecg [--seeds 0,1,2] [--extra "--units 32"]
python benchmarks/anomaly.py speed [--rows 5000] [--passes 3] [--extra "--units 64"]
"""

import argparse
import dataclasses
import shlex
import sys

import detection_nab
import detection_runs
import detection_speed
from detection_runs import BEATS, TEXTS
from measuring import context, print_table, read_results, real_data, seeds, some_of, write_results
from ner import Figure
from translate import merged, work_folder

KEY = ("data", "variant", "seed")


def main() -> None:
    """Measures what the command line names."""
    arguments = _arguments()
    arguments.measure(arguments)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = parser.add_subparsers(dest="subject", required=True)
    nab = parsers.add_parser("nab", help="All 58 files, each by itself, trained on its probation alone.")
    nab.add_argument("--minutes", type=float, default=45, help="In which a run is to end; 45 by default.")
    nab.add_argument("--processes", type=int, default=2, help="Files at a time, each with one thread; 2 by default.")
    nab.add_argument("--settings", default="", help="YAML file; settings/anomaly_nab.yaml by default.")
    nab.add_argument("--work", default="", help="Folder in which the scores of all rows stay.")
    nab.set_defaults(measure=measure_nab)
    small = parsers.add_parser("small", help="The recipe's sample: event F1 beside the baselines'.")
    small.set_defaults(measure=measure_small)
    ecg = parsers.add_parser("ecg", help="Heart beats: ECG200 by its split, ECG5000's train file in five folds.")
    ecg.add_argument("--data", type=some_of(TEXTS), default=",".join(TEXTS), help="Or one of them.")
    ecg.set_defaults(measure=measure_ecg)
    speed = parsers.add_parser("speed", help="A stream of one sensor: rows/s of the SavedModel, on a device.")
    speed.add_argument("--rows", type=int, default=5_000, help="That are answered; 5000 by default.")
    speed.add_argument("--passes", type=int, default=3, help="Turns, each in fresh processes; 3 by default.")
    speed.set_defaults(measure=measure_speed)
    for each in (nab, small, ecg, speed):
        each.add_argument("--extra", type=shlex.split, default=[], help='Further flags of `rnnkit run`: "--units 64".')
        each.add_argument("--quick", action="store_true", help="Little of all: does the command work?")
    for each in (nab, small, ecg):
        each.add_argument("--seeds", type=seeds, default="0", help="Such as 0,1,2; 0 by default.")
    for each in (nab, ecg, speed):
        each.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    return parser.parse_args()


def measure_nab(arguments) -> None:
    """Scores each file of the benchmark by a detector of its own, seed by seed."""
    folder = real_data(arguments.data_folder)
    rows = []
    variant = " ".join(filter(None, (arguments.settings, *arguments.extra)))
    for seed in arguments.seeds:
        row = {"data": "nab", "variant": variant, "seed": seed, "context": context()}
        rows.append(row | detection_nab.measure(arguments, folder, seed))
        written = _write("anomaly_nab", rows, arguments)
        detection_nab.show(rows[-1])
        score = rows[-1]["scores"][detection_nab.RECIPE]["nab_standard"]
        limit = Figure("whole corpus, minutes", arguments.minutes, 15, below=True)
        print_table("figures", [detection_nab.FIGURE.line(score), limit.line(rows[-1]["whole_seconds"] / 60)])
    print(written)


def measure_small(arguments) -> None:
    """Trains on the sample, seed by seed."""
    extra = _extra(arguments)
    for seed in arguments.seeds:
        row = {"data": "sample", "variant": " ".join(arguments.extra), "seed": seed, "context": context()}
        row |= detection_runs.measure_sample(seed, extra)
        written = _write("anomaly_small", [row], arguments)
        detection_runs.show_sample(row)
    print(written)


def measure_ecg(arguments) -> None:
    """Trains on normal heart beats, seed by seed."""
    folder, extra, figures = real_data(arguments.data_folder), _extra(arguments), []
    for name in arguments.data:
        for seed in arguments.seeds:
            row = {"data": name, "variant": " ".join(arguments.extra), "seed": seed, "context": context()}
            row |= detection_runs.measure_beats(name, folder, seed, extra)
            written = _write("anomaly_ecg", [row], arguments)
            detection_runs.show_beats(row)
            figure = dataclasses.replace(BEATS, about=f"{name}, seed {seed}: {BEATS.about}")
            figures.append(figure.line(row["scores"][detection_nab.RECIPE]["roc_auc"]))
    print_table("figures", figures)
    print(written)


def measure_speed(arguments) -> None:
    """Answers rows one by one."""
    folder, rows = real_data(arguments.data_folder), 100 if arguments.quick else arguments.rows
    with work_folder(None) as work:
        found = detection_speed.measure(
            folder, work, rows, 1 if arguments.quick else arguments.passes, _extra(arguments)
        )
    where, variant = context(), " ".join(arguments.extra)
    found = [{"data": row["way"], "variant": variant, "seed": 0, "context": where, **row} for row in found]
    written = _write("anomaly_speed", found, arguments)
    print_table("one sensor, row by row", detection_speed.lines(found))
    asked = detection_speed.FIGURES.items()
    print_table(
        "figures", [Figure(f"{way}, rows/s", least).line(detection_speed.median_of(found, way)) for way, least in asked]
    )
    print(written)


def _extra(arguments):
    return [*(detection_runs.QUICK if arguments.quick else ()), *arguments.extra]


def _write(name, rows, arguments):
    name += "_quick" if arguments.quick else ""
    return write_results(name, merged(read_results(name), rows, KEY))


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"anomaly.py: {error.args[0] if isinstance(error, LookupError) else error}")
