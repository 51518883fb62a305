"""Loops of a search over many sentences: all of them until the last is done, or only those that go on."""

import numbers
from typing import Any, NamedTuple

import tensorflow as tf

from rnnkit.decoding.loops import repeat

OPEN = "coverage", "live"
"""What may also have other columns after the first step."""


class Sentences(NamedTuple):
    """What belongs to the sentences that take part in a step, and stays the same from step to step."""

    places: Any
    """`(batch,)` int32, where each stands among all sentences."""
    limit: Any
    """`(batch,)`, the most tokens of each."""
    must: Any
    """`(batch, time)`, the token each step must write, 0 where it is free; an empty nest without a prefix."""
    shared: Any
    """What the step is given beside its states: one nest of tensors `(batch, …)`, or nothing; a tuple."""


def together(body, done, first, sentences, *, answers, taken):
    """Goes on with all sentences until the last of them is done; arguments and answer are those of `thinned`."""
    del taken

    def going(now):
        return tf.reduce_any(~done(now, sentences))

    last = repeat(going, lambda now: body(now, sentences), first)
    return answers(last, sentences), last.weights


def thinned(body, done, first, sentences, *, answers, taken):
    """Leaves each sentence out of the steps that follow the one it was done with.

    Args:
        body: Function of a named tuple and of `Sentences` that gives the next tuple, see `repeat`.
        done: Function of both that says which sentences are done, `(batch,)`; they stay so.
        first: The tuple to begin with; it has `weights`, the array of attention.
        sentences: All of them.
        answers: Function of both that gives what was found, a nest of tensors `(batch, …)`.
        taken: Function of a tuple and of numbers of sentences `(n,)` that gives the tuple of those alone.

    Returns:
        The answers of all sentences, each in its place, and the last array of attention.
    """

    def all_go_on(now, sentences):
        return (tf.size(sentences.places) > 0) & ~tf.reduce_any(done(now, sentences))

    def some(now, sentences, found):
        return (now.t == 0) | (tf.size(sentences.places) > 0)

    def until_one_is_done(now, sentences, found):
        now = repeat(lambda now: all_go_on(now, sentences), lambda now: body(now, sentences), now, shapes[0])
        places = sentences.places[:, None]
        found = tf.nest.map_structure(
            lambda every, some: tf.tensor_scatter_nd_update(every, places, some), found, answers(now, sentences)
        )
        going = tf.cast(tf.where(~done(now, sentences))[:, 0], tf.int32)
        return taken(now, going), tf.nest.map_structure(lambda x: tf.gather(x, going), sentences), found

    start = first, sentences, answers(first, sentences)
    shapes = tuple(tf.nest.map_structure(*each) for each in zip((of_some, of_some, of_all), start, strict=True))
    of_open = {name: tf.TensorShape([None, None]) for name in OPEN if tf.is_tensor(getattr(first, name, None))}
    shapes = shapes[0]._replace(**of_open), *shapes[1:]
    last, _, found = tf.while_loop(some, until_one_is_done, start, shape_invariants=shapes)
    return found, last.weights


def of_all(x):
    """Gives the static shape of a tensor."""
    return x.shape


def of_some(x):
    """Gives the static shape of a tensor whose first axis may become shorter; a loop knows an array by a scalar."""
    if not tf.is_tensor(x) or x.shape.rank == 0:
        return tf.TensorShape([])
    return tf.TensorShape([None, *x.shape[1:]])


def looped(shared, batch):
    """Gives the loop for a search: what a step captures has a row for each sentence, so that none may be left out."""
    one = isinstance(batch, numbers.Integral) and batch == 1
    return together if shared is None or one else thinned


def some_rows(now, numbers, *names):
    """Gives fields of a tuple, by name, with the rows of these numbers alone."""
    return {name: tf.nest.map_structure(lambda x: tf.gather(x, numbers), getattr(now, name)) for name in names}
