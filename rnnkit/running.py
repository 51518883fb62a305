"""Running: the one order of steps, from raw rows to a bundle, for new models and for those that go on from another."""

import dataclasses
import datetime
import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf

from rnnkit import bundle, catalog, runs
from rnnkit.checking import short_form
from rnnkit.judging import answered, answering, by_rows
from rnnkit.parts import load_parts
from rnnkit.progress import SILENT, Reporter
from rnnkit.recipe import Parent, Preparation, Recipe, Reported
from rnnkit.samples import sample_file
from rnnkit.settings import Settings, TransferSettings
from rnnkit.sources import Splits
from rnnkit.sources.some import drawn, first
from rnnkit.training.batches import Batches
from rnnkit.training.checkpoints import Checkpoints
from rnnkit.training.fit import History, fit
from rnnkit.training.freezing import freeze
from rnnkit.training.precision import precision
from rnnkit.training.rate_finding import draw_range_test
from rnnkit.training.store import encode
from rnnkit.training.transfer import carry, take_encoder

VALIDATION_TOKENS = 16_384


@dataclasses.dataclass(frozen=True)
class Order:
    """What is asked for, apart from the settings.

    Attributes:
        data, valid, test: Tables given as DataFrames; each takes the place of the setting.
        out: Folder of bundles.
        name: Name of the bundle; the recipe's by default.
        resume: Go on with the newest interrupted run of that name.
        parent: Bundle from which training goes on; None for a new model.
        scratch: Settings of a model trained anew on the same rows, to compare a child with; None for none.
    """

    data: object = None
    valid: object = None
    test: object = None
    out: str | pathlib.Path = "saved_models"
    name: str | None = None
    resume: bool = False
    parent: Parent | None = None
    scratch: Settings | None = None


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training leaves."""

    preparation: Preparation
    core: keras.Model
    history: History
    notes: tuple[str, ...]


def run(recipe: Recipe, settings: Settings, order: Order | None = None, reporter: Reporter = SILENT) -> bundle.Bundle:
    """Trains `recipe` and writes the result as the next version of its name.

    Raises:
        ValueError, LookupError, OSError: As the message says, in one line; nothing is written then.
        Interrupted: Ctrl-C or SIGTERM; `resume` goes on where the training was.
    """
    order = order or Order()
    name = order.name or getattr(settings, "preset", "") or recipe.name
    home = bundle.home(order.out, name)
    described = describe(recipe, settings, order)
    if isinstance(settings, TransferSettings) and settings.encoder_from:
        # A wrong name is told before anything is read.
        bundle.load(settings.encoder_from)
    with runs.resume(order.out, name) if order.resume else runs.begin(order.out, name, described) as held:
        held.check_same(described)
        splits = _read(recipe, settings, order, reporter)
        held.check_data(splits.card["sha256"])
        for line in short_form(recipe, splits):
            reporter.say(line)
        trained = trained_parts(recipe, settings, splits, order.parent, held.checkpoints("training"), reporter)
        for note in trained.notes:
            reporter.say(f"note: {note}")
        signatures = recipe.serve(trained.preparation, trained.core, settings)
        told = _score(recipe, settings, splits, trained, signatures, reporter)
        card = _card(recipe, settings, splits, trained, signatures)
        card |= {"scores": told.scores, "baselines": told.baselines}
        if order.parent:
            card["parent"] = _parent_card(recipe, order.parent, told)
        if order.scratch:
            reporter.say("now the same model begun anew, to compare:")
            card |= _scratch_card(recipe, order.scratch, splits, held.checkpoints("scratch"), reporter)
        card |= recipe.details(told) if recipe.details else {}
        for note in (changed := splits.changed()):
            reporter.say(f"note: {note}")
        card["notes"] += changed
        return _write(home, recipe, trained, card, told)


def describe(recipe: Recipe, settings: Settings, order: Order) -> dict:
    """Returns what must be the same for an interrupted run to be gone on with."""
    parent = order.parent.bundle if order.parent else None
    return {
        "verb": "finetune" if parent else "run",
        "recipe": recipe.name,
        "parent": parent and (parent.sha256 or str(parent.path.absolute())),
        "scratch": order.scratch is not None,
        **settings.as_dict(),
    }


def sample_path(recipe: Recipe, settings: Settings | None = None) -> pathlib.Path:
    """Returns where the recipe's sample lies; that of a preset, where it has one of its own.

    Raises:
        OSError: It is made at first use, and can't be written.
    """
    sample = recipe.sample
    if not isinstance(sample, str):
        preset = getattr(settings, "preset", "")
        sample = sample.get(preset, sample[""])
    return sample_file(sample)


def _read(recipe, settings, order, reporter) -> Splits:
    given = ((order.data, settings.data), (order.valid, settings.valid or None), (order.test, settings.test or None))
    tables = [table if table is not None else setting for table, setting in given]
    own = (isinstance(table, str) and table == "sample" for table in tables)
    tables = [sample_path(recipe, settings) if asked else table for asked, table in zip(own, tables, strict=True)]
    with reporter.task("reading", unit="bytes") as advance:
        return recipe.read(*tables, settings, lambda done, total: advance(done, total=total))


def trained_parts(
    recipe, settings, splits, parent=None, checkpoints: Checkpoints | None = None, reporter: Reporter = SILENT
) -> Trained:
    """Prepares, builds, takes over what there is to take over, trains and calibrates."""
    keras.utils.set_random_seed(settings.seed)
    if parent:
        preparation = recipe.grow(parent, splits.train, settings, reporter)
    else:
        preparation = recipe.prepare(splits.train, settings, reporter)
    with precision(settings.precision):
        core = recipe.build(preparation.facts, settings)
        taken = carry(recipe, settings, parent, preparation, core) if parent else ()
        for layer, values in preparation.initial.items():
            core.get_layer(layer).set_weights(values)
        if isinstance(settings, TransferSettings):
            if settings.encoder_from:
                taken += _encoder(settings.encoder_from, core, preparation)
            taken += freeze(core, recipe.groups, settings.freeze)
        train, valid = _batches(recipe, preparation, splits, settings, reporter)
        if recipe.begin:
            taken += recipe.begin(core, train, valid, settings, reporter)
        objective = recipe.objective(preparation.facts, settings)
        score = recipe.select(preparation, core, splits.valid, settings) if recipe.select else None
        model = recipe.trained(core, train, valid, settings) if recipe.trained else None
        history = fit(core, train, valid, objective, settings, reporter, checkpoints, score, model)
    notes = (*preparation.notes, *taken, *history.notes, *recipe.calibrate(core, valid, train))
    return Trained(preparation, core, history, notes)


def _encoder(path, core, preparation):
    source = bundle.load(path)
    recipe = catalog.load(source.card["recipe"])
    theirs, their_core = load_parts(source, recipe)
    return take_encoder(core, preparation, their_core, theirs, str(source.path))


def _batches(recipe, preparation, splits, settings, reporter):
    if recipe.batches:
        return recipe.batches(preparation, splits, settings, reporter)
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


def _score(recipe, settings, splits, trained, signatures, reporter) -> Reported:
    """Scores what is served, on raw rows, so that the numbers are the deployed model's, and the baselines."""
    labels = trained.preparation.labels
    answers, truth, scores = {}, {}, {}
    ask = answering(recipe, trained.preparation, trained.core, settings, signatures["serving_default"])
    for split in ("valid", "test"):
        rows = getattr(splits, split)
        answers[split] = answered(ask, rows, f"scoring {split}", reporter)
        truth[split] = rows.truth()
        scores[split] = recipe.judge(answers[split], truth[split], labels, settings)

    def retrain(others):
        fresh = trained_parts(recipe, settings, others)
        return recipe.serve(fresh.preparation, fresh.core, settings)["serving_default"]

    parts = trained.preparation, trained.core
    baselines = recipe.baselines(splits, trained.preparation, settings, reporter)
    return Reported(settings, splits, *parts, answers, truth, scores, baselines, signatures, retrain, reporter)


def _parent_card(recipe, parent, told: Reported):
    """Says which bundle the parent is, and how it answers the child's test rows."""
    labels = told.preparation.labels
    rows = told.splits.test
    card = {
        "path": str(parent.bundle.path),
        "recipe": parent.bundle.card["recipe"],
        "version": parent.bundle.card["version"],
        "sha256": parent.bundle.sha256,
        "learning_rate_anew": parent.rate,
    }
    if labels and not set(labels) & set(parent.preparation.labels):
        return card | {"scores": {}}
    rows = recipe.parent_rows(parent, rows, told.settings) if recipe.parent_rows else rows
    if rows is None:
        return card | {"scores": {}}
    if recipe.answer:
        ask = answering(recipe, parent.preparation, parent.core, told.settings, None)
    else:
        function, inputs = parent.bundle.model.signatures["serving_default"], parent.bundle.card["inputs"]
        ask = by_rows(function, inputs)
    answers = answered(ask, rows, "scoring the parent", told.reporter)
    if labels:
        answers = recipe.align(answers, parent.preparation.labels, labels)
    return card | {"scores": {"test": recipe.judge(answers, told.truth["test"], labels, told.settings)}}


def _scratch_card(recipe, settings, splits, checkpoints, reporter):
    """Trains a model anew on the child's rows and scores it on its test rows; that it fails does the child no harm."""
    try:
        fresh = trained_parts(recipe, settings, splits, None, checkpoints, reporter)
    except (ValueError, LookupError, OSError) as error:
        reporter.say(f"note: no model was begun anew to compare with: {error}")
        return {}
    signature, rows = recipe.serve(fresh.preparation, fresh.core, settings)["serving_default"], splits.test
    ask = answering(recipe, fresh.preparation, fresh.core, settings, signature)
    answers = answered(ask, rows, "scoring what began anew", reporter)
    scores = {"test": recipe.judge(answers, rows.truth(), fresh.preparation.labels, settings)}
    cost = {"train_seconds": fresh.history.seconds, "epochs": len(fresh.history.epochs)}
    return {"scratch": {"scores": scores, **cost}}


def _card(recipe, settings, splits, trained, signatures):
    preparation, history = trained.preparation, trained.history
    return {
        "recipe": recipe.name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "settings": settings.as_dict(),
        "data": splits.card,
        "inputs": list(signatures["serving_default"].names),
        "target": recipe.target,
        "labels": list(preparation.labels),
        "higher_is_better": recipe.higher_is_better,
        **({"shown": list(recipe.shown)} if recipe.shown else {}),
        "facts": dict(preparation.facts),
        "train_seconds": history.seconds,
        "checkpoint_seconds": history.checkpoint_seconds,
        "examples_per_second": history.examples_per_second,
        "tokens_per_second": history.tokens_per_second,
        "epochs": len(history.epochs),
        "best_epoch": history.best,
        "learning_rate": history.found_rate or settings.learning_rate,
        "parameters": trained.core.count_params(),
        "notes": [*splits.notes, *trained.notes],
    }


def _write(home, recipe, trained, card, told: Reported):
    preparation, settings, splits = trained.preparation, told.settings, told.splits
    draw = recipe.kept or drawn
    kept = {split: draw(getattr(splits, split), most, settings.seed) for split, most in bundle.KEPT_ROWS.items()}
    models = trained.core, preparation.features, preparation.target
    report = functools.partial(recipe.report, told, card) if recipe.report else None
    # Those that a GPU has traced for the scores hold ops of cuDNN; what is written must run anywhere.
    anew = tf.config.list_physical_devices("GPU")
    signatures = recipe.serve(preparation, trained.core, settings) if anew else told.signatures
    parts = bundle.Parts(*models, trained.history.epochs, settings, signatures, kept, report)
    of_test = told.answers["test"], told.truth["test"], preparation.labels
    pictures = {title: (draw, *of_test) for title, draw in recipe.pictures.items()}
    if trained.history.range_test:
        pictures["range test of the learning rate"] = draw_range_test, trained.history.range_test
    example = (recipe.example or first)(splits.valid, bundle.WARMUP_ROWS)
    return bundle.write(home, parts, card, example, pictures)
