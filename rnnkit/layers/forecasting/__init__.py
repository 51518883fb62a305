"""Forecasting: prepared windows -> forecasts of all steps of the horizon, with quantiles."""

from rnnkit.layers.forecasting.blend import ForecastBlend, best_forecast_shares
from rnnkit.layers.forecasting.calibration import Calibration, LinearFit, calibrate, fit_linear, reset
from rnnkit.layers.forecasting.conformal import conformal_offsets
from rnnkit.layers.forecasting.distributions import DISTRIBUTIONS
from rnnkit.layers.forecasting.factory import DECODERS, LEVELS, LINEAR, forecaster
from rnnkit.layers.forecasting.filling import Filled
from rnnkit.layers.forecasting.heads import HEADS, ForecastHead
from rnnkit.layers.forecasting.intervals import Intervals, Spread
from rnnkit.layers.forecasting.linear import LinearForecast
from rnnkit.layers.forecasting.normalization import NORMALIZATIONS, Normalized, WindowLevel
from rnnkit.layers.forecasting.recursive import RecursiveForecast
from rnnkit.layers.forecasting.sampling import PathSampler, sample_paths
from rnnkit.layers.forecasting.segments import SegmentForecast
from rnnkit.layers.forecasting.smoothing import Smoothed

__all__ = [
    "Calibration",
    "DECODERS",
    "DISTRIBUTIONS",
    "Filled",
    "ForecastBlend",
    "ForecastHead",
    "HEADS",
    "Intervals",
    "LEVELS",
    "LINEAR",
    "LinearFit",
    "LinearForecast",
    "NORMALIZATIONS",
    "Normalized",
    "PathSampler",
    "RecursiveForecast",
    "SegmentForecast",
    "Smoothed",
    "Spread",
    "WindowLevel",
    "best_forecast_shares",
    "calibrate",
    "conformal_offsets",
    "fit_linear",
    "forecaster",
    "reset",
    "sample_paths",
]
