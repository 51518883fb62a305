"""Trial: a TFLite file -> run in ai-edge-litert at several lengths, twice each; and what a conversion fails by."""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping

import numpy as np

from rnnkit.answers import Signature

TRIED = ((1, 1), (2, 3), (7, 5))
"""Lengths of axes that are free, and rows where the first axis is."""


class ConversionError(ValueError):
    """A model can't be converted as asked; the message says what failed and what to do."""


def interpreter_class() -> Callable:
    """Returns ai-edge-litert's interpreter.

    Raises:
        ImportError: It is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise ImportError(
            "ai-edge-litert is not installed, and a .tflite is only written after it has been run: "
            "pip install ai-edge-litert"
        ) from None
    return Interpreter


def prove(content: bytes, signatures: Mapping[str, Signature], interpreter: Callable) -> None:
    """Runs each signature of a file at several lengths, twice each.

    Raises:
        ConversionError: It does not run, answers what is no number, or not the same again.
    """
    with silenced():
        try:
            model = interpreter(model_content=content, num_threads=1)
            for name, signature in signatures.items():
                _prove_signature(model.get_signature_runner(name), signature.inputs)
        except (RuntimeError, ValueError) as error:
            if isinstance(error, ConversionError):
                raise
            raise ConversionError(f"converted, but does not run: {reason(str(error))}") from None


def _prove_signature(run, specs):
    free = any(None in spec.shape for spec in specs)
    for length, rows in TRIED if free else TRIED[:1]:
        # Ones: the id of an unknown word, and not of padding.
        row = {spec.name: np.ones(_shape(spec, length, rows), spec.dtype.as_numpy_dtype) for spec in specs}
        first, again = run(**row), run(**row)
        _compare(first, again, f"at length {length}" if free else "")


def _shape(spec, length, rows):
    return [size or (length if axis else rows) for axis, size in enumerate(spec.shape)]


def _compare(first, again, where):
    for name, values in first.items():
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise ConversionError(f"converted, but {name} is not finite {where}".rstrip())
        if not np.array_equal(values, again[name]):
            raise ConversionError(f"converted, but {name} changes from one call to the next {where}".rstrip())


def reason(text: str) -> str:
    """Finds in the converter's pages the line that says what is the matter."""
    for pattern in (r"TF Select ops: (.+)", r"Custom ops: (.+)"):
        found = re.search(pattern, text)
        if found:
            return f"no built-in op for {found[1].strip()}"
    lines = [line.strip() for line in text.splitlines() if line.strip() and "warn" not in line.lower()]
    errors = [line for line in lines if re.search(r"\berror: |Error: |Check failed|not supported", line)]
    line = (errors or lines or ["no reason given"])[-1 if not errors else 0]
    return re.sub(r"^.*?(?:error|Error): ", "", line)[:300].rstrip(".")


@contextlib.contextmanager
def silenced():
    """Holds back what Python and C++ write to stdout and stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with open(os.devnull, "w") as nowhere:
        try:
            for number in (1, 2):
                os.dup2(nowhere.fileno(), number)
            yield
        finally:
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
