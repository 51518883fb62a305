"""Serving of series: forecasts in the user's units, whole and row by row, from a SavedModel too."""

import numpy as np
import pytest
import tensorflow as tf
from toy_panel import ALL, HORIZON, PLAIN, WINDOW, core_of, features_of, panel, tensors, windows_of

from rnnkit.export.saved_model import write_saved_model
from rnnkit.features.series_serving import EMPTY, ROWS, serve_series

LEVELS = (0.1, 0.5, 0.9)


def served(columns=ALL, *, teacher=False, nonnegative=False, gaps="mask", **how):
    steps = panel(columns, lengths=(40, 45), closed=gaps == "skip", **how)
    features = features_of(steps, gaps=gaps)
    core = core_of(features, len(columns.targets), teacher=teacher)
    return steps, features, core, serve_series(features, core, LEVELS, nonnegative=nonnegative)


def empty_state(features, batch):
    place, state = features.get_layer("place"), {"state_time": tf.fill([batch, WINDOW], EMPTY)}
    state["state_values"] = tf.fill([batch, place.window, features.input["values"].shape[-1]], float("nan"))
    if "categories" in features.input:
        state["state_categories"] = tf.fill([batch, place.window, features.input["categories"].shape[-1]], "")
    return state


def step_by_step(signature, features, raw, state=None):
    """Feeds the rows one by one and returns the last answers and state."""
    state = state or empty_state(features, len(raw["time"]))
    for place in range(raw["time"].shape[1]):
        row = {name: tensor[:, place] if name in ROWS else tensor for name, tensor in raw.items()}
        answers = signature.function(**row, **state)
        state = {name: answers.pop(name) for name in state}
    return answers, state


def assert_close(found, expected):
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        if tensor.dtype == tf.string:
            assert found[name].numpy().tolist() == tensor.numpy().tolist()
        else:
            np.testing.assert_allclose(found[name], tensor, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("teacher", [False, True])
def test_answers_are_the_cores_in_the_users_units(teacher):
    steps, features, core, signatures = served(zone="Europe/Berlin", teacher=teacher)
    windows = windows_of(steps, np.arange(WINDOW, WINDOW + 5))
    raw = tensors(windows.raw(np.arange(5)))
    answers = signatures["serving_default"].function(**raw)
    prepared = dict(features(raw))
    if teacher:
        prepared["teacher"] = tf.fill([5, HORIZON, 2], float("nan"))
    outputs = core(prepared).numpy()
    spread, mean = np.array([0.5, 1.5]), np.array([0, 0.5])
    np.testing.assert_allclose(answers["forecast"], outputs[..., 0] * spread + mean, rtol=1e-4, atol=1e-5)
    quantiles = np.sort(outputs[..., 1:4], axis=-1) * spread[:, None] + mean[:, None]
    np.testing.assert_allclose(answers["quantiles"], quantiles, rtol=1e-4, atol=1e-5)
    assert (np.diff(answers["quantiles"], axis=-1) >= 0).all()
    clock = features.get_layer("clock")
    np.testing.assert_array_equal(clock(answers["time"])[0], steps.seconds[windows.cuts[:, None] + np.arange(HORIZON)])
    assert answers["time"].numpy()[0, 0].endswith(b"+01:00")


def test_a_nonnegative_forecast_has_nothing_below_0():
    steps, _, _, signatures = served(PLAIN, nonnegative=True)
    raw = tensors(windows_of(steps, np.arange(WINDOW, 30)).raw(np.arange(23)))
    answers = signatures["serving_default"].function(**raw)
    assert (answers["quantiles"].numpy() >= 0).all() and (answers["forecast"].numpy() >= 0).all()
    assert (answers["forecast"].numpy() == 0).any() and (answers["forecast"].numpy() > 0).any()


@pytest.mark.parametrize("columns", [ALL, PLAIN])
@pytest.mark.parametrize("gaps", ["mask", "fill", "skip"])
@pytest.mark.parametrize("rows", [4, 11])
def test_steps_answer_as_the_whole_does_on_the_same_rows(columns, gaps, rows):
    steps, features, _, signatures = served(columns, gaps=gaps, frequency="1d")
    windows = windows_of(steps, np.array([15, 20, 60]))
    windows.window = rows
    raw = tensors(windows.raw(np.arange(3)))
    answers, state = step_by_step(signatures["step"], features, raw)
    assert_close(answers, signatures["serving_default"].function(**raw))
    assert state["state_time"].shape == (3, WINDOW)
    assert (state["state_time"].numpy()[:, -1] == steps.seconds[windows.cuts - 1]).all()
    assert int((state["state_time"].numpy() == EMPTY).sum()) == 3 * max(WINDOW - rows, 0)


def test_rows_late_by_some_steps_and_unreadable_ones_change_no_more_than_for_the_whole():
    steps, features, _, signatures = served(PLAIN, frequency="1d")
    raw = tensors(windows_of(steps, np.array([15, 20, 60])).raw(np.arange(3)))
    expected = signatures["serving_default"].function(**raw)
    order = [0, 3, 1, 2, 6, 5, 4]
    late = {name: tf.gather(tensor, order, axis=1) for name, tensor in raw.items()}
    answers, state = step_by_step(signatures["step"], features, late)
    assert_close(answers, expected)
    bad = {"time": tf.fill([3, 1], "soon"), "values": tf.fill([3, 1, 1], 9.0)}
    again, after = step_by_step(signatures["step"], features, bad, state)
    assert_close(again, expected)
    for name in state:
        np.testing.assert_array_equal(after[name], state[name])


@pytest.mark.parametrize("gaps", ["mask", "skip"])
def test_no_row_and_none_readable_are_answered_finitely_with_no_time(gaps):
    _, features, _, signatures = served(PLAIN, gaps=gaps, frequency="1d")
    for rows in (0, 3):
        raw = {"time": tf.fill([2, rows], "?"), "values": tf.fill([2, rows, 1], 1.0)}
        answers = signatures["serving_default"].function(**raw)
        assert answers["time"].numpy().tolist() == [[b""] * HORIZON] * 2
        assert np.isfinite(answers["quantiles"]).all() and np.isfinite(answers["forecast"]).all()
    stepped, _ = step_by_step(signatures["step"], features, raw)
    assert_close(stepped, answers)


def test_no_windows_at_all_and_windows_without_rows_are_answered_in_a_graph():
    steps, _, _, signatures = served(zone="Europe/Berlin")
    raw = tensors(windows_of(steps, np.array([9])).raw(np.arange(1)))
    forecast = tf.function(signatures["serving_default"].function, reduce_retracing=True)
    nothing = forecast(**{name: tensor[:0] for name, tensor in raw.items()})
    assert nothing["time"].shape == (0, HORIZON) and nothing["quantiles"].shape == (0, HORIZON, 2, 3)
    empty = forecast(**{name: tensor[:, :0] if name in ROWS else tensor for name, tensor in raw.items()})
    assert np.isfinite(empty["forecast"]).all() and empty["time"].numpy().tolist() == [[b""] * HORIZON]


def test_a_saved_model_answers_the_same_by_names(tmp_path):
    steps, features, core, signatures = served(zone="Europe/Berlin", teacher=True)
    described = write_saved_model(tmp_path / "saved", [features, core], signatures)
    assert set(described["serving_default"]["outputs"]) == {"time", "forecast", "quantiles"}
    assert described["serving_default"]["inputs"]["values"] == {"dtype": "float32", "shape": [None, None, 5]}
    assert described["step"]["inputs"]["state_time"] == {"dtype": "int64", "shape": [None, WINDOW]}
    assert described["step"]["inputs"]["time"] == {"dtype": "string", "shape": [None]}
    loaded = tf.saved_model.load(str(tmp_path / "saved")).signatures
    raw = tensors(windows_of(steps, np.array([9, 20, 60])).raw(np.arange(3)))
    expected = signatures["serving_default"].function(**raw)
    answers = loaded["serving_default"](**raw)
    assert_close({name: answers[name] for name in expected}, expected)
    state = empty_state(features, 3)
    for place in range(WINDOW):
        row = {name: tensor[:, place] if name in ROWS else tensor for name, tensor in raw.items()}
        answers = loaded["step"](**row, **state)
        state = {name: answers[name] for name in state}
    assert_close({name: answers[name] for name in expected}, expected)
