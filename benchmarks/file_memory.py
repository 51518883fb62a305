"""Memory: a CSV of invented reviews, large and a tenth as large -> predict, run -> seconds, MB/s, peak memory."""

import collections
import csv
import pathlib
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from measuring import RNNKIT, context, measured, mib, train_on_sample

GIGABYTE = 10**9
WORDS = 170
"""Words of a review, about 1 kB; half as many to half as many again."""
NEW_WORD_EVERY = 4
"""Reviews for each word that occurs nowhere else: the vocabulary of real text grows with the file, too."""


def add_flags(parser) -> None:
    """Adds the flags of this subject."""
    parser.add_argument("--gigabytes", type=float, default=2.0, help="Size of the larger file, in 10^9 bytes.")
    parser.add_argument("--full", action="store_true", help="Also train one whole epoch.")
    parser.add_argument("--bundle", help="Folder of a bundle for predict; one is trained on the sample by default.")
    parser.add_argument("--verbs", default="predict,run", help="predict, run or both.")
    parser.add_argument("--steps", type=int, default=200, help="Gradient steps where no whole epoch is trained.")
    parser.add_argument("--extra", default="", help='Further flags of `rnnkit run`: "--token-budget 4096".')
    parser.add_argument("--folder", help="Where the files are made, and deleted; the system's by default.")


def measure(arguments) -> Iterator[dict]:
    """Yields a row per verb and size."""
    with tempfile.TemporaryDirectory(prefix="rnnkit-memory-", dir=arguments.folder) as folder:
        folder = pathlib.Path(folder)
        _check_room(folder, arguments.gigabytes)
        bundle = arguments.bundle
        if "predict" in arguments.verbs and not bundle:
            bundle = train_on_sample(folder / "models", "--epochs", "1")
        for gigabytes in (arguments.gigabytes / 10, arguments.gigabytes):
            table = folder / "big.csv"
            begin = time.perf_counter()
            size = write_reviews(table, int(gigabytes * GIGABYTE))
            print(f"{table}: {size / 1e6:,.0f} MB made in {time.perf_counter() - begin:.0f} s")
            for name, command in _commands(arguments, bundle, table).items():
                where = context()
                cost = measured(command)
                yield {"what": name, "bytes": size, **_measures(cost, size), "context": where}


def lines(rows: Sequence[Mapping]) -> list[dict]:
    """Returns the lines of the table; growth is against the smaller file."""
    shown = []
    for row in rows:
        smaller = next(other for other in rows if other["what"] == row["what"])
        shown.append(
            {
                "what": row["what"],
                "file": f"{row['bytes'] / 1e6:,.0f} MB",
                "seconds": f"{row['seconds']:.1f}",
                "MB/s": f"{row['megabytes_per_second']:.2f}",
                "peak memory": mib(row["peak_bytes"]),
                "growth": f"x{row['peak_bytes'] / smaller['peak_bytes']:.2f}",
                "highest in": max(row["stages"], key=lambda stage: stage["peak_bytes"])["stage"],
            }
        )
    return shown


def _check_room(folder, gigabytes):
    free = shutil.disk_usage(folder).free
    if free < 4 * gigabytes * GIGABYTE:
        raise OSError(
            f"{folder} has {free / 1e9:.1f} GB free, and {4 * gigabytes:.1f} are needed: for the file, its answers "
            "and the encoded rows. Name another place, --folder DIR, or a smaller --gigabytes."
        )


def write_reviews(path: pathlib.Path, size: int) -> int:
    """Writes reviews of about 1 kB with their labels, until the file has `size` bytes, and returns its size.

    A review's words are drawn by their frequency in the sample's reviews of its label; a few are new.
    """
    generator = np.random.default_rng(0)
    words = _words_by_label()
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "label"])
        while file.tell() < size:
            for label, known in words.items():
                for length in generator.integers(WORDS // 2, WORDS * 3 // 2, 256).tolist():
                    text = known[generator.integers(len(known), size=length)].tolist()
                    if count % NEW_WORD_EVERY == 0:
                        text[length // 2] = f"Name{count:x}"
                    writer.writerow([" ".join(text), label])
                    count += 1
    return path.stat().st_size


def _words_by_label():
    import rnnkit.data

    words = collections.defaultdict(list)
    with (pathlib.Path(rnnkit.data.__path__[0]) / "sentiment.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            words[row["label"]] += row["text"].split()
    return {label: np.array(found, object) for label, found in words.items()}


def _commands(arguments, bundle, table):
    run = [*RNNKIT, "run", "sentiment", "--data", table, "--out", table.parent / "out", "--epochs", "1"]
    run += shlex.split(arguments.extra)
    commands = {}
    if "predict" in arguments.verbs:
        commands["predict"] = [*RNNKIT, "predict", bundle, "--input", table, "--output", table.parent / "answers.csv"]
    if "run" in arguments.verbs:
        commands[f"run, {arguments.steps} steps"] = [*run, "--steps-per-epoch", str(arguments.steps)]
        if arguments.full:
            commands["run, whole epoch"] = run
    return commands


def _measures(cost, size):
    return {
        "seconds": cost.seconds,
        "megabytes_per_second": size / 1e6 / cost.seconds,
        "peak_bytes": cost.peak_bytes,
        "stages": cost.stages,
    }
