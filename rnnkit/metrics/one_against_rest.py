"""One class against the rest, by a linear score of its words: sparse rows, True/False -> coefficients, intercept."""

import numpy as np
import scipy.sparse
from scipy.special import log_expit
from sklearn.linear_model import LogisticRegression

TUNING_ROWS = 20_000  # most training rows used to choose hyper-parameters


def tfidf_column(x, positive, x_valid, valid_positive, seed):
    """Fits logistic regression at the strength of lowest log loss on valid.

    Args:
        x, x_valid: `(rows, vocabulary)`, sparse TF-IDF.
        positive, valid_positive: `(rows,)`, True where a row is of the class.
        seed: Of the tuning rows and the solver.

    Returns:
        Coefficients `(vocabulary,)` and intercept of a score whose sigmoid is the probability.
    """

    def fit(x, positive, strength):
        return _logistic(x, positive, strength, seed)

    def loss(strength):
        coefficients, intercept = fit(*_tuning_rows(x, positive, seed), strength)
        return _log_loss(x_valid @ coefficients + intercept, valid_positive)

    return fit(x, positive, min((1.0, 3.0, 10.0, 30.0, 100.0), key=loss))


def nb_svm_column(x, positive, x_valid, valid_positive, seed):
    """Fits NB-SVM at the strength and interpolation of lowest log loss on valid; as `tfidf_column`, for 0/1 counts."""
    if np.unique(valid_positive).size == 1:
        return nb_svm_weights(x, positive, 1.0, 1.0, seed)
    chosen = best_nb_svm(x, positive, x_valid, valid_positive, seed)
    return _platt(*nb_svm_weights(x, positive, *chosen, seed), x_valid, valid_positive)


def best_nb_svm(x, positive, x_valid, valid_positive, seed) -> tuple[float, float]:
    """Returns the strength and interpolation of lowest log loss on valid, from up to `TUNING_ROWS` rows of `x`."""
    best_loss, best = np.inf, None
    for strength in (0.1, 1.0, 10.0):
        parts = _naive_bayes_logistic(*_tuning_rows(x, positive, seed), strength, seed)
        for beta in (0.25, 0.5, 1.0):
            coefficients, intercept = _platt(*_interpolated(*parts, beta), x_valid, valid_positive)
            loss = _log_loss(x_valid @ coefficients + intercept, valid_positive)
            if loss < best_loss:
                best_loss, best = loss, (strength, beta)
    return best


def nb_svm_weights(x, positive, strength, beta, seed):
    """Fits NB-SVM at a given strength and interpolation; returns coefficients and intercept, unscaled."""
    return _interpolated(*_naive_bayes_logistic(x, positive, strength, seed), beta)


def log_count_ratio(presence, positive) -> np.ndarray:
    """Weighs each word by how much commoner it is in positive rows than in the others, as a logarithm.

    Args:
        presence: `(rows, vocabulary)`, sparse, 1 where a row has the word.
        positive: `(rows,)`, True where a row is of the class.

    Returns:
        `(vocabulary,)`, with one occurrence added to each word on both sides.

    Wang & Manning (2012), section 2, with alpha 1, https://aclanthology.org/P12-2018.
    """
    in_class, in_rest = (1.0 + np.asarray(presence[rows].sum(axis=0)).ravel() for rows in (positive, ~positive))
    return np.log(in_class / in_class.sum()) - np.log(in_rest / in_rest.sum())


def _naive_bayes_logistic(x, positive, strength, seed):
    ratio = log_count_ratio(x, positive)
    coefficients, intercept = _logistic(x @ scipy.sparse.diags(ratio), positive, strength, seed)
    return ratio, coefficients, intercept


def _interpolated(ratio, coefficients, intercept, beta):
    # towards the mean size of the weights, which alone would be naive Bayes
    mean = np.abs(coefficients).mean()
    return ratio * ((1.0 - beta) * mean + beta * coefficients), intercept


def _platt(coefficients, intercept, x, positive):
    """Rescales a linear score so that its sigmoid is a probability.

    Platt (1999), Probabilistic Outputs for Support Vector Machines, section 2, with his smoothed targets.
    """
    score = x @ coefficients + intercept
    if np.ptp(score) == 0.0:  # no known words to tell the rows apart
        return coefficients, intercept
    targets = np.where(positive, (positive.sum() + 1) / (positive.sum() + 2), 1 / ((~positive).sum() + 2))
    # a row with target t is a positive row of weight t and a negative one of weight 1 - t
    sides = np.repeat([True, False], score.size)
    weights = np.concatenate([targets, 1.0 - targets])
    scaling = LogisticRegression(C=np.inf, solver="newton-cholesky")
    scaling.fit(np.tile(score, 2)[:, None], sides, sample_weight=weights)
    slope, offset = scaling.coef_[0, 0], scaling.intercept_[0]
    if slope <= 0.0:  # valid is too small to say anything about the score
        return coefficients, intercept
    return slope * coefficients, slope * intercept + offset


def _log_loss(score, positive):
    return -log_expit(np.where(positive, score, -score)).mean()


def _tuning_rows(x, positive, seed):
    if positive.size <= TUNING_ROWS:
        return x, positive
    generator = np.random.default_rng(seed)
    share = TUNING_ROWS / positive.size
    # from each side apart, so that a class of one row in a million isn't lost
    sides = [np.flatnonzero(positive), np.flatnonzero(~positive)]
    rows = np.concatenate([generator.choice(side, int(np.ceil(share * side.size)), replace=False) for side in sides])
    return x[rows], positive[rows]


def _logistic(x, positive, strength, seed):
    model = LogisticRegression(C=strength, solver="liblinear", dual=True, max_iter=1_000, random_state=seed)
    model.fit(x, positive)
    return model.coef_[0], model.intercept_[0]
