"""Figures of forecasting: a run's scores -> which of the numbers that were asked for it reaches."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping

LEAST, AIM = "at least", "aim"
COVERAGES = {"coverage_80": 0.80, "coverage_95": 0.95}


@dataclasses.dataclass(frozen=True)
class Figure:
    """What is asked of a data set.

    Attributes:
        about: The protocol in a few words.
        test_windows: As many windows must have been scored, or the protocol wasn't kept.
        asked: `row -> (what, measured, bound, kind)`; reached where measured is at most the bound.
    """

    about: str
    test_windows: int
    asked: Callable[[Mapping], Iterator[tuple[str, float, float, str]]]


def reached(data: str, row: Mapping) -> list[tuple[str, float, float, str, bool]]:
    """Returns what is asked, measured, the bound, its kind, and whether it is met.

    Raises:
        RuntimeError: Other windows were scored than the protocol says.
    """
    figure = FIGURES[data]
    scored = row["windows"]["test"]
    if scored != figure.test_windows:
        raise RuntimeError(
            f"{scored:,} test windows were scored, and the protocol of {data} has {figure.test_windows:,}."
        )
    asked = [*figure.asked(row), *_coverages(row)]
    return [(what, measured, bound, kind, measured <= bound) for what, measured, bound, kind in asked]


def _coverages(row):
    scores = row["scores"]["forecast"]
    for name, level in COVERAGES.items():
        apart = round(abs(scores[name] - level), 6)
        yield f"{name} from {level:g}", apart, 0.05, LEAST
        yield f"{name} from {level:g}", apart, 0.02, AIM


def _etth1(row):
    ours = row["scores"]["forecast"]
    yield "mse_standardized", ours["mse_standardized"], 0.375, LEAST
    yield "mae_standardized", ours["mae_standardized"], 0.400, LEAST
    yield "minutes, whole process", row["whole_seconds"] / 60, 30, LEAST
    yield "mse_standardized, below SegRNN's", ours["mse_standardized"], _below(0.351), AIM
    yield "mae_standardized, below SegRNN's", ours["mae_standardized"], _below(0.392), AIM


def _etth1_ot(row):
    yield "mse_standardized, below Informer's", row["scores"]["forecast"]["mse_standardized"], _below(0.098), LEAST
    yield "mse_standardized", row["scores"]["forecast"]["mse_standardized"], 0.030, AIM


def _pm25(row):
    rmse = {name: scores["rmse"] for name, scores in row["scores"].items()}
    yield "rmse, below persistence", rmse["forecast"], _below(rmse["last_value"]), LEAST
    yield "rmse", rmse["forecast"], _below(26.5), LEAST
    for name in ("linear", "linear_covariates"):
        yield f"rmse, below ridge ({name})", rmse["forecast"], _below(rmse[name]), AIM


def _exchange(row):
    ours, last = row["scores"]["forecast"], row["scores"]["last_value"]
    for name in ("mse_standardized", "mae_standardized"):
        yield f"{name}, 1 % over last value", ours[name], 1.01 * last[name], LEAST
        yield f"{name}, below last value", ours[name], _below(last[name]), AIM


def _temperature(row):
    mase = {name: scores["mase"] for name, scores in row["scores"].items()}
    yield "mase, 15 % below seasonal naive", mase["forecast"], 0.85 * mase["seasonal_naive"], LEAST
    if "ets" in mase:
        yield "mase, below ETS", mase["forecast"], _below(mase["ets"]), AIM


def _apple(row):
    # What is asked is the truth with its interval, which the table above has.
    yield from ()


def _below(bound):
    """Returns the largest number below a bound that is not to be reached."""
    return math.nextafter(bound, -math.inf)


FIGURES = {
    "etth1": Figure("all 7 columns, 12/4/4 months, the next 96 hours", 2_785, _etth1),
    "etth1_ot": Figure("OT alone, 12/4/4 months, the next 24 hours", 2_857, _etth1_ot),
    "pm25": Figure("first year train, six months valid, one hour ahead from the past 24, where known", 29_729, _pm25),
    "exchange_24": Figure("8 rates, 60/20/20, the next 24 days", 1_494, _exchange),
    "exchange_96": Figure("8 rates, 60/20/20, the next 96 days", 1_422, _exchange),
    "temperature": Figure("last two years test, the next 7 days", 724, _temperature),
    "apple": Figure("last 20 % of days test, the next day", 101, _apple),
}
