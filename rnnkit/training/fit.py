"""Fit: the only place that compiles and trains."""

import contextlib
import dataclasses
import math

import keras

from rnnkit.interrupts import Wish, asked_to_stop
from rnnkit.layers import recurrent_loop
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import TrainingSettings
from rnnkit.training.batches import Batches
from rnnkit.training.callbacks import KeepBest, Score, ShowEpochs
from rnnkit.training.checkpoints import Checkpoints
from rnnkit.training.freezing import layer_rates
from rnnkit.training.objectives import Objective, RowLoss
from rnnkit.training.optimizers import optimizer
from rnnkit.training.rate_finding import RangeTest, find_rate
from rnnkit.training.resuming import Resume, recall

XLA_PAYS_FROM = 5_000_000
"""Real steps in a whole training from which compiling each bucket's shape takes less than it saves."""


@dataclasses.dataclass(frozen=True)
class History:
    """How a training went.

    Attributes:
        epochs: A row per epoch: `epoch, loss, valid_loss, learning_rate, seconds`, and the score, if there is one.
        best: Number of the epoch whose weights were kept, from 1.
        seconds: Time spent in all epochs, validation included.
        tokens_per_second, examples_per_second: Real steps, and rows, per second of training.
        checkpoint_seconds: Time spent on checkpoints since the training began or was last gone on with.
        notes: One-line remarks for the user.
        range_test: By which the learning rate was found; None: it was given.
    """

    epochs: list[dict[str, float]]
    best: int
    seconds: float
    tokens_per_second: float
    examples_per_second: float
    checkpoint_seconds: float = 0.0
    notes: tuple[str, ...] = ()
    range_test: RangeTest | None = None

    @property
    def found_rate(self) -> float:
        """The learning rate that was found and used; 0.0 if none was."""
        return self.range_test.found if self.range_test else 0.0


def fit(
    core: keras.Model,
    train: Batches,
    valid: Batches,
    objective: Objective,
    settings: TrainingSettings,
    reporter: Reporter = SILENT,
    checkpoints: Checkpoints | None = None,
    score: Score | None = None,
    trained: keras.Model | None = None,
) -> History:
    """Trains `core` in place and leaves the best weights in it, by the validation loss or by a score.

    With `find_rate` a range test comes first, and the rate it finds takes the place of `learning_rate`.

    Args:
        core: The model.
        train, valid: Batches of the two splits.
        objective: What is minimised.
        settings: How.
        reporter: Tells a person what goes on.
        checkpoints: Where the state is kept meanwhile; if there is one already, the training
            goes on from it and ends with the weights it would have had.
        score: What is best, where it is not the lowest validation loss.
        trained: What is fitted in the core's place and has its weights, such as one that carries states.

    Raises:
        ValueError: The loss became NaN or infinite.
        Interrupted: Ctrl-C or SIGTERM; what was reached is in `checkpoints`.
    """
    steps = settings.steps_per_epoch or len(train)
    share = steps / len(train)
    rates = layer_rates(core, settings, steps)
    model = trained or core
    keep = KeepBest(
        valid,
        objective.valid,
        patience=settings.patience,
        halve=settings.schedule == "plateau",
        all_from=max((first for _, first in rates or ()), default=0) // steps,
        score=score,
        averaged=settings.average_epochs,
    )
    state = _newest(checkpoints, reporter)
    resume = test = None
    if state is not None:
        recall(keep, state)
        test = state.facts.get("range_test") and RangeTest(**state.facts["range_test"])
    if state is None or not state.facts["ended"]:
        compiled = compiles_loops(settings, share * train.steps_in_all)
        # Asked from here on: an interrupt that is raised while TensorFlow traces may get lost.
        stop = contextlib.nullcontext(Wish()) if checkpoints is None else asked_to_stop(reporter.say)
        with stop as wish, recurrent_loop("compiled" if compiled else "plain"):
            if settings.find_rate and test is None:
                how = {"steps": steps, "rates": rates, "wish": wish, "reporter": reporter}
                test = find_rate(model, train, objective, settings, **how)
                reporter.say(test.note)
            settings = test.applied(settings) if test else settings
            resume = _resume(model, checkpoints, keep, state, settings, steps, wish, test)
            _train(model, train, keep, objective, settings, steps, rates, resume, reporter)
    if not math.isfinite(keep.lowest):
        if checkpoints is not None:
            checkpoints.discard()
        lower = "Leave out --find-rate and lower" if test and test.found else "Lower"
        raise ValueError(
            f"The validation loss became {keep.rows[-1]['valid_loss']}. "
            f"{lower} --learning-rate from {settings.learning_rate:g}, or set --clip-norm to 1."
        )
    model.set_weights(keep.weights)
    training = sum(row["seconds"] for row in keep.rows)
    passes = share * len(keep.rows)
    return History(
        epochs=keep.rows,
        best=keep.best,
        seconds=round(training + keep.seconds, 3),
        tokens_per_second=round(passes * train.steps_in_all / training, 1),
        examples_per_second=round(passes * train.rows_in_all / training, 1),
        checkpoint_seconds=round(resume.writing, 3) if resume else 0.0,
        notes=(*((test.note,) if test else ()), *keep.notes),
        range_test=test,
    )


def _newest(checkpoints, reporter):
    if checkpoints is None:
        return None
    state, notes = checkpoints.newest()
    for note in notes:
        reporter.say(f"note: {note}")
    if state is not None:
        facts = state.facts
        where = "after its end" if facts["ended"] else f"in epoch {facts['epoch'] + 1}, after step {facts['step']:,}"
        reporter.say(f"the training goes on {where}.")
    return state


def _resume(core, checkpoints, keep, state, settings, steps, wish, test):
    if checkpoints is None:
        return None
    per_execution = _steps_per_execution(core, settings, steps)
    run = -(-steps // per_execution) * per_execution
    often = {"seconds": settings.checkpoint_minutes * 60, "every": settings.checkpoint_steps}
    often["more"] = {"range_test": dataclasses.asdict(test)} if test else {}
    return Resume(checkpoints, keep, state, steps=steps, run=run, wish=wish, **often)


def _train(core, train, keep, objective, settings, steps, rates, resume, reporter):
    core.compile(
        optimizer(settings, steps * settings.epochs, rates),
        RowLoss(objective.train),
        jit_compile=False,
        steps_per_execution=_steps_per_execution(core, settings, steps),
    )
    core.optimizer.build(core.trainable_variables)
    epoch, start, passed = (resume.epoch, resume.start, resume.batches) if resume else (0, 0, 0)
    callbacks = [keep, ShowEpochs(keep, train, steps, settings.epochs, reporter, start)]
    if settings.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(settings.tensorboard, update_freq="epoch"))
    core.fit(
        train.dataset(repeat=True, start=passed),
        steps_per_epoch=steps,
        initial_epoch=epoch,
        epochs=settings.epochs,
        callbacks=[*callbacks, resume] if resume else callbacks,
        shuffle=False,
        verbose=0,
    )


def compiles_loops(settings: TrainingSettings, steps_in_epoch: float) -> bool:
    """Says whether the recurrent loops are compiled while training: where it pays; what is exported must not be.

    The whole step under XLA was slower on a CPU: 68 s against 25 s for an epoch of 4,000 long
    texts, with the gradient of the embedding the likely cause.

    Args:
        settings: `xla` and `epochs`.
        steps_in_epoch: Real time steps of an epoch's rows.
    """
    return settings.xla == "yes" or (settings.xla == "auto" and steps_in_epoch * settings.epochs > XLA_PAYS_FROM)


def _steps_per_execution(core, settings, steps):
    # The cost of returning to Python matters where a step is short; a bar should still move.
    if settings.steps_per_execution:
        return settings.steps_per_execution
    return 1 if core.count_params() > 1_000_000 else max(1, min(8, steps // 20))
