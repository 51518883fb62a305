"""Optimisers: with rates, each variable moves as by a plain optimiser of its own, from its first step on."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.settings import TrainingSettings
from rnnkit.training.optimizers import optimizer

STEPS = 9
PLAIN = TrainingSettings(schedule="constant", warmup=0.0, clip_norm=0.0, learning_rate=0.1)
CHOICES = ["sgd", "adam", "adamw"]


def moved(settings, rates, gradients, starts):
    """Where the variables are after each step: `[step][variable]`."""
    variables = [keras.Variable(start, name=f"v{place}") for place, start in enumerate(starts)]
    made = optimizer(settings, STEPS, rates)
    made.build(variables)

    @tf.function
    def step(gradients):
        made.apply(gradients, variables)

    path = []
    for row in gradients:
        step([tf.constant(value) for value in row])
        path.append([variable.numpy() for variable in variables])
    assert step.experimental_get_tracing_count() == 1
    return path


@pytest.fixture
def drawn():
    random = np.random.default_rng(0)
    shapes = [(3, 5), (7,), (2, 2)]
    starts = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    return starts, [[random.normal(size=shape).astype(np.float32) for shape in shapes] for _ in range(STEPS)]


def settings(name, **changes):
    return dataclasses.replace(PLAIN, optimizer=name, **changes)


@pytest.mark.parametrize("name", CHOICES)
def test_without_rates_it_is_the_plain_class_of_keras(name):
    assert type(optimizer(settings(name), STEPS)).__module__.startswith("keras")


@pytest.mark.parametrize("name", CHOICES)
def test_rates_of_one_change_nothing(name, drawn):
    starts, gradients = drawn
    plain = moved(settings(name, schedule="cosine", clip_norm=1.0), None, gradients, starts)
    same = moved(settings(name, schedule="cosine", clip_norm=1.0), [(1.0, 0)] * 3, gradients, starts)
    for mine, theirs in zip(plain[-1], same[-1], strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", CHOICES)
def test_a_factor_is_a_smaller_learning_rate_for_its_variable_alone(name, drawn):
    starts, gradients = drawn
    rates = [(0.25, 0), (1.0, 0), (0.5, 0)]
    path = moved(settings(name), rates, gradients, starts)
    for place, (factor, _) in enumerate(rates):
        alone = moved(settings(name, learning_rate=0.1 * factor), None, gradients, starts)
        np.testing.assert_allclose(path[-1][place], alone[-1][place], rtol=1e-5, atol=1e-6)


def test_a_step_of_sgd_is_the_plain_step_times_the_factor(drawn):
    starts, gradients = drawn
    (path,) = moved(settings("sgd", momentum=0.0), [(0.25, 0), (1.0, 0), (0.5, 0)], gradients[:1], starts)
    for end, start, gradient, factor in zip(path, starts, gradients[0], (0.25, 1.0, 0.5), strict=True):
        np.testing.assert_allclose(end, start - 0.1 * factor * gradient, rtol=1e-6)


@pytest.mark.parametrize("average", [0.0, 0.5])
@pytest.mark.parametrize("name", CHOICES)
def test_before_its_first_step_a_variable_stays_and_then_begins_as_if_new(name, average, drawn):
    starts, gradients = drawn
    chosen = settings(name, weight_decay=0.3, average=average)
    path = moved(chosen, [(0.5, 4), (1.0, 0), (1.0, 2)], gradients, starts)
    late = moved(dataclasses.replace(chosen, learning_rate=0.05), None, gradients[4:], starts)
    for step in range(4):
        np.testing.assert_array_equal(path[step][0], starts[0])
    assert (path[4][0] != starts[0]).all()
    for step in range(4, STEPS):
        np.testing.assert_allclose(path[step][0], late[step - 4][0], rtol=1e-5, atol=1e-6)
    always = moved(chosen, None, gradients, starts)
    np.testing.assert_allclose(path[-1][1], always[-1][1], rtol=1e-6)


def test_a_waiting_variable_does_not_count_in_the_norm_that_is_clipped(drawn):
    starts, gradients = drawn
    gradients = [[1e6 * row[0], *row[1:]] for row in gradients]
    path = moved(settings("sgd", clip_norm=1.0), [(1.0, STEPS), (1.0, 0), (1.0, 0)], gradients, starts)
    silent = [[0 * row[0], *row[1:]] for row in gradients]
    other = moved(settings("sgd", clip_norm=1.0), None, silent, starts)
    np.testing.assert_allclose(path[-1][1], other[-1][1], rtol=1e-5)


def test_gradients_of_looked_up_rows_wait_too():
    variable = keras.Variable(np.ones((4, 2), np.float32))
    made = optimizer(settings("adamw", weight_decay=0.1), STEPS, [(1.0, 2)])
    slices = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([1]), tf.constant([4, 2]))
    for _ in range(2):
        made.apply([slices], [variable])
    np.testing.assert_array_equal(variable.numpy(), 1)
    made.apply([slices], [variable])
    np.testing.assert_allclose(variable.numpy()[1], 1 - 0.1 * 0.1 - 0.1, rtol=1e-4)


@pytest.mark.parametrize("name", CHOICES)
def test_a_state_put_back_goes_on_to_the_same_weights(name, drawn):
    starts, gradients = drawn
    rates = [(0.5, 6), (1.0, 0), (0.7, 3)]

    def begin():
        variables = [keras.Variable(start) for start in starts]
        made = optimizer(settings(name, schedule="cosine"), STEPS, rates)
        made.build(variables)
        return made, variables

    whole, variables = begin()
    for place, row in enumerate(gradients):
        if place == 5:
            kept = [variable.numpy() for variable in (*variables, *whole.variables)]
        whole.apply(row, variables)
    again, others = begin()
    for variable, value in zip((*others, *again.variables), kept, strict=True):
        variable.assign(value)
    for row in gradients[5:]:
        again.apply(row, others)
    for mine, theirs in zip(variables, others, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


@pytest.mark.parametrize("name", CHOICES)
def test_a_compiled_model_with_rates_can_be_saved_and_read(name, tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer(settings(name, schedule="cosine"), STEPS, [(0.5, 3), (1.0, 0)]), "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    plain = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(plain.get_weights()[0], model.get_weights()[0])
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.optimizer.get_config() == model.optimizer.get_config()


def test_rates_for_another_number_of_variables_are_refused():
    with pytest.raises(ValueError, match=r"rates must be one for each of 1 variables\. Got 2\."):
        optimizer(PLAIN, STEPS, [(1.0, 0), (0.5, 0)]).build([keras.Variable(np.zeros(3))])
