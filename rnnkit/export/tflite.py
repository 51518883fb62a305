"""TFLite: Keras models and a function of them -> SavedModel -> a file of built-in ops, which has been run once.

A ladder, each rung tried in turn: LSTMs in the fused op -> all steps written out (fixed length) -> loops -> refusal.
"""

import dataclasses
import functools
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.export import integers
from rnnkit.export.flatbuffer import ops, unbounded_cells
from rnnkit.export.saved_model import write_saved_model
from rnnkit.export.trial import ConversionError, interpreter_class, prove, reason, silenced
from rnnkit.layers.exported import RUNGS, UNROLLED_AT_MOST, exported_loops
from rnnkit.messages import listed

QUANTIZATIONS = ("none", "dynamic", "float16", "int8")
CALIBRATION_ROWS = 256
SIGNATURE = "serving_default"
STEP_BYTES = 2_500
"""What one unrolled step adds to a file, about, whatever its units: measured, LSTM and GRU."""


@dataclasses.dataclass(frozen=True)
class Converted:
    """A model for TFLite, and how it came about.

    Attributes:
        content: The file.
        rung: One of `RUNGS`: `fused` where at least one LSTM is; `unrolled` where no loop over time is left.
        ops: Names of its ops, in all its subgraphs, sorted.
        tried: Rung -> why it was not taken, of those above.
        layers: One line per recurrent layer: the form it has.
    """

    content: bytes
    rung: str
    ops: tuple[str, ...]
    tried: Mapping[str, str]
    layers: tuple[str, ...] = ()


def convert(
    models: Sequence[keras.Model],
    function: Callable,
    inputs: Sequence[tf.TensorSpec],
    *,
    quantize: str = "none",
    calibration: Iterable[Mapping[str, np.ndarray]] | None = None,
    length: int | None = None,
    allow_select_ops: bool = False,
    rungs: Sequence[str] = RUNGS,
) -> Converted:
    """Converts a function of Keras models to a TFLite file that answers one row of any length.

    The file holds built-in ops alone, has been run in ai-edge-litert, and answers the same whatever
    it was asked before.

    Args:
        models: Whose variables the function uses.
        function: Positional tensors -> dict of named tensors; traceable.
        inputs: Specs with names, batch 1; other axes that are None are free in the file.
        quantize: `none`, `dynamic` (weights int8), `float16` (weights), `int8` (weights and activations;
            inputs and outputs stay as they are).
        calibration: For int8, rows as they come: input name -> array, batch 1. The first 256 are used.
        length: Fixes every free axis, for micro-controllers.
        allow_select_ops: As a last resort, TensorFlow ops that need the Flex delegate; such a file is not run.
        rungs: Those of `RUNGS` to try, in this order.

    Raises:
        ConversionError: No rung was reached, or not with this quantisation.
        ValueError: A value out of range, or int8 without calibration rows.
        ImportError: ai-edge-litert is not installed.
    """
    for spec in inputs:
        if not spec.shape.rank or spec.shape[0] != 1:
            raise ValueError(f"Input {spec.name!r} must have batch 1. Got {tuple(spec.shape)}.")
    if length is not None and length < 1:
        raise ValueError(f"length must be at least 1. Got {length}.")
    specs = tuple(fixed(spec, length) for spec in inputs)
    return convert_parts(
        models,
        {SIGNATURE: Signature(function, specs)},
        quantize=quantize,
        calibration=((SIGNATURE, row) for row in calibration or ()),
        allow_select_ops=allow_select_ops,
        rungs=rungs,
    )


def convert_parts(
    models: Sequence[keras.Model],
    signatures: Mapping[str, Signature],
    *,
    quantize: str = "none",
    calibration: Iterable[tuple[str, Mapping[str, np.ndarray]]] = (),
    allow_select_ops: bool = False,
    rungs: Sequence[str] = RUNGS,
) -> Converted:
    """Converts several functions of the same Keras models to one TFLite file, in which they share their weights.

    Args:
        models, quantize, allow_select_ops, rungs: As for `convert`; a rung is one for all signatures.
        signatures: Name in the file -> function and inputs. An axis that is None is free in the file.
        calibration: For int8, signature and row, input name -> array; the first 256 of each signature are used.

    Raises:
        ConversionError, ValueError, ImportError: As `convert` does.
    """
    rows = _check(signatures, quantize, calibration, rungs)
    interpreter = interpreter_class()
    tried = {}
    with tempfile.TemporaryDirectory(prefix="rnnkit-tflite-") as home:
        attempts = [(rung, False) for rung in rungs] + [(rung, True) for rung in rungs[-1:] if allow_select_ops]
        for rung, select in attempts:
            folder = pathlib.Path(home, f"{rung}{select}")
            try:
                forms = _traced(folder, models, signatures, rung, quantize)
                content = unbounded_cells(_converted(folder, list(signatures), quantize, rows, select))
                if not select:  # No interpreter in Python has the Flex delegate.
                    prove(content, signatures, interpreter)
            except ConversionError as error:
                tried[rung] = str(error)
                continue
            return Converted(content, rung, ops(content), tried, forms)
    raise _refusal(tried, quantize)


def _check(signatures, quantize, calibration, rungs):
    if quantize not in QUANTIZATIONS:
        raise ValueError(f"quantize must be one of {', '.join(QUANTIZATIONS)}. Got {quantize!r}.")
    if not rungs or set(rungs) - set(RUNGS):
        raise ValueError(f"rungs must be of {', '.join(RUNGS)}. Got {listed(rungs) or 'none'}.")
    if quantize != "int8":
        return None
    rows = {name: [] for name in signatures}
    for name, row in calibration:
        if len(rows[name]) < CALIBRATION_ROWS:
            rows[name].append(_row(row, len(rows[name]) + 1, signatures[name].inputs))
        elif all(len(each) == CALIBRATION_ROWS for each in rows.values()):
            break
    if not all(rows.values()):
        raise ValueError("int8 is calibrated on rows of data, and there are none. Give rows, or quantize dynamic.")
    return rows


def _row(row, number, specs):
    arrays = {}
    for spec in specs:
        if spec.name not in row:
            raise ValueError(f"Calibration row {number} has no {spec.name!r}. It has {listed(row)}.")
        arrays[spec.name] = np.asarray(row[spec.name], spec.dtype.as_numpy_dtype)
        if not spec.shape.is_compatible_with(arrays[spec.name].shape):
            wanted, given = tuple(spec.shape), arrays[spec.name].shape
            raise ValueError(f"Calibration row {number}: {spec.name!r} must be {wanted}. Got {given}. Cut the rows.")
    return arrays


def fixed(spec: tf.TensorSpec, length: int | None) -> tf.TensorSpec:
    """Gives every free axis a length."""
    sizes = [length if size is None else size for size in spec.shape]
    return tf.TensorSpec(sizes, spec.dtype, name=spec.name)


def _traced(folder, models, signatures, rung, quantize):
    """Writes a SavedModel whose recurrent layers have the form of the rung, and describes them."""
    free = any(None in spec.shape for signature in signatures.values() for spec in signature.inputs)
    if rung == "unrolled" and free:
        raise ConversionError("needs a fixed length: --length N")
    if rung == "fused" and quantize == "int8":
        # Measured: 32 units, 0.9 ms against 0.2 for the loop, and errors as large as the answers.
        raise ConversionError("its int8 form is slower than a loop, and wrong by as much as the answers are large")
    with exported_loops(models, rung) as loops:
        found = {}

        def endpoint(name, function, *tensors):
            # What was traced before belongs to another signature.
            loops.clear()
            outputs = function(*tensors)
            found[name] = list(loops)
            if len(found) == len(signatures):
                _check_forms([loop for each in found.values() for loop in each], models, rung, quantize)
            return outputs

        traceable = {
            name: Signature(functools.partial(endpoint, name, signature.function), signature.inputs)
            for name, signature in signatures.items()
        }
        write_saved_model(folder, models, traceable)
    return tuple(dict.fromkeys(f"{loop.layer}: {loop.form}" for each in found.values() for loop in each))


def _check_forms(loops, models, rung, quantize):
    forms = {loop.form for loop in loops}
    if rung == "fused" and "fused" not in forms:
        names = ", ".join(sorted({loop.layer for loop in loops})) or "none"
        raise ConversionError(f"no layer for the fused op, which is an LSTM from a zero state; there is {names}")
    if rung == "unrolled" and forms - {"unrolled"}:
        raise ConversionError(_too_deep(loops, models, quantize))


def _too_deep(loops, models, quantize):
    steps = [loop.steps for loop in loops]
    if None in steps:
        return "a layer's time stays free, whatever the length of the inputs"
    size = {"none": 4, "float16": 2}.get(quantize, 1) * sum(model.count_params() for model in models)
    size = (size + STEP_BYTES * sum(steps)) / 1e6
    return (
        f"too deep: {sum(steps):,} steps in all layers, and the limit is {UNROLLED_AT_MOST:,}; "
        f"the file would have about {size:.1f} MB. Give a smaller length"
    )


def _converted(folder, names, quantize, rows, select):
    if quantize == "int8":
        return _integers(folder, names, rows)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=names)
    kinds = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    converter.target_spec.supported_ops = kinds if select else kinds[:1]
    converter.optimizations = [] if quantize == "none" else [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16] if quantize == "float16" else []
    with silenced():
        try:
            return converter.convert()
        except Exception as error:  # It raises what it likes: ConverterError, a bare Exception, the graph's errors.
            raise ConversionError(reason(str(error))) from None


def _integers(folder, names, rows):
    """Converts in a process of its own: for some recurrent graphs the converter doesn't fail, it aborts."""
    calibration, result = folder / "calibration.npz", folder / "model.tflite"
    arrays = {
        f"{signature}/{place}/{name}": value
        for signature in names
        for place, row in enumerate(rows[signature])
        for name, value in row.items()
    }
    np.savez(calibration, **arrays)
    script = [sys.executable, integers.__file__, str(folder), str(calibration), str(result)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(script, capture_output=True, text=True, errors="replace", env=environment, check=False)
    if done.returncode == 0:
        return result.read_bytes()
    if done.returncode < 0:
        raise ConversionError(f"the converter broke down (signal {-done.returncode}): {reason(done.stderr)}")
    raise ConversionError(reason(done.stderr))


def _refusal(tried, quantize):
    reasons = "; ".join(f"{rung}: {reason}" for rung, reason in tried.items())
    mend = "Quantize dynamic instead." if quantize == "int8" else "--allow-select-ops takes TensorFlow's own ops along."
    return ConversionError(f"The model can't be converted to TFLite, quantize {quantize}. {reasons}. {mend}")
