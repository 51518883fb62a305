"""Layer profile: a shape -> milliseconds of each piece of rnnkit's LSTM or GRU under XLA, and of its matmuls alone.

taskset -c 0 python benchmarks/layer_profile.py 32 200 64 128 [lstm|gru]

On one core, for there each half of a batch, or each direction, runs on a core of its own. The pieces are compiled
apart, so their sum is a little above the whole.
"""

import os
import statistics
import sys

import numpy as np
from layer_speed import timed
from measuring import context, print_table, write_results

ROUNDS = 15


def main(batch: int, time: int, features: int, units: int, cell: str = "lstm") -> None:
    """Prints and writes the table of one shape."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    pieces = _pieces(batch, time, features, units, cell)
    seconds = {name: [] for name in pieces}
    for _ in range(ROUNDS):
        for name, (run, _) in pieces.items():
            seconds[name] += timed(run, 2)
    rows = [_row(name, statistics.median(seconds[name]), flops) for name, (_, flops) in pieces.items()]
    about = {"cell": cell, "shape": [batch, time, features, units], "context": context()}
    print_table(f"{cell} ({batch}, {time}, {features}, {units})", rows)
    print(write_results(f"layer_profile_{cell}_{batch}_{time}_{features}_{units}", [row | about for row in rows]))


def _row(name, seconds, flops):
    rate = f"{flops / seconds / 1e9:.0f}" if flops else ""
    return {"piece": name, "ms": f"{1e3 * seconds:.2f}", "GFLOP/s": rate}


def _pieces(batch, time, features, units, cell):
    import tensorflow as tf

    from rnnkit.layers.cpu import gru, lstm, whole
    from rnnkit.layers.cpu.steps import transposed_product

    steps = {"lstm": lstm.LSTM, "gru": gru.GRU}[cell]
    random, gates = np.random.default_rng(0), steps.gates * units

    def drawn(*shape):
        return tf.constant(random.normal(0, 0.1, shape).astype("float32"))

    x, kernel, bias = drawn(batch, time, features), drawn(features, gates), drawn(gates)
    weights = [drawn(units, gates), *([drawn(gates)] if cell == "gru" else [])]
    states = [tf.zeros((batch, units)) for _ in range(steps.states)]

    def compiled(function, *arguments):
        compiled_function = tf.function(function, jit_compile=True, autograph=False)
        return lambda: compiled_function(*arguments)

    def alone(width, matrix):
        def product(t, h):
            return t + 1, tf.matmul(tf.tile(h, [1, width // units]), matrix)[:, :units]

        return lambda start: tf.while_loop(lambda t, h: t < time, product, (0, start))[1]

    projected = whole.projected(steps, x, kernel, bias)
    outputs, _, kept = steps.forward(projected, None, states, weights, kept=True)
    d_outputs, d_last = drawn(time, batch, units), [drawn(batch, units) for _ in states]
    deltas, _, _ = steps.backward(d_outputs, d_last, outputs, kept, None, states, weights)
    by_input, by_state = 2 * batch * time * features * gates, 2 * batch * time * units * gates
    loop_there = compiled(lambda p, w: steps.forward(p, None, states, w, kept=True), projected, weights)
    loop_back = compiled(
        lambda *given: steps.backward(*given, None, states, weights)[0], d_outputs, d_last, outputs, kept
    )
    return {
        "projection of all inputs": (
            compiled(lambda *given: whole.projected(steps, *given), x, kernel, bias),
            by_input,
        ),
        "loop forward": (loop_there, 0),
        "  its matmuls alone": (compiled(alone(units, weights[0]), states[0]), by_state),
        "answer's loop": (compiled(lambda p, w: steps.forward(p, None, states, w, kept=False), projected, weights), 0),
        "loop back": (loop_back, 0),
        "  its matmuls alone, transposed": (
            compiled(alone(gates, tf.transpose(weights[0])), states[0]),
            by_state,
        ),
        "gradient of the kernel": (
            compiled(lambda x, d: transposed_product(tf.transpose(x, [1, 0, 2]), d), x, deltas),
            by_input,
        ),
        "gradient of the recurrent kernel": (compiled(transposed_product, outputs, deltas), by_state),
        "all there": (
            compiled(lambda x, k, b, w: whole.forward(steps, True, x, None, states, k, b, w), x, kernel, bias, weights),
            0,
        ),
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]), *sys.argv[5:])
