"""Forecasting speed: ETTh1 -> windows/s of training beside stock Keras and PyTorch; 10,000 series -> peak memory.

python benchmarks/forecasting_speed.py train|memory [flags]; `--help` after either says more.
"""

import argparse
import concurrent.futures
import contextlib
import importlib.util
import json
import multiprocessing
import pathlib
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence

import forecasting_contenders as contenders
import numpy as np
from measuring import RNNKIT, context, measured, mib, print_table, real_data, write_results

TRAIN_STEPS = 8_640
LIMIT = 2 * 10**9
"""Bytes that the run on many series is to stay under."""
SERIES_AT_ONCE = 500


def main() -> None:
    """Measures one subject and writes a row for each line of its table."""
    arguments = _arguments()
    where = context()
    rows = [row | {"context": where} for row in arguments.measure(arguments)]
    print_table(arguments.title, arguments.lines(rows))
    print(write_results(f"forecasting_speed_{arguments.subject}", rows))


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = parser.add_subparsers(dest="subject", required=True)
    train = parsers.add_parser("train", help="Windows/s on ETTh1, by turns, each way in a process of its own.")
    train.add_argument("--data-folder", help="Folder of the data sets; RNNKIT_DATA by default.")
    train.add_argument("--window", type=int, default=96, help="Hours looked back on.")
    train.add_argument("--horizon", type=int, default=96, help="Hours forecast.")
    train.add_argument("--units", type=int, default=128, help="State size.")
    train.add_argument("--batch-size", type=int, default=32, help="Windows per gradient step.")
    train.add_argument("--steps", type=int, default=TRAIN_STEPS, help="Hours of the train split that are used.")
    train.add_argument("--threads", type=int, default=2, help="Of each framework.")
    train.add_argument("--repeats", type=int, default=5, help="Measured epochs of each, after one to warm up.")
    train.set_defaults(measure=training_speed, lines=speed_lines, title="Training on ETTh1")
    memory = parsers.add_parser("memory", help="Peak memory of `rnnkit run` on an invented table of many series.")
    memory.add_argument("--series", type=int, default=10_000)
    memory.add_argument("--length", type=int, default=500, help="Steps of each.")
    memory.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    memory.add_argument("--train-steps", type=int, default=200, help="Gradient steps.")
    memory.add_argument("--extra", default="", help='Further flags of `rnnkit run`: "--window 48".')
    memory.set_defaults(measure=memory_of_run, lines=memory_lines, title="A run on many series")
    return parser.parse_args()


def training_speed(arguments) -> list[dict]:
    """Trains epoch after epoch of each way by turns; returns a row for each."""
    values = _scaled(real_data(arguments.data_folder) / "forecasting" / "etth1" / "ETTh1.csv", arguments.steps)
    sizes = {name: getattr(arguments, name) for name in ("window", "horizon", "units", "batch_size", "threads")}
    seconds, first = {}, {}
    with _processes() as processes:
        told = {
            way: process.submit(contenders.start, way, values, sizes).result() for way, process in processes.items()
        }
        for turn in range(arguments.repeats + 1):
            for way, process in processes.items():
                taken = process.submit(contenders.epoch).result()
                print(f"{contenders.WAYS[way]:48} {taken:7.2f} s", flush=True)
                seconds.setdefault(way, []).append(taken) if turn else first.setdefault(way, taken)
    rows = [
        {
            "way": contenders.WAYS[way],
            **told[way],
            **sizes,
            "seconds": taken,
            "first_epoch_seconds": first[way],
            "windows_per_second": told[way]["windows"] / statistics.median(taken),
        }
        for way, taken in seconds.items()
    ]
    speed = {way: row["windows_per_second"] for way, row in zip(seconds, rows, strict=True)}
    best_torch = max((value for way, value in speed.items() if way.startswith("torch")), default=None)
    for row in rows:
        row["times_stock"] = row["windows_per_second"] / speed["stock"]
        row["times_torch"] = row["windows_per_second"] / best_torch if best_torch else None
    return rows


def _scaled(path: pathlib.Path, steps: int) -> np.ndarray:
    values = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(1, 8), max_rows=steps, dtype=np.float64)
    return ((values - values.mean(0)) / values.std(0)).astype(np.float32)


@contextlib.contextmanager
def _processes() -> Iterator[dict[str, concurrent.futures.Executor]]:
    """Starts a process for each way; thread pools in one process would get in each other's way."""
    spawn = multiprocessing.get_context("spawn")
    has_torch = importlib.util.find_spec("torch")
    ways = [way for way in contenders.WAYS if has_torch or not way.startswith("torch")]
    with contextlib.ExitStack() as stack:
        yield {way: stack.enter_context(concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn)) for way in ways}


def speed_lines(rows: Sequence[Mapping]) -> list[dict]:
    """Returns the lines of the table."""
    return [
        {
            "way": row["way"],
            "parameters": f"{row['parameters']:,}",
            "jit": "yes" if row["jit"] else "no",
            "windows/s": f"{row['windows_per_second']:,.0f}",
            "lowest": f"{row['windows'] / max(row['seconds']):,.0f}",
            "highest": f"{row['windows'] / min(row['seconds']):,.0f}",
            "first epoch s": f"{row['first_epoch_seconds']:.1f}",
            "times stock (2)": f"{row['times_stock']:.2f}",
            "times PyTorch (1.5)": f"{row['times_torch']:.2f}" if row["times_torch"] else "",
        }
        for row in rows
    ]


def memory_of_run(arguments) -> list[dict]:
    """Runs the recipe, baselines and pictures included, in a process of its own; returns one row."""
    with tempfile.TemporaryDirectory(prefix="rnnkit-series-") as folder:
        table = pathlib.Path(folder) / f"series.{arguments.format}"
        begin = time.perf_counter()
        write_series(table, arguments.series, arguments.length)
        size = table.stat().st_size
        print(f"{table}: {size / 1e6:,.0f} MB made in {time.perf_counter() - begin:.0f} s", flush=True)
        command = [*RNNKIT, "run", "forecast", "--data", table, "--out", pathlib.Path(folder) / "out", "--json"]
        command += ["--epochs", "1", "--steps-per-epoch", arguments.train_steps, *shlex.split(arguments.extra)]
        cost = measured(command)
    card = json.loads(cost.output.splitlines()[-1])
    return [
        {
            "series": arguments.series,
            "length": arguments.length,
            "file": arguments.format,
            "bytes": size,
            "windows": card["data"]["rows"],
            "seconds": cost.seconds,
            "peak_bytes": cost.peak_bytes,
            "stages": cost.stages,
            **{name: card[name] for name in ("examples_per_second", "notes", "settings")},
        }
    ]


def write_series(path: pathlib.Path, count: int, length: int) -> None:
    """Writes series in long form, `unique_id, ds, y`: days with a week, a level that wanders, and noise."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    generator = np.random.default_rng(0)
    days = np.datetime64("2020-01-01", "s") + np.arange(length) * np.timedelta64(1, "D")
    week = np.sin(2 * np.pi * np.arange(length) / 7)
    kinds = pa.schema({"unique_id": pa.string(), "ds": pa.timestamp("s"), "y": pa.float32()})
    open_writer = pyarrow.parquet.ParquetWriter if path.suffix == ".parquet" else pyarrow.csv.CSVWriter
    with open_writer(path, kinds) as writer:
        for first in range(0, count, SERIES_AT_ONCE):
            names = [f"series {number}" for number in range(first, min(first + SERIES_AT_ONCE, count))]
            size = (len(names), length)
            wander = np.cumsum(generator.normal(0, 0.1, size), axis=1)
            values = (
                generator.uniform(5, 50, size[:1])[:, None] * (1 + 0.2 * week) + wander + generator.normal(0, 1, size)
            )
            columns = [np.repeat(names, length), np.tile(days, len(names)), values.astype(np.float32).ravel()]
            arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds.types, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=kinds))


def memory_lines(rows: Sequence[Mapping]) -> list[dict]:
    """Returns a line for each stage, the whole process last."""
    lines = []
    for row in rows:
        lines += [
            {"stage": stage["stage"], "seconds": f"{stage['seconds']:.1f}", "peak memory": mib(stage["peak_bytes"])}
            for stage in row["stages"]
        ]
        verdict = "under 2 GB" if row["peak_bytes"] < LIMIT else "NOT under 2 GB"
        whole = f"all of {row['series']:,} series, {row['length']:,} steps each"
        lines.append({"stage": whole, "seconds": f"{row['seconds']:.1f}", "peak memory": mib(row["peak_bytes"])})
        lines[-1] |= {"": verdict}
    return lines


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"forecasting_speed.py: {error.args[0] if isinstance(error, LookupError) else error}")
