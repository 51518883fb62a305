"""Pictures of forecasts: they show what they are given, for one step and many, with gaps and without baselines."""

import types

import numpy as np
import pytest
from matplotlib.figure import Figure
from toy_windows import split_series

from rnnkit.forecast_pictures import draw_by_step, draw_window, local_stamps, spread_windows, write_forecast_report
from rnnkit.metrics.forecast_baselines import detailed_baselines

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def forecast(horizon, targets=2, window=9):
    random = np.random.default_rng(1)
    values = random.normal(0, 1, (140, targets)).cumsum(axis=0)
    values[100:103] = np.nan
    splits = split_series([values], targets, window=window, horizon=horizon, split=(0.6, 0.2, 0.2))
    truth = splits.test.truth()
    said = np.repeat(truth.last[:, None], horizon, axis=1)
    answers = {"forecast": said, "quantiles": said[..., None] + [-2.0, -1.0, 0.0, 1.0, 2.0]}
    return splits, truth, answers


@pytest.mark.parametrize(("horizon", "targets"), [(1, 1), (5, 2)])
def test_the_report_has_its_three_pictures(tmp_path, horizon, targets):
    splits, truth, answers = forecast(horizon, targets)
    details = detailed_baselines(splits, types.SimpleNamespace(seed=1), LEVELS, blocks=4)
    names = write_forecast_report(
        tmp_path / "report", splits.test, answers, truth, levels=LEVELS, baselines=details, name="forecast"
    )
    assert names == ["forecasts.png", "by_step.png", "backtest.png"]
    for name in names:
        assert (tmp_path / "report" / name).read_bytes().startswith(b"\x89PNG")


def test_the_report_is_drawn_without_baselines_and_bands(tmp_path):
    splits, truth, answers = forecast(3)
    answers["quantiles"] = answers["quantiles"][..., 2:3]
    names = write_forecast_report(tmp_path, splits.test, answers, truth, levels=(0.5,))
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)


def test_a_window_shows_look_back_truth_forecast_and_bands():
    splits, truth, answers = forecast(4)
    axes = Figure().subplots()
    draw_window(axes, splits.test, answers, truth, 2, 1, levels=LEVELS, name="model")
    lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    cut = splits.test.cuts[2]
    assert lines["truth"] == pytest.approx(splits.test.panel.values[cut - 9 : cut + 4, 1], nan_ok=True)
    assert lines["model"] == pytest.approx([truth.last[2, 1], *answers["forecast"][2, :, 1]])
    assert [band.get_label() for band in axes.collections] == ["95 %", "80 %"]


def test_the_best_line_is_named_last():
    axes = Figure().subplots()
    steps = {"far": {"mae": [3.0, 4.0]}, "near": {"mae": [1.0, 1.5]}}
    draw_by_step(axes, {"mae": [2.0, 2.5]}, steps, "mae", name="model")
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert named == ["far  3.5", "model  2.25", "near  1.25"]


def test_windows_without_truth_are_not_shown():
    _, truth, _ = forecast(3)
    truth.values[:-4] = np.nan
    count = len(truth.values)
    assert spread_windows(truth, 6).tolist() == list(range(count - 4, count))


def test_stamps_are_those_of_the_zone_on_both_sides_of_a_change_of_clocks():
    seconds = np.array(["2024-03-31T00:30", "2024-03-31T01:30"], "datetime64[s]").astype(np.int64)
    assert local_stamps(seconds, "Europe/Berlin").tolist() == [
        *np.array(["2024-03-31T01:30", "2024-03-31T03:30"], "datetime64[s]").tolist()
    ]
    assert local_stamps(seconds, "").astype(np.int64).tolist() == seconds.tolist()
