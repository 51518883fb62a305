"""Forms: one model as Keras, as SavedModel and as each TFLite variant, all asked alike: raw rows -> answers."""

import dataclasses
import importlib.util
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import answer, joined, stacked
from rnnkit.bundle.writing import plain

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle
    from rnnkit.export.edge import Edge
    from rnnkit.export.tflite import Converted
    from rnnkit.recipe import Preparation, Recipe


PARITY = "parity"
"""A bundle's signature of this name, if it has one, answers what its edge does, in the place of serving_default."""


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

    @property
    def names(self) -> list[str]:
        """Raw inputs, in order."""
        return self.bundle.card["inputs"]

    @property
    def forms(self) -> dict[str, dict]:
        """Raw inputs, in order, with their types and shapes."""
        forms = self.bundle.card["signatures"]["serving_default"]["inputs"]
        return {name: forms[name] for name in self.names}


def columns_of(rows: Sequence[Mapping], forms: Mapping[str, Mapping]) -> dict[str, "list[str] | np.ndarray"]:
    """Returns kept rows by input, texts as they are, others as arrays.

    Args:
        rows: Raw ones.
        forms: Of the inputs of the signature that takes them, name -> `{"dtype", "shape"}`.
    """
    columns = {name: [row[name] for row in rows] for name in forms}
    if all(isinstance(column[0], str) for column in columns.values()):
        return columns
    return {name: stacked(columns[name], form["dtype"], len(form["shape"]) - 1) for name, form in forms.items()}


@dataclasses.dataclass(frozen=True)
class Form:
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


def forms_of(models: Models) -> Iterator[Form]:
    """Yields Keras, which the others are compared with, the SavedModel, and each variant that can run here."""
    yield _keras(models)
    yield _saved_model(models)
    # From where run.py was copied, so that nothing compiled is left beside the copy.
    script = _loaded(models.edge.script)
    for kind, converted in models.variants.items():
        if not foreign(converted):
            yield _device(models, script, kind, converted)


def _keras(models):
    features, core, labels = models.preparation.features, models.core, models.preparation.labels
    names = [spec.name for spec in models.edge.inputs]

    def tensors(columns):
        prepared = features(columns)
        if models.length:
            prepared = {name: value[:, : models.length] for name, value in prepared.items()}
        return {**columns, **prepared}

    def function(**columns):
        prepared = tensors(columns)
        return models.edge.function(*(prepared[name] for name in names))

    def answers(columns):
        outputs = answer(tf.function(function, reduce_retracing=True, autograph=False), columns)
        # A number is what scores are ordered by; a tagger names what it found itself.
        if labels and "label" in outputs and outputs["label"].dtype.kind == "i":
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
    # A core that reads its own answer, as a decoder does, can't be asked for one by itself.
    alone = set(core.input) <= set(features.output)
    return Form("keras", answers, size, {"call": call, **({"predict": predict} if alone else {})})


def _columns(models, row):
    return {name: tf.constant(column) for name, column in columns_of([row], models.forms).items()}


def _saved_model(models):
    path, signatures = models.bundle.path, models.bundle.model.signatures
    served = signatures[PARITY if PARITY in signatures else "serving_default"]

    def call(row):
        columns = _columns(models, row)
        return lambda: served(**columns)

    files = [path / "saved_model.pb", *(path / "variables").rglob("*"), *(path / "assets").rglob("*")]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return Form("saved_model", lambda columns: answer(served, columns), size, {"call": call})


def _device(models, script, kind, converted):
    file = f"../{kind}.tflite"

    def answers(columns):
        model = script.Model(models.folder, file)
        rows = zip(*(map(_raw, column) for column in columns.values()), strict=True)
        outputs = [model.answer(*row) for row in rows]
        return {name: joined([_row(each[name]) for each in outputs]) for name in outputs[0]}

    def timed(threads):
        def call(row):
            model = script.Model(models.folder, file, threads)
            values = [_raw(row[name]) for name in models.names]
            return lambda: model.answer(*values)

        return call

    told = ("rung", "ops", "tried", "layers")
    facts = {"quantize": kind, **{name: getattr(converted, name) for name in told}}
    calls = {"1 thread": timed(1), "2 threads": timed(2)}
    return Form(f"tflite {kind}", answers, len(converted.content), calls, facts)


def _raw(value):
    """One input of a row as run.py takes it: a text as bytes, else nested lists."""
    if isinstance(value, str):
        return value.encode()
    return plain(value)


def _row(value):
    """One output of run.py for a row as `(1, ...)`, texts as bytes."""
    if not isinstance(value, str | list):
        return np.asarray(value)[None]
    texts = np.array(None if isinstance(value, str) else [None] * len(value), object)
    texts[...] = value.encode() if isinstance(value, str) else [text.encode() for text in value]
    return texts[None]


def _loaded(path):
    spec = importlib.util.spec_from_file_location("rnnkit_edge_run", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def foreign(converted: "Converted") -> list[str]:
    """Returns TensorFlow's own ops in a variant, for which no interpreter in Python has the delegate."""
    return [op for op in converted.ops if op.startswith("Flex")]
