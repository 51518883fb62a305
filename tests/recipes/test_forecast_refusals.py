"""Refusals of the forecaster: what can't be forecast is one line and exit code 2, and nothing is written."""

import re

import numpy as np
import pandas as pd
import pytest
from shops import ROLES, SIZES, prices, shops

from rnnkit.cli import main

SMALL = [f"--{name.replace('_', '-')}={value}" for name, value in {**ROLES, **SIZES}.items()]
WEATHER = ["--target=y", "--window=7", "--horizon=3", "--epochs=1", "--steps-per-epoch=2", "--units=5"]


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Runs a command and returns its code, what it printed, and the last line of what it complained of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, error = capsys.readouterr()
        return code, out, (error.splitlines() or [""])[-1]

    return run


@pytest.fixture
def refused(call, tmp_path):
    """Runs a command that must be refused and returns its one line, sure that nothing was written."""

    def run(*arguments):
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        code, out, line = call(*arguments)
        assert code == 2 and out == "", (code, out)
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
        assert line.startswith("rnnkit: ") and len(line) < 700
        return line.removeprefix("rnnkit: ")

    return run


def wave(count=60):
    steps = np.arange(count)
    return pd.DataFrame(
        {"time": pd.date_range("2024-03-01", periods=count, freq="h").astype(str), "y": np.sin(steps).round(3)}
    )


def with_cell(row, column, value):
    frame = wave().astype(object)
    frame.loc[row, column] = value
    return frame


def irregular():
    days = np.cumsum(np.random.default_rng(1).integers(1, 10_000, 60))
    return wave().assign(time=(pd.Timestamp("2024-03-01") + pd.to_timedelta(days, unit="min")).astype(str))


def short_one():
    frame = shops()
    return frame[(frame["unique_id"] == "a") | (frame.index < 90 + 6)]


BAD = {
    "fewer rows than window and horizon": (
        wave(9),
        [],
        r"^bad\.csv has 9 steps, and window \+ horizon are 7 \+ 3",
    ),
    "too few for its splits": (wave(12), [], r"^bad\.csv has \d+ steps .*(window \+ horizon|horizon is 3)"),
    "a target that is no number": (
        with_cell(5, "y", "warm"),
        [],
        r"^bad\.csv, line 7: column 'y', a target, has 'warm', which is no number\..*--skip-bad-rows",
    ),
    "a target of texts": (wave().assign(y="warm"), [], r"^bad\.csv, line 2: column 'y', a target, has 'warm'"),
    "no time column": (wave().drop(columns="time").assign(x="a"), [], r"^bad\.csv has no .*time.*--time"),
    "another time column": (wave(), ["--time=day"], r"^bad\.csv has no column 'day'\. .*It has 'time', 'y'"),
    "a stamp that is none": (
        with_cell(3, "time", "noon"),
        [],
        r"^bad\.csv, line 5: column 'time' has 'noon', which is no time\..*2024-03-01 12:00:00",
    ),
    "a constant series": (wave().assign(y=4), [], r"^bad\.csv: column 'y' is 4 at every step .* nothing to learn"),
    "an infinite value": (with_cell(8, "y", "inf"), [], r"^bad\.csv, line 10: column 'y', a target, has an infinite"),
    "no frequency": (irregular(), [], r"^The frequency can't be inferred from column 'time'.*--frequency 1h"),
    "no value": (wave().assign(y=None), [], r"^bad\.csv: column 'y' has no value at all"),
    "no such target": (wave(), ["--target=z"], r"^bad\.csv has no column 'z'\. .*It has 'time', 'y'"),
    "below zero for a logarithm": (wave(), ["--transform=log"], r"^bad\.csv: column 'y' must be above 0 for"),
    "below zero for counts": (wave(), ["--head=negative_binomial"], r"^Column 'y' must be 0 or above for --head"),
    "too many blocks": (wave(), ["--backtest=50", "--refit"], r"^backtest must be between 1 and \d+.*Got 50"),
    "no file of holidays": (wave(), ["--holidays=none.txt"], r"none\.txt"),
    "no word of a frequency": (wave(), ["--frequency=often"], r"^frequency must be .*Got 'often'"),
    "a split past the data": (wave(), ["--split=50,20,20"], r"split"),
    "an unknown zone": (wave(), ["--time-zone=Europe/Berlim"], r"Europe/Berlin"),
}


@pytest.mark.parametrize("verb", ["run", "check"])
@pytest.mark.parametrize(("frame", "flags", "pattern"), BAD.values(), ids=BAD)
def test_bad_data_are_refused_in_one_line(refused, call, tmp_path, verb, frame, flags, pattern):
    frame.to_csv(tmp_path / "bad.csv", index=False)
    if verb == "run":
        line = refused("run", "forecast", "--data", "bad.csv", *WEATHER, *flags)
    else:
        code, _, line = call("check", "forecast", "--data", "bad.csv", *WEATHER, *flags)
        assert code == 2
        line = line.removeprefix("rnnkit: ")
    assert re.search(pattern, line), line


def test_series_too_short_among_others_are_named_counted_and_left_out_by_setting(refused, call, tmp_path):
    short_one().to_csv(tmp_path / "shops.csv", index=False)
    line = refused("run", "forecast", "--data", "shops.csv", *SMALL)
    assert re.search(r"^shops\.csv: 1 of 2 series have fewer steps than window \+ horizon \(7 \+ 3\): 'b'\.", line)
    assert "--short-series leave_out" in line
    code, out, _ = call("check", "forecast", "--data", "shops.csv", *SMALL, "--short-series=leave_out")
    assert code == 0 and "left out 1 series" in " ".join(out.split())


def test_check_says_what_it_found_and_how_long_it_takes(call, tmp_path):
    frame = shops().drop(index=[20, 21])
    frame.loc[30, "y"] = np.nan
    frame.to_csv(tmp_path / "shops.csv", index=False)
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = call("check", "forecast", "--data", "shops.csv", *SMALL)
    assert code == 0 and sorted(tmp_path.rglob("*")) == before
    text = " ".join(out.split())
    assert "about" in text and "epoch" in text and "share of right answers" not in text
    assert "missing values of y 1, of 178; marked as missing" in text and "2 of 180 steps have no row" in text


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["--preset", "wether"], r"^The recipe 'forecast' has no preset 'wether'\. Did you mean 'weather'\? It has"),
        (["--preset=wether"], r"^The recipe 'forecast' has no preset 'wether'"),
        (["--preset"], r"^--preset needs a value after it\."),
        (["--windw", "7"], r"^There is no setting --windw\. Did you mean --window\?"),
        (["--levels", "0.5,0.1"], r"^levels must be numbers between 0 and 1, rising"),
        (["--decoder", "segment"], r"^decoder must be one of .*Did you mean 'segments'\?"),
        (["--data", "nowhere.csv"], r"nowhere\.csv"),
        (["--data", "tfds:weather"], r"^Series are read from a file or a DataFrame\. Got 'tfds:weather'"),
    ],
)
def test_flags_that_can_not_be_are_refused(refused, arguments, pattern):
    assert re.search(pattern, refused("run", "forecast", *arguments))


def test_flags_win_over_the_preset_and_the_preset_over_the_defaults(call, tmp_path):
    import yaml

    code, out, _ = call("run", "forecast", "--preset", "stock", "--units", "9", "--print-config")
    printed = yaml.safe_load(out)
    assert code == 0 and (printed["preset"], printed["units"], printed["transform"]) == ("stock", 9, "log")
    assert printed["gaps"] == "skip" and printed["season"] == 1 and printed["stride"] == 1
    (tmp_path / "mine.yaml").write_text("window: 11\n")
    _, out, _ = call("run", "forecast", "--preset=stock", "--config", "mine.yaml", "--print-config")
    assert yaml.safe_load(out)["window"] == 11 and yaml.safe_load(out)["direction"] is True
    _, out, _ = call("run", "forecast", "--print-config")
    assert yaml.safe_load(out)["preset"] == "" and yaml.safe_load(out)["direction"] is False


@pytest.mark.parametrize(
    ("preset", "name", "column"), [("", "weather.csv", "temperature"), ("stock", "prices.csv", "close")]
)
def test_the_sample_is_one_for_each_preset(call, tmp_path, preset, name, column):
    flags = ["--preset", preset] if preset else []
    code, out, _ = call("sample", "forecast", "data", *flags)
    assert code == 0 and f"rnnkit run forecast {' '.join(flags)}".rstrip() in out
    assert column in pd.read_csv(tmp_path / "data" / name).columns


def test_a_preset_without_a_sample_and_the_list(refused, call):
    assert re.search(r"no sample of a preset 'wether'\. .*weather", refused("sample", "forecast", "--preset", "wether"))
    code, out, _ = call("list")
    assert code == 0 and "forecast" in out and "quantiles" in out


def test_a_table_given_from_python_is_refused_as_a_file_is(tmp_path):
    import rnnkit

    with pytest.raises(ValueError, match=r"^DataFrame has 9 steps, and window \+ horizon are 7 \+ 3 = 10"):
        rnnkit.run("forecast", data=wave(9), out=tmp_path / "out", target="y", window=7, horizon=3)
    with pytest.raises(LookupError, match=r"has no preset 'wether'"):
        rnnkit.run("forecast", data=prices(), out=tmp_path / "out", preset="wether")
    assert not (tmp_path / "out").exists()
