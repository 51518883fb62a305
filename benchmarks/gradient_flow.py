"""Gradient flow: the adding problem -> how far back each cell's gradient reaches, before and after training.

python benchmarks/gradient_flow.py [--lengths 200,400] [--cells simple,irnn,gru,lstm,chrono] [--steps 2000]

A row has `length` steps of (value from 0 to 1, marker); two are marked, one in each half, and the target is the sum of
their values. Who always answers 1 has a squared error of 1/6. The last state alone answers, so what is learned of the
first half has come back through all of the second (Hochreiter & Schmidhuber 1997, section 5.4; in the form of
Le et al. 2015, section 4.1, https://arxiv.org/abs/1504.00941).
"""

import argparse
import dataclasses
import os
import pathlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from measuring import RESULTS, context, print_table, read_results, write_results
from rich.console import Console

from rnnkit import layers
from rnnkit.layers.gradient_flow import GradientFlow, draw_flow, gradient_flow
from rnnkit.progress import Reporter

BASELINE = 1 / 6
"""Squared error of answering 1, which is the variance of a sum of two values."""
BATCH, VALID_ROWS, FLOW_ROWS = 64, 1_000, 32
CHECKS = 20
"""How often a training looks at its valid rows."""
NAME = "gradient_flow"


@dataclasses.dataclass(frozen=True)
class Cell:
    """A contender.

    Attributes:
        title: Its name in tables and pictures, and that of its layer, hence without spaces.
        layer: Its class.
        units: Size of its state.
        learning_rate: The best of 1e-2, 3e-3, 1e-3, 3e-4 in 400 steps at length 100.
        start: `(length, units) -> arguments of the layer` that it starts with.
    """

    title: str
    layer: type[keras.layers.RNN]
    units: int
    learning_rate: float
    start: Callable[[int, int], dict] = lambda length, units: {}


def identity_start(length: int, units: int) -> dict:
    """Returns Le et al.'s start: relu, the identity, and small input weights."""
    small = keras.initializers.RandomNormal(stddev=1e-3)
    return {"activation": "relu", "recurrent_initializer": "identity", "kernel_initializer": small}


def chrono_start(length: int, units: int) -> dict:
    """Returns a start whose cells remember for 1 to `length` steps, all equally likely.

    Tallec & Ollivier (2018), eq. 16, https://arxiv.org/abs/1804.11188.
    """

    def biases(shape, dtype=None):
        remembered = np.log(np.random.default_rng(0).uniform(1, length - 1, units))
        return tf.constant(np.concatenate([-remembered, remembered, np.zeros(2 * units)]), dtype)

    return {"bias_initializer": biases, "unit_forget_bias": False}


CELLS = {
    "simple": Cell("SimpleRNN", layers.SimpleRNN, 100, 3e-4),
    "irnn": Cell("IRNN", layers.SimpleRNN, 100, 3e-4, identity_start),
    "gru": Cell("GRU", layers.GRU, 64, 1e-2),
    "lstm": Cell("LSTM", layers.LSTM, 64, 1e-2),
    "chrono": Cell("LSTM-chrono", layers.LSTM, 64, 1e-2, chrono_start),
}


def main() -> None:
    """Trains every cell at every length; rows are written as they come."""
    arguments = _arguments()
    reporter, rows, flows = Reporter(Console(stderr=True)), [], {}
    for length in arguments.lengths:
        for key in arguments.cells:
            row, flows[length, key] = _measured(CELLS[key], length, arguments, reporter)
            rows.append(row)
            path = write_results(NAME, _merged(read_results(NAME), rows))
    print_table("The adding problem: how far back the gradient reaches", [_line(row) for row in rows])
    for length in arguments.lengths:
        chosen = [row for row in rows if row["length"] == length]
        print(_draw(length, chosen, [flows[length, key] for key in arguments.cells]))
    print(path)


def _arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--lengths", type=_lengths, default=(200, 400), help="Time steps of a row, such as 200,400.")
    parser.add_argument("--cells", type=_cells, default=tuple(CELLS), help=f"Of {', '.join(CELLS)}; all by default.")
    parser.add_argument("--steps", type=int, default=2_000, help=f"Gradient steps, each on {BATCH} new rows.")
    parser.add_argument("--seed", type=int, default=0, help="Of weights and rows.")
    arguments = parser.parse_args()
    if arguments.steps < 1:
        parser.error(f"--steps must be at least 1. Got {arguments.steps}.")
    return arguments


def _lengths(text):
    if not all(part.isdecimal() and int(part) >= 2 for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"lengths are whole numbers from 2, joined by commas. Got {text!r}.")
    return tuple(map(int, text.split(",")))


def _cells(text):
    unknown = [name for name in text.split(",") if name not in CELLS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no cell {unknown[0]!r}. There are {', '.join(CELLS)}.")
    return tuple(text.split(","))


def adding_rows(length: int, rows: int, seed: Sequence[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `(rows, length, 2)` of values and markers, and the sums `(rows, 1)`; the same for the same two seeds."""
    values = tf.random.stateless_uniform((rows, length), seed)
    places = tf.random.stateless_uniform((rows, 2), [seed[0], ~seed[1]])
    half = length // 2
    places = tf.cast(places * [half, length - half], tf.int32) + [0, half]
    markers = tf.reduce_sum(tf.one_hot(places, length), axis=1)
    return tf.stack([values, markers], axis=2), tf.reduce_sum(values * markers, axis=1, keepdims=True)


def _measured(cell, length, arguments, reporter):
    """Returns the row of one training, and its gradient flows at the start and at the end."""
    where = context()
    keras.utils.set_random_seed(arguments.seed)
    model = _network(cell, length, max(1, arguments.steps // CHECKS))
    shown = adding_rows(length, FLOW_ROWS, (arguments.seed, -2))
    before = gradient_flow(model, shown)
    curve, seconds = _trained(model, length, arguments, reporter, f"{cell.title}, {length} steps")
    after = gradient_flow(model, shown)
    row = {
        "length": length,
        "cell": cell.title,
        "units": cell.units,
        "learning_rate": cell.learning_rate,
        "batch": BATCH,
        "steps": arguments.steps,
        "seed": arguments.seed,
        "baseline_mse": BASELINE,
        "valid_mse": curve[-1][1],
        "best_valid_mse": min(mse for _, mse in curve),
        "curve": curve,
        "seconds": seconds,
        "start": _numbers(before),
        "trained": _numbers(after),
        "context": where,
    }
    return row, (before, after)


def _network(cell, length, steps_per_execution):
    x = keras.Input((length, 2))
    recurrent = cell.layer(cell.units, name=cell.title, **cell.start(length, cell.units))
    model = keras.Model(x, keras.layers.Dense(1)(recurrent(x)))
    # jit_compile would compile the whole step: rnnkit's layers choose by themselves what to compile.
    optimizer = keras.optimizers.Adam(cell.learning_rate, global_clipnorm=1)
    model.compile(optimizer, "mse", jit_compile=False, steps_per_execution=steps_per_execution)
    return model


def _trained(model, length, arguments, reporter, title):
    """Returns `[step, valid error]` along the way, and the seconds of it all."""
    seed, steps = arguments.seed, arguments.steps
    each = max(1, steps // CHECKS)
    train = tf.data.Dataset.range(steps).map(lambda step: adding_rows(length, BATCH, tf.stack([seed + 1, step])))
    valid = adding_rows(length, VALID_ROWS, (seed, -1))
    curve, begin = [[0, _error(model, valid)]], time.perf_counter()
    with reporter.task(title, total=steps, unit="steps") as advance:

        def check(epoch, logs):
            curve.append([(epoch + 1) * each, _error(model, valid)])
            advance(curve[-1][0], f"valid error {curve[-1][1]:.4f}, baseline {BASELINE:.4f}")

        callback = keras.callbacks.LambdaCallback(on_epoch_end=check)
        rows = train.prefetch(4)
        model.fit(rows, epochs=steps // each, steps_per_epoch=each, callbacks=[callback], shuffle=False, verbose=0)
    return curve, time.perf_counter() - begin


def _error(model, valid):
    x, y = valid
    return float(np.mean((model.predict_on_batch(x) - y.numpy()) ** 2))


def _numbers(flow: GradientFlow):
    return [
        {
            "state": state.state,
            "growth": state.growth,
            "reach": state.reach,
            "ratio": state.ratio,
            "verdict": state.verdict,
            "gradient": state.gradient.tolist(),
            "magnitude": state.magnitude.tolist(),
        }
        for state in flow.states
    ]


def _merged(before, rows):
    def key(row):
        return row["length"], row["cell"], row["steps"], row["seed"]

    new = {key(row) for row in rows}
    return [*[row for row in before if key(row) not in new], *rows]


def _line(row: Mapping):
    def flow(when):
        # A layer's states have one verdict.
        state = row[when][0]
        return f"{state['verdict'].partition(':')[0]}, × {state['reach']:.0e}, × {state['growth']:.3f}"

    return {
        "cell": row["cell"],
        "length": row["length"],
        "at the start: verdict, row back, step back": flow("start"),
        "trained": flow("trained"),
        "valid MSE": f"{row['valid_mse']:.4f}",
        "best": f"{row['best_valid_mse']:.4f}",
        "baseline": f"{row['baseline_mse']:.4f}",
        "seconds": f"{row['seconds']:.0f}",
    }


def _draw(length, rows, flows) -> pathlib.Path:
    """Draws the gradients at the start and after training, and the valid errors, into `results/`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 5.4), layout="constrained")
    start, trained, errors = figure.subplots(1, 3)
    for axes, title, place in ((start, "at the start", 0), (trained, "after training", 1)):
        states = [state for pair in flows for state in pair[place].states]
        draw_flow(axes, {f"{state.layer} {state.state}": state for state in states})
        axes.set_title(f"gradient {title}")
    for row in rows:
        errors.semilogy(*zip(*row["curve"], strict=True), label=f"{row['cell']}: {row['valid_mse']:.4f}")
    errors.axhline(BASELINE, color="grey", linestyle=":", label=f"answering 1: {BASELINE:.4f}")
    errors.set(title="mean squared error on valid rows", xlabel="gradient step")
    errors.grid(which="major", color="0.9")
    errors.spines[["top", "right"]].set_visible(False)
    for axes in (start, trained, errors):
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.12), frameon=False, fontsize="small")
    figure.suptitle(f"The adding problem over {length} steps")
    path = RESULTS / f"{NAME}_{length}.png"
    figure.savefig(path, dpi=110)
    return path


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"gradient_flow.py: {error}")
