"""Scores of a classifier: true codes and class probabilities -> accuracy, macro F1, ROC AUC, calibration, log loss."""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, roc_auc_score

SMALLEST_PROBABILITY = np.finfo(np.float64).eps


def score_labels(truth, probability, classes: int) -> dict[str, float]:
    """Scores class probabilities against the true classes; the predicted class is the most probable one.

    Args:
        truth: `(rows,)`, codes from 0 to `classes - 1`.
        probability: `(rows, classes)`, each row summing to 1.
        classes: How many classes there are.

    Returns:
        In this order:
        `accuracy`, the share of rows predicted right;
        `macro_f1`, the plain mean of the F1 of each class in the truth or among the predictions (scikit-learn without
        `labels=`): a class that is only predicted counts as 0, one that never occurs is left out;
        `roc_auc` of class 1, only with two classes and where the truth holds both;
        `calibration_error`, 0 at best: the gap between top probability and accuracy in 15 bins, weighted by rows;
        `log_loss`, in nats; a true class of probability 0 costs 36.04, as if it had 2.2e-16.

    Raises:
        ValueError: The shapes don't fit, there are no rows, a code is out of range or a probability isn't in 0..1.

    Calibration: Guo, Pleiss, Sun & Weinberger (2017), eq. 3, https://arxiv.org/abs/1706.04599.
    """
    truth, probability = _checked(truth, probability, classes)
    predicted = probability.argmax(axis=1)
    scores = {
        "accuracy": accuracy_score(truth, predicted),
        "macro_f1": f1_score(truth, predicted, average="macro", zero_division=0.0),
    }
    if classes == 2 and np.unique(truth).size == 2:
        scores["roc_auc"] = roc_auc_score(truth, probability[:, 1])
    scores["calibration_error"] = _calibration_error(reliability(truth, probability))
    true_probability = probability[np.arange(truth.size), truth]
    scores["log_loss"] = -np.log(np.clip(true_probability, SMALLEST_PROBABILITY, 1.0)).mean()
    return {name: float(score) for name, score in scores.items()}


def _calibration_error(bins):
    filled = bins.count > 0
    gap = np.abs(bins.accuracy[filled] - bins.confidence[filled])
    return np.average(gap, weights=bins.count[filled])


def confusion(truth, predicted, classes: int) -> np.ndarray:
    """Counts rows by true class (down) and predicted class (across): `(classes, classes)`."""
    return confusion_matrix(truth, predicted, labels=np.arange(classes))


class Reliability(NamedTuple):
    """How often a classifier is right against how sure it is, by bin of its top probability; each is `(bins,)`.

    `confidence` and `accuracy` are means over the bin's rows, NaN where `count` is 0.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def reliability(truth, probability, bins: int = 15) -> Reliability:
    """Sorts rows by their top probability into bins of equal width, for a reliability diagram.

    Args:
        truth: `(rows,)`, codes.
        probability: `(rows, classes)`.
        bins: How many; bin `m` of 0, 1, … holds top probabilities above `m / bins` up to `(m + 1) / bins`.

    Guo et al. (2017), section 2, https://arxiv.org/abs/1706.04599.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1. Got {bins}.")
    truth, probability = _checked(truth, probability, np.shape(probability)[-1])
    top = probability.max(axis=1)
    right = probability.argmax(axis=1) == truth
    place = np.digitize(top, np.linspace(0.0, 1.0, bins + 1)[1:-1], right=True)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, weights=top, minlength=bins) / count
        accuracy = np.bincount(place, weights=right, minlength=bins) / count
    return Reliability(confidence, accuracy, count)


def _checked(truth, probability, classes):
    truth = np.asarray(truth)
    # float64 whatever the model computes in: the last bits of a bfloat16 softmax would show in the means
    probability = np.asarray(probability, dtype=np.float64)
    if truth.ndim != 1 or truth.size == 0:
        raise ValueError(f"truth must hold one code for each of at least 1 row. Got shape {truth.shape}.")
    if not np.issubdtype(truth.dtype, np.integer):
        raise ValueError(f"truth must hold whole numbers. Got {truth.dtype}. Turn labels into codes first.")
    if probability.shape != (truth.size, classes):
        raise ValueError(f"probability must have shape {(truth.size, classes)}. Got {probability.shape}.")
    if truth.min() < 0 or truth.max() >= classes:
        wrong = truth[(truth < 0) | (truth >= classes)][0]
        raise ValueError(f"truth must hold codes from 0 to {classes - 1}. Got {wrong}.")
    outside = ~((probability >= 0.0) & (probability <= 1.0 + 1e-6))
    if outside.any():
        wrong = probability[outside][0]
        raise ValueError(f"probability must lie from 0 to 1. Got {wrong}. Apply softmax to logits first.")
    return truth, probability
