"""Baselines of text classification: train -> word counts -> linear model, tuned on valid, scored on test.

A baseline is any callable of the form `Baseline`; it returns an object that gives `probability(texts)`. A recipe adds
its own by passing another mapping of names to `text_baselines`.
"""

import dataclasses
import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np
from scipy.special import log_expit, softmax
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from rnnkit.metrics.classification import score_labels
from rnnkit.metrics.one_against_rest import nb_svm_column, tfidf_column

# Runs of letters and digits, one-letter ones too, "don't" whole, no punctuation. On SST-2 dev and held-out IMDB
# training rows six patterns (from two letters on, with punctuation, …) came within noise of each other; only splitting
# IMDB at spaces was worse, by 1.5 points.
WORD = r"\w+(?:['’]\w+)*"
LARGE_TRAIN = 10_000  # rows from which a word must occur in two texts; below, words met once help
BATCH = 10_000  # texts turned into counts at once when predicting


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Texts and the codes of their classes, row by row.

    Attributes:
        texts: List or other iterable that can be read more than once.
        labels: `(rows,)`, codes from 0.

    Raises:
        ValueError: `texts` is one text or a generator.
    """

    texts: Iterable[str]
    labels: np.ndarray

    def __post_init__(self):
        if isinstance(self.texts, str):
            raise ValueError(f"texts must be a list of texts. Got one text, {self.texts[:40]!r}. Put it in a list.")
        if isinstance(self.texts, Iterator):
            kind = type(self.texts).__name__
            raise ValueError(f"texts must be readable more than once. Got a {kind}. Wrap it in list().")
        object.__setattr__(self, "labels", np.asarray(self.labels))


class FittedBaseline(Protocol):
    """What a baseline has learnt."""

    def probability(self, texts: Iterable[str]) -> np.ndarray:
        """Returns the probability of each class for each text, `(rows, classes)`; reads `texts` once, in batches."""


class Baseline(Protocol):
    """Learns from `train` alone; `valid` only chooses hyper-parameters and calibrates."""

    def __call__(self, train: LabelledTexts, valid: LabelledTexts, *, classes: int, seed: int) -> FittedBaseline: ...


def majority(train: LabelledTexts, valid: LabelledTexts, *, classes: int, seed: int) -> FittedBaseline:
    """Gives every text the class shares of `train`, and so always predicts its commonest class."""
    counts = np.bincount(train.labels, minlength=classes)
    return ClassShares(counts / counts.sum())


def tfidf_logistic(train: LabelledTexts, valid: LabelledTexts, *, classes: int, seed: int) -> FittedBaseline:
    """Fits logistic regression, one class against the rest, to TF-IDF of words and word pairs.

    The inverse regularisation strength is the one of 1, 3, 10, 30, 100 with the lowest log loss on `valid`.
    Falls back to `majority`, with a warning, where `train` holds no word or one class.
    """
    vectorizer = TfidfVectorizer(**_vocabulary(train), sublinear_tf=True)
    return _word_model(vectorizer, tfidf_column, train, valid, classes=classes, seed=seed)


def nb_svm(train: LabelledTexts, valid: LabelledTexts, *, classes: int, seed: int) -> FittedBaseline:
    """Fits a linear model to the presence of words and word pairs, each scaled by its naive Bayes log-count ratio.

    Of the inverse regularisation strengths 0.1, 1, 10 and interpolations 0.25, 0.5, 1 the pair with the lowest log loss
    on `valid` is taken; Platt scaling there gives probabilities. A class that `valid` lacks takes 1 and 1, unscaled.
    Falls back to `majority`, with a warning, where `train` holds no word or one class.

    Wang & Manning (2012), section 2.3, https://aclanthology.org/P12-2018. Unlike there, the loss is the logistic one,
    strength and interpolation are tuned instead of fixed, and several classes are met one against the rest.
    """
    vectorizer = CountVectorizer(**_vocabulary(train), binary=True)
    return _word_model(vectorizer, nb_svm_column, train, valid, classes=classes, seed=seed)


BASELINES: Mapping[str, Baseline] = {"majority": majority, "tfidf_logistic": tfidf_logistic, "nb_svm": nb_svm}


def text_baselines(
    train: LabelledTexts,
    valid: LabelledTexts,
    test: LabelledTexts,
    *,
    classes: int,
    seed: int,
    progress: Callable[[str], None] | None = None,
    baselines: Mapping[str, Baseline] = BASELINES,
) -> dict[str, dict[str, dict[str, float]]]:
    """Fits each baseline on `train` and `valid` and scores it on `test`.

    Args:
        train, valid: Held in memory as word counts; cap a huge training set before.
        test: Its texts are read once per baseline, in batches.
        classes: How many classes there are.
        seed: Same seed, same scores.
        progress: Called with the name of each baseline before it starts.
        baselines: What to fit, by name.

    Returns:
        `{name: {"test": scores}}`, scores as from `score_labels`.

    Raises:
        ValueError: A split has no rows, or not one code from 0 to `classes - 1` for each text.
    """
    for name, split in {"train": train, "valid": valid, "test": test}.items():
        _check_labels(name, split.labels, classes)
    for name, split in {"train": train, "valid": valid}.items():
        _check_rows(name, split.labels, sum(1 for _ in split.texts))
    results = {}
    for name, baseline in baselines.items():
        if progress is not None:
            progress(name)
        probability = baseline(train, valid, classes=classes, seed=seed).probability(test.texts)
        _check_rows("test", test.labels, len(probability))
        results[name] = {"test": score_labels(test.labels, probability, classes)}
    return results


def _check_labels(name, labels, classes):
    if labels.size == 0:
        raise ValueError(f"{name} must have at least 1 row. Got 0.")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"Labels of {name} must be whole numbers. Got {labels.dtype}. Turn labels into codes first.")
    if labels.min() < 0 or labels.max() >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise ValueError(f"Labels of {name} must be codes from 0 to {classes - 1}. Got {wrong}.")


def _check_rows(name, labels, rows):
    if labels.shape != (rows,):
        shape = labels.shape
        raise ValueError(f"{name} must have one label for each of its {rows} texts. Got labels of shape {shape}.")


@dataclasses.dataclass(frozen=True, eq=False)
class ClassShares:
    """Gives every text the same probabilities, `shares` `(classes,)`."""

    shares: np.ndarray

    def probability(self, texts):
        return np.tile(self.shares, (sum(1 for _ in texts), 1))


@dataclasses.dataclass(frozen=True, eq=False)
class WordModel:
    """Turns words into class scores by one linear map, and these into probabilities.

    Attributes:
        vectorizer: Texts to a sparse matrix `(rows, vocabulary)`.
        coefficients: `(vocabulary, columns)`, a column for each of `codes`, or for the second of two only.
        intercepts: `(columns,)`.
        codes: The classes met in training; others have probability 0.
        classes: How many classes there are.
    """

    vectorizer: CountVectorizer
    coefficients: np.ndarray
    intercepts: np.ndarray
    codes: np.ndarray
    classes: int

    def probability(self, texts):
        texts = iter(texts)
        batches = iter(lambda: list(itertools.islice(texts, BATCH)), [])
        parts = [self._batch_probability(batch) for batch in batches]
        return np.concatenate([np.zeros((0, self.classes)), *parts])

    def _batch_probability(self, texts):
        score = self.vectorizer.transform(texts) @ self.coefficients + self.intercepts
        if self.codes.size == 2:
            score = np.hstack([-score, score])
        probability = np.zeros((len(texts), self.classes))
        # sigmoids divided by their sum; in logarithms, since all of a row may be too small for a float
        probability[:, self.codes] = softmax(log_expit(score), axis=1)
        return probability


def _vocabulary(train):
    return {
        "token_pattern": WORD,
        "ngram_range": (1, 2),
        "min_df": 2 if train.labels.size >= LARGE_TRAIN else 1,
        "dtype": np.float64,  # liblinear's own; float32 would be copied at every fit
    }


def _word_model(vectorizer, fit_column, train, valid, *, classes, seed):
    codes = np.unique(train.labels)
    if codes.size == 1:
        return _fall_back("train holds one class", train, valid, classes=classes, seed=seed)
    try:
        x = vectorizer.fit_transform(train.texts)
    except ValueError:  # scikit-learn's answer to an empty vocabulary
        reason = "train holds no word, or none often enough"
        return _fall_back(reason, train, valid, classes=classes, seed=seed)
    x_valid = vectorizer.transform(valid.texts)
    columns = [
        fit_column(x, train.labels == code, x_valid, valid.labels == code, seed)
        for code in (codes[1:] if codes.size == 2 else codes)
    ]
    coefficients, intercepts = zip(*columns, strict=True)
    return WordModel(vectorizer, np.stack(coefficients, axis=1), np.array(intercepts), codes, classes)


def _fall_back(reason, train, valid, *, classes, seed):
    warnings.warn(f"A word baseline falls back to the majority: {reason}.", stacklevel=4)
    return majority(train, valid, classes=classes, seed=seed)
