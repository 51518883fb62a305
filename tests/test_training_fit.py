"""Fit: learns a toy task, keeps the best weights, repeats itself exactly."""

import dataclasses

import keras
import numpy as np
import pytest
from toy_rows import rows

from rnnkit.layers import embedding, pool, recurrent_stack
from rnnkit.settings import TrainingSettings
from rnnkit.training.batches import Batches
from rnnkit.training.fit import fit
from rnnkit.training.objectives import RowLoss, classification
from rnnkit.training.optimizers import optimizer, schedule
from rnnkit.training.precision import best_for_device, precision

TOY = TrainingSettings(epochs=14, batch_size=16, learning_rate=0.02, patience=14)


def core(seed=0, bidirectional=False, **settings):
    keras.utils.set_random_seed(seed)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = recurrent_stack(
        embedding(ids, vocabulary=5, units=6, word_dropout=0.05), units=7, bidirectional=bidirectional, **settings
    )
    return keras.Model({"ids": ids}, keras.layers.Dense(2, dtype="float32")(pool(x, by="attention")))


def trained(settings=TOY, model=None, train=None):
    model = model or core()
    train = Batches(train or rows(96, 1), settings.batch_size, settings.token_budget, settings.seed)
    history = fit(model, train, Batches(rows(48, 2), 32), classification(2), settings)
    return model, history


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple"])
def test_it_learns_which_symbol_comes_first(cell):
    _, history = trained(model=core(cell=cell, bidirectional=True))
    assert min(row["valid_loss"] for row in history.epochs) < 0.2


def test_the_same_seed_gives_the_same_weights():
    (first, _), (again, _) = (trained(dataclasses.replace(TOY, epochs=4)) for _ in range(2))
    for mine, theirs in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_compiled_loops_give_the_same_training_as_plain_ones():
    short = dataclasses.replace(TOY, epochs=2)
    plain, compiled = (trained(dataclasses.replace(short, xla=xla))[1] for xla in ("no", "yes"))
    for mine, theirs in zip(plain.epochs, compiled.epochs, strict=True):
        assert mine["valid_loss"] == pytest.approx(theirs["valid_loss"], rel=1e-3)


def valid_loss(model):
    from rnnkit.training.batches import outputs_of

    (logits,), targets = outputs_of(model, Batches(rows(48, 2), 32))
    logits = logits - logits.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(logits)), targets]))


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_weights_of_the_best_epoch_are_kept(average):
    model, history = trained(dataclasses.replace(TOY, learning_rate=0.1, average=average))
    lowest = min(history.epochs, key=lambda row: row["valid_loss"])
    assert history.best == lowest["epoch"]
    assert valid_loss(model) == pytest.approx(lowest["valid_loss"], rel=1e-4)


def test_training_stops_when_the_validation_loss_no_longer_falls():
    noise = rows(64, 3)
    noise.targets[:] = np.random.default_rng(0).integers(0, 2, len(noise))
    _, history = trained(dataclasses.replace(TOY, epochs=40, patience=2, learning_rate=0.05), train=noise)
    assert len(history.epochs) == history.best + 2 < 40


def test_steps_per_epoch_cuts_epochs_short():
    _, history = trained(dataclasses.replace(TOY, epochs=1, steps_per_epoch=2))
    assert history.examples_per_second > 0 and len(history.epochs) == 1


def test_a_loss_that_is_no_number_is_refused_with_what_to_change():
    model = core()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.raises(ValueError, match=r"validation loss became nan\. Lower --learning-rate from 0\.02"):
        trained(dataclasses.replace(TOY, epochs=2), model=model)


def test_mixed_precision_trains_to_finite_numbers_and_is_put_back():
    before = keras.config.dtype_policy().name
    with precision("mixed_bfloat16"):
        _, history = trained(dataclasses.replace(TOY, epochs=2), model=core())
    assert np.isfinite(history.epochs[-1]["valid_loss"])
    assert keras.config.dtype_policy().name == before


def test_a_machine_without_a_gpu_trains_in_float32():
    assert best_for_device() == "float32"


class TestObjective:
    LOGITS = np.array([[2.0, -1, 0], [0.5, 0.5, 3]], "float32")
    TARGETS = np.array([0, 1])

    def test_label_smoothing_equals_its_formula_and_is_absent_in_validation(self):
        objective = classification(3, label_smoothing=0.3)
        logs = self.LOGITS - np.log(np.exp(self.LOGITS).sum(1, keepdims=True))
        spread = np.eye(3)[self.TARGETS] * 0.7 + 0.1
        np.testing.assert_allclose(objective.train(self.TARGETS, self.LOGITS), -(spread * logs).sum(1), rtol=1e-5)
        np.testing.assert_allclose(objective.valid(self.TARGETS, self.LOGITS), -logs[[0, 1], self.TARGETS], rtol=1e-5)

    def test_rows_of_weight_zero_change_nothing(self):
        loss = RowLoss(classification(3).train)
        whole = loss(self.TARGETS, self.LOGITS, sample_weight=np.array([1.0, 0.0]))
        alone = loss(self.TARGETS[:1], self.LOGITS[:1])
        assert float(whole) == pytest.approx(float(alone), rel=1e-6)


class TestOptimizer:
    def rate(self, settings, step, steps=100):
        made = schedule(settings, steps)
        return float(made(step)) if callable(made) else made

    def test_cosine_rises_to_the_rate_and_falls_to_zero(self):
        settings = TrainingSettings(learning_rate=0.4, warmup=0.1)
        rates = [self.rate(settings, step) for step in (0, 5, 10, 55, 100)]
        assert rates == pytest.approx([0, 0.2, 0.4, 0.2, 0], abs=1e-3)

    def test_constant_stays_after_its_warm_up(self):
        settings = TrainingSettings(learning_rate=0.4, warmup=0.1, schedule="constant")
        assert [self.rate(settings, step) for step in (0, 5, 10, 90)] == pytest.approx([0, 0.2, 0.4, 0.4])

    def test_plateau_halves_the_rate_when_the_loss_stalls(self):
        noise = rows(64, 3)
        noise.targets[:] = np.random.default_rng(0).integers(0, 2, len(noise))
        settings = dataclasses.replace(TOY, schedule="plateau", epochs=20, patience=3, learning_rate=0.08)
        _, history = trained(settings, train=noise)
        stalled = history.epochs[history.best]
        assert stalled["learning_rate"] == pytest.approx(history.epochs[history.best - 1]["learning_rate"])
        assert history.epochs[history.best + 1]["learning_rate"] == pytest.approx(stalled["learning_rate"] / 2)

    @pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD"])
    def test_each_optimizer_clips_by_the_global_norm(self, name):
        made = optimizer(TrainingSettings(optimizer=name.lower(), clip_norm=0.5), 10)
        assert type(made).__name__ == name and made.global_clipnorm == 0.5
        assert optimizer(TrainingSettings(optimizer=name.lower(), clip_norm=0.0), 10).global_clipnorm is None

    def test_the_average_of_weights_is_kept_on_demand(self):
        assert optimizer(TrainingSettings(average=0.99), 10).use_ema
        assert not optimizer(TrainingSettings(), 10).use_ema
