"""A linear-chain CRF over sparse features, in NumPy: features of tokens -> the most probable tags of each sentence."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse

EPOCHS = 10
MOST_WORK = 12_000_000
"""Train tokens times tags that a chain is fitted to; of more, sentences are drawn."""
BATCH, LEAST_STEPS = 500, 300
"""Tokens of a step of training, about; of a small train split fewer, so that an epoch has about as many steps."""
DECODED = 2_000
"""Tokens whose best tags are looked for together, about."""
RATE = 0.1
"""Longest step of a weight; AdaGrad shortens it from one to the next."""
SMALLEST = -300.0
"""Scores below the best tag's by more are raised to it, so that their exponentials stay above 0."""


@dataclasses.dataclass(frozen=True, eq=False)
class Chain:
    """Scores of a linear-chain CRF.

    Attributes:
        weights: `(features, tags)`.
        steps: `(tags + 1, tags + 1)`, of a tag (down) before a tag (across); the last row is before the first token,
            the last column after the last one. -inf where that can't be.
    """

    weights: np.ndarray
    steps: np.ndarray

    def decoded(self, x: scipy.sparse.csr_matrix, lengths: Sequence[int]) -> list[np.ndarray]:
        """Returns the codes of the best tags of each sentence.

        Args:
            x: `(tokens of all sentences, features)`.
            lengths: Of each sentence, in tokens.
        """
        scores = x @ self.weights
        tags = np.zeros(len(scores), int)
        for batch in _batched(lengths, DECODED):
            tags[batch.tokens] = viterbi(scores, batch, self.steps)
        return np.split(tags, np.cumsum(lengths)[:-1]) if len(lengths) else []


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """Where the tokens of some sentences stand, the longest first; each but `active` is `(tokens,)`.

    Attributes:
        tokens: Their rows among the tokens of all sentences.
        time, sentence: Their place in an array `(time, sentences, …)`.
        active: `(time,)`, how many sentences are that long.
        last: True for the last token of a sentence.
    """

    tokens: np.ndarray
    time: np.ndarray
    sentence: np.ndarray
    active: np.ndarray
    last: np.ndarray

    @property
    def shape(self):
        return len(self.active), self.active[0]


def batch_of(lengths: np.ndarray, rows: np.ndarray) -> Batch:
    """Places the sentences `rows`, of those of these `lengths`; each must have a token."""
    begins = np.cumsum(lengths) - lengths
    rows = rows[np.argsort(-lengths[rows], kind="stable")]
    sizes = lengths[rows]
    time = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    sentence = np.repeat(np.arange(len(rows)), sizes)
    active = (sizes > np.arange(sizes[0])[:, None]).sum(axis=1)
    return Batch(begins[rows][sentence] + time, time, sentence, active, time == sizes[sentence] - 1)


def _batched(lengths, size, order=None):
    """Cuts the sentences, in an order, into batches of about `size` tokens; empty ones are left out."""
    lengths = np.asarray(lengths, int)
    order = np.argsort(lengths, kind="stable") if order is None else order
    order = order[lengths[order] > 0]
    if not len(order):
        return []
    cuts = np.flatnonzero(np.diff((np.cumsum(lengths[order]) - 1) // size)) + 1
    return [batch_of(lengths, rows) for rows in np.split(order, cuts)]


def expected(scores: np.ndarray, batch: Batch, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns what a CRF expects of its tags, by the forward-backward algorithm.

    Args:
        scores: `(tokens of the batch, tags)`.
        batch: Where they stand.
        steps: As `Chain.steps`.

    Returns:
        The probability of each tag at each token, as `scores`, and how often each step is made, as `steps`, summed
        over the sentences.

    Rabiner (1989), section III, https://doi.org/10.1109/5.18626, with the sums of each token scaled to 1.
    """
    steps = np.exp(steps)
    inner, first, final = steps[:-1, :-1], steps[-1, :-1], steps[:-1, -1]
    top = scores.max(axis=1, keepdims=True)
    here = np.ones((*batch.shape, scores.shape[1]))
    here[batch.time, batch.sentence] = np.exp(np.maximum(scores - top, SMALLEST))
    forward, backward = np.ones_like(here), np.ones_like(here)
    forward[0] = _scaled(first * here[0])
    backward[:] = final
    for now in range(1, len(here)):
        count = batch.active[now]
        forward[now, :count] = _scaled((forward[now - 1, :count] @ inner) * here[now, :count])
    for now in range(len(here) - 1, 0, -1):
        count = batch.active[now]
        backward[now - 1, :count] = _scaled((here[now, :count] * backward[now, :count]) @ inner.T)
    shares = _scaled((forward * backward)[batch.time, batch.sentence])
    made = np.zeros_like(steps)
    later = batch.time > 0
    before = forward[batch.time[later] - 1, batch.sentence[later]]
    after = (here * backward)[batch.time[later], batch.sentence[later]]
    total = ((before @ inner) * after).sum(axis=1, keepdims=True)
    made[:-1, :-1] = ((before / total).T @ after) * inner
    made[-1, :-1] = shares[~later].sum(axis=0)
    made[:-1, -1] = shares[batch.last].sum(axis=0)
    return shares, made


def _scaled(x):
    return x / x.sum(axis=-1, keepdims=True)


def viterbi(scores: np.ndarray, batch: Batch, steps: np.ndarray) -> np.ndarray:
    """Returns the codes of the tags that score best together, for each token of a batch in its order.

    Args:
        scores: `(tokens of all sentences, tags)`.
        batch: Which of them to look at.
        steps: As `Chain.steps`.
    """
    inner, first, final = steps[:-1, :-1], steps[-1, :-1], steps[:-1, -1]
    here = np.zeros((*batch.shape, scores.shape[1]))
    here[batch.time, batch.sentence] = scores[batch.tokens]
    came = np.zeros(here.shape, int)
    best = first + here[0]
    for now in range(1, len(here)):
        count = batch.active[now]
        through = best[:count, :, None] + inner
        came[now, :count] = through.argmax(axis=1)
        best[:count] = through.max(axis=1) + here[now, :count]
    tags = np.zeros(batch.shape, int)
    tag = (best + final).argmax(axis=1)
    for now in range(len(here) - 1, -1, -1):
        count = batch.active[now]
        tags[now, :count] = tag[:count]
        tag[:count] = came[now, np.arange(count), tag[:count]]
    return tags[batch.time, batch.sentence]


def drawn(lengths: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Returns sentences of `most` tokens or a little fewer, at least one, in their order.

    Args:
        lengths: Of all sentences, in tokens.
        most: Tokens.
        seed: Same seed, same sentences.
    """
    if lengths.sum() <= most:
        return np.arange(len(lengths))
    order = np.random.default_rng(seed).permutation(len(lengths))
    return np.sort(order[: max(1, np.searchsorted(np.cumsum(lengths[order]), most, "right"))])


def presence(ids: np.ndarray, real: np.ndarray, size: int) -> scipy.sparse.csr_matrix:
    """Returns `(tokens, size)`, float32, 1 where a token has a feature.

    Args:
        ids: `(tokens, features)`.
        real: Alike, whether there is such a feature.
        size: Number of ids.
    """
    begins = np.concatenate([[0], np.cumsum(real.sum(axis=1))])
    return scipy.sparse.csr_matrix((np.ones(begins[-1], np.float32), ids[real], begins), shape=(len(ids), size))


def fit_chain(
    x: scipy.sparse.csr_matrix,
    lengths: Sequence[int],
    codes: np.ndarray,
    *,
    possible: np.ndarray,
    epochs: int,
    seed: int,
    score: Callable[[Chain], float],
    advance: Callable[[int], object] = lambda done: None,
    start: Chain | None = None,
) -> Chain:
    """Fits a linear-chain CRF to tags; the epoch is kept whose weights score best.

    Args:
        x: `(tokens of all sentences, features)`, of 0 and 1.
        lengths: Of each sentence, in tokens.
        codes: `(tokens,)`, the true tags, from 0 on.
        possible: `(tags + 1, tags + 1)`, as `Chain.steps`: False where a tag can't stand before another.
        epochs: Passes over the sentences.
        seed: Of their order.
        score: What to choose the epoch by, higher is better; it should look at other sentences.
        advance: Called with the epochs done.
        start: A chain to go on from, which is kept if no epoch scores better.

    Lafferty, McCallum & Pereira (2001), https://repository.upenn.edu/cis_papers/159; by AdaGrad of Duchi, Hazan &
    Singer (2011), https://jmlr.org/papers/v12/duchi11a.html, stopped early in place of a penalty.
    """
    random = np.random.default_rng(seed)
    tags = len(possible) - 1
    lengths = np.asarray(lengths, int)
    size = min(BATCH, 1 + len(codes) // LEAST_STEPS)
    batches = [_Step.of(x, codes, batch, tags) for batch in _batched(lengths, size, random.permutation(len(lengths)))]
    best, best_score = start, -np.inf if start is None else score(start)
    start = start or Chain(np.zeros((x.shape[1], tags), np.float32), np.where(possible, 0.0, -np.inf))
    weights, steps = start.weights.copy(), start.steps.copy()
    squares, step_squares = np.ones(weights.shape, np.float32), np.ones(possible.shape)
    for done in range(1, epochs + 1):
        for number in random.permutation(len(batches)):
            step = batches[number]
            shares, made = expected(step.x @ weights[step.columns], step.batch, steps)
            slope = step.x.T @ (shares - step.truth).astype(np.float32)
            squares[step.columns] += slope**2
            weights[step.columns] -= RATE * slope / np.sqrt(squares[step.columns])
            slope = np.where(possible, made - step.made, 0.0)
            step_squares += slope**2
            steps -= RATE * slope / np.sqrt(step_squares)
        chain = Chain(weights.copy(), steps.copy())
        reached = score(chain)
        if reached > best_score:
            best, best_score = chain, reached
        advance(done)
    return best


@dataclasses.dataclass(frozen=True, eq=False)
class _Step:
    """What one step of training looks at: its own columns of the features, and the true tags and steps."""

    batch: Batch
    columns: np.ndarray
    x: scipy.sparse.csr_matrix
    truth: np.ndarray
    made: np.ndarray

    @classmethod
    def of(cls, x, codes, batch, tags):
        part = x[batch.tokens]
        columns, places = np.unique(part.indices, return_inverse=True)
        part = scipy.sparse.csr_matrix((part.data, places.astype(np.int32), part.indptr), (part.shape[0], len(columns)))
        codes = codes[batch.tokens]
        made = np.zeros((tags + 1, tags + 1))
        later = np.flatnonzero(batch.time > 0)
        np.add.at(made, (codes[later - 1], codes[later]), 1)
        np.add.at(made[-1], codes[batch.time == 0], 1)
        np.add.at(made[:, -1], codes[batch.last], 1)
        return cls(batch, columns, part, np.eye(tags)[codes], made)
