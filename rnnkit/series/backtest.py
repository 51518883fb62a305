"""Backtest: block after block of the test split -> scores of the model, trained anew or not, and of the baselines."""

import math
from collections.abc import Callable

from rnnkit.answers import answer_rows, traced
from rnnkit.metrics.forecasts import over_time
from rnnkit.recipe import Reported


def plain(scores):
    """Returns scores ready for JSON: None for what nothing is known of."""
    if isinstance(scores, dict):
        return {name: plain(value) for name, value in scores.items()}
    if isinstance(scores, list):
        return [plain(value) for value in scores]
    return scores if math.isfinite(scores) else None


SPAN = ("start", "end", "windows")


def walk_forward(told: Reported, levels, judge: Callable, baselines: Callable) -> dict:
    """Scores block after block of the test split.

    Args:
        told: A finished run; its settings say `backtest`, the number of blocks, and `refit`: whether the model and the
            baselines are trained anew before each block on all that came before.
        levels: Of the quantiles.
        judge, baselines: Of the recipe.

    Returns:
        `refit`, and `blocks`: of each `start` and `end` (seconds since 1970 of the first and the last horizon's first
        step), `windows`, `scores`, and `baselines`, name -> scores.

    Raises:
        ValueError: A block would be shorter than the horizon, or the test is a file of its own.
    """
    settings = told.settings
    if settings.refit:
        return {"refit": True, "blocks": list(_refitted(told, judge, baselines))}
    ours = over_time(
        told.answers["test"], told.truth["test"], settings.backtest, levels=levels, direction=settings.direction
    )
    theirs = {name: parts["over_time"] for name, parts in told.baselines.items()}
    blocks = []
    for place, row in enumerate(ours):
        others = {name: _scores(rows[place]) for name, rows in theirs.items()}
        blocks.append({**{name: row[name] for name in SPAN}, "scores": _scores(row), "baselines": others})
    return {"refit": False, "blocks": blocks}


def _scores(row):
    return plain({name: value for name, value in row.items() if name not in SPAN})


def _refitted(told, judge, baselines):
    settings = told.settings
    for number, fold in enumerate(told.splits.folds(settings.backtest), 1):
        told.reporter.say(
            f"backtest: block {number} of {settings.backtest}, trained anew on {len(fold.train):,} windows."
        )
        signature, truth = told.retrain(fold), fold.test.truth()
        with told.reporter.task("scoring the block", total=len(fold.test), unit="rows") as advance:
            answers = answer_rows(traced(signature), fold.test, signature.names, advance)
        others = baselines(fold, told.preparation, settings, told.reporter)
        yield {
            "start": int(truth.seconds.min()),
            "end": int(truth.seconds.max()),
            "windows": len(fold.test),
            "scores": judge(answers, truth, (), settings),
            "baselines": {name: parts["test"] for name, parts in others.items()},
        }
