"""Speed: what training, serving, large files and starting cost; each subcommand prints a table and writes JSON.

python benchmarks/speed.py train|serve|memory|start [flags]; `--help` after any of them says more.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from measuring import print_table, write_results

SUBJECTS = {
    "train": ("training_speed", "Training on IMDB: real tokens/s beside stock Keras, alternating in one process."),
    "serve": ("serving_speed", "A SavedModel on SST-2 sentences: sentences/s at batch 64, latency at batch 1."),
    "memory": ("file_memory", "predict and run on a large CSV: seconds, MB/s and peak memory, and their growth."),
    "start": ("start_time", "Whole processes of --help, list and run, and whether TensorFlow is imported."),
}


def main(arguments: Sequence[str]) -> None:
    """Measures one subject."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = parser.add_subparsers(dest="subject", required=True)
    for name, (_, about) in SUBJECTS.items():
        parsers.add_parser(name, help=about, add_help=False)
    subject = parser.parse_args(arguments[:1]).subject
    module, about = SUBJECTS[subject]
    # Each imports what it measures: `memory` and `start` must stay without TensorFlow, see measuring.measured.
    module = importlib.import_module(module)
    own = argparse.ArgumentParser(prog=f"speed.py {subject}", description=about, allow_abbrev=False)
    module.add_flags(own)
    rows = []
    for row in module.measure(own.parse_args(arguments[1:])):
        # Written as they come: what is measured by then outlives an interruption.
        rows.append(row)
        path = write_results(f"speed_{subject}", rows)
    print_table(about, module.lines(rows))
    print(path)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (LookupError, OSError, RuntimeError) as error:
        sys.exit(f"speed.py: {error.args[0] if isinstance(error, LookupError) else error}")
