"""Resuming: a training that is stopped and gone on with ends with the weights of one that never was."""

import dataclasses
import functools
import os
import signal

import keras
import numpy as np
import pytest
from toy_rows import rows

from rnnkit.interrupts import Interrupted
from rnnkit.layers import embedding, pool, recurrent_stack
from rnnkit.settings import TrainingSettings
from rnnkit.training.batches import Batches
from rnnkit.training.callbacks import KeepBest
from rnnkit.training.checkpoints import Checkpoints
from rnnkit.training.fit import fit
from rnnkit.training.objectives import classification

TOY = TrainingSettings(epochs=3, batch_size=8, learning_rate=0.02, patience=3, seed=5)
ODD = {
    "plain": {},
    "epochs shorter than the data": {"steps_per_epoch": 5},
    "epochs longer than the data": {"steps_per_epoch": 19, "steps_per_execution": 3},
    "plateau, mean of the best": {
        **{"schedule": "plateau", "learning_rate": 0.3, "optimizer": "sgd"},
        "average_epochs": 2,
    },
    "averaged weights": {"average": 0.9, "optimizer": "adamw"},
    "compiled loops": {"xla": "yes", "label_smoothing": 0.1},
}


def trained(settings, checkpoints=None):
    """A model with every kind of randomness, trained; and how it went."""
    keras.utils.set_random_seed(settings.seed)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = embedding(ids, vocabulary=5, units=6, word_dropout=0.1, dropout=0.2)
    x = recurrent_stack(x, units=5, bidirectional=False, dropout=0.2, recurrent_weight_dropout=0.2)
    core = keras.Model({"ids": ids}, keras.layers.Dense(2, dtype="float32")(pool(x, by="attention")))
    train = Batches(rows(96, 1), settings.batch_size, settings.token_budget, settings.seed)
    history = fit(core, train, Batches(rows(48, 2), 32), classification(2), settings, checkpoints=checkpoints)
    return core.get_weights(), history


@functools.cache
def never_stopped(settings):
    return trained(settings)


def equal(mine, theirs):
    return all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


def in_all_but_seconds(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history.epochs], history.best


def stopped(settings, folder, monkeypatch, after):
    """Trains until the process has been asked to stop, once, during the checkpoint's `after`-th chance."""
    chances = iter(range(10**6))
    from rnnkit.training.resuming import Resume

    original = Resume._due

    def due(self, batches):
        if next(chances) == after:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Resume, "_due", due)
        with pytest.raises(Interrupted) as stop:
            trained(settings, Checkpoints(folder))
    assert stop.value.signal == signal.SIGTERM
    return str(stop.value)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_stopped_twice_and_resumed_gives_the_same_bits(odd, tmp_path, monkeypatch):
    settings = dataclasses.replace(TOY, **odd)
    weights, history = never_stopped(settings)
    assert "in epoch 1, after step" in stopped(settings, tmp_path, monkeypatch, after=2)
    stopped(settings, tmp_path, monkeypatch, after=7)
    resumed, again = trained(settings, Checkpoints(tmp_path))
    assert equal(resumed, weights)
    assert in_all_but_seconds(again) == in_all_but_seconds(history)


def test_stopped_between_epochs_it_goes_on_with_the_next(tmp_path, monkeypatch):
    weights, _ = never_stopped(TOY)
    steps = len(Batches(rows(96, 1), TOY.batch_size, 0, TOY.seed))
    # Every step but the last of an epoch is a chance, and so is the epoch's end.
    assert stopped(TOY, tmp_path, monkeypatch, after=steps - 1) == "stopped after epoch 1"
    assert equal(trained(TOY, Checkpoints(tmp_path))[0], weights)


def test_early_stopping_remembers_how_long_it_has_waited(tmp_path, monkeypatch):
    patient = dataclasses.replace(TOY, epochs=12, learning_rate=0.5, optimizer="sgd", momentum=0.0, patience=2)
    losses = iter([0.5, 0.4, 0.45, 0.44, 0.3, 0.2, 0.1])
    monkeypatch.setattr(KeepBest, "loss", lambda self: next(losses))
    steps = len(Batches(rows(96, 1), TOY.batch_size, 0, TOY.seed))
    stopped(patient, tmp_path, monkeypatch, after=2 * steps + 3)
    _, history = trained(patient, Checkpoints(tmp_path))
    assert (len(history.epochs), history.best) == (4, 2)


def test_a_training_that_had_ended_is_not_trained_again(tmp_path, monkeypatch):
    weights, history = trained(TOY, Checkpoints(tmp_path))
    monkeypatch.setattr(keras.Model, "fit", None)
    again, remembered = trained(TOY, Checkpoints(tmp_path))
    assert equal(again, weights) and in_all_but_seconds(remembered) == in_all_but_seconds(history)


def test_checkpoints_come_each_so_many_steps_and_two_are_kept(tmp_path, monkeypatch):
    written, original = [], Checkpoints.save
    monkeypatch.setattr(Checkpoints, "save", lambda self, state: (written.append(state.facts), original(self, state)))
    settings = dataclasses.replace(TOY, epochs=2, checkpoint_steps=5, checkpoint_minutes=0.0)
    trained(settings, Checkpoints(tmp_path))
    steps = len(Batches(rows(96, 1), TOY.batch_size, 0, TOY.seed))
    at = [facts["epoch"] * steps + facts["step"] for facts in written[:-1]]
    assert at == list(range(5, 2 * steps + 1, 5)) and written[-1]["ended"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_checkpoint_of_another_model_is_refused(tmp_path, monkeypatch):
    stopped(TOY, tmp_path, monkeypatch, after=2)
    with pytest.raises(ValueError, match="The checkpoint is of another model: .* Run without --resume"):
        trained(dataclasses.replace(TOY, optimizer="sgd"), Checkpoints(tmp_path))


def test_a_loss_that_is_no_number_leaves_nothing_to_go_on_with(tmp_path):
    wild = dataclasses.replace(TOY, learning_rate=1e30, clip_norm=0.0, optimizer="sgd", warmup=0.0, epochs=2)
    with pytest.raises(ValueError, match="The validation loss became"):
        trained(wild, Checkpoints(tmp_path))
    assert not list(tmp_path.iterdir())
