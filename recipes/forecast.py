"""Forecasting of series: a window of values -> recurrence, beside it a linear forecast -> steps ahead, with quantiles.

Reads   table over time, wide or long (unique_id, ds, y): a time column, targets, covariates past, future and static
Serves  time (batch, steps) ISO texts, values (batch, steps, columns) -> time, forecast, quantiles (batch, horizon, …);
        step: one row and the state in, the forecast and the new state out
Sample  weather.csv; weather: weather.csv; stock: prices.csv
Scores  ETTh1 MSE 0.350 (ridge 0.369), PM2.5 RMSE 22.5 (ridge 22.6), minimum temperature MASE 0.647 (ridge 0.651)

Decoders: segments of the window and of the horizon (SegRNN, Lin et al. 2023, https://arxiv.org/abs/2308.11200); direct,
all steps from one encoder; recursive, step after step with attention (Bahdanau et al. 2015), which with a
distribution for a head is DeepAR (Salinas et al. 2020, https://arxiv.org/abs/1704.04110). Windows are forecast from
their last value on, or from their mean and spread (Kim et al. 2022, https://openreview.net/forum?id=cGDAkQo1C0p).
Beside the recurrence stands a linear forecast (NLinear, Zeng et al. 2023, https://arxiv.org/abs/2205.13504), solved
for on the train split and blended in by the validation split. Intervals are conformal (Romano et al. 2019,
https://arxiv.org/abs/1905.03222): moved on the validation split until they cover what they say.
"""

import pathlib
from collections.abc import Mapping

import keras

from rnnkit.answers import Signature
from rnnkit.export.edge import Edge
from rnnkit.export.edge_series import series_edge
from rnnkit.features.series_serving import serve_series
from rnnkit.forecast_pictures import write_forecast_report
from rnnkit.layers import forecasting as layers
from rnnkit.metrics.direction import sentence_on_random_walk
from rnnkit.metrics.forecast_baselines import detailed_baselines
from rnnkit.metrics.forecasts import by_step, score_forecasts
from rnnkit.recipe import Parent, Preparation, Recipe, Reported
from rnnkit.series import Truth, Windows, read_splits, read_windows, series_card
from rnnkit.series.backtest import plain, walk_forward
from rnnkit.series.batches import Pass, WindowBatches
from rnnkit.series.encoding import encode_panel
from rnnkit.series.forecast_settings import ForecastSettings, quantile_levels
from rnnkit.series.kept import example_windows, kept_windows, truth_of
from rnnkit.series.paths import path_signature
from rnnkit.series.predicting import predict_series
from rnnkit.series.preparing import grow_series, prepare_series
from rnnkit.series.remapping import OtherColumns
from rnnkit.training.forecast_objectives import forecasting
from rnnkit.training.objectives import Objective

PRESETS = ("weather", "stock")
BLOCKS = 8
"""Stretches of the test split whose errors are drawn one after the other."""
PATHS = 100
"""Courses that the signature `paths` of a distribution draws."""
SHOWN = ("mase", "mae", "rmse", "directional_accuracy", "coverage_80", "coverage_95")
SOLVED_WITH = 60_000
"""Most windows that the linear forecast is solved with."""
CALIBRATED = 100
"""Most batches of train that the widths of the intervals are looked at with."""
BY_STEP = ("mase", "mae", "rmse")
"""Scores that the card has for each step of the horizon."""


STACK = (
    *("cell", "units", "depth", "bidirectional", "residual", "layer_normalization", "activation"),
    *("kernel_initializer", "recurrent_initializer", "dropout", "variational_dropout"),
    *("recurrent_weight_dropout", "l1", "l2"),
)
STRUCTURE = (
    *("window", "horizon", "transform", "calendar", "holidays", "decoder", "segment", "attention", "pooling"),
    *("head", "levels", "normalization", "recent", "linear", "smoothing"),
    *STACK[:7],
)
GROUPS = {
    "features": ("features", "past_features", "future_features"),
    "encoder": ("segments", "encoder"),
    "head": ("recursive", "state", "steps", "context", "future", "of_future", "attention"),
}


def read(data, valid, test, settings: ForecastSettings, progress):
    """Reads the series and cuts them by time."""
    splits = read_splits(data, valid, test, settings, progress)
    if settings.refit:
        # Known before the hours of training, not after them.
        splits.edges(settings.backtest)
    return splits


def prepare(train: Windows, settings: ForecastSettings, reporter) -> Preparation:
    """Learns scalers and categories on the train split."""
    return prepare_series(train, settings, counts=settings.counts)


def grow(parent: Parent, train: Windows, settings: ForecastSettings, reporter) -> Preparation:
    """Goes on from a parent's: scalers anew; columns and categories that it knows keep what stood for them."""
    return grow_series(parent, train, settings, counts=settings.counts)


def build(facts: Mapping[str, int], settings: ForecastSettings) -> keras.Model:
    """Core inputs -> `(batch, horizon, targets, 1 + levels + parameters)`: point, quantiles, parameters; scaled."""
    inputs = _inputs(facts, settings)
    names = (*STACK, "decoder", "head", "normalization", "recent", "segment", "attention", "pooling")
    forecast = layers.forecaster(
        inputs,
        facts,
        levels=quantile_levels(settings),
        linear=settings.linear,
        input_noise=settings.input_noise,
        smoothing=settings.smoothing,
        known_inputs=bool(facts["gaps"]),
        **{name: getattr(settings, name) for name in names},
    )
    return keras.Model(inputs, forecast, name="core")


def _inputs(facts, settings):
    window, horizon = facts["window"], facts["horizon"]
    columns = facts["targets"] + facts["covariates"]
    sizes = {
        "values": ((window, columns), "float32"),
        "known": ((window, columns), "float32"),
        "calendar": ((window + horizon, facts["calendar"]), "float32"),
        "categories": ((window, _count(facts, "category_")), "int32"),
        "future_values": ((horizon, facts["future"]), "float32"),
        "future_categories": ((horizon, _count(facts, "future_category_")), "int32"),
        "static_values": ((facts["static"],), "float32"),
        "static_categories": ((_count(facts, "static_category_"),), "int32"),
    }
    if settings.decoder == "recursive":
        sizes["teacher"] = ((horizon, facts["targets"]), "float32")
    return {name: keras.Input(shape, dtype=kind, name=name) for name, (shape, kind) in sizes.items() if shape[-1]}


def _count(facts, start):
    return sum(name.startswith(start) for name in facts)


def batches(preparation: Preparation, splits, settings: ForecastSettings, reporter) -> tuple[WindowBatches, ...]:
    """Encodes all steps once and deals windows of them: those of train, and of valid."""
    shares = (None, None)
    if settings.decoder == "recursive":
        # The likelihood of a distribution is of what came before; other losses are of the forecast as it is served.
        shares = (settings.teacher_forcing, 1.0 if settings.head in layers.DISTRIBUTIONS else 0.0)
    made, encoded = [], {}
    for split, seed, share in zip(("train", "valid"), (settings.seed, None), shares, strict=True):
        windows = getattr(splits, split)
        if id(windows.panel) not in encoded:
            with reporter.task(f"encoding {split}"):
                encoded[id(windows.panel)] = encode_panel(preparation.features, windows.panel)
        size = settings.batch_size if seed is not None else max(settings.batch_size, 128)
        made.append(WindowBatches(windows, encoded[id(windows.panel)], size, seed, share))
    return tuple(made)


def begin(
    core: keras.Model, train: WindowBatches, valid: WindowBatches, settings: ForecastSettings, reporter
) -> tuple[str, ...]:
    """Solves for the linear forecast, on the train windows; a child's parts that are set later begin anew."""
    layers.reset(core)
    most = max(SOLVED_WITH // train.batch_size, 1)
    fit = layers.fit_linear(core, Pass(train, most), Pass(valid, most))
    if fit is None:
        return ()
    chosen = f"the last {fit.steps} steps, ridge strength {fit.strength:g}"
    return (f"linear forecast: {chosen}, mean squared error on valid {fit.error:.4f} (scaled).",)


def calibrate(core: keras.Model, valid: WindowBatches, train: WindowBatches) -> tuple[str, ...]:
    """Weighs the recurrent and the linear forecast, and sets the widths of the intervals, by the validation windows."""
    done = layers.calibrate(core, Pass(valid), Pass(train, most=CALIBRATED))
    if done.shares is None:
        return ()
    named = zip(("recurrence", "linear", "last value"), done.shares, strict=True)
    return (f"shares of the forecast, chosen on valid: {', '.join(f'{name} {share:.2f}' for name, share in named)}.",)


def objective(facts: Mapping[str, int], settings: ForecastSettings) -> Objective:
    """What the head is for: error of a point, pinball loss of quantiles, likelihood of a distribution."""
    loss = settings.loss
    if settings.head == "quantiles":
        loss = "pinball"
    elif settings.head in layers.DISTRIBUTIONS:
        loss = "likelihood"
    return forecasting(loss, levels=tuple(quantile_levels(settings)), head=settings.head)


def serve(preparation: Preparation, core: keras.Model, settings: ForecastSettings) -> dict[str, Signature]:
    """Raw stamps and values -> stamps of the horizon, forecast and quantiles; `step` with its state."""
    signatures = serve_series(preparation.features, core, core.get_layer("intervals").levels)
    if core.get_layer("head").head in layers.DISTRIBUTIONS:
        signatures["paths"] = path_signature(preparation.features, core, PATHS)
    return signatures


def edge(preparation: Preparation, core: keras.Model, settings: ForecastSettings) -> Edge:
    """Prepared windows -> forecast and quantiles in the user's units, for one row."""
    return series_edge(preparation.features, core, core.get_layer("intervals").levels)


def judge(answers, truth: Truth, labels, settings: ForecastSettings) -> dict[str, float]:
    """Scores forecasts and intervals against what came."""
    return score_forecasts(answers, truth, levels=quantile_levels(settings), direction=settings.direction)


def baselines(splits, preparation, settings: ForecastSettings, reporter) -> dict[str, dict[str, dict[str, float]]]:
    """Scores last value or random walk, season, drift, ridge and exponential smoothing on the test windows."""
    levels, blocks = quantile_levels(settings), settings.backtest or BLOCKS
    return detailed_baselines(splits, settings, levels, reporter, settings.direction, blocks)


def details(told: Reported) -> dict:
    """Adds to the card how the series are read, the levels, the errors by step and the backtest."""
    settings, levels = told.settings, quantile_levels(told.settings)
    ours = by_step(told.answers["test"], told.truth["test"], levels)
    steps = {RECIPE.name: ours, **{name: parts["by_step"] for name, parts in told.baselines.items()}}
    added = {
        "series": series_card(told.splits.train),
        "levels": levels,
        "baselines": {name: {"test": parts["test"]} for name, parts in told.baselines.items()},
        "by_step": plain({name: {metric: scores[metric] for metric in BY_STEP} for name, scores in steps.items()}),
    }
    if settings.direction:
        added["findings"] = [sentence_on_random_walk(told.scores["test"], told.baselines)]
    if settings.backtest:
        added["backtest"] = walk_forward(told, levels, judge, baselines)
    return added


def reread(data, settings: ForecastSettings, card: Mapping, progress) -> Windows:
    """Reads other data as a bundle's own, all windows to be scored."""
    return read_windows(data, settings, card["series"], progress)


def parent_rows(parent: Parent, rows: Windows, settings: ForecastSettings) -> OtherColumns | None:
    """Returns the windows as the parent reads them; None where it forecasts other targets."""
    columns = parent.bundle.card["series"]["columns"]
    found = OtherColumns(rows, settings.columns, columns, parent.bundle.card["inputs"])
    return found if found.same_targets else None


def inherited(card: Mapping) -> dict[str, str]:
    """Returns the settings by which a child reads the columns that its parent has."""
    columns = card["series"]["columns"]
    joined = {
        "target": columns["targets"],
        "past": columns["past"] + columns["past_categories"],
        "future": columns["future"] + columns["future_categories"],
        "static": columns["static"] + columns["static_categories"],
    }
    return {name: ",".join(names) for name, names in joined.items()}


def report(told: Reported, card: Mapping, folder: pathlib.Path) -> None:
    """Draws forecasts, errors by step and errors over time into report/."""
    levels = quantile_levels(told.settings)
    write_forecast_report(
        folder,
        told.splits.test,
        told.answers["test"],
        told.truth["test"],
        levels=levels,
        baselines=told.baselines,
        name=card["recipe"],
    )


RECIPE = Recipe(
    name="forecast",
    settings=ForecastSettings,
    inputs=("time", "values"),
    target="target",
    sample={"": "weather.csv", "weather": "weather.csv", "stock": "prices.csv"},
    read=read,
    prepare=prepare,
    build=build,
    objective=objective,
    calibrate=calibrate,
    serve=serve,
    judge=judge,
    baselines=baselines,
    edge=edge,
    grow=grow,
    structure=STRUCTURE,
    groups=GROUPS,
    batches=batches,
    begin=begin,
    higher_is_better=False,
    shown=SHOWN,
    example=example_windows,
    kept=kept_windows,
    truth=truth_of,
    parent_rows=parent_rows,
    inherited=inherited,
    report=report,
    details=details,
    reread=reread,
    predict=predict_series,
    presets={name: pathlib.Path(__file__).with_name(f"forecast_{name}.yaml").read_text("utf-8") for name in PRESETS},
)
