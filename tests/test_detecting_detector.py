"""A detector: a stream, all rows at once and training's way of reading them agree; nothing looks ahead."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from rnnkit import catalog, presets
from rnnkit.answers import traced
from rnnkit.detecting.answering import answer_part
from rnnkit.detecting.batches import RowBatches
from rnnkit.detecting.core import taken_apart
from rnnkit.detecting.detector import ANSWERS, STATE, Detector
from rnnkit.detecting.errors import channel_errors, example_errors
from rnnkit.detecting.parts import Part
from rnnkit.running import trained_parts

ROWS = 260
KINDS = {
    "likelihood": {"strangeness": "likelihood", "short": 3, "long": 50, "error": "plain"},
    "rank, several ahead": {"strangeness": "rank", "history": 40, "ahead": 3, "quiet": 5},
    "rebuilt, tail": {"detector": "reconstruction", "strangeness": "tail", "window": 8, "smoothing": 4},
    "both, dynamic": {"detector": "both", "strangeness": "dynamic", "window": 8, "history": 40},
}


def sensors(rows=ROWS, gaps=True):
    """Hours of two related sensors, with gaps, empty cells and a fault."""
    random = np.random.default_rng(5)
    hours = pd.date_range("2024-03-01", periods=rows, freq="h")
    heat = np.sin(np.arange(rows) * 2 * np.pi / 24) + random.normal(0, 0.1, rows)
    flow = 3 * heat + random.normal(0, 0.2, rows)
    heat[200:204] += 4
    table = pd.DataFrame({"time": hours, "heat": heat, "flow": flow})
    if not gaps:
        return table
    table.loc[[30, 31, 150], "flow"] = np.nan
    table.loc[[60], ["heat", "flow"]] = np.nan
    return table.drop(index=[90, 91, 92, 180]).reset_index(drop=True)


@pytest.fixture(scope="module", params=KINDS)
def made(request):
    """Splits, what training left, and the detector."""
    recipe = catalog.load("anomaly")
    how = {"units": 6, "epochs": 2, "batch_size": 4, "seed": 1, "window": 16, "season": 24, "label": "none"}
    settings = presets.chosen(recipe, {**how, **KINDS[request.param]})
    splits = recipe.read(sensors(), None, None, settings, lambda done, total: None)
    parts = trained_parts(recipe, settings, splits)
    return splits, parts, Detector(parts.preparation, parts.core, settings)


@pytest.fixture(scope="module")
def answers(made):
    splits, _, detector = made
    return answer_part(detector, whole_of(splits))


def whole_of(splits):
    return Part(splits.train.readings, splits.train.readings.spans())


def raw(splits):
    readings = splits.train.readings
    stamps = [f"{pd.Timestamp(second, unit='s')}" for second in readings.seconds.tolist()]
    return tf.constant([stamps]), tf.constant(readings.values[None])


def test_the_answers_are_finite_and_of_every_row(made, answers):
    splits, _, detector = made
    rows = len(splits.train.readings.seconds)
    assert set(answers) == set(ANSWERS)
    for name, values in answers.items():
        assert values.shape == ((rows, 2) if name in ("expected", "errors") else (rows,))
        assert np.isfinite(values).all()
    assert answers["score"][198:205].max() > np.median(answers["score"][:190])
    np.testing.assert_array_equal(answers["flag"], answers["alarm"] >= np.float32(detector.chain.threshold))


def test_the_served_model_answers_raw_stamps_the_same(made, answers):
    splits, _, detector = made
    time, values = raw(splits)
    served = traced(detector.signatures()["serving_default"])(time=time, values=values)
    for name in ANSWERS:
        np.testing.assert_allclose(served[name][0], answers[name], atol=2e-5, rtol=1e-4, err_msg=name)


def test_a_stream_answers_row_by_row_the_same(made, answers):
    splits, _, detector = made
    time, values = raw(splits)
    signature = detector.signatures()["step"]
    step = traced(signature)
    states = {
        spec.name: tf.zeros([1, *spec.shape[1:]], spec.dtype)
        for spec in signature.inputs
        if spec.name.startswith("state")
    }
    assert STATE.format("rows") in states
    for row in range(time.shape[1]):
        told = step(time=time[:, row], values=values[:, row], **states)
        states = {name: told[name] for name in states}
        for name in ANSWERS:
            np.testing.assert_allclose(told[name][0], answers[name][row], atol=2e-5, rtol=1e-4, err_msg=f"{name} {row}")


def test_all_rows_at_once_have_the_errors_of_the_stream(made, answers):
    splits, parts, detector = made
    train = recipe_batches(made)
    apart, part = taken_apart(parts.core), whole_of(splits)
    how = {"window": parts.preparation.facts["window"], "error": detector.settings.error}
    errors, known = channel_errors(apart, train.encoded, part.spans[:, 1:], **how)
    assert not errors[known == 0].any()
    own = (errors / detector.chain.scale)[:, :2]
    np.testing.assert_allclose(own, answers["errors"], atol=3e-4, rtol=1e-3)


def recipe_batches(made) -> RowBatches:
    splits, parts, detector = made
    from rnnkit.progress import SILENT

    return catalog.load("anomaly").batches(parts.preparation, splits, detector.settings, SILENT)[0]


def test_what_comes_later_changes_no_answer(made, answers):
    splits, _, detector = made
    time, values = raw(splits)
    detect = traced(detector.signatures()["serving_default"])
    cut = detect(time=time[:, :70], values=values[:, :70])
    for name in ANSWERS:
        np.testing.assert_allclose(cut[name][0], answers[name][:70], atol=2e-5, rtol=1e-4, err_msg=name)


def test_an_empty_row_is_passed_over(made, answers):
    splits, _, detector = made
    time, values = raw(splits)
    detect = traced(detector.signatures()["serving_default"])

    gap = tf.fill([1, 1, 2], float("nan"))
    told = detect(
        time=tf.concat([time[:, :20], [[""]], time[:, 20:40]], 1),
        values=tf.concat([values[:, :20], gap, values[:, 20:40]], 1),
    )
    for name in ANSWERS:
        found = told[name].numpy()[0]
        assert not found[20].any()
        np.testing.assert_allclose(np.delete(found, 20, 0), answers[name][:40], atol=2e-5, rtol=1e-4)


def test_windows_for_training_hold_every_row_once(made):
    train = recipe_batches(made)
    quiet = RowBatches(train.encoded, train.part, train.columns, train.window, train.settings)
    total, begun = 0, 0
    for features, _, weights in quiet.epoch(0):
        total += features["real"].sum()
        begun += features["begin"].sum()
        assert weights.sum() == features["real"].sum()
        assert features["features"].shape[:2] == (train.columns, train.window)
    assert total == len(train.part.rows) and begun == len(quiet.pieces)
    assert len(list(quiet.epoch(0))) == len(quiet)


def test_examples_have_the_errors_of_their_streams(write):
    random, rows = np.random.default_rng(3), []
    for length in [12] * 30:
        rows.append(" ".join(f"{value:.3f}" for value in [1, *np.cumsum(random.normal(size=length))]))
    recipe = catalog.load("anomaly")
    how = {"layout": "lines", "detector": "both", "train_on": "all", "window": 8, "units": 4, "epochs": 1, "season": 1}
    settings = presets.chosen(recipe, {**how, "strangeness": "relative", "normal": "1", "ahead": 2})
    splits = recipe.read(write("beats.txt", "\n".join(rows)), None, None, settings, lambda done, total: None)
    parts = trained_parts(recipe, settings, splits)
    detector = Detector(parts.preparation, parts.core, settings)
    encoded = recipe_batches((splits, parts, detector)).encoded
    whole = Part(splits.train.readings, splits.train.readings.spans())
    errors, known = example_errors(detector.apart, encoded, whole.spans[:, 1:], window=8)
    assert known.all() and errors.shape == (30, 2)
    told = answer_part(detector, whole)
    np.testing.assert_allclose((errors / detector.chain.scale)[:, :1], told["errors"], atol=3e-4, rtol=1e-3)
