"""Gradients of a recurrent layer, for tests that compare two layers."""

import numpy as np
import tensorflow as tf


def values_and_gradients(layer, x, mask, state):
    """Trains `layer` on `x` from `state`: its outputs, then the gradients of `x`, the states and the weights."""
    random = np.random.default_rng(2)
    x, state = tf.convert_to_tensor(x), [tf.convert_to_tensor(part) for part in state]
    with tf.GradientTape() as tape:
        tape.watch([x, *state])
        outputs = layer(x, mask=mask, initial_state=state, training=True)
        # Every output weighs differently, so that no gradient can cancel.
        total = sum(tf.reduce_sum(output * random.normal(size=output.shape).astype("float32")) for output in outputs)
    return [*outputs, *tape.gradient(total, [x, *state, *[weight.value for weight in layer.trainable_weights]])]
