"""Parity: raw rows -> answers of Keras, the SavedModel and each TFLite variant -> how they differ, score and how fast.

Each variant answers through run.py as it is shipped, so a text that is split otherwise shows as a difference.
"""

import dataclasses
import importlib.util
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import answer

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle
    from rnnkit.export.edge import Edge
    from rnnkit.export.tflite import Converted
    from rnnkit.recipe import Preparation, Recipe

DIFFERENCE = 1e-4
"""Most that an output of the float variant may differ from Keras'."""

POINTS = {"dynamic": 0.005, "float16": 0.005, "int8": 0.015}
"""Most that the score may differ from Keras'."""

GENTLER = {"int8": ("dynamic", "float16", "none"), "dynamic": ("float16", "none"), "float16": ("none",)}

CALLS, SECONDS = 200, 1.0
"""Calls that a latency is taken from, and the time after which fewer will do."""


@dataclasses.dataclass(frozen=True)
class Models:
    """All forms of one model.

    Attributes:
        folder: Where the plain files of `edge` are; beside it, `<quantisation>.tflite`.
        variants: Quantisation -> what was converted.
        length: Fixed length, to which rows are cut for Keras too, or None.
    """

    bundle: "Bundle"
    recipe: "Recipe"
    preparation: "Preparation"
    core: keras.Model
    edge: "Edge"
    folder: pathlib.Path
    variants: "Mapping[str, Converted]"
    length: int | None


def encoded(
    rows: Sequence[Mapping[str, str]], features: keras.Model, specs: Sequence[tf.TensorSpec], length: int | None
) -> Iterator[dict[str, np.ndarray]]:
    """Yields each raw row as the tensors of `specs`, batch 1, cut or padded with zeros to a fixed length."""
    names = [tensor.name for tensor in features.inputs]
    for row in rows:
        tensors = features({name: tf.constant([row[name]]) for name in names})
        arrays = {spec.name: tensors[spec.name].numpy()[:, :length] for spec in specs}
        for name, array in arrays.items():
            missing = max((length or 0) - array.shape[1], 0)
            arrays[name] = np.pad(array, [(0, missing if axis == 1 else 0) for axis in range(array.ndim)])
        yield arrays


def measure(models: Models, rows: Sequence[Mapping[str, str]], reporter) -> dict:
    """Compares all forms of a model on the same rows.

    Args:
        models: The forms.
        rows: Raw inputs and target of each.
        reporter: Tells a person what goes on.

    Returns:
        `rows`, `score` (its name), `variants`, each with `name`, `score`, `bytes`, `latency_ms` and, against
        Keras, `difference` (largest, of any output), `equal` (share of rows with the same label); and `fault`,
        the first variant out of tolerance, or that nothing here can run, as a sentence, or None. Latencies are
        of one row of middling length, from raw row to answer.
    """
    recipe = models.recipe
    columns = {name: [row[name] for row in rows] for name in recipe.inputs}
    truth = [row[recipe.target] for row in rows]
    middle = sorted(rows, key=lambda row: len(row[recipe.inputs[0]]))[len(rows) // 2]
    variants, expected, metric = [], None, ""
    for form in _forms(models):
        with reporter.task(f"measuring {form.name}"):
            answers = form.answers(columns)
            expected = expected or answers
            scores = recipe.judge(answers, truth, models.preparation.labels)
            metric = next(iter(scores))
            variants.append(
                {
                    "name": form.name,
                    "score": scores[metric],
                    **_compared(answers, expected),
                    "bytes": form.bytes,
                    "latency_ms": {name: latency(call(middle)) for name, call in form.calls.items()},
                    **form.facts,
                }
            )
    result = {"rows": len(rows), "score": metric, "allowed": {"difference": DIFFERENCE, **POINTS}}
    return {
        **result,
        "variants": variants,
        "fault": _unmeasured(models.variants) or _fault(variants, metric, len(rows)),
    }


def _foreign(converted):
    return [op for op in converted.ops if op.startswith("Flex")]


def _unmeasured(variants):
    for kind, converted in variants.items():
        if foreign := _foreign(converted):
            return (
                f"tflite, quantize {kind}, has {', '.join(foreign)}: TensorFlow's own ops, for which no interpreter "
                "in Python has the delegate, so it was not measured and run.py can't answer with it."
            )
    return None


def _compared(answers, expected):
    difference, same = 0.0, True
    for name, values in expected.items():
        if values.dtype.kind == "f":
            # Not Python's own, which takes NaN for small.
            difference = float(np.maximum(difference, np.abs(answers[name] - values).max()))
        else:
            same &= (answers[name] == values).reshape(len(values), -1).all(axis=1)
    return {"difference": difference, "equal": float(np.mean(same))}


def _fault(variants, metric, rows):
    keras_score = variants[0]["score"]
    for variant in variants:
        kind = variant.get("quantize")
        if kind == "none" and not variant["difference"] <= DIFFERENCE:
            return (
                f"tflite, quantize none, differs from Keras by {variant['difference']:.1e}, "
                f"and {DIFFERENCE:.0e} is allowed. Serve the bundle as a SavedModel."
            )
        # A score can't be told more finely than by one row.
        allowed = max(POINTS.get(kind, np.inf) * max(1.0, abs(keras_score)), 1 / rows)
        if not abs(variant["score"] - keras_score) <= allowed + 1e-9:
            return (
                f"tflite, quantize {kind}, has {metric} {variant['score']:.4f} where Keras has {keras_score:.4f}, "
                f"and {allowed:.4f} apart is allowed. Quantize less: {', '.join(GENTLER[kind])}."
            )
    return None


def latency(call: Callable) -> dict[str, float]:
    """Times a call after a few for warming up: median and 95th percentile in milliseconds."""
    for _ in range(3):
        call()
    seconds, end = [], time.perf_counter() + SECONDS
    while len(seconds) < CALLS and (time.perf_counter() < end or len(seconds) < 10):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return {"median": float(np.median(seconds) * 1e3), "p95": float(np.percentile(seconds, 95) * 1e3)}


@dataclasses.dataclass(frozen=True)
class _Form:
    """One form of the model.

    Attributes:
        name: As shown.
        answers: Raw columns -> outputs by name, one per row, labels as bytes.
        bytes: On the disk.
        calls: What is timed -> (raw row -> function of nothing).
        facts: What else is told of it.
    """

    name: str
    answers: Callable
    bytes: int
    calls: Mapping[str, Callable]
    facts: Mapping[str, object] = dataclasses.field(default_factory=dict)


def _forms(models):
    yield _keras(models)
    yield _saved_model(models)
    # From where run.py was copied, so that nothing compiled is left beside the copy.
    script = _loaded(models.edge.script)
    for kind, converted in models.variants.items():
        if not _foreign(converted):
            yield _device(models, script, kind, converted)


def _keras(models):
    features, core, labels = models.preparation.features, models.core, models.preparation.labels
    names = [spec.name for spec in models.edge.inputs]

    def tensors(columns):
        return {name: value[:, : models.length] for name, value in features(columns).items()}

    def function(**columns):
        prepared = tensors(columns)
        return models.edge.function(*(prepared[name] for name in names))

    def answers(columns):
        outputs = answer(tf.function(function, reduce_retracing=True, autograph=False), columns)
        if labels and "label" in outputs:
            outputs["label"] = np.array([labels[number].encode() for number in outputs["label"]], object)
        return outputs

    def call(row):
        columns = _columns(models, row)
        return lambda: function(**columns)

    def predict(row):
        columns = _columns(models, row)

        def timed():
            prepared = tensors(columns)
            return core.predict({name: prepared[name] for name in core.input}, verbose=0)

        return timed

    size = sum((models.bundle.path / "training" / f"{name}.keras").stat().st_size for name in ("core", "features"))
    return _Form("keras", answers, size, {"call": call, "predict": predict})


def _columns(models, row):
    return {name: tf.constant([row[name]]) for name in models.recipe.inputs}


def _saved_model(models):
    path, served = models.bundle.path, models.bundle.model.signatures["serving_default"]

    def call(row):
        columns = _columns(models, row)
        return lambda: served(**columns)

    files = [path / "saved_model.pb", *(path / "variables").rglob("*"), *(path / "assets").rglob("*")]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return _Form("saved_model", lambda columns: answer(served, columns), size, {"call": call})


def _device(models, script, kind, converted):
    file = f"../{kind}.tflite"

    def answers(columns):
        model = script.Model(models.folder, file)
        rows = zip(*([text.encode() for text in column] for column in columns.values()), strict=True)
        outputs = [model.answer(*row) for row in rows]
        return {name: _stacked([each[name] for each in outputs]) for name in outputs[0]}

    def timed(threads):
        def call(row):
            model = script.Model(models.folder, file, threads)
            values = [row[name].encode() for name in models.recipe.inputs]
            return lambda: model.answer(*values)

        return call

    told = ("rung", "ops", "tried", "layers")
    facts = {"quantize": kind, **{name: getattr(converted, name) for name in told}}
    calls = {"1 thread": timed(1), "2 threads": timed(2)}
    return _Form(f"tflite {kind}", answers, len(converted.content), calls, facts)


def _stacked(values):
    if isinstance(values[0], str):
        return np.array([value.encode() for value in values], object)
    return np.stack(values)


def _loaded(path):
    spec = importlib.util.spec_from_file_location("rnnkit_edge_run", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
