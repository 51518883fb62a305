"""Series on a device: run_series.py prepares rows as the graph does, and answers as the served model does."""

import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_features_clock import READABLE, UNREADABLE
from toy_panel import ALL, HORIZON, KINDS, PLAIN, WINDOW, core_of, features_of, panel, tensors, windows_of

from rnnkit.export import run_series, tflite
from rnnkit.export.edge_series import SCRIPT, series_edge
from rnnkit.features.clock import Clock
from rnnkit.features.series_serving import ROWS, serve_series
from rnnkit.series.filling import fill_gaps

LEVELS = (0.1, 0.5, 0.9)
ZONES = ("", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe")


def prepared(features):
    """Returns run_series.py's preparation of what stands beside the model."""
    edge = series_edge(features, core_of(features, 1), LEVELS)
    return run_series.Series(json.loads(edge.files["preparation.json"]))


def rows_of(raw, row):
    """Returns one row as lists, as JSON has them, in the order of the inputs."""
    values = {name: array[row].tolist() for name, array in raw.items()}
    return {name: json.loads(json.dumps(told(value)).replace("NaN", "null")) for name, value in values.items()}


def told(value):
    if isinstance(value, list):
        return [told(part) for part in value]
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("local", [False, True])
def test_stamps_are_read_and_written_as_in_the_graph(zone, local):
    clock = Clock(zone, local=local and bool(zone))
    device = run_series.Clock(**clock.how)
    random = np.random.default_rng(1)
    moments = [*random.integers(-2_000_000_000, 4_100_000_000, 200), *(np.array(clock.changes[-99:], np.int64))]
    naive = np.datetime_as_string(np.array(moments, np.int64).astype("datetime64[s]")).tolist()
    texts = [*READABLE, *UNREADABLE, *naive, *(f"{text[:16]}-03:30" for text in naive)]
    seconds, readable = clock(tf.constant(texts))
    found = [device.read(text) for text in texts]
    assert [second is not None for second in found] == readable.numpy().tolist()
    assert [second or 0 for second in found] == seconds.numpy().tolist()
    written = clock.stamps(tf.constant(moments, tf.int64)).numpy().tolist()
    assert [device.write(int(second)).encode() for second in moments] == written


@pytest.mark.parametrize(("how", "options"), KINDS)
@pytest.mark.parametrize("rows", [WINDOW - 3, WINDOW + 2])
def test_rows_become_the_tensors_that_the_graph_makes_of_them(how, options, rows):
    steps = panel(**how)
    features = features_of(steps, **options)
    series, windows = prepared(features), windows_of(steps, np.arange(WINDOW + 2, 18))
    windows.window = rows
    raw = windows.raw(np.arange(9))
    order = np.random.default_rng(2).integers(0, rows, (9, rows))
    order[:, 0] = rows - 1
    for name in ("time", "values", "categories"):
        if name in raw:
            raw[name] = np.stack([array[own] for array, own in zip(raw[name], order, strict=True)])
    raw["time"][0, :2], raw["values"][1] = b"never", np.inf
    expected, stamps = features(tensors(raw)), serve_series(features, core_of(features, 1), LEVELS)
    stamps = stamps["serving_default"].function(**tensors(raw))["time"].numpy()
    for row in range(9):
        given = rows_of(raw, row)
        found, times = series.tensors(series.rows(given), given)
        assert set(found) == set(expected)
        for name, tensor in expected.items():
            assert found[name].dtype == tensor.dtype.as_numpy_dtype
            np.testing.assert_allclose(found[name][0], tensor[row], rtol=1e-5, atol=2e-6, err_msg=name)
        assert [time.encode() for time in times] == stamps[row].tolist()


def test_no_readable_row_is_prepared_as_in_the_graph():
    features = features_of(panel(PLAIN, frequency="1d"))
    series, expected = prepared(features), features({"time": tf.fill([1, 2], "?"), "values": tf.ones([1, 2, 1])})
    for given in ({"time": [], "values": []}, {"time": [None, "?"], "values": [[1], [1]]}):
        found, times = series.tensors(series.rows(given), given)
        assert times == [""] * HORIZON
        for name, tensor in expected.items():
            np.testing.assert_allclose(found[name], tensor, atol=1e-6)


@pytest.fixture(scope="module", params=["mask", "skip"])
def exported(request, tmp_path_factory):
    """What stands on a device, rows for it, and the signatures of the same model."""
    steps = panel(ALL, zone="Europe/Berlin", closed=request.param == "skip", frequency="1d", lengths=(40, 45))
    features = features_of(fill_gaps(steps, request.param, ()), gaps=request.param, transform="log")
    core, folder = core_of(features, 2), tmp_path_factory.mktemp("edge")
    edge = series_edge(features, core, LEVELS, nonnegative=True)
    converted = tflite.convert([core], edge.function, edge.inputs)
    (folder / "model.tflite").write_bytes(converted.content)
    for name, text in edge.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    windows = windows_of(steps, np.array([WINDOW, 30, 60]))
    signatures = serve_series(features, core, LEVELS, nonnegative=True)
    shutil.copy(SCRIPT, folder / "run.py")
    return folder, windows.raw(np.arange(3)), signatures


@pytest.fixture(scope="module")
def device(exported):
    """A model on a device, its rows, and the signatures of the same model."""
    folder, raw, signatures = exported
    return run_series.Model(folder), raw, signatures


def test_a_device_answers_as_the_served_model_does(device):
    model, raw, signatures = device
    expected = signatures["serving_default"].function(**tensors(raw))
    for row in range(3):
        answer = model.answer(*rows_of(raw, row).values())
        assert [text.encode() for text in answer["time"]] == expected["time"].numpy()[row].tolist()
        for name in ("forecast", "quantiles"):
            np.testing.assert_allclose(answer[name], expected[name][row], rtol=1e-4, atol=1e-5)
    assert answer["forecast"].shape == (HORIZON, 2) and answer["quantiles"].shape == (HORIZON, 2, 3)


def test_a_stream_answers_as_the_model_does_on_the_same_rows(device):
    model, raw, _ = device
    given, stream = rows_of(raw, 1), model.stream()
    for place in [0, 0, *range(WINDOW)]:
        row = [value[place] if name in ROWS else value for name, value in given.items()]
        answer = stream.step(*row)
    expected = model.answer(*given.values())
    again = stream.step("soon", *row[1:])
    assert len(stream.rows) == WINDOW
    assert answer["time"] == again["time"] == expected["time"]
    for name in ("forecast", "quantiles"):
        np.testing.assert_allclose(answer[name], expected[name], rtol=1e-5)
        np.testing.assert_allclose(again[name], expected[name], rtol=1e-5)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("so", "line 2: Expecting value"),
        ('{"time": ["2024-03-01"]}', "line 2: there is no 'values'. A line must be an object of time, values"),
        ("[]", "line 2: list indices"),
    ],
)
def test_a_line_that_can_not_be_read_is_named(exported, line, said):
    script = [sys.executable, "-B", str(exported[0] / "run.py")]
    ended = subprocess.run(script, input=f"\n{line}\n", capture_output=True, text=True)
    last = ended.stderr.splitlines()[-1]
    assert ended.returncode == 2 and last.startswith(said) and "Traceback" not in ended.stderr


def test_rows_that_are_prepared_otherwise_are_refused():
    values = keras.Input((WINDOW, 1), name="values")
    other = keras.Model({"values": values}, {"values": keras.layers.Rescaling(2.0, name="scale")(values)})
    with pytest.raises(ValueError, match=r"prepared by scale \(Rescaling\); on a device there are those of series_"):
        series_edge(other, core_of(other, 1), LEVELS)


def test_the_script_needs_two_packages():
    source = SCRIPT.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 300
    lines = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    standard = {"argparse", "bisect", "datetime", "itertools", "json", "math", "pathlib", "re", "sys"}
    assert {line.split()[1].partition(".")[0] for line in lines} - standard == {"numpy", "ai_edge_litert"}
