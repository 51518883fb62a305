"""Filters: pairs and the settings -> which pairs are left out, and a count for each reason."""

import numpy as np

from rnnkit.pairs.scan import PairScan
from rnnkit.pairs.settings import PairSettings

ANY = (1, 0, 0.0)
"""Fewest words, most words and most ratio that leave no pair out."""


def left_out(scan: PairScan, settings: PairSettings) -> tuple[np.ndarray, dict[str, int]]:
    """Finds the pairs that the settings leave out.

    Args:
        scan: The pairs; those it has left out itself count for nothing here.
        settings: Limits, and what becomes of copies and duplicates.

    Returns:
        `(rows,)` bool, and each reason that occurs with its count; a pair counts once, by the first that fits.
    """
    used = scan.codes >= 0
    reasons = _lengths(scan, settings)
    if settings.copies == "drop":
        reasons["whose two texts are equal"] = _copies(scan)
    if settings.duplicates == "drop":
        reasons["that occur before"] = _repeated(scan, used)
    out, counts = np.zeros(len(used), bool), {}
    for reason, rows in reasons.items():
        rows = rows & used & ~out
        if count := int(np.count_nonzero(rows)):
            counts[reason] = count
        out |= rows
    return out, counts


def _lengths(scan, settings):
    if (settings.least_words, settings.most_words, settings.most_ratio) == ANY:
        return {}
    shorter, longer = np.sort([_words(scan.texts), _words(scan.translations)], axis=0)
    return {
        f"shorter than {_count(settings.least_words)}": shorter < settings.least_words,
        f"longer than {_count(settings.most_words)}": (longer > settings.most_words) & (settings.most_words > 0),
        f"with one side more than {settings.most_ratio:g} times as long as the other": (
            (longer > settings.most_ratio * shorter) & (settings.most_ratio > 0)
        ),
    }


def _count(words):
    return f"{words} word{'s' * (words != 1)}"


def _words(texts):
    return np.array([len(text.split()) for text in texts], np.int64)


def _copies(scan):
    pairs = zip(scan.texts, scan.translations, strict=True)
    return np.array([text.split() == translation.split() for text, translation in pairs], bool)


def _repeated(scan, used):
    seen, repeated = set(), np.zeros(len(used), bool)
    for row in np.flatnonzero(used):
        pair = scan.texts[row], scan.translations[row]
        repeated[row] = pair in seen
        seen.add(pair)
    return repeated


def note(name: str, counts: dict[str, int]) -> str:
    """Returns the remark on what was left out of the table called `name`."""
    return f"{name}: {_pairs(counts)} left out: {_described(counts)}."


def refusal(name: str, counts: dict[str, int]) -> str:
    """Returns the message where nothing of the table called `name` is left."""
    mend = "Loosen --least-words, --most-words or --most-ratio, or keep copies and duplicates."
    return f"{name} has no pair left: {_pairs(counts)} left out, {_described(counts)}. {mend}"


def _pairs(counts):
    total = sum(counts.values())
    return f"{total:,} pair{'s' * (total != 1)}"


def _described(counts):
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
