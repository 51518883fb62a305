"""What only the anomaly recipe promises: kinds of faults found, streams on the command line, examples a line."""

import io
import json
import sys

import numpy as np
import pandas as pd
import pytest

import rnnkit
from rnnkit.cli import main
from rnnkit.running import sample_path

SMALL = {"units": 6, "window": 16, "batch_size": 4, "epochs": 2, "seed": 1}


@pytest.fixture(scope="module")
def rows():
    from rnnkit import catalog

    return pd.read_csv(sample_path(catalog.load("anomaly"))).head(6_500)


@pytest.fixture(scope="module")
def watcher(made_once, rows):
    """A bundle trained for a moment on the beginning of the sample."""
    return made_once("watcher", lambda out: rnnkit.run("anomaly", data=rows, out=out, bundle="watcher", **SMALL))


def test_the_card_says_how_rows_are_read_and_what_is_found(watcher):
    card = watcher.card
    assert card["readings"]["columns"]["targets"] == ["temperature", "pressure", "flow", "vibration"]
    assert card["threshold"] > 0 and set(card["recall_by_kind"]) <= {
        *("spike", "level_shift", "drift", "stuck", "lost_correlation")
    }
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    for name in ("detections.png", "errors.png", "recall.png"):
        assert (watcher.path / "report" / name).stat().st_size > 10_000


@pytest.fixture
def written(watcher, rows, tmp_path, monkeypatch):
    """What predict writes of some rows in a file."""
    monkeypatch.chdir(tmp_path)
    rows.iloc[4_500:4_560].to_csv("rows.csv", index=False)
    assert main(["predict", str(watcher.path), "--input", "rows.csv", "--output", "told.csv"]) == 0
    return pd.read_csv("told.csv")


def test_a_file_is_answered_row_by_row_as_python_is(watcher, rows, written):
    some = rows.iloc[4_500:4_560]
    sensors = watcher.card["readings"]["columns"]["targets"]
    answers = watcher.predict({"time": [some["time"].tolist()], "values": [some[sensors].to_numpy().tolist()]})
    np.testing.assert_allclose(written["score"], answers["score"][0], rtol=1e-3, atol=1e-4)
    assert written["flag"].tolist() == answers["flag"][0].tolist()
    assert written[sensors].equals(some[sensors].reset_index(drop=True))
    assert len(json.loads(written["expected"][0])) == 4


def test_rows_that_come_on_standard_input_get_the_same_answers(watcher, rows, written, monkeypatch, capsys):
    text = rows.iloc[4_500:4_560].to_csv(index=False)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["predict", str(watcher.path), "--input", "-"]) == 0
    told = pd.read_csv(io.StringIO(capsys.readouterr().out))
    pd.testing.assert_frame_equal(told, written)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["1.5"], "watches rows over time"),
        (["--input", "rows.csv", "--signature", "step"], "Got --signature step"),
        (["--input", "rows.csv", "--output", "o.csv", "--resume"], "nothing to --resume"),
        (["--input", "other.csv"], "has no column 'temperature'"),
    ],
)
def test_what_it_does_not_take_is_refused(watcher, rows, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    rows.head(3).to_csv("rows.csv", index=False)
    rows.head(3)[["time", "flow"]].to_csv("other.csv", index=False)
    assert main(["predict", str(watcher.path), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def beats(rows=120):
    """Lines of a normal and an abnormal beat, the label first."""
    random, lines = np.random.default_rng(4), []
    for row in range(rows):
        strange = row % 4 == 3
        time = np.linspace(0, 2 * np.pi, 20)
        beat = np.sin(time * (3 if strange else 1) + random.normal(0, 0.1)) + random.normal(0, 0.1, 20)
        lines.append(" ".join([str(-1 if strange else 1), *(f"{value:.3f}" for value in beat)]))
    return "\n".join(lines) + "\n"


def test_examples_a_line_are_told_apart_as_wholes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beats.txt").write_text(beats())
    bundle = rnnkit.run("anomaly", "beats.txt", preset="ecg", normal="1", out=tmp_path, epochs=12, units=8)
    assert bundle.card["facts"]["window"] == 20
    assert bundle.card["scores"]["test"]["roc_auc"] > 0.9
    assert set(bundle.card["baselines"]) == {"distance_to_mean", "principal_components", "isolation_forest"}
