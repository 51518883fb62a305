"""Forecasting from files: predict, evaluate, show and step by step, by the command line and from Python."""

import io
import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest
from shops import HORIZON, WINDOW, ask, history, prices, shops, split

import rnnkit
from rnnkit import catalog, presets
from rnnkit.cli import main
from rnnkit.features.series_serving import EMPTY
from rnnkit.predicting.by_recipe import has_own_way

STEPS = ("time", "values", "categories")


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Runs a command that must be refused, and returns its one line."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        before = sorted(tmp_path.rglob("*"))
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        out, error = capsys.readouterr()
        assert out == "" and sorted(tmp_path.rglob("*")) == before
        return error.splitlines()[-1].removeprefix("rnnkit: ")

    return call


@pytest.fixture(scope="module")
def windows(forecaster):
    given = {name: value for name, value in forecaster.card["settings"].items() if name != "preset"}
    return split(shops(), **given)[1].test


def expected_of(bundle, windows):
    """Answers to the last window of each series."""
    last = [int(np.flatnonzero(windows.series == series)[-1]) for series in (0, 1)]
    return bundle.predict(windows.raw(last))


def test_a_file_is_forecast_as_its_last_windows_are(run, forecaster, windows, tmp_path):
    history(shops(), 87).to_csv(tmp_path / "history.csv", index=False)
    told = json.loads(run("predict", forecaster.path, "--input", "history.csv", "--output", "f.csv", "--json"))
    assert told == {"path": str(tmp_path / "f.csv"), "rows": 2, "answered": 2, "failed": 0}
    table, answers = pd.read_csv(tmp_path / "f.csv"), expected_of(forecaster, windows)
    levels = ["y_0.025", "y_0.1", "y_0.5", "y_0.9", "y_0.975"]
    assert list(table) == ["unique_id", "time", "y", *levels]
    assert table["unique_id"].tolist() == ["a"] * HORIZON + ["b"] * HORIZON
    assert table["time"].tolist() == answers["time"].ravel().tolist()
    assert table["time"][0] == "2024-03-04 15:00:00" == str(shops()["ds"][87])
    np.testing.assert_allclose(table["y"], answers["forecast"].ravel(), rtol=1e-5)
    np.testing.assert_allclose(table[levels], answers["quantiles"].reshape(-1, 5), rtol=1e-5)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["f.jsonl", "f.csv.gz", "f.jsonl.gz", "f.parquet", "-", "- as lines"])
def test_all_forms_of_output_say_the_same(run, forecaster, tmp_path, name):
    history(shops(), 87).to_parquet(tmp_path / "history.parquet")
    flags = ["--json"] if name == "- as lines" else []
    printed = run("predict", forecaster.path, "--input", "history.parquet", "--output", name.split()[0], *flags)
    rnnkit.predict(forecaster, history(shops(), 87), tmp_path / "twin.csv")
    source = io.StringIO(printed) if name.startswith("-") else tmp_path / name
    if "parquet" in name:
        table = pd.read_parquet(source)
    else:
        lines = "jsonl" in name or name == "- as lines"
        table = pd.read_json(source, lines=True, convert_dates=False) if lines else pd.read_csv(source)
    expected = pd.read_csv(tmp_path / "twin.csv")
    assert list(table) == list(expected) and len(table) == 2 * HORIZON
    assert table["time"].astype(str).tolist() == expected["time"].tolist()
    np.testing.assert_allclose(table["y_0.9"], expected["y_0.9"], rtol=1e-5)


def test_a_prefix_and_other_names_of_columns_are_taken(run, forecaster, tmp_path):
    other = history(shops(), 87).rename(columns={"y": "sales", "ds": "day"})
    other.to_csv(tmp_path / "h.csv", index=False)
    pairs = "y=sales,ds=day"
    run("predict", forecaster.path, "--input", "h.csv", "--output", "f.csv", "--columns", pairs, "--prefix", "our_")
    table = pd.read_csv(tmp_path / "f.csv")
    assert list(table)[2:4] == ["our_y", "our_y_0.025"]
    rnnkit.predict(forecaster, history(shops(), 87), tmp_path / "twin.csv")
    assert table["our_y"].tolist() == pd.read_csv(tmp_path / "twin.csv")["y"].tolist()


def test_a_stock_is_forecast_for_the_day_after_its_last(run, stock, tmp_path):
    prices().to_csv(tmp_path / "prices.csv", index=False)
    lines = run("predict", stock.path, "--input", "prices.csv").splitlines()
    assert lines[0].split(",")[:2] == ["time", "close"] and len(lines) == 2
    assert lines[1].startswith(str(pd.bdate_range("2020-01-01", periods=151)[-1].date()))


def test_a_gap_at_the_end_of_the_past_is_forecast_over(forecaster, tmp_path):
    frame = history(shops(), 87)
    frame.loc[frame.groupby("unique_id").cumcount().isin([80, 84]), ["y", "x", "wind"]] = None
    rnnkit.predict(forecaster, frame, tmp_path / "f.jsonl")
    rows = [
        json.loads(line, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
        for line in (tmp_path / "f.jsonl").read_text().splitlines()
    ]
    assert len(rows) == 2 * HORIZON and all(row["y_0.1"] <= row["y_0.9"] for row in rows)


def test_what_is_known_ahead_must_be_there(refused, forecaster, tmp_path):
    shops().to_csv(tmp_path / "history.csv", index=False)
    line = refused("predict", forecaster.path, "--input", "history.csv", "--output", "f.csv")
    assert re.search(
        r"^history\.csv: the last known target of series 'a' is at 2024-03-04 17:00:00, and forecasting the 3 steps "
        r"after it takes 'promo', 'sky', missing at 2024-03-04 18:00:00, .* Add rows with these stamps and columns",
        line,
    )


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["3.5"], r"/shops/1 forecasts series, from a file of their past .* rnnkit predict .* --input history\.csv$"),
        (["--input", "-"], r"forecasts series, from a file of their past"),
        (["--input", "h.csv", "--format", "csv"], r"forecasts series, .* no --format"),
        (
            ["--input", "h.csv", "--output", "f.csv", "--resume"],
            r"forecasts series, .* nothing to --resume\.",
        ),
        (["--input", "h.csv", "--signature", "step"], r"'serving_default'\. Got --signature step\. Leave it out"),
        (["--input", "nowhere.csv"], r"^'?nowhere\.csv'?.* no such file|[Tt]here is no .*nowhere\.csv"),
        (["--input", "h.csv", "--output", "h.csv"], r"^--output 'h\.csv' is the input itself"),
        (["--input", "short.csv"], r"^short\.csv has no column 'x'\. .*--columns"),
        (["--input", "empty.csv"], r"^empty\.csv: series 'a' has no known value of 'y' to forecast from"),
    ],
)
def test_what_a_forecaster_does_not_take_is_refused(refused, forecaster, tmp_path, arguments, pattern):
    history(shops(), 20).to_csv(tmp_path / "h.csv", index=False)
    shops(20).drop(columns="x").to_csv(tmp_path / "short.csv", index=False)
    shops(20).assign(y=np.nan).to_csv(tmp_path / "empty.csv", index=False)
    assert re.search(pattern, refused("predict", forecaster.path, *arguments))


def test_steps_answer_as_the_whole_does_from_disk(forecaster, windows):
    served, raw = forecaster.model.signatures, windows.raw([0, len(windows) - 4])
    raw["values"][0, 2:4] = np.nan
    raw["time"][1, 3], raw["values"][1, 3] = b"", np.nan
    forms = forecaster.card["signatures"]["step"]["inputs"]
    state = {
        "state_time": np.full((2, WINDOW), EMPTY),
        "state_values": np.full((2, *forms["state_values"]["shape"][1:]), np.nan, np.float32),
        "state_categories": np.full((2, *forms["state_categories"]["shape"][1:]), b"", "S1"),
    }
    for step in range(WINDOW):
        row = {name: array[:, step] if name in STEPS else array for name, array in raw.items()}
        answers = ask(served["step"], {**row, **state})
        state = {name: answers.pop(name) for name in state}
        so_far = {name: array[:, : step + 1] if name in STEPS else array for name, array in raw.items()}
        for name, values in ask(served["serving_default"], so_far).items():
            if name == "time":
                assert answers[name].tolist() == values.tolist()
            else:
                assert np.isfinite(values).all()
                np.testing.assert_allclose(answers[name], values, rtol=1e-4, atol=1e-4)
        state = {name: array.astype("S9") if array.dtype == object else array for name, array in state.items()}


def test_other_windows_of_a_batch_change_no_answer(forecaster, windows):
    places = [0, 5, len(windows) - 1]
    together = forecaster.predict(windows.raw(places))
    for row, place in enumerate(places):
        alone = forecaster.predict(windows.raw([place]))
        assert alone["time"].tolist() == together["time"][row : row + 1].tolist()
        np.testing.assert_allclose(alone["quantiles"][0], together["quantiles"][row], rtol=1e-4, atol=1e-4)


def test_evaluate_scores_all_windows_of_other_data(run, forecaster, tmp_path):
    shops(seed=5).rename(columns={"y": "sales"}).to_csv(tmp_path / "other.csv", index=False)
    pairs = ["--columns", "y=sales"]
    text = run("evaluate", forecaster.path, "--data", "other.csv", *pairs, "--json")
    scores = json.loads(text.splitlines()[-1])
    assert list(scores) == list(forecaster.card["scores"]["test"]) and np.isfinite(list(scores.values())).all()
    assert "own test" in text and f"{scores['mase']:.4f}" in text
    assert rnnkit.evaluate(forecaster, shops(seed=5)) == pytest.approx(scores, rel=1e-4)
    assert rnnkit.evaluate(forecaster, shops()) != pytest.approx(scores, rel=1e-2)


def test_the_scores_of_the_card_are_those_of_what_is_served(forecaster, windows):
    from rnnkit.metrics.forecasts import score_forecasts

    answers = forecaster.predict(windows.raw(np.arange(len(windows))))
    scores = score_forecasts(answers, windows.truth(), levels=forecaster.card["levels"], direction=False)
    assert scores == pytest.approx(forecaster.card["scores"]["test"], rel=1e-4)


@pytest.mark.parametrize("name", ["forecaster", "stock"])
def test_show_has_a_line_that_serves_it(run, request, name):
    bundle = request.getfixturevalue(name)
    assert has_own_way(bundle)
    text = run("show", bundle.path)
    line = next(line for line in text.splitlines() if line.strip().startswith("curl"))
    body = json.loads(shlex.split(line)[2], parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    row = body["instances"][0]
    assert list(row) and set(row) == set(bundle.card["inputs"])
    answers = bundle.predict({key: [value] for key, value in row.items()})
    assert np.isfinite(answers["forecast"]).all() and "report/forecasts.png" in text
    assert set(re.findall(r"^  (\w+)$", text, re.MULTILINE)) >= set(bundle.card["signatures"])


def test_a_preset_holds_where_no_flag_says_otherwise(stock):
    flags = {"window": 7, "units": 5, "epochs": 1, "steps_per_epoch": 2, "backtest": 2}
    settings, recipe = dict(stock.card["settings"]), catalog.load("forecast")
    assert settings.pop("data").endswith("prices.csv")
    chosen = {**recipe.settings().as_dict(), **presets.values_of(recipe, "stock"), **flags}
    assert settings == {name: value for name, value in chosen.items() if name != "data"}
    assert settings["preset"] == "stock" and settings["transform"] == "log"
    assert stock.path.parent.name == "stock" and "random_walk" in stock.card["baselines"]
    assert stock.card["findings"] and "random walk" in stock.card["findings"][0]


def test_the_test_part_is_gone_through_block_by_block(stock):
    backtest = stock.card["backtest"]
    assert not backtest["refit"] and len(backtest["blocks"]) == 2
    first, second = backtest["blocks"]
    assert first["start"] <= first["end"] < second["start"] <= second["end"]
    assert first["windows"] + second["windows"] == stock.card["data"]["rows"]["test"]
    for block in (first, second):
        assert set(block["baselines"]) == set(stock.card["baselines"])
        assert np.isfinite([block["scores"]["mase"], block["baselines"]["random_walk"]["mase"]]).all()
    for picture in ("forecasts", "by_step", "backtest"):
        assert (stock.path / "report" / f"{picture}.png").stat().st_size > 1000
