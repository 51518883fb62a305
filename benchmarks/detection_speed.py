"""Speed of a stream: a detector of one sensor -> rows/s of the SavedModel's `step`, and of its form for devices.

Each runs in a process of its own. On a device, once by the interpreter alone, its states handed from one call to the
next, and once by run.py, from the stamp as text to the answer.
"""

import importlib.util
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
FIGURES = {"SavedModel": 1_000, "TFLite": 20_000}
DATA = pathlib.Path("anomaly") / "nab" / "data" / "realKnownCause" / "nyc_taxi.csv"
TRAINED = ("--label", "none", "--epochs", "2")
"""The usual settings but for the length of training, which makes no difference here."""
WARMING = 200


def measure(folder: pathlib.Path, work: pathlib.Path, rows: int, passes: int, extra: Sequence[str]) -> list[dict]:
    """Trains, exports, and answers rows one by one; returns a row per way."""
    from measuring import RNNKIT, measured
    from ner_contenders import own_process
    from translate_speed import spread

    path = folder / DATA
    measured([*RNNKIT, "run", "anomaly", "--data", path, *TRAINED, *extra, "--out", work / "speed"])
    bundle = work / "speed" / "anomaly" / "1"
    measured([*RNNKIT, "export", bundle, "--to", "tflite"])
    with path.open(encoding="utf-8") as lines:
        cells = [line.strip().split(",") for line in lines][1 : rows + WARMING + 1]
    stamps, values = [stamp for stamp, _ in cells], [float(value) for _, value in cells]
    ways = {"SavedModel": by_saved_model, "TFLite": by_interpreter, "run.py": by_script}
    found = {name: [] for name in ways}
    for turn in range(passes):
        for name, way in ways.items():
            with own_process() as call:
                found[name].append(call(way, str(bundle), stamps, values))
            print(f"{name:10} {found[name][-1]:10,.0f} rows/s, turn {turn + 1}", file=sys.stderr, flush=True)
    return [{"way": name, "rows": rows, **spread(rates)} for name, rates in found.items()]


def _timed(step: Callable, stamps: Sequence[str], values: Sequence[float]) -> float:
    """Returns rows/s of a stream that is warm."""
    for stamp, value in zip(stamps[:WARMING], values[:WARMING], strict=True):
        step(stamp, value)
    begin = time.perf_counter()
    for stamp, value in zip(stamps[WARMING:], values[WARMING:], strict=True):
        step(stamp, value)
    return (len(stamps) - WARMING) / (time.perf_counter() - begin)


def by_saved_model(bundle: str, stamps, values) -> float:
    """Asks `step` of the SavedModel with one row and the states of the last."""
    import tensorflow as tf

    model = tf.saved_model.load(bundle)
    signature = model.signatures["step"]
    specs = signature.structured_input_signature[1]
    states = {
        name: tf.zeros([1, *spec.shape[1:]], spec.dtype) for name, spec in specs.items() if name.startswith("state_")
    }
    kept = [states]

    def step(stamp, value):
        given = {"time": tf.constant([stamp]), "values": tf.constant([[value]], tf.float32)}
        answers = signature(**given, **kept[0])
        kept[0] = {name: answers[name] for name in states}
        return bool(answers["flag"][0])

    return _timed(step, stamps, values)


def _script(bundle):
    spec = importlib.util.spec_from_file_location("run", pathlib.Path(bundle) / "edge" / "run.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.Model(pathlib.Path(bundle) / "edge")


def by_interpreter(bundle: str, stamps, values) -> float:
    """Asks the interpreter with rows that are scaled already."""
    model = _script(bundle)
    run, how = model.interpreter, model.how
    scaled = (np.array(values, np.float32) - np.float32(how["means"][0])) / np.float32(how["spreads"][0])
    fixed: Mapping = {"known": np.ones((1, 1), np.float32), "steps": np.ones(1, np.float32)}
    if "calendar" in model.inputs:
        fixed |= {"calendar": np.zeros(model.shapes["calendar"], np.float32)}
    for name, value in fixed.items():
        run.set_tensor(model.inputs[name], value)
    places = [(model.inputs[name], model.outputs[name]) for name in model.states]
    for (shape, kind), (before, _) in zip(model.states.values(), places, strict=True):
        run.set_tensor(before, np.zeros(shape, kind))
    rows = scaled.reshape(-1, 1, 1)
    season, value, place, flag = (
        how["season"],
        model.inputs["values"],
        model.inputs.get("place"),
        model.outputs["score"],
    )

    def step(_, number):
        run.set_tensor(value, rows[number])
        if place is not None:
            run.set_tensor(place, np.full(1, number % season, np.int32))
        run.invoke()
        for before, after in places:
            run.set_tensor(before, run.get_tensor(after))
        return run.get_tensor(flag)

    return _timed(step, stamps, range(len(stamps)))


def by_script(bundle: str, stamps, values) -> float:
    """Asks run.py's stream with stamps as texts and raw values."""
    stream = _script(bundle).stream()
    return _timed(lambda stamp, value: stream.step(stamp, [value]), stamps, values)


def lines(rows: Sequence[Mapping]) -> list[dict]:
    """Returns the lines of the table."""
    return [
        {"way": row["way"]}
        | {title: f"{row[name]:,.0f}" for title, name in (("rows/s", "per_second"), ("lowest", "lowest"))}
        | {"highest": f"{row['highest']:,.0f}", "µs a row": f"{1e6 / row['per_second']:,.1f}"}
        for row in rows
    ]


def median_of(rows: Sequence[Mapping], way: str) -> float:
    """Returns the rows/s of a way."""
    return statistics.median(row["per_second"] for row in rows if row["way"] == way)
