"""Baselines of image classification: pixels -> the commonest class, logistic regression, the nearest neighbour."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from rnnkit.metrics.classification import score_labels
from rnnkit.metrics.picture_features import block_means, decoded_pictures, nearest
from rnnkit.progress import SILENT, Reporter

MOST_FEATURES = 3_072
"""Pixels times channels of what is learnt from: 32 x 32 in colour; larger pictures are shrunk by means of blocks."""
MOST_NUMBERS = 30_000_000
"""Train pictures times features that are held in memory; of more, pictures are drawn."""
TUNED = 5_000_000
"""As many of them logistic regression is fitted to while its regularisation is chosen."""
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
"""Inverse strengths of regularisation that valid chooses from."""
STEPS = 100
"""Most steps of L-BFGS for each of them."""


def score_image_label_baselines(
    splits, preparation, settings, reporter: Reporter = SILENT
) -> dict[str, dict[str, dict[str, float]]]:
    """Scores the baselines on the test split; as `Recipe.baselines` says.

    Args:
        splits: Rows of encoded pictures and, as their only caption, a label.
        preparation: Its `features` decode the pictures, its `labels` name the classes in order.
        settings: Its `seed` draws train pictures where there are too many.
        reporter: Tells a person what goes on.

    Returns:
        `majority`, the class shares of train for all; `logistic`, logistic regression on the pixels; `nearest`, the
        class of the train picture whose pixels are nearest: name -> `{"test": scores}`, scores as from
        `rnnkit.metrics.classification.score_labels`.
    """
    known = {label: number for number, label in enumerate(preparation.labels)}
    # A label that train doesn't have is a class of its own, which nobody ever answers.
    train_codes, valid_codes, test_codes = (
        np.array([known.get(label, len(known)) for (label, *_) in rows.truth()])
        for rows in (splits.train, splits.valid, splits.test)
    )
    classes = max(len(known), 1 + int(test_codes.max()))
    pictures = sum(map(len, (splits.train, splits.valid, splits.test)))
    with reporter.task("baselines", total=pictures, unit="pictures") as advance:
        train, valid = (
            _drawn(rows, preparation, settings.seed, lambda done, before=before: advance(before + done, "pixels"))
            for rows, before in ((splits.train, 0), (splits.valid, len(splits.train)))
        )
        if len(train.places) < len(train_codes):
            kept, given = f"{len(train.places):,}", f"{len(train_codes):,}"
            reporter.say(f"note: the baselines learn from the pixels of {kept} of {given} train pictures.")
        codes, told = train_codes[train.places], valid_codes[valid.places] < len(known)
        before = len(splits.train) + len(splits.valid)
        advance(before, "logistic")
        linear = logistic(train.values, codes, valid.values[told], valid_codes[valid.places][told], classes)
        answers = {"majority": [np.bincount(train_codes, minlength=classes) / len(train_codes)] * len(test_codes)}
        answers |= {"logistic": [], "nearest": []}
        for values in _features(splits.test, preparation, lambda done: advance(before + done, "nearest")):
            answers["logistic"] += list(linear(values))
            answers["nearest"] += list(np.eye(classes)[codes[nearest(values, train.values)]])
        return {name: {"test": score_labels(test_codes, found, classes)} for name, found in answers.items()}


def _features(rows, preparation, advance):
    """Yields shrunk pixels, `(batch, features)`, 0 to 1, some pictures at a time."""
    for pixels in decoded_pictures(rows, preparation, advance):
        yield block_means(pixels, *_sides(*pixels.shape[1:])).reshape(len(pixels), -1) / 255


class _Drawn(NamedTuple):
    """Features of some pictures of a split, and which."""

    values: np.ndarray
    places: np.ndarray


def _drawn(rows, preparation, seed, advance):
    """Reads as many pictures as `MOST_NUMBERS` allows."""
    values, places, kept, start = [], [], None, 0
    for part in _features(rows, preparation, advance):
        if kept is None:
            kept = np.zeros(len(rows), bool)
            kept[np.random.default_rng(seed).permutation(len(rows))[: max(1, MOST_NUMBERS // part.shape[1])]] = True
        chosen = np.flatnonzero(kept[start : start + len(part)])
        values.append(part[chosen])
        places.append(start + chosen)
        start += len(part)
    return _Drawn(np.concatenate(values), np.concatenate(places))


def _sides(height, width, channels):
    """Returns how many blocks down and across are at most `MOST_FEATURES`, in the picture's proportions."""
    shrunk = min(1.0, (MOST_FEATURES / (height * width * channels)) ** 0.5)
    return max(1, int(height * shrunk)), max(1, int(width * shrunk))


def logistic(
    x: np.ndarray, codes: np.ndarray, x_valid: np.ndarray, valid_codes: np.ndarray, classes: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Fits multinomial logistic regression, its regularisation chosen by the log loss on valid.

    Of many rows it is chosen with some, evenly spaced: `TUNED` says how many.

    Args:
        x, x_valid: `(rows, features)`.
        codes, valid_codes: `(rows,)`, from 0. Without any for valid, the middle of `STRENGTHS` is taken.
        classes: How many there are; one that `codes` lacks has probability 0.

    Returns:
        `(rows, features)` -> probabilities `(rows, classes)`. Where `codes` holds one class, that has them all.
    """
    if len(np.unique(codes)) == 1:
        return lambda rows: np.tile(np.eye(classes)[codes[0]], (len(rows), 1))

    def fitted(strength, most):
        kept = np.linspace(0, len(x) - 1, min(len(x), max(1_000, most // x.shape[1]))).astype(int)
        model = LogisticRegression(C=strength, max_iter=STEPS)
        # On one thread: the steps are small, and threads would mostly wait for each other.
        with warnings.catch_warnings(), threadpool_limits(1):
            # A fit that is stopped early is regularised by that, and judged on valid as the others are.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(x[kept], codes[kept])

    def probability(model, rows):
        found = np.zeros((len(rows), classes))
        found[:, model.classes_] = model.predict_proba(rows)
        return found / found.sum(axis=1, keepdims=True)

    def loss(strength):
        return score_labels(valid_codes, probability(fitted(strength, TUNED), x_valid), classes)["log_loss"]

    strength = min(STRENGTHS, key=loss) if len(valid_codes) else STRENGTHS[len(STRENGTHS) // 2]
    best = fitted(strength, x.size)
    return lambda rows: probability(best, rows)
