"""Real series: the published splits, and what each file has of missing rows and texts."""

import numpy as np
import pytest

from rnnkit.series import SeriesSettings, read_splits


@pytest.fixture
def read(real_data):
    def read(path, **settings):
        return read_splits(real_data / "forecasting" / path, settings=SeriesSettings(**settings))

    return read


@pytest.mark.parametrize("window", [96, 336, 720])
def test_etth1_has_the_published_test_windows_at_any_look_back(read, window):
    splits = read("etth1/ETTh1.csv", split="8640,2880,2880", window=window, horizon=96)
    assert len(splits.test) == len(splits.valid) == 2785
    assert len(splits.train) == 8640 - window - 96 + 1
    assert splits.card["frequency"] == "1h" and len(splits.train.panel.columns.targets) == 7
    assert splits.notes == ()


def test_beijing_has_stamps_in_parts_missing_values_and_a_wind_direction(read):
    splits = read(
        "beijing_pm25/pollution.csv",
        time="year,month,day,hour",
        target="pm2.5",
        past="DEWP,TEMP,PRES,cbwd,Iws,Is,Ir",
        split="2011-01-01,2011-07-01",
        window=24,
        horizon=1,
        most_scored=0,
    )
    panel = splits.train.panel
    assert panel.steps == 43_824 and np.isnan(panel.values[:, 0]).sum() == 2_067
    assert panel.category_names == (("NE", "NW", "SE", "cv"),) and (panel.categories >= 0).all()
    assert splits.train.inside.sum() == 8_760
    assert splits.test.raw([0])["time"][0, -1] == b"2011-06-30 23:00:00"
    assert any("pm2.5 2,067" in note for note in splits.notes)


def test_daily_temperatures_lack_their_leap_days(read):
    splits = read(
        "daily_min_temperatures/daily-min-temperatures.csv", split="1988-01-01,1989-01-01", window=60, horizon=7
    )
    panel = splits.train.panel
    assert panel.steps == 3_652 and np.isnan(panel.values).sum() == 2
    assert len(splits.test) == 2 * 365 - 6
    assert any("2 of 3,652 steps have no row" in note for note in splits.notes)


@pytest.mark.parametrize("frequency", ["1d", "1bd"])
def test_exchange_rates_have_neither_header_nor_stamps(read, frequency):
    settings = {"time": "row", "start": "1990-01-01", "frequency": frequency, "split": "0.6,0.2,0.2"}
    splits = read("exchange_rate/exchange_rate.txt.gz", **settings, window=96, horizon=24)
    assert splits.train.panel.steps == 7_588 and splits.train.panel.columns.targets == tuple("01234567")
    assert len(splits.test) == 1_517 - 23 and splits.card["frequency"] == frequency


def test_stock_days_follow_each_other_where_gaps_are_skipped(read):
    path = "stock_apple/finance-charts-apple.csv"
    skipped = read(path, target="AAPL.Close", past="AAPL.Volume,direction", gaps="skip", window=20, horizon=1)
    assert skipped.train.panel.steps == 506 and skipped.card["frequency"] == "1bd"
    assert skipped.train.panel.category_names == (("Decreasing", "Increasing"),)
    marked = read(path, target="AAPL.Close", window=20, horizon=1)
    assert marked.train.panel.steps == 523 and any("17 of 523 steps" in note for note in marked.notes)
    assert len(list(skipped.folds(5))) == 5
