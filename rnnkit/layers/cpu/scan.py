"""Scan: any step over time, on a CPU -> the states after each step; the gradient takes its products out of the loop.

What a step multiplies by weights, and what it looks up in a memory, it asks its `Products` for. On the way back each
step runs again under a tape that stops there: the loop only notes what was multiplied and the gradient of the result,
and one large product at the end makes the gradient of the weights (Appleyard et al. 2016,
https://arxiv.org/abs/1604.01946), for a recurrence with attention inside as for a plain one.
"""

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

Tensors = Mapping[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Products:
    """What a step multiplies by: weights, shared by all rows, and memories, one for each row.

    Attributes:
        weights: Matrices `(features, width)`.
        memories: `(batch, time, features)` each.
        note: `(kind, name, factor, product) -> product`; does nothing where no gradient is wanted.
    """

    weights: Tensors
    memories: Tensors
    note: Callable = lambda kind, name, factor, product: product

    def times(self, x, name: str):
        """Multiplies `(rows, features)` by a matrix: `(rows, width)`."""
        return self.note("times", name, x, tf.matmul(x, self.weights[name]))

    def mean(self, shares, name: str):
        """Averages a memory by shares `(rows, time)`: `(rows, features)`; a row of the memory may serve several."""
        memory = self.memories[name]
        return self.note("mean", name, shares, _flat(tf.matmul(grouped(shares, memory), memory)))

    def fit(self, x, name: str):
        """Gives the scalar products of `(rows, features)` with each step of a memory: `(rows, time)`."""
        memory = self.memories[name]
        return self.note("fit", name, x, _flat(tf.matmul(grouped(x, memory), memory, transpose_b=True)))


def grouped(x, memory):
    """Gives rows `(rows, width)` by the row of a memory that they belong to: `(batch, rows of each, width)`."""
    return tf.reshape(x, [_size(memory, 0), -1, _size(x, -1)])


def _flat(x):
    return tf.reshape(x, [-1, _size(x, -1)])


def _size(x, axis):
    return tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis]


@dataclasses.dataclass(frozen=True)
class Given:
    """The tensors of a scan, by name.

    Attributes:
        inputs: `(time, batch, …)` each; a step sees its own.
        states: Before the first step, `(batch, …)` each.
        weights, memories: As in `Products`.
        fixed: Seen by every step, with a gradient that is summed over steps.
        constant: Seen by every step, without a gradient: masks and the like.
    """

    inputs: Tensors
    states: Tensors
    weights: Tensors = dataclasses.field(default_factory=dict)
    memories: Tensors = dataclasses.field(default_factory=dict)
    fixed: Tensors = dataclasses.field(default_factory=dict)
    constant: Tensors = dataclasses.field(default_factory=dict)


PARTS = tuple(field.name for field in dataclasses.fields(Given))
LEARNT = PARTS[:-1]


def scan(step: Callable, given: Given, *, xla: bool = False, functions: dict | None = None) -> dict[str, tf.Tensor]:
    """Runs a step over all inputs.

    Args:
        step: `(inputs, states, fixed, constant, products) -> states`, by name; it may use no other tensor, and asks
            the products for the same at every step.
        given: The tensors.
        xla: Compile the two loops, once per shape.
        functions: Where the compiled functions are kept for the next call with the same step.

    Returns:
        Each state after every step, `(time, batch, …)`.
    """
    names = {part: tuple(getattr(given, part)) for part in PARTS}
    forward, backward = _functions(step, xla, names, {} if functions is None else functions)
    constant = tuple(given.constant.values())

    @tf.custom_gradient
    def run(*learnt):
        # Without the stop, a tape would want the gradient of the compiled function itself.
        tensors = (*(tf.stop_gradient(x) for x in learnt), *constant)
        after = forward(*tensors)
        return after, lambda *d_after: backward(tensors, after, d_after)

    after = run(*(tensor for part in LEARNT for tensor in getattr(given, part).values()))
    return dict(zip(names["states"], after, strict=True))


def _functions(step, xla, names, kept):
    key = (xla, *names.items())
    if key not in kept:

        def forward(*tensors):
            return _forward(step, _given(names, tensors))

        def backward(tensors, after, d_after):
            return _backward(step, _given(names, tensors), after, d_after)

        kept[key] = (_compiled(forward), _compiled(backward)) if xla else (forward, backward)
    return kept[key]


def _compiled(way):
    return tf.function(way, jit_compile=True, reduce_retracing=True, autograph=False)


def _given(names, tensors):
    rest = iter(tensors)
    return Given(**{part: {name: next(rest) for name in names[part]} for part in PARTS})


def _at(tensors, t):
    return {name: each[t] for name, each in tensors.items()}


def _arrays(time, tensors):
    """Makes an array of `time` entries for each tensor."""
    return [tf.TensorArray(tf.float32, size=time, element_shape=[None, *each.shape[1:]]) for each in tensors]


def _write(arrays, t, tensors):
    return [array.write(t, each) for array, each in zip(arrays, tensors, strict=True)]


def _shaped(tensors, before):
    """Says of tensors that their sizes are those of the tensors before, as far as these are known."""
    for tensor, like in zip(tensors, before, strict=True):
        tensor.set_shape(like.shape)
    return list(tensors)


def _forward(step, given):
    """Gives each state after every step."""
    products = Products(given.weights, given.memories)
    time, names = tf.shape(next(iter(given.inputs.values())))[0], list(given.states)

    def body(t, states, written):
        now = step(_at(given.inputs, t), _named(names, states), given.fixed, given.constant, products)
        now = _shaped([now[name] for name in names], states)
        return t + 1, now, _write(written, t, now)

    states = list(given.states.values())
    start = 0, states, _arrays(time, states)
    *_, written = tf.while_loop(lambda t, *_: t < time, body, start, maximum_iterations=time)
    return tuple(array.stack() for array in written)


def _named(names, values):
    return dict(zip(names, values, strict=True))


def _backward(step, given, after, d_after):
    """Gives the gradients of all that is learnt, in the order of `Given`."""
    time, names = tf.shape(next(iter(given.inputs.values())))[0], list(given.states)
    starts = given.states.values()
    before = [tf.concat([first[None], later[:-1]], 0) for first, later in zip(starts, after, strict=True)]

    def again(t, d_states):
        """Runs step `t` once more: gradients of inputs, states, what is fixed and products, and what was multiplied."""
        inputs, states, noted = _at(given.inputs, t), [each[t] for each in before], []

        def note(kind, name, factor, product):
            # The gradient of the factor flows on; that of the weights is made of what is noted.
            probe = tf.zeros_like(product)
            tape.watch(probe)
            noted.append((kind, name, factor, probe))
            return product + probe

        groups = [list(inputs.values()), states, list(given.fixed.values())]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(groups)
            products = Products(given.weights, given.memories, note)
            now = step(inputs, _named(names, states), given.fixed, given.constant, products)
        wanted = [d + each[t] for d, each in zip(d_states, d_after, strict=True)]
        groups.append([probe for *_, probe in noted])
        found = tape.gradient([now[name] for name in names], groups, wanted, unconnected_gradients="zero")
        return *found, noted

    # Traced once outside the loop to see what will be noted; what is not used is not computed.
    *_, noted = again(time - 1, [tf.zeros_like(each) for each in starts])

    def body(t, d_states, d_fixed, *arrays):
        d_inputs, d_before, d_more, deltas, noted = again(t, d_states)
        d_states = _shaped(d_before, d_states)
        d_fixed = _shaped([total + more for total, more in zip(d_fixed, d_more, strict=True)], d_fixed)
        parts = d_inputs, [factor for *_, factor, _ in noted], deltas
        return t - 1, d_states, d_fixed, *(_write(*pair) for pair in zip(arrays, [t] * 3, parts, strict=True))

    inputs = [each[0] for each in given.inputs.values()]
    kept = inputs, [factor for *_, factor, _ in noted], [probe for *_, probe in noted]
    zeros = [[tf.zeros_like(each) for each in part.values()] for part in (given.states, given.fixed)]
    start = (time - 1, *zeros, *(_arrays(time, part) for part in kept))
    _, d_states, d_fixed, *arrays = tf.while_loop(lambda t, *_: t >= 0, body, start, maximum_iterations=time)
    d_inputs, factors, deltas = [[array.stack() for array in part] for part in arrays]
    whole = {name: [] for name in (*given.weights, *given.memories)}
    for (kind, name, *_), factor, delta in zip(noted, factors, deltas, strict=True):
        whole[name].append(_GRADIENTS[kind](factor, delta))
    unused = given.weights | given.memories
    d_products = [tf.add_n(parts) if parts else tf.zeros_like(unused[name]) for name, parts in whole.items()]
    return *d_inputs, *d_states, *d_products, *d_fixed


def _of_times(factors, deltas):
    return tf.matmul(_flat(factors), _flat(deltas), transpose_a=True)


def _of_mean(shares, deltas):
    return tf.matmul(tf.transpose(shares, [1, 2, 0]), tf.transpose(deltas, [1, 0, 2]))


def _of_fit(x, deltas):
    return tf.matmul(tf.transpose(deltas, [1, 2, 0]), tf.transpose(x, [1, 0, 2]))


_GRADIENTS = {"times": _of_times, "mean": _of_mean, "fit": _of_fit}
"""By kind, what sums `factor^T delta` over time: `(time, rows, …)` both."""
