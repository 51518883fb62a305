"""Rate finding: near what is known to be best, the same each time, and all else as if it had never been."""

import dataclasses
import functools
import os
import random
import signal
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from toy_language_model import language_model
from toy_rows import rows

import rnnkit
from rnnkit import catalog, finetuning, running
from rnnkit.interrupts import Interrupted, Wish
from rnnkit.language.carrying import Carrying
from rnnkit.layers import embedding, pool, recurrent_stack
from rnnkit.settings import TrainingSettings
from rnnkit.training import fit as fitting
from rnnkit.training.batches import Batches
from rnnkit.training.checkpoints import Checkpoints
from rnnkit.training.objectives import Objective, classification, given_losses
from rnnkit.training.rate_finding import FEWEST_STEPS, MOST_STEPS, RANGES, RangeTest, draw_range_test, find_rate
from rnnkit.training.resuming import Resume
from rnnkit.training.streams import Stream, StreamBatches

SGD = TrainingSettings(optimizer="sgd", momentum=0.0, clip_norm=0.0)
TOY = TrainingSettings(epochs=2, batch_size=8, patience=3, seed=5, find_rate=True)


class Points:
    """Batches of points of a plane through 0, whose squared errors bend by 2 * scale ** 2 in each direction."""

    steps_in_all = rows_in_all = 160

    def __init__(self, scale=1.0, noise=0.0, slope=3.0):
        draw = np.random.default_rng(4)
        x, drawn = draw.normal(size=(160, 5)), draw.normal(size=160)
        # The noise leans no way: without a slope nothing is better than 0.
        drawn -= x @ np.linalg.lstsq(x, drawn, rcond=None)[0]
        self.x, self.y = (scale * x).astype(np.float32), (slope * x.sum(1) + noise * drawn).astype(np.float32)

    def __len__(self):
        return 4

    def dataset(self, *, repeat, start=0):
        made = tf.data.Dataset.from_tensor_slices(({"x": self.x}, self.y, np.ones(160, np.float32))).batch(40)
        return made.repeat() if repeat else made


def squares(targets, outputs):
    return (targets - outputs[:, 0]) ** 2


def plane():
    x = keras.Input((5,), name="x")
    return keras.Model({"x": x}, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(x))


def tried_on(points, settings=SGD, **how):
    return find_rate(plane(), points, Objective(squares, squares), settings, **{"steps": 60, **how})


class TestRate:
    @pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
    def test_it_is_below_what_diverges_and_not_far_below(self, scale):
        diverges = 2 / (2 * scale**2)
        test = tried_on(Points(scale))
        assert diverges / 100 < test.found < diverges / 2

    @pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
    def test_a_training_with_it_ends_near_the_truth(self, optimizer):
        core = plane()
        settings = TrainingSettings(optimizer=optimizer, clip_norm=0.0, epochs=20, find_rate=True, weight_decay=0.0)
        history = fitting.fit(core, Points(), Points(), Objective(squares, squares), settings)
        assert history.found_rate > 0 and history.epochs[-1]["valid_loss"] < 0.01 * 45

    def test_a_loss_below_0_and_one_far_above_give_the_same(self):
        plain = tried_on(Points())
        for more in (-100.0, 50.0):
            moved = Objective(lambda targets, outputs, more=more: squares(targets, outputs) + more, squares)
            assert find_rate(plane(), Points(), moved, SGD, steps=60).found == pytest.approx(plain.found, rel=0.02)

    def test_weights_that_can_get_no_better_have_none(self):
        test = tried_on(Points(noise=1.0, slope=0.0))
        assert test.found == 0.0 and test.applied(SGD) == SGD
        assert test.note == "no learning rate was found: the loss fell at none. The one that is set was used."

    def test_a_loss_that_is_no_number_has_none(self):
        broken = Objective(lambda targets, outputs: squares(targets, outputs) * np.nan, squares)
        assert find_rate(plane(), Points(), broken, SGD, steps=60).found == 0.0

    def test_it_stops_where_the_loss_is_far_above_its_lowest(self):
        test = tried_on(Points())
        assert FEWEST_STEPS < len(test.rates) < 60 and np.isfinite(test.losses).all()
        assert test.rates[-1] < RANGES["sgd"][1] / 10 and test.losses[-1] > 2 * test.start

    @pytest.mark.parametrize("steps, count", [(3, FEWEST_STEPS), (33, 33), (500, MOST_STEPS)])
    def test_it_takes_an_epoch_of_steps_but_neither_few_nor_many(self, steps, count):
        # A loss that never rises: all rates are tried.
        slow = Objective(lambda targets, outputs: 0.001 * tf.math.log1p(squares(targets, outputs)), squares)
        test = find_rate(plane(), Points(), slow, dataclasses.replace(SGD, optimizer="adam"), steps=steps)
        assert len(test.rates) == len(test.losses) == count
        assert (test.rates[0], test.rates[-1]) == pytest.approx(RANGES["adam"])

    def test_layers_that_are_to_wait_are_tried_with_the_others(self):
        assert tried_on(Points(), rates=[(1.0, 10**6)]) == tried_on(Points(), rates=[(1.0, 0)])
        assert tried_on(Points(), rates=[(0.1, 0)]).found > 3 * tried_on(Points()).found

    def test_the_schedule_and_the_rate_that_is_set_do_not_count(self):
        others = {"learning_rate": 50.0, "warmup": 0.5, "average": 0.9}
        for schedule in ("plateau", "constant"):
            assert tried_on(Points(), dataclasses.replace(SGD, schedule=schedule, **others)) == tried_on(Points())


class TestCurve:
    RATES = np.geomspace(1e-5, 1, 51).tolist()

    def curve(self, losses):
        return RangeTest(self.RATES, list(losses), 2.0, 2.0)

    @pytest.mark.parametrize("lowest", [3, 30, 50])
    def test_the_rate_is_a_tenth_of_that_of_the_lowest_loss(self, lowest):
        losses = 1 + np.abs(np.arange(51) - lowest) / 51
        assert self.curve(losses).found == pytest.approx(self.RATES[lowest] / 10, rel=0.05)

    @pytest.mark.parametrize("lowest, found", [(1.99, 0.0), (1.97, 0.01), (-5.0, 0.01)])
    def test_a_loss_that_hardly_falls_says_nothing(self, lowest, found):
        assert self.curve(np.where(np.arange(51) == 40, lowest, 2.0)).found == found

    def test_the_note_says_what_was_found_and_where_the_loss_was_lowest(self):
        note = self.curve(np.where(np.arange(51) == 40, 1.0, 2.0)).note
        assert note == "learning rate found: 0.01 (range test over 51 steps, lowest loss at 0.1)."

    @pytest.mark.parametrize("losses", [np.linspace(2, 1, 51), np.linspace(2, 3, 51)])
    def test_it_can_be_drawn(self, losses):
        axes = Figure().subplots()
        draw_range_test(axes, self.curve(losses))
        assert axes.get_xscale() == "log" and len(axes.lines) == 2 + bool(self.curve(losses).found)


def core(seed=5):
    """A model with every kind of randomness, and with statistics that move while it trains."""
    keras.utils.set_random_seed(seed)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = embedding(ids, vocabulary=5, units=6, word_dropout=0.1, dropout=0.2)
    x = recurrent_stack(x, units=7, cell="simple", bidirectional=False, dropout=0.2, recurrent_weight_dropout=0.2)
    x = keras.layers.BatchNormalization()(pool(x, by="attention"))
    return keras.Model({"ids": ids}, keras.layers.Dense(2, dtype="float32")(x))


def batches(settings=TOY):
    return Batches(rows(96, 1), settings.batch_size, settings.token_budget, settings.seed)


def trained(settings=TOY, checkpoints=None):
    model = core()
    valid = Batches(rows(48, 2), 32)
    history = fitting.fit(model, batches(settings), valid, classification(2), settings, checkpoints=checkpoints)
    return model.get_weights(), history


@functools.cache
def never_stopped():
    return trained()


def equal(mine, theirs):
    return all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


def numbers(model):
    return [variable.numpy().copy() for variable in model.variables]


class TestAsBefore:
    def test_every_variable_and_random_state_is(self):
        model = core()
        before, drawn, numpy_drawn = numbers(model), random.getstate(), np.random.get_state()
        assert find_rate(model, batches(), classification(2), TOY, steps=12).found
        assert equal(numbers(model), before) and len(before) > len(model.get_weights())
        assert random.getstate() == drawn and equal(np.random.get_state()[1:2], numpy_drawn[1:2])

    def test_states_that_are_carried_are_too(self):
        _, model = language_model(dropout=0.2)
        stream = Stream()
        stream.append(np.arange(101) % 5, np.array([101]))
        stream.close()
        settings = dataclasses.replace(SGD, clip_norm=0.25)
        train = StreamBatches(stream, 3, 4)
        model = Carrying(model, (3, 3), 4)
        for state in model.states.kept["train"].values():
            state.assign(state + 0.5)
        before = numbers(model)
        assert find_rate(model, train, given_losses(), settings, steps=len(train)).found
        assert equal(numbers(model), before)

    def test_what_is_interrupted_leaves_them_too(self):
        model, wish = core(), Wish()
        before, wish.signal = numbers(model), signal.SIGINT
        with pytest.raises(Interrupted, match="stopped while finding the learning rate, before the first step"):
            find_rate(model, batches(), classification(2), TOY, steps=12, wish=wish)
        assert equal(numbers(model), before)

    @pytest.mark.parametrize("odd", [{"average": 0.9}, {"schedule": "plateau", "optimizer": "sgd"}])
    def test_the_training_is_that_of_who_knew_the_rate(self, odd):
        settings = dataclasses.replace(TOY, epochs=1, **odd)
        weights, history = trained(settings)
        known = dataclasses.replace(settings, find_rate=False, learning_rate=history.found_rate)
        theirs, plain = trained(known)
        assert equal(weights, theirs) and plain.found_rate == 0.0 and not plain.notes
        assert history.notes == (history.range_test.note,)
        assert history.notes[0].startswith(f"learning rate found: {history.found_rate:g} (range test over ")

    def test_the_rate_that_is_set_is_used_where_none_is_found(self, monkeypatch):
        monkeypatch.setattr(fitting, "find_rate", lambda *args, **how: RangeTest([1e-6], [3.0], 2.0, 2.0))
        settings = dataclasses.replace(TOY, epochs=1)
        weights, history = trained(settings)
        assert equal(weights, trained(dataclasses.replace(settings, find_rate=False))[0])
        assert history.found_rate == 0.0 and "no learning rate was found" in history.notes[0]


def stopped(folder, monkeypatch, after):
    """Trains until the process has been asked to stop, at the checkpoint's `after`-th chance."""
    chances, original = iter(range(10**6)), Resume._due

    def due(self, batches):
        if next(chances) == after:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, batches)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(Resume, "_due", due)
        trained(checkpoints=Checkpoints(folder))


class TestResumed:
    def test_it_ends_with_the_same_bits_and_does_not_search_again(self, tmp_path, monkeypatch):
        weights, history = never_stopped()
        stopped(tmp_path, monkeypatch, after=3)
        monkeypatch.setattr(fitting, "find_rate", None)
        stopped(tmp_path, monkeypatch, after=4)
        for _ in ("the rest", "nothing, for it has ended"):
            resumed, again = trained(checkpoints=Checkpoints(tmp_path))
            assert equal(resumed, weights)
            assert (again.notes, again.range_test) == (history.notes, history.range_test)

    def test_begun_anew_it_finds_the_same(self):
        test = find_rate(core(), batches(), classification(2), TOY, steps=len(batches()))
        assert test == never_stopped()[1].range_test

    def test_stopped_within_the_test_it_begins_anew(self, tmp_path):
        class Asking(Batches):
            def dataset(self, *, repeat, start=0):
                os.kill(os.getpid(), signal.SIGTERM)
                return super().dataset(repeat=repeat, start=start)

        train = Asking(rows(96, 1), TOY.batch_size, 0, TOY.seed)
        with pytest.raises(Interrupted, match="before the first step"):
            fitting.fit(core(), train, batches(), classification(2), TOY, checkpoints=Checkpoints(tmp_path))
        assert not list(tmp_path.iterdir())


def test_a_child_finds_its_rate_and_its_bundle_tells_and_draws_it(tiny, reviews, tmp_path):
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "draw_range_test", lambda axes, test: drawn.append(test) or draw_range_test(axes, test))
        child = rnnkit.finetune(
            tiny, reviews, out=tmp_path, find_rate=True, learning_rate=0.123, scratch=False, epochs=1
        )
    (test,) = drawn
    assert test.found and child.card["learning_rate"] == test.found and test.note in child.card["notes"]
    assert child.card["settings"]["learning_rate"] == 0.123 and child.card["settings"]["find_rate"]
    assert not finetuning.child_defaults(catalog.load("sentiment"), child).find_rate


@pytest.mark.parametrize("told, rate", [({"learning_rate": 0.05}, 0.05), ({}, 0.123)])
def test_a_child_goes_on_from_the_rate_its_parent_found(told, rate):
    assert finetuning.rate_anew(types.SimpleNamespace(card={"settings": {"learning_rate": 0.123}, **told})) == rate
