"""Scan: values and gradients of a step with all that it may use, against the same step in a plain loop."""

import numpy as np
import pytest
import tensorflow as tf
from plain_scan import in_a_plain_loop

from rnnkit.layers.cpu.scan import LEARNT, Given, scan

BATCH, TIME, MEMORY, UNITS, SIZE = 3, 5, 4, 7, 6


def step(inputs, states, fixed, constant, products):
    h = tf.tanh(inputs["x"] + products.times(states["h"] * constant["kept"], "recurrent"))
    query = products.times(h, "query") + fixed["bias"]
    shares = tf.nn.softmax(products.fit(query, "keys") + states["seen"])
    h = h + products.mean(shares, "values") + products.times(h, "recurrent")
    return {"h": tf.tanh(h), "seen": states["seen"] + shares}


def given():
    random = np.random.default_rng(1)

    def drawn(*shape):
        return tf.constant(random.normal(size=shape) * 0.5, tf.float32)

    return Given(
        inputs={"x": drawn(TIME, BATCH, UNITS)},
        states={"h": drawn(BATCH, UNITS), "seen": tf.zeros([BATCH, MEMORY])},
        weights={"recurrent": drawn(UNITS, UNITS), "query": drawn(UNITS, SIZE), "unused": drawn(2, 3)},
        memories={"keys": drawn(BATCH, MEMORY, SIZE), "values": drawn(BATCH, MEMORY, UNITS)},
        fixed={"bias": drawn(SIZE)},
        constant={"kept": tf.cast(drawn(BATCH, UNITS) > 0, tf.float32)},
    )


def values_and_gradients(run):
    tensors = given()
    learnt = [tensor for part in LEARNT for tensor in getattr(tensors, part).values()]
    with tf.GradientTape() as tape:
        tape.watch(learnt)
        found = run(tensors)
        loss = tf.reduce_sum(tf.sin(3 * found["h"])) + tf.reduce_sum(found["seen"] ** 2)
    return found, tape.gradient(loss, learnt, unconnected_gradients="zero")


@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("in_graph", [False, True])
def test_values_and_gradients_are_those_of_a_plain_loop(xla, in_graph):
    def run():
        return values_and_gradients(lambda tensors: scan(step, tensors, xla=xla))

    found, gradients = tf.function(run, autograph=False)() if in_graph else run()
    expected, expected_gradients = values_and_gradients(lambda tensors: in_a_plain_loop(step, tensors))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-6)
    assert len(gradients) == 9 and any(np.abs(each).max() > 0.1 for each in gradients)
    for one, other in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_functions_compiled_once_serve_other_lengths_and_batches():
    kept = {}
    for batch, time in ((3, 5), (2, 8)):
        tensors = given()
        inputs = {"x": tf.ones([time, batch, UNITS])}
        states = {"h": tf.ones([batch, UNITS])}
        weights = {"recurrent": tensors.weights["recurrent"]}

        def plain(inputs, states, fixed, constant, products):
            return {"h": tf.tanh(inputs["x"] + products.times(states["h"], "recurrent"))}

        found = scan(plain, Given(inputs, states, weights), xla=True, functions=kept)["h"]
        assert found.shape == (time, batch, UNITS)
        np.testing.assert_allclose(found[0], np.tanh(1 + np.ones([batch, UNITS]) @ weights["recurrent"]), atol=1e-6)
    assert len(kept) == 1
