"""Edge: bundle -> edge/: model.tflite, plain files, run.py that answers raw rows with them, and parity.json.

bundle -> recipe's Edge -> conversion -> run.py on the bundle's test rows, beside Keras and the SavedModel -> edge/
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable, Mapping

import keras
import tensorflow as tf

from rnnkit import catalog
from rnnkit.answers import Signature
from rnnkit.bundle import Bundle
from rnnkit.bundle.hashing import hash_files
from rnnkit.bundle.layout import EDGE as FOLDER
from rnnkit.bundle.partial import partial_folder
from rnnkit.disk import is_full, sync, sync_names, why
from rnnkit.export import parity, tflite
from rnnkit.export.forms import Models
from rnnkit.messages import did_you_mean, listed
from rnnkit.parts import load_parts
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import from_mapping

MODEL, SCRIPT, PARITY = "model.tflite", "run.py", "parity.json"


@dataclasses.dataclass(frozen=True)
class Parts:
    """Several signatures of one file, around which a script does in steps what a recipe's function does at once.

    Attributes:
        signatures: Name in the file -> function and inputs; an axis that is None is free in the file.
        examples: Rows of the edge's inputs, each name -> array -> pairs of a signature's name and its inputs, as they
            come when those rows are answered; by these int8 is calibrated.
        floats: Names of signatures that are left out of int8, as those with a loop in them, at which the converter
            breaks down.
    """

    signatures: Mapping[str, Signature]
    examples: Callable[[Iterable[Mapping]], Iterable[tuple[str, Mapping]]]
    floats: tuple[str, ...] = ()

    def of(self, kind: str) -> dict[str, Signature]:
        """Returns the signatures that a quantisation has."""
        left_out = self.floats if kind == "int8" else ()
        return {name: signature for name, signature in self.signatures.items() if name not in left_out}


@dataclasses.dataclass(frozen=True)
class Edge:
    """What of a recipe runs on a device.

    Attributes:
        function: Tensors, as the preparation's features give them, or raw ones -> named tensors; traceable. With it
            Keras answers, and without `parts` it is what is converted.
        inputs: Specs with names, in the order of the function's arguments, batch 1, free axes None.
        files: Name -> text of the plain files that stand beside the model.
        script: The file copied to run.py. It has `Model(folder, file, threads)`, whose `answer` takes a raw
            row's inputs as bytes, in order, and returns outputs by name, a label by its own name.
        padded: Whether a row shorter than a fixed length is padded with zeros, which the model then leaves
            out; if not, all rows have the fixed length.
        parts: What is converted in the place of `function`.
        fixed: Fixed length -> the edge for it; without it, every free axis takes that length, and rows are cut to it.
    """

    function: Callable
    inputs: tuple[tf.TensorSpec, ...]
    files: Mapping[str, str]
    script: pathlib.Path
    padded: bool
    parts: Parts | None = None
    fixed: "Callable[[int], Edge] | None" = None


class OutOfTolerance(ValueError):
    """An export that does not answer as it must; `parity` is what was measured."""

    def __init__(self, message: str, measured: dict):
        super().__init__(message)
        self.parity = measured


def export_tflite(
    bundle: Bundle,
    *,
    quantize: str = "none",
    length: int | None = None,
    allow_select_ops: bool = False,
    keep: bool = False,
    reporter: Reporter = SILENT,
) -> dict:
    """Writes `edge/` into a bundle, whole or not at all, in the place of an earlier one.

    Args:
        bundle: What to export.
        quantize: One of `tflite.QUANTIZATIONS`.
        length: Fixes the time axis, for micro-controllers; longer rows are cut.
        allow_select_ops: Lets TensorFlow's own ops in, which need the Flex delegate.
        keep: Writes `edge/` even where the answers are out of tolerance.
        reporter: Tells a person what goes on.

    Returns:
        What parity.json holds.

    Raises:
        OutOfTolerance: The answers differ too much from Keras'.
        ValueError, LookupError, OSError, ImportError: As the message says; nothing is written then.
    """
    _check(quantize, length)
    recipe = catalog.load(bundle.card["recipe"])
    if recipe.edge is None:
        raise ValueError(f"The recipe {recipe.name!r} has no form for devices. Serve {bundle.path} as a SavedModel.")
    rows = bundle.rows("test")
    calibration = bundle.rows("train") if quantize == "int8" else []
    with reporter.task("loading"):
        preparation, core = load_parts(bundle, recipe)
        edge = recipe.edge(preparation, core, from_mapping(recipe.settings, bundle.card["settings"]))
        if length and edge.fixed:
            edge = edge.fixed(length)
    # A folder beside the final one, so that it can be renamed.
    with _written_whole(bundle.path / FOLDER), partial_folder(bundle.path) as partial:
        folder = _plain_files(partial / FOLDER, edge)
        forms = {name: bundle.card["signatures"]["serving_default"]["inputs"][name] for name in bundle.card["inputs"]}
        convert = _converter(edge, preparation, core, calibration, forms, length, allow_select_ops)
        variants = {}
        for kind in dict.fromkeys(("none", quantize)):
            with reporter.task(f"converting, quantize {kind}"):
                variants[kind] = convert(kind)
            # Last comes the one asked for; those before it are only measured, from outside the folder.
            (partial / f"{kind}.tflite").write_bytes(variants[kind].content)
        (folder / MODEL).write_bytes(variants[quantize].content)
        cut = None if edge.fixed else length
        models = Models(bundle, recipe, preparation, core, edge, folder, variants, cut)
        measured = {"quantize": quantize, "length": length, **parity.measure(models, rows, reporter)}
        measured["files"] = hash_files(folder)
        text = json.dumps(measured, indent=2, ensure_ascii=False)
        (folder / PARITY).write_text(text + "\n", encoding="utf-8")
        fault = measured["fault"]
        if fault is None or keep:
            sync(folder)
            _put(folder, bundle.path / FOLDER)
    if fault is not None:
        kept = (
            f"Kept as asked: {bundle.path / FOLDER}." if keep else "Nothing was written; --keep does so all the same."
        )
        raise OutOfTolerance(f"{fault} {kept}", measured)
    return measured


def _check(quantize, length):
    if quantize not in tflite.QUANTIZATIONS:
        raise ValueError(
            f"quantize must be one of {listed(tflite.QUANTIZATIONS)}. Got {quantize!r}. "
            f"{did_you_mean(quantize, tflite.QUANTIZATIONS)}".rstrip()
        )
    if length is not None and length < 1:
        raise ValueError(f"length must be at least 1. Got {length}.")
    try:
        import ai_edge_litert.interpreter  # noqa: F401
    except ImportError:
        raise ImportError(
            "ai-edge-litert is not installed, and what is exported is run before it is kept. "
            "Install it: pip install ai-edge-litert"
        ) from None


@contextlib.contextmanager
def _written_whole(folder):
    """Says of an error of the disk which folder could not be written."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if isinstance(error, tf.errors.OpError) and not is_full(error):
            raise
        raise OSError(f"{folder} could not be written: {why(error)}. What was there before is whole.") from None


def _plain_files(folder, edge):
    folder.mkdir()
    for name, text in edge.files.items():
        (folder / name).write_bytes(text.encode())
    shutil.copyfile(edge.script, folder / SCRIPT)
    return folder


def _converter(edge, preparation, core, rows, forms, length, allow_select_ops):
    """Returns `kind -> Converted`."""
    model = core
    if length and edge.padded:
        # Layers inside TimeDistributed heed the mask there, and so leave out what pads a row.
        model = keras.layers.TimeDistributed(core)
        model.built = True

    def examples(kind, length=None):
        return parity.encoded(rows if kind == "int8" else [], preparation.features, edge.inputs, length, forms)

    def whole(kind):
        how = {"quantize": kind, "calibration": examples(kind, length), "length": length}
        return tflite.convert([model], edge.function, edge.inputs, allow_select_ops=allow_select_ops, **how)

    def parted(kind):
        pairs = edge.parts.examples(examples(kind)) if kind == "int8" else ()
        how = {"quantize": kind, "calibration": pairs, "allow_select_ops": allow_select_ops}
        return tflite.convert_parts([model], edge.parts.of(kind), **how)

    return parted if edge.parts else whole


def _put(folder, final):
    """Renames the folder to its final name; what stood there goes into the folder's parent, to be thrown away.

    No system renames over a folder that isn't empty: killed between the two, the bundle has no edge/.
    """
    earlier = folder.with_name("earlier")
    if final.exists():
        os.rename(final, earlier)
    try:
        os.rename(folder, final)
        sync_names(final.parent)
    except BaseException:
        if earlier.exists():
            os.rename(earlier, final)
        raise
