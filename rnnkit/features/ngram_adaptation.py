"""N-grams of a parent, adapted: its weights and the own train split's texts and labels -> weights between the two."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import scipy.sparse
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from threadpoolctl import threadpool_limits

from rnnkit.features.ngrams import presence_of_ngrams
from rnnkit.features.words import Words
from rnnkit.metrics.one_against_rest import TUNING_ROWS, log_count_ratio

STRENGTHS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""How far own n-grams may lead away from the parent's weights; 0: not at all."""
INTERCEPT = 0.1
"""Penalty of the intercept's square."""
LEAST_ROWS = 20
"""Of fewer rows, none are held back, and the parent's weights stay."""
FOLDS, FOLDED_ROWS = 5, 3_000
"""Parts that are held back one after the other while the strength is chosen; of more rows, one tenth, once."""


def carried_weights(
    parent: list[np.ndarray], carried: scipy.sparse.csr_matrix, *, vocabulary: int, buckets: int
) -> list[np.ndarray]:
    """Returns a parent's weights for a larger vocabulary and other classes.

    Args:
        parent: Weights `(parent's vocabulary + buckets, parent's classes)` and bias `(parent's classes,)`.
        carried: `(classes, parent's classes)`, which class is which; new ones have an empty row, and weigh 0.
        vocabulary: Number of word ids, the parent's first.
        buckets: As in the parent.

    Returns:
        Weights `(vocabulary + buckets, classes)` and bias `(classes,)`; new words weigh 0.
    """
    weights, bias = (np.asarray(carried @ part.T, np.float32).T for part in parent)
    known = len(weights) - buckets
    added = np.zeros((vocabulary - known, weights.shape[1]), np.float32)
    return [np.concatenate([weights[:known], added, weights[known:]]), bias]


def adapt_ngrams(
    words: Words,
    rows: Iterable[tuple[list[str], np.ndarray]],
    *,
    parent: list[np.ndarray],
    carried: scipy.sparse.csr_matrix,
    longest: int,
    vocabulary: int,
    buckets: int,
    seed: int,
    advance: Callable[[int], None] = lambda done: None,
) -> list[np.ndarray]:
    """Fits a linear model of hashed n-grams that is drawn to a parent's.

    For each class against the rest, log odds = a * (the parent's score) + b + the sum over the
    row's n-grams of d times their naive Bayes log-count ratio here. The squares of d are
    penalised, those of a - 1 and b next to not, so that few rows leave the parent's weights as
    they are, but for their scale, and many rows lead to their own. A class that the parent does
    not know weighs the parent's scores of all its classes, from 0 on. The strength of the
    penalty is the one of `STRENGTHS` with the lowest log loss on rows held back; where others
    are as good within one standard error, the strongest of them.

    Args:
        words, rows, longest, vocabulary, buckets, seed, advance: As for `fit_ngrams`.
        parent, carried: As for `carried_weights`.

    Returns:
        Weights `(vocabulary + buckets, classes)` and bias `(classes,)`, as `fit_ngrams` does.

    Chelba & Acero (2004), https://aclanthology.org/W04-3237: maximum a posteriori adaptation, the
    parent's weights the mean of the prior. Unlike there, they are scaled, and the deviations are
    measured by log-count ratios (Wang & Manning 2012, https://aclanthology.org/P12-2018): on
    2,000 rows of SST-2, from a parent of 5,000 IMDB reviews, 78.0 % of its test rows against 77.7.
    """
    presence, targets = presence_of_ngrams(words, rows, longest, vocabulary, buckets, advance)
    classes = carried.shape[0]
    all_known = scipy.sparse.identity(carried.shape[1], format="csr")
    weights, bias = carried_weights(parent, all_known, vocabulary=vocabulary, buckets=buckets)
    carried = carried.toarray()
    columns = []
    for column in range(1, 2) if classes == 2 else range(classes):
        known = carried[1] - carried[0] if classes == 2 else carried[column]
        start = known[:, None] if known.any() else _all_scores(len(known))
        start = start.astype(np.float64)
        prior = _Prior(weights @ start, bias @ start, float(known.any()))
        columns.append(_adapted(presence, targets == column, prior, seed))
    made = [np.stack(parts, axis=-1).astype(np.float32) for parts in zip(*columns, strict=True)]
    return [np.concatenate([-part / 2, part / 2], axis=-1) if classes == 2 else part for part in made]


def _all_scores(classes):
    # Those of two classes are one another's negatives.
    return np.array([[-1.0], [1.0]]) if classes == 2 else np.eye(classes)


class _Prior(NamedTuple):
    """Scores of the parent: weights `(ids, scores)`, bias `(scores,)`, and the share that each has at first."""

    weights: np.ndarray
    bias: np.ndarray
    share: float


def _adapted(presence, positive, prior, seed):
    """Returns coefficients `(ids,)` and intercept of one class against the rest."""
    met = np.flatnonzero(np.asarray(presence.sum(axis=0)).ravel())
    scores, own = presence @ prior.weights + prior.bias, presence[:, met]
    rows = np.random.default_rng(seed).permutation(len(positive))[:TUNING_ROWS]
    strength = _best_strength(own[rows], scores[rows], positive[rows], prior.share)
    model = _Model(own, scores, positive, prior.share).fit(strength)
    coefficients = prior.weights @ model.shares
    coefficients[met] += model.coefficients
    return coefficients, prior.bias @ model.shares + model.intercept


def _best_strength(own, scores, positive, share):
    if len(positive) < LEAST_ROWS:
        return STRENGTHS[0]
    parts, used = (FOLDS, FOLDS) if len(positive) <= FOLDED_ROWS else (10, 1)
    folds = [np.arange(len(positive)) % parts == part for part in range(used)]
    models = [_Model(own[~held], scores[~held], positive[~held], share) for held in folds]
    losses = []
    for strength in STRENGTHS:
        held_back = zip(models, folds, strict=True)
        parts = [model.fit(strength).losses(own[held], scores[held], positive[held]) for model, held in held_back]
        losses.append(np.concatenate(parts))
        if len(losses) > 2 and losses[-1].mean() > losses[-2].mean() > losses[-3].mean():
            break
    best = min(losses, key=np.mean)
    worse = [loss - best for loss in losses]
    return next(
        strength
        for strength, excess in zip(STRENGTHS, worse, strict=False)
        if excess.mean() <= excess.std() / np.sqrt(len(excess))
    )


class _Model:
    """One class against the rest, fitted again at each strength from where it was."""

    def __init__(self, own, scores, positive, share):
        self.ratio = log_count_ratio(own, positive)
        self.x, self.scores, self.share = own @ scipy.sparse.diags(self.ratio), scores, share
        self.transposed, self.sign = self.x.T.tocsr(), np.where(positive, 1.0, -1.0)
        self.values = np.zeros(own.shape[1] + scores.shape[1] + 1)
        self.values[own.shape[1] : -1] = share

    def fit(self, strength):
        size, scores = self.x.shape[1], self.scores.shape[1]

        def loss(values):
            own, shares, intercept = values[:size], values[size:-1], values[-1]
            score = self.scores @ shares + intercept + (self.x @ own if strength else 0.0)
            slope = -self.sign * expit(-self.sign * score)
            # The more scores, the less each may differ from its first share.
            drawn, inverse = shares - self.share, 1 / strength if strength else 0.0
            penalty = scores * drawn @ drawn / 2 + INTERCEPT * intercept**2 / 2 + inverse * own @ own / 2
            towards_own = self.transposed @ slope + inverse * own if strength else np.zeros(size)
            rest = [self.scores.T @ slope + scores * drawn, [slope.sum() + INTERCEPT * intercept]]
            return penalty - log_expit(self.sign * score).sum(), np.concatenate([towards_own, *rest])

        # On vectors of this size more threads only wait for one another: fifty times as long on a busy machine.
        with threadpool_limits(1, "blas"):
            options = {"maxiter": 200, "ftol": 1e-6}
            self.values = minimize(loss, self.values, jac=True, method="L-BFGS-B", options=options).x
        self.coefficients = self.ratio * self.values[:size]
        self.shares, self.intercept = self.values[size:-1], self.values[-1]
        return self

    def losses(self, own, scores, positive):
        score = own @ self.coefficients + scores @ self.shares + self.intercept
        return -log_expit(np.where(positive, score, -score))
