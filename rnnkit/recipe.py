"""Recipe: what differs between applications; `running` has the one order in which it runs."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from rnnkit import bundle
from rnnkit.answers import Signature
from rnnkit.progress import Reporter
from rnnkit.settings import Settings
from rnnkit.sources import Splits
from rnnkit.training.callbacks import Score
from rnnkit.training.objectives import Objective

if TYPE_CHECKING:
    import scipy.sparse

    from rnnkit.export.edge import Edge


@dataclasses.dataclass(frozen=True)
class Preparation:
    """Raw row -> tensors, learnt on the train split, as Keras models so that it can be exported.

    Attributes:
        features: Model from named raw inputs `(batch,)` to the named tensors that the core eats.
        target: Model from the raw target `(batch,)` to what the loss eats.
        facts: Sizes the core needs, such as `vocabulary` and `classes`.
        sequences: The features with a time axis, ids first; id 0 is padding.
        labels: Names of the classes in the order of their numbers; empty where there are none.
        initial: First values of layers of the core, by layer name.
        notes: One-line remarks for the user, such as the coverage of word vectors.
        carried: Name of a fact -> sparse `(size, parent's size)` matrix: how what stands for each of
            its items begins as a mixture of what stood for the parent's items. An item with an
            empty row begins anew. Empty unless a parent was given.
    """

    features: keras.Model
    target: keras.Model
    facts: Mapping[str, int]
    sequences: tuple[str, ...]
    labels: tuple[str, ...] = ()
    initial: Mapping[str, list[np.ndarray]] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    carried: "Mapping[str, scipy.sparse.csr_matrix]" = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Parent:
    """A trained bundle of the same recipe from which training goes on.

    Attributes:
        bundle: The bundle.
        settings: The parent's.
        preparation: What its train split taught.
        core: Its trained core, in float32.
        rate: The learning rate of a model begun anew: the parent's, or if that is a child too, its first ancestor's.
    """

    bundle: bundle.Bundle
    settings: Settings
    preparation: Preparation
    core: keras.Model
    rate: float = 0.0


@dataclasses.dataclass(frozen=True)
class Reported:
    """What is known after the scoring, for what a recipe adds to the card and to the pictures.

    Attributes:
        settings, splits, preparation, core: Of the run.
        answers: Split, `valid` or `test` -> answers, name -> `(rows, …)`.
        truth: Split -> truth, as `judge` takes it.
        scores: Split -> scores.
        baselines: Name -> `{"test": scores}`.
        signatures: Name -> what is served.
        retrain: `splits -> function`, a model begun anew with the same settings on other splits, as it is served.
        reporter: Tells a person what goes on.
    """

    settings: Settings
    splits: Splits
    preparation: Preparation
    core: keras.Model
    answers: Mapping[str, Mapping[str, np.ndarray]]
    truth: Mapping[str, Any]
    scores: Mapping[str, Mapping[str, float]]
    baselines: Mapping[str, Mapping[str, Mapping[str, float]]]
    signatures: Mapping[str, Signature]
    retrain: Callable[[Splits], Callable]
    reporter: Reporter


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One application of recurrent networks, from a file of rows to a served model.

    Attributes:
        name: As typed on the command line.
        settings: Its settings class.
        inputs: Names of the raw inputs.
        target: Name of the column to be predicted.
        sample: File name of its sample, in `rnnkit.data` or made at first use; or one for each preset, '' for none.
        read: `(data, valid, test, settings, progress) -> Splits` of raw rows.
        prepare: `(train rows, settings, reporter) -> Preparation`.
        build: `(facts, settings) -> core`, tensors -> tensors; reads no file.
        objective: `(facts, settings) -> Objective`.
        select: `(preparation, core, valid rows, settings) -> Score`, by which the weights of an epoch are kept; by
            default the validation loss.
        begin: `(core, train batches, valid batches, settings, reporter) -> notes`: sets what is solved for before
            training.
        calibrate: `(core, valid batches, train batches) -> notes`: sets what is chosen on the validation split after
            training, such as a temperature, the weights of a blend, or a threshold.
        serve: `(preparation, core, settings) -> {name: Signature}`, in the user's terms.
        judge: `(answers, truth, labels, settings) -> scores`; the first score is the one to look at.
        baselines: `(splits, preparation, settings, reporter) -> {name: {"test": scores}}`.
        pictures: `title -> (axes, answers, truth, labels)`, drawn into training/report.png.
        batches: `(preparation, splits, settings, reporter) -> (train, valid)`; by default every row is encoded once
            and dealt into batches of like length.
        higher_is_better: Of the first score.
        shown: Scores that are printed, where there are many; all are in the card.
        example: `(rows, count) -> inputs` that stand for what is asked of the model; by default the first ones.
        kept: `(rows, most, seed) -> kept rows` of a split, ready for JSON; by default drawn by chance.
        answer: `(preparation, core, rows, settings, advance) -> answers` to a split that are judged; by default what
            `serving_default` answers row by row.
        trained: `(core, train batches, valid batches, settings) -> model` that is fitted in the core's place and has
            its weights; its losses are as `objective` says. By default, and where it gives None, the core.
        truth: `kept rows -> truth`, as `judge` takes it; by default the target of each.
        parent_rows: `(parent, rows, settings) -> rows` as the parent reads them, None where it can't be compared;
            by default as they are.
        inherited: `parent's card -> settings` of the source that a child takes over.
        report: `(Reported, card, folder)`: draws the pictures of the bundle's report/.
        details: `(Reported) -> {key: value}`, what else goes into the card.
        reread: `(data, settings, card, progress) -> rows` to be scored by a bundle; by default labelled rows.
        predict: `(bundle, input, output, options) -> Summary` where a file's answers are no answers to its rows.
        presets: Name -> YAML text of the settings that it stands for.
        edge: `(preparation, core, settings) -> Edge`, what runs on a device; None where nothing does.
        grow: `(parent, train rows, settings, reporter) -> Preparation` that goes on from a parent's.
        structure: Names of the settings that fix the preparation and the shape of the core: a child has its parent's.
        groups: Name of a part of the core -> starts of the names of its layers, for `--freeze`.
        align: `(answers, the parent's labels, labels) -> answers` of a parent as if it had these labels.
    """

    name: str
    settings: type[Settings]
    inputs: tuple[str, ...]
    target: str
    sample: str | Mapping[str, str]
    read: Callable[..., Splits]
    prepare: Callable[..., Preparation]
    build: Callable[[Mapping[str, int], Any], keras.Model]
    objective: Callable[[Mapping[str, int], Any], Objective]
    calibrate: Callable[[keras.Model, Any, Any], tuple[str, ...]]
    serve: Callable[[Preparation, keras.Model, Any], dict[str, Signature]]
    judge: Callable[..., dict[str, float]]
    baselines: Callable[..., dict[str, dict[str, dict[str, float]]]]
    pictures: Mapping[str, Callable[..., None]] = dataclasses.field(default_factory=dict)
    edge: "Callable[[Preparation, keras.Model, Any], Edge] | None" = None
    grow: "Callable[[Parent, Any, Any, Reporter], Preparation] | None" = None
    structure: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    align: Callable[..., dict[str, np.ndarray]] | None = None
    batches: Callable[..., tuple[Any, Any]] | None = None
    higher_is_better: bool = True
    shown: tuple[str, ...] = ()
    example: Callable[..., dict] | None = None
    kept: Callable[..., list[dict]] | None = None
    truth: Callable[[Sequence[Mapping]], Any] | None = None
    parent_rows: Callable[..., Any] | None = None
    inherited: Callable[[Mapping], dict[str, object]] | None = None
    report: "Callable[[Reported, dict, pathlib.Path], None] | None" = None
    details: "Callable[[Reported], dict] | None" = None
    reread: Callable[..., Any] | None = None
    predict: Callable[..., Any] | None = None
    begin: Callable[..., tuple[str, ...]] | None = None
    answer: Callable[..., dict[str, np.ndarray]] | None = None
    trained: Callable[..., keras.Model] | None = None
    presets: Mapping[str, str] = dataclasses.field(default_factory=dict)
    select: "Callable[..., Score | None] | None" = None
