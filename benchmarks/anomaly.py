"""Anomalies: Numenta's benchmark, the sample, heart beats -> the recipe's scores beside baselines; rows/s of a stream.

python benchmarks/anomaly.py nab [--seeds 0] [--minutes 45] [--settings FILE] [--extra "--units 32"] [--work DIR]
"""

import argparse
import shlex
import sys

import detection_nab
from measuring import context, print_table, read_results, real_data, seeds, write_results
from ner import Figure
from translate import merged

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
    nab.add_argument("--extra", type=shlex.split, default=[], help='Further flags of `rnnkit run`: "--units 64".')
    nab.add_argument("--seeds", type=seeds, default="0", help="Such as 0,1,2; 0 by default.")
    nab.add_argument("--work", default="", help="Folder in which the scores of all rows stay.")
    nab.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    nab.add_argument("--quick", action="store_true", help="Three files, two epochs: does the command work?")
    nab.set_defaults(measure=measure_nab)
    return parser.parse_args()


def measure_nab(arguments) -> None:
    """Scores each file of the benchmark by a detector of its own, seed by seed."""
    folder = real_data(arguments.data_folder)
    name, rows = "anomaly_nab_quick" if arguments.quick else "anomaly_nab", []
    variant = " ".join(filter(None, (arguments.settings, *arguments.extra)))
    for seed in arguments.seeds:
        row = {"data": "nab", "variant": variant, "seed": seed, "context": context()}
        rows.append(row | detection_nab.measure(arguments, folder, seed))
        written = write_results(name, merged(read_results(name), rows, KEY))
        detection_nab.show(rows[-1])
        score = rows[-1]["scores"][detection_nab.RECIPE]["nab_standard"]
        limit = Figure("whole corpus, minutes", arguments.minutes, 15, below=True)
        print_table("figures", [detection_nab.FIGURE.line(score), limit.line(rows[-1]["whole_seconds"] / 60)])
    print(written)


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"anomaly.py: {error.args[0] if isinstance(error, LookupError) else error}")
