"""N-grams: the train split's texts and labels -> a weight per n-gram and class."""

from collections.abc import Callable, Iterable

import numpy as np
import scipy.sparse
import tensorflow as tf

from rnnkit.features.words import Words
from rnnkit.layers.ngrams import hashed_ngrams
from rnnkit.metrics.one_against_rest import best_nb_svm, nb_svm_weights
from rnnkit.metrics.text_baselines import LARGE_TRAIN

TUNING_SHARE = 10
"""One row in so many is held back while the strength is chosen; all of them set the weights."""


def fit_ngrams(
    words: Words,
    rows: Iterable[tuple[list[str], np.ndarray]],
    *,
    classes: int,
    longest: int,
    vocabulary: int,
    buckets: int,
    seed: int,
    advance: Callable[[int], None] = lambda done: None,
) -> list[np.ndarray]:
    """Fits an NB-SVM to hashed n-grams.

    Args:
        words: The layer that gives word ids.
        rows: Chunks of texts and their class numbers, of the train split.
        classes: Number of classes.
        longest, vocabulary, buckets: As for `hashed_ngrams`.
        seed: Of the solver and of the rows that choose its strength.
        advance: Told the number of rows read.

    Returns:
        Weights `(vocabulary + buckets, classes)` and bias `(classes,)` of logits, as
        `layers.NgramScores` takes them; their scale is left for `layers.Blend` to set.

    Wang & Manning (2012), https://aclanthology.org/P12-2018, with logistic loss, one class
    against the rest.
    """
    presence, targets = presence_of_ngrams(words, rows, longest, vocabulary, buckets, advance)
    held = np.random.default_rng(seed).permutation(len(targets)) % TUNING_SHARE == 0
    weights = np.zeros((vocabulary + buckets, classes), np.float32)
    bias = np.zeros(classes, np.float32)
    for column in range(1, 2) if classes == 2 else range(classes):
        positive = targets == column
        if len({*positive[~held]}) < 2:
            continue
        chosen = 1.0, 1.0
        if len({*positive[held]}) == 2:
            chosen = best_nb_svm(presence[~held], positive[~held], presence[held], positive[held], seed)
        weights[:, column], bias[column] = nb_svm_weights(presence, positive, *chosen, seed)
    if classes == 2:
        weights, bias = (np.stack([-x[..., 1] / 2, x[..., 1] / 2], axis=-1) for x in (weights, bias))
    return [weights, bias]


def presence_of_ngrams(words, rows, longest, vocabulary, buckets, advance):
    """Returns `(rows, vocabulary + buckets)`, sparse, 1.0 where a row has the n-gram, and the rows' classes.

    Of `LARGE_TRAIN` rows or more, n-grams that only one has are left out.
    """

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def ids(text):
        return hashed_ngrams(words(text), longest=longest, vocabulary=vocabulary, buckets=buckets)

    columns, ends, targets = [], [0], []
    for texts, numbers in rows:
        for grams in ids(tf.constant(texts)).numpy():
            present = np.unique(grams)
            columns.append(present[present > 0])
            ends.append(ends[-1] + len(columns[-1]))
        targets.append(numbers)
        advance(len(columns))
    columns = np.concatenate(columns)
    shape = (len(ends) - 1, vocabulary + buckets)
    presence, targets = scipy.sparse.csr_matrix((np.ones(len(columns)), columns, ends), shape), np.concatenate(targets)
    if len(targets) >= LARGE_TRAIN:
        presence = presence @ scipy.sparse.diags((np.asarray(presence.sum(axis=0)).ravel() > 1).astype(float))
        presence.eliminate_zeros()
    return presence, targets
