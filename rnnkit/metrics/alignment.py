"""Alignment: a classifier's answers -> the answers it would give if it had other labels."""

from collections.abc import Mapping, Sequence

import numpy as np


def align_labels(answers: Mapping[str, np.ndarray], old: Sequence[str], new: Sequence[str]) -> dict[str, np.ndarray]:
    """Restricts probabilities to the labels that both have.

    Args:
        answers: `label (rows,)` and `probability (rows, old labels)`.
        old: The labels of the model that answered, in order.
        new: The labels wanted, in order.

    Returns:
        `label` and `probability (rows, new labels)`. A label that the model lacks has
        probability 0, so that it is never right on it; the others share what they had between
        them, or the whole evenly where that is 0. With no label in common all have the same
        probability, and the label is the first: such a model knows nothing of the task.
    """
    places = {label: place for place, label in enumerate(old)}
    known = np.array([label in places for label in new], bool)
    given = np.asarray(answers["probability"], np.float64)
    probability = np.zeros((len(given), len(new)))
    probability[:, known] = given[:, [places[label] for label in new if label in places]]
    total = probability.sum(axis=1, keepdims=True)
    even = (known if known.any() else ~known) / max(known.sum() or len(new), 1)
    probability = np.where(total > 0, probability / np.where(total > 0, total, 1), even)
    return {"label": np.array(new, object)[probability.argmax(axis=1)], "probability": probability}
