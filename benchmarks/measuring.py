"""Measuring: a command -> its seconds and peak memory; rows -> a table, and a JSON file that says whence they come."""

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from staged import MARK

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
STAGED = pathlib.Path(__file__).resolve().with_name("staged.py")
RNNKIT = (sys.executable, STAGED)
"""Start of a command that is rnnkit's, and tells `measured` of its stages."""
POLL = 0.05


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        seconds: From its start to its end.
        peak_bytes: Largest resident memory, as the kernel counted it.
        stages: Title, seconds and peak memory of each stage it told of; the peak is polled, and so a lower bound.
        output: What it wrote to stdout.
    """

    seconds: float
    peak_bytes: int
    stages: list[dict]
    output: str


def measured(command: Sequence[str]) -> Cost:
    """Runs a command to its end, its stderr passed on.

    The peak holds for the whole process, but is never below this one's own memory, which a child has for
    a moment: call it from a process that has not imported TensorFlow.

    Raises:
        RuntimeError: The command failed.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    stages, output, ended = [{"stage": "start", "begin": 0.0, "peak_bytes": 0}], [], threading.Event()
    threads = [
        threading.Thread(target=_follow_stages, args=(process.stderr, stages, start)),
        threading.Thread(target=lambda: output.append(process.stdout.read())),
        threading.Thread(target=_poll_memory, args=(process.pid, stages, ended)),
    ]
    for thread in threads:
        thread.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    for thread in threads:
        thread.join()
    if process.returncode:
        raise RuntimeError(f"Exit code {process.returncode} of: {shlex.join(map(str, command))}")
    return Cost(round(seconds, 3), usage.ru_maxrss * 1024, _with_seconds(stages, seconds), output[0])


def _follow_stages(lines, stages, start):
    for line in lines:
        if not line.startswith(MARK):
            sys.stderr.write(line)
            continue
        begin = time.perf_counter() - start
        stages.append({"stage": line.removeprefix(MARK).rstrip(), "begin": begin, "peak_bytes": 0})


def _poll_memory(process, stages, ended):
    while not ended.wait(POLL):
        try:
            pages = int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return
        stages[-1]["peak_bytes"] = max(stages[-1]["peak_bytes"], pages * os.sysconf("SC_PAGE_SIZE"))


def _with_seconds(stages, total):
    """Gives each stage its seconds, and leaves out those too short for a look at their memory."""
    ends = [*(stage["begin"] for stage in stages[1:]), total]
    return [
        {"stage": stage["stage"], "seconds": round(end - stage["begin"], 2), "peak_bytes": stage["peak_bytes"]}
        for stage, end in zip(stages, ends, strict=True)
        if stage["peak_bytes"]
    ]


def train_on_sample(folder: pathlib.Path, *flags: str) -> pathlib.Path:
    """Trains the sentiment recipe on its sample and returns the bundle's folder below `folder`."""
    measured([*RNNKIT, "run", "sentiment", "--out", folder, *flags])
    return folder / "sentiment"


def real_data(folder: str | None) -> pathlib.Path:
    """Returns the folder of real data sets: the one given, or what RNNKIT_DATA names.

    Raises:
        LookupError: Neither says.
        FileNotFoundError: It isn't there.
    """
    named = folder or os.environ.get("RNNKIT_DATA")
    if not named:
        raise LookupError("Where are the data sets? Pass --data-folder DIR, or set RNNKIT_DATA to it.")
    if not pathlib.Path(named).is_dir():
        raise FileNotFoundError(f"There is no folder {named!r}. Name the one of the data sets: --data-folder DIR.")
    return pathlib.Path(named)


def seeds(text: str) -> list[int]:
    """Reads seeds from a flag, such as 0,1,2."""
    return [int(part) for part in text.split(",")]


def some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Returns what reads some of these names from a flag, with commas between."""

    def read(text):
        parts = [part.strip() for part in text.split(",")]
        for part in parts:
            if part not in known:
                raise argparse.ArgumentTypeError(f"There is no part {part!r}. Known: {', '.join(known)}.")
        return parts

    return read


def context() -> dict[str, object]:
    """Returns what a number hangs on: machine, load of it, date, revision, command and versions."""
    packages = ("rnnkit", "tensorflow", "keras", "numpy", "scikit-learn")
    return {
        "machine": {
            "cpu": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
            "system": platform.platform(),
            "load_before": round(os.getloadavg()[0], 2),
        },
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "revision": _revision(),
        "command": shlex.join(["python", f"benchmarks/{pathlib.Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in packages},
        },
    }


def _processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _revision():
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=RESULTS.parent, capture_output=True, text=True, check=True)

    try:
        changed = git("status", "--porcelain", "--untracked-files=no").stdout.strip()
        return git("rev-parse", "--short", "HEAD").stdout.strip() + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def write_results(name: str, rows: Sequence[Mapping]) -> pathlib.Path:
    """Writes rows to `results/<name>.json`; each is to carry its own `context`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"benchmark": name, "rows": rows}, indent=2, ensure_ascii=False) + "\n")
    return path


def read_results(name: str) -> list[dict]:
    """Returns the rows written before, none where there are none."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text())["rows"] if path.is_file() else []


def print_table(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Prints rows as a table; floats are to come as text, in the form they shall have."""
    table = Table(title=title, title_justify="left")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*[escape(str(row.get(name, ""))) for name in columns])
    # In a log a table is as wide as its rows, rather than cut at 80 columns.
    console = Console()
    (console if console.is_terminal else Console(width=240)).print(table)


def mib(size: float) -> str:
    """Returns bytes as text in MiB."""
    return f"{size / 2**20:,.0f} MiB"
