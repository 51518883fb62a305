"""The plain loop that `scan` is compared with."""

import tensorflow as tf

from rnnkit.layers.cpu.scan import Given, Products


def in_a_plain_loop(step, given: Given, **_) -> dict[str, tf.Tensor]:
    """Gives what `scan` gives, step after step, with TensorFlow's own gradient."""
    states, after = given.states, []
    for t in range(next(iter(given.inputs.values())).shape[0]):
        inputs = {name: each[t] for name, each in given.inputs.items()}
        states = step(inputs, states, given.fixed, given.constant, Products(given.weights, given.memories))
        after.append(states)
    return {name: tf.stack([each[name] for each in after]) for name in given.states}
