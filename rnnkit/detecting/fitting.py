"""Fitting: a trained core, train's and valid's rows -> how errors usually are, and from where on they alarm."""

import numpy as np

from rnnkit.detecting.batches import RowBatches
from rnnkit.detecting.chain import Chain
from rnnkit.detecting.core import taken_apart
from rnnkit.detecting.detector_settings import fixed_threshold
from rnnkit.detecting.errors import channel_errors, example_errors
from rnnkit.detecting.parts import Part
from rnnkit.detecting.truth import DetectionTruth
from rnnkit.metrics.detection_events import best_threshold
from rnnkit.metrics.tail_fits import fit_tail

LEAST = 1e-6
"""Channels and errors have at least this spread."""
UNREACHED = 1e6
"""A threshold that nothing reaches."""


def fit_watch(core, valid: RowBatches, train: RowBatches) -> tuple[str, ...]:
    """Fits, on train, the distance of errors, their usual size and their tail; on valid, the threshold.

    Args:
        core: Trained; its layer `watch` is set.
        valid, train: Their batches.

    Returns:
        One-line remarks.
    """
    part, settings = valid.part, valid.settings
    apart, whole = taken_apart(core), part.readings.whole
    how = {"window": train.window, "error": settings.error}
    errors, known = (example_errors if whole else channel_errors)(apart, train.encoded, train.spans, **how)
    watch = apart.watch
    scale = np.sqrt(np.sum(errors**2, 0) / np.maximum(known.sum(0), 1))
    watch.set(scale=np.where(scale > LEAST, scale, 1))
    watch.distance.set(_whitening(errors / watch.scale.numpy(), known, settings.distance))
    distances = Chain(watch, settings).error(errors, known).numpy()
    edges = [0, len(distances)] if whole else [0, *_ends(train.spans)]
    smoothed = _smoothed(distances, edges, settings.smoothing)
    tail = fit_tail(smoothed, share=settings.tail_share)
    watch.set(
        errors=smoothed[-settings.history :],
        usual=(smoothed.mean(), max(smoothed.std(), LEAST)),
        tail=(tail.threshold, tail.shape, tail.scale, tail.share),
    )
    if whole:
        alarms = _alarms_of_examples(Chain(watch, settings), *example_errors(apart, valid.encoded, valid.spans, **how))
    else:
        found = channel_errors(apart, valid.encoded, _from_the_start(part), **how)
        alarms = _alarms(Chain(watch, settings), part, *found)
    if settings.strangeness == "dynamic" and settings.threshold == "auto":
        threshold, note = 1.0, "threshold 1: the one found anew at each row is in the score."
    else:
        threshold, note = threshold_of(alarms, part.truth(), settings)
    watch.set(threshold=(threshold,))
    return (note,)


def _whitening(errors, known, how):
    """Returns the whitening of channels; rows with an unknown channel say nothing of how they go together."""
    known = known > 0
    size = np.sqrt(np.where(known, np.square(errors), 0).sum(0) / np.maximum(known.sum(0), 1))
    # A channel that never errs in train, as a dead sensor's, is left at its own scale.
    size = np.where(size > LEAST, size, 1)
    whole, channels = errors[known.all(1)], errors.shape[1]
    whitening = np.diag(1 / size)
    if how == "mahalanobis" and channels > 1 and len(whole) > 2 * channels:
        from sklearn.covariance import ledoit_wolf

        covariance, _ = ledoit_wolf(whole / size, assume_centered=True)
        values, vectors = np.linalg.eigh(covariance)
        whitening = whitening @ vectors / np.sqrt(np.maximum(values, LEAST))
    return whitening


def _smoothed(errors, edges, rows):
    """Returns errors smoothed span by span, as the chain does; each span begins at its own first error."""
    if rows < 2:
        return errors
    smoothed, share = errors.copy(), 2 / (rows + 1)
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        for row in range(begin + 1, end):
            smoothed[row] = smoothed[row - 1] + share * (errors[row] - smoothed[row - 1])
    return smoothed


def _ends(spans):
    """Returns where each span ends among the rows of all."""
    return np.cumsum(spans[:, 1] - spans[:, 0])


def _from_the_start(part: Part) -> np.ndarray:
    """Returns spans as they are, but from the first row of their series on."""
    starts = part.readings.starts[part.spans[:, 0]]
    return np.stack([starts, part.spans[:, 2]], 1)


def _alarms(chain: Chain, part: Part, errors, known) -> np.ndarray:
    """Returns what alarms are raised by, of the rows of a part, from errors of its series from their beginning."""
    distances = chain.error(errors, known).numpy()
    spans, found = _from_the_start(part), []
    for end, last, begin in zip(_ends(spans), spans[:, 1].tolist(), part.spans[:, 1].tolist(), strict=True):
        # What came before valid is train, from whose end on the chain goes.
        found.append(chain.run(distances[end - (last - begin) : end])["alarm"])
    return np.concatenate(found)


def _alarms_of_examples(chain: Chain, errors, known) -> np.ndarray:
    """Returns what alarms are raised by, of examples, each at the chain's beginning."""
    distances = chain.error(errors, known).numpy()
    return np.concatenate([chain.run(distances[place : place + 1])["alarm"] for place in range(len(distances))])


def threshold_of(alarms: np.ndarray, truth: DetectionTruth, settings) -> tuple[float, str]:
    """Chooses the threshold of what alarms are raised by, from a split's rows.

    Args:
        alarms: `(rows,)`, of valid.
        truth: Of the same rows.
        settings: Say how.

    Returns:
        The threshold, and a remark.

    Raises:
        ValueError: Labels are to choose, and there are none.
    """
    if settings.threshold not in ("auto", "labels", "rate"):
        return fixed_threshold(settings.threshold), f"threshold {settings.threshold}, as given."
    labelled = truth.labelled and len(truth.windows) > 0
    if settings.threshold == "labels" and not labelled:
        raise ValueError(
            "threshold labels needs validation rows with true windows, and there are none. "
            "Take --threshold rate, or another --split."
        )
    if labelled and settings.threshold != "rate":
        threshold = float(best_threshold(alarms, truth))
        return threshold, f"threshold {threshold:.4g}: the best for the {len(truth.windows)} windows of valid."
    normal = alarms[~truth.strange] if truth.labelled and not truth.strange.all() else alarms
    threshold = float(np.quantile(normal, 1 - settings.alarm_rate)) if len(normal) else UNREACHED
    # What is level with most rows is no sign of anything.
    threshold = float(np.nextafter(np.float32(threshold), np.float32(np.inf)))
    return threshold, f"threshold {threshold:.4g}: {settings.alarm_rate:.2%} of the rows of valid alarm."
