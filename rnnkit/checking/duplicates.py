"""Duplicates: hashes of rows' inputs -> rows that repeat others, that contradict them, or that stand in two splits."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from rnnkit.checking.findings import PLACES, Finding, counted, percent, where

APART = re.compile(r"[\W_]+")
ASCII = bytes(ord(chr(c).lower()) if chr(c).isalnum() else 32 for c in range(128)).ljust(256)


def folded(text: str) -> str:
    """Returns a text without case, punctuation and the amount of white space; what is nothing else stays as it is."""
    if text.isascii():
        return b" ".join(text.encode().translate(ASCII).split()).decode() or text
    return APART.sub(" ", text.casefold()).strip() or text


@dataclasses.dataclass(frozen=True)
class Keys:
    """What is kept of each usable row of one table: 20 bytes and its place.

    Attributes:
        name: The table's.
        unit: What places are counted in.
        exact: `(rows,)` uint64, equal where the inputs are.
        near: `(rows,)` uint64, equal where the inputs are but for case, punctuation and white space.
        targets: `(rows,)` int32, equal where the targets are; None where there are none.
        places: Of each row.
    """

    name: str
    unit: str
    exact: np.ndarray
    near: np.ndarray
    targets: np.ndarray | None
    places: Sequence[int | str]

    def __len__(self):
        return len(self.exact)


def repeats(hashes: np.ndarray) -> np.ndarray:
    """Returns where in `hashes` one stands that stood before, in order."""
    _, first = np.unique(hashes, return_index=True)
    again = np.ones(len(hashes), bool)
    again[first] = False
    return np.flatnonzero(again)


def contradictions(hashes: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns where in `hashes` each of those stands first that has more than one target, in order."""
    distinct, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    differs = np.zeros(len(distinct), bool)
    differs[group[targets != targets[first][group]]] = True
    return np.sort(first[differs])


def within(keys: Keys) -> list[Finding]:
    """Returns what is odd about the rows of one table beside each other."""
    findings = []
    again = repeats(keys.exact)
    if len(again):
        message = (
            f"{keys.name}: {counted(len(again), 'row')} ({percent(len(again), len(keys))}) "
            f"{'repeats' if len(again) == 1 else 'repeat'} the inputs of an earlier row ({_where(keys, again)})."
        )
        severe = len(again) > 0.05 * len(keys)
        mend = f"Take repeated rows out of {keys.name}: they count more than others." if severe else ""
        findings.append(Finding("duplicates", "warning" if severe else "note", message, _places(keys, again), mend))
    near = repeats(keys.near)
    close = len(near) - len(again)
    if close > 0:
        first = near[~np.isin(near, again)]
        message = (
            f"{keys.name}: {counted(close, 'more row')} {'differs' if close == 1 else 'differ'} from an earlier one in "
            f"case, punctuation or white space alone ({where(keys.unit, _places(keys, first), close)}). "
            "Rows that rnnkit deals out itself may so be in two splits."
        )
        severe = close > 0.05 * len(keys)
        mend = f"Take near-equal rows out of {keys.name}: in two splits they flatter the scores." if severe else ""
        findings.append(
            Finding("near_duplicates", "warning" if severe else "note", message, _places(keys, first), mend)
        )
    if keys.targets is not None and len(keys):
        findings += _torn(keys)
    return findings


def _torn(keys):
    torn = contradictions(keys.exact, keys.targets)
    if not len(torn):
        return []
    one = len(torn) == 1
    message = (
        f"{keys.name}: {counted(len(torn), 'input')} {'has' if one else 'have'} more than one target in different rows "
        f"({_where(keys, torn)}): no model can get all of them right."
    )
    mend = f"Decide which target is right for equal inputs in {keys.name}."
    return [Finding("contradictions", "warning", message, _places(keys, torn), mend)]


def between(splits: Mapping[str, Keys]) -> list[Finding]:
    """Returns the rows of later splits whose inputs stand in an earlier one too.

    Args:
        splits: Name of the split -> its rows, only those that the user gave as tables of their own.
    """
    findings, names = [], list(splits)
    for place, name in enumerate(names):
        for earlier in names[:place]:
            mine, theirs = splits[name], splits[earlier]
            equal = np.isin(mine.exact, theirs.exact)
            near = np.isin(mine.near, theirs.near) & ~equal
            findings += _shared("leakage", mine, np.flatnonzero(equal), "", name, earlier)
            how = " but for case, punctuation or white space"
            findings += _shared("near_leakage", mine, np.flatnonzero(near), how, name, earlier)
    return findings


def _shared(kind, keys, rows, how, name, earlier):
    if not len(rows):
        return []
    message = (
        f"{keys.name}: {counted(len(rows), 'row')} of {len(keys):,} ({percent(len(rows), len(keys))}) "
        f"{'is' if len(rows) == 1 else 'are'} in {earlier} too{how} ({_where(keys, rows)}): scores on {name} flatter."
    )
    mend = f"Take the rows that are in {earlier} too out of {keys.name}, or give no --{name} file and let rnnkit cut."
    return [Finding(kind, "warning", message, _places(keys, rows), mend)]


def _places(keys, rows):
    return tuple(keys.places[row] for row in rows[:PLACES].tolist())


def _where(keys, rows):
    return where(keys.unit, _places(keys, rows), len(rows))
