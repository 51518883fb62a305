"""Contenders: one LSTM forecaster and ETTh1's train windows -> seconds of an epoch with rnnkit, stock Keras, PyTorch.

All train the same function: a window of 96 hours of 7 columns, an LSTM of 128 units, all 96 hours ahead from its last
state; mean squared error, Adam, batches drawn anew each epoch. Each has a process of its own, in which `epoch` trains.
"""

import math
import os
import time
from collections.abc import Callable, Mapping

import numpy as np

WAYS = {
    "stock": "Keras LSTM, timeseries_dataset_from_array, fit",
    "rnnkit": "rnnkit, its batches and loop",
    "rnnkit_plain": "rnnkit, loop not compiled",
    "torch_gather": "PyTorch LSTM, windows gathered by index",
    "torch_loader": "PyTorch LSTM, DataLoader of a TensorDataset",
}
_RUNNING = {}
"""What this process trains."""


def start(way: str, values: np.ndarray, sizes: Mapping[str, int]) -> dict:
    """Builds a contender in this process.

    Args:
        way: Key of `WAYS`.
        values: `(steps, columns)` float32, scaled.
        sizes: `window, horizon, units, batch_size, threads`.

    Returns:
        `parameters` that are trained, `windows` in an epoch, and `jit`: whether the framework compiles the whole step.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    makers = {"stock": _stock, "rnnkit": _rnnkit, "rnnkit_plain": _rnnkit_plain}
    make = makers.get(way) or {"torch_gather": _torch_gather, "torch_loader": _torch_loader}[way]
    _RUNNING["epoch"], told = make(values, sizes)
    return told


def epoch() -> float:
    """Trains one epoch and returns its seconds."""
    return _RUNNING["epoch"]()


def _timed(train: Callable[[], object]) -> Callable[[], float]:
    def timed():
        begin = time.perf_counter()
        train()
        return time.perf_counter() - begin

    return timed


def _stock(values, sizes):
    import keras

    _threads_of_tensorflow(sizes["threads"])
    window, horizon, columns = sizes["window"], sizes["horizon"], values.shape[1]
    ahead = _windows(values[window:], horizon)
    batches = keras.utils.timeseries_dataset_from_array(
        values[: len(values) - horizon], ahead, window, batch_size=sizes["batch_size"], shuffle=True, seed=0
    )
    model = keras.Sequential(
        [
            keras.Input((window, columns)),
            keras.layers.LSTM(sizes["units"]),
            keras.layers.Dense(horizon * columns),
            keras.layers.Reshape((horizon, columns)),
        ]
    )
    model.compile("adam", "mse")
    told = {"parameters": model.count_params(), "windows": len(ahead), "jit": bool(model.jit_compile)}
    return _timed(lambda: model.fit(batches, epochs=1, verbose=0)), told


def _rnnkit(values, sizes):
    return _of_recipe(values, sizes, "yes")


def _rnnkit_plain(values, sizes):
    return _of_recipe(values, sizes, "no")


def _of_recipe(values, sizes, xla):
    """The recipe's own path, from the table on; its `fit` compiles anew, so that of two epochs the second counts."""
    import pandas as pd

    _threads_of_tensorflow(sizes["threads"])
    from rnnkit.progress import SILENT
    from rnnkit.recipes.forecast import RECIPE
    from rnnkit.settings import from_mapping
    from rnnkit.training.fit import fit

    horizon = sizes["horizon"]
    settings = from_mapping(
        RECIPE.settings,
        {
            **{name: sizes[name] for name in ("window", "horizon", "units", "batch_size")},
            # Valid and test are as short as can be: they are no part of what is measured.
            "split": f"{len(values)},{horizon},{horizon}",
            **{"cell": "lstm", "decoder": "direct", "head": "point", "loss": "mse", "linear": "none"},
            **{"normalization": "none", "calendar": False, "dropout": 0.0, "clip_norm": 0.0, "schedule": "constant"},
            **{"epochs": 2, "xla": xla, "patience": 1_000},
        },
    )
    longer = np.concatenate([values, values[: 2 * horizon]])
    times = pd.date_range("2016-07-01", periods=len(longer), freq="h")
    table = pd.DataFrame(longer, columns=[f"column {place}" for place in range(values.shape[1])])
    table.insert(0, "time", times)
    splits = RECIPE.read(table, None, None, settings, None)
    preparation = RECIPE.prepare(splits.train, settings, SILENT)
    core = RECIPE.build(preparation.facts, settings)
    train, valid = RECIPE.batches(preparation, splits, settings, SILENT)
    objective = RECIPE.objective(preparation.facts, settings)
    parameters = sum(math.prod(weight.shape) for weight in core.trainable_variables)
    told = {"parameters": parameters, "windows": len(splits.train), "jit": xla == "yes"}
    return lambda: fit(core, train, valid, objective, settings).epochs[1]["seconds"], told


def _threads_of_tensorflow(count):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)


def _torch_gather(values, sizes):
    import torch

    past, ahead, step, told = _of_torch(values, sizes)
    size = sizes["batch_size"]

    def train():
        order = torch.randperm(len(past))
        for start in range(0, len(past), size):
            places = order[start : start + size]
            step(past[places], ahead[places])

    return _timed(train), told


def _torch_loader(values, sizes):
    import torch

    past, ahead, step, told = _of_torch(values, sizes)
    rows = torch.utils.data.TensorDataset(past, ahead)
    loader = torch.utils.data.DataLoader(rows, batch_size=sizes["batch_size"], shuffle=True)

    def train():
        for batch in loader:
            step(*batch)

    return _timed(train), told


def _of_torch(values, sizes):
    import torch

    torch.set_num_threads(sizes["threads"])
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    window, horizon, columns = sizes["window"], sizes["horizon"], values.shape[1]
    past = torch.from_numpy(_windows(values[: len(values) - horizon], window))
    ahead = torch.from_numpy(_windows(values[window:], horizon))
    layer = torch.nn.LSTM(columns, sizes["units"], batch_first=True)
    head = torch.nn.Linear(sizes["units"], horizon * columns)
    weights = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(weights, 1e-3)

    def step(x, y):
        optimizer.zero_grad()
        states, _ = layer(x)
        error = torch.nn.functional.mse_loss(head(states[:, -1]), y.flatten(1))
        error.backward()
        optimizer.step()

    told = {"parameters": sum(weight.numel() for weight in weights), "windows": len(past), "jit": False}
    return past, ahead, step, told


def _windows(values, length):
    """Returns all stretches of that length, `(count, length, columns)`, as an array of their own."""
    stretches = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)
    return np.ascontiguousarray(np.moveaxis(stretches, -1, 1))
