"""Toy series: hourly tables of one or many of them, and the splits of small windows."""

import numpy as np
import pandas as pd

from rnnkit.series import SeriesSettings, read_splits

SMALL = {"window": 5, "horizon": 3, "valid_share": 0.2, "test_share": 0.2}


def hours(count, start="2024-03-01"):
    return pd.date_range(start, periods=count, freq="h")


def wave(count=60, **more):
    return pd.DataFrame({"ds": hours(count), "y": np.sin(np.arange(count)) + np.arange(count), **more})


def many(lengths, count=60):
    rng = np.random.default_rng(len(lengths))
    parts = [
        wave(count).iloc[-length:].assign(unique_id=f"s{n}", y=rng.normal(size=length))
        for n, length in enumerate(lengths)
    ]
    return pd.concat(parts, ignore_index=True)


def splits_of(frame, valid=None, test=None, **options):
    return read_splits(frame, valid, test, SeriesSettings(**{**SMALL, **options}))
