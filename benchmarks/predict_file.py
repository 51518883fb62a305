"""Predict on a file: a large CSV of invented reviews -> rows/s beside those in memory, peak memory beside the model's.

python benchmarks/predict_file.py BUNDLE [flags]; `--help` says more.
"""

import argparse
import csv
import itertools
import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence

from file_memory import GIGABYTE, write_reviews
from measuring import RNNKIT, context, measured, mib, print_table, write_results

NAME = "predict_file"


def main(arguments: Sequence[str]) -> None:
    """Measures, or is one of the processes measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="Folder of a bundle that reads `text`.")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="Size of the file, in 10^9 bytes.")
    parser.add_argument("--rows", type=int, default=8_192, help="Rows answered in memory and from a file by turns.")
    parser.add_argument("--rounds", type=int, default=5, help="Turns of each.")
    parser.add_argument("--endings", default="csv", help="Outputs to write: csv,jsonl,parquet.")
    parser.add_argument("--folder", help="Where the files are made, and deleted; the system's by default.")
    parser.add_argument("--part", choices=("model", "turns"), help=argparse.SUPPRESS)
    parser.add_argument("--table", type=pathlib.Path, help=argparse.SUPPRESS)
    flags = parser.parse_args(arguments)
    if flags.part:
        {"model": answer_once, "turns": by_turns}[flags.part](flags)
        return
    rows = []
    for row in measure(flags):
        rows.append(row)
        path = write_results(NAME, rows)
    print_table("A file answered row by row, beside the same rows in memory and beside the model alone", lines(rows))
    print(path)


def measure(flags):
    """Yields a row for each kind of output."""
    with tempfile.TemporaryDirectory(prefix="rnnkit-predict-", dir=flags.folder) as folder:
        folder = pathlib.Path(folder)
        table = folder / "big.csv"
        size = write_reviews(table, int(flags.gigabytes * GIGABYTE))
        print(f"{table}: {size / 1e6:,.0f} MB")
        part = [sys.executable, __file__, flags.bundle, "--table", table]
        model = measured([*part, "--part", "model"])
        turns = [*part, "--part", "turns", "--rows", str(flags.rows), "--rounds", str(flags.rounds)]
        for ending in flags.endings.split(","):
            where = context()
            rates = json.loads(measured([*turns, "--endings", ending]).output)
            output = folder / f"answers.{ending}"
            cost = measured([*RNNKIT, "predict", flags.bundle, "--input", table, "--output", output, "--json"])
            counts = json.loads(cost.output)
            yield {
                "ending": ending,
                "bytes": size,
                "rows": counts["rows"],
                "failed": counts["failed"],
                "seconds": cost.seconds,
                "rows_per_second": counts["rows"] / cost.seconds,
                "peak_bytes": cost.peak_bytes,
                "model_peak_bytes": model.peak_bytes,
                "rows_per_second_by_turns": rates,
                "context": where,
            }


def lines(rows: Sequence[dict]) -> list[dict]:
    """Returns the lines of the table."""
    return [
        {
            "output": row["ending"],
            "file": f"{row['bytes'] / 1e6:,.0f} MB",
            "rows": f"{row['rows']:,}",
            "seconds": f"{row['seconds']:,.1f}",
            "rows/s": f"{row['rows_per_second']:,.0f}",
            "peak": mib(row["peak_bytes"]),
            "model alone": mib(row["model_peak_bytes"]),
            "over it": mib(row["peak_bytes"] - row["model_peak_bytes"]),
            "rows/s, by turns": f"{row['rows_per_second_by_turns']['file']:,.0f}",
            "in memory": f"{row['rows_per_second_by_turns']['memory']:,.0f}",
            "share": f"{row['rows_per_second_by_turns']['share']:.0%}",
        }
        for row in rows
    ]


def answer_once(flags) -> None:
    """Loads the model and answers as many rows as a file's are answered at a time."""
    from rnnkit import bundle
    from rnnkit.sources.whole import SIZE

    bundle.load(flags.bundle).predict(first_texts(flags.table, SIZE))


def by_turns(flags) -> None:
    """Answers the same rows in memory and from a file to a file, and prints the median rows/s of each."""
    from rnnkit import bundle
    from rnnkit.predicting import predict_file

    opened, texts = bundle.load(flags.bundle), first_texts(flags.table, flags.rows)
    table, output = flags.table.with_name("some.csv"), flags.table.with_name(f"some_answers.{flags.endings}")
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])
    work = {"memory": lambda: opened.predict(texts), "file": lambda: predict_file(opened, table, output)}
    rates = {name: [] for name in work}
    for turn in range(flags.rounds + 1):
        for name, answer in work.items():
            begin = time.perf_counter()
            answer()
            # The first turn warms up.
            if turn:
                rates[name].append(len(texts) / (time.perf_counter() - begin))
    shares = [file / memory for file, memory in zip(rates["file"], rates["memory"], strict=True)]
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(json.dumps({**medians, "share": statistics.median(shares)}))


def first_texts(table: pathlib.Path, count: int) -> list[str]:
    """Returns the texts of a table's first rows."""
    with table.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in itertools.islice(csv.DictReader(file), count)]


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (LookupError, OSError, RuntimeError) as error:
        sys.exit(f"predict_file.py: {error.args[0] if isinstance(error, LookupError) else error}")
