"""Labels: what stands beside rows or examples -> the kind of anomaly of each, and the runs that are true windows."""

import collections
from collections.abc import Mapping, Sequence

import numpy as np

from rnnkit.messages import few_of
from rnnkit.series.cells import is_missing
from rnnkit.series.roles import names_in

NORMAL = frozenset({"0", "normal", "false", "no"})
STRANGE = frozenset({"1", "true", "yes"})
"""Labels of a kind without a name."""
UNNAMED = "anomaly"
MOST_KINDS = 50


def canonical(text: str) -> str:
    """Returns a label as labels are compared: numbers without needless digits, so that 1, 1.0 and 1.00e+00 are one."""
    try:
        number = float(text)
    except ValueError:
        return text.strip()
    return str(int(number)) if number.is_integer() else text.strip()


def normal_labels(text: str) -> frozenset[str]:
    """Reads the setting `normal`: labels with commas between, as they are compared, in lower case."""
    return frozenset(canonical(name).casefold() for name in names_in(text))


def row_kinds(
    names: Sequence[str], codes: np.ndarray, *, normal: str, where: str, known: Sequence[str] = ()
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Tells the kind of anomaly of each row of a table.

    A row is normal where its cell is empty, or a mark for a missing cell, or one of `normal`; 1, true and yes are
    anomalies without a name; any other text names a kind.

    Args:
        names: The different cells.
        codes: `(rows,)`, places in `names`.
        normal: The setting.
        where: Begins messages: table and column.
        known: Names of kinds that come first.

    Returns:
        `(rows,)` int16 places in the names of kinds, -1 where normal; and these names.

    Raises:
        ValueError: There are too many kinds, or, where `normal` is empty, numbers other than 0 and 1.
    """
    usual = normal_labels(normal) or NORMAL
    labels = {code: canonical(names[code]) for code in np.unique(codes).tolist()}
    strange = {code: label for code, label in labels.items() if not is_missing(label) and label.casefold() not in usual}
    odd = [label for label in strange.values() if is_number(label) and label != "1"]
    if odd and not normal.strip():
        raise ValueError(
            f"{where} tells where anomalies are, and has {few_of(odd)} beside 0 and 1. Write 0 and 1 or names of "
            f"kinds, say which mean normal (--normal {odd[0]}), or name another column (--label)."
        )
    kinds = {code: UNNAMED if label.casefold() in STRANGE else label for code, label in strange.items()}
    return _coded(kinds, codes, known, where)


def line_kinds(
    labels: Sequence[str], *, normal: frozenset[str], where: str, known: Sequence[str] = ()
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Tells the kind of anomaly of each example: its label, if that is none of the normal ones.

    Args:
        labels: Of each, canonical.
        normal: In lower case.
        where, known: As for `row_kinds`.

    Returns:
        `(examples,)` int16, and the names of kinds, as `row_kinds`.

    Raises:
        ValueError: There are too many kinds.
    """
    places = {label: code for code, label in enumerate(dict.fromkeys(labels))}
    codes = np.array([places[label] for label in labels], np.int64)
    kinds = {code: label for label, code in places.items() if label.casefold() not in normal}
    return _coded(kinds, codes, known, where)


def most_frequent(labels: Sequence[str], name: str) -> tuple[str, int]:
    """Returns the label that most examples have, and how many these are.

    Raises:
        ValueError: Two are equally frequent.
    """
    counts = collections.Counter(labels).most_common()
    label, count = counts[0]
    if len(counts) > 1 and counts[1][1] == count:
        raise ValueError(
            f"{name}: {label!r} and {counts[1][0]!r} are the most frequent labels, with {count:,} lines each. "
            f"Say which mean normal: --normal {label}"
        )
    return label, count


def _coded(kinds: Mapping[int, str], codes, known, where):
    found = sorted(set(kinds.values()))
    if len(found) > MOST_KINDS:
        raise ValueError(
            f"{where} has {len(found):,} kinds of anomaly, {few_of(found, 3)}, and {MOST_KINDS} is the most. Labels "
            "are 0 and 1 or the names of a few kinds; say which mean normal: --normal ok,idle"
        )
    names = (*known, *(name for name in found if name not in known)) or (UNNAMED,)
    table = np.full(int(codes.max()) + 1, -1, np.int16)
    for code, kind in kinds.items():
        table[code] = names.index(kind)
    return table[codes], names


def is_number(text: str) -> bool:
    """Says whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def runs(kinds: np.ndarray, starts: np.ndarray) -> tuple[tuple[int, int, int], ...]:
    """Returns first row, last row (inclusive) and kind of each run of rows of one kind within a series.

    Args:
        kinds: `(rows,)`, -1 where normal.
        starts: `(series + 1,)`, row each series begins at, and the end.
    """
    edges = np.unique(np.concatenate([starts, np.flatnonzero(np.diff(kinds)) + 1]))
    firsts, ends = edges[:-1], edges[1:]
    strange = kinds[firsts] >= 0
    firsts, lasts = firsts[strange], ends[strange] - 1
    return tuple(zip(firsts.tolist(), lasts.tolist(), kinds[firsts].tolist(), strict=True))
