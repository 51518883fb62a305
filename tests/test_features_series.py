"""Series features: the core's inputs from raw rows, equal to what windows cut from an encoded panel have."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_panel import HOLIDAYS, HORIZON, KINDS, PLAIN, WINDOW, features_of, panel, tensors, windows_of

from rnnkit import keras_files
from rnnkit.features.series import series_target, unscale
from rnnkit.series.columns import Columns
from rnnkit.series.encoding import encode_panel
from rnnkit.series.filling import fill_gaps


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert np.asarray(found[name]).dtype == np.asarray(array).dtype, name
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize(("how", "options"), KINDS)
def test_windows_of_an_encoded_panel_are_what_the_served_features_give(how, options):
    steps, gaps = panel(**how), options.get("gaps", "mask")
    steps = fill_gaps(steps, gaps, ())
    features = features_of(steps, **options)
    cuts = np.array([*range(WINDOW, 21), *range(23 + WINDOW, 52)])[np.random.default_rng(2).permutation(36)]
    windows, encoded = windows_of(steps, cuts, gaps), encode_panel(features, steps)
    places = np.arange(len(cuts))
    assert_same(encoded.inputs(cuts), features(tensors(windows.raw(places))))
    target = series_target(features, HORIZON, len(steps.columns.targets))
    np.testing.assert_array_equal(encoded.target(cuts), target(windows.arrays(places)["target"]))


def test_the_encoded_panel_is_the_same_in_chunks_and_without_a_table_of_ticks(monkeypatch):
    steps = panel(zone="Europe/Berlin")
    features, cuts = features_of(steps), np.arange(WINDOW, 20)
    expected = encode_panel(features, steps).inputs(cuts)
    monkeypatch.setattr("rnnkit.series.encoding.CHUNK", 5)
    assert_same(encode_panel(features, steps).inputs(cuts), expected)
    monkeypatch.setattr("rnnkit.series.encoding.MOST_TICKS", -1_000)
    assert encode_panel(features, steps).calendar.rows is None
    assert_same(encode_panel(features, steps).inputs(cuts), expected)


@pytest.mark.parametrize("closed", [False, True])
def test_a_window_that_begins_before_its_series_is_padded(closed):
    columns = Columns(time="time", id="unique_id", targets=("a", "b"), past_categories=("wind",))
    steps = panel(columns, frequency="1d", closed=closed)
    features, cuts = features_of(steps, gaps="skip" if closed else "mask"), np.array([4, 23 + 2])
    raw = windows_of(steps, np.array([WINDOW, 23 + WINDOW])).raw(np.arange(2))
    found = encode_panel(features, steps).inputs(cuts)
    for row, count in enumerate((4, 2)):
        short = {name: array[row : row + 1, :count] for name, array in raw.items()}
        assert_same({name: array[row : row + 1] for name, array in found.items()}, features(tensors(short)))


def test_more_rows_than_the_window_and_rows_in_any_order_give_the_same():
    steps = panel()
    features = features_of(steps)
    raw = tensors(windows_of(steps, np.array([WINDOW + 9])).raw(np.arange(1)))
    longer = windows_of(steps, np.array([WINDOW + 9]))
    longer.window = 16
    more = tensors(longer.raw(np.arange(1)))
    order = np.random.default_rng(3).permutation(16)
    for name in ("time", "values", "categories"):
        more[name] = tf.gather(more[name], order, axis=1)
    assert_same(features(more), features(raw))


def test_stamps_with_another_offset_are_the_same_moments():
    steps = panel(PLAIN, zone="Asia/Kolkata")
    features, raw = features_of(steps), tensors(windows_of(steps, np.array([WINDOW])).raw(np.arange(1)))
    clock = features.get_layer("clock")
    local = clock.stamps(clock(raw["time"])[0])
    assert local.numpy()[0, 0].endswith(b"+05:30")
    naive = tf.strings.substr(local, 0, 19)
    for time in (local, naive):
        assert_same(features({**raw, "time": time}), features(raw))


def test_nothing_readable_unseen_categories_and_infinite_values_give_finite_inputs():
    steps = panel()
    raw = tensors(windows_of(steps, np.array([WINDOW])).raw(np.arange(1)))
    odd = {
        "time": tf.fill([2, 4], "yesterday"),
        "values": tf.fill([2, 4, 5], float("inf")),
        "categories": tf.fill([2, 4, 3], "\0 \N{REPLACEMENT CHARACTER} unseen"),
    }
    for name, tensor in raw.items():
        empty = "" if tensor.dtype == tf.string else float("nan")
        odd.setdefault(name, tf.fill([2, *tensor.shape[1:]], empty))
    core = features_of(steps)(odd)
    for name, tensor in core.items():
        if name != "calendar":
            np.testing.assert_array_equal(tensor, np.zeros(tensor.shape))
    assert np.isfinite(core["calendar"]).all() and core["calendar"].shape == (2, WINDOW + HORIZON, 8)


def test_ids_are_places_in_the_features_own_names_whatever_the_panels_are():
    steps = panel()
    features = features_of(steps, category_names=(("W", "N"), ("half", "open", "x", "y"), ()))
    encoded = encode_panel(features, steps)
    expected = np.array([[2, 0, 0], [2, 0, 1, 0], [0, 0]], object)
    for column, ids in enumerate(expected):
        np.testing.assert_array_equal(encoded.categories[:, column], np.array(ids)[steps.categories[:, column]])
    assert features.get_layer("category_ids").sizes == (3, 5, 1)


def test_unscaled_targets_are_in_the_users_units():
    steps = panel()
    features = features_of(steps, transform="log")
    target = series_target(features, HORIZON, 2)
    truth = np.random.default_rng(4).uniform(0.5, 9, (4, HORIZON, 2)).astype(np.float32)
    scaled = target(truth)[..., 0]
    np.testing.assert_allclose(unscale(features, scaled), truth, rtol=1e-5)
    quantiles = tf.repeat(scaled[..., None], 5, axis=-1)
    np.testing.assert_allclose(unscale(features, quantiles), np.repeat(truth[..., None], 5, axis=-1), rtol=1e-5)


def test_saved_features_are_the_same(tmp_path):
    steps = fill_gaps(panel(zone="Europe/Berlin"), "fill", ())
    features = features_of(steps, gaps="fill", holidays=HOLIDAYS)
    features.save(tmp_path / "features.keras")
    series_target(features, HORIZON, 2).save(tmp_path / "target.keras")
    loaded = keras_files.load_model(tmp_path / "features.keras")
    assert isinstance(keras_files.load_model(tmp_path / "target.keras"), keras.Model)
    raw = tensors(windows_of(steps, np.arange(WINDOW, 20)).raw(np.arange(13)))
    assert_same(loaded(raw), features(raw))
    assert_same(encode_panel(loaded, steps).inputs(np.arange(WINDOW, 20)), features(raw))
