"""Layer growth: longer sequences, more units -> milliseconds of a training step, and its memory at 4,096 steps.

`layers.py` times `WAYS` at the `tasks`. Memory is that of a process for each way:

build -> a step on 64 time steps -> resident memory -> a first step on 4,096 -> later ones -> their peak above it

The first step's peak has what tracing and compiling takes for a moment, the later ones' what that leaves behind.
"""

import ctypes
import functools
import gc
import json
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from layer_speed import Task, Way, keras_model, keras_step
from matplotlib.figure import Figure
from measuring import RESULTS, measured, mib

STOCK = (Way("Keras"), Way("Keras, XLA", xla=True))
OWN = Way("rnnkit", "rnnkit.layers")
LEAN = (
    Way("rnnkit, checkpoint_every=64", "rnnkit.layers", settings={"checkpoint_every": 64}),
    Way("rnnkit, MinGRU", "rnnkit.layers.parallel", layer="MinGRU"),
)
WAYS = {"time": (*STOCK, OWN, *LEAN), "units": (*STOCK, OWN)}
SHORT, LONG = 64, 4096
LATER_STEPS = 3


def tasks(cell: str) -> Iterator[tuple[str, Task]]:
    """Yields tasks, each with the axis that grows."""
    for doubling in range(7):
        yield "time", _task(cell, SHORT * 2**doubling)
    for doubling in range(6):
        yield "units", Task(cell, batch=32, time=50, features=64, units=32 * 2**doubling)


def growth_lines(rows: Sequence[Mapping]) -> dict[str, list[dict]]:
    """Returns tables by their titles: a line for each size, milliseconds and microseconds by time step."""
    tables = {}
    for row in rows:
        if "axis" in row and "ms" in row:
            lines = tables.setdefault(f"Training step, {row['cell']}, growing with {row['axis']}: ms (µs by step)", {})
            line = lines.setdefault(row["size"], {row["axis"]: f"{row['size']:,}"})
            line[row["contender"]] = f"{row['ms']:,.2f} ({1e3 * row['ms'] / row['time']:,.1f})"
    return {title: list(lines.values()) for title, lines in tables.items()}


def draw(rows: Sequence[Mapping]) -> pathlib.Path:
    """Draws milliseconds against sizes into `results/layers_growth.png`."""
    rows = [row for row in rows if "axis" in row and "ms" in row]
    axes = list(dict.fromkeys(row["axis"] for row in rows))
    colours = {name: f"C{place}" for place, name in enumerate(dict.fromkeys(row["contender"] for row in rows))}
    figure = Figure(figsize=(5.2 * len(axes), 4.8), layout="constrained")
    for place, axis in zip(figure.subplots(1, len(axes), squeeze=False)[0], axes, strict=True):
        _draw_growth(place, axis, [row for row in rows if row["axis"] == axis], colours)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    figure.suptitle(
        f"Training step of {rows[0]['cell'].upper()} layers on {rows[0]['context']['machine']['cores']} cores"
    )
    path = RESULTS / "layers_growth.png"
    figure.savefig(path, dpi=110)
    return path


def _draw_growth(place, axis, rows, colours):
    for name in dict.fromkeys(row["contender"] for row in rows):
        points = [(row["size"], row["ms"]) for row in rows if row["contender"] == name]
        place.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name, color=colours[name])
    sizes = sorted({row["size"] for row in rows})
    place.set_xscale("log", base=2)
    place.set_yscale("log")
    place.yaxis.set_major_formatter("{x:,g}")
    place.set_xticks(sizes, [f"{size:,}" for size in sizes])
    place.set_xlabel({"time": "time steps"}.get(axis, axis))
    place.set_ylabel("ms")
    place.grid(alpha=0.3)


def memory_group(cell: str) -> tuple[str, Callable[[], list[dict]]]:
    """Returns the title of the memory task, and what measures it."""
    return _task(cell, LONG).title, functools.partial(_memory, cell)


def _memory(cell):
    rows = []
    for way in WAYS["time"]:
        print(way.name, file=sys.stderr)
        try:
            output = measured([sys.executable, __file__, cell, way.name]).output
        except RuntimeError as error:
            rows.append({"contender": way.name, "left_out": str(error)})
            continue
        rows.append({"contender": way.name, **json.loads(output.splitlines()[-1])})
    return rows


def memory_lines(rows: Sequence[Mapping]) -> list[dict]:
    """Returns the lines of the table."""
    peaks = {row["contender"]: row["peak_bytes"] for row in rows if "peak_bytes" in row}
    return [_memory_line(row, peaks) for row in rows]


def _memory_line(row, peaks):
    if "left_out" in row:
        return {"contender": row["contender"], "peak": "left out"}
    line = {"contender": row["contender"], "peak": mib(row["peak_bytes"])}
    for other in (OWN.name, STOCK[0].name):
        if other in peaks:
            line[f"of {other}'s"] = f"{row['peak_bytes'] / peaks[other]:.2f}"
    return line | {"first step's": mib(row["first_peak_bytes"]), "resident before": mib(row["before_bytes"])}


def main(cell: str, name: str) -> None:
    """Measures one way in this process and prints its bytes as JSON."""
    import tensorflow as tf

    way = next(way for way in WAYS["time"] if way.name == name)
    task = _task(cell, LONG)
    step = keras_step(keras_model(task, way), training=True, xla=way.xla)
    long, rate = tf.random.normal((task.batch, LONG, task.features)), tf.constant(1e-5)
    step(long[:, :SHORT], rate)
    before = _settled()
    step(long, rate)
    first = _resident("VmHWM")
    _settled()
    for _ in range(LATER_STEPS):
        step(long, rate)
    peaks = {"peak_bytes": _resident("VmHWM") - before, "first_peak_bytes": first - before}
    print(json.dumps(peaks | {"before_bytes": before}))


def _settled():
    """Gives freed memory back to the kernel, has the peak start anew, and returns the bytes that are resident."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    # 5 sets VmHWM back to what is resident, see proc_pid_clear_refs(5).
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _resident(field):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def _task(cell, time):
    return Task(cell, batch=16, time=time, features=32, units=64)


if __name__ == "__main__":
    main(*sys.argv[1:])
