"""Short form: what `run` has read anyway -> a few lines on its rows, before it trains on them."""

import numpy as np

from rnnkit.checking.duplicates import repeats
from rnnkit.checking.findings import counted, percent
from rnnkit.checking.labels import VERY_UNEVEN, label_findings

SHOWN = 4
"""Labels that are named, the most frequent first."""
SAID = ("labels_alike", "many_labels", "label_missing_mark")
"""Kinds of findings on labels that are worth a line; the balance is in another."""


def short_form(recipe, splits) -> list[str]:
    """Returns what `Splits` tell of themselves: rows, labels, repeated inputs; and each of their remarks.

    Reads no file. Lines on labels and inputs are left out where rows have none.

    Args:
        recipe: Names what is predicted.
        splits: As read.
    """
    rows = {name: len(getattr(splits, name)) for name in ("train", "valid", "test")}
    lines = [f"rows      {', '.join(f'{count:,} {name}' for name, count in rows.items())}"]
    if getattr(splits.train, "names", ()):
        counts = np.bincount(splits.train.codes[splits.train.codes >= 0], minlength=len(splits.train.names))
        lines.append(_labels(recipe.target, splits.train.names, counts))
        found = label_findings(dict(zip(splits.train.names, counts.tolist(), strict=True)), recipe.target)
        lines += [f"note: {finding.message}" for finding in found if finding.kind in SAID]
    if repeated := _repeated(splits):
        lines.append(repeated)
    return [*lines, *(f"note: {note}" for note in splits.notes)]


def _labels(target, names, counts):
    order = np.argsort(-counts, kind="stable")
    shown = [f"{names[code][:24]} {percent(counts[code], counts.sum())}" for code in order[:SHOWN]]
    more = f", … {len(counts)} in all" if len(counts) > SHOWN else ""
    least = counts[counts > 0].min()
    uneven = f"; {counts.max() / least:,.0f} to 1" if counts.max() >= VERY_UNEVEN * least else ""
    return f"{target:9} {', '.join(shown)}{more}{uneven}"


def _repeated(splits):
    scans = getattr(splits, "scans", ())
    used = [scan.hashes[scan.codes >= 0] for scan in scans]
    again = sum(len(repeats(hashes)) for hashes in used)
    total = sum(map(len, used))
    return (
        f"repeated  {counted(again, 'row')} ({percent(again, total)}) with the inputs of an earlier one"
        if again
        else ""
    )
