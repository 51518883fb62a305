"""Recipe: what differs between applications, and the one order in which it runs."""

import dataclasses
import datetime
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from rnnkit import bundle
from rnnkit.answers import Signature, answer_rows
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import Settings
from rnnkit.sources import Splits
from rnnkit.training.batches import Batches
from rnnkit.training.fit import fit
from rnnkit.training.objectives import Objective
from rnnkit.training.precision import precision
from rnnkit.training.store import encode

if TYPE_CHECKING:
    from rnnkit.export.edge import Edge

VALIDATION_TOKENS = 16_384


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
    """

    features: keras.Model
    target: keras.Model
    facts: Mapping[str, int]
    sequences: tuple[str, ...]
    labels: tuple[str, ...] = ()
    initial: Mapping[str, list[np.ndarray]] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One application of recurrent networks, from a file of rows to a served model.

    Attributes:
        name: As typed on the command line.
        settings: Its settings class.
        inputs: Names of the raw inputs.
        target: Name of the column to be predicted.
        sample: File name of its sample in `rnnkit.data`.
        read: `(data, valid, test, settings, progress) -> Splits` of raw rows.
        prepare: `(train rows, settings, reporter) -> Preparation`.
        build: `(facts, settings) -> core`, tensors -> tensors; reads no file.
        objective: `(facts, settings) -> Objective`.
        calibrate: `(core, valid batches) -> notes`: sets what is chosen on the validation split after
            training, such as a temperature, the weights of a blend, or a threshold.
        serve: `(preparation, core) -> {name: Signature}`, in the user's terms.
        judge: `(answers, truth, labels) -> scores`; the first score is the one to look at.
        baselines: `(splits, labels, settings, reporter) -> {name: {"test": scores}}`.
        pictures: `title -> (axes, answers, truth, labels)`, drawn into the report.
        edge: `(preparation, core) -> Edge`, what runs on a device; None where nothing does.
    """

    name: str
    settings: type[Settings]
    inputs: tuple[str, ...]
    target: str
    sample: str
    read: Callable[..., Splits]
    prepare: Callable[..., Preparation]
    build: Callable[[Mapping[str, int], Any], keras.Model]
    objective: Callable[[Mapping[str, int], Any], Objective]
    calibrate: Callable[[keras.Model, Batches], tuple[str, ...]]
    serve: Callable[[Preparation, keras.Model], dict[str, Signature]]
    judge: Callable[..., dict[str, float]]
    baselines: Callable[..., dict[str, dict[str, dict[str, float]]]]
    pictures: Mapping[str, Callable[..., None]] = dataclasses.field(default_factory=dict)
    edge: "Callable[[Preparation, keras.Model], Edge] | None" = None


def run(
    recipe: Recipe,
    settings: Settings,
    *,
    data=None,
    valid=None,
    test=None,
    out: str | pathlib.Path = "saved_models",
    name: str | None = None,
    reporter: Reporter = SILENT,
) -> bundle.Bundle:
    """Trains `recipe` and writes the result as the next version of `out/name`.

    Args:
        recipe: The application.
        settings: Of the recipe's settings class.
        data, valid, test: Tables given as DataFrames; each takes the place of the setting.
        out: Folder of bundles.
        name: Name of the bundle; the recipe's by default.
        reporter: Tells a person what goes on.

    Raises:
        ValueError, LookupError, OSError: As the message says, in one line; nothing is written then.
    """
    home = bundle.home(out, name or recipe.name)
    keras.utils.set_random_seed(settings.seed)
    splits = _read(recipe, settings, data, valid, test, reporter)
    preparation = recipe.prepare(splits.train, settings, reporter)
    with precision(settings.precision):
        core = recipe.build(preparation.facts, settings)
        for layer, values in preparation.initial.items():
            core.get_layer(layer).set_weights(values)
        train, valid = _batches(recipe, preparation, splits, settings, reporter)
        history = fit(core, train, valid, recipe.objective(preparation.facts, settings), settings, reporter)
    notes = (*splits.notes, *preparation.notes, *recipe.calibrate(core, valid))
    for note in notes:
        reporter.say(f"note: {note}")
    signatures = recipe.serve(preparation, core)
    scores, answers = _score(recipe, signatures["serving_default"], splits, preparation.labels, reporter)
    baselines = recipe.baselines(splits, preparation.labels, settings, reporter)
    card = {
        "recipe": recipe.name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "settings": settings.as_dict(),
        "data": splits.card,
        "inputs": list(recipe.inputs),
        "target": recipe.target,
        "labels": list(preparation.labels),
        "facts": dict(preparation.facts),
        "scores": scores,
        "baselines": baselines,
        "train_seconds": history.seconds,
        "examples_per_second": history.examples_per_second,
        "tokens_per_second": history.tokens_per_second,
        "epochs": len(history.epochs),
        "best_epoch": history.best,
        "parameters": core.count_params(),
        "notes": list(notes),
    }
    kept = {split: _drawn(getattr(splits, split), most, settings.seed) for split, most in bundle.KEPT_ROWS.items()}
    parts = bundle.Parts(core, preparation.features, preparation.target, history.epochs, settings, signatures, kept)
    pictures = {title: (draw, *answers, preparation.labels) for title, draw in recipe.pictures.items()}
    example = next(splits.valid.chunks(bundle.WARMUP_ROWS))
    return bundle.write(home, parts, card, {name: example[name] for name in recipe.inputs}, pictures)


def _read(recipe, settings, data, valid, test, reporter) -> Splits:
    tables = [
        given if given is not None else setting
        for given, setting in ((data, settings.data), (valid, settings.valid or None), (test, settings.test or None))
    ]
    tables = [sample_path(recipe) if isinstance(table, str) and table == "sample" else table for table in tables]
    with reporter.task("reading", unit="bytes") as advance:
        return recipe.read(*tables, settings, lambda done, total: advance(done, total=total))


def sample_path(recipe: Recipe) -> pathlib.Path:
    """Returns where the recipe's embedded sample lies."""
    import rnnkit.data

    return pathlib.Path(rnnkit.data.__path__[0]) / recipe.sample


def _batches(recipe, preparation, splits, settings, reporter):
    stores = []
    for split in ("train", "valid"):
        rows = getattr(splits, split)
        with reporter.task(f"encoding {split}", total=len(rows), unit="rows") as advance:
            stores.append(encode(rows, preparation, recipe.target, advance))
    weights = _class_weights(stores[0].targets, preparation.labels) if settings.class_weights == "balanced" else None
    train = Batches(stores[0], settings.batch_size, settings.token_budget, settings.seed, weights)
    valid = Batches(stores[1], 256, VALIDATION_TOKENS)
    return train, valid


def _class_weights(targets, labels):
    counts = np.bincount(targets, minlength=len(labels))
    return (len(targets) / (len(labels) * np.maximum(counts, 1))).astype(np.float32)


def _score(recipe, signature, splits, labels, reporter):
    """Scores what is served, on raw rows, so that the numbers are the deployed model's."""
    scores = {}
    for split in ("valid", "test"):
        rows = getattr(splits, split)
        with reporter.task(f"scoring {split}", total=len(rows), unit="rows") as advance:
            answers, truth = answer_rows(signature.function, rows, recipe.inputs, recipe.target, advance)
        scores[split] = recipe.judge(answers, truth, labels)
    return scores, (answers, truth)


def _drawn(rows, most, seed):
    """Draws rows by chance, or takes all where they are few; in their order."""
    places = np.random.default_rng(seed).permutation(len(rows))[:most]
    chosen = np.zeros(len(rows), bool)
    chosen[places] = True
    drawn, start = [], 0
    for chunk in rows.chunks():
        size = len(chunk[rows.target])
        for place in np.flatnonzero(chosen[start : start + size]):
            drawn.append({name: column[place] for name, column in chunk.items()})
        start += size
    return drawn
