"""Estimate: some rows, the recipe and its settings -> about how long training takes, and how much memory.

A core is built as `run` builds it, and a few steps are trained on batches of two lengths; what they take is
laid over the lengths of all rows.
"""

import dataclasses
import math
import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from rnnkit.checking.memory import Watch, resident
from rnnkit.checking.prepared import LONG, Prepared
from rnnkit.checking.timing import STEPS, Epoch, step_seconds, timed
from rnnkit.layers import recurrent_loop
from rnnkit.progress import SILENT, Reporter
from rnnkit.training import store
from rnnkit.training.batches import Batches
from rnnkit.training.fit import compiles_loops
from rnnkit.training.objectives import RowLoss
from rnnkit.training.optimizers import optimizer
from rnnkit.training.precision import precision

FORWARD = 1 / 3
"""Share of a training step's time that a row takes in validation."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What the training will take, about.

    Attributes:
        epoch_seconds: Of one pass over the training rows, with validation.
        training_seconds: Of all epochs, if none is saved by stopping early.
        memory: Bytes of the process at its peak in training, baselines not counted.
        growth: Those of them that it does not hold yet.
        steps: Gradient steps in an epoch.
        parameters: Of the core.
        vocabulary: Expected of all training rows; 0 where there is none.
        rows: Rows that were looked at.
        device: On which the steps were timed.
    """

    epoch_seconds: float
    training_seconds: float
    memory: int
    growth: int
    steps: int
    parameters: int
    vocabulary: int
    rows: int
    device: str


def estimate(recipe, settings, prepared: Prepared, counts: Mapping[str, int], reporter: Reporter = SILENT) -> Estimate:
    """Times a few training steps and lays them over all rows.

    Args:
        recipe, settings: As for `run`.
        prepared: Some of the training rows.
        counts: Rows of `train` and `valid`.
        reporter: Tells a person what goes on.

    Raises:
        ValueError, LookupError, OSError: As the recipe's own building.
    """
    before = resident()
    facts = _grown(prepared, settings, counts["train"])
    batches = Batches(prepared.store, settings.batch_size, settings.token_budget, settings.seed)
    epoch = Epoch.of(batches, counts["train"], settings)
    with precision(settings.precision), recurrent_loop("compiled" if epoch.compiled(settings) else "plain"):
        core = recipe.build(facts, settings)
        objective = recipe.objective(facts, settings)
        core.compile(optimizer(settings, epoch.steps * settings.epochs), RowLoss(objective.train), jit_compile=False)
        with reporter.task("timing some steps"), Watch() as watch:
            line = timed(core, batches, epoch.two())
    seconds = prepared.longer * epoch.over(line.seconds)
    valid = prepared.longer * FORWARD * epoch.every(line.seconds) * counts["valid"] / max(counts["train"], 1)
    compiling = line.first * (len(epoch.lengths) if epoch.compiled(settings) else 1)
    weights = 4 * core.count_params()
    # What a step needs grows with the batch; weights, gradients and the optimiser's slots do not.
    slots = 4 * sum(int(np.prod(variable.shape)) for variable in core.optimizer.variables)
    working = max(watch.peak - before - weights - slots, 0)
    step = working * max(1.0, epoch.largest / max(line.largest, 1))
    more = int(3 * weights + slots + step + _stored(prepared.store, counts))
    return Estimate(
        epoch_seconds=seconds + valid,
        training_seconds=settings.epochs * (seconds + valid) + compiling,
        memory=before + more,
        growth=more,
        steps=epoch.steps,
        parameters=core.count_params(),
        vocabulary=facts.get("vocabulary", 0),
        rows=len(prepared.rows),
        device=_device(),
    )


def estimate_batches(recipe, settings, splits, reporter: Reporter = SILENT) -> Estimate:
    """Estimates as `estimate` does for a recipe that deals its own batches, all of one shape.

    Raises:
        ValueError, LookupError, OSError: As the recipe's own preparation and building.
    """
    before = resident()
    preparation = recipe.prepare(splits.train, settings, reporter)
    train, valid = recipe.batches(preparation, splits, settings, reporter)
    steps = settings.steps_per_epoch or len(train)
    compiled = compiles_loops(settings, train.steps_in_all * steps / len(train))
    with precision(settings.precision), recurrent_loop("compiled" if compiled else "plain"):
        core = recipe.build(preparation.facts, settings)
        model = (recipe.trained and recipe.trained(core, train, valid, settings)) or core
        objective = recipe.objective(preparation.facts, settings)
        model.compile(optimizer(settings, steps * settings.epochs), RowLoss(objective.train), jit_compile=False)
        with reporter.task("timing some steps"), Watch() as watch:
            seconds = step_seconds(model, train.dataset(repeat=True), STEPS + 1)
    each = float(np.median(seconds[1:] or seconds))
    epoch = each * (steps + FORWARD * len(valid))
    weights = 4 * core.count_params()
    growth = int(watch.peak - before + 3 * weights)
    return Estimate(
        epoch_seconds=epoch,
        training_seconds=settings.epochs * epoch + max(seconds[0] - each, 0.0),
        memory=before + growth,
        growth=growth,
        steps=steps,
        parameters=core.count_params(),
        vocabulary=0,
        rows=train.rows_in_all,
        device=_device(),
    )


def _grown(prepared, settings, rows):
    """Returns the facts with the vocabulary that all rows will have, by Heaps' law fitted to the sample's halves."""
    facts = dict(prepared.preparation.facts)
    known, ids = facts.get("vocabulary"), prepared.preparation.sequences[0]
    if not known or prepared.rows.whole:
        return facts
    column = prepared.store.sequences[ids]
    every = [column.row(row) for row in range(len(prepared.store))]
    some, whole = (len(np.unique(np.concatenate(part))) for part in (every[::2], every))
    exponent = min(max(math.log2(whole / some), 0.0), 1.0) if whole > some else 0.0
    most = max(getattr(settings, "vocabulary", LONG), known)
    return facts | {"vocabulary": int(min(known * (rows / len(every)) ** exponent, most))}


def _stored(stored, counts):
    """Bytes of the encoded rows of both splits, as far as they are kept in memory."""
    total, per_split = 0, store.MEMORY_LIMIT
    for split in ("train", "valid"):
        for column in stored.sequences.values():
            step = int(np.prod(column.shape, dtype=np.int64)) * column.dtype.itemsize
            total += min(per_split, int(stored.lengths.mean() * step * counts[split]))
    return total


def _device():
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} CPU core{'' if cores == 1 else 's'}"
