"""Export: a BiLSTM classifier in every form it can have -> bytes, milliseconds of a row on one and two threads, parity.

python benchmarks/export.py [--only 32] [--seconds 5]

All forms hold the same weights; they take turns, and in a turn each answers one row of 50 words for a while. "differs
by" is the largest difference of a probability from Keras' own, over 200 rows; "rnnkit is x" tells how many times as
fast as a form rnnkit's float file is. `export_speed` says what runs where.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
from export_speed import CLASSES, FEATURES, TIME, VOCABULARY, classifier, contender, processes, torch_bytes
from layers import by_turns
from measuring import context, print_table, read_results, write_results

SIZES, THREADS = (32, 128), (1, 2)
ROWS, CALIBRATION_ROWS = 200, 100
OWN = "rnnkit, float"
CONVERSIONS = {
    "rnnkit, float, loop not fused": {"rungs": ("while",)},
    OWN: {},
    "rnnkit, dynamic": {"quantize": "dynamic"},
    "rnnkit, float16": {"quantize": "float16"},
    "rnnkit, int8": {"quantize": "int8"},
}


def main() -> None:
    """Measures what the command line names; a model's rows are written as soon as they are there."""
    parser = argparse.ArgumentParser(description="Compares the forms of a model.", allow_abbrev=False)
    parser.add_argument("--only", type=int, choices=SIZES, help="Units of a direction; by default both.")
    parser.add_argument("--seconds", type=float, default=5, help="Of each form and number of threads.")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for units in [arguments.only] if arguments.only else SIZES:
        rows = measure(units, arguments.seconds)
        earlier = [row for row in read_results("export") if row["units"] != units]
        path = write_results("export", [*earlier, *rows])
        print_table(
            f"BiLSTM of {units} units a direction, vocabulary {VOCABULARY:,}, embedding {FEATURES}, {TIME} words, "
            f"{CLASSES} classes",
            [_line(row, rows) for row in rows],
        )
        for row in rows:
            if "left_out" in row:
                print(f"{row['contender']}: {row['left_out']}")
    print(path)


def measure(units: int, seconds: float) -> list[dict]:
    """Returns a row for each form of a model."""
    about = {"units": units, "context": _context()}
    model, draw = classifier(units), np.random.default_rng(1)
    ids = draw.integers(1, VOCABULARY, (ROWS, TIME)).astype(np.int32)
    expected = model(ids, training=False).numpy()
    with tempfile.TemporaryDirectory(prefix="rnnkit-export-") as folder:
        rows, forms = _forms(units, model, pathlib.Path(folder), draw)
        for threads in THREADS:
            with processes(threads) as pools:
                contenders = _contenders(rows, forms, pools, ids, expected)
                rounds = by_turns(contenders, seconds)
            for name, bursts in rounds.items():
                rows[name].setdefault("latency", {})[str(threads)] = _latency(bursts, rounds[OWN])
    return [about | {"contender": name} | row for name, row in rows.items()]


def _context():
    about = context()
    for name in ("ai-edge-litert", "torch"):
        installed = importlib.util.find_spec(name.replace("-", "_"))
        about["versions"][name] = importlib.metadata.version(name) if installed else None
    return about


def _forms(units, model, folder, draw):
    """Writes every form; returns the start of a row for each, and the family, kind and path of those that exist."""
    import tensorflow as tf

    from rnnkit.layers import stock

    rows, forms, theirs = {}, {}, stock(model)

    def add(name, family, kind, path, **more):
        size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
        rows[name], forms[name] = {"bytes": size, **more}, (family, kind, path)

    theirs.save(folder / "stock.keras")
    add("Keras predict", "tensorflow", "predict", folder / "stock.keras")
    add("Keras call", "tensorflow", "call", folder / "stock.keras")
    spec = (tf.TensorSpec([None, None], tf.int32, name="ids"),)
    _write_saved_model(folder / "saved_model", model, spec)
    add("SavedModel call", "tensorflow", "saved_model", folder / "saved_model")
    np.savez(folder / "weights.npz", *model.get_weights())
    for name, family in {"PyTorch eager": "torch", "PyTorch eager, bound threads": "torch, bound threads"}.items():
        if importlib.util.find_spec("torch"):
            add(name, family, "torch", folder / "weights.npz")
            rows[name]["bytes"] = torch_bytes(folder / "weights.npz")
        else:
            rows[name] = {"left_out": "torch is not installed. pip install 'rnnkit[bench]'"}
    if "PyTorch eager" in forms:
        add("ONNX Runtime", "torch", "onnx", folder / "weights.npz")
    _add_keras_own(add, rows, theirs, folder / "keras.tflite")
    _add_keras_loop(add, rows, stock(classifier(units, masked=False)), folder)
    for name, settings in CONVERSIONS.items():
        _add_converted(add, rows, name, model, folder / f"{name}.tflite", draw, settings)
    return rows, forms


def _write_saved_model(path, model, spec):
    from rnnkit.answers import Signature
    from rnnkit.export.saved_model import write_saved_model

    write_saved_model(path, [model], {"serving_default": Signature(_probability(model), spec)})


def _probability(model):
    return lambda ids: {"probability": model(ids, training=False)}


def _add_keras_own(add, rows, model, path):
    name = "Keras' own export(format='litert')"
    try:
        begin = time.perf_counter()
        model.export(path, format="litert", verbose=False)
        add(name, "litert", "litert", path, convert_seconds=time.perf_counter() - begin)
    # The converter raises what it likes.
    except Exception as error:
        rows[name] = {"left_out": _first_line(error)}


def _add_keras_loop(add, rows, model, folder):
    """Adds Keras' loop as one gets it with some care: variables tracked, batch 1, and no mask, which wants Flex."""
    import tensorflow as tf

    name = "TFLite of Keras' layers, no mask"
    spec = (tf.TensorSpec([1, None], tf.int32, name="ids"),)
    begin = time.perf_counter()
    _write_saved_model(folder / "loop", model, spec)
    try:
        (folder / "loop.tflite").write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder / "loop")).convert())
        add(name, "litert", "litert", folder / "loop.tflite", convert_seconds=time.perf_counter() - begin)
    # The converter raises what it likes.
    except Exception as error:
        rows[name] = {"left_out": _first_line(error)}


def _add_converted(add, rows, name, model, path, draw, settings):
    import tensorflow as tf

    from rnnkit.export.tflite import ConversionError, convert

    if settings.get("quantize") == "int8":
        ids = draw.integers(1, VOCABULARY, (CALIBRATION_ROWS, 1, TIME)).astype(np.int32)
        settings = {**settings, "calibration": [{"ids": row} for row in ids]}
    spec = (tf.TensorSpec([1, None], tf.int32, name="ids"),)
    begin = time.perf_counter()
    try:
        made = convert([model], _probability(model), spec, **settings)
    except ConversionError as error:
        rows[name] = {"left_out": _first_line(error)}
        return
    path.write_bytes(made.content)
    seconds = time.perf_counter() - begin
    add(name, "litert", "litert", path, rung=made.rung, ops=made.ops, tried=dict(made.tried), convert_seconds=seconds)


def _first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:500]


def _contenders(rows, forms, pools, ids, expected):
    """Has every form loaded and compared; what does not run is left out with its reason."""
    found = []
    for name, (family, kind, path) in forms.items():
        if "left_out" in rows[name]:
            continue
        try:
            one, answers = contender(name, pools[family], kind, path, ids)
        # What a form's library raises is what this is to find out.
        except Exception as error:
            if name == OWN:
                raise
            rows[name]["left_out"] = _first_line(error)
            continue
        found.append(one)
        rows[name]["difference"] = float(np.abs(answers - expected).max())
        rows[name]["equal_labels"] = float((answers.argmax(1) == expected.argmax(1)).mean())
    return found


def _latency(bursts, own):
    each = [call for burst in bursts for call in burst]
    pairs = [statistics.median(burst) / statistics.median(ours) for burst, ours in zip(bursts, own, strict=True)]
    return {
        "ms": 1e3 * statistics.median(each),
        "p95_ms": 1e3 * float(np.quantile(each, 0.95)),
        "calls": len(each),
        "rounds": len(bursts),
        "times_paired": statistics.median(pairs),
    }


def _line(row, rows):
    line = {"form": row["contender"], "rung": row.get("rung", "")}
    if "left_out" in row:
        return line | {"kB": "left out"}
    line |= {"kB": f"{row['bytes'] / 1e3:,.0f}"}
    line |= {"differs by": f"{row['difference']:.0e}", "same label": f"{row['equal_labels']:.1%}"}
    own = next(row for row in rows if row["contender"] == OWN)
    for threads, latency in row["latency"].items():
        title = f"{threads} thread{'s' * (threads != '1')}"
        line |= {f"{title}: ms": f"{latency['ms']:.3f}", "95 %" + " " * int(threads): f"{latency['p95_ms']:.3f}"}
        line["rnnkit is x" + " " * int(threads)] = f"{latency['ms'] / own['latency'][threads]['ms']:.2f}"
    return line


if __name__ == "__main__":
    try:
        main()
    except (LookupError, OSError, RuntimeError) as error:
        sys.exit(f"export.py: {error.args[0] if isinstance(error, LookupError) else error}")
