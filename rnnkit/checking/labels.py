"""Labels: how often each occurs -> balance, labels with few rows, labels that are written in two ways."""

import collections
from collections.abc import Mapping

from rnnkit.checking.columns import MARKS, NUMBER
from rnnkit.checking.findings import Finding, counted, percent, quoted

FEW_ROWS = 10
UNEVEN, VERY_UNEVEN = 3, 10
"""Rows of the largest class for one of the smallest, from which on it is remarked, and warned of."""


def label_findings(counts: Mapping[str, int], target: str, settings: object = None) -> list[Finding]:
    """Returns what is odd about the labels of the rows trained on.

    Args:
        counts: Label -> rows.
        target: What labels are called.
        settings: Of the recipe; a flag is named only where it is one of these.
    """
    counts = {label: count for label, count in counts.items() if count}
    if not counts:
        return []
    groups = collections.defaultdict(list)
    for label in sorted(counts):
        groups["".join(label.casefold().split())].append(label)
    # Balance is judged as it will be once each label is written in one way.
    meant = {max(labels, key=counts.get): sum(map(counts.get, labels)) for labels in groups.values()}
    return [
        *_alike(groups.values(), counts, target),
        *_numbers(counts, target),
        *_marks(counts, target),
        *_balance(meant, settings),
    ]


def _alike(groups, counts, target):
    alike = [labels for labels in groups if len(labels) > 1]
    if not alike:
        return []
    shown = "; ".join(" and ".join(f"{label!r} ({counts[label]:,})" for label in labels) for labels in alike[:5])
    message = f"labels that differ in case or white space alone are different classes: {shown}."
    return [Finding("labels_alike", "warning", message, mend=f"Write each {target} in one way.")]


def _numbers(counts, target):
    numbers = sum(bool(NUMBER.fullmatch(label.strip())) for label in counts)
    rows = sum(counts.values())
    if len(counts) > 20 and numbers == len(counts):
        message = f"{target} has {len(counts):,} different values, all of them numbers; each is taken for a class."
    elif len(counts) > max(20, rows / 5):
        message = f"{target} has {len(counts):,} different values in {counted(rows, 'row')}; each is taken for a class."
    else:
        return []
    return [Finding("many_labels", "warning", message, mend=f"Say which column is the {target}: --columns {target}=….")]


def _marks(counts, target):
    marks = sorted(label for label in counts if label.strip() in MARKS - {"none", "None", "."})
    if not marks:
        return []
    rows = sum(counts[label] for label in marks)
    message = f"{counted(rows, 'row')} with {target} {quoted(marks)}: taken for a class, though it may mean unknown."
    return [Finding("label_missing_mark", "warning", message, mend=f"Empty the {target} where it isn't known.")]


def _balance(counts, settings):
    if len(counts) < 2:
        return []
    findings, by_count = [], sorted(counts, key=lambda label: (counts[label], label))
    few = [label for label in by_count if counts[label] < FEW_ROWS]
    if few:
        shown = ", ".join(f"{label[:40]!r} {counts[label]}" for label in few[:5])
        more = f" and {len(few) - 5:,} more" if len(few) > 5 else ""
        message = f"{counted(len(few), 'class', 'classes')} with fewer than {FEW_ROWS} rows: {shown}{more}."
        mend = "Add rows of the smallest classes, or join or leave them out."
        findings.append(Finding("small_classes", "warning", message, mend=mend))
    least, most = by_count[0], by_count[-1]
    ratio = counts[most] / counts[least]
    if ratio >= UNEVEN:
        rows = sum(counts.values())
        message = (
            f"uneven classes: {most[:40]!r} has {percent(counts[most], rows)} of the rows, {least[:40]!r} "
            f"{percent(counts[least], rows)}, {ratio:,.0f} to 1."
        )
        weighed = getattr(settings, "class_weights", "balanced") == "balanced"
        mend = "" if weighed or ratio < VERY_UNEVEN else "Weigh rare classes up: --class-weights balanced."
        findings.append(Finding("uneven_classes", "warning" if mend else "note", message, mend=mend))
    return findings
