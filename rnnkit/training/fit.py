"""Fit: the only place that compiles and trains."""

import dataclasses
import math

import keras

from rnnkit.layers import recurrent_loop
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import TrainingSettings
from rnnkit.training.batches import Batches
from rnnkit.training.callbacks import KeepBest, ShowEpochs
from rnnkit.training.objectives import Objective, RowLoss
from rnnkit.training.optimizers import optimizer

XLA_PAYS_FROM = 5_000_000
"""Real steps in a whole training from which compiling each bucket's shape takes less than it saves."""


@dataclasses.dataclass(frozen=True)
class History:
    """How a training went.

    Attributes:
        epochs: A row per epoch: `epoch, loss, valid_loss, learning_rate, seconds`.
        best: Number of the epoch whose weights were kept, from 1.
        seconds: Time spent in all epochs, validation included.
        tokens_per_second, examples_per_second: Real steps, and rows, per second of training.
    """

    epochs: list[dict[str, float]]
    best: int
    seconds: float
    tokens_per_second: float
    examples_per_second: float


def fit(
    core: keras.Model,
    train: Batches,
    valid: Batches,
    objective: Objective,
    settings: TrainingSettings,
    reporter: Reporter = SILENT,
) -> History:
    """Trains `core` in place and leaves the weights of the epoch with the lowest validation loss in it.

    Raises:
        ValueError: The loss became NaN or infinite.
    """
    steps = settings.steps_per_epoch or len(train)
    core.compile(
        optimizer(settings, steps * settings.epochs),
        RowLoss(objective.train),
        jit_compile=False,
        steps_per_execution=settings.steps_per_execution or _steps_per_execution(core, steps),
    )
    keep = KeepBest(valid, objective.valid, patience=settings.patience, halve=settings.schedule == "plateau")
    callbacks = [keep, ShowEpochs(keep, train, steps, settings.epochs, reporter)]
    if settings.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(settings.tensorboard, update_freq="epoch"))
    share = steps / len(train)
    with _compiled_loops(settings, share * float(train.store.lengths.sum())):
        core.fit(
            train.dataset(repeat=True),
            steps_per_epoch=steps,
            epochs=settings.epochs,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
    if not math.isfinite(keep.lowest):
        raise ValueError(
            f"The validation loss became {keep.rows[-1]['valid_loss']}. "
            f"Lower --learning-rate from {settings.learning_rate:g}, or set --clip-norm to 1."
        )
    core.set_weights(keep.weights)
    training = sum(row["seconds"] for row in keep.rows)
    passes = share * len(keep.rows)
    return History(
        epochs=keep.rows,
        best=keep.best,
        seconds=round(training + keep.seconds, 3),
        tokens_per_second=round(passes * float(train.store.lengths.sum()) / training, 1),
        examples_per_second=round(passes * len(train.store) / training, 1),
    )


def _compiled_loops(settings, steps_in_epoch):
    """Has the recurrent loops compiled, where it pays, while the block trains; what is exported must not be.

    The whole step under XLA was slower on a CPU: 68 s against 25 s for an epoch of 4,000 long
    texts, with the gradient of the embedding the likely cause.
    """
    compiled = settings.xla == "yes" or (settings.xla == "auto" and steps_in_epoch * settings.epochs > XLA_PAYS_FROM)
    return recurrent_loop("compiled" if compiled else "plain")


def _steps_per_execution(core, steps):
    # The cost of returning to Python matters where a step is short; a bar should still move.
    if core.count_params() > 1_000_000:
        return 1
    return max(1, min(8, steps // 20))
