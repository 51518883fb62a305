"""Parity: raw rows -> answers of Keras, the SavedModel and each TFLite variant -> how they differ, score and how fast.

Each variant answers through run.py as it is shipped, so a text that is split otherwise shows as a difference.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import joined
from rnnkit.export.forms import Models, columns_of, foreign, forms_of
from rnnkit.settings import from_mapping

DIFFERENCE = 1e-4
"""Most that an output of the float variant may differ from Keras', as a share of it where it is above 1."""

POINTS = {"dynamic": 0.005, "float16": 0.005, "int8": 0.015}
"""Most that the score may differ from Keras'."""

FAR = 1.0
"""Most that an output of any variant may differ from Keras' where label and text are the same, whatever the score: all
of a probability."""

GENTLER = {"int8": ("dynamic", "float16", "none"), "dynamic": ("float16", "none"), "float16": ("none",)}

CALLS, SECONDS = 200, 1.0
"""Calls that a latency is taken from, and the time after which fewer will do."""


def encoded(
    rows: Sequence[Mapping],
    features: keras.Model,
    specs: Sequence[tf.TensorSpec],
    length: int | None,
    forms: Mapping[str, Mapping],
) -> Iterator[dict[str, np.ndarray]]:
    """Yields each raw row as the tensors of `specs`, batch 1, cut or padded with zeros to a fixed length."""
    for row in rows:
        columns = {name: tf.constant(column) for name, column in columns_of([row], forms).items()}
        tensors = columns | features(columns)
        arrays = {spec.name: tensors[spec.name].numpy() for spec in specs}
        yield {name: _fitted(array, length) for name, array in arrays.items()} if length else arrays


def _fitted(array, length):
    cut = array[:, :length]
    return np.pad(cut, [(0, length - cut.shape[1] if axis == 1 else 0) for axis in range(cut.ndim)])


def measure(models: Models, rows: Sequence[Mapping], reporter) -> dict:
    """Compares all forms of a model on the same rows.

    Args:
        models: The forms.
        rows: Raw inputs and target of each.
        reporter: Tells a person what goes on.

    Returns:
        `rows`, `score` (its name), `variants`, each with `name`, `score`, `bytes`, `latency_ms` and, against
        Keras, `difference` (largest, of any output, as a share of those above 1), `equal` (share of rows with the
        same label or text) and `far` (largest difference of those alone); and `fault`, the first variant out of
        tolerance, or that nothing here can run, as a sentence, or None. Latencies are of one row of middling length,
        from raw row to answer.
    """
    recipe = models.recipe
    settings = from_mapping(recipe.settings, models.bundle.card["settings"])
    columns = columns_of(rows, models.forms)
    truth = recipe.truth(rows) if recipe.truth else [row[recipe.target] for row in rows]
    middle = sorted(rows, key=lambda row: len(row[models.names[0]]))[len(rows) // 2]
    variants, expected, metric = [], None, ""
    for form in forms_of(models):
        with reporter.task(f"measuring {form.name}"):
            answers = form.answers(columns)
            expected = expected or answers
            scores = recipe.judge(answers, truth, models.preparation.labels, settings)
            metric = next(iter(scores))
            variants.append(
                {
                    "name": form.name,
                    "score": scores[metric],
                    **_compared(answers, expected),
                    "far": _far(answers, expected),
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


def _unmeasured(variants):
    for kind, converted in variants.items():
        if ops := foreign(converted):
            return (
                f"tflite, quantize {kind}, has {', '.join(ops)}: TensorFlow's own ops, for which no interpreter "
                "in Python has the delegate, so it was not measured and run.py can't answer with it."
            )
    return None


def _compared(answers, expected):
    difference, same = _by_row(answers, expected)
    return {"difference": _largest(difference), "equal": float(np.mean(same))}


def _far(answers, expected):
    """Gives the largest difference of rows that are else answered the same: another text has another score."""
    difference, same = _by_row(answers, expected)
    return _largest(difference[same | np.isnan(difference)])


def _by_row(answers, expected):
    """Gives the largest difference of each row's numbers, and whether all else in it is the same."""
    difference, same = np.zeros(1), np.ones(1, bool)
    for name in expected:
        # Rows of any length, of which one form may find more than the other.
        values, others = np.split(joined([expected[name], answers[name]]), [len(expected[name])])
        if values.dtype.kind == "f":
            apart = np.abs(others - values) / np.maximum(np.abs(values), 1)
            difference = np.maximum(difference, apart.reshape(len(values), -1).max(1, initial=0.0))
        else:
            same = same & (others == values).reshape(len(values), -1).all(axis=1)
    return np.broadcast_arrays(difference, same)


def _largest(differences):
    # NumPy's largest, for Python's own takes NaN for small.
    return float(differences.max(initial=0.0))


def _fault(variants, metric, rows):
    keras_score = variants[0]["score"]
    for variant in variants:
        kind = variant.get("quantize")
        if kind == "none" and not variant["difference"] <= DIFFERENCE:
            return (
                f"tflite, quantize none, differs from Keras by {variant['difference']:.1e}, "
                f"and {DIFFERENCE:.0e} is allowed. Serve the bundle as a SavedModel."
            )
        if kind is not None and not (far := variant.get("far", variant["difference"])) <= FAR:
            return (
                f"tflite, quantize {kind}, has an answer that differs from Keras' by {far:.2g}, "
                f"and {FAR:g} is allowed. Quantize less: {', '.join(GENTLER[kind])}."
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
