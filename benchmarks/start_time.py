"""Start: whole processes of `rnnkit --help`, `rnnkit list` and `rnnkit run sentiment` -> median seconds."""

import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence

from measuring import context, measured, mib

MODULE = "tensorflow"


def add_flags(parser) -> None:
    """Adds the flags of this subject."""
    parser.add_argument("--runs", type=int, default=11, help="Processes of --help and of list, after one to warm up.")
    parser.add_argument("--training-runs", type=int, default=3, help="Processes of `run sentiment`; 0 for none.")


def measure(arguments) -> Iterator[dict]:
    """Yields a row per command."""
    script = pathlib.Path(sys.executable).with_name("rnnkit")
    if not script.is_file():
        raise FileNotFoundError(f"There is no {script}. Install rnnkit where this Python is: pip install -e .")
    with tempfile.TemporaryDirectory(prefix="rnnkit-start-") as out:
        commands = {
            ("--help",): arguments.runs,
            ("list",): arguments.runs,
            ("run", "sentiment", "--out", out): arguments.training_runs,
        }
        for command, runs in commands.items():
            if runs:
                yield _row(script, command, runs)


def lines(rows: Sequence[Mapping]) -> list[dict]:
    """Returns the lines of the table."""
    return [
        {
            "command": row["command"],
            "median s": f"{row['seconds']:.3f}",
            "lowest": f"{min(row['each']):.3f}",
            "highest": f"{max(row['each']):.3f}",
            "runs": len(row["each"]),
            "peak memory": mib(row["peak_bytes"]),
            f"imports {MODULE}": "yes" if row["imports_tensorflow"] else "no",
        }
        for row in rows
    ]


def _row(script, command, runs):
    where = context()
    imports = _imports(script, command) if command[0] != "run" else True
    costs = [measured([script, *command]) for _ in range(runs)]
    return {
        "command": " ".join(("rnnkit", *command[:2])),
        "seconds": statistics.median(cost.seconds for cost in costs),
        "each": [cost.seconds for cost in costs],
        "peak_bytes": max(cost.peak_bytes for cost in costs),
        "imports_tensorflow": imports,
        "context": where,
    }


def _imports(script, command):
    """Whether a command imports TensorFlow; it also warms the file cache."""
    traced = [sys.executable, "-X", "importtime", script, *command]
    told = subprocess.run(traced, capture_output=True, text=True, check=True).stderr
    modules = {line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")}
    if "rnnkit.cli" not in modules:
        raise RuntimeError(f"rnnkit {' '.join(command)} told of no import of rnnkit.cli: the check proves nothing.")
    return MODULE in modules
