"""The linear chain beside the recurrence: fitted to the train split before training, weighed on valid after it."""

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import minimize

from rnnkit.layers import recurrent_loop
from rnnkit.metrics.linear_chain import EPOCHS, MOST_WORK, Chain, drawn, fit_chain, presence
from rnnkit.progress import Reporter
from rnnkit.tagger.core import BLEND, CHAIN, SCORES, tagging
from rnnkit.training.batches import Batches
from rnnkit.training.freezing import frozen_names
from rnnkit.training.store import Store

WEIGHED = 30_000_000
"""Numbers of either part, about, by which the two are weighed; of more, every so many batches are taken."""


def fit_windows(core: keras.Model, train: Batches, valid: Batches, settings, reporter: Reporter) -> tuple[str, ...]:
    """Fits the linear chain, from what its weights are; the epoch is kept whose tags are right most often on valid.

    Args:
        core: As `build_tagger` builds it; changed in place.
        train, valid: Whose stores have the `windows` of each token.
        settings: `windows` 0, or frozen ones, leave all as it is. `seed` orders the rows.
        reporter: Tells a person what goes on.

    Returns:
        A line on what was fitted.
    """
    if not settings.windows or "windows" in frozen_names(settings.freeze):
        return ()
    table = core.get_layer(SCORES).table
    moves = _moves(core, settings)
    rows = drawn(train.store.lengths, MOST_WORK // table.shape[1], settings.seed)
    x, lengths, codes = _sparse(train.store, rows, table.shape[0])
    x_valid, sizes, truth = _sparse(valid.store, np.arange(len(valid.store)), table.shape[0])
    with reporter.task("fitting windows of words", total=EPOCHS, unit="epochs") as advance:
        chain = fit_chain(
            x,
            lengths,
            codes,
            possible=_possible(moves, table.shape[1]),
            epochs=EPOCHS,
            seed=settings.seed,
            score=lambda chain: np.mean(np.concatenate(chain.decoded(x_valid, sizes)) == truth) if len(truth) else 0.0,
            advance=advance,
            start=_chain(table, moves),
        )
    table.assign(chain.weights)
    if moves is not None:
        steps = np.where(np.isfinite(chain.steps), chain.steps, 0.0)
        for weight, part in zip(_weights(moves), (steps[:-1, :-1], steps[-1, :-1], steps[:-1, -1]), strict=True):
            weight.assign(part)
    of = "" if len(rows) == len(train.store) else f", fitted to {len(rows):,} of {len(train.store):,} train rows"
    return (f"windows of words: {table.shape[0] - 1:,} features{of}.",)


def weigh_parts(core: keras.Model, valid: Batches) -> tuple[str, ...]:
    """Weighs recurrence and linear chain by how likely they make the tags of valid together; changes no other weight.

    Both weights, none below 0, are drawn, as by one row, to the recurrence alone.

    Returns:
        A line on the weights; nothing where there is no linear chain.
    """
    blend = next((layer for layer in core.layers if layer.name == BLEND), None)
    if blend is None:
        return ()
    parts = keras.Model(core.inputs, blend.input)
    loss = tagging("crf" if len(blend.output.shape) == 4 else "softmax").valid
    answer = tf.function(lambda features: parts(features, training=False), reduce_retracing=True)
    kept, size = [], np.prod([axis or 1 for axis in blend.output.shape])
    every = max(int(valid.steps_in_all * size / WEIGHED), 1)
    for number, (features, targets, weights) in enumerate(valid.dataset(repeat=False)):
        if number % every == 0:
            kept.append((answer(features), targets, weights))

    @tf.function(reduce_retracing=True, autograph=False)
    def losses(shares, outputs, targets, weights):
        with tf.GradientTape() as tape:
            tape.watch(shares)
            mixed = sum(part * shares[place] for place, part in enumerate(outputs))
            total = tf.reduce_sum(loss(targets, mixed) * weights)
        return total, tape.gradient(total, shares)

    tokens = max(sum(float(tf.reduce_sum(weights)) for _, _, weights in kept), 1.0)
    start = np.array([1.0, 0.0])

    def mean(shares):
        made = [losses(tf.constant(shares, tf.float32), *batch) for batch in kept]
        value, slope = (np.sum(np.array(part, np.float64), 0) for part in zip(*made, strict=True))
        drawn = shares - start
        return (value + drawn @ drawn / 2) / tokens, (slope + drawn) / tokens

    # From both at half, for at 0 of one part the slope along the other says little. Compiling a loop for each shape
    # would take longer than all there is to compute.
    with recurrent_loop("plain"):
        shares = minimize(mean, np.array([0.5, 0.5]), jac=True, method="L-BFGS-B", bounds=[(0, None)] * 2).x
    blend.shares.assign(shares)
    return (f"weights of the parts, chosen on valid: recurrence {shares[0]:.2f}, windows of words {shares[1]:.2f}.",)


def _moves(core, settings):
    """Returns the layer of the linear chain's moves; None where tags are chosen each by itself."""
    return core.get_layer(CHAIN) if settings.head == "crf" else None


def _weights(moves):
    return moves.transitions, moves.begin, moves.end


def _possible(moves, tags):
    return np.ones((tags + 1, tags + 1), bool) if moves is None or moves.allowed is None else moves.allowed


def _chain(table, moves):
    """Returns the chain that the weights are, by which a child goes on from its parent's; None where all are 0."""
    weights = table.numpy()
    if not weights.any():
        return None
    tags = weights.shape[1]
    steps = np.zeros((tags + 1, tags + 1))
    if moves is not None:
        steps[:-1, :-1], steps[-1, :-1], steps[:-1, -1] = (weight.numpy() for weight in _weights(moves))
    return Chain(weights, np.where(_possible(moves, tags), steps, -np.inf))


def _sparse(store: Store, rows: np.ndarray, size: int):
    """Returns features `(tokens of all rows, size)`, the rows' lengths, and the tokens' tags from 0 on."""
    ids = np.concatenate([store.sequences["windows"].row(row) for row in rows])
    codes = np.concatenate([store.targets.row(row) for row in rows]) - 1
    return presence(ids, ids > 0, size), store.lengths[rows], codes
