"""Rate finding: a range test before the training -> a tenth of the rate of its lowest loss; all else is as before."""

import contextlib
import dataclasses
import math
import random
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from rnnkit.interrupts import Wish
from rnnkit.progress import SILENT, Reporter
from rnnkit.settings import TrainingSettings
from rnnkit.training.objectives import Objective, RowLoss
from rnnkit.training.optimizers import optimizer

MOST_STEPS, FEWEST_STEPS = 100, 20
RANGES = {"adam": (1e-6, 1.0), "adamw": (1e-6, 1.0), "sgd": (1e-5, 1e3)}
"""Lowest and highest rate tried. That of sgd reaches far: with a small clipped gradient 30 is a usual rate."""
MEMORY = 0.05
"""Share of the test's steps over which the loss is smoothed."""
LEAST_FALL = 0.01
"""Share of the loss's size by which it must fall at some rate, so that the test says anything."""
DIVERGED = 3.0
"""The test stops where the smoothed loss is that many times its size above its lowest."""
BELOW_LOWEST = 10.0
"""The rate found is that many times lower than the one of the lowest loss.

That of the steepest descent, the other usual choice, follows whatever is learnt first, such as how frequent each word
is: in the samples of ner and language_model it was 9 and 10 times lower, and the training with it far behind.
"""


@dataclasses.dataclass(frozen=True)
class RangeTest:
    """A range test: which loss was reached while the rate rose.

    Attributes:
        rates: Those tried, rising.
        losses: The smoothed loss after the step of each rate.
        start: The mean loss of the same batches without training.
        size: The mean of its absolute values by batch, for a loss may be negative.
    """

    rates: Sequence[float]
    losses: Sequence[float]
    start: float
    size: float

    @property
    def found(self) -> float:
        """The rate to train with, a tenth of the one of the lowest loss, of two digits; 0.0: the loss falls at none."""
        return float(f"{self.rates[self._lowest] / BELOW_LOWEST:.2g}") if self._falls else 0.0

    @property
    def note(self) -> str:
        """A line on what was found."""
        if not self._falls:
            return "no learning rate was found: the loss fell at none. The one that is set was used."
        steps, lowest = len(self.rates), self.rates[self._lowest]
        return f"learning rate found: {self.found:g} (range test over {steps} steps, lowest loss at {lowest:.2g})."

    def applied(self, settings: TrainingSettings) -> TrainingSettings:
        """Returns the settings with the rate found, or as they are where there is none."""
        return dataclasses.replace(settings, learning_rate=self.found) if self.found else settings

    @property
    def _lowest(self):
        return int(np.argmin(self.losses))

    @property
    def _falls(self):
        return len(self.losses) > 0 and self.start - self.losses[self._lowest] > LEAST_FALL * self.size


def draw_range_test(axes, test: RangeTest) -> None:
    """Draws the loss over the rates, as far up as it began, and marks the rate found."""
    axes.plot(test.rates, test.losses)
    axes.axhline(test.start, color="grey", linestyle=":", label="at the start")
    if test.found:
        axes.axvline(test.found, color="C1", label=f"found: {test.found:g}")
    if test.rates:
        lowest = min(test.start, *test.losses)
        room = max(0.1 * (test.start - lowest), LEAST_FALL * test.size)
        axes.set_ylim(lowest - room, test.start + 5 * room)
    axes.set(xscale="log", xlabel="learning rate", ylabel="smoothed loss")
    axes.legend()


def find_rate(
    model: keras.Model,
    train,
    objective: Objective,
    settings: TrainingSettings,
    *,
    steps: int,
    rates: Sequence[tuple[float, int]] | None = None,
    wish: Wish | None = None,
    reporter: Reporter = SILENT,
) -> RangeTest:
    """Trains `model` on the first batches while the learning rate rises exponentially, and puts all back as it was.

    The same batches are read twice with the same dropout, first at a rate of 0: what a batch's loss is below, or
    above, the one it has there, is due to the training, and not to which rows it holds. The differences are smoothed
    by an exponential mean without bias. Smith (2017), section 3.3, https://arxiv.org/abs/1506.01186, has the range
    test; that the rate rises exponentially, the smoothing and the tenth are those of fastai's `lr_find`
    (Howard & Gugger 2020, https://arxiv.org/abs/2002.04688); the first reading is in neither.

    Args:
        model: What is fitted; its optimiser is another one afterwards, and all its variables are as before.
        train: Batches, with `dataset` as `Batches` has it.
        objective: What is minimised.
        settings: The optimiser and its clipping; its schedule and its average do not count.
        steps: Steps of an epoch.
        rates: As for `optimizer`; all variables are trained from the first step.
        wish: Whether the training is asked to stop.
        reporter: Tells a person how far it is.

    Raises:
        Interrupted: As `wish` says; nothing is kept of the test.
    """
    count = min(MOST_STEPS, max(FEWEST_STEPS, steps))
    plain = dataclasses.replace(settings, schedule="plateau", average=0.0)
    model.compile(
        optimizer(plain, count, rates and [(factor, 0) for factor, _ in rates]),
        RowLoss(objective.train),
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    tried = np.geomspace(*RANGES[settings.optimizer], count).tolist()
    with reporter.task("finding the learning rate", total=2 * count, unit="steps") as advance:
        still = _Still([0.0] * count, advance, wish or Wish())
        _read(model, train, still)
        rising = _Rising(tried, lambda done: advance(count + done), wish or Wish(), still.losses)
        _read(model, train, rising)
    losses = rising.smoothed
    return RangeTest(tried[: len(losses)], losses, rising.start, rising.size)


def _read(model, train, callback):
    with _as_before([*model.variables, *model.optimizer.variables]):
        batches, steps = train.dataset(repeat=True), len(callback.rates) + 1
        model.fit(batches, steps_per_epoch=steps, callbacks=[callback], shuffle=False, verbose=0)


@contextlib.contextmanager
def _as_before(variables) -> Iterator[None]:
    """Puts back variables, and the random states of the process, when the block ends."""
    values = [np.array(variable.numpy()) for variable in variables]
    drawn, numpy_drawn = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        random.setstate(drawn)
        np.random.set_state(numpy_drawn)


class _Still(keras.callbacks.Callback):
    """Sets the rate of each step and notes the loss of its batch; the last batch only shows what came of them."""

    def __init__(self, rates, advance, wish):
        super().__init__()
        self.rates, self.advance, self.wish, self.losses = rates, advance, wish, []

    def on_train_batch_begin(self, batch, logs=None):
        # Keras tells the mean over all batches since the last reset.
        self.model.reset_metrics()
        self.model.optimizer.learning_rate = self.rates[min(batch, len(self.rates) - 1)]

    def on_train_batch_end(self, batch, logs=None):
        self.wish.heed("stopped while finding the learning rate, before the first step")
        self.losses.append(float(logs["loss"]))
        self.advance(batch)


class _Rising(_Still):
    """Smooths what the training made of the losses `still`; stops where that is far above its lowest, or no number."""

    def __init__(self, rates, advance, wish, still):
        super().__init__(rates, advance, wish)
        self.still, self.smoothed, self._mean = still, [], 0.0
        self.start, self.size = float(np.mean(still)), float(np.mean(np.abs(still)))
        self._share = 1 - 1 / max(MEMORY * len(rates), 1)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        # The loss of a batch is taken before its own step: it shows what came of the rate before.
        if batch:
            self._note(self.start + self.losses[batch] - self.still[batch], batch)

    def _note(self, loss, count):
        if not math.isfinite(loss):
            self.model.stop_training = True
            return
        self._mean = self._share * self._mean + (1 - self._share) * loss
        self.smoothed.append(self._mean / (1 - self._share**count))
        lowest = min(self.start, *self.smoothed)
        if self.smoothed[-1] - lowest > DIVERGED * max(self.size, self.start - lowest):
            self.model.stop_training = True
