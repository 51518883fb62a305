"""Placing rows on the window's ticks, filling its gaps and scaling: against a loop over rows in Python."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnnkit.features.gaps import Carry, Fill
from rnnkit.features.placing import Place
from rnnkit.features.scaling import Scale
from rnnkit.series.frequency import Frequency

HOUR = Frequency("seconds", 3600, 600)
DAYS = Frequency("business_days", 1, 0)


def rows(batch=3, count=11, columns=2, seed=1, step=3600, most=9):
    """Rows in any order, some of one time, some unreadable, some without a value."""
    random = np.random.default_rng(seed)
    seconds = random.integers(0, most, (batch, count)) * step + 600 + random.integers(-900, 900, (batch, count))
    values = random.normal(size=(batch, count, columns)).astype(np.float32)
    values[random.random(values.shape) < 0.2] = np.nan
    values[0, 0, 0] = np.inf
    names = np.array([b"", b"red", b"blue"])[random.integers(0, 3, (batch, count, 2))].astype(object)
    readable = random.random((batch, count)) < 0.8
    return {
        "seconds": seconds.astype(np.int64),
        "readable": readable,
        "values": values,
        "categories": names,
    }


def place(given, window=5, horizon=3, frequency=HOUR, closed=False):
    layer = Place(window, horizon, frequency=frequency.as_dict(), closed=closed)
    placed = layer({name: tf.constant(array) for name, array in given.items()})
    return {name: tensor.numpy() for name, tensor in placed.items()}


def expected(given, row, window, horizon, frequency, closed):
    """Places one row by a loop."""
    ticks = frequency.ticks(given["seconds"][row]).tolist()
    chosen = [place for place in range(len(ticks)) if given["readable"][row, place]]
    if closed:
        chosen = chosen[-window:]
        cells = {place: window - len(chosen) + number for number, place in enumerate(chosen)}
        last = ticks[chosen[-1]]
        past = [ticks[chosen[0]] - k for k in range(window - len(chosen), 0, -1)] + [ticks[place] for place in chosen]
    else:
        last = max(ticks[place] for place in chosen)
        cells = {place: window - 1 - (last - ticks[place]) for place in chosen}
        past = [last - k for k in range(window - 1, -1, -1)]
    values = np.full((window, given["values"].shape[-1]), np.nan)
    texts = np.full((window, given["categories"].shape[-1]), b"", object)
    for cell in range(window):
        own = [place for place in chosen if cells[place] == cell]
        for column in range(values.shape[1]):
            known = [given["values"][row, place, column] for place in own]
            known = [value for value in known if np.isfinite(value)]
            values[cell, column] = np.mean(np.float64(known)) if known else np.nan
        for column in range(texts.shape[1]):
            named = [given["categories"][row, place, column] for place in own]
            texts[cell, column] = ([name for name in named if name] or [b""])[-1]
    seconds = frequency.seconds(np.array(past + [last + k for k in range(1, horizon + 1)]))
    return values.astype(np.float32), texts, seconds


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("frequency", [HOUR, DAYS], ids=str)
@pytest.mark.parametrize("window", [1, 4, 23])
def test_rows_are_placed_as_a_loop_places_them(window, frequency, closed):
    given = rows(step=3600 if frequency is HOUR else 86_400)
    placed = place(given, window, 3, frequency, closed)
    assert placed["any"].all()
    for row in range(3):
        values, texts, seconds = expected(given, row, window, 3, frequency, closed)
        np.testing.assert_array_equal(placed["values"][row], values)
        np.testing.assert_array_equal(placed["categories"][row], texts)
        np.testing.assert_array_equal(placed["seconds"][row], seconds)


def test_the_order_of_rows_does_not_matter():
    given = rows()
    given["categories"][:] = b"red"
    order = np.random.default_rng(5).permutation(11)
    again = place({name: array[:, order] for name, array in given.items()})
    for name, array in place(given).items():
        compare = np.testing.assert_allclose if array.dtype.kind == "f" else np.testing.assert_array_equal
        compare(again[name], array)


@pytest.mark.parametrize("closed", [False, True])
def test_padding_and_other_rows_of_the_batch_change_nothing(closed):
    given = rows()
    padded = {
        "seconds": np.pad(given["seconds"], [(0, 0), (0, 4)]),
        "readable": np.pad(given["readable"], [(0, 0), (0, 4)]),
        "values": np.pad(given["values"], [(0, 0), (0, 4), (0, 0)], constant_values=7),
        "categories": np.pad(given["categories"], [(0, 0), (0, 4), (0, 0)], constant_values=b"red"),
    }
    whole = place(given, closed=closed)
    alone = place({name: array[1:2] for name, array in padded.items()}, closed=closed)
    for name, array in whole.items():
        np.testing.assert_array_equal(alone[name][0], array[1])


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("count", [0, 4])
def test_no_readable_row_is_a_window_in_which_nothing_is_known(count, closed):
    given = rows(count=max(count, 1))
    given = {name: array[:, :count] for name, array in given.items()}
    placed = place({**given, "readable": np.zeros_like(given["readable"])}, closed=closed)
    assert not placed["any"].any()
    assert np.isnan(placed["values"]).all() and placed["values"].shape == (3, 5, 2)
    assert (placed["categories"] == b"").all()
    np.testing.assert_array_equal(np.diff(placed["seconds"]), np.full((3, 7), 3600))


@pytest.mark.parametrize(
    ("how", "filled"),
    [
        ("mask", [np.nan, 1, np.nan, np.nan, 4, np.nan]),
        ("fill", [np.nan, 1, 1, 1, 4, 4]),
        ("interpolate", [np.nan, 1, 2, 3, 4, 4]),
    ],
)
def test_gaps_are_filled_from_inside_the_window(how, filled):
    given = np.array([np.nan, 1, np.nan, np.nan, 4, np.nan], np.float32)
    nothing, all_known = np.full(6, np.nan), np.arange(6)
    values = np.stack([given, nothing, all_known], axis=-1)[None].astype(np.float32)
    answer = Fill(how)(tf.constant(values))
    np.testing.assert_allclose(answer[0], np.stack([filled, nothing, all_known], axis=-1), rtol=1e-6)


def test_an_empty_category_is_the_one_before_it():
    texts = tf.constant([[["", "a"], ["x", ""], ["", "b"], ["", ""]]])
    assert Carry()(texts).numpy().tolist() == [[[b"", b"a"], [b"x", b"a"], [b"x", b"b"], [b"x", b"b"]]]


def test_scaled_values_come_back_as_they_were():
    layer = Scale([3.0, 1.0, 5.0], [2.0, 0.5, 0.0], logarithm=[False, True, False])
    values = np.random.default_rng(7).uniform(0.1, 9, (4, 6, 3)).astype(np.float32)
    values[1, 2] = np.nan, -1, np.inf
    scaled, known = layer(tf.constant(values))
    expected = np.stack([(values[..., 0] - 3) / 2, (np.log(np.abs(values[..., 1])) - 1) / 0.5, values[..., 2] - 5], -1)
    assert known.numpy()[1, 2].tolist() == scaled.numpy()[1, 2].tolist() == [0, 0, 0]
    real = known.numpy() > 0
    assert real.sum() == real.size - 3
    np.testing.assert_allclose(scaled.numpy()[real], expected[real], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.restore(scaled).numpy()[real], values[real], rtol=1e-5)
    first = layer.restore(tf.repeat(scaled[:, :, :2, None], 4, axis=-1), axis=2).numpy()
    np.testing.assert_allclose(first, np.repeat(layer.restore(scaled)[..., :2, None], 4, axis=-1), rtol=1e-6)


def test_a_logarithm_far_off_is_finite():
    assert np.isfinite(Scale([0.0], [50.0], logarithm=[True]).restore(tf.constant([[90.0], [-90.0]]))).all()


def test_saved_layers_do_the_same(tmp_path):
    inputs = {
        "seconds": keras.Input((None,), dtype="int64", name="seconds"),
        "readable": keras.Input((None,), dtype="bool", name="readable"),
        "values": keras.Input((None, 2), name="values"),
        "categories": keras.Input((None, 2), dtype="string", name="categories"),
    }
    placed = Place(5, 3, frequency=HOUR.as_dict(), name="place")(inputs)
    values, known = Scale([1, 2], [3, 4], name="scale")(Fill("interpolate", name="fill")(placed["values"]))
    outputs = {"values": values, "known": known, "categories": Carry(name="carry")(placed["categories"])}
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    given = {name: tf.constant(array) for name, array in rows().items()}
    for name, tensor in model(given).items():
        assert tensor.shape == (3, 5, 2)
        np.testing.assert_array_equal(loaded(given)[name], tensor)
