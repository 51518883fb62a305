"""Running: the one order of steps, from raw rows to a bundle, for new models and for those that go on from another."""

import dataclasses
import datetime
import pathlib

import keras
import numpy as np

from rnnkit import bundle, catalog, runs
from rnnkit.answers import answer_rows
from rnnkit.checking import short_form
from rnnkit.parts import load_parts
from rnnkit.progress import SILENT, Reporter
from rnnkit.recipe import Parent, Preparation, Recipe
from rnnkit.settings import Settings, TransferSettings
from rnnkit.sources import Splits
from rnnkit.training.batches import Batches
from rnnkit.training.checkpoints import Checkpoints
from rnnkit.training.fit import History, fit
from rnnkit.training.freezing import freeze
from rnnkit.training.precision import precision
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
class _Trained:
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
    name = order.name or recipe.name
    home = bundle.home(order.out, name)
    described = describe(recipe, settings, order)
    if isinstance(settings, TransferSettings) and settings.encoder_from:
        # A wrong name is told before anything is read.
        bundle.load(settings.encoder_from)
    with runs.resume(order.out, name) if order.resume else runs.begin(order.out, name, described) as held:
        _check_same(held.description, described)
        splits = _read(recipe, settings, order, reporter)
        held.check_data(splits.card["sha256"])
        for line in short_form(recipe, splits):
            reporter.say(line)
        trained = _trained(recipe, settings, splits, order.parent, held.checkpoints("training"), reporter)
        for note in trained.notes:
            reporter.say(f"note: {note}")
        signatures = recipe.serve(trained.preparation, trained.core)
        labels = trained.preparation.labels
        scores, answers = _score(recipe, signatures["serving_default"].function, splits, labels, reporter)
        card = _card(recipe, settings, splits, trained)
        card |= {"scores": scores, "baselines": recipe.baselines(splits, labels, settings, reporter)}
        if order.parent:
            card["parent"] = _parent_card(recipe, order.parent, splits, labels, reporter)
        if order.scratch:
            reporter.say("now the same model begun anew, to compare:")
            card |= _scratch_card(recipe, order.scratch, splits, held.checkpoints("scratch"), reporter)
        for note in (changed := splits.changed()):
            reporter.say(f"note: {note}")
        card["notes"] += changed
        return _write(home, recipe, settings, splits, trained, signatures, card, answers)


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


def _check_same(begun, asked):
    for name in asked:
        if asked[name] != begun.get(name):
            raise ValueError(
                f"{name} is {begun.get(name)!r} in the interrupted run. Got {asked[name]!r}. "
                "Leave it as it was, or begin anew without --resume."
            )


def sample_path(recipe: Recipe) -> pathlib.Path:
    """Returns where the recipe's embedded sample lies."""
    import rnnkit.data

    return pathlib.Path(rnnkit.data.__path__[0]) / recipe.sample


def _read(recipe, settings, order, reporter) -> Splits:
    given = ((order.data, settings.data), (order.valid, settings.valid or None), (order.test, settings.test or None))
    tables = [table if table is not None else setting for table, setting in given]
    tables = [sample_path(recipe) if isinstance(table, str) and table == "sample" else table for table in tables]
    with reporter.task("reading", unit="bytes") as advance:
        return recipe.read(*tables, settings, lambda done, total: advance(done, total=total))


def _trained(recipe, settings, splits, parent, checkpoints: Checkpoints, reporter) -> _Trained:
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
        objective = recipe.objective(preparation.facts, settings)
        history = fit(core, train, valid, objective, settings, reporter, checkpoints)
    notes = (*preparation.notes, *taken, *recipe.calibrate(core, valid))
    return _Trained(preparation, core, history, notes)


def _encoder(path, core, preparation):
    source = bundle.load(path)
    recipe = catalog.load(source.card["recipe"])
    theirs, their_core = load_parts(source, recipe)
    return take_encoder(core, preparation, their_core, theirs, str(source.path))


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


def _score(recipe, function, splits, labels, reporter, parts=("valid", "test")):
    """Scores what is served, on raw rows, so that the numbers are the deployed model's."""
    scores = {}
    for split in parts:
        answers, truth = _answers(recipe, function, getattr(splits, split), f"scoring {split}", reporter)
        scores[split] = recipe.judge(answers, truth, labels)
    return scores, (answers, truth)


def _answers(recipe, function, rows, title, reporter):
    with reporter.task(title, total=len(rows), unit="rows") as advance:
        return answer_rows(function, rows, recipe.inputs, recipe.target, advance)


def _parent_card(recipe, parent, splits, labels, reporter):
    """Says which bundle the parent is, and how it answers the child's test rows."""
    function = parent.bundle.model.signatures["serving_default"]
    answers, truth = _answers(recipe, function, splits.test, "scoring the parent", reporter)
    card = {
        "path": str(parent.bundle.path),
        "recipe": parent.bundle.card["recipe"],
        "version": parent.bundle.card["version"],
        "sha256": parent.bundle.sha256,
        "learning_rate_anew": parent.rate,
    }
    if labels and not set(labels) & set(parent.preparation.labels):
        return card | {"scores": {}}
    if labels:
        answers = recipe.align(answers, parent.preparation.labels, labels)
    return card | {"scores": {"test": recipe.judge(answers, truth, labels)}}


def _scratch_card(recipe, settings, splits, checkpoints, reporter):
    """Trains a model anew on the child's rows and scores it on its test rows; that it fails does the child no harm."""
    try:
        fresh = _trained(recipe, settings, splits, None, checkpoints, reporter)
    except (ValueError, LookupError, OSError) as error:
        reporter.say(f"note: no model was begun anew to compare with: {error}")
        return {}
    function = recipe.serve(fresh.preparation, fresh.core)["serving_default"].function
    answers, truth = _answers(recipe, function, splits.test, "scoring what began anew", reporter)
    scores = {"test": recipe.judge(answers, truth, fresh.preparation.labels)}
    cost = {"train_seconds": fresh.history.seconds, "epochs": len(fresh.history.epochs)}
    return {"scratch": {"scores": scores, **cost}}


def _card(recipe, settings, splits, trained):
    preparation, history = trained.preparation, trained.history
    return {
        "recipe": recipe.name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "settings": settings.as_dict(),
        "data": splits.card,
        "inputs": list(recipe.inputs),
        "target": recipe.target,
        "labels": list(preparation.labels),
        "facts": dict(preparation.facts),
        "train_seconds": history.seconds,
        "checkpoint_seconds": history.checkpoint_seconds,
        "examples_per_second": history.examples_per_second,
        "tokens_per_second": history.tokens_per_second,
        "epochs": len(history.epochs),
        "best_epoch": history.best,
        "parameters": trained.core.count_params(),
        "notes": [*splits.notes, *trained.notes],
    }


def _write(home, recipe, settings, splits, trained, signatures, card, answers):
    preparation = trained.preparation
    kept = {split: _drawn(getattr(splits, split), most, settings.seed) for split, most in bundle.KEPT_ROWS.items()}
    models = trained.core, preparation.features, preparation.target
    parts = bundle.Parts(*models, trained.history.epochs, settings, signatures, kept)
    pictures = {title: (draw, *answers, preparation.labels) for title, draw in recipe.pictures.items()}
    example = next(splits.valid.chunks(bundle.WARMUP_ROWS))
    return bundle.write(home, parts, card, {name: example[name] for name in recipe.inputs}, pictures)


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
