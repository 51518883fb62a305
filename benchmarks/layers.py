"""Layers: stock Keras, rnnkit and PyTorch by turns -> milliseconds of training and inference, growth, memory.

python benchmarks/layers.py [--only lstm] [--shapes 1,2] [--parts train,infer,growth,memory] [--loops plain,xla,halves]

The contenders take turns; in a turn each runs for a while, after one step that isn't counted. `layer_speed` says what a
step is, `layer_growth` what grows. "rnnkit is x" tells how many times as fast as a contender rnnkit is: by the medians,
and "paired", the median over the rounds of the same within a round.
"""

import argparse
import dataclasses
import functools
import importlib.metadata
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import layer_growth
import numpy as np
from layer_speed import (
    MATMUL,
    Contender,
    Task,
    Way,
    beginning,
    keras_contender,
    matmul_contender,
    torch_contender,
    torch_processes,
)
from measuring import context, print_table, read_results, write_results

SHAPES = {
    1: {"batch": 32, "time": 100, "features": 128, "units": 256},
    2: {"batch": 64, "time": 30, "features": 64, "units": 64},
    3: {"batch": 32, "time": 200, "features": 64, "units": 128, "bidirectional": True, "every": True},
    4: {"batch": 20, "time": 35, "features": 650, "units": 650, "depth": 2, "every": True},
}
AIMS = {"train": {1: 1.5, 2: 1.3, 3: 2.0, 4: 1.3}, "infer": dict.fromkeys(SHAPES, 1.5)}
"""How many times as fast as stock Keras at its best rnnkit is to be."""
PARTS = ("train", "infer", "growth", "memory")
WAYS = (
    Way("Keras"),
    Way("Keras, XLA", xla=True),
    Way("Keras, unrolled", settings={"unroll": True}),
    Way("Keras, unrolled, XLA", settings={"unroll": True}, xla=True),
    Way("rnnkit, whole step XLA", "rnnkit.layers", xla=True),
)
UNROLLED_TIME = 50
"""Unrolled models of more steps than this compile for minutes, and are left out."""
WARM_UPS = 3
BURST = 0.3
"""Seconds of a turn: so long that what it costs to take over from another contender vanishes."""
TOLERANCE = 1e-3
"""Largest difference from stock Keras, relative to the largest value, of what computes the same function."""
GROUP = ("part", "cell", "task")


def main() -> None:
    """Measures what the command line names; a group's rows are written as soon as they are there."""
    arguments, rows = _arguments(), []
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with torch_processes() as processes:
        if not processes:
            print("PyTorch is left out: it isn't installed. pip install 'rnnkit[bench]'", file=sys.stderr)
        for group in _groups(arguments, processes):
            print(f"\n{group.part} {group.cell} {group.task}", file=sys.stderr)
            about = {name: getattr(group, name) for name in GROUP} | {"context": _context(processes)}
            measured = [row | about for row in group.measure()]
            rows += measured
            path = write_results("layers", merged(read_results("layers"), rows))
            lines = layer_growth.memory_lines if group.part == "memory" else _lines
            print_table(f"{group.part} {group.cell} {group.task}", lines(measured))
    summary = [_summary(group) for group in _grouped(rows) if group[0]["part"] in AIMS]
    if summary:
        print_table("rnnkit beside stock Keras and PyTorch, each at its best", summary)
    for title, lines in layer_growth.growth_lines(rows).items():
        print_table(title, lines)
    if any(row["part"].startswith("growth") for row in rows):
        print(layer_growth.draw(rows))
    print(path)


def _arguments():
    parser = argparse.ArgumentParser(description="Times recurrent layers.", allow_abbrev=False)
    parser.add_argument("--only", choices=("lstm", "gru"), help="One cell; by default both, and LSTM for growth.")
    parser.add_argument("--shapes", type=_shapes, default=tuple(SHAPES), help="Such as 1,2; by default all four.")
    parser.add_argument("--parts", type=_parts, default=PARTS, help=f"Such as train,infer; of {', '.join(PARTS)}.")
    parser.add_argument("--seconds", type=float, default=10, help="Of each contender of a task; growth: a quarter.")
    parser.add_argument("--loops", type=_names, default=(), help="Force rnnkit's loops too: plain,xla,halves.")
    return parser.parse_args()


def _names(text):
    return tuple(text.split(","))


def _parts(text):
    unknown = [name for name in _names(text) if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no part {unknown[0]!r}. There are {', '.join(PARTS)}.")
    return _names(text)


def _shapes(text):
    unknown = [number for number in _names(text) if number not in map(str, SHAPES)]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no shape {unknown[0]!r}. There are {', '.join(map(str, SHAPES))}.")
    return tuple(map(int, _names(text)))


@dataclasses.dataclass(frozen=True)
class _Group:
    """Rows that are measured together, and written together."""

    part: str
    cell: str
    task: str
    measure: Callable[[], list[dict]]


def _groups(arguments, processes) -> Iterator[_Group]:
    cells = [arguments.only] if arguments.only else ["lstm", "gru"]
    forced = [Way(f"rnnkit, loop={loop}", "rnnkit.layers", settings={"loop": loop}) for loop in arguments.loops]
    for part in [part for part in AIMS if part in arguments.parts]:
        for cell in cells:
            for number in arguments.shapes:
                task = Task(cell, training=part == "train", **SHAPES[number])
                unrolled = task.time <= UNROLLED_TIME
                ways = [way for way in WAYS if unrolled or "unroll" not in way.settings] + [_own(part), *forced]
                extra = {"shape": number, "aim": AIMS[part][number]}
                measure = functools.partial(compare, task, ways, processes, arguments.seconds, extra)
                yield _Group(part, cell, task.title, measure)
    if "growth" in arguments.parts:
        # One of PyTorch's processes is enough here: the steadier one.
        bound = dict(list(processes.items())[-1:])
        for axis, task in layer_growth.tasks(cells[0]):
            extra = {"axis": axis, "size": getattr(task, axis), "time": task.time}
            ways = layer_growth.WAYS[axis]
            measure = functools.partial(compare, task, ways, bound, arguments.seconds / 4, extra)
            yield _Group(f"growth with {axis}", cells[0], task.title, measure)
    if "memory" in arguments.parts:
        yield _Group("memory", cells[0], *layer_growth.memory_group(cells[0]))


def _own(part):
    # In a function of one's own, which may be exported, answers stay with Keras' loop; `predict` takes this one.
    return Way("rnnkit", "rnnkit.layers", settings={"loop": "compiled"} if part == "infer" else {})


def _context(processes):
    about = context()
    about["versions"]["torch"] = importlib.metadata.version("torch") if processes else None
    return about


def compare(task: Task, ways: Sequence[Way], processes: Mapping, seconds: float, extra: Mapping) -> list[dict]:
    """Times the ways, of which the first is to be stock Keras, and PyTorch at one task; returns a row for each.

    A contender that can't be built, or that computes something else than the first one, is left out with a note.

    Args:
        processes: Those of PyTorch.
        seconds: Of each contender.
        extra: Goes into each row.
    """
    weights, inputs = beginning(task, ways[0])
    makers = {way.name: functools.partial(keras_contender, task, way, weights, inputs) for way in ways}
    for name, process in processes.items():
        makers[name] = functools.partial(torch_contender, task, name, process, weights, inputs)
    rows, contenders, expected = {}, [matmul_contender()], None
    for name, make in makers.items():
        contender, rows[name], values = _first(name, make, expected)
        expected = values if expected is None else expected
        if contender:
            contenders.append(contender)
    rounds = by_turns(contenders, seconds)
    peak = 2 * MATMUL**3 / min(min(burst) for burst in rounds.pop("matmul"))
    for name, bursts in rounds.items():
        rows[name] |= _speed(bursts, rounds["rnnkit"], task.flops, peak)
    return [{**extra, "contender": name, **row} for name, row in rows.items()]


def _first(name, make, expected):
    """Returns a contender, or None if it has to be left out, the start of its row, and its values."""
    import tensorflow as tf

    try:
        contender = make()
        seconds, values = contender.first()
    except (ValueError, TypeError, NotImplementedError, RuntimeError, tf.errors.OpError) as error:
        if expected is None or name == "rnnkit":
            raise
        reason = " ".join(str(error).split())[:500]
        print(f"{name:28} left out: {reason}", file=sys.stderr)
        return None, {"left_out": reason}, None
    print(f"{name:28} first step {seconds:7.2f} s", file=sys.stderr)
    row = {"first_seconds": seconds}
    if expected is not None and values is not None:
        row["difference"] = float(np.max(np.abs(values - expected)) / np.max(np.abs(expected)))
        if not row["difference"] < TOLERANCE:
            raise RuntimeError(f"{name} computes something else than stock Keras: {row['difference']:.1e} apart.")
    return contender, row, values


def by_turns(contenders: Sequence[Contender], seconds: float) -> dict[str, list[list[float]]]:
    """Runs bursts of each by turns, about `seconds` of each in all; returns the bursts of each, one per round."""
    counts, rounds = {}, {contender.name: [] for contender in contenders}
    for contender in contenders:
        counts[contender.name] = max(2, min(50, math.ceil(BURST / min(contender.burst(WARM_UPS)))))
    begin, turn = time.perf_counter(), 0
    while turn < 3 or time.perf_counter() - begin < seconds * len(contenders):
        place = turn % len(contenders)
        for contender in (*contenders[place:], *contenders[:place]):
            rounds[contender.name].append(contender.burst(counts[contender.name]))
        turn += 1
    return rounds


def _speed(bursts, own, flops, peak):
    each = [step for burst in bursts for step in burst]
    median = statistics.median(each)
    pairs = [statistics.median(other) / statistics.median(burst) for other, burst in zip(bursts, own, strict=True)]
    return {
        "ms": 1e3 * median,
        "p10_ms": 1e3 * float(np.quantile(each, 0.1)),
        "p90_ms": 1e3 * float(np.quantile(each, 0.9)),
        "steps": len(each),
        "rounds": len(bursts),
        "times": median / statistics.median(step for burst in own for step in burst),
        "times_paired": statistics.median(pairs),
        "gflops": flops / median / 1e9,
        "peak_gflops": peak / 1e9,
        "share_of_peak": flops / median / peak,
    }


def merged(earlier: Sequence[dict], rows: Sequence[dict]) -> list[dict]:
    """Returns the earlier rows of groups that are not measured anew, then the new ones."""
    new = {tuple(row[name] for name in GROUP) for row in rows}
    return [row for row in earlier if tuple(row[name] for name in GROUP) not in new] + list(rows)


def _lines(rows):
    return [_line(row) for row in rows]


def _line(row):
    if "left_out" in row:
        return {"contender": row["contender"], "ms": "left out"}
    return {
        "contender": row["contender"],
        "ms": f"{row['ms']:.2f}",
        "10 %": f"{row['p10_ms']:.2f}",
        "90 %": f"{row['p90_ms']:.2f}",
        "steps": row["steps"],
        "rnnkit is x": f"{row['times']:.2f}",
        "paired": f"{row['times_paired']:.2f}",
        "GFLOP/s": f"{row['gflops']:.1f}",
        "of the matmul peak": f"{row['share_of_peak']:.1%}",
        "first step s": f"{row['first_seconds']:.2f}",
        "differs by": f"{row['difference']:.0e}" if "difference" in row else "",
    }


def _grouped(rows):
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in GROUP), []).append(row)
    return list(groups.values())


def _summary(rows):
    timed = {row["contender"]: row for row in rows if "ms" in row}
    line = {"part": rows[0]["part"], "cell": rows[0]["cell"], "task": rows[0]["task"]}
    line |= {"rnnkit ms": f"{timed['rnnkit']['ms']:.2f}"}
    for family in ("Keras", "PyTorch"):
        found = [row for name, row in timed.items() if name.startswith(family)]
        if found:
            best = min(found, key=lambda row: row["ms"])
            line[f"best {family}"] = best["contender"]
            line[f"x {family}"] = f"{best['times']:.2f}"
            line[f"paired {family}"] = f"{best['times_paired']:.2f}"
        if family == "Keras":
            line["aim"] = rows[0]["aim"]
    return line


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError) as error:
        sys.exit(f"layers.py: {error.args[0] if isinstance(error, LookupError) else error}")
