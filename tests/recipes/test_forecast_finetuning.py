"""Fine-tuning and refitting of forecasters: other columns, scales, categories and steps of time."""

import dataclasses

import numpy as np
import pytest
from shops import HORIZON, SHOPS, shops

import rnnkit
from rnnkit import catalog, presets, running
from rnnkit.parts import load_parts

SHORT = {"epochs": 1, "steps_per_epoch": 3, "valid_share": 0.2, "test_share": 0.2}


def known(bundle):
    """Returns the preparation's layer of category names, and the core."""
    preparation, core = load_parts(bundle, catalog.load("forecast"))
    return preparation.features.get_layer("category_ids").names, core


def test_a_child_takes_other_names_scales_and_categories_and_more_columns(forecaster, tmp_path):
    frame = shops(seed=4)
    frame["y"] = frame["y"] * 100 + 7
    frame.loc[frame.index % 7 == 0, "wind"] = "E"
    frame["heat"] = np.arange(len(frame)) % 5.0
    frame = frame.rename(columns={"y": "sales", "x": "traffic", "ds": "day"})
    child = rnnkit.finetune(
        forecaster,
        frame,
        columns={"y": "sales", "x": "traffic", "ds": "day"},
        out=tmp_path,
        past="x,wind,heat",
        scratch=False,
        **SHORT,
    )
    assert child.path == tmp_path / "shops" / "1" and child.card["parent"]["sha256"] == forecaster.sha256
    notes = " ".join(child.card["notes"])
    assert "'heat' begin anew" in notes
    names, core = known(child)
    parents, parent_core = known(forecaster)
    assert "E" in names[0] and "E" not in parents[0]
    assert core.count_params() > parent_core.count_params()
    # The parent reads what it knows of them, and lacks nothing to be compared.
    assert np.isfinite(child.card["parent"]["scores"]["test"]["mase"])
    assert child.card["scores"]["test"]["mae"] > 10 and child.card["scores"]["test"]["mase"] < 20
    rows = child.rows("test")
    answers = child.predict({name: [row[name] for row in rows] for name in child.card["inputs"]})
    assert np.isfinite(answers["quantiles"]).all() and answers["forecast"].min() > 100


def test_a_child_of_finer_data_with_fewer_columns_is_brought_to_its_parents_step(forecaster, tmp_path):
    fine = shops(360, step="15min").drop(columns="x")
    with pytest.raises(
        ValueError, match=r"The steps of these data are 15min, and .* forecasts steps of 1h\. "
    ) as error:
        rnnkit.finetune(forecaster, fine, out=tmp_path, past="wind", **SHORT)
    assert "--frequency 1h" in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())
    child = rnnkit.finetune(forecaster, fine, out=tmp_path, past="wind", frequency="1h", scratch=False, **SHORT)
    assert child.card["data"]["frequency"] == "1h" and child.card["data"]["steps"] == 2 * 90
    assert "'x' of the parent are left out" in " ".join(child.card["notes"])
    assert np.isfinite(list(child.card["scores"]["test"].values())).all()


@pytest.mark.parametrize(
    ("given", "kind", "pattern"),
    [
        ({"horizon": 5}, ValueError, r"^horizon of a child is its parent's, 3\. Got 5\. Leave it out, or train anew"),
        ({"window": 9}, ValueError, r"^window of a child is its parent's, 7\. Got 9\."),
        ({"head": "student"}, ValueError, r"^head of a child is its parent's, 'point'\. Got 'student'"),
        ({"past": "x,storm"}, LookupError, r"^DataFrame has no column 'storm'"),
    ],
)
def test_what_a_parent_fixes_is_refused(forecaster, tmp_path, given, kind, pattern):
    with pytest.raises(kind, match=pattern) as error:
        rnnkit.finetune(forecaster, shops(seed=4), out=tmp_path, **SHORT, **given)
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


def test_each_block_of_a_refitted_backtest_is_trained_on_what_came_before(tmp_path):
    seen = []
    recipe = catalog.load("forecast")

    def prepare(train, settings, reporter):
        seen.append(train)
        return recipe.prepare(train, settings, reporter)

    settings = presets.chosen(recipe, {**SHOPS, "past": "", "future": "", "static": "", "backtest": 2, "refit": True})
    order = running.Order(data=shops(), out=tmp_path)
    bundle = running.run(dataclasses.replace(recipe, prepare=prepare), settings, order)
    backtest = bundle.card["backtest"]
    assert backtest["refit"] and len(seen) == 1 + 2
    first, second = backtest["blocks"]
    assert first["start"] <= first["end"] < second["start"]
    for train, block in zip(seen[1:], (first, second), strict=True):
        last = train.panel.seconds[train.inside].max()
        assert last < block["start"] and (train.panel.seconds[train.cuts + HORIZON - 1] <= last).all()
        assert set(block["baselines"]) == set(bundle.card["baselines"])
        assert set(block["scores"]) == set(bundle.card["scores"]["test"])
    assert seen[1].inside.sum() < seen[2].inside.sum()
    assert (bundle.path / "report" / "backtest.png").stat().st_size > 1000


def test_the_steps_of_a_child_are_said_in_days_or_months_too(forecaster, tmp_path):
    daily = shops(step="D")
    with pytest.raises(ValueError, match=r"The steps of these data are 1d, and .* train anew: rnnkit run\."):
        rnnkit.finetune(forecaster, daily, out=tmp_path, **SHORT)
